//! The command line: one file a subcommand.

mod config;
mod secret;
mod trust;

use std::path::PathBuf;

use crate::model::BackendName;

/// Flags that every command takes, before or after its name.
#[derive(Clone, Debug, Default)]
pub struct Globals {
    /// `--backend`.
    pub backend: Option<BackendName>,
    /// `--model`.
    pub model: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--no-fallback`.
    pub no_fallback: bool,
}
