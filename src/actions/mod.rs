//! What the user can pick: built-in actions and the user's own, each a template with front matter.

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
    /// Into a Markdown document for reading.
    Answer,
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
    /// Where the result goes.
    pub output: Output,
    /// Language ids it is offered for; empty for all.
    pub languages: Vec<String>,
    /// Whether it cannot run without an instruction from the user.
    pub needs_input: bool,
    /// The prompt template (minijinja).
    pub template: String,
}

/// All actions, built in and the user's, in menu order.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// In menu order.
    pub actions: Vec<std::sync::Arc<Action>>,
}

impl Catalog {
    /// The action of that id.
    pub fn find(&self, id: &str) -> Option<&std::sync::Arc<Action>> {
        self.actions.iter().find(|action| action.id == id)
    }
}
