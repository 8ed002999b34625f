//! The text of an editor, in which every character knows where it comes from.

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

/// Where a character comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was there when the job began, at this index.
    Document(usize),
    /// The user, or a tool of the user's, wrote it since.
    User,
    /// An edit of arawn's wrote it.
    Arawn,
}

/// One character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) c: char,
    pub(crate) origin: Origin,
}

/// What columns count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    Utf8,
    Utf16,
    Utf32,
}

impl Units {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf32 => "utf-32",
        }
    }

    fn of(self, c: char) -> u64 {
        match self {
            Self::Utf8 => c.len_utf8() as u64,
            Self::Utf16 => c.len_utf16() as u64,
            Self::Utf32 => 1,
        }
    }
}

/// A text as an editor keeps it. Counts by itself, not with the code under test.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Buffer {
    pub(crate) cells: Vec<Cell>,
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

impl Buffer {
    pub(crate) fn new(text: &str) -> Self {
        let cells =
            text.chars().enumerate().map(|(idx, c)| Cell { c, origin: Origin::Document(idx) });
        Self { cells: cells.collect() }
    }

    pub(crate) fn text(&self) -> String {
        text_of(&self.cells)
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn replace(&mut self, range: Range<usize>, text: &str, origin: Origin) {
        self.cells.splice(range, text.chars().map(|c| Cell { c, origin }));
    }

    fn c(&self, idx: usize) -> Option<char> {
        self.cells.get(idx).map(|cell| cell.c)
    }

    /// Whether no CRLF is cut in two there; no editor can put a cursor into one.
    pub(crate) fn is_boundary(&self, idx: usize) -> bool {
        idx == 0 || self.c(idx - 1) != Some('\r') || self.c(idx) != Some('\n')
    }

    /// The next place at or before an index where a cursor may stand.
    pub(crate) fn boundary(&self, idx: usize) -> usize {
        let idx = idx.min(self.len());
        if self.is_boundary(idx) { idx } else { idx - 1 }
    }

    /// Whether a line ends with the character before an index.
    fn ends_line(&self, idx: usize) -> bool {
        match self.c(idx) {
            Some('\n') => true,
            Some('\r') => self.c(idx + 1) != Some('\n'),
            _ => false,
        }
    }

    /// The position of an index.
    pub(crate) fn position(&self, idx: usize, units: Units) -> Value {
        let (mut line, mut column) = (0_u64, 0_u64);
        for at in 0..idx {
            if self.ends_line(at) {
                (line, column) = (line + 1, 0);
            } else {
                column += units.of(self.cells[at].c);
            }
        }
        json!({ "line": line, "character": column })
    }

    /// The range of some indexes.
    pub(crate) fn range(&self, range: &Range<usize>, units: Units) -> Value {
        json!({ "start": self.position(range.start, units), "end": self.position(range.end, units) })
    }

    /// The index that a position names, or why it names none.
    pub(crate) fn index(&self, position: &Value, units: Units) -> Result<usize, String> {
        let line = position["line"].as_u64().ok_or("a position without a line")?;
        let column = position["character"].as_u64().ok_or("a position without a column")?;
        let mut idx = 0;
        for _ in 0..line {
            let rest = (idx..self.len()).find(|at| self.ends_line(*at));
            idx = rest.ok_or_else(|| format!("line {line} is not there"))? + 1;
        }
        let mut walked = 0;
        while walked < column {
            let c = self.c(idx).filter(|c| !matches!(c, '\n' | '\r'));
            let c = c.ok_or_else(|| format!("column {column} of line {line} is not there"))?;
            walked += units.of(c);
            idx += 1;
        }
        let is_there = walked == column;
        is_there.then_some(idx).ok_or_else(|| format!("column {column} lies inside a character"))
    }

    /// The index nearest to a position, as clients take one that is not there.
    pub(crate) fn nearest(&self, position: &Value, units: Units) -> usize {
        let line = position["line"].clone();
        let mut column = position["character"].as_u64().unwrap_or_default();
        loop {
            match self.index(&json!({ "line": line, "character": column }), units) {
                Ok(idx) => return idx,
                Err(_) if column == 0 => return self.len(),
                Err(_) => column -= 1,
            }
        }
    }
}

pub(crate) fn text_of(cells: &[Cell]) -> String {
    cells.iter().map(|cell| cell.c).collect()
}
