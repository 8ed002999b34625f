//! Positions in text: character indexes inside, line and column in three encodings at the rim.

use std::ops::Range;

use ropey::{Rope, RopeSlice};

/// Index of a Unicode scalar value in a text, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CharIdx(pub usize);

/// A half-open range of characters; `start <= end` always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CharRange {
    start: CharIdx,
    end: CharIdx,
}

impl CharRange {
    /// The range between two indexes, in whichever order they are given.
    pub fn new(a: CharIdx, b: CharIdx) -> Self {
        Self { start: a.min(b), end: a.max(b) }
    }

    /// The first character's index.
    pub fn start(self) -> CharIdx {
        self.start
    }

    /// The index after the last character.
    pub fn end(self) -> CharIdx {
        self.end
    }

    /// Number of characters.
    pub fn len(self) -> usize {
        self.end.0 - self.start.0
    }

    /// Whether it holds no character.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// As plain numbers, for ropes.
    pub fn chars(self) -> Range<usize> {
        self.start.0..self.end.0
    }
}

/// What a column counts: bytes, UTF-16 code units or characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, the protocol's default.
    Utf16,
    /// Characters.
    Utf32,
}

/// A zero-based line and a column in some [`Encoding`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Zero-based line. Lines end with `\n`, `\r\n` or `\r`, as in LSP.
    pub line: u32,
    /// Zero-based column.
    pub column: u32,
}

/// Finds the character a position names.
///
/// A line past the end is the end of the text; a column past the line's end is the line's end (before its
/// line break); a column inside a character is that character's start. LSP asks for the second.
pub fn from_position(text: &Rope, position: Position, encoding: Encoding) -> CharIdx {
    let line_idx = position.line as usize;
    if line_idx >= text.len_lines() {
        return CharIdx(text.len_chars());
    }
    let start = text.line_to_char(line_idx);
    let line = without_break(text.line(line_idx));
    let column = position.column as usize;
    let within = match encoding {
        Encoding::Utf8 => line.byte_to_char(column.min(line.len_bytes())),
        Encoding::Utf16 => line.utf16_cu_to_char(column.min(line.len_utf16_cu())),
        Encoding::Utf32 => column.min(line.len_chars()),
    };
    CharIdx(start + within)
}

/// Names a character by line and column. An index past the end is the end.
pub fn to_position(text: &Rope, idx: CharIdx, encoding: Encoding) -> Position {
    let idx = idx.0.min(text.len_chars());
    let line_idx = text.char_to_line(idx);
    let start = text.line_to_char(line_idx);
    let before = text.slice(start..idx);
    let column = match encoding {
        Encoding::Utf8 => before.len_bytes(),
        Encoding::Utf16 => before.len_utf16_cu(),
        Encoding::Utf32 => before.len_chars(),
    };
    Position { line: to_u32(line_idx), column: to_u32(column) }
}

/// The end of a line, before its line break.
pub fn line_end(text: &Rope, line_idx: usize) -> CharIdx {
    if line_idx >= text.len_lines() {
        return CharIdx(text.len_chars());
    }
    CharIdx(text.line_to_char(line_idx) + without_break(text.line(line_idx)).len_chars())
}

fn without_break(line: RopeSlice<'_>) -> RopeSlice<'_> {
    let mut len = line.len_chars();
    if len > 0 && line.char(len - 1) == '\n' {
        len -= 1;
    }
    if len > 0 && line.char(len - 1) == '\r' {
        len -= 1;
    }
    line.slice(..len)
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
