//! API keys: where they come from, and a type that never prints them.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::Environment;

/// The service under which keys lie in the keyring.
const SERVICE: &str = "arawn";

/// Largest secret file that is read; no key is near it.
const MAX_SECRET_BYTES: u64 = 64 << 10;

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
    #[error("the secret from {source_text} holds characters that cannot be part of a key")]
    NotAHeaderValue {
        /// The reference as written.
        source_text: String,
    },
}

impl SecretError {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::EnvNotSet(name) => format!("set it, for example with `export {name}=...`"),
            Self::NotInKeyring(name) => format!("Run 'arawn secret set {name}' to store it"),
            Self::KeyringUnavailable { .. } => {
                "unlock the keyring, or use `$env:VARIABLE` or `$file:PATH` in place of `$keyring:`"
                    .to_owned()
            }
            Self::Ambiguous(name) => {
                format!(
                    "delete the entries of service arawn and user {name}, then run 'arawn secret set {name}'"
                )
            }
            Self::File { path, .. } => {
                format!("check that \"{}\" exists and is yours", path.display())
            }
            Self::NotAHeaderValue { .. } => {
                "store the key again, without line breaks and invisible characters".to_owned()
            }
        }
    }

    /// What the system says, where it says more than the message.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::KeyringUnavailable { detail, .. } => Some(detail),
            _ => None,
        }
    }
}

/// The reference as written; a literal key is not shown.
impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "$env:{name}"),
            Self::Keyring(name) => write!(f, "$keyring:{name}"),
            Self::File(path) => write!(f, "$file:{}", path.display()),
            Self::Literal(_) => f.write_str("the key itself"),
        }
    }
}

impl KeyReference {
    /// Reads a reference as written; `None` for an empty one, an error where the name after the colon is missing.
    pub fn parse(written: &str, environment: &Environment) -> Result<Option<Self>, &'static str> {
        let written = written.trim();
        let reference = match written.split_once(':') {
            _ if written.is_empty() => return Ok(None),
            Some(("$env" | "$keyring" | "$file", name)) if name.trim().is_empty() => {
                return Err("has nothing after the colon");
            }
            Some(("$env", name)) => Self::Env(name.trim().to_owned()),
            Some(("$keyring", name)) => Self::Keyring(name.trim().to_owned()),
            Some(("$file", path)) => Self::File(environment.path(path.trim())),
            _ if written.starts_with('$') => {
                return Err("must begin with $env:, $keyring: or $file:, or be the key itself");
            }
            _ => Self::Literal(written.to_owned().into()),
        };
        Ok(Some(reference))
    }

    /// Fetches the key. Blocks (keyring, file): call it off the runtime's threads.
    pub fn resolve(&self, environment: &Environment) -> Result<SecretString, SecretError> {
        let found = match self {
            Self::Env(name) => {
                let value = environment.var(name);
                value.ok_or_else(|| SecretError::EnvNotSet(name.clone()))?.to_owned().into()
            }
            Self::Keyring(name) => from_keyring(name)?,
            Self::File(path) => from_file(path)?,
            Self::Literal(key) => key.clone(),
        };
        let key = found.expose_secret().trim();
        if key.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return Err(SecretError::NotAHeaderValue { source_text: self.to_string() });
        }
        Ok(key.to_owned().into())
    }
}

/// Shows enough of a key to recognize it: first 3, last 4, length. Short ones show their length alone.
pub fn mask(key: &SecretString) -> String {
    let characters: Vec<char> = key.expose_secret().chars().collect();
    let n_characters = characters.len();
    if n_characters < 16 {
        return format!("*** ({n_characters} characters)");
    }
    let first: String = characters[..3].iter().collect();
    let last: String = characters[n_characters - 4..].iter().collect();
    format!("{first}***{last} ({n_characters} characters)")
}

/// Puts a key into the keyring, in place of one that was there.
pub fn store(name: &str, key: &SecretString) -> Result<(), SecretError> {
    let entry = keyring::Entry::new(SERVICE, name).map_err(|error| keyring_error(name, &error))?;
    entry.set_password(key.expose_secret()).map_err(|error| keyring_error(name, &error))
}

/// Takes a key out of the keyring.
pub fn delete(name: &str) -> Result<(), SecretError> {
    let entry = keyring::Entry::new(SERVICE, name).map_err(|error| keyring_error(name, &error))?;
    entry.delete_credential().map_err(|error| keyring_error(name, &error))
}

