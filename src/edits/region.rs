//! The place an answer is meant for, followed through everything that is typed meanwhile.

use ropey::Rope;

use crate::text::{Change, CharIdx, CharRange, Shift, whole_text_changes};

/// A range of a document that moves with the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it is now.
    pub range: CharRange,
    /// Whether anything inside was changed since.
    pub touched: bool,
    /// Whether all of it was replaced together with text around it: then nobody can tell what of it is inside.
    pub is_lost: bool,
    /// Where what is inserted exactly at a border belongs inside.
    takes_in: Borders,
}

/// The borders of a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Borders {
    start: bool,
    end: bool,
}

impl Region {
    /// An untouched region.
    pub fn new(range: CharRange) -> Self {
        Self { range, touched: false, is_lost: false, takes_in: Borders::default() }
    }

    /// The region with borders that take in what is inserted exactly at them.
    #[must_use]
    pub fn taking_in(self) -> Self {
        Self { takes_in: Borders { start: true, end: true }, ..self }
    }

    /// Moves the region as a change moves the text.
    ///
    /// What is inserted exactly at its start is before it, exactly at its end after it, with two exceptions.
    /// An empty region takes it in, since it is where the answer was to go. And where a border was deleted
    /// together with text inside of it, what is put in its place later is inside: so does an undo. What takes the
    /// place of the whole region is inside, with all that was replaced together with it.
    pub fn follow(&mut self, change: &Change) {
        let (start, end) = (self.range.start(), self.range.end());
        let (from, to) = (change.range.start(), change.range.end());
        let is_insertion = from == to;
        let takes_in_start = self.takes_in.start || self.range.is_empty();
        let is_taken_in = is_insertion
            && ((takes_in_start && from == start) || (self.takes_in.end && from == end));
        let is_swallowed =
            from <= start && end <= to && from < to && (from < start || start < end) && start < to;
        if is_swallowed {
            // The place itself is gone: it is somewhere in what was put there instead.
            self.range = CharRange::new(from, change.map(to, Shift::After));
            self.touched = true;
            self.takes_in = Borders { start: true, end: true };
            self.is_lost |= from < start || end < to;
            return;
        }
        let before = !is_taken_in && to <= start && (from < start || to < end);
        let after = !is_taken_in && from >= end && (to > end || start < from);
        let is_outside = before || after;
        if !is_outside {
            self.touched = true;
            self.takes_in.start |= !is_insertion && from <= start;
            self.takes_in.end |= !is_insertion && to >= end;
        }
        let new_start = change.map(start, if is_taken_in { Shift::Before } else { Shift::After });
        let new_end = if before || is_taken_in {
            change.map(end, Shift::After)
        } else {
            change.map(end, Shift::Before).max(new_start)
        };
        self.range = CharRange::new(new_start, new_end);
    }

    /// The region of a document that went from `before` to `now` by these changes.
    ///
    /// What was touched and is again as it was (an undo, a formatter that writes everything anew) counts as
    /// untouched, if the place can be told from what stands around it.
    pub fn followed<'a>(
        range: CharRange,
        changes: impl IntoIterator<Item = &'a Change>,
        before: &Rope,
        now: &Rope,
    ) -> Self {
        let (mut region, edge) = Self::along(range, changes, before);
        region.take_in_line_start(range, edge, before, now);
        region.is_lost |= region.has_lost_line_start(range, edge, before, now);
        if !region.touched {
            return region;
        }
        let mut net = Self::new(range);
        let mut edge = Self::new(line_break_before(range, before));
        for change in whole_text_changes(before, &now.to_string()) {
            net.follow(&change);
            edge.follow(&change);
        }
        net.take_in_line_start(range, edge, before, now);
        // Elsewhere there may be a copy of the same text, or half of one next to it.
        let is_there = !net.touched && (now == before || region.contains(net));
        if is_there { net } else { region }
    }

    /// The region, and the line break before it, after these changes.
    ///
    /// Where a text is again what it was some changes ago, everything in it is again where it was: that is how an
    /// undo looks from here.
    fn along<'a>(
        range: CharRange,
        changes: impl IntoIterator<Item = &'a Change>,
        before: &Rope,
    ) -> (Self, Self) {
        let (mut region, mut edge) =
            (Self::new(range), Self::new(line_break_before(range, before)));
        let mut text = before.clone();
        let mut states = vec![(text.clone(), region, edge)];
        for change in changes {
            region.follow(change);
            edge.follow(change);
            if change.range.end().0 > text.len_chars() {
                // They are not changes of this text.
                states.clear();
                continue;
            }
            change.apply(&mut text);
            let same = states.iter().rposition(|(it, ..)| {
                it.len_bytes() == text.len_bytes()
                    && it.len_chars() == text.len_chars()
                    && *it == text
            });
            if let Some(idx) = same {
                states.truncate(idx + 1);
                (_, region, edge) = states[idx].clone();
            } else {
                states.push((text.clone(), region, edge));
            }
        }
        (region, edge)
    }

    /// Takes in what was typed in front of the first of several lines: it is part of that line.
    fn take_in_line_start(&mut self, range: CharRange, edge: Self, before: &Rope, now: &Rope) {
        let (first, last) = (range.start().0, range.end().0);
        let has_whole_line =
            begins_line(first, before) && before.char_to_line(first) < before.char_to_line(last);
        let start = self.range.start();
        let line_start = CharIdx(now.line_to_char(now.char_to_line(start.0)));
        // At the start of the text there is no line break before it that could go.
        let has_edge = first == 0 || (!edge.touched && edge.range.end() <= line_start);
        if has_whole_line && has_edge && line_start < start {
            self.range = CharRange::new(line_start, self.range.end());
            self.touched = true;
        }
    }

    /// Whether it began a line, and what stood in the line above has come in front of it. Above the first line
    /// there is none.
    fn has_lost_line_start(self, range: CharRange, edge: Self, before: &Rope, now: &Rope) -> bool {
        let start = self.range.start().0.min(now.len_chars());
        let had_line_above = range.start().0 > 0 && begins_line(range.start().0, before);
        had_line_above && edge.touched && !begins_line(start, now)
    }

    fn contains(self, other: Self) -> bool {
        self.range.start() <= other.range.start() && other.range.end() <= self.range.end()
    }
}

