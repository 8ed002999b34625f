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
    /// Goes on from the selection's end.
    Continue,
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

/// A comment that holds an instruction.
#[derive(Clone, Debug)]
pub struct InstructionComment {
    /// Its lines.
    pub line_range: crate::text::CharRange,
    /// The instruction.
    pub instruction: String,
}

/// Stand-in.
pub fn instruction_comment(
    snapshot: &crate::text::Snapshot,
    range: crate::text::CharRange,
) -> Option<InstructionComment> {
    let line_idx = snapshot.text.char_to_line(range.start().0).checked_sub(1)?;
    let line = snapshot.text.line(line_idx).to_string();
    let instruction = line.trim().strip_prefix("// ai:")?.trim().to_owned();
    Some(InstructionComment { line_range: range, instruction })
}

impl Catalog {
    /// Stand-in.
    pub fn load(_settings: &crate::config::Settings) -> Self {
        let action = |id: &str, title: &str, task, output, needs_input| {
            std::sync::Arc::new(Action {
                id: id.to_owned(),
                title: title.to_owned(),
                task,
                output,
                languages: Vec::new(),
                needs_input,
                template: String::new(),
            })
        };
        Self {
            actions: vec![
                action("explain", "Explain", Task::Explain, Output::Answer, false),
                action("fix", "Fix", Task::Fix, Output::Replace, false),
                action("refactor", "Refactor", Task::Edit, Output::Replace, false),
                action("document", "Document", Task::Document, Output::Replace, false),
                action("edit", "Edit", Task::Edit, Output::Replace, true),
                action("complete", "Complete", Task::Complete, Output::Continue, false),
                action("ask", "Ask", Task::Ask, Output::Answer, true),
            ],
        }
    }
}
