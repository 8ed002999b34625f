//! The place an answer is meant for, followed through everything that is typed meanwhile.

use crate::text::{Change, CharRange, Shift};

/// A range of a document that moves with the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it is now.
    pub range: CharRange,
    /// Whether anything inside was changed since; then no answer may be applied to it.
    pub touched: bool,
}

impl Region {
    /// An untouched region.
    pub fn new(range: CharRange) -> Self {
        Self { range, touched: false }
    }

    /// Moves the region as a change moves the text.
    ///
    /// What is inserted exactly at its start is before it, exactly at its end after it. An empty region has
    /// no two sides: what is typed right there touches it, since that is what the answer was to follow.
    pub fn follow(&mut self, change: &Change) {
        let (start, end) = (self.range.start(), self.range.end());
        let (from, to) = (change.range.start(), change.range.end());
        let before = to <= start && (from < start || to < end);
        let after = from >= end && (to > end || start < from);
        self.touched |= !before && !after;
        let new_start = change.map(start, Shift::After);
        let new_end = if before {
            change.map(end, Shift::After)
        } else {
            change.map(end, Shift::Before).max(new_start)
        };
        self.range = CharRange::new(new_start, new_end);
    }
}

#[cfg(test)]
mod tests {
    use ropey::Rope;

    use super::*;
    use crate::text::{CharIdx, whole_text_changes};

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
        let expected = Region { range: range(expected.0, expected.1), touched };
        assert_eq!(region, expected, "{change:?}");
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
        check_follow(5, 5, &change(5, 5, "a"), (6, 6), true);
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
}
