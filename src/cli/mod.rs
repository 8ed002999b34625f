//! The command line: one file a subcommand.
//!
//! stdout is the result alone; everything else goes to stderr.

mod actions;
mod ask;
mod chat;
mod chat_command;
mod commit;
mod config;
mod doctor;
mod embed;
mod findings;
mod fold;
mod init;
mod line_editor;
mod local;
mod log;
mod lsp;
mod markdown;
mod models;
mod new_file;
mod offers;
mod pull;
mod questions;
mod result;
mod run;
mod screen;
mod secret;
mod selection;
mod serve;
mod setup;
mod terminal;
mod trust;
mod welcome;

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};

use crate::assistant::Assistant;
use crate::config::{self as configuration, Environment, LoadInputs, Loaded};
use crate::model::BackendName;
use crate::report::{Kind, Report};
use crate::router::Choice;
use log::Log;

/// An AI assistant for every editor, over the Language Server Protocol.
#[derive(Debug, Parser)]
#[command(name = "arawn", version, propagate_version = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes, before or after its name.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Globals {
    /// Ask this backend and no other
    #[arg(long, global = true, value_name = "NAME", value_parser = |name: &str| Ok::<_, String>(BackendName::new(name)))]
    pub backend: Option<BackendName>,
    /// Ask this model on the first backend
    #[arg(long, global = true, value_name = "NAME")]
    pub model: Option<String>,
    /// Read this file instead of the user's config files
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ask only the first backend of the chain
    #[arg(long, global = true)]
    pub no_fallback: bool,
    /// Say more on stderr (twice: much more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Globals {
    /// What the flags choose for one job.
    fn choice(&self) -> Choice {
        Choice {
            backend: self.backend.clone(),
            model: self.model.clone(),
            no_fallback: self.no_fallback,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the language server on stdin and stdout
    Lsp(lsp::LspArguments),
    /// Run an action on a file and print the difference
    Run(run::RunArguments),
    /// Ask one question
    Ask(ask::AskArguments),
    /// Hold a conversation in the terminal
    Chat(chat::ChatArguments),
    /// Print a commit message for what is staged
    Commit(commit::CommitArguments),
    /// List what `run` and the editors offer
    Actions(actions::ActionsArguments),
    /// Print vectors of texts, or of the lines of stdin
    Embed(embed::EmbedArguments),
    /// List the models of your backends and what they can do, or fetch one
    Models(models::ModelsArguments),
    /// Bring and manage the local engine: llama.cpp's server
    #[command(subcommand)]
    Local(local::LocalCommand),
    /// Show, check or create the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Keep API keys in the system's keyring
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Let a project's own config choose among your backends, and add rules and actions
    Trust(trust::TrustArguments),
    /// Serve conversations over HTTP on 127.0.0.1
    Serve(serve::ServeArguments),
    /// Check what works, what does not, and what to do
    Doctor(doctor::DoctorArguments),
    /// Print or write what an editor has to be told to start arawn
    Setup(setup::SetupArguments),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Parses the arguments, runs the command, prints its error, and gives the exit code.
pub fn main() -> ExitCode {
    // Alone on a terminal it is a question; in a script it is a mistake, and clap says so.
    let is_alone = std::env::args_os().len() == 1 && io::stdout().is_terminal();
    let arguments = if is_alone { None } else { Some(Arguments::parse()) };
    let environment = Arc::new(Environment::capture());
    let verbose = arguments.as_ref().map_or(0, |arguments| arguments.globals.verbose);
    let log = Log::start(verbose, &environment);
    let done = if let Some(arguments) = arguments {
        dispatch(arguments, environment, log)
    } else {
        let session = Session { globals: Globals::default(), environment, log };
        welcome::run(&session, &mut io::stdout())
    };
    match done {
        Ok(code) => code,
        Err(report) => {
            print_report(&report);
            ExitCode::from(report.kind.exit_code())
        }
    }
}

fn dispatch(
    arguments: Arguments,
    environment: Arc<Environment>,
    log: Log,
) -> Result<ExitCode, Report> {
    let Arguments { globals, command } = arguments;
    let session = Session { globals, environment, log };
    let mut out = io::stdout().lock();
    let done = |()| ExitCode::SUCCESS;
    let Session { globals, environment, .. } = &session;
    match command {
        Command::Lsp(_) => {
            drop(out);
            lsp::run(&session)
        }
        Command::Run(arguments) => {
            drop(out);
            run::run(&arguments, &session)
        }
        Command::Commit(arguments) => {
            drop(out);
            commit::run(&arguments, &session)
        }
        Command::Ask(arguments) => {
            drop(out);
            ask::run(&arguments, &session)
        }
        Command::Chat(arguments) => {
            drop(out);
            chat::run(&arguments, &session)
        }
        Command::Embed(arguments) => {
            drop(out);
            embed::run(&arguments, &session)
        }
        Command::Models(arguments) => models::run(&arguments, &session, &mut out),
        Command::Local(command) => {
            drop(out);
            local::run(&command, &session, &mut io::stdout())
        }
        Command::Serve(arguments) => {
            drop(out);
            serve::run(&arguments, session)
        }
        Command::Actions(arguments) => actions::run(&arguments, &session, &mut out).map(done),
        Command::Doctor(arguments) => doctor::run(&arguments, &session, &mut out),
        Command::Setup(arguments) => setup::run(&arguments, &session, &mut out),
        Command::Config(config::ConfigCommand::Init(arguments)) => {
            init::run(&arguments, &session, &mut out)
        }
        Command::Config(command) => {
            config::run(&command, globals, environment.clone(), &mut out).map(done)
        }
        Command::Secret(command) => {
            secret::run(&command, globals, environment.clone(), &mut out).map(done)
        }
        Command::Trust(arguments) => trust::run(&arguments, environment, &mut out).map(done),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "arawn", &mut out);
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            let page = clap_mangen::Man::new(Arguments::command());
            page.render(&mut out).map(done).map_err(|error| output_failed(&error))
        }
    }
}

