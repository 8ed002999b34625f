//! What the events of one message make of the text before it, piece by piece: whether one lies over another.

use std::ops::Range;

use ropey::Rope;

use crate::text::Change;

/// Of a message with more pieces nothing is told.
const MOST: usize = 500;

/// The pieces of one message, no two touching.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The text before the message, once there is an event.
    before: Option<Rope>,
    ascending: Vec<Piece>,
    are_too_many: bool,
}

/// Characters of the text before the message, and what has become of them.
#[derive(Debug)]
struct Piece {
    before: Range<usize>,
    now: Range<usize>,
    /// All of it is what the edit says, part by part.
    is_edit: bool,
    /// Some of it is in the edit's place.
    is_in_place: bool,
    laid: Laid,
}

/// How several events make one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Laid {
    /// They do not; or they are parts of the edit which lie side by side.
    Apart,
    /// One puts in what stands where the other takes something out: some clients tell so of a replacement.
    InTwo,
    /// Nobody tells so of an edit.
    Over,
}

impl Pieces {
    /// Follows an event, as the client told it; `text` is still without it. `is_edit` is whether the edit has such
    /// a part, `is_in_place` whether it touches the edit's place.
    pub(super) fn follow(&mut self, told: &Change, text: &Rope, is_edit: bool, is_in_place: bool) {
        let before = self.before.get_or_insert_with(|| text.clone());
        self.ascending.retain(|piece| !piece.is_undone(before, text));
        self.are_too_many |= self.ascending.len() >= MOST;
        let (start, end) = (told.range.start().0, told.range.end().0);
        let n_put_in = told.text.chars().count();
        if self.are_too_many || (start == end && n_put_in == 0) {
            return;
        }
        let first = self.ascending.partition_point(|it| it.now.end < start);
        let behind = self.ascending.partition_point(|it| it.now.start <= end);
        let mut piece = Piece {
            before: self.before_of(start, first)..self.before_of(end, behind),
            now: start..end,
            is_edit,
            is_in_place,
            laid: Laid::Apart,
        };
        for other in self.ascending.drain(first..behind) {
            let laid = other.laid_under(&(start..end), n_put_in, is_edit);
            piece.take_in(&other, laid);
        }
        let moved = |at: usize| at + n_put_in - (end - start);
        piece.now.end = moved(piece.now.end);
        for later in &mut self.ascending[first..] {
            later.now = moved(later.now.start)..moved(later.now.end);
        }
        self.ascending.insert(first, piece);
    }

    /// Whether the user must have changed what the edit changed too. `text` is the text after the last event.
    pub(super) fn overlap(&self, text: &Rope) -> bool {
        let Some(before) = &self.before else { return false };
        let lies_over = |piece: &Piece| match piece.laid {
            Laid::Apart => false,
            // Who tells in two events of what goes and what comes tells of no more than differs.
            Laid::InTwo => piece.agrees_at_an_end(before, text),
            Laid::Over => !piece.is_undone(before, text),
        };
        !self.are_too_many && self.ascending.iter().any(|it| it.is_in_place && lies_over(it))
    }

    /// Where a place was in the text before the message; pieces from this index on lie behind it.
    fn before_of(&self, at: usize, behind: usize) -> usize {
        match behind.checked_sub(1).map(|idx| &self.ascending[idx]) {
            Some(piece) => piece.before.end + at.saturating_sub(piece.now.end),
            None => at,
        }
    }
}

impl Piece {
    /// How an event lies to this piece, which it touches.
    fn laid_under(&self, removed: &Range<usize>, n_put_in: usize, is_edit: bool) -> Laid {
        if removed.start < self.now.end && self.now.start < removed.end {
            return Laid::Over;
        }
        let one_goes = self.now.is_empty() && removed.is_empty();
        let one_comes = self.before.is_empty() && n_put_in == 0;
        match self.is_edit && is_edit {
            true => Laid::Apart,
            false if one_goes || one_comes => Laid::InTwo,
            false => Laid::Over,
        }
    }

    fn take_in(&mut self, other: &Self, laid: Laid) {
        let hull = |one: &Range<usize>, other: &Range<usize>| {
            one.start.min(other.start)..one.end.max(other.end)
        };
        self.before = hull(&self.before, &other.before);
        self.now = hull(&self.now, &other.now);
        self.is_edit &= other.is_edit;
        self.is_in_place |= other.is_in_place;
        self.laid = self.laid.max(other.laid).max(laid);
    }

