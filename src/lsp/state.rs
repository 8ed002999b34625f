//! What the server remembers: the documents, the configuration in force, the running jobs.
//!
//! One plain lock over all of it, so that a change to a document and its effect on the jobs that wait for it
//! are one step. No guard ever leaves this file.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url};

use crate::assistant::Assistant;
use crate::model::BackendName;
use crate::report::Report;
use crate::router::{Answer, FellBack};
use crate::text::{Document, Encoding, Snapshot};
use crate::tools::Finding;

use super::abilities::{Abilities, Greeting};
use super::conversations::Conversations;
use super::convert;
use super::jobs::Jobs;
use super::meant::Meant;
use super::messages::Message;
use super::proposals::Proposals;
use super::review::Reviews;
use super::settings::EditorLayer;

/// See the module.
#[derive(Default)]
pub(super) struct State {
    inner: RwLock<Inner>,
}

/// The remembered things themselves.
pub(super) struct Inner {
    /// What the client can do.
    pub(super) abilities: Abilities,
    /// What its columns count.
    pub(super) encoding: Encoding,
    /// Its contribution to the configuration.
    pub(super) editor: EditorLayer,
    /// The documents it has open.
    pub(super) documents: HashMap<Url, Document>,
    /// The jobs that run.
    pub(super) jobs: Jobs,
    /// The edits on their way to the client.
    pub(super) meant: Meant,
    /// The edits that wait for the user.
    pub(super) proposals: Proposals,
    /// The core, once a configuration could be read.
    pub(super) assistant: Option<Arc<Assistant>>,
    /// Why the configuration as it now stands cannot be read.
    pub(super) config_error: Option<Report>,
    /// Files the configuration comes from.
    pub(super) config_files: Vec<PathBuf>,
    /// What waits for the end of the handshake to be shown.
    pub(super) to_say: Vec<Message>,
    /// Warnings shown already.
    pub(super) warned: HashSet<String>,
    /// The backend the user chose for this session.
    pub(super) chosen: Option<BackendName>,
    /// The conversations that were held lately.
    pub(super) conversations: Conversations,
    /// What the editor told of errors, while asking for code actions, in documents that are as they were.
    pub(super) findings: HashMap<Url, Vec<Finding>>,
    /// What reviews found, as far as it still holds.
    pub(super) reviews: Reviews,
    /// Who answered last.
    pub(super) last: Option<LastAnswer>,
}

/// Who answered the last job.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct LastAnswer {
    /// The backend.
    pub(super) backend: BackendName,
    /// The model.
    pub(super) model: String,
    /// Who was tried before.
    pub(super) fell_back: Vec<FellBack>,
}

impl LastAnswer {
    /// Who gave an answer.
    pub(super) fn of(answer: &Answer) -> Self {
        Self {
            backend: answer.backend.clone(),
            model: answer.model.clone(),
            fell_back: answer.fell_back.clone(),
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            abilities: Abilities::default(),
            encoding: Encoding::Utf16,
            editor: EditorLayer::default(),
            documents: HashMap::new(),
            jobs: Jobs::default(),
            meant: Meant::default(),
            proposals: Proposals::default(),
            assistant: None,
            config_error: None,
            config_files: Vec::new(),
            to_say: Vec::new(),
            warned: HashSet::new(),
            chosen: None,
            conversations: Conversations::default(),
            findings: HashMap::new(),
            reviews: Reviews::default(),
            last: None,
        }
    }
}

impl Inner {
    fn close(&mut self, uri: &Url) {
        self.findings.remove(uri);
        self.reviews.forget(uri);
        self.meant.forget(uri);
        if let Some(document) = self.documents.remove(uri) {
            for place in self.jobs.places().chain(self.proposals.places()) {
                place.close(uri, document.text());
            }
        }
    }

    /// The client closes the old name and opens the new one before this, or after it.
    fn rename(&mut self, old: &Url, new: &Url) {
        for place in self.jobs.places().chain(self.proposals.places()) {
            let text = self.documents.get(place.uri()).map(Document::text);
            place.rename(old, new, text);
        }
        let opened: Vec<(Url, String)> = self
            .documents
            .iter()
            .filter(|(uri, _)| uri.as_str().starts_with(new.as_str()))
            .map(|(uri, document)| (uri.clone(), document.text().to_string()))
            .collect();
        for (uri, text) in opened {
            self.jobs.open(&uri, &text);
            self.proposals.open(&uri, &text);
        }
    }
}