/// Whether a line begins at a character.
fn begins_line(char_idx: usize, text: &Rope) -> bool {
    text.line_to_char(text.char_to_line(char_idx)) == char_idx
}

/// The character before a range, which ends the line above where the range begins one; empty at the start of
/// the text.
fn line_break_before(range: CharRange, text: &Rope) -> CharRange {
    let start = range.start().0.min(text.len_chars());
    CharRange::new(CharIdx(start.saturating_sub(1)), CharIdx(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(start: usize, end: usize, text: &str) -> Change {
        Change { range: range(start, end), text: text.to_owned() }
    }

    fn range(start: usize, end: usize) -> CharRange {
        CharRange::new(CharIdx(start), CharIdx(end))
    }

    fn check_follow(
        start: usize,
        end: usize,
        change: &Change,
        expected: (usize, usize),
        touched: bool,
    ) {
        let mut region = Region::new(range(start, end));
        region.follow(change);
        let expected = (range(expected.0, expected.1), touched);
        assert_eq!((region.range, region.touched), expected, "{change:?}");
    }

    #[test]
    fn what_takes_the_place_of_all_of_it_is_inside() {
        check_follow(5, 9, &change(4, 12, "xy"), (4, 6), true);
        check_follow(5, 9, &change(5, 9, "xy"), (5, 7), true);
        check_follow(5, 5, &change(3, 8, "xyz"), (3, 6), true);
        check_follow(5, 5, &change(3, 5, "xyz"), (6, 6), false);
    }

    #[test]
    fn what_is_typed_in_front_of_its_first_line_is_part_of_that_line() {
        let before = Rope::from_str("a\nb\nc\nd\n");
        let check = |at: usize, text: &str, expected: (usize, usize), touched: bool| {
            let typed = change(at, at, text);
            let mut now = before.clone();
            typed.apply(&mut now);
            let region = Region::followed(range(2, 6), [&typed], &before, &now);
            assert_eq!((region.range, region.touched), (range(expected.0, expected.1), touched));
        };
        check(2, "// ", (2, 9), true);
        check(2, "// x\n", (7, 11), false);
        check(2, "// x\n\t", (7, 12), true);
        check(1, "x", (3, 7), false);
        check(6, "x", (2, 6), false);
    }

    #[test]
    fn what_is_typed_in_front_of_the_first_line_of_all_is_part_of_it() {
        let (region, inside) = followed("a\nb\nc\n", (0, 4), &[change(0, 0, "x")]);
        assert!(region.touched);
        assert_eq!(inside, "xa\nb\n");
    }

    #[test]
    fn what_is_typed_in_front_of_the_only_line_selected_at_the_start_of_a_text_is_before_it() {
        let (region, now) = followed("let x = 1;\nlet y;\n", (0, 10), &[change(0, 0, " ")]);
        assert_eq!((now.as_str(), region.touched, region.is_lost), ("let x = 1;", false, false));
    }

    #[test]
    fn a_line_that_is_joined_to_the_one_above_is_lost() {
        let joined = [change(1, 2, "typed")];
        let (region, _) = followed("a\nb\nc\n", (2, 4), &joined);
        assert!(region.is_lost);
        let (region, _) = followed("a\nb\nc\n", (2, 4), &[change(1, 2, "typed\n")]);
        assert!(!region.is_lost);
        let (region, _) = followed("a\nb\nc\n", (3, 4), &joined);
        assert!(!region.is_lost, "it began inside of a line");
    }

    #[test]
    fn typing_around_it_moves_it() {
        check_follow(5, 9, &change(0, 0, "ab"), (7, 11), false);
        check_follow(5, 9, &change(5, 5, "ab"), (7, 11), false);
        check_follow(5, 9, &change(2, 5, ""), (2, 6), false);
        check_follow(5, 9, &change(2, 5, "x"), (3, 7), false);
        check_follow(5, 9, &change(9, 9, "ab"), (5, 9), false);
        check_follow(5, 9, &change(9, 12, "x"), (5, 9), false);
        check_follow(5, 9, &change(20, 22, ""), (5, 9), false);
    }

    #[test]
    fn any_change_inside_touches_it() {
        check_follow(5, 9, &change(6, 6, "a"), (5, 10), true);
        check_follow(5, 9, &change(8, 9, ""), (5, 8), true);
        check_follow(5, 9, &change(5, 6, ""), (5, 8), true);
        check_follow(5, 9, &change(4, 6, ""), (4, 7), true);
        check_follow(5, 9, &change(8, 11, ""), (5, 8), true);
        check_follow(5, 9, &change(5, 9, ""), (5, 5), true);
        check_follow(5, 9, &change(0, 20, ""), (0, 0), true);
    }

    #[test]
    fn an_empty_region_is_touched_by_typing_right_there() {
        check_follow(5, 5, &change(5, 5, "a"), (5, 6), true);
        check_follow(5, 5, &change(4, 5, ""), (4, 4), false);
        check_follow(5, 5, &change(5, 6, ""), (5, 5), false);
        check_follow(5, 5, &change(4, 4, "a"), (6, 6), false);
    }

    #[test]
    fn a_whole_text_that_leaves_it_alone_only_moves_it() {
        let old = Rope::from_str("use b;\nuse a;\nfn f() {\n    x\n}\nfn g(){}\n");
        let new = "use a;\nuse b;\n\nfn f() {\n    x\n}\n\nfn g() {}\n";
        let start = old.to_string().find("fn f").unwrap();
        let end = old.to_string().find("fn g").unwrap();
        let mut region = Region::new(range(start, end));
        for change in whole_text_changes(&old, new) {
            region.follow(&change);
        }
        assert!(!region.touched);
        let now: String =
            new.chars().skip(region.range.start().0).take(region.range.len()).collect();
        assert_eq!(now, "fn f() {\n    x\n}\n");
    }

    /// Applies changes to a text and follows a region through them.
    fn followed(text: &str, region: (usize, usize), changes: &[Change]) -> (Region, String) {
        let before = Rope::from_str(text);
        let mut now = before.clone();
        for change in changes {
            change.apply(&mut now);
        }
        let region = Region::followed(range(region.0, region.1), changes, &before, &now);
        let inside = now.slice(region.range.chars()).to_string();
        (region, inside)
    }

    #[test]
    fn a_change_and_its_undo_leave_it_untouched() {
        let text = "0123456789";
        for (from, to, typed) in
            [(5, 7, ""), (7, 9, "x"), (4, 6, ""), (8, 10, "yy"), (0, 10, ""), (5, 9, "")]
        {
            let undo = change(from, from + typed.len(), &text[from..to]);
            let (region, inside) = followed(text, (5, 9), &[change(from, to, typed), undo]);
            assert!(!region.touched, "{from} {to} {typed:?}");
            assert_eq!(inside, "5678", "{from} {to} {typed:?}");
        }
    }

    #[test]
    fn an_undo_leaves_it_untouched_whatever_is_typed_elsewhere_later() {
        for (range, typed) in [((5, 5), change(5, 8, "")), ((5, 5), change(3, 8, "xy"))] {
            let undo = change(
                typed.range.start().0,
                typed.range.start().0 + typed.text.len(),
                &"0123456789"[typed.range.chars()],
            );
            let (region, inside) =
                followed("0123456789", range, &[typed, undo, change(8, 9, ""), change(0, 1, "")]);
            assert_eq!((region.touched, inside.as_str()), (false, ""));
            assert_eq!(region.range.start().0, 4);
        }
    }

    #[test]
    fn an_equal_text_that_lies_half_inside_is_not_taken_for_it() {
        let typed = [change(2, 2, "    "), change(8, 8, "\n")];
        let (region, inside) = followed("}\n\n\n", (2, 4), &typed);
        assert!(region.touched);
        assert_eq!(inside, "    \n\n");
    }

    #[test]
    fn what_is_typed_in_place_of_a_border_is_inside() {
        let (region, inside) =
            followed("0123456789", (5, 9), &[change(7, 9, ""), change(7, 7, "xy")]);
        assert!(region.touched);
        assert_eq!(inside, "56xy");
        let (region, inside) =
            followed("0123456789", (5, 9), &[change(5, 6, ""), change(5, 5, "x")]);
        assert!(region.touched);
        assert_eq!(inside, "x678");
    }

    #[test]
    fn a_copy_of_the_text_elsewhere_is_not_taken_for_it() {
        let changes = [change(0, 0, "abc\n"), change(5, 6, "")];
        let (region, inside) = followed("abc\nd\n", (0, 4), &changes);
        assert!(region.touched);
        assert_eq!(inside, "ac\n");
    }
}
