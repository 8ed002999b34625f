//! What a parser knows of the file around a selection.

use crate::syntax::{Import, Parsed, Symbol, enclosing, outline};
use crate::text::{CharRange, Snapshot};

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
    /// Parses a file. Takes about a millisecond for a thousand lines, so it is no work for a thread that others
    /// wait for.
    pub fn of(snapshot: &Snapshot, range: CharRange) -> Self {
        let Some(parsed) = Parsed::of(&snapshot.text, &snapshot.language) else {
            return Self::default();
        };
        let found = outline(&parsed);
        let enclosing = enclosing(&parsed, range);
        Self { imports: found.imports, symbols: found.symbols, enclosing }
    }

    /// The same on a thread where nobody waits.
    pub async fn read(snapshot: &Snapshot, range: CharRange) -> Self {
        let snapshot = snapshot.clone();
        let read = tokio::task::spawn_blocking(move || Self::of(&snapshot, range));
        // A parser that came to grief costs the outline, not the job.
        read.await.unwrap_or_default()
    }
}
