//! Picks who answers: the chain of a task, retries, fall back, and the breaker for dead servers.

use std::sync::Arc;

use crate::backends::Backends;
use crate::config::{Chain, Settings};
use crate::gate::{Gate, Origin, Refusal};
use crate::model::{BackendName, ModelError, Request, StopReason, Task, ToolCall, Usage};
use crate::secrets::SecretError;

/// What a caller may choose for one job, over the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// This backend alone, with its own model.
    pub backend: Option<BackendName>,
    /// This model, on the first backend.
    pub model: Option<String>,
    /// Only the first backend of the chain.
    pub no_fallback: bool,
}

/// One job for the router.
#[derive(Clone, Debug)]
pub struct Order {
    /// What was configured when the job began.
    pub settings: Arc<Settings>,
    /// The kind of work.
    pub task: Task,
    /// What the caller chose.
    pub choice: Choice,
    /// Whose text is sent.
    pub origin: Origin,
}

/// What the caller may watch while the answer comes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A backend is asked now.
    Asking {
        /// Whom.
        backend: &'a BackendName,
        /// Which model.
        model: &'a str,
    },
    /// A piece of the visible answer.
    Text(&'a str),
    /// A piece of reasoning.
    Reasoning(&'a str),
    /// A backend was given up; text of it that was shown is void.
    FellBack(&'a FellBack),
}

/// A backend that was tried and given up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FellBack {
    /// The backend.
    pub backend: BackendName,
    /// Name of the error class.
    pub class: String,
    /// One sentence.
    pub message: String,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The visible text.
    pub text: String,
    /// Calls the model made.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub reason: StopReason,
    /// Token counts, as far as told.
    pub usage: Usage,
    /// Who answered.
    pub backend: BackendName,
    /// With which model.
    pub model: String,
    /// Who was tried before, in order.
    pub fell_back: Vec<FellBack>,
}

/// Why a job got no answer.
#[derive(Debug)]
pub struct Failure {
    /// The reason of the backend tried last.
    pub cause: Cause,
    /// Backend and model tried last, if it came so far.
    pub backend: Option<BackendName>,
    /// See `backend`.
    pub model: Option<String>,
    /// Text received from the backend tried last before it failed.
    pub partial_text: String,
    /// Who was tried before, in order.
    pub fell_back: Vec<FellBack>,
}

/// The kinds of reasons.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// A model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The gate refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A key could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No such backend is configured.
    #[error("unknown backend \"{name}\"")]
    UnknownBackend {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The backend has no model, neither in its own table nor elsewhere.
    #[error("no model is set for backend \"{backend}\"")]
    NoModel {
        /// The backend.
        backend: BackendName,
    },
}

/// Routes jobs to backends.
#[derive(Debug)]
pub struct Router {
    backends: Arc<Backends>,
    gate: Arc<Gate>,
}

impl Router {
    /// A router with nothing known about any backend.
    pub fn new(backends: Arc<Backends>, gate: Arc<Gate>) -> Self {
        Self { backends, gate }
    }

    /// Gets an answer from the first backend of the chain that gives one.
    ///
    /// `compose` makes the request for a context window of so many tokens. Dropping the future ends the
    /// request and closes its socket.
    pub async fn answer(
        &self,
        order: &Order,
        compose: &(dyn Fn(usize) -> Request + Send + Sync),
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let _ = (order, compose, watch, &self.backends, &self.gate);
        let _: Option<Chain> = None;
        todo!()
    }
}

impl std::fmt::Display for FellBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.backend, self.message)
    }
}
