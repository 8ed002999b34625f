//! The facade: runs an action on a snapshot, whoever asks for it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use crate::actions::{Action, Catalog};
use crate::config::Settings;
use crate::gate::Gate;
use crate::router::{Answer, Choice, Failure, Progress, Router};
use crate::text::{CharRange, Snapshot};

/// A complaint about the code, as an editor or compiler gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub range: CharRange,
    /// What it says.
    pub message: String,
    /// Who says it, and its code, if known: `rustc E0308`.
    pub source: Option<String>,
    /// `error`, `warning`, `information` or `hint`.
    pub severity: &'static str,
}

/// One action to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to do.
    pub action: Arc<Action>,
    /// To which text.
    pub snapshot: Snapshot,
    /// To which part of it.
    pub range: CharRange,
    /// What is wrong there.
    pub complaints: Vec<Complaint>,
    /// The user's instruction.
    pub input: Option<String>,
    /// Backend and model, if the caller chose.
    pub choice: Choice,
    /// Workspace roots.
    pub workspace: Vec<PathBuf>,
}

/// What came of a job.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The answer as the model gave it, and who gave it.
    pub answer: Answer,
    /// What to do with it.
    pub result: Outcome,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Put `text` in place of `range` (a range of the job's snapshot; empty for insertions).
    Edit {
        /// What is replaced.
        range: CharRange,
        /// What stands there afterwards, with the document's own line endings and indentation.
        text: String,
    },
    /// The model's code is what stands there already.
    Unchanged,
    /// Show this Markdown.
    Answer {
        /// A title for the document.
        title: String,
        /// The text.
        markdown: String,
    },
    /// The answer holds nothing that may be applied; show it with the reason.
    Unusable {
        /// One sentence: why it was not applied.
        reason: String,
    },
}

/// Why a job could not be started or finished.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// No backend answered.
    #[error("{}", .0.cause)]
    NoAnswer(Box<Failure>),
    /// The action needs an instruction.
    #[error("action \"{action}\" needs an instruction")]
    NeedsInput {
        /// The action.
        action: String,
    },
    /// There is nothing to work on.
    #[error("nothing is selected")]
    EmptySelection,
    /// The template is broken.
    #[error("the template of action \"{action}\" is broken")]
    Template {
        /// The action.
        action: String,
        /// What the template engine says.
        detail: String,
    },
    /// The selection alone is larger than the model can read.
    #[error("the selection is too long for the model: about {tokens} tokens")]
    TooLong {
        /// Estimated size of the selection.
        tokens: usize,
    },
}

/// The core of the program, shared by all fronts.
#[derive(Debug)]
pub struct Assistant {
    state: RwLock<(Arc<Settings>, Arc<Catalog>)>,
    router: Router,
    gate: Arc<Gate>,
}

impl Assistant {
    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The actions in force.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// The gate, for showing what was sent last.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Puts other settings in force for jobs that start from now on.
    pub fn reload(&self, settings: Settings) {
        let _ = settings;
        todo!()
    }

    /// Runs a job. Dropping the future cancels it and closes the upstream socket.
    pub async fn run(
        &self,
        job: &Job,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Finished, JobError> {
        let _ = (job, watch, &self.router);
        todo!()
    }
}