/// What every command starts from.
#[derive(Debug)]
struct Session {
    globals: Globals,
    environment: Arc<Environment>,
    log: Log,
}

impl Session {
    /// Reads the configuration for work in `workspace`; warnings go to stderr.
    fn load(&self, workspace: Vec<PathBuf>) -> Result<Loaded, Report> {
        let loaded = self.load_quietly(workspace)?;
        for warning in &loaded.warnings {
            note(&format!("warning: {warning}"));
        }
        Ok(loaded)
    }

    /// The same without a word about warnings.
    fn load_quietly(&self, workspace: Vec<PathBuf>) -> Result<Loaded, Report> {
        let loaded = configuration::load(&self.inputs(workspace))?;
        self.log.follow(&loaded.settings);
        Ok(loaded)
    }

    /// What the configuration is loaded from.
    fn inputs(&self, workspace: Vec<PathBuf>) -> LoadInputs {
        // `--backend` and `--model` choose for one job (see `Globals::choice`); they are no layer here.
        LoadInputs {
            environment: self.environment.clone(),
            explicit_file: self.globals.config.clone(),
            workspace,
            ..LoadInputs::default()
        }
    }

    /// An assistant for work in the folder that `path` lies in, or in the current one.
    fn assistant(&self, workspace: Vec<PathBuf>) -> Result<Assistant, Report> {
        let loaded = self.load(workspace)?;
        Ok(Assistant::new(loaded.settings))
    }
}

/// Says it when a project has rules that are not used.
fn tell_of_rules(assistant: &Assistant, file: Option<&Path>, workspace: &[PathBuf]) {
    if let Some(unused) = assistant.rules(file, workspace).unused {
        note(&unused.to_string());
    }
}

/// The workspace of a command that was started in the current folder.
fn workspace_here(environment: &Environment) -> Vec<PathBuf> {
    vec![configuration::workspace_root(&environment.working_folder, environment)]
}

/// Runs asynchronous work; Ctrl-C drops it (which closes its sockets) and gives exit code 130.
fn block_on<T>(work: impl Future<Output = Result<T, Report>>) -> Result<Interruptible<T>, Report> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        tokio::select! {
            // In this order: the signal is caught from before the first byte is sent.
            biased;
            _ = tokio::signal::ctrl_c() => Ok(Interruptible::Interrupted),
            result = work => result.map(Interruptible::Finished),
        }
    });
    runtime.shutdown_background();
    result
}

/// Two threads: the work is waiting, not computing.
fn runtime() -> Result<tokio::runtime::Runtime, Report> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(
        |error| Report::new(Kind::Work, "cannot start the runtime").because(error.to_string()),
    )
}

/// The end of work that Ctrl-C can stop.
#[derive(Debug)]
enum Interruptible<T> {
    Finished(T),
    Interrupted,
}

fn print_report(report: &Report) {
    for line in report.lines() {
        note(&line);
    }
}

/// Writes a line to stderr, made harmless for terminals.
fn note(line: &str) {
    let line = terminal::harmless(line);
    let _ = writeln!(io::stderr(), "{}", fold::text(&line, fold::width(&io::stderr())));
}

fn output_failed(error: &io::Error) -> Report {
    Report::new(Kind::Work, "cannot write the result").because(error.to_string())
}
