//! What to show the model around a selection.
