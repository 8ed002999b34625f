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
}

/// The core of the program, shared by all fronts.
#[derive(Debug)]
pub struct Assistant {
    state: RwLock<(Arc<Settings>, Arc<Catalog>)>,
    router: Router,
    gate: Arc<Gate>,
}

impl Assistant {
    /// Stand-in.
    pub fn new(settings: Settings) -> Self {
        let gate = Arc::new(Gate::new());
        let router = Router::new(Arc::default(), gate.clone());
        let catalog = Catalog::load(&settings);
        Self { state: RwLock::new((Arc::new(settings), Arc::new(catalog))), router, gate }
    }

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
        let catalog = Catalog::load(&settings);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) =
            (Arc::new(settings), Arc::new(catalog));
    }

    /// Stand-in: one plain HTTP request to each backend of the chain in turn.
    pub async fn run(
        &self,
        job: &Job,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Finished, JobError> {
        use crate::actions::Output;
        let _ = &self.router;
        if job.action.needs_input
            && job.input.is_none()
            && crate::actions::instruction_comment(&job.snapshot, job.range).is_none()
        {
            return Err(JobError::NeedsInput { action: job.action.id.clone() });
        }
        let settings = self.settings();
        let mut names: Vec<_> = match &job.choice.backend {
            Some(name) => vec![name.clone()],
            None => settings
                .chain_of(job.action.task)
                .links
                .iter()
                .map(|link| link.backend.clone())
                .collect(),
        };
        names.reverse();
        let mut fell_back = Vec::new();
        loop {
            let Some(name) = names.pop() else { unreachable!() };
            let backend = settings.backend(&name).expect("known").clone();
            let model = backend.model.clone().unwrap_or_default();
            watch(Progress::Asking { backend: &name, model: &model });
            let selection = job.snapshot.text.slice(job.range.chars()).to_string();
            let error = match stand_in(&backend, &model, &selection, watch).await {
                Ok(text) => {
                    let code = crate::edits::replacement(
                        &text,
                        &crate::edits::Target {
                            selection: &selection,
                            before: "",
                            after: "",
                            language: &job.snapshot.language,
                        },
                    );
                    let result = match (job.action.output, code) {
                        (Output::Answer, _) => Outcome::Answer {
                            title: job.action.title.clone(),
                            markdown: text.clone(),
                        },
                        (_, Ok(code)) if code == selection => Outcome::Unchanged,
                        (_, Ok(text)) => Outcome::Edit { range: job.range, text },
                        (_, Err(unusable)) => Outcome::Unusable { reason: unusable.to_string() },
                    };
                    let answer = Answer {
                        text,
                        tool_calls: Vec::new(),
                        reason: crate::model::StopReason::Stop,
                        usage: crate::model::Usage::default(),
                        backend: name,
                        model,
                        fell_back,
                    };
                    return Ok(Finished { answer, result });
                }
                Err(error) => error,
            };
            if names.is_empty() {
                return Err(JobError::NoAnswer(Box::new(Failure {
                    cause: crate::router::Cause::Model(error),
                    backend: Some(name),
                    model: Some(model),
                    partial_text: String::new(),
                    fell_back,
                })));
            }
            let one = crate::router::FellBack {
                backend: name,
                class: error.class.as_str().to_owned(),
                message: error.to_string(),
            };
            watch(Progress::FellBack(&one));
            fell_back.push(one);
        }
    }
}

async fn stand_in(
    backend: &crate::config::BackendSettings,
    model: &str,
    selection: &str,
    watch: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<String, crate::model::ModelError> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let error = |class| crate::model::ModelError {
        class,
        backend: backend.name.clone(),
        provider: backend.provider_text(),
        model: model.to_owned(),
        base_url: backend.base_url_text.clone(),
        status: None,
        request_id: None,
        message: String::new(),
        partial: false,
    };
    let kind = crate::model::ConnectKind::Refused;
    let refused = || error(crate::model::ErrorClass::Connect { kind });
    let cut = || error(crate::model::ErrorClass::Truncated);
    let address = (backend.base_url.host_str().unwrap_or(""), backend.base_url.port().unwrap_or(0));
    let mut socket = tokio::net::TcpStream::connect(address).await.map_err(|_| refused())?;
    let body = serde_json::json!({ "model": model, "messages": [{ "role": "user", "content": selection }], "stream": true }).to_string();
    let head = format!(
        "POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.map_err(|_| cut())?;
    let mut lines = BufReader::new(socket).lines();
    let mut text = String::new();
    while let Some(line) = lines.next_line().await.map_err(|_| cut())? {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        if !value.is_object() {
            continue;
        }
        let piece = value["message"]["content"].as_str().unwrap_or("");
        if !piece.is_empty() {
            watch(Progress::Text(piece));
            text.push_str(piece);
        }
        if value["done"] == true {
            return Ok(text);
        }
    }
    Err(cut())
}
