//! From a model's answer to edits that touch nothing but the selected region.

use crate::text::{Change, CharIdx};

/// The region an answer is meant for, and what stands around it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The selected text.
    pub selection: &'a str,
    /// Text before the selection (whole lines, as much as was shown to the model or more).
    pub before: &'a str,
    /// Text after the selection.
    pub after: &'a str,
    /// Language id, may be empty.
    pub language: &'a str,
}

/// Why an answer holds nothing that may be applied. `Display` is a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing but white space.
    #[error("the answer is empty")]
    Empty,
}

/// Takes the code out of an answer and fits it to the target, in place of the selection.
pub fn replacement(answer: &str, target: &Target<'_>) -> Result<String, Unusable> {
    let _ = (answer, target);
    todo!()
}

/// The smallest changes that make `new` out of `old`, where `old` starts at `offset` of the document.
///
/// Ascending, not overlapping, all ranges in the text before any of them.
pub fn smallest_changes(old: &str, new: &str, offset: CharIdx) -> Vec<Change> {
    let _ = (old, new, offset);
    todo!()
}
