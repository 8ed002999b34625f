//! Changes to text, and how positions move through them.

use ropey::Rope;

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
