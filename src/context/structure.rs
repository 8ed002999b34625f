//! What a parser knows of the file around a selection.

use crate::syntax::{Import, Parsed, Symbol, enclosing, outline};
use crate::text::CharRange;

/// What a file declares and brings in, and what the selection stands in.
///
/// Empty for a language without a grammar, and for a text that takes too long to parse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// The file's imports.
    pub imports: Vec<Import>,
    /// What it declares.
    pub symbols: Vec<Symbol>,
    /// The declarations around the selection, outermost first.
    pub enclosing: Vec<Symbol>,
}

impl Structure {
    /// What a parser found in a file with a selection.
    pub fn of(parsed: &Parsed, selected: CharRange) -> Self {
        let found = outline(parsed);
        let enclosing = enclosing(parsed, selected);
        Self { imports: found.imports, symbols: found.symbols, enclosing }
    }
}
