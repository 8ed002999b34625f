//! Text as a value: documents, snapshots, positions, and changes that map positions.
//!
//! Knows nothing of LSP, models or files.

mod change;
mod diff;
mod document;
mod invisible;
mod language;
mod position;

pub use change::{Change, Shift};
pub use diff::{changes_between, whole_text_changes};
pub use document::{Document, Snapshot};
pub use invisible::{is_invisible, is_joiner, new_invisible, with_names, without_invisible};
pub use language::language_of;
pub use position::{CharIdx, CharRange, Encoding, Position, from_position, line_end, to_position};