impl State {
    /// Looks at the state. `look` must not block.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        let inner: RwLockReadGuard<'_, Inner> =
            self.inner.read().unwrap_or_else(PoisonError::into_inner);
        look(&inner)
    }

    /// Changes the state. `change` must not block.
    pub(super) fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner: RwLockWriteGuard<'_, Inner> =
            self.inner.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut inner)
    }

    /// Notes how the client introduced itself.
    pub(super) fn greet(&self, greeting: Greeting) {
        self.write(|inner| {
            inner.abilities = greeting.abilities;
            inner.encoding = greeting.encoding;
            inner.editor = EditorLayer { workspace: greeting.workspace, options: greeting.options };
        });
    }

    /// What the client can do.
    pub(super) fn abilities(&self) -> Abilities {
        self.read(|inner| inner.abilities)
    }

    /// What the client's columns count.
    pub(super) fn encoding(&self) -> Encoding {
        self.read(|inner| inner.encoding)
    }

    /// The core, or why there is none.
    pub(super) fn assistant(&self) -> Result<Arc<Assistant>, Report> {
        self.read(|inner| match (&inner.assistant, &inner.config_error) {
            (Some(assistant), _) => Ok(assistant.clone()),
            (None, Some(report)) => Err(report.clone()),
            (None, None) => Err(Report::new(
                crate::report::Kind::Config,
                "the configuration has not been read yet",
            )),
        })
    }

    /// The document as it is now, if it is open.
    pub(super) fn snapshot(&self, uri: &Url) -> Option<Snapshot> {
        self.read(|inner| inner.documents.get(uri).map(Document::snapshot))
    }

    /// Takes a document in.
    pub(super) fn open(&self, uri: Url, text: &str, version: i32, language: &str) {
        let document = Document::new(text, version, language, convert::path_of(&uri));
        self.write(|inner| {
            // A client that opens what is open has closed it without a word.
            inner.close(&uri);
            inner.jobs.open(&uri, text);
            inner.proposals.open(&uri, text);
            inner.documents.insert(uri, document);
        });
    }

    /// Applies what the client changed, and lets the regions of running jobs follow.
    ///
    /// Returns whether the document is open.
    pub(super) fn change(
        &self,
        uri: &Url,
        version: i32,
        events: Vec<TextDocumentContentChangeEvent>,
    ) -> bool {
        self.write(|inner| {
            let encoding = inner.encoding;
            let Some(document) = inner.documents.get_mut(uri) else { return false };
            inner.findings.remove(uri);
            for event in events {
                // Only while an edit is on its way somebody wants to know.
                let told = inner.meant.expects(uri).then(|| event.clone());
                let changes = convert::from_lsp_content_change(document.text(), event, encoding);
                if let Some(told) = told.and_then(|told| {
                    convert::from_lsp_event(document.text(), &told, &changes, encoding)
                }) {
                    inner.meant.begin_event(uri, &told, document.text());
                }
                for change in changes {
                    inner.reviews.follow(uri, &change, document.text());
                    inner.meant.follow(uri, &change, document.text());
                    document.apply(&change);
                    inner.jobs.follow(uri, &change);
                    inner.proposals.follow(uri, &change);
                }
                // After each event: what the user types next may come in the same message.
                inner.meant.end_event(uri, document.text());
            }
            inner.meant.end_message(uri, document.text());
            inner.proposals.note_applied(uri, document.text());
            document.arrive_at(version);
            true
        })
    }

    /// Forgets a document; jobs on it go on, and find their place again if it comes back.
    pub(super) fn close(&self, uri: &Url) {
        self.write(|inner| inner.close(uri));
    }

    /// Files or folders have other names now.
    pub(super) fn rename(&self, renamed: &[(Url, Url)]) {
        self.write(|inner| {
            for (old, new) in renamed {
                inner.rename(old, new);
            }
        });
    }

    /// Notes what the editor knows of errors in a document.
    pub(super) fn note_findings(&self, uri: &Url, findings: Vec<Finding>) {
        self.write(|inner| {
            let known = inner.findings.entry(uri.clone()).or_default();
            for finding in findings {
                if !known.contains(&finding) {
                    known.push(finding);
                }
            }
        });
    }

    /// Adds and removes roots of the workspace.
    pub(super) fn change_workspace(&self, added: &[PathBuf], removed: &[PathBuf]) {
        self.write(|inner| {
            let roots = &mut inner.editor.workspace;
            roots.retain(|root| !removed.contains(root));
            roots.extend(
                added.iter().filter(|root| !roots.contains(root)).cloned().collect::<Vec<_>>(),
            );
        });
    }

    /// Puts other editor settings in place. Returns whether they differ from those before.
    pub(super) fn replace_options(&self, options: Value) -> bool {
        let options = Some(options).filter(Value::is_object);
        self.write(|inner| {
            let differs = options.is_some() && inner.editor.options != options;
            if differs {
                inner.editor.options = options;
            }
            differs
        })
    }

    /// Cancels every job. Returns how many there were.
    pub(super) fn cancel_all_jobs(&self) -> usize {
        self.read(|inner| inner.jobs.cancel(None))
    }
}

#[cfg(test)]
mod tests {
    use tower_lsp::lsp_types::{Position, Range};

    use super::*;

    fn event(
        range: Option<((u32, u32), (u32, u32))>,
        text: &str,
    ) -> TextDocumentContentChangeEvent {
        let range = range.map(|(start, end)| {
            Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1))
        });
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn several_events_of_one_notification_build_on_each_other() {
        let state = State::default();
        let uri = Url::parse("untitled:Untitled-1").unwrap();
        state.open(uri.clone(), "a𐐀b\r\nc", 1, "rust");
        let events = vec![
            event(Some(((0, 3), (0, 4))), "B"),
            event(Some(((1, 0), (1, 1))), ""),
            event(None, "a𐐀B\r\n𐐀"),
        ];
        assert!(state.change(&uri, 2, events));
        let snapshot = state.snapshot(&uri).unwrap();
        assert_eq!(snapshot.text.to_string(), "a𐐀B\r\n𐐀");
        assert_eq!(snapshot.version, 2);
    }

    #[test]
    fn a_change_to_a_document_never_opened_changes_nothing() {
        let state = State::default();
        let uri = Url::parse("file:///nowhere.rs").unwrap();
        assert!(!state.change(&uri, 2, vec![event(None, "text")]));
        assert!(state.snapshot(&uri).is_none());
    }
}
