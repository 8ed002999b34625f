//! What to show the model around a selection, and how much of it fits.

mod budget;
mod gap;
mod pack;
mod structure;
mod window;

pub use budget::Budget;
pub use gap::around_gap;
pub use pack::{OutlineWish, Packed, Sources, cut_to_fit, pack};
pub use structure::Structure;
pub use window::{Surroundings, surroundings};
