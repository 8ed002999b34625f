//! What documents should look like once the client has done what it was asked; compared with what it sends.

use std::sync::{Arc, Weak};

use ropey::Rope;
use tokio::sync::Notify;
use tower_lsp::lsp_types::Url;

use crate::edits::Region;
use crate::text::{Change, CharRange};

/// Edits on their way to the client.
#[derive(Debug, Default)]
pub(super) struct Meant {
    edits: Vec<Edit>,
}

/// One of them.
#[derive(Debug)]
struct Edit {
    uri: Url,
    /// The whole text after it.
    whole: Rope,
    /// The place it is for, in the text as it is now.
    region: Region,
    /// What is to stand there.
    text: String,
    /// Gone when nobody waits any more.
    bell: Weak<Notify>,
}

impl Meant {
    /// Notes an edit. The returned bell rings when it is in the text; without it the edit is forgotten.
    pub(super) fn expect(
        &mut self,
        uri: &Url,
        whole: Rope,
        place: CharRange,
        text: String,
    ) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        let region = Region::new(place).taking_in();
        let uri = uri.clone();
        self.edits.push(Edit { uri, whole, region, text, bell: Arc::downgrade(&bell) });
        bell
    }

    /// Forgets the edits of a document that is closed.
    pub(super) fn forget(&mut self, uri: &Url) {
        self.edits.retain(|edit| edit.uri != *uri);
    }

    /// Follows a change.
    pub(super) fn follow(&mut self, uri: &Url, change: &Change) {
        self.edits.retain(|edit| edit.bell.strong_count() > 0);
        for edit in self.edits.iter_mut().filter(|edit| edit.uri == *uri) {
            edit.region.follow(change);
        }
    }

    /// Rings for the edits that have made the whole text what it should be.
    pub(super) fn compare(&mut self, uri: &Url, text: &Rope) {
        let is_made =
            |edit: &Edit| edit.whole.len_bytes() == text.len_bytes() && edit.whole == *text;
        self.ring(uri, is_made);
    }

    /// Rings for the edits that have got to their place, whatever was typed elsewhere at the same moment.
    ///
    /// Only after all changes of a notification: a part of an edit may be the whole of nothing.
    pub(super) fn compare_places(&mut self, uri: &Url, text: &Rope) {
        let is_made = |edit: &Edit| {
            text.get_slice(edit.region.range.chars()).is_some_and(|now| now == edit.text.as_str())
        };
        self.ring(uri, is_made);
    }

    fn ring(&mut self, uri: &Url, is_made: impl Fn(&Edit) -> bool) {
        self.edits.retain(|edit| {
            let Some(bell) = edit.bell.upgrade() else { return false };
            let rings = edit.uri == *uri && is_made(edit);
            if rings {
                bell.notify_one();
            }
            !rings
        });
    }
}
