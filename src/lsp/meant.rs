//! What documents should look like once the client has done what it was asked; compared with what it sends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use ropey::Rope;
use tokio::sync::Notify;
use tower_lsp::lsp_types::Url;

use crate::edits::Region;
use crate::text::{Change, CharIdx, CharRange, Shift};

/// Rings when an edit is in the text.
#[derive(Debug, Default)]
pub(super) struct Bell {
    arrived: Notify,
    has_crossed: AtomicBool,
    has_news: AtomicBool,
    seems_taken: AtomicBool,
    came_late: AtomicBool,
    was_one: AtomicBool,
}

impl Bell {
    /// Waits until the edit is in the text. Returns whether nothing else happened to its place on the way: a
    /// client that does not check versions writes over what was typed there.
    pub(super) async fn rung(&self) -> bool {
        self.arrived.notified().await;
        !self.has_crossed.load(Ordering::Relaxed)
    }

    /// Whether the client has told of any change since the edit was sent.
    pub(super) fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Relaxed)
    }

    /// Whether something that the client told of looks like the edit, wherever it has landed.
    pub(super) fn seems_taken(&self) -> bool {
        self.seems_taken.load(Ordering::Relaxed)
    }

    /// Whether the user did what the edit does before it landed, and so it has landed somewhere else.
    pub(super) fn came_late(&self) -> bool {
        self.came_late.load(Ordering::Relaxed)
    }

    /// Whether a single change made it ring: so do clients that tell of all parts of an edit as one.
    pub(super) fn was_one(&self) -> bool {
        self.was_one.load(Ordering::Relaxed)
    }
}

/// As many bytes of an edit, found in a change, are more than chance.
const TELLING: usize = 8;

/// Edits on their way to the client.
#[derive(Debug, Default)]
pub(super) struct Meant {
    edits: Vec<Edit>,
}

/// One replacement of an edit, wherever it lands.
#[derive(Debug)]
struct Part {
    n_removed: usize,
    text: String,
    /// The client has told of such a change.
    is_seen: bool,
}

/// What happened to the place of an edit besides the edit.
#[derive(Debug, Default)]
struct Crossed {
    /// Somebody else changed the place, as far as it is known: the client tells of its edits part by part.
    surely: bool,
    /// The same, by a change that has not been looked at yet together with those that came with it.
    maybe: bool,
    /// What was put in since it was sent, in the text as it is now.
    put_in: Vec<CharRange>,
    /// Some of that was replaced again.
    wrote_over: bool,
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
    /// What it is made of.
    parts: Vec<Part>,
    /// The bell has rung.
    has_rung: bool,
    /// What else happened to its place.
    crossed: Crossed,
    /// Whether it changes more than line breaks.
    is_of_words: bool,
    /// Gone when nobody waits any more.
    bell: Weak<Bell>,
}

impl Edit {
    /// Whether a change has so much in common with a part of the edit that nobody typed it by chance.
    fn is_like(&self, change: &Change) -> bool {
        let is_in = |part: &str, whole: &str, n| part.len() >= n && whole.contains(part);
        self.parts.iter().any(|part| {
            is_in(part.text.trim(), &change.text, TELLING)
                || is_in(change.text.trim(), &part.text, 3 * TELLING)
        })
    }

    /// Whether a text is a part of the edit, or what is left of one where it agrees with what was there.
    fn is_part(&self, text: &str) -> bool {
        let is_rest = |part: &Part| text.len() >= TELLING && part.text.contains(text);
        self.parts.iter().any(|part| part.text == text || is_rest(part))
    }

    /// Whether the place holds what was meant.
    fn is_in_place(&self, text: &Rope) -> bool {
        text.get_slice(self.region.range.chars())
            .is_some_and(|now| now == self.text.as_str() || self.is_alike(&now, &self.text))
    }

    /// Whether the whole text is what was meant but for its line breaks.
    fn has_made_lines(&self, text: &Rope) -> bool {
        text.len_lines() == self.whole.len_lines() && self.is_alike(text, &self.whole)
    }

    fn is_alike(&self, text: &impl ToString, meant: &impl ToString) -> bool {
        self.is_of_words && same_lines(text, meant)
    }

    /// Whether a change replaces something of the place together with something outside.
    fn goes_beyond(&self, change: &Change) -> bool {
        let (start, end) = (self.region.range.start(), self.region.range.end());
        let (from, to) = (change.range.start(), change.range.end());
        (from < start && start < to) || (from < end && end < to)
    }

    /// Notes that a change may be a part of the edit. Returns whether it comes when all seemed to be done.
    fn see(&mut self, change: &Change) -> bool {
        let part = self.parts.iter_mut().find(|part| !part.is_seen && part.is_like(change));
        let is_new = part.map(|part| part.is_seen = true).is_some();
        is_new && self.has_rung
    }

