//! The local engine: llama.cpp's own server, found or installed, started when a job needs it, shared by all
//! windows of a user, and ended when nobody uses it.
//!
//! Nothing of it runs inside this process: a supervisor (this program, started once more) holds the lock,
//! owns the engine and ends it. Knows no front and sends no prompt: that is the backends' work.

mod channel;
mod client;
mod folder;
mod gguf;
mod launch;
mod log;
mod probe;
mod process;
mod protocol;
pub mod setup;
mod status;
mod supervise;
mod tether;

use std::path::PathBuf;

pub(crate) use client::Engines;
pub use client::{start, stop};
pub use launch::Launch;
pub(crate) use launch::Purpose;
pub use status::{ModelFound, Problem, Running, Status, models, status};
pub use supervise::supervise;
pub use tether::tether;

/// Why the engine takes no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// There is no engine or no model.
    #[error("the local engine is not set up")]
    NotSetUp,
    /// No model of that name was set up.
    #[error("model \"{model}\" is not set up for the local engine")]
    UnknownModel {
        /// What was asked for.
        model: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The model's file cannot be used.
    #[error("the model file {} cannot be used: {reason}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The engine did not start.
    #[error("the local engine did not start: {reason}")]
    Failed {
        /// Why, in its own words where it said any.
        reason: String,
    },
    /// It takes too long.
    #[error("the local engine was not ready within {seconds} s")]
    Slow {
        /// How long it was waited for.
        seconds: u64,
    },
}

impl EngineError {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::NotSetUp => "run `arawn local setup`".to_owned(),
            Self::UnknownModel { known, .. } if known.is_empty() => {
                "run `arawn local setup`".to_owned()
            }
            Self::UnknownModel { known, .. } => format!(
                "there is {}; `arawn local setup --model` brings another",
                known.join(", ")
            ),
            Self::BadModel { .. } => {
                "choose another with `arawn local setup --model`".to_owned()
            }
            Self::Failed { reason } if is_about_projector(reason) => PROJECTOR_HINT.to_owned(),
            Self::Failed { reason } if reason.contains("corrupted") => {
                "the model's file was cut short or damaged: bring it here again".to_owned()
            }
            Self::Failed { .. } => {
                "`arawn local status` tells where its log is; a smaller model or `local.context` needs less memory"
                    .to_owned()
            }
            Self::Slow { .. } => {
                "raise `first_byte_timeout` in `[backends.local]`, or choose a smaller model".to_owned()
            }
        }
    }
}

/// The next step where it does.
const PROJECTOR_HINT: &str = "the projector beside the model (a file with `mmproj` in its name) is damaged, or of another model: \
     put the right one there, or none";

/// Whether the engine complains about the projector that lets a model see images.
fn is_about_projector(reason: &str) -> bool {
    ["mmproj", "multimodal"].iter().any(|word| reason.contains(word))
        || reason.split(|c: char| !c.is_alphanumeric()).any(|word| word == "clip")
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