/// Whether there is a keyring that can be asked. Blocks, and asks the user for nothing: it looks for an entry
/// that is not there.
pub fn check_keyring() -> Result<(), SecretError> {
    match from_keyring("arawn-doctor") {
        Ok(_) | Err(SecretError::NotInKeyring(_) | SecretError::Ambiguous(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn from_keyring(name: &str) -> Result<SecretString, SecretError> {
    let entry = keyring::Entry::new(SERVICE, name).map_err(|error| keyring_error(name, &error))?;
    let password = entry.get_password().map_err(|error| keyring_error(name, &error))?;
    if password.trim().is_empty() {
        return Err(SecretError::NotInKeyring(name.to_owned()));
    }
    Ok(password.into())
}

fn keyring_error(name: &str, error: &keyring::Error) -> SecretError {
    let name = name.to_owned();
    match error {
        keyring::Error::NoEntry => SecretError::NotInKeyring(name),
        keyring::Error::Ambiguous(_) => SecretError::Ambiguous(name),
        keyring::Error::BadEncoding(_) | keyring::Error::BadDataFormat(..) => {
            SecretError::NotAHeaderValue { source_text: format!("$keyring:{name}") }
        }
        // The entry's constructor hides why there is no store; the store itself tells.
        keyring::Error::NoDefaultStore => {
            let status = keyring::Entry::store_status().as_ref();
            let detail = status.err().map_or_else(|| error.to_string(), ToString::to_string);
            SecretError::KeyringUnavailable { name, detail }
        }
        other => SecretError::KeyringUnavailable { name, detail: other.to_string() },
    }
}

fn from_file(path: &Path) -> Result<SecretString, SecretError> {
    let failed = |reason: String| SecretError::File { path: path.to_owned(), reason };
    let mut text = String::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text));
    let n_bytes = read.map_err(|error| failed(crate::config::io_reason(&error)))?;
    if n_bytes as u64 > MAX_SECRET_BYTES {
        return Err(failed("it is too large to be a key".to_owned()));
    }
    if text.trim().is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(text.into())
}

/// Whether others than the owner may read a file; `false` where the system does not tell.
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(folder: &Path) -> Environment {
        Environment::of(
            folder,
            [("KEY", "  sk-0123456789abcdef\n"), ("EMPTY", " "), ("BAD", "sk-a\u{7}b")],
        )
    }

    fn resolve(written: &str, folder: &Path) -> Result<String, SecretError> {
        let environment = environment(folder);
        let reference = KeyReference::parse(written, &environment).unwrap().unwrap();
        reference.resolve(&environment).map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn a_variable_is_trimmed_and_an_empty_one_is_not_set() {
        let home = Path::new("/nowhere");
        assert_eq!(resolve("$env:KEY", home), Ok("sk-0123456789abcdef".to_owned()));
        for name in ["EMPTY", "ABSENT"] {
            let error = resolve(&format!("$env:{name}"), home).unwrap_err();
            assert_eq!(error.to_string(), format!("Environment variable \"{name}\" not set"));
        }
    }

    #[test]
    fn a_key_with_control_characters_is_refused_without_being_shown() {
        let error = resolve("$env:BAD", Path::new("/nowhere")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the secret from $env:BAD holds characters that cannot be part of a key"
        );
    }

    #[test]
    fn a_file_loses_its_final_newline_and_a_missing_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "sk-from-file\r\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        assert_eq!(resolve("$file:~/key", folder.path()), Ok("sk-from-file".to_owned()));
        let absent = resolve("$file:~/absent", folder.path()).unwrap_err();
        assert_eq!(absent.to_string(), "Cannot read secret file: No such file or directory");
        let empty = resolve("$file:~/empty", folder.path()).unwrap_err();
        assert_eq!(empty.to_string(), "Cannot read secret file: it is empty");
    }

    #[test]
    fn anything_else_is_the_key_and_is_never_shown() {
        let home = Path::new("/nowhere");
        let reference = KeyReference::parse(" sk-canary ", &environment(home)).unwrap().unwrap();
        assert!(!format!("{reference} {reference:?}").contains("canary"));
        assert_eq!(resolve("sk-canary", home), Ok("sk-canary".to_owned()));
    }

    #[test]
    fn an_unfinished_reference_is_an_error_and_an_empty_one_is_none() {
        let environment = environment(Path::new("/nowhere"));
        assert!(KeyReference::parse("  ", &environment).unwrap().is_none());
        for written in ["$env:", "$keyring: ", "$vault:x", "$ENV"] {
            assert!(KeyReference::parse(written, &environment).is_err(), "{written}");
        }
    }

    #[test]
    fn a_mask_shows_seven_characters_of_a_long_key_and_none_of_a_short_one() {
        assert_eq!(mask(&"sk-0123456789abcdef".into()), "sk-***cdef (19 characters)");
        assert_eq!(mask(&"hunter2".into()), "*** (7 characters)");
    }

    #[test]
    fn the_texts_about_the_keyring_are_those_of_the_documentation() {
        let absent = keyring_error("anthropic_api_key", &keyring::Error::NoEntry);
        assert_eq!(absent.to_string(), "Secret \"anthropic_api_key\" not found in keyring");
        assert_eq!(absent.hint(), "Run 'arawn secret set anthropic_api_key' to store it");
        let locked = keyring_error("k", &keyring::Error::NoStorageAccess("locked".into()));
        assert_eq!(locked.to_string(), "Keyring backend not available");
        let twice = keyring_error("k", &keyring::Error::Ambiguous(Vec::new()));
        assert_eq!(twice.to_string(), "Secret \"k\" is in the keyring more than once");
    }
}