    /// Whether all is as it was.
    fn is_undone(&self, before: &Rope, text: &Rope) -> bool {
        let was = before.get_slice(self.before.clone());
        was.is_some() && was == text.get_slice(self.now.clone())
    }

    /// Whether what was and what is begin or end with the same character.
    fn agrees_at_an_end(&self, before: &Rope, text: &Rope) -> bool {
        let was = before.get_slice(self.before.clone());
        let is = text.get_slice(self.now.clone());
        let (Some(was), Some(is)) = (was, is) else { return false };
        let agree = |one: Option<char>, other| one.is_some() && one == other;
        agree(was.get_char(0), is.get_char(0))
            || agree(was.chars_at(was.len_chars()).prev(), is.chars_at(is.len_chars()).prev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{CharIdx, CharRange};

    /// An event; whether it is a part of the edit.
    type Event = (usize, usize, &'static str, bool);

    /// Whether events of one message overlap, in the place of an edit.
    fn check(before: &str, events: &[Event], after: &str, overlap: bool) {
        let mut text = Rope::from_str(before);
        let mut pieces = Pieces::default();
        for (start, end, new, is_edit) in events {
            let range = CharRange::new(CharIdx(*start), CharIdx(*end));
            let told = Change { range, text: (*new).to_owned() };
            pieces.follow(&told, &text, *is_edit, true);
            told.apply(&mut text);
        }
        assert_eq!(text, after);
        assert_eq!(pieces.overlap(&text), overlap, "{events:?}: {pieces:?}");
    }

    #[test]
    fn an_edit_told_part_by_part_in_any_order_does_not_overlap() {
        check("abcdef", &[(4, 5, "E", true), (1, 2, "B", true)], "aBcdEf", false);
        check("abcdef", &[(1, 2, "BB", true), (6, 7, "", true)], "aBBcde", false);
        check("abcdef", &[(2, 2, "X", true), (1, 2, "", true)], "aXcdef", false);
        check("abcdef", &[(1, 5, "BCDE", false)], "aBCDEf", false);
        check("abcdef", &[(3, 4, "D", false), (1, 2, "B", false)], "aBcDef", false);
    }

    #[test]
    fn a_replacement_told_in_two_does_not_overlap() {
        check("abcdef", &[(1, 3, "", false), (1, 1, "XY", false)], "aXYdef", false);
        check("abcdef", &[(1, 1, "XY", false), (3, 5, "", false)], "aXYdef", false);
        check("abcdef", &[(1, 3, "", false), (1, 1, "bX", false)], "abXdef", true);
        check("abcdef", &[(1, 3, "", false), (1, 1, "Xc", false)], "aXcdef", true);
    }

    #[test]
    fn an_edit_over_or_beside_what_was_typed_overlaps() {
        check("abcdef", &[(2, 3, "", false), (1, 4, "XYZ", true)], "aXYZf", true);
        check("abcdef", &[(1, 2, "q", false), (1, 5, "X", true)], "aXf", true);
        check("abcdef", &[(1, 2, "", false), (1, 3, "", true)], "aef", true);
        check("abcdef", &[(1, 3, "", false), (0, 1, "", false)], "def", true);
        check("abcdef", &[(3, 3, "typed", false), (3, 8, "", true)], "abcdef", false);
        check("abcdef", &[(3, 3, "typed", false), (4, 8, "", true)], "abctdef", true);
    }

    #[test]
    fn what_was_typed_and_taken_back_does_not_count() {
        let typed = [(2, 2, "x", false), (3, 3, "y", false), (3, 4, "", false), (2, 3, "", false)];
        let edit = [(1, 5, "X", true)];
        check("abcdef", &[&typed[..], &edit[..]].concat(), "aXf", false);
        check("abcdef", &typed, "abcdef", false);
    }

    #[test]
    fn pieces_keep_their_places_while_others_grow_and_shrink() {
        let events =
            [(5, 6, "F!", false), (0, 0, "head", false), (4, 6, "", false), (8, 9, "", false)];
        check("abcdef", &events[..3], "headcdeF!", false);
        check("abcdef", &events, "headcdeF", true);
    }
}
