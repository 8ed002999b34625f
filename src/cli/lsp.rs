//! `arawn lsp`: the language server on stdin and stdout.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::Session;
use crate::config::{self as configuration, LoadInputs};
use crate::lsp::{self, EditorLayer, Limits, Loaded, NotLoaded, ServeOptions, WatchGuard};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(super) struct LspArguments {
    /// Accepted for editors that pass it; stdio is the only transport
    #[arg(long)]
    stdio: bool,
}

pub(super) fn run(session: &Session) -> Result<ExitCode, Report> {
    let runtime = super::runtime()?;
    let options = ServeOptions {
        loader: loader(session),
        watch: Some(Arc::new(watch_files)),
        limits: Limits::default(),
    };
    let status = runtime.block_on(lsp::serve(tokio::io::stdin(), tokio::io::stdout(), options));
    // The reader of stdin may sit in a read that nothing ends; it must not hold the process.
    runtime.shutdown_background();
    Ok(ExitCode::from(status.code()))
}

/// Reads the configuration anew with what the editor adds to it.
fn loader(session: &Session) -> lsp::Loader {
    let (globals, environment, log) =
        (session.globals.clone(), session.environment.clone(), session.log.clone());
    Arc::new(move |layer: &EditorLayer| {
        let inputs = LoadInputs {
            environment: environment.clone(),
            explicit_file: globals.config.clone(),
            workspace: layer.workspace.clone(),
            editor: layer.options.clone(),
            backend: globals.backend.as_ref().map(ToString::to_string),
            model: globals.model.clone(),
        };
        match configuration::load(&inputs) {
            Ok(loaded) => {
                log.follow(&loaded.settings);
                Ok(Loaded {
                    warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
                    settings: loaded.settings,
                    files: loaded.files,
                })
            }
            Err(error) => Err(Box::new(NotLoaded {
                report: Report::from(error),
                files: configuration::candidate_files(&inputs),
            })),
        }
    })
}

fn watch_files(files: &[PathBuf], on_change: lsp::OnChange) -> Option<WatchGuard> {
    match configuration::watch(files, on_change) {
        Ok(watcher) => Some(Box::new(watcher)),
        Err(error) => {
            tracing::warn!("the configuration is not watched: {error}");
            None
        }
    }
}
