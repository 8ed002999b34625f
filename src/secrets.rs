//! API keys: where they come from, and a type that never prints them.

use std::path::PathBuf;

use secrecy::SecretString;

/// Where a key comes from, as written in the configuration.
#[derive(Clone, Debug)]
pub enum KeyReference {
    /// `$env:VAR`.
    Env(String),
    /// `$keyring:NAME`: service `arawn`, user NAME.
    Keyring(String),
    /// `$file:PATH`, `~` expanded.
    File(PathBuf),
    /// The key itself.
    Literal(SecretString),
}

/// Why a key could not be had. Texts are those users read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set or empty.
    #[error("Environment variable \"{0}\" not set")]
    EnvNotSet(String),
    /// The keyring has no such entry.
    #[error("Secret \"{0}\" not found in keyring")]
    NotInKeyring(String),
    /// There is no keyring, or it is locked and nobody can be asked.
    #[error("Keyring backend not available")]
    KeyringUnavailable {
        /// The entry that was looked for.
        name: String,
        /// The keyring's words.
        detail: String,
    },
    /// Two entries match.
    #[error("Secret \"{0}\" is in the keyring more than once")]
    Ambiguous(String),
    /// The file could not be read.
    #[error("Cannot read secret file: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The secret holds characters that cannot go into a header.
    #[error("the secret from {source_text} holds control characters")]
    NotAHeaderValue {
        /// The reference as written.
        source_text: String,
    },
}

impl KeyReference {
    /// Fetches the key. Blocks (keyring, file): call it off the runtime's threads.
    pub fn resolve(&self) -> Result<SecretString, SecretError> {
        todo!()
    }
}
