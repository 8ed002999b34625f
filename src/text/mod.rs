//! Text as a value: documents, snapshots, positions, and changes that map positions.
//!
//! Knows nothing of LSP, models or files.

mod change;
mod document;
mod position;

pub use change::{Change, Shift, whole_text_changes};
pub use document::{Document, Snapshot};
pub use position::{CharIdx, CharRange, Encoding, Position, from_position, line_end, to_position};
