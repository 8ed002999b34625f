//! Finds the ignore rule that a file falls under: `.gitignore`, `.aiignore`, `.arawnignore`, and the user's own.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Kinds of ignore files. A file that one kind excludes stays excluded: a `!` line takes back only what
/// its own kind said, so that no committed file can open what the user's `.gitignore` closed.
pub const KINDS: [&str; 3] = [".gitignore", ".aiignore", ".arawnignore"];

/// Compiled rules, remembered until their files change.
#[derive(Debug, Default)]
pub(super) struct IgnoreRules {
    files: Mutex<HashMap<PathBuf, Compiled>>,
    patterns: Mutex<Option<Patterns>>,
}

#[derive(Debug)]
struct Compiled {
    modified: Option<SystemTime>,
    byte_len: u64,
    rules: Arc<Gitignore>,
}

#[derive(Debug)]
struct Patterns {
    written: Vec<String>,
    root: PathBuf,
    rules: Arc<Gitignore>,
}

impl IgnoreRules {
    /// The rule that excludes an absolute path, in words; `None` if none does.
    pub(super) fn rule(
        &self,
        path: &Path,
        workspace: &[PathBuf],
        patterns: &[String],
    ) -> Option<String> {
        let roots = Roots::of(path, workspace);
        let own = self.own_patterns(patterns, &roots.workspace);
        if let Some(line) = excluding_line(path, &roots.workspace, &[own]) {
            return Some(format!("excluded by `{line}` in `[privacy] ignore`"));
        }
        KINDS.iter().find_map(|kind| {
            let rules = self.rules_of(kind, path, &roots.top);
            let line = excluding_line(path, &roots.top, &rules)?;
            Some(format!("excluded by `{line}` in {kind}"))
        })
    }

    /// The rules of a kind that bear on a path, deepest first.
    fn rules_of(&self, kind: &str, path: &Path, top: &Path) -> Vec<Arc<Gitignore>> {
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
        let mut rules: Vec<_> =
            folders.filter_map(|folder| self.compiled(&folder.join(kind), folder)).collect();
        if kind == ".gitignore" {
            rules.extend(self.compiled(&top.join(".git/info/exclude"), top));
        }
        rules
    }

    fn compiled(&self, file: &Path, root: &Path) -> Option<Arc<Gitignore>> {
        let metadata = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
        let (modified, byte_len) = (metadata.modified().ok(), metadata.len());
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(file)
            && known.modified == modified
            && known.byte_len == byte_len
        {
            return Some(known.rules.clone());
        }
        let mut builder = GitignoreBuilder::new(root);
        // A broken line is skipped, as git does; the others count.
        let _ = builder.add(file);
        let rules = Arc::new(builder.build().ok()?);
        files.insert(file.to_owned(), Compiled { modified, byte_len, rules: rules.clone() });
        Some(rules)
    }

    fn own_patterns(&self, written: &[String], root: &Path) -> Arc<Gitignore> {
        let mut slot = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*slot
            && known.written == written
            && known.root == root
        {
            return known.rules.clone();
        }
        let mut builder = GitignoreBuilder::new(root);
        for line in written {
            let _ = builder.add_line(None, line);
        }
        let rules = Arc::new(builder.build().unwrap_or_else(|_| Gitignore::empty()));
        *slot = Some(Patterns {
            written: written.to_owned(),
            root: root.to_owned(),
            rules: rules.clone(),
        });
        rules
    }
}

/// Folders from which a path is judged.
struct Roots {
    /// The workspace folder it lies in, else the folder of its repository, else its own folder.
    workspace: PathBuf,
    /// The same, or the repository around it.
    top: PathBuf,
}

impl Roots {
    fn of(path: &Path, workspace: &[PathBuf]) -> Self {
        let parent = path.parent().unwrap_or(path);
        let root = workspace
            .iter()
            .filter(|root| path.starts_with(root))
            .max_by_key(|root| root.as_os_str().len());
        let start = root.map_or(parent, PathBuf::as_path);
        let repository = start.ancestors().find(|folder| folder.join(".git").exists());
        let top = repository.unwrap_or(start);
        Self { workspace: root.map_or(top, PathBuf::as_path).to_owned(), top: top.to_owned() }
    }
}

/// The line that excludes a path or a folder around it. Within one folder the deepest file decides, and
/// in an excluded folder nothing can be taken back: both are git's rules.
fn excluding_line(path: &Path, top: &Path, rules: &[Arc<Gitignore>]) -> Option<String> {
    let below: Vec<&Path> =
        path.ancestors().take_while(|entry| entry.starts_with(top) && *entry != top).collect();
    below.into_iter().rev().find_map(|entry| {
        let is_folder = entry != path;
        let applying =
            rules.iter().filter(|rules| entry.starts_with(rules.path()) && entry != rules.path());
        let decided = applying
            .map(|rules| rules.matched(entry, is_folder))
            .find(|matched| !matched.is_none());
        match decided {
            Some(Match::Ignore(glob)) => Some(glob.original().to_owned()),
            _ => None,
        }
    })
}

/// The path, absolute and without `.` and `..`, links left as they are.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// The path with all links followed; of a file that is not there yet, its folder's.
pub(super) fn resolved(path: &Path) -> Option<PathBuf> {
    if let Ok(resolved) = path.canonicalize() {
        return Some(resolved);
    }
    let (parent, name) = (path.parent()?, path.file_name()?);
    Some(resolved(parent)?.join(name))
}
