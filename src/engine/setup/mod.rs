//! Brings an engine and a model: says first what that takes, then does it, and leaves nothing half done.

mod program;
mod python;
mod steps;
mod wish;

use std::io;
use std::path::{Path, PathBuf};

use super::{PROJECTOR_HINT, is_about_projector};

pub use steps::{Plan, Step, carry_out, plan, remove};
pub use wish::{CODERS, Wish};

/// What there is to watch.
#[derive(Clone, Debug)]
pub enum SetupProgress {
    /// A step begins.
    Step(String),
    /// It is so far.
    Bytes {
        /// Bytes that are there.
        done: u64,
        /// Bytes that there will be, roughly; 0 where nobody knows.
        total: u64,
    },
}

/// Who watches.
type Watch<'a> = dyn FnMut(SetupProgress) + Send + 'a;

/// Why nothing was set up. Each is one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There is no Python.
    #[error("no Python was found on PATH, and the engine comes as a Python package")]
    NoPython,
    /// It is too old.
    #[error("the Python on PATH is older than 3.10, and the engine needs a newer one")]
    OldPython,
    /// It has no pip.
    #[error("the Python on PATH has no pip, and the engine comes as a Python package")]
    NoPip,
    /// There is no package for this machine.
    #[error("the index has no {what} for this machine")]
    NotOffered {
        /// The package.
        what: String,
    },
    /// The index could not be reached, or the connection broke.
    #[error("the download of {what} broke off: {reason}")]
    Interrupted {
        /// The package.
        what: String,
        /// Why.
        reason: String,
    },
    /// What came is not what was expected.
    #[error(
        "what came as {what} has another hash than the one this program knows, because it was cut short or is another file, and was thrown away"
    )]
    WrongHash {
        /// The package.
        what: String,
    },
    /// There is no room.
    #[error("there is no room left on the disk of {}", folder.display())]
    DiskFull {
        /// Where.
        folder: PathBuf,
    },
    /// There is not enough room to begin.
    #[error("{} MB are needed in {}, and {} MB are free", mega(*needed), folder.display(), mega(*free))]
    TooLittleRoom {
        /// Where.
        folder: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {reason}", path.display())]
    CannotWrite {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The model that was asked for is not there.
    #[error("{what}")]
    NoSuchModel {
        /// The sentence.
        what: String,
    },
    /// Another setup runs.
    #[error("another `arawn local setup` runs at this moment")]
    Busy,
    /// There is no home to put anything into.
    #[error("there is no home folder to keep the engine in")]
    NoHome,
    /// All is there, but it does not run.
    #[error("{reason}")]
    DoesNotRun {
        /// The sentence of the engine.
        reason: String,
    },
    /// The engine that was set up before does not start any more.
    #[error("the engine that was set up before cannot be started any more: {reason}")]
    NotWhole {
        /// Its last words.
        reason: String,
    },
    /// Anything else.
    #[error("the download failed: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
}

fn mega(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

impl SetupError {
    /// The next step.
    pub fn hint(&self) -> Option<String> {
        let llama = "or install llama.cpp so that `llama-server` is on PATH";
        Some(match self {
            Self::NoPython => format!("install python3 and python3-pip, {llama}"),
            Self::OldPython => format!("install Python 3.10 or newer, {llama}"),
            Self::NoPip => format!("install python3-pip, {llama}"),
            Self::NotOffered { .. } => format!(
                "look at `python3 -m pip config list` if you use a mirror, {llama}"
            ),
            Self::Interrupted { .. } => "run the same command again".to_owned(),
            Self::WrongHash { .. } => {
                "run the same command again; if that does not help, do not use that mirror (PIP_INDEX_URL names another)".to_owned()
            }
            Self::DiskFull { .. } | Self::TooLittleRoom { .. } => {
                "free some, or set XDG_DATA_HOME to a folder on another disk".to_owned()
            }
            Self::NoSuchModel { .. } => {
                "`arawn local models` lists what is here, and `arawn local setup --help` what can be had"
                    .to_owned()
            }
            Self::DoesNotRun { reason } if is_about_projector(reason) => PROJECTOR_HINT.to_owned(),
            Self::DoesNotRun { .. } => {
                "`arawn local status` tells where its log is; `local.engine` in your config names another engine"
                    .to_owned()
            }
            Self::NotWhole { .. } => "run the same command again; it brings the engine anew".to_owned(),
            Self::CannotWrite { .. } | Self::Busy | Self::NoHome | Self::Failed { .. } => return None,
        })
    }

    fn of_io(error: &io::Error, path: &Path) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { folder: path.to_owned() }
            }
            _ => Self::CannotWrite { path: path.to_owned(), reason: error.to_string() },
        }
    }
}
