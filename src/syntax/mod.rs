//! What a parser knows of a text: how many errors it has, and what stands where.
//!
//! Grammars are carried behind cargo features. A language without one gets `None` everywhere, never a guess.

mod flaws;
mod grammar;
mod parsed;
mod tokens;
mod walk;

pub use flaws::{Flaw, Health};
pub use grammar::{Grammar, grammar};
pub use parsed::Parsed;
pub use tokens::Tokens;
