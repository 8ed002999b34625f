//! What is said to the user by `window/showMessage`: one sentence and the next step.

use tower_lsp::lsp_types::MessageType;

use crate::report::Report;

use super::neutral;

/// A message that waits to be shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// How bad it is.
    pub(super) kind: MessageType,
    /// The words.
    pub(super) text: String,
}

impl Message {
    /// Something does not work.
    pub(super) fn error(report: &Report) -> Self {
        Self { kind: MessageType::ERROR, text: sentence(report) }
    }

    /// Something does not work, in words that are made already.
    pub(super) fn error_text(text: &str) -> Self {
        Self { kind: MessageType::ERROR, text: prefixed(text) }
    }

    /// Something is not as the user may think.
    pub(super) fn warning(text: &str) -> Self {
        Self { kind: MessageType::WARNING, text: prefixed(text) }
    }
}

/// A report as one sentence with its next step, for places that have one line.
pub(super) fn sentence(report: &Report) -> String {
    prefixed(&report.to_string())
}

/// With our name in front, because an editor's message area says nothing about who speaks.
pub(super) fn prefixed(text: &str) -> String {
    format!("Arawn: {}", neutral::one_line(text))
}
