//! `arawn local`: the local engine, llama.cpp's server, brought and managed.

mod remove;
mod setup;
mod status;

use std::io::{Read as _, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::{Interruptible, Session, block_on, note, output_failed, terminal, workspace_here};
use crate::config::Settings;
use crate::engine::{self, EngineError, Launch};
use crate::report::{Kind, Report};

/// What to do with the local engine.
#[derive(Debug, Subcommand)]
pub(super) enum LocalCommand {
    /// Bring an engine and a model, and try them
    Setup(setup::SetupArguments),
    /// Tell what is set up and what runs
    Status(status::StatusArguments),
    /// Start the engine now; it stays until it was idle for long
    Start {
        /// The model; left out, the one that is used unless another is named
        model: Option<String>,
    },
    /// End the engines that run
    Stop,
    /// List the models that are set up, and those that Ollama has pulled
    Models(status::ModelsArguments),
    /// Remove a model, or the engine with all models that setup brought
    Remove(remove::RemoveArguments),
    /// Watch over an engine; arawn starts this by itself
    #[command(hide = true)]
    Supervise,
    /// Become an engine that ends with its supervisor; arawn starts this by itself
    #[command(hide = true)]
    Tether {
        /// The supervisor's process
        parent: u32,
        /// The engine's program and arguments
        #[arg(last = true)]
        command: Vec<String>,
    },
}

pub(super) fn run(
    command: &LocalCommand,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    match command {
        LocalCommand::Setup(arguments) => setup::run(arguments, session, out),
        LocalCommand::Status(arguments) => status::run(arguments, session, out),
        LocalCommand::Models(arguments) => status::run_models(arguments, session, out),
        LocalCommand::Remove(arguments) => remove::run(arguments, session, out),
        LocalCommand::Start { model } => start(model.as_deref(), session, out),
        LocalCommand::Stop => stop(session, out),
        LocalCommand::Supervise => supervise(),
        LocalCommand::Tether { parent, command } => {
            let Err(error) = engine::tether(*parent, command);
            let program = command.first().map_or("the engine", String::as_str);
            Err(Report::new(Kind::Work, format!("cannot start {program}: {error}")))
        }
    }
}

/// The settings, without a word about warnings: those are not what is asked here.
fn settings(session: &Session) -> Result<Settings, Report> {
    Ok(session.load_quietly(workspace_here(&session.environment))?.settings)
}

fn start(model: Option<&str>, session: &Session, out: &mut dyn Write) -> Result<ExitCode, Report> {
    let local = settings(session)?.local;
    let first = local.models.first().map(|model| model.name.clone());
    let not_set_up = || Report::from(&EngineError::NotSetUp);
    let model = model.map(str::to_owned).or(first).ok_or_else(not_set_up)?;
    let mut life = terminal::SignOfLife::new();
    let started = block_on(async {
        let started = engine::start(&local, &model);
        tokio::pin!(started);
        let mut beat = tokio::time::interval(std::time::Duration::from_millis(120));
        loop {
            tokio::select! {
                ended = &mut started => break ended.map_err(|error| Report::from(&error)),
                _ = beat.tick() => life.beat(&format!("starting the engine with {model}")),
            }
        }
    });
    life.clear();
    match started? {
        Interruptible::Interrupted => Ok(ExitCode::from(130)),
        Interruptible::Finished(pid) => {
            writeln!(out, "the engine runs with {model} (process {pid})")
                .map_err(|error| output_failed(&error))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn stop(session: &Session, out: &mut dyn Write) -> Result<ExitCode, Report> {
    let local = settings(session)?.local;
    let stopped = block_on(async { Ok(engine::stop(&local).await) })?;
    let Interruptible::Finished(stopped) = stopped else { return Ok(ExitCode::from(130)) };
    let line = match stopped.as_slice() {
        [] => "no engine was running".to_owned(),
        models => format!("ended the engine with {}", models.join(", ")),
    };
    writeln!(out, "{line}").map_err(|error| output_failed(&error))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs with standard input as its order, apart from the terminal that its first client was started in.
fn supervise() -> Result<ExitCode, Report> {
    let failed =
        |error: String| Report::new(Kind::Work, "the engine's supervisor failed").because(error);
    // Fails only for the leader of a group, which is apart already.
    #[cfg(unix)]
    let _ = rustix::process::setsid();
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    let launch: Launch = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    // One thread, which lives as long as the process: the engine is tied to the thread that starts it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let ended = runtime.block_on(engine::supervise(launch));
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS).map_err(|error| failed(error.to_string()))
}

/// Asks yes or no on the terminal; no where there is none.
fn agrees(question: &str) -> bool {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let _ = write!(std::io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Prints lines on stderr.
fn tell(lines: &[String]) {
    for line in lines {
        note(line);
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// The engine's settings are wrapped where they are shared.
type Local = Arc<crate::config::LocalSettings>;
