//! What the user can pick: built-in actions and the user's own, each a template with front matter.

mod catalog;
mod definition;
mod front_matter;
mod instruction;
mod translation;

pub use catalog::Catalog;
pub use instruction::{InstructionComment, instruction_comment};
pub use translation::settled;

use crate::model::Task;

/// Where an action's result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// In place of the selection.
    Replace,
    /// Before the selection.
    InsertBefore,
    /// After the selection.
    InsertAfter,
    /// Right behind the selection's end, going on from it.
    Continue,
    /// Into a file of its own: tests go where the language has them, anything else beside the document.
    NewFile,
    /// Into a Markdown document for reading.
    Answer,
    /// As diagnostics on the lines they are about.
    Diagnostics,
}

impl Output {
    /// All outputs.
    pub const ALL: [Self; 7] = [
        Self::Replace,
        Self::InsertBefore,
        Self::InsertAfter,
        Self::Continue,
        Self::NewFile,
        Self::Answer,
        Self::Diagnostics,
    ];

    /// The name used in front matter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::InsertBefore => "insert_before",
            Self::InsertAfter => "insert_after",
            Self::Continue => "continue",
            Self::NewFile => "new_file",
            Self::Answer => "answer",
            Self::Diagnostics => "diagnostics",
        }
    }

    /// The output of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.as_str() == name)
    }

    /// Whether the result changes code, here or in a file of its own.
    pub fn is_edit(self) -> bool {
        !matches!(self, Self::Answer | Self::Diagnostics)
    }
}

/// Something the user can do with a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its id: `explain`, `fix`, or the user's.
    pub id: String,
    /// What the menu shows, without the `Arawn: ` in front.
    pub title: String,
    /// The task whose model it uses.
    pub task: Task,
    /// The code action kind it is offered under: `refactor.rewrite.arawn.simplify`.
    pub kind: String,
    /// Where the result goes.
    pub output: Output,
    /// Language ids it is offered for; empty for all.
    pub languages: Vec<String>,
    /// Whether it cannot run without an instruction from the user.
    pub needs_input: bool,
    /// Whether a model that fills in the middle may do it without reading the template.
    pub infill: bool,
    /// The name of the file a `new_file` goes into, beside the document: `{stem}.notes.{extension}`.
    pub file: Option<String>,
    /// The prompt template (minijinja).
    pub template: String,
}

impl Action {
    /// Whether it is offered for a language.
    pub fn fits(&self, language: &str) -> bool {
        self.languages.is_empty() || self.languages.iter().any(|own| own == language)
    }
}
