//! From a model's answer to edits that touch nothing but the selected region.
//!
//! `parse` decides what of an answer is code and fits it to its place; `region` follows the place through
//! what the user types; `merge` brings both together; `diff` makes the edits small, and
//! `proposal` holds what waits for the user. Knows nothing of editors, files or models.

mod apply;
mod check;
mod clean;
mod complete;
mod diff;
mod distance;
mod echo;
mod elision;
mod envelope;
mod extract;
mod fence;
mod filling;
mod fit;
mod foreign;
mod indent;
mod keywords;
mod leftovers;
mod marks;
mod merge;
mod numbers;
mod parse;
mod patch;
mod proposal;
mod prose;
mod refusal;
mod region;
mod seam;
mod selection;
mod typography;
mod unfenced;

pub use apply::{create_file, replace_file};
pub use check::{
    Check, Culprit, Declared, Fault, Findings, MayChange, Proposed, Protection, Verdict, invisible,
    look_at, only_repeats, protection,
};
pub use diff::{smallest_changes, unified};
pub use fence::fence_longer_than;
pub use filling::{Ended, filling};
pub use merge::{Merged, merge, merge_into};
pub use parse::{continuation, insertion, replacement};
pub use proposal::{Hunk, HunkState, Proposal};
pub use prose::is_prose_language;
pub use region::Region;
pub use selection::{Place, fit_selection, indentation_start, widen_to_lines};

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

/// On which side of the selection something is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Above it.
    Before,
    /// Below it.
    After,
}

/// Why an answer holds nothing that may be applied. `Display` is a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing but white space.
    #[error("the answer is empty")]
    Empty,
    /// Prose only.
    #[error("the answer holds no code")]
    NoCode,
    /// The model declined.
    #[error("the model declined")]
    Refusal,
    /// A code block that was never closed, or thoughts that never ended.
    #[error("the answer is cut off")]
    CutOff,
    /// Parts are left out: `... rest of code ...`.
    #[error("the answer leaves out parts of the code")]
    Elided {
        /// The line that stands for what is left out; not in the message, which may be logged.
        line: String,
    },
    /// Several pieces of code, none of which is clearly the one that was asked for.
    #[error(
        "the answer holds several pieces of code, and none is clearly the one that was asked for"
    )]
    Ambiguous,
    /// Nothing but what stands around the selection.
    #[error("the answer only repeats the code around the selection")]
    Echo,
    /// A patch where code was asked for, and one that does not apply word for word inside the selection.
    #[error("the answer is a patch that does not fit the selection")]
    Patch,
    /// A tool was called in the text of the answer.
    #[error("the model tried to call a tool instead of answering")]
    ToolCall,
    /// Code in another language than the document's.
    #[error("the answer is written for {language}, not for this file's language")]
    OtherLanguage {
        /// The language, as users write it.
        language: String,
    },
    /// Line numbers that cannot be told from the code.
    #[error("the answer has line numbers in front of its code")]
    LineNumbers,
}
