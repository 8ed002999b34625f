//! Files with rules for assistants: which one counts for a file of a project, and its content.
//!
//! They come with the repository, so they are read as such: no link leads out of the workspace, nothing but a plain
//! file of bounded size is opened.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The names that rules go by, the first one found counts.
const NAMES: [&str; 5] =
    ["AGENTS.md", ".rules", "CLAUDE.md", ".cursorrules", ".github/copilot-instructions.md"];
/// The name of the user's own rules.
const OWN: &str = "AGENTS.md";
/// A larger file holds no rules that anybody wrote.
const MAX_BYTES: u64 = 256 * 1024;
/// Folders of a project that are looked into for rules, when all are wanted.
const MAX_FOLDERS: usize = 20_000;
/// Folders that hold other people's files.
const FOREIGN: [&str; 4] = [".git", "node_modules", "target", ".venv"];

/// A file with rules.
#[derive(Clone, PartialEq, Eq)]
pub struct RulesFile {
    /// Where it is, links followed.
    pub path: PathBuf,
    /// Its path below the project, for messages.
    pub name: String,
    /// What it says.
    pub text: String,
    /// A digest of its bytes.
    pub digest: String,
}

impl fmt::Debug for RulesFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file with rules that is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is not read: {reason}")]
pub struct UnreadRules {
    /// Its path below the project.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

impl RulesFile {
    /// The rules that count in a folder of a project: for each name in turn the nearest file upwards.
    pub fn nearest(folder: &Path, root: &Path) -> Result<Option<Self>, UnreadRules> {
        let Ok(root) = root.canonicalize() else { return Ok(None) };
        let folder = folder.canonicalize().ok().filter(|folder| folder.starts_with(&root));
        let folder = folder.unwrap_or_else(|| root.clone());
        for name in NAMES {
            for above in folder.ancestors().take_while(|above| above.starts_with(&root)) {
                if let Some(found) = Self::read(&above.join(name), &root)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The user's own rules, beside the user's configuration.
    pub fn own(config_folder: &Path) -> Result<Option<Self>, UnreadRules> {
        // The user's file may be a link into a folder of dotfiles.
        let path = config_folder.join(OWN);
        let name = path.display().to_string();
        path.canonicalize().map_or(Ok(None), |path| open(&path, name))
    }

    /// The rules at a place that was found before; `None` if there are none any more.
    pub fn at(path: &Path) -> Option<Self> {
        open(path, path.display().to_string()).ok().flatten()
    }

    /// All rules that lie in a project.
    pub fn all(root: &Path) -> Vec<Self> {
        let Ok(root) = root.canonicalize() else { return Vec::new() };
        let mut folders = vec![root.clone()];
        let mut found = Vec::new();
        let mut n_folders = 0;
        while let Some(folder) = folders.pop() {
            n_folders += 1;
            if n_folders > MAX_FOLDERS {
                break;
            }
            let read = |name: &&str| Self::read(&folder.join(name), &root).ok().flatten();
            found.extend(NAMES.iter().filter_map(read));
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let below = entries.filter(|entry| {
                entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && !FOREIGN.iter().any(|name| entry.file_name() == *name)
            });
            folders.extend(below.map(|entry| entry.path()));
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
        found
    }

    fn read(path: &Path, root: &Path) -> Result<Option<Self>, UnreadRules> {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let Ok(resolved) = path.canonicalize() else {
            return Ok(None);
        };
        if !resolved.starts_with(root) {
            return Err(UnreadRules { name, reason: "it is a link out of the workspace" });
        }
        open(&resolved, name)
    }
}

/// Reads a file whose links are followed already.
fn open(path: &Path, name: String) -> Result<Option<RulesFile>, UnreadRules> {
    let unread = |reason| UnreadRules { name: name.clone(), reason };
    let Ok(facts) = path.symlink_metadata() else { return Ok(None) };
    if facts.is_dir() {
        return Ok(None);
    }
    // Opening a pipe would wait for whoever writes to it.
    if !facts.is_file() {
        return Err(unread("it is no plain file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|_| unread("it cannot be opened"))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|_| unread("it cannot be read"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unread("it is larger than 256 KB"));
    }
    let digest = format!("{:x}", Sha256::digest(&bytes));
    let text = String::from_utf8(bytes).map_err(|_| unread("it is not UTF-8 text"))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(RulesFile { path: path.to_owned(), name, text, digest }))
}
