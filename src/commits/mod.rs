//! A commit message from what is staged: what git tells, what may leave of it, and what the model makes of it.
//!
//! An action of the task `commit` works on the staged difference in place of a selection.

mod git;
mod message;
mod staged;

use std::path::{Path, PathBuf};

use crate::actions::Output;
use crate::assistant::{Assistant, Finished, Job, JobError, Outcome};
use crate::config::Environment;
use crate::context::Structure;
use crate::gate::Origin;
use crate::model::{Request, StopReason, TooLong};
use crate::prompts::{self, Material, PromptError};
use crate::router::{Order, Progress};
use crate::text::{CharIdx, CharRange, Snapshot};
use staged::Staged;

/// The ids under which editors know the text of a commit message.
const MESSAGE_LANGUAGES: [&str; 2] = ["git-commit", "gitcommit"];

/// No more of a difference is sent, however much a model reads: a message does not get better by it.
const MOST_BYTES: usize = 120_000;

/// No less of it is worth a request.
const LEAST_BYTES: usize = 400;

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The program cannot be started.
    #[error("git cannot be started")]
    NoGit {
        /// What the system says.
        reason: String,
    },
    /// There is no repository.
    #[error("there is no git repository at {}", folder.display())]
    NoRepository {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Git failed.
    #[error("git failed")]
    Git {
        /// Its last words.
        said: String,
    },
    /// There is nothing to tell of.
    #[error("nothing is staged")]
    NothingStaged,
    /// Every staged file is one whose text must not leave.
    #[error("no staged file may leave this machine: {reason}")]
    AllKept {
        /// About the first of them.
        reason: String,
    },
}

/// Whether a document is a commit message that is being written.
pub fn is_message(language: &str) -> bool {
    MESSAGE_LANGUAGES.contains(&language)
}

/// Runs an action on the staged difference. In a commit message the answer goes to its top, elsewhere it is shown.
pub(crate) async fn run(
    assistant: &Assistant,
    job: &Job,
    watch: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Finished, JobError> {
    let settings = assistant.settings();
    let staged = {
        let (settings, job) = (settings.clone(), job.clone());
        let gate = assistant.shared_gate();
        let looking = tokio::task::spawn_blocking(move || {
            let folder = folder(&job, &settings.environment);
            let allowed = |path: &Path, roots: &[PathBuf]| gate.check_file(&settings, path, roots);
            staged::read(&folder, &settings.environment, &job.workspace, &allowed)
        });
        let looked = looking.await.map_err(|error| CommitError::Git { said: error.to_string() });
        looked.and_then(|staged| staged)?
    };
    let task_limit = settings.tasks.get(&job.action.task).and_then(|task| task.max_tokens);
    let instruction = job.input.as_deref().map(str::trim).filter(|input| !input.is_empty());
    request(job, &staged, instruction, usize::MAX, task_limit).map_err(|error| match error {
        PromptError::Template { detail } => {
            JobError::Template { action: job.action.id.clone(), detail }
        }
        PromptError::TooLong { .. } => JobError::EmptySelection,
    })?;
    let compose = |window: usize| match request(job, &staged, instruction, window, task_limit) {
        Ok(request) => Ok(request),
        Err(PromptError::TooLong { tokens }) => Err(TooLong { tokens }),
        // Found above, before anything is sent.
        Err(PromptError::Template { .. }) => Ok(Request::default()),
    };
    let order = Order {
        settings: settings.clone(),
        task: job.action.task,
        choice: job.choice.clone(),
        origin: Origin { files: staged.files.clone(), workspace: staged.roots.clone() },
    };
    let answer = assistant.route(&order, &compose, watch).await.map_err(JobError::NoAnswer)?;
    let mut answer = answer.with_ending();
    let into_message = is_message(&job.snapshot.language);
    let cut = answer.remarks.last().filter(|_| answer.reason == StopReason::Length && into_message);
    let result = match (message::cleaned(&answer.text), cut) {
        (_, Some(cut)) => Outcome::Unusable { reason: cut.clone() },
        (Err(reason), None) => Outcome::Unusable { reason: reason.to_owned() },
        (Ok(message), None) if into_message => into_document(job, &message),
        (Ok(message), None) => {
            Outcome::Answer { title: job.action.title.clone(), markdown: message + "\n" }
        }
    };
    answer.remarks.extend(staged.left_out_remark());
    Ok(Finished { answer, result, checks: Vec::new(), asked_again: None })
}

/// The message at the top of the document, above what git wrote there.
fn into_document(job: &Job, message: &str) -> Outcome {
    let first = job.snapshot.text.chars().next();
    let gap = match first {
        None | Some('\n' | '\r') => "\n",
        Some(_) => "\n\n",
    };
    let at = CharIdx(0);
    Outcome::Edit { range: CharRange::new(at, at), text: format!("{message}{gap}"), caution: None }
}

/// A request with as much of the difference as the window takes.
fn request(
    job: &Job,
    staged: &Staged,
    instruction: Option<&str>,
    window: usize,
    task_limit: Option<u32>,
) -> Result<Request, PromptError> {
    let mut action = crate::actions::Action::clone(&job.action);
    action.output = Output::Answer;
    let structure = Structure::default();
    let mut most = MOST_BYTES.min(window.saturating_mul(4));
    loop {
        let text = staged.text(most);
        let snapshot = Snapshot::of_text(&text, "diff", None);
        let range = CharRange::new(CharIdx(0), CharIdx(snapshot.text.len_chars()));
        let material = Material {
            snapshot: &snapshot,
            range,
            complaints: &[],
            instruction,
            structure: &structure,
            rules: "",
        };
        match prompts::compose(&action, &material, window, task_limit) {
            Err(PromptError::TooLong { .. }) if most > LEAST_BYTES => most = most / 4 * 3,
            composed => return composed,
        }
    }
}

/// Where to ask git: beside the document, or in the repository whose message it is. Beside an answer of ours is
/// no repository; it is about the workspace.
fn folder(job: &Job, environment: &Environment) -> PathBuf {
    let beside = job.snapshot.path.as_deref().and_then(|path| path.parent());
    let ours = environment.state_folder();
    let is_ours = |folder: &Path| ours.as_ref().is_some_and(|ours| folder.starts_with(ours));
    if let Some(beside) = beside.filter(|folder| folder.is_dir() && !is_ours(folder)) {
        return git::work_tree(beside);
    }
    job.workspace.first().cloned().unwrap_or_else(|| environment.working_folder.clone())
}
