//! Picks who answers: the chain of a task, retries, fall back, and the breaker for dead servers.

mod asking;
mod attempt;
mod breaker;
mod embed;
mod keys;
mod pick;
mod retry;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::backends::{Backends, ModelInfo, Probe};
use crate::config::{BackendSettings, CloudPolicy, Engine, Place, Settings};
use crate::engine::{self, EngineError, Engines, ModelFound};
use crate::gate::{Gate, Origin, Refusal};
use crate::model::{
    BackendName, ErrorClass, Message, ModelError, ProviderParts, Request, StopReason, Task,
    TooLong, ToolCall, Usage,
};
use crate::secrets::SecretError;
use attempt::{GivenUp, Obey, Position, Standing};
use breaker::Breaker;
use keys::Keys;
use pick::Picked;

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
    /// The answer could not be used, and the model is asked once more; text that was shown is void.
    AskedAgain {
        /// What is wrong with it, for the end of a sentence.
        reason: &'a str,
    },
    /// The model cannot call tools and is asked again without them.
    WithoutTools {
        /// The backend, where it is known.
        backend: Option<&'a BackendName>,
        /// The model, where it is known.
        model: Option<&'a str>,
    },
    /// A tool is run for the model.
    ToolCall(&'a ToolCall),
    /// The tool is through.
    ToolResult {
        /// The call.
        call: &'a ToolCall,
        /// What came of it, in a few words.
        summary: &'a str,
        /// Whether it did what was asked.
        worked: bool,
    },
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

impl fmt::Display for FellBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "backend \"{}\" was given up: {}", self.backend, self.message)
    }
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
    /// What its reader should know, a sentence each: why it is shorter than asked for, why there is none.
    pub remarks: Vec<String>,
    /// Whether the text is the filling of the request's gap itself, and no message about it.
    pub is_filling: bool,
    /// The same turn in the provider's own words, where these hold more.
    pub provider_parts: Option<ProviderParts>,
}

impl Answer {
    /// What its reader should know of its end, where that is not the usual one.
    pub fn ending(&self) -> Option<&'static str> {
        let is_empty = self.text.trim().is_empty();
        match &self.reason {
            StopReason::Length if is_empty => Some(
                "the model used its whole output budget without visible text; raise `max_tokens` in your config",
            ),
            StopReason::Length => {
                Some("the answer was cut at the output limit; raise `max_tokens` in your config")
            }
            StopReason::Refusal => Some("the model declined"),
            StopReason::ContentFilter => Some("the provider's filter cut the answer"),
            StopReason::Stop | StopReason::Other(_) if is_empty && self.tool_calls.is_empty() => {
                Some("the answer is empty")
            }
            StopReason::Stop | StopReason::ToolCalls | StopReason::Other(_) => None,
        }
    }

    /// Puts its ending among the remarks. Where there are some of the backend's, they tell more of it.
    #[must_use]
    pub(crate) fn with_ending(mut self) -> Self {
        if self.remarks.is_empty() {
            self.remarks.extend(self.ending().map(str::to_owned));
        }
        self
    }

    /// The answer as the next message of its conversation.
    pub fn to_message(&self) -> Message {
        Message {
            tool_calls: self.tool_calls.clone(),
            provider_parts: self.provider_parts.clone(),
            ..Message::assistant(self.text.clone())
        }
    }
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
    /// The local engine takes no request.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The backend is configured in a way that cannot work.
    #[error("backend \"{backend}\" cannot be used: {reason}")]
    Unusable {
        /// The backend.
        backend: BackendName,
        /// Why, as the configuration's warning says it.
        reason: String,
    },
    /// The backend has no model, neither in its own table nor elsewhere.
    #[error("no model is set for backend \"{backend}\"")]
    NoModel {
        /// The backend.
        backend: BackendName,
    },
}

impl Cause {
    /// The name of its class: that of the model's error, or `refused`, `auth`, `unknown_backend`.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Model(error) => error.class.as_str(),
            Self::Refused(_) => "refused",
            Self::Secret(_) => ErrorClass::Auth.as_str(),
            Self::UnknownBackend { .. } | Self::Unusable { .. } => "unknown_backend",
            Self::Engine(EngineError::UnknownModel { .. }) | Self::NoModel { .. } => {
                ErrorClass::ModelNotAvailable.as_str()
            }
            Self::Engine(_) => "connect",
        }
    }
}

impl From<ModelFound> for ModelInfo {
    fn from(model: ModelFound) -> Self {
        Self {
            id: model.name,
            context_length: Some(model.context_length),
            abilities: model.abilities.iter().map(|&ability| ability.to_owned()).collect(),
            ..Self::default()
        }
        .completely_told()
    }
}

/// Routes jobs to backends.
#[derive(Debug)]
pub struct Router {
    backends: Arc<Backends>,
    gate: Arc<Gate>,
    breaker: Breaker,
    keys: Keys,
    engines: Engines,
}

impl Router {
    /// A router with nothing known about any backend.
    pub fn new(backends: Arc<Backends>, gate: Arc<Gate>) -> Self {
        Self {
            backends,
            gate,
            breaker: Breaker::default(),
            keys: Keys::default(),
            engines: Engines::default(),
        }
    }

