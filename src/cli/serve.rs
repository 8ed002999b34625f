//! `arawn serve`: the HTTP API on 127.0.0.1.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use super::{Session, note, output_failed, workspace_here};
use crate::assistant::Assistant;
use crate::config::{self as configuration, Settings};
use crate::http::{self, Server, Token};
use crate::report::{Kind, Report};

#[derive(Debug, clap::Args)]
pub(super) struct ServeArguments {
    /// The port; 0 takes any that is free [default: `[server] port` of the config, else 8080]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

pub(super) fn run(arguments: &ServeArguments, session: Session) -> Result<ExitCode, Report> {
    let loaded = session.load(workspace_here(&session.environment))?;
    let token = token_of(&loaded.settings)?;
    let port = arguments.port.or(loaded.settings.server.port).unwrap_or(http::DEFAULT_PORT);
    let runtime = super::runtime()?;
    let choice = session.globals.choice();
    let server = Server::new(Assistant::new(loaded.settings), choice, token);
    let reloaded = server.clone();
    // Kept until the end: dropping it ends the watch.
    let watcher = configuration::watch(&loaded.files, move || reload(&reloaded, &session));
    if let Err(error) = &watcher {
        tracing::warn!("the configuration is not watched: {error}");
    }
    let code = runtime.block_on(serve(&server, port));
    runtime.shutdown_background();
    code
}

async fn serve(server: &Server, port: u16) -> Result<ExitCode, Report> {
    let listener = http::listen(port).await.map_err(|error| cannot_listen(port, &error))?;
    let port = listener.local_addr().map_or(port, |address| address.port());
    // Before the line that scripts wait for: whoever stops us after it finds us ready.
    let stop = Stop::listen()?;
    writeln!(io::stdout(), "listening on http://127.0.0.1:{port}")
        .map_err(|error| output_failed(&error))?;
    let code = Arc::new(std::sync::atomic::AtomicU8::new(0));
    let told = code.clone();
    let stopped = async move {
        told.store(stop.requested().await, std::sync::atomic::Ordering::Relaxed);
    };
    server
        .serve(listener, stopped)
        .await
        .map_err(|error| Report::new(Kind::Work, "the server failed").because(error.to_string()))?;
    Ok(ExitCode::from(code.load(std::sync::atomic::Ordering::Relaxed)))
}

fn cannot_listen(port: u16, error: &io::Error) -> Report {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has this port; choose another with `--port`, 0 for any"
        }
        _ => "choose another port with `--port`",
    };
    Report::new(Kind::Work, format!("cannot listen on 127.0.0.1:{port}"))
        .because(error.to_string())
        .with_hint(hint)
}

/// The token that callers must show. One that is written down and cannot be had is an error, never no token.
fn token_of(settings: &Settings) -> Result<Option<Token>, Report> {
    let reference = settings.server.token.as_ref().map_err(|reason| {
        Report::new(Kind::Config, format!("`server.token` {reason}"))
            .with_hint("mend or remove `token` in `[server]` of your config (`arawn config path`)")
    })?;
    let Some(reference) = reference else { return Ok(None) };
    let token = reference.resolve(&settings.environment)?;
    Ok(Some(Token::new(&token)))
}

/// Reads the configuration again; a broken one leaves the last good one in force.
fn reload(server: &Server, session: &Session) {
    let reread = session.load(workspace_here(&session.environment)).and_then(|loaded| {
        let token = token_of(&loaded.settings)?;
        Ok((loaded.settings, token))
    });
    match reread {
        Ok((settings, token)) => server.reload(settings, token),
        Err(report) => {
            note("the configuration changed and cannot be used; what was in force stays");
            super::print_report(&report);
        }
    }
}

/// The signals that end the server.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    fn listen() -> Result<Self, Report> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: io::Error| {
            Report::new(Kind::Work, "cannot listen for signals").because(error.to_string())
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "other systems can fail here")]
    fn listen() -> Result<Self, Report> {
        Ok(Self {})
    }

    /// The exit code: 130 after Ctrl-C, 0 where a supervisor ended the server as it should.
    #[cfg(unix)]
    async fn requested(mut self) -> u8 {
        tokio::select! {
            _ = self.terminate.recv() => 0,
            _ = self.interrupt.recv() => 130,
        }
    }

    #[cfg(not(unix))]
    async fn requested(self) -> u8 {
        let _ = tokio::signal::ctrl_c().await;
        130
    }
}
