//! The language server: the only module that knows LSP; everything else talks in snapshots and changes.
//!
//! Reading order: `front` (how messages come in), `server` and `handlers` (what each does), `state` (what is
//! remembered), `run`, `edit` and `apply` (the life of a job), `proposals` (what waits for the user), then the small reporters. Has no feature of its own.

mod abilities;
mod answers;
mod apply;
mod capabilities;
mod chat;
mod code_actions;
mod commands;
mod conversations;
mod convert;
mod edit;
mod ext;
mod first_start;
mod framing;
mod front;
mod handlers;
mod input;
#[cfg(test)]
mod interleavings;
mod jobs;
mod meant;
mod messages;
mod neutral;
mod new_file;
mod notes;
mod parent;
mod place;
mod present;
mod progress;
mod proposal_actions;
mod proposals;
mod reload;
mod requests;
mod review;
mod rules;
mod run;
mod server;
mod session;
mod settings;
mod state;
mod stream;
mod texts;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tower_lsp::LspService;

pub use settings::{EditorLayer, Loaded, Loader, NotLoaded, OnChange, WatchFiles, WatchGuard};

use framing::Reframed;
use front::FrontDoor;
use input::{End, Unbreakable, UntilEnd};
use server::Server;
use session::Session;
use texts::Texts;

/// How many requests may be open at once. The front door runs them on the runtime, so a slot costs nothing;
/// the number only has to be larger than any sane count.
const OPEN_REQUESTS: usize = 1024;

/// How long running work gets to end itself after `exit`, end of input, or the parent's death.
const GRACE: Duration = Duration::from_secs(1);

/// What a server needs from outside.
pub struct ServeOptions {
    /// Reads the configuration, at start and whenever something changed.
    pub loader: Loader,
    /// Watches the files that were read; `None` to watch nothing.
    pub watch: Option<WatchFiles>,
    /// Time limits.
    pub limits: Limits,
}

/// Time limits of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may take to answer a request of ours that needs no human.
    pub client_answer: Duration,
    /// How often to look whether the editor's process still lives.
    pub parent_check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { client_answer: Duration::from_secs(10), parent_check: Duration::from_secs(3) }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The client asked for `shutdown` first, as the protocol wants it.
    Clean,
    /// The client left, or said `exit`, without `shutdown`; or its process died.
    Abrupt,
}

impl ExitStatus {
    /// The process's exit code, as the protocol wants it.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Abrupt => 1,
        }
    }
}

/// Serves one client until it leaves.
///
/// After this has returned the process should exit by itself: where the input is the standard input, its
/// reader may sit in a blocking read that only the end of the process ends.
pub async fn serve<I, O>(input: I, output: O, options: ServeOptions) -> ExitStatus
where
    I: AsyncRead + Unpin + Send,
    O: AsyncWrite + Unpin + Send,
{
    let end = Arc::new(End::default());
    let greeting = Arc::new(OnceLock::new());
    let limits = options.limits;
    let (service, socket) = LspService::build(|client| Server {
        session: Arc::new(Session::new(client, greeting.clone(), options)),
    })
    .custom_method("window/workDoneProgress/cancel", Server::work_done_progress_cancel)
    .finish();
    let session = service.inner().session.clone();
    let texts = Texts::default();
    let door = FrontDoor::new(service, end.clone(), greeting, texts.clone());
    let input = UntilEnd::new(Reframed::new(input, texts), end.clone());
    let output = Unbreakable::new(output, end.clone());
    let serving =
        tower_lsp::Server::new(input, output, socket).concurrency_level(OPEN_REQUESTS).serve(door);
    tokio::pin!(serving);
    let is_over = tokio::select! {
        () = &mut serving => true,
        () = end.reached() => false,
        () = parent::gone(&session, limits.parent_check) => false,
        () = reload::whenever_asked(session.clone()) => false,
        () = review::publish(session.clone()) => false,
    };
    session.state.cancel_all_jobs();
    if !is_over && tokio::time::timeout(GRACE, serving).await.is_err() {
        tracing::warn!("some work did not end in time");
    }
    if end.was_shut_down() { ExitStatus::Clean } else { ExitStatus::Abrupt }
}
