//! Trust in projects and their rules: the user's own act, kept in the state folder, bound to path and content.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::environment::Environment;
use super::layers;
use super::private_file;
use super::problem::ConfigError;
use super::rules::RulesFile;

/// What a project brings along: its configuration and its actions, as they are on disk now.
pub struct Project {
    /// The project's folder, without symbolic links.
    pub root: PathBuf,
    /// `.arawn/arawn.toml` and its text, if there is one.
    pub(super) file: Option<(PathBuf, String)>,
    /// A symbolic link or special file in the place of a file of the project: not read.
    pub(super) refused: Vec<PathBuf>,
}

/// Most files of actions that a project may have.
const MAX_ACTIONS: usize = 500;

impl Project {
    /// Reads the files of a project.
    pub fn read(root: &Path) -> Result<Self, ConfigError> {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let mut project = Self { root, file: None, refused: Vec::new() };
        let path = project.root.join(".arawn/arawn.toml");
        if !is_plain(&path, &project.root) {
            project.refused.push(path);
        } else if let Some(text) = layers::read(&path)? {
            project.file = Some((path, text));
        }
        Ok(project)
    }

    /// Whether it has anything that trust could change. Rules count too, so that this looks through its folders.
    pub fn is_empty(&self) -> bool {
        !self.has_config() && self.rules().is_empty()
    }

    /// Whether it has a configuration or actions.
    fn has_config(&self) -> bool {
        self.file.is_some() || !self.action_files().is_empty()
    }

    /// Its rules for assistants, as they are now.
    pub fn rules(&self) -> Vec<RulesFile> {
        RulesFile::all(&self.root)
    }

    /// The folder of the project's actions.
    pub fn action_folder(&self) -> PathBuf {
        self.root.join(".arawn/actions")
    }

    /// The project's files, as far as trust is about them.
    pub fn files(&self) -> Vec<PathBuf> {
        self.file.iter().map(|(path, _)| path.clone()).chain(self.action_files()).collect()
    }

    fn action_files(&self) -> Vec<PathBuf> {
        let folder = self.action_folder();
        if !is_plain(&folder, &self.root) {
            return Vec::new();
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .collect();
        files.sort();
        files
    }

    /// A digest of names and contents; `None` if they cannot all be read. Lengths go in too, so that no two sets
    /// of files are written alike.
    fn digest(&self) -> Option<String> {
        let actions = self.action_files();
        if actions.len() > MAX_ACTIONS || !self.refused.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        let mut add = |name: &str, text: &str| {
            for part in [name, text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        };
        if let Some((_, text)) = &self.file {
            add("arawn.toml", text);
        }
        for path in actions {
            if !is_plain(&path, &self.root) {
                return None;
            }
            let text = layers::read(&path).ok().flatten()?;
            add(path.file_name()?.to_str()?, &text);
        }
        Some(format!("{:x}", hash.finalize()))
    }
}

/// Whether nothing on the way from the project's folder to a path is a symbolic link, and the end is no device
/// or pipe: a cloned repository must not make us read what lies elsewhere.
fn is_plain(path: &Path, root: &Path) -> bool {
    let inside = path.ancestors().take_while(|ancestor| *ancestor != root);
    inside.filter_map(|part| part.symlink_metadata().ok()).all(|m| m.is_file() || m.is_dir())
}

/// The projects that the user trusts.
#[derive(Debug, Default)]
pub struct TrustStore {
    file: PathBuf,
    projects: BTreeMap<PathBuf, String>,
    rules: BTreeMap<PathBuf, String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    projects: BTreeMap<PathBuf, String>,
    /// Files with rules, each with a digest of the content that is allowed.
    #[serde(default)]
    rules: BTreeMap<PathBuf, String>,
}

impl TrustStore {
    /// Reads the store. One that cannot be read trusts nobody.
    pub fn open(environment: &Environment) -> Result<Self, ConfigError> {
        let file = Self::path(environment).ok_or(ConfigError::NoHome)?;
        let stored: Stored = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Ok(Self { file, projects: stored.projects, rules: stored.rules })
    }

    /// Where the store lies.
    pub fn path(environment: &Environment) -> Option<PathBuf> {
        Some(environment.state_folder()?.join("trust.json"))
    }

    /// Whether the project is trusted with the content it has now.
    pub fn trusts(&self, project: &Project) -> bool {
        let trusted = self.projects.get(&project.root);
        trusted.is_some_and(|trusted| project.digest().as_ref() == Some(trusted))
    }

    /// Whether the project was trusted with another content.
    pub fn trusted_before(&self, project: &Project) -> bool {
        self.projects.contains_key(&project.root) && !self.trusts(project)
    }

    /// Trusts a project with the content it has now, its rules included.
    pub fn add(&mut self, project: &Project) -> io::Result<()> {
        if project.has_config() || !project.refused.is_empty() {
            let unreadable = "its files are symbolic links or cannot be read";
            let digest = project.digest().ok_or_else(|| io::Error::other(unreadable))?;
            self.projects.insert(project.root.clone(), digest);
        }
        self.rules.extend(project.rules().into_iter().map(|rules| (rules.path, rules.digest)));
        self.save()
    }

    /// Whether rules may be used with this content.
    pub fn allows_rules(&self, path: &Path, digest: &str) -> bool {
        self.rules.get(path).is_some_and(|allowed| allowed == digest)
    }

    /// Whether rules were allowed, with whatever content.
    pub fn knows_rules(&self, path: &Path) -> bool {
        self.rules.contains_key(path)
    }

    /// Allows rules with this content.
    pub fn allow_rules(&mut self, path: &Path, digest: &str) -> io::Result<()> {
        self.rules.insert(path.to_owned(), digest.to_owned());
        self.save()
    }

    /// The files with rules that are allowed, if they stay as they are.
    pub fn rules(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.rules.iter().map(|(path, digest)| (path.as_path(), digest.as_str()))
    }

    /// Trusts a project no longer; tells whether it was trusted.
    pub fn remove(&mut self, root: &Path) -> io::Result<bool> {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let n_rules = self.rules.len();
        self.rules.retain(|path, _| !path.starts_with(&root));
        let was_there = self.projects.remove(&root).is_some() || self.rules.len() < n_rules;
        if was_there {
            self.save()?;
        }
        Ok(was_there)
    }

    /// The folders of all projects that were trusted.
    pub fn roots(&self) -> impl Iterator<Item = &Path> {
        self.projects.keys().map(PathBuf::as_path)
    }

    fn save(&self) -> io::Result<()> {
        let stored =
            Stored { version: 1, projects: self.projects.clone(), rules: self.rules.clone() };
        private_file::write(&self.file, &serde_json::to_vec_pretty(&stored)?)
    }
}
