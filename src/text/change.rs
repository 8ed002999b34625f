//! Changes to text, and how positions move through them.

use ropey::Rope;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{CharIdx, CharRange};

/// One replacement: the characters of `range` become `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is replaced, in the text before the change.
    pub range: CharRange,
    /// What stands there afterwards.
    pub text: String,
}

/// Which way an index goes when text is inserted exactly at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// It stays before the inserted text.
    Before,
    /// It moves behind the inserted text.
    After,
}

impl Change {
    /// Applies the change.
    ///
    /// # Panics
    /// If the range lies outside the text: the caller made it from this text.
    pub fn apply(&self, text: &mut Rope) {
        text.remove(self.range.chars());
        text.insert(self.range.start().0, &self.text);
    }

    /// Where an index of the text before the change lies after it.
    ///
    /// An index inside the replaced range goes to the side that `shift` names.
    pub fn map(&self, idx: CharIdx, shift: Shift) -> CharIdx {
        let (start, end) = (self.range.start(), self.range.end());
        let inserted = self.text.chars().count();
        let at_insertion = start == end && idx == start;
        if idx < start
            || (idx == start && !at_insertion)
            || (at_insertion && shift == Shift::Before)
        {
            idx
        } else if idx >= end {
            CharIdx(idx.0 - self.range.len() + inserted)
        } else {
            match shift {
                Shift::Before => start,
                Shift::After => CharIdx(start.0 + inserted),
            }
        }
    }
}

/// The changes that make `new` out of `old`, for clients and formatters that send the whole text.
///
/// Found line by line, so that positions in untouched lines are kept. Ordered from the end of the text to
/// its start: applied in this order, each range is still right.
pub fn whole_text_changes(old: &Rope, new: &str) -> Vec<Change> {
    let new_rope = Rope::from_str(new);
    let old_lines: Vec<String> = old.lines().map(|line| line.to_string()).collect();
    let new_lines: Vec<String> = new_rope.lines().map(|line| line.to_string()).collect();
    let mut changes: Vec<Change> = capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| {
            let old_range = op.old_range();
            let start = old.line_to_char(old_range.start.min(old.len_lines()));
            let end = old.line_to_char(old_range.end.min(old.len_lines()));
            Change {
                range: CharRange::new(CharIdx(start), CharIdx(end)),
                text: new_lines[op.new_range()].concat(),
            }
        })
        .collect();
    changes.reverse();
    changes
}
