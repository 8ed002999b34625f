//! What is looked at before an edit may reach the document, and what came of it.

use serde::Serialize;

/// One look at an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `syntax`, `invisible`, `protected_path`, …
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// One sentence about it, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    Passed,
    /// Something was found.
    Failed,
    /// It could not be looked at: no grammar for the language, for instance.
    Skipped,
}
