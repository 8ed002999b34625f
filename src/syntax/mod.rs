//! What a parser knows of a text: how many errors it has, and what stands where.
//!
//! Grammars are carried behind cargo features. A language without one gets `None` everywhere, never a guess.

mod grammar;
mod parsed;

pub use grammar::{Grammar, grammar};
pub use parsed::{Flaw, Parsed};