    /// Notes what a change puts in, and whether it replaces what another put in.
    fn note(&mut self, change: &Change) {
        let (from, to) = (change.range.start(), change.range.end());
        let is_hit = |it: &CharRange| from < it.end() && it.start() < to;
        self.crossed.wrote_over |= self.crossed.put_in.iter().any(is_hit);
        for range in &mut self.crossed.put_in {
            let start = change.map(range.start(), Shift::After);
            *range = CharRange::new(start, change.map(range.end(), Shift::Before).max(start));
        }
        self.crossed
            .put_in
            .push(CharRange::new(from, CharIdx(from.0 + change.text.chars().count())));
    }
}

impl Part {
    fn of(change: Change) -> Self {
        Self { n_removed: change.range.len(), text: change.text, is_seen: false }
    }

    fn is_like(&self, change: &Change) -> bool {
        self.n_removed == change.range.len() && self.text == change.text
    }
}

/// Whether texts are alike but for their line breaks: some clients allow one in a document and turn all others
/// into it.
fn same_lines(one: &impl ToString, other: &impl ToString) -> bool {
    one.to_string().replace("\r\n", "\n") == other.to_string().replace("\r\n", "\n")
}

impl Meant {
    /// Notes an edit. The returned bell rings when it is in the text; without it the edit is forgotten.
    pub(super) fn expect(
        &mut self,
        uri: &Url,
        before: &Rope,
        whole: Rope,
        place: CharRange,
        text: String,
        changes: Vec<Change>,
    ) -> Arc<Bell> {
        let bell = Arc::new(Bell::default());
        let is_of_words = before.len_lines() != whole.len_lines() || !same_lines(before, &whole);
        self.edits.push(Edit {
            uri: uri.clone(),
            whole,
            region: Region::new(place).taking_in(),
            text,
            parts: changes.into_iter().map(Part::of).collect(),
            has_rung: false,
            crossed: Crossed::default(),
            is_of_words,
            bell: Arc::downgrade(&bell),
        });
        bell
    }

    /// Forgets the edits of a document that is closed. Versions begin anew with the next one of that name, so that
    /// an edit which is still under way may land in it.
    pub(super) fn forget(&mut self, uri: &Url) {
        self.edits.retain(|edit| {
            let is_concerned = edit.uri == *uri;
            if is_concerned && let Some(bell) = edit.bell.upgrade() {
                bell.has_news.store(true, Ordering::Relaxed);
            }
            !is_concerned
        });
    }

    /// Follows a change.
    pub(super) fn follow(&mut self, uri: &Url, change: &Change) {
        self.edits.retain(|edit| edit.bell.strong_count() > 0);
        for edit in self.edits.iter_mut().filter(|edit| edit.uri == *uri) {
            if let Some(bell) = edit.bell.upgrade() {
                bell.has_news.store(true, Ordering::Relaxed);
                if edit.is_like(change) {
                    bell.seems_taken.store(true, Ordering::Relaxed);
                }
                if edit.see(change) {
                    bell.came_late.store(true, Ordering::Relaxed);
                }
            }
            edit.note(change);
            edit.region.touched = false;
            edit.crossed.surely |= edit.goes_beyond(change);
            edit.region.follow(change);
            edit.crossed.maybe |= edit.region.touched && !edit.is_part(&change.text);
        }
    }

    /// Rings for the edits that have made the whole text what it should be. To be called after each event.
    pub(super) fn compare(&mut self, uri: &Url, text: &Rope) {
        let is_made =
            |edit: &Edit| edit.whole.len_bytes() == text.len_bytes() && edit.whole == *text;
        // Nothing is lost of what was typed, unless it was written over.
        self.ring(uri, is_made, |edit| edit.crossed.wrote_over);
        for edit in self.edits.iter_mut().filter(|edit| edit.uri == *uri) {
            edit.crossed.surely |= edit.crossed.maybe && !edit.is_in_place(text);
            edit.crossed.maybe = false;
        }
    }

    /// Rings for the edits that have got to their place, whatever was typed elsewhere at the same moment.
    ///
    /// Only after all changes of a notification: a part of an edit may be the whole of nothing.
    pub(super) fn compare_places(&mut self, uri: &Url, text: &Rope) {
        self.ring(
            uri,
            |edit| edit.has_made_lines(text),
            |edit| edit.crossed.surely && edit.crossed.wrote_over,
        );
        self.ring(
            uri,
            |edit| edit.is_in_place(text),
            |edit| edit.crossed.surely || edit.crossed.wrote_over,
        );
    }

