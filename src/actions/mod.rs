//! What the user can pick: built-in actions and the user's own, each a template with front matter.

mod catalog;
mod definition;
mod front_matter;
mod instruction;

pub use catalog::Catalog;
pub use instruction::{InstructionComment, instruction_comment};

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
    /// Into a Markdown document for reading.
    Answer,
}

impl Output {
    /// All outputs.
    pub const ALL: [Self; 5] =
        [Self::Replace, Self::InsertBefore, Self::InsertAfter, Self::Continue, Self::Answer];

    /// The name used in front matter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::InsertBefore => "insert_before",
            Self::InsertAfter => "insert_after",
            Self::Continue => "continue",
            Self::Answer => "answer",
        }
    }

    /// The output of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.as_str() == name)
    }

    /// Whether the result changes the document.
    pub fn is_edit(self) -> bool {
        self != Self::Answer
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
    /// The prompt template (minijinja).
    pub template: String,
}

impl Action {
    /// Whether it is offered for a language.
    pub fn fits(&self, language: &str) -> bool {
        self.languages.is_empty() || self.languages.iter().any(|own| own == language)
    }
}
