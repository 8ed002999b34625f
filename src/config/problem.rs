//! What can be wrong with a configuration: errors that stop, warnings that do not.

use std::fmt;
use std::path::PathBuf;

use super::tree::{Origin, printable};

/// Why there are no settings. `Display` names file, line and column and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file that was asked for by name is not there.
    #[error("configuration file \"{}\" does not exist", printable(path))]
    Missing {
        /// The file.
        path: PathBuf,
        /// What named it: `--config` or `ARAWN_CONFIG`.
        named_by: &'static str,
    },
    /// A file is there, but cannot be read.
    #[error("cannot read configuration file \"{}\": {reason}", printable(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file is not TOML.
    #[error("{}:{line}:{column}: {message}", printable(path))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What was found and what was expected; quotes no value of the file.
        message: String,
    },
    /// A chain begins with a backend that does not exist.
    #[error("{origin}: `{key}` names unknown backend \"{name}\"")]
    UnknownBackend {
        /// Where it is written.
        origin: String,
        /// The key.
        key: String,
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Every backend of a chain is misconfigured.
    #[error("`{key}`: no backend of the chain can be used: {reason}")]
    NoUsableBackend {
        /// The chain.
        key: String,
        /// What is wrong with its first backend.
        reason: String,
    },
    /// There is no folder to keep state in.
    #[error("there is no home folder: HOME is not set")]
    NoHome,
    /// A value has a form that the checks let pass and the program does not understand.
    #[error("the configuration cannot be read: {reason}")]
    Unexpected {
        /// What the decoder says.
        reason: String,
    },
}

impl ConfigError {
    /// The next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { named_by, .. } => {
                Some(format!("correct {named_by}, or run `arawn config init` to write a file"))
            }
            Self::UnknownBackend { name, known, .. } => {
                let list = known.join(", ");
                Some(match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"? Known backends: {list}"),
                    None => format!("known backends: {list}"),
                })
            }
            Self::NoUsableBackend { .. } => {
                Some("see all problems with `arawn config check`".to_owned())
            }
            Self::NoHome => Some("set HOME, or XDG_STATE_HOME and XDG_CONFIG_HOME".to_owned()),
            Self::Unreadable { .. } | Self::Syntax { .. } | Self::Unexpected { .. } => None,
        }
    }
}

/// Something in the configuration that is ignored or unwise. `Display` is one line that names the place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Warning {
    /// Where: file and line, variable, flag.
    pub origin: String,
    /// The key, dotted.
    pub key: String,
    /// What about it.
    pub message: String,
}

impl Warning {
    pub(super) fn new(origin: &Origin, path: &[String], message: impl Into<String>) -> Self {
        Self { origin: origin.to_string(), key: dotted(path), message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` {}", self.origin, self.key, self.message)
    }
}

/// A key as it would be written in TOML.
pub(crate) fn dotted<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(|part| bare_or_quoted(part.as_ref())).collect::<Vec<_>>().join(".")
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { format!("{key:?}") }
}

/// The candidate most like `name`, if one is like it at all.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (name.chars().count().max(candidate.len()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
