//! How an engine is started: its arguments, and the folder that belongs to it.

use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::EngineError;
use super::channel::Kind;
use super::folder::Folder;
use super::gguf::{self, Head};
use crate::config::LocalSettings;
use crate::config::local::{EngineSource, LocalModel};

/// Largest context that is taken without being asked for: memory grows with it.
const USUAL_CONTEXT: u32 = 8192;
/// Context of a model that does not tell what it was trained for.
const UNTOLD_CONTEXT: u32 = 4096;
/// The first build of llama.cpp that listens on Unix sockets, with some distance.
const SOCKET_BUILD: u32 = 5000;

/// What an engine is for: the same process does not do both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Text.
    Text,
    /// Vectors.
    Vectors,
}

/// What is known of a model before its engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreknown {
    /// Tokens that a request and its answer may have.
    pub(super) window: u32,
    /// Whether it can fill in the middle.
    pub(super) fills_in: bool,
}

/// All that a supervisor needs to know; it comes to it over its standard input.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Launch {
    /// The folder of the engine.
    pub(super) folder: PathBuf,
    /// The name of the model.
    pub(super) model: String,
    /// The engine's program and its arguments, without the address.
    pub(super) command: Vec<String>,
    /// Whether the engine may listen on a socket.
    pub(super) may_use_socket: bool,
    /// Without a request for so long it ends.
    pub(super) idle: Duration,
    /// So long it outlives its last client.
    pub(super) linger: Duration,
    /// This program, which ties the engine to the supervisor's life.
    pub(super) program: PathBuf,
}

impl Launch {
    /// How a model is started.
    pub(super) fn of(
        local: &LocalSettings,
        model: &LocalModel,
        purpose: Purpose,
    ) -> Result<(Self, Foreknown), EngineError> {
        let engine = local.engine.as_ref().ok_or(EngineError::NotSetUp)?;
        let program = local.environment.program.clone().ok_or(EngineError::NotSetUp)?;
        let head = gguf::read(&model.path).map_err(|error| EngineError::BadModel {
            path: model.path.clone(),
            reason: error.to_string(),
        })?;
        let window = window(local, &head);
        let mut command = engine.command.clone();
        command.extend(arguments(local, model, &head, purpose, window));
        let build = engine.version.as_deref().and_then(build_number);
        let launch = Self {
            folder: local.state_folder.join(key(model, purpose)),
            model: model.name.clone(),
            command,
            may_use_socket: build.is_none_or(|build| build >= SOCKET_BUILD),
            idle: local.idle,
            linger: local.linger,
            program,
        };
        Ok((launch, Foreknown { window, fills_in: head.fills_in }))
    }

    /// The folder of the engine.
    pub(super) fn folder(&self) -> Folder {
        Folder::new(self.folder.clone())
    }

    /// Where the engine may listen.
    pub(super) fn kind_of_address(&self) -> Kind {
        if self.may_use_socket { Kind::SocketIfPossible } else { Kind::Port }
    }

    /// Tells two ways to start the same model apart.
    pub(super) fn fingerprint(&self) -> String {
        hash(&self.command.join("\0"))
    }
}

/// The window of a model: what the user says, else what it was trained for, within limits.
pub(super) fn window(local: &LocalSettings, head: &Head) -> u32 {
    let trained = head.context_length.filter(|&length| length > 0).unwrap_or(UNTOLD_CONTEXT);
    local.context.unwrap_or_else(|| trained.min(USUAL_CONTEXT))
}

/// The name of the engine's folder: one a model and purpose.
fn key(model: &LocalModel, purpose: Purpose) -> String {
    let purpose = match purpose {
        Purpose::Text => "text",
        Purpose::Vectors => "vectors",
    };
    let path = model.path.canonicalize().unwrap_or_else(|_| model.path.clone());
    hash(&format!("{purpose}\0{}", path.display()))
}

fn hash(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    super::hex(&hash[..6])
}

fn arguments(
    local: &LocalSettings,
    model: &LocalModel,
    head: &Head,
    purpose: Purpose,
    window: u32,
) -> Vec<String> {
    let parallel = local.parallel.max(1);
    let mut arguments: Vec<String> = vec!["-m".into(), model.path.display().to_string()];
    let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    add("--alias", model.name.clone());
    // The engine shares its context out among the requests it works on at once.
    add("-c", window.saturating_mul(parallel).to_string());
    add("-np", parallel.to_string());
    let threads = local.threads.map(|threads| threads as usize).or_else(|| usual_threads(local));
    if let Some(threads) = threads {
        add("-t", threads.to_string());
    }
    if let Some(layers) = local.gpu_layers {
        add("-ngl", layers.to_string());
    }
    match purpose {
        Purpose::Text => {
            if let Some(projector) = &model.projector {
                add("--mmproj", projector.display().to_string());
            }
            arguments.push("--jinja".into());
        }
        Purpose::Vectors => {
            // A text must fit one batch, or the engine refuses it.
            add("-b", window.to_string());
            add("-ub", window.to_string());
            if !head.has_pooling {
                add("--pooling", "mean".into());
            }
            arguments.push("--embeddings".into());
        }
    }
    arguments.extend(local.args.iter().cloned());
    arguments
}

/// Threads of the engine that setup brought, which would take all there are; others know better themselves.
///
/// Its threads wait for each other after every layer: where one of them has to share its core with an editor
/// or a compiler, all of them stand still. On two cores under load one thread was ten times faster than two.
fn usual_threads(local: &LocalSettings) -> Option<usize> {
    let is_own = local.engine.as_ref().is_some_and(|engine| engine.source == EngineSource::Setup);
    let n_cores = std::thread::available_parallelism().ok()?.get();
    // Above four, half of them are usually the second halves of cores.
    let threads = if n_cores > 4 { n_cores / 2 } else { n_cores - 1 };
    is_own.then(|| threads.clamp(1, 16))
}

/// The build number in what an engine tells of its version: `b5330`, `version: 5330 (...)`.
fn build_number(version: &str) -> Option<u32> {
    let word = version.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let numbers = word.filter_map(|word| word.trim_start_matches('b').parse().ok());
    numbers.into_iter().find(|&number: &u32| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_numbers_are_read_in_either_form() {
        assert_eq!(build_number("version: 5330 (abc1234)"), Some(5330));
        assert_eq!(build_number("b11549"), Some(11549));
        assert_eq!(build_number("0.1.0-dev"), None);
    }

    #[test]
    fn a_large_model_is_not_given_all_the_memory_it_could_use() {
        let head = Head { context_length: Some(131_072), ..Head::default() };
        let local = LocalSettings::default();
        assert_eq!(window(&local, &head), 8192);
        assert_eq!(window(&LocalSettings { context: Some(32_768), ..local }, &head), 32_768);
    }
}
