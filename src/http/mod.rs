//! The HTTP API of `arawn serve`: conversations for programs on this machine.
//!
//! It listens on loopback alone and answers no web page: `guard.rs` stands before every route.

mod error;
mod guard;
mod routes;
mod sessions;
mod stream;
mod token;
mod turn;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use routes::{ROUTES, openapi};
pub use token::Token;

use crate::assistant::Assistant;
use crate::config::Settings;
use crate::router::Choice;
use sessions::Sessions;

/// The port when none is set.
pub const DEFAULT_PORT: u16 = 8080;

/// Turns that run or wait at once; each holds its prompt in memory.
const MAX_TURNS: usize = 256;
/// How long callers are given to read why their answers end when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// The API, ready to serve.
#[derive(Clone, Debug)]
pub struct Server {
    state: Arc<State>,
}

/// What all requests share.
#[derive(Debug)]
struct State {
    assistant: Assistant,
    /// What a request that chooses nothing is asked with.
    choice: Choice,
    token: RwLock<Option<Token>>,
    sessions: Sessions,
    turns: Arc<Semaphore>,
    stop: CancellationToken,
    port: OnceLock<u16>,
}

impl Server {
    /// An API over this assistant. `choice` holds for requests that choose nothing themselves; `token`, if there is
    /// one, must be shown by every caller.
    pub fn new(assistant: Assistant, choice: Choice, token: Option<Token>) -> Self {
        let stop = CancellationToken::new();
        let state = State {
            assistant,
            choice,
            token: RwLock::new(token),
            sessions: Sessions::new(stop.clone()),
            turns: Arc::new(Semaphore::new(MAX_TURNS)),
            stop,
            port: OnceLock::new(),
        };
        Self { state: Arc::new(state) }
    }

    /// Puts other settings and another token in force for requests from now on. Sessions stay.
    pub fn reload(&self, settings: Settings, token: Option<Token>) {
        self.state.assistant.reload(settings);
        *self.state.token.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Serves until `stopped` is ready; then answers under way end with an error that says so.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stopped: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let port = self
            .state
            .port
            .get_or_init(|| listener.local_addr().map_or(DEFAULT_PORT, |address| address.port()));
        tracing::info!("serving on port {port}");
        let listener = listener.tap_io(|stream| {
            // Tokens are small; each is worth its own packet.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("cannot set TCP_NODELAY: {error}");
            }
        });
        let stop = self.state.stop.clone();
        let serving = axum::serve(listener, routes::router(self.state.clone()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let stopping = async {
            stopped.await;
            stop.cancel();
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = serving => served,
            () = stopping => Ok(()),
        }
    }
}

/// Opens the port, on loopback alone; 0 takes any that is free.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}
