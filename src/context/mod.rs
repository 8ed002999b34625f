//! What to show the model around a selection, and how much of it fits.

mod budget;
mod window;

pub use budget::Budget;
pub use window::{Surroundings, surroundings};
