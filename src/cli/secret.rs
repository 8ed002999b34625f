//! `arawn secret`: keeps API keys in the system's keyring.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::Globals;
use super::config::{load_inputs, print, work};
use crate::config::{self, Environment};
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
        SecretCommand::List => list(globals, &environment, index, out),
        SecretCommand::Delete { name } => {
            let deleted = secrets::delete(name);
            if index.names.remove(name.as_str()) {
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
    let text =
        SecretString::from(read.map_err(|error| work(format!("cannot read the key: {error}")))?);
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
fn list(
    globals: &Globals,
    environment: &Arc<Environment>,
    index: Index,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let loaded = config::load(&load_inputs(globals, environment.clone()))?;
    let mut names = index.names;
    for entry in &loaded.entries {
        let written =
            entry.value.as_str().filter(|_| entry.path.last().is_some_and(|key| key == "api_key"));
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
