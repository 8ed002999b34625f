//! What a parser knows of a text: how many errors it has, and what stands where.
//!
//! Grammars are carried behind cargo features. A language without one gets `None` everywhere, never a guess.

mod flaws;
mod grammar;
mod kinds;
mod outline;
mod parsed;
mod scope;
mod tokens;
mod walk;

pub use flaws::{Flaw, Health};
pub use grammar::{Grammar, grammar};
pub use outline::{Import, Outline, Symbol, SymbolKind, outline, outline_around, outline_of};
pub use parsed::Parsed;
pub use scope::{enclosing, symbol_at};
pub use tokens::Tokens;

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests;
