//! Prompts: what is asked of a model for an action on a selection.
//!
//! The order is fixed, so that a server's prompt cache keeps the front: system, rules, imports and outline of the
//! file, lines around, selection, and last the instruction. Text of the file stands in fences longer than any in it.

mod again;
mod compose;
mod render;

pub use again::{Rejected, ask_again};
pub use compose::{Complaint, Material, PromptError, compose};
pub use render::check_template;
