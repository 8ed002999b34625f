//! `arawn secret`: keeps API keys in the system's keyring.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::Globals;
use super::config::{load_inputs, print, work};
use crate::config::{self, Environment, LoadInputs};
use crate::report::{Kind, Report};
use crate::secrets::{self, KeyReference, SecretError};

/// Subcommands of `arawn secret`.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum SecretCommand {
    /// Store a key; it is read without echo, or from stdin when that is piped
    Set {
        /// The name, as in "$keyring:NAME"
        name: String,
    },
    /// List the names that are stored or used in the configuration
    List,
    /// Delete a key
    Delete {
        /// The name, as in "$keyring:NAME"
        name: String,
    },
}

/// Runs a subcommand of `arawn secret`.
pub(crate) fn run(
    command: &SecretCommand,
    globals: &Globals,
    environment: Arc<Environment>,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let mut index = Index::open(&environment);
    match command {
        SecretCommand::Set { name } => {
            let name = checked(name)?;
            let key = read_key(name)?;
            secrets::store(name, &key)?;
            index.names.insert(name.to_owned());
            index.save()?;
            print(out, &format!("stored \"{name}\"; use it as api_key = \"$keyring:{name}\"\n"))
        }
        SecretCommand::List => list(&load_inputs(globals, environment), index, out),
        SecretCommand::Delete { name } => {
            let name = checked(name)?;
            let deleted = secrets::delete(name);
            let is_gone = matches!(deleted, Ok(()) | Err(SecretError::NotInKeyring(_)));
            if is_gone && index.names.remove(name) {
                index.save()?;
            }
            deleted?;
            print(out, &format!("deleted \"{name}\"\n"))
        }
    }
}

fn checked(name: &str) -> Result<&str, Report> {
    let bare = name.trim().trim_start_matches("$keyring:");
    if bare.is_empty() || bare.chars().any(char::is_control) {
        return Err(Report { kind: Kind::Usage, ..work("the name of a secret must not be empty") });
    }
    Ok(bare)
}

fn read_key(name: &str) -> Result<SecretString, Report> {
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Key for \"{name}\": "))
    } else {
        let mut text = String::new();
        io::stdin().take(1 << 16).read_to_string(&mut text).map(|_| text)
    };
    let text = read.map_err(|error| work(format!("cannot read the key: {error}")))?;
    checked_key(&text.into())
}

/// What was typed or piped in, if it can be a key.
fn checked_key(text: &SecretString) -> Result<SecretString, Report> {
    let key = text.expose_secret().trim();
    if key.is_empty() {
        return Err(Report { kind: Kind::Usage, ..work("the key is empty; nothing was stored") });
    }
    if key.chars().any(|c| c.is_control() || !c.is_ascii()) {
        return Err(SecretError::NotAHeaderValue { source_text: "the input".to_owned() }.into());
    }
    Ok(key.to_owned().into())
}

/// Keyrings cannot be listed everywhere: the names we stored are kept beside, and those in use are asked for.
fn list(inputs: &LoadInputs, index: Index, out: &mut dyn Write) -> Result<(), Report> {
    let environment = &inputs.environment;
    let loaded = config::load(inputs)?;
    let mut names = index.names;
    for entry in &loaded.entries {
        let is_reference = entry.path.last().is_some_and(|key| key == "api_key")
            || entry.path == ["server", "token"];
        let written = entry.value.as_str().filter(|_| is_reference);
        if let Some(Ok(Some(KeyReference::Keyring(name)))) =
            written.map(|text| KeyReference::parse(text, environment))
        {
            names.insert(name);
        }
    }
    let mut text = String::new();
    for name in names {
        let state = match KeyReference::Keyring(name.clone()).resolve(environment) {
            Ok(_) => "stored",
            Err(SecretError::NotInKeyring(_)) => "not stored",
            Err(error @ SecretError::KeyringUnavailable { .. }) => return Err(error.into()),
            Err(_) => "stored, but unusable",
        };
        let _ = writeln!(text, "{name}  {state}");
    }
    print(out, &text)
}

/// The names that `secret set` stored: names alone, no keys.
struct Index {
    file: Option<PathBuf>,
    names: BTreeSet<String>,
}

impl Index {
    fn open(environment: &Environment) -> Self {
        let file = environment.state_folder().map(|folder| folder.join("secret-names.json"));
        let bytes = file.as_ref().and_then(|file| std::fs::read(file).ok());
        let names = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, names }
    }

    fn save(&self) -> Result<(), Report> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_vec(&self.names).unwrap_or_default();
        let written = config::write_private(file, &text);
        written.map_err(|error| work(format!("cannot write \"{}\": {error}", file.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_with_and_without_its_prefix() {
        assert_eq!(checked("$keyring:groq").ok(), Some("groq"));
        assert_eq!(checked(" groq ").ok(), Some("groq"));
        assert_eq!(checked("$keyring:").unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn a_key_loses_its_line_end_and_an_empty_or_broken_one_is_not_stored() {
        let key = checked_key(&"sk-canary\n".into()).unwrap();
        assert_eq!(key.expose_secret(), "sk-canary");
        assert_eq!(checked_key(&" \n".into()).unwrap_err().kind, Kind::Usage);
        for text in ["sk-canary\nsk-other", "sk-canary\u{200b}x"] {
            let report = checked_key(&text.to_owned().into()).unwrap_err();
            assert_eq!(report.kind, Kind::Credentials);
            assert!(!format!("{report:?}").contains("canary"));
        }
    }

    #[test]
    fn the_index_remembers_names_and_a_broken_one_is_empty() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), []);
        let mut index = Index::open(&environment);
        index.names.insert("groq".to_owned());
        index.save().unwrap();
        assert_eq!(Index::open(&environment).names, BTreeSet::from(["groq".to_owned()]));
        std::fs::write(home.path().join(".local/state/arawn/secret-names.json"), "{").unwrap();
        assert!(Index::open(&environment).names.is_empty());
    }
}
