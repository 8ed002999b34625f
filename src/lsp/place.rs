//! Which document something belongs to: through closing, opening again, renaming and saving under a name.

use ropey::Rope;
use tower_lsp::lsp_types::Url;

use crate::text::{Change, whole_text_changes};

use super::convert;

/// The document of a job or a proposal.
#[derive(Clone, Debug)]
pub(super) struct Place {
    uri: Url,
    /// The text the document had when the client closed it; `None` while it is open.
    left_with: Option<Rope>,
}

impl Place {
    /// An open document.
    pub(super) fn new(uri: Url) -> Self {
        Self { uri, left_with: None }
    }

    /// Where the document is, or was when it was closed.
    pub(super) fn uri(&self) -> &Url {
        &self.uri
    }

    /// Whether it is this document, and open.
    pub(super) fn is_open_at(&self, uri: &Url) -> bool {
        self.left_with.is_none() && self.uri == *uri
    }

    /// The text as it was when the document was closed, if it still is.
    pub(super) fn left_with(&self) -> Option<&Rope> {
        self.left_with.as_ref()
    }

    /// The client closes a document.
    pub(super) fn close(&mut self, uri: &Url, text: &Rope) {
        if self.is_open_at(uri) {
            self.left_with = Some(text.clone());
        }
    }

    /// The client opens a document. If it is this one, returns what changed while it was closed.
    ///
    /// A document of another name is taken for this one only if it holds the same text and nothing is left
    /// under the old name: it was renamed, or saved for the first time.
    pub(super) fn open(&mut self, uri: &Url, text: &str) -> Option<Vec<Change>> {
        let left_with = self.left_with.as_ref()?;
        if self.uri != *uri && !(left_with == text && !text.is_empty() && self.is_gone()) {
            return None;
        }
        let changes = whole_text_changes(left_with, text);
        self.left_with = None;
        self.uri = uri.clone();
        Some(changes)
    }

    /// Files were renamed, or the folder they are in. `text` is the document's, if it is still open.
    pub(super) fn rename(&mut self, old: &Url, new: &Url, text: Option<&Rope>) {
        let Some(rest) = self.uri.as_str().strip_prefix(old.as_str()) else { return };
        if !(rest.is_empty() || rest.starts_with('/')) {
            return;
        }
        let Ok(renamed) = Url::parse(&format!("{new}{rest}")) else { return };
        // The client closes the old name and opens the new one, in whichever order it tells of the three.
        if let Some(text) = text.filter(|_| self.left_with.is_none()) {
            self.left_with = Some(text.clone());
        }
        self.uri = renamed;
    }

    fn is_gone(&self) -> bool {
        convert::path_of(&self.uri).is_none_or(|path| !path.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn closed(uri: &str, text: &str) -> Place {
        let mut place = Place::new(url(uri));
        place.close(&url(uri), &Rope::from_str(text));
        place
    }

    #[test]
    fn the_same_name_is_the_same_document_whatever_it_holds() {
        let mut place = closed("untitled:1", "a\nb\n");
        assert_eq!(place.open(&url("untitled:2"), "other\n"), None);
        let changes = place.open(&url("untitled:1"), "a\nB\n").unwrap();
        assert_eq!(changes.len(), 1);
        assert!(place.is_open_at(&url("untitled:1")));
    }

    #[test]
    fn another_name_is_the_same_document_if_the_text_is_and_the_old_one_is_gone() {
        let mut place = closed("untitled:1", "a\n");
        assert_eq!(place.open(&url("file:///tmp/saved.rs"), "a\n"), Some(Vec::new()));
        assert!(place.is_open_at(&url("file:///tmp/saved.rs")));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rs");
        std::fs::write(&path, "a\n").unwrap();
        let uri = Url::from_file_path(&path).unwrap();
        let mut place = closed(uri.as_str(), "a\n");
        let copy = Url::from_file_path(folder.path().join("b.rs")).unwrap();
        assert_eq!(place.open(&copy, "a\n"), None, "the file is still there: it is a copy");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(place.open(&copy, "a\n"), Some(Vec::new()));
    }

    #[test]
    fn a_renamed_folder_takes_its_documents_along() {
        let text = Rope::from_str("a\n");
        let mut place = Place::new(url("file:///w/src/a.rs"));
        place.rename(&url("file:///w/sr"), &url("file:///w/lib"), Some(&text));
        assert!(place.is_open_at(&url("file:///w/src/a.rs")));
        place.rename(&url("file:///w/src"), &url("file:///w/lib"), Some(&text));
        assert_eq!(place.uri(), &url("file:///w/lib/a.rs"));
        place.close(&url("file:///w/src/a.rs"), &text);
        assert!(place.open(&url("file:///w/lib/a.rs"), "a\n").is_some());
    }
}