    /// Gets an answer from the first backend of the chain that gives one.
    ///
    /// `compose` makes the request for a context window of so many tokens. Dropping the future ends the
    /// request and closes its socket.
    pub async fn answer(
        &self,
        order: &Order,
        compose: &(dyn Fn(usize) -> Result<Request, TooLong> + Send + Sync),
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let links = pick::links(&order.settings, order.task, &order.choice)
            .map_err(|cause| Failure::before_any(*cause))?;
        let mut waiting: VecDeque<&Picked> = links.iter().collect();
        // Dead servers are skipped while others may answer, and asked after all when none did.
        let mut skipped: VecDeque<&Picked> = VecDeque::new();
        let mut given_up: Vec<GivenUp> = Vec::new();
        let mut overflowed: Option<usize> = None;
        // The local engine, once it ended in the middle of this job: it is started again, once.
        let mut again: Option<&Picked> = None;
        let mut was_again = false;
        while let Some((link, breaker)) = next_of(&mut again, &mut waiting, &mut skipped) {
            if let Some(too_small) = overflowed
                && self.window_of(link).await <= too_small
            {
                continue;
            }
            given_up.retain(|failed| !(failed.standing == Standing::Skipped && failed.is_of(link)));
            let position = Position { is_last: waiting.is_empty() && skipped.is_empty(), breaker };
            let failed = match self.try_link(order, link, position, compose, watch).await {
                Ok(answer) => return Ok(Answer { fell_back: fell_back(given_up), ..answer }),
                Err(failed) => failed,
            };
            overflowed = failed.overflowed_window().or(overflowed);
            let goes_on = failed.goes_on();
            if !was_again && failed.engine_ended(link) {
                (again, was_again) = (Some(link), true);
            }
            if failed.standing == Standing::Skipped {
                skipped.push_back(link);
            }
            let someone_is_left = again.is_some() || !(waiting.is_empty() && skipped.is_empty());
            if goes_on && someone_is_left {
                watch(Progress::FellBack(&failed.fell_back));
            }
            given_up.push(failed);
            if !goes_on {
                break;
            }
        }
        Err(Failure::after(given_up))
    }

    /// The models of a backend, with its key fetched as for a request.
    pub async fn models(
        &self,
        settings: &Arc<Settings>,
        backend: &BackendName,
    ) -> Result<Vec<ModelInfo>, Cause> {
        let backend = settings.backend(backend).ok_or_else(|| *pick::unknown(settings, backend))?;
        if settings.privacy.cloud == CloudPolicy::Never && backend.place == Place::Cloud {
            return Err(Refusal::CloudForbidden { backend: backend.name.clone() }.into());
        }
        if let Some(Engine::Asleep(local)) = &backend.engine {
            return Ok(engine::models(local).await.into_iter().map(ModelInfo::from).collect());
        }
        let key = self.keys.key_of(backend, settings).await?;
        Ok(self.backends.models(backend, key.as_ref()).await?)
    }

    /// What a backend's server tells of itself and of a model, with its key fetched as for a request.
    pub async fn probe(
        &self,
        settings: &Arc<Settings>,
        backend: &BackendSettings,
        model: &str,
    ) -> Result<Probe, Cause> {
        if settings.privacy.cloud == CloudPolicy::Never && backend.place == Place::Cloud {
            return Err(Refusal::CloudForbidden { backend: backend.name.clone() }.into());
        }
        let key = self.keys.key_of(backend, settings).await?;
        Ok(self.backends.probe(backend, model, key.as_ref()).await?)
    }

    /// Whether anybody answers at a backend's address. Fetches no key.
    pub async fn is_reachable(&self, backend: &BackendSettings) -> bool {
        self.backends.is_reachable(backend).await
    }
}

impl Failure {
    fn before_any(cause: Cause) -> Box<Self> {
        let backend = match &cause {
            Cause::NoModel { backend } => Some(backend.clone()),
            _ => None,
        };
        Box::new(Self {
            cause,
            backend,
            model: None,
            partial_text: String::new(),
            fell_back: Vec::new(),
        })
    }

    /// The failure of a whole chain: the cause is that of the backend asked last; one that was only
    /// skipped or refused is not it as long as another was asked.
    fn after(mut given_up: Vec<GivenUp>) -> Box<Self> {
        let best = given_up.iter().map(|failed| failed.standing).max();
        let last = given_up.iter().rposition(|failed| Some(failed.standing) == best).unwrap_or(0);
        let failed = given_up.remove(last);
        Box::new(Self {
            cause: failed.cause,
            backend: Some(failed.fell_back.backend),
            model: Some(failed.model),
            partial_text: failed.partial_text,
            fell_back: fell_back(given_up),
        })
    }
}

/// The next link to ask: those that wait in their order, then those that were skipped.
fn next_of<'a>(
    again: &mut Option<&'a Picked>,
    waiting: &mut VecDeque<&'a Picked>,
    skipped: &mut VecDeque<&'a Picked>,
) -> Option<(&'a Picked, Obey)> {
    again
        .take()
        .map(|link| (link, Obey::Nothing))
        .or_else(|| waiting.pop_front().map(|link| (link, Obey::Breaker)))
        .or_else(|| skipped.pop_front().map(|link| (link, Obey::Nothing)))
}

fn fell_back(given_up: Vec<GivenUp>) -> Vec<FellBack> {
    given_up.into_iter().map(|failed| failed.fell_back).collect()
}
