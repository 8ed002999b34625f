//! How the server gets its configuration: by functions from outside, so that it reads no file itself.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::config::Settings;
use crate::report::Report;

/// What the editor contributes to the configuration. It may come from a cloned repository, so the loader
/// treats it as such.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EditorLayer {
    /// Roots of the workspace.
    pub workspace: Vec<PathBuf>,
    /// `initializationOptions`, replaced by the answer to `workspace/configuration` where the client has it.
    pub options: Option<Value>,
}

/// A configuration that could be read.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What the user should know: one sentence each, shown once.
    pub warnings: Vec<String>,
    /// The files it was read from, and those that would count if they existed.
    pub files: Vec<PathBuf>,
}

/// A configuration that could not be read.
#[derive(Debug)]
pub struct NotLoaded {
    /// Why.
    pub report: Report,
    /// The files to watch for the mending.
    pub files: Vec<PathBuf>,
}

/// Reads the configuration with the editor's layer in it. May block.
pub type Loader = Arc<dyn Fn(&EditorLayer) -> Result<Loaded, Box<NotLoaded>> + Send + Sync>;

/// Called when a watched file changed.
pub type OnChange = Box<dyn Fn() + Send + Sync>;

/// Keeps a watch alive; dropping it ends the watch.
pub type WatchGuard = Box<dyn Any + Send + Sync>;

/// Watches files; `None` where that is not possible.
pub type WatchFiles = Arc<dyn Fn(&[PathBuf], OnChange) -> Option<WatchGuard> + Send + Sync>;
