//! What documents should look like once the client has done what it was asked; compared with what it sends.

mod edit;
mod pieces;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ropey::Rope;
use tokio::sync::Notify;
use tower_lsp::lsp_types::Url;

use crate::text::{Change, CharRange};

use edit::Edit;

/// Rings when an edit is in the text.
#[derive(Debug, Default)]
pub(super) struct Bell {
    arrived: Notify,
    has_crossed: AtomicBool,
    has_news: AtomicBool,
    seems_taken: AtomicBool,
    came_late: AtomicBool,
    might_be_late: AtomicBool,
    was_one: AtomicBool,
    is_closed: AtomicBool,
    is_there: AtomicBool,
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

    /// The same, where somebody may have typed by chance what looks like the edit.
    pub(super) fn may_have_come_late(&self) -> bool {
        self.might_be_late.load(Ordering::Relaxed)
    }

    /// Whether the edit is in its place, as far as the client has told.
    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    /// Whether the document was closed meanwhile.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Whether a single change made it ring: so do clients that tell of all parts of an edit as one.
    pub(super) fn was_one(&self) -> bool {
        self.was_one.load(Ordering::Relaxed)
    }
}

/// Edits on their way to the client.
#[derive(Debug, Default)]
pub(super) struct Meant {
    edits: Vec<Edit>,
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
        self.edits.push(Edit::new(uri.clone(), before, whole, place, text, changes, &bell));
        bell
    }

    /// Forgets the edits of a document that is closed. Versions begin anew with the next one of that name, so that
    /// an edit which is still under way may land in it.
    pub(super) fn forget(&mut self, uri: &Url) {
        self.edits.retain(|edit| {
            let is_concerned = edit.uri == *uri;
            if is_concerned && let Some(bell) = edit.bell.upgrade() {
                bell.has_news.store(true, Ordering::Relaxed);
                bell.is_closed.store(true, Ordering::Relaxed);
            }
            !is_concerned
        });
    }

    /// Follows a change of `text`, which is still without it.
    pub(super) fn follow(&mut self, uri: &Url, change: &Change, text: &Rope) {
        self.edits.retain(|edit| edit.bell.strong_count() > 0);
        for edit in self.of(uri) {
            edit.follow(change, text);
        }
    }

    /// Whether an edit of a document is on its way.
    pub(super) fn expects(&self, uri: &Url) -> bool {
        self.edits.iter().any(|edit| edit.uri == *uri)
    }

    /// Notes an event as the client told it. To be called before its changes; `text` is still without it.
    pub(super) fn begin_event(&mut self, uri: &Url, told: &Change, text: &Rope) {
        for edit in self.of(uri) {
            edit.begin_event(told, text);
        }
    }

    /// Rings for the edits that have made the whole text what it should be. To be called after each event.
    pub(super) fn end_event(&mut self, uri: &Url, text: &Rope) {
        for edit in self.of(uri) {
            if edit.has_made(text) {
                // Nothing is lost of what was typed, unless it was written over.
                let lies_over = edit.crossed.wrote_over || edit.lies_over(text);
                edit.ring(lies_over || edit.crossed.apart);
            }
            edit.end_event(text);
        }
    }

    /// Rings for the edits that have got to their place, whatever was typed elsewhere at the same moment.
    ///
    /// Only after all events of a message: a part of an edit may be the whole of nothing.
    pub(super) fn end_message(&mut self, uri: &Url, text: &Rope) {
        for edit in self.of(uri) {
            let crossed = &edit.crossed;
            let is_mixed = crossed.surely && crossed.wrote_over;
            let has_crossed = crossed.apart || edit.lies_over(text);
            if !edit.has_rung() && edit.has_made_lines(text) {
                edit.ring(has_crossed || is_mixed);
            } else if !edit.has_rung() && edit.is_in_place(text) {
                edit.ring(has_crossed || crossed.surely || crossed.wrote_over);
            }
            edit.end_message(text);
        }
    }

    fn of(&mut self, uri: &Url) -> impl Iterator<Item = &mut Edit> {
        self.edits.iter_mut().filter(move |edit| edit.uri == *uri)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::text::CharIdx;

    fn change(start: usize, end: usize, text: &str) -> Change {
        let range = CharRange::new(CharIdx(start), CharIdx(end));
        Change { range, text: text.to_owned() }
    }

    /// Expects some parts to be made of a text, in a place of it.
    struct Play {
        uri: Url,
        text: Rope,
        meant: Meant,
        bell: Arc<Bell>,
    }

    impl Play {
        fn new(before: &str, place: (usize, usize), parts: &[(usize, usize, &str)]) -> Self {
            let uri = Url::parse("untitled:1").unwrap();
            let text = Rope::from_str(before);
            let parts: Vec<Change> =
                parts.iter().map(|(start, end, text)| change(*start, *end, text)).collect();
            let mut whole = text.clone();
            for part in parts.iter().rev() {
                part.apply(&mut whole);
            }
            let end = place.1 + whole.len_chars() - text.len_chars();
            let wanted = whole.slice(place.0..end).to_string();
            let mut meant = Meant::default();
            let place = change(place.0, place.1, "").range;
            let bell = meant.expect(&uri, &text, whole, place, wanted, parts);
            Self { uri, text, meant, bell }
        }

        /// A message with these changes, each an event.
        fn message(&mut self, changes: &[(usize, usize, &str)]) {
            for (start, end, new) in changes {
                let change = change(*start, *end, new);
                self.meant.begin_event(&self.uri, &change, &self.text);
                self.meant.follow(&self.uri, &change, &self.text);
                change.apply(&mut self.text);
                self.meant.end_event(&self.uri, &self.text);
            }
            self.meant.end_message(&self.uri, &self.text);
        }

        fn rung(&self) -> Option<bool> {
            self.bell.rung().now_or_never()
        }
    }

    /// Expects `b` to become `B!` in three lines, and plays changes as events of one message. Returns whether the
    /// bell rings, and whether nothing had crossed.
    fn check(changes: &[(usize, usize, &str)], expected: Option<bool>) {
        let mut play = Play::new("a\nb\nc\n", (2, 4), &[(2, 3, "B"), (3, 3, "!")]);
        play.message(changes);
        assert_eq!(play.rung(), expected, "{changes:?}");
        assert!(play.bell.has_news());
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
        check(&[(2, 3, ""), (2, 2, "B!")], Some(true));
        check(&[(2, 6, "B!\nc\n")], Some(true));
    }

    #[test]
    fn an_edit_that_the_user_had_made_already_lands_elsewhere() {
        let mut play = Play::new("a  \nb  \n", (0, 4), &[(1, 3, "")]);
        for (typed, came_late) in [((0, 3, "a"), false), ((1, 3, ""), true)] {
            play.message(&[typed]);
            assert_eq!(play.bell.came_late(), came_late, "{typed:?}");
        }
        assert_eq!(play.rung(), Some(true));
    }

    #[test]
    fn what_is_typed_right_after_the_edit_is_no_second_landing() {
        let mut play = Play::new("let x = 1;\n", (0, 11), &[(8, 9, "22")]);
        play.message(&[(8, 9, "22"), (10, 10, " ")]);
        assert_eq!(play.rung(), Some(true));
        assert!(!play.bell.came_late() && !play.bell.may_have_come_late());
    }

    #[test]
    fn an_edit_that_the_user_made_in_the_same_message_lands_elsewhere() {
        let mut play = Play::new("ab  \ncd\n", (0, 5), &[(2, 4, "")]);
        play.message(&[(2, 4, ""), (0, 0, "xx"), (2, 4, "")]);
        assert_eq!(play.rung(), Some(true));
        assert!(play.bell.came_late() && !play.bell.was_one());
    }

    #[test]
    fn an_edit_half_of_which_the_user_had_made_lands_elsewhere() {
        let mut play = Play::new("\ta\n\tb\n", (0, 6), &[(0, 0, "new\n"), (0, 1, "    ")]);
        play.message(&[(0, 1, "    ")]);
        assert_eq!(play.rung(), None, "it looks like the second part");
        play.message(&[(0, 0, "new\n"), (4, 5, "    ")]);
        assert_eq!(play.rung(), Some(true));
        assert!(play.bell.came_late());
    }

    #[test]
    fn an_edit_of_lines_that_the_user_has_changed_in_a_message_before_has_crossed() {
        for typed in [(2, 3, "x"), (2, 3, "")] {
            let mut play = Play::new("a\nb\nc\n", (2, 4), &[(2, 3, "B"), (3, 3, "!")]);
            play.message(&[typed]);
            assert_eq!(play.rung(), None);
            play.message(&[(2, 2 + typed.2.len(), "B!")]);
            assert_eq!(play.rung(), Some(false), "{typed:?}");
        }
    }

    #[test]
    fn parts_of_an_edit_may_come_in_messages_of_their_own() {
        for parts in [[(3, 3, "!"), (2, 3, "B")], [(2, 3, "B"), (3, 3, "!")]] {
            let mut play = Play::new("a\nb\nc\n", (2, 4), &[(2, 3, "B"), (3, 3, "!")]);
            play.message(&parts[..1]);
            assert_eq!(play.rung(), None);
            play.message(&parts[1..]);
            assert_eq!(play.rung(), Some(true), "{parts:?}");
            assert!(!play.bell.came_late());
        }
    }

    #[test]
    fn an_edit_that_is_taken_back_and_made_again_has_not_come_late() {
        let mut play = Play::new("    b\n", (0, 6), &[(0, 4, ""), (5, 5, "    ")]);
        play.message(&[(5, 5, "    "), (0, 4, "")]);
        assert_eq!(play.rung(), Some(true));
        play.message(&[(0, 0, "    "), (5, 9, "")]);
        play.message(&[(5, 5, "    "), (0, 4, "")]);
        assert!(!play.bell.came_late());
        play.message(&[(0, 0, "    ")]);
        assert!(!play.bell.came_late(), "the user types what was a part of it elsewhere");
    }

    #[test]
    fn an_edit_of_line_breaks_has_not_arrived_before_they_are_there() {
        let mut play = Play::new("a\n", (0, 2), &[(1, 1, "\r")]);
        play.message(&[]);
        assert_eq!(play.rung(), None);
        play.message(&[(1, 1, "\r")]);
        assert_eq!(play.rung(), Some(true));
    }

    #[test]
    fn an_edit_beside_what_the_user_took_out_has_crossed_with_it() {
        // "abc\n" is to become "X\n".
        for (typed, edit) in [((1, 3, ""), (1, 2, "X")), ((0, 1, "q"), (0, 4, "X"))] {
            let mut play = Play::new("\nabc\n", (1, 5), &[(1, 4, "X")]);
            play.message(&[typed, edit]);
            let is_there = play.text == "\nX\n";
            assert_eq!(play.rung(), is_there.then_some(false), "{typed:?}");
        }
        let mut play = Play::new("abc\n", (0, 4), &[(0, 3, "X")]);
        play.message(&[(0, 2, ""), (0, 1, "X")]);
        assert_eq!(play.rung(), Some(false));
    }

    #[test]
    fn an_edit_that_wrote_over_typing_has_crossed_with_it() {
        check(&[(2, 3, "typed"), (2, 7, "B!")], Some(false));
    }
}
