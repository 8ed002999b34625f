//! A document as the editor has it, and snapshots of it.

use std::path::PathBuf;
use std::sync::Arc;

use ropey::Rope;

use super::Change;

/// A document that the editor keeps open.
#[derive(Clone, Debug)]
pub struct Document {
    text: Rope,
    version: i32,
    language: Arc<str>,
    path: Option<Arc<PathBuf>>,
}

impl Document {
    /// A document as the editor opened it. `path` is `None` for untitled ones; `version` is the editor's.
    pub fn new(text: &str, version: i32, language: &str, path: Option<PathBuf>) -> Self {
        Self {
            text: Rope::from_str(text),
            version,
            language: language.into(),
            path: path.map(Arc::new),
        }
    }

    /// The text.
    pub fn text(&self) -> &Rope {
        &self.text
    }

    /// The editor's version number.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Applies one change.
    pub fn apply(&mut self, change: &Change) {
        change.apply(&mut self.text);
    }

    /// Notes the version the editor gave to the text as it now is.
    pub fn arrive_at(&mut self, version: i32) {
        self.version = version;
    }

    /// The document as it is now; cheap, shares the text.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            text: self.text.clone(),
            version: self.version,
            language: self.language.clone(),
            path: self.path.clone(),
        }
    }
}

/// A document at one version.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The text.
    pub text: Rope,
    /// The editor's version of that text.
    pub version: i32,
    /// The language's id, as LSP names it (`rust`, `typescriptreact`); empty when unknown.
    pub language: Arc<str>,
    /// The file, if it has one.
    pub path: Option<Arc<PathBuf>>,
}

impl Snapshot {
    /// A snapshot of text that no editor holds, as read from a file or stdin.
    pub fn of_text(text: &str, language: &str, path: Option<PathBuf>) -> Self {
        Document::new(text, 0, language, path).snapshot()
    }
}
