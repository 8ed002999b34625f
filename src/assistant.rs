//! The facade: runs an action on a snapshot, whoever asks for it.

mod again;
mod outcome;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::actions::{self, Action, Catalog, InstructionComment, Output};
use crate::backends::{Backends, ModelInfo, Probe, Pulling};
use crate::commits::{self, CommitError};
use crate::config::{BackendSettings, Settings};
use crate::edits::{self, Check};
use crate::gate::{Gate, Origin, Refusal};
use crate::images::{self, ImageError};
use crate::model::{BackendName, Image, Request, Task, TooLong};
use crate::new_files::{self, Home};
pub use crate::prompts::Complaint;
use crate::prompts::{self, Material, PromptError};
use crate::review::Review;
use crate::router::{Answer, Cause, Choice, Failure, Order, Progress, Router};
use crate::text::{CharRange, Snapshot};
use crate::tools::{Sight, Tools};
use again::Work;

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
    /// What was looked at before the edit may reach the document; empty where there is no edit.
    pub checks: Vec<Check>,
    /// Why the model was asked once more, where it was.
    pub asked_again: Option<String>,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Put `text` in place of the job's region (see [`Job::region`]).
    Edit {
        /// What is replaced: the job's region, or an empty range at one of its ends for insertions.
        range: CharRange,
        /// What stands there afterwards, with the document's own line endings and indentation.
        text: String,
        /// Why it must not go into the document by itself; then it becomes a proposal.
        caution: Option<String>,
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
    /// Put this text into a file that is not there; where it is by then, see [`new_files::addition`].
    NewFile {
        /// The file.
        path: PathBuf,
        /// All of its text.
        text: String,
    },
    /// Show these findings at their lines.
    Findings(Review),
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
    /// There is no commit message to be had.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The template is broken.
    #[error("the template of action \"{action}\" is broken")]
    Template {
        /// The action.
        action: String,
        /// What the template engine says.
        detail: String,
    },
}

/// Why an image cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ImageProblem {
    /// The gate keeps it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is none, or none that can be used.
    #[error(transparent)]
    Unusable(#[from] ImageError),
}

/// What a job works on, settled before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    /// The code that the model is shown as the selection.
    code: CharRange,
    /// What the user wants, from the input or an `ai:` comment.
    instruction: Option<String>,
    /// The comment, which goes away with the edit.
    comment: Option<InstructionComment>,
    /// Where new text goes that has a place of its own.
    home: Option<Home>,
}

impl Job {
    /// Settles code and instruction, or says what is missing.
    fn scope(&self) -> Result<Scope, JobError> {
        let range = edits::fit_selection(&self.snapshot.text, self.range);
        let given = self.input.as_deref().map(str::trim).filter(|input| !input.is_empty());
        let mut scope =
            Scope { code: range, instruction: given.map(str::to_owned), comment: None, home: None };
        if scope.instruction.is_none()
            && self.action.needs_input
            && self.action.output == Output::Replace
            && let Some(comment) = actions::instruction_comment(&self.snapshot, range)
        {
            scope.code = comment.code_range;
            scope.instruction = Some(comment.instruction.clone());
            scope.comment = Some(comment);
        }
        if scope.instruction.is_none() && self.action.needs_input {
            return Err(JobError::NeedsInput { action: self.action.id.clone() });
        }
        let may_be_blank = scope.comment.is_some()
            || matches!(self.action.output, Output::Answer | Output::Continue);
        let code = self.snapshot.text.slice(scope.code.chars());
        if !may_be_blank && code.chars().all(char::is_whitespace) {
            return Err(JobError::EmptySelection);
        }
        Ok(scope)
    }
}

/// What is in force; replaced as a whole by a reload.
#[derive(Clone, Debug)]
struct InForce {
    settings: Arc<Settings>,
    catalog: Arc<Catalog>,
    action_problems: Arc<[String]>,
}

impl InForce {
    fn of(settings: Settings) -> Self {
        let (catalog, problems) = Catalog::load(&settings);
        Self {
            settings: Arc::new(settings),
            catalog: Arc::new(catalog),
            action_problems: problems.into(),
        }
    }
}

/// The core of the program, shared by all fronts.
#[derive(Debug)]
pub struct Assistant {
    in_force: RwLock<InForce>,
    router: Router,
    gate: Arc<Gate>,
}

impl Assistant {
    /// An assistant with these settings; nothing is connected yet. Reads the action files.
    pub fn new(settings: Settings) -> Self {
        let gate = Arc::new(Gate::new());
        let router = Router::new(Arc::new(Backends::new()), gate.clone());
        Self { in_force: RwLock::new(InForce::of(settings)), router, gate }
    }

    fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.in_force().settings
    }

    /// The actions in force.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.in_force().catalog
    }

    /// What is wrong with the user's actions, a sentence each.
    pub fn action_problems(&self) -> Arc<[String]> {
        self.in_force().action_problems
    }

    /// The gate, for showing what was sent last.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Puts other settings in force for jobs that start from now on. Reads the action files.
    pub fn reload(&self, settings: Settings) {
        let in_force = InForce::of(settings);
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = in_force;
    }

    /// Runs a job. Dropping the future cancels it and closes the upstream socket.
    pub async fn run(
        &self,
        job: &Job,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Finished, JobError> {
        if job.action.task == Task::Commit {
            return commits::run(self, job, watch).await;
        }
        let (job, home) = &prepared(job);
        let mut scope = job.scope()?;
        scope.home.clone_from(home);
        let settings = self.settings();
        let work = Work::of(job, &scope, &settings).await;
        let rules = self.rules(job.snapshot.path.as_deref().map(PathBuf::as_path), &job.workspace);
        let material = Material {
            snapshot: &job.snapshot,
            range: scope.code,
            complaints: &job.complaints,
            instruction: scope.instruction.as_deref(),
            structure: &work.ground.structure,
            rules: &rules.text,
        };
        let task_limit = settings.tasks.get(&job.action.task).and_then(|task| task.max_tokens);
        let compose =
            |window: usize| match prompts::compose(&job.action, &material, window, task_limit) {
                Ok(request) => Ok(request),
                Err(PromptError::TooLong { tokens }) => Err(TooLong { tokens }),
                // Found before anything is sent, below.
                Err(PromptError::Template { .. }) => Ok(Request::default()),
            };
        if let Err(PromptError::Template { detail }) =
            prompts::compose(&job.action, &material, usize::MAX, task_limit)
        {
            return Err(JobError::Template { action: job.action.id.clone(), detail });
        }
        let files = job.snapshot.path.iter().map(|path| path.as_ref().clone());
        let files = files.chain(rules.files.iter().cloned()).collect();
        let order = Order {
            settings: settings.clone(),
            task: job.action.task,
            choice: job.choice.clone(),
            origin: Origin { files, workspace: job.workspace.clone() },
        };
        let answer =
            self.router.answer(&order, &compose, watch).await.map_err(JobError::NoAnswer)?;
        let tried = work.judged(answer).await;
        match tried.reason_to_ask_again().filter(|_| settings.edits.reask) {
            None => Ok(tried.finished()),
            Some(reason) => Ok(self.ask_again(&work, &order, tried, reason, &compose, watch).await),
        }
    }

    /// The gate, for work on a thread of its own.
    pub(crate) fn shared_gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// One question without a document; `compose` makes the request for a window of so many tokens.
    pub async fn ask(
        &self,
        request: &Request,
        choice: &Choice,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        self.ask_about(request, Origin::default(), choice, watch).await
    }

    /// Tools for a workspace, behind our gate.
    pub(crate) fn tools(&self, workspace: &[PathBuf], sight: Sight) -> Tools {
        Tools::new(self.gate.clone(), self.settings(), workspace, sight)
    }

    /// Routes an order of another part of the core.
    pub(crate) async fn route(
        &self,
        order: &Order,
        compose: &(dyn Fn(usize) -> Result<Request, TooLong> + Send + Sync),
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        self.router.answer(order, compose, watch).await
    }

    /// The router, for other parts of the core.
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// The same as [`Assistant::ask`] about files, whose content is in the request.
    pub async fn ask_about(
        &self,
        request: &Request,
        origin: Origin,
        choice: &Choice,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let settings = self.settings();
        let rules = self.rules_of_workspace(&origin);
        let mut origin = origin;
        origin.files.extend(rules.files.iter().cloned());
        let order = Order { settings, task: Task::Ask, choice: choice.clone(), origin };
        let compose = |window: usize| {
            Ok(Request { system: rules.after(&request.system, window), ..request.clone() })
        };
        Ok(self.router.answer(&order, &compose, watch).await?.with_ending())
    }

    /// Reads an image that is to be sent, if its file may leave this machine.
    pub fn read_image(&self, path: &Path, workspace: &[PathBuf]) -> Result<Image, ImageProblem> {
        self.gate.check_file(&self.settings(), path, workspace)?;
        Ok(images::read(path)?)
    }

    /// Has a backend fetch a model; only Ollama does. Dropping the future stops it, and what is there by then
    /// stays there.
    pub async fn pull(
        &self,
        backend: &BackendName,
        model: &str,
        watch: &mut (dyn FnMut(Pulling) + Send),
    ) -> Result<(), Cause> {
        self.router.pull(&self.settings(), backend, model, watch).await
    }

    /// What a backend's server tells of itself and of a model.
    pub async fn probe(&self, backend: &BackendSettings, model: &str) -> Result<Probe, Cause> {
        self.router.probe(&self.settings(), backend, model).await
    }

    /// Whether anybody answers at a backend's address. Fetches no key.
    pub async fn is_reachable(&self, backend: &BackendSettings) -> bool {
        self.router.is_reachable(backend).await
    }

    /// The models a backend has.
    pub async fn models(&self, backend: &BackendName) -> Result<Vec<ModelInfo>, Cause> {
        self.router.models(&self.settings(), backend).await
    }
}

/// The job with its action settled for the input, and where new text goes that has a place of its own.
fn prepared(job: &Job) -> (Job, Option<Home>) {
    let mut job = job.clone();
    job.action = actions::settled(&job.action, job.input.as_deref());
    if job.action.output != Output::NewFile {
        return (job, None);
    }
    let home = new_files::home(&job.action, &job.snapshot, &job.workspace);
    let mut action = Action::clone(&job.action);
    action.template = format!("{}\n\n{}", action.template, home.brief(&job.snapshot.language));
    job.action = Arc::new(action);
    (job, Some(home))
}