    fn ring(
        &mut self,
        uri: &Url,
        is_made: impl Fn(&Edit) -> bool,
        has_crossed: impl Fn(&Edit) -> bool,
    ) {
        for edit in self.edits.iter_mut().filter(|edit| edit.uri == *uri && !edit.has_rung) {
            let Some(bell) = edit.bell.upgrade() else { continue };
            if is_made(edit) {
                bell.has_crossed.store(has_crossed(edit), Ordering::Relaxed);
                bell.arrived.notify_one();
                edit.has_rung = true;
                bell.was_one.store(edit.crossed.put_in.len() == 1, Ordering::Relaxed);
                if bell.seems_taken() {
                    edit.parts.iter_mut().for_each(|part| part.is_seen = true);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Expects `b` to become `B!` in three lines, and plays changes as single events. Returns whether the bell
    /// rings, and whether nothing had crossed.
    fn check(changes: &[(usize, usize, &str)], expected: Option<bool>) {
        let uri = Url::parse("untitled:1").unwrap();
        let range = |start, end| CharRange::new(CharIdx(start), CharIdx(end));
        let mut text = Rope::from_str("a\nb\nc\n");
        let mut meant = Meant::default();
        let whole = Rope::from_str("a\nB!\nc\n");
        let part =
            |start, end, text: &str| Change { range: range(start, end), text: text.to_owned() };
        let parts = vec![part(2, 3, "B"), part(3, 3, "!")];
        let bell = meant.expect(&uri, &text, whole, range(2, 4), "B!\n".to_owned(), parts);
        for (start, end, new) in changes {
            let change = Change { range: range(*start, *end), text: (*new).to_owned() };
            change.apply(&mut text);
            meant.follow(&uri, &change);
            meant.compare(&uri, &text);
        }
        meant.compare_places(&uri, &text);
        assert_eq!(bell.rung().now_or_never(), expected, "{changes:?}");
        assert!(bell.has_news());
    }

    #[test]
    fn the_bell_rings_when_the_edit_is_there_in_parts_or_as_a_whole() {
        check(&[(2, 3, "B!")], Some(true));
        check(&[(3, 3, "!"), (2, 3, "B")], Some(true));
        check(&[(0, 1, "typed"), (6, 7, "B!")], Some(true));
        check(&[(3, 3, "!")], None);
        check(&[(0, 1, "B!")], None);
    }

    #[test]
    fn what_the_client_tells_in_other_pieces_has_not_crossed() {
        check(&[(1, 2, "\nB"), (3, 5, "!\n")], Some(true));
        check(&[(2, 6, "B!\nc\n")], Some(true));
    }

    #[test]
    fn an_edit_that_the_user_had_made_already_lands_elsewhere() {
        let uri = Url::parse("untitled:1").unwrap();
        let change = |start, end, text: &str| Change {
            range: CharRange::new(CharIdx(start), CharIdx(end)),
            text: text.to_owned(),
        };
        let before = Rope::from_str("a  \nb  \n");
        let mut text = before.clone();
        let mut meant = Meant::default();
        let whole = Rope::from_str("a\nb  \n");
        let (place, parts) = (change(0, 4, "").range, vec![change(1, 3, "")]);
        let bell = meant.expect(&uri, &before, whole, place, "a\n".to_owned(), parts);
        for (typed, came_late) in [(change(0, 3, "a"), false), (change(1, 3, ""), true)] {
            typed.apply(&mut text);
            meant.follow(&uri, &typed);
            meant.compare(&uri, &text);
            assert_eq!(bell.came_late(), came_late, "{typed:?}");
        }
        assert_eq!(bell.rung().now_or_never(), Some(true));
    }

    #[test]
    fn an_edit_of_line_breaks_has_not_arrived_before_they_are_there() {
        let uri = Url::parse("untitled:1").unwrap();
        let mut meant = Meant::default();
        let mut text = Rope::from_str("a\n");
        let place = CharRange::new(CharIdx(0), CharIdx(2));
        let whole = Rope::from_str("a\r\n");
        let change =
            Change { range: CharRange::new(CharIdx(1), CharIdx(1)), text: "\r".to_owned() };
        let parts = vec![change.clone()];
        let bell = meant.expect(&uri, &text, whole, place, "a\r\n".to_owned(), parts);
        meant.compare_places(&uri, &text);
        assert_eq!(bell.rung().now_or_never(), None);
        change.apply(&mut text);
        meant.follow(&uri, &change);
        meant.compare(&uri, &text);
        assert_eq!(bell.rung().now_or_never(), Some(true));
    }

    #[test]
    fn an_edit_that_wrote_over_typing_has_crossed_with_it() {
        check(&[(2, 3, "typed"), (2, 7, "B!")], Some(false));
    }
}
