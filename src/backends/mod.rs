//! Translators between the neutral model vocabulary and each dialect's HTTP and bytes.
//!
//! A dialect is one [`Translator`]; `http.rs` alone sends, `stream.rs` alone runs a call.

mod abilities;
mod anthropic;
mod blocks;
mod body;
mod chunks;
mod classify;
mod connect;
#[cfg(test)]
mod decode_tests;
mod embed;
mod endpoint;
mod events;
mod fault;
mod fragments;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod infill;
mod lines;
mod messages;
mod ndjson;
mod ollama;
mod openai;
mod probe;
mod pull;
mod shrink;
mod sse;
mod stream;
mod vision;
mod wait;
mod words;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use crate::config::{BackendSettings, Dialect, Engine};
use crate::gate::Pass;
use crate::model::{ErrorClass, Event, Infill, ModelError, Request, Task};
pub(crate) use embed::BatchLimits;
pub use embed::{EmbedCall, Vectors};
use endpoint::Endpoint;
use fault::{Ending, Fault, Piece};
use http::Http;
pub use probe::{Probe, is_model};
pub use pull::Pulling;
pub use shrink::fewer_tokens;

/// One request to one backend.
#[derive(Debug)]
pub struct Call {
    /// Whom to ask.
    pub backend: Arc<BackendSettings>,
    /// Which model.
    pub model: String,
    /// The resolved key, if the backend has one.
    pub key: Option<SecretString>,
    /// What to ask.
    pub request: Request,
    /// The gate's consent.
    pub pass: Pass,
}

/// What a model can do, where the backend tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ModelInfo {
    /// The id to write into the configuration.
    pub id: String,
    /// Context window in tokens.
    pub context_length: Option<u32>,
    /// `tools`, `vision`, `insert`, `embedding`, `thinking`, ...; empty where nothing is told.
    pub abilities: Vec<String>,
    /// Abilities that it is told not to have; what is in neither list is unknown.
    pub lacks: Vec<String>,
    /// Whether llama.cpp serves it, which fills gaps of its own where the model was made for it.
    #[serde(skip)]
    pub is_of_llama_cpp: bool,
    /// Whether it is in memory now, on servers that load models on demand.
    pub loaded: Option<bool>,
    /// Most tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u32>,
    /// Whether it is on its way out.
    pub lifecycle: Lifecycle,
    /// The day it is or was taken out of service, as the provider writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retires_at: Option<String>,
}

/// How long a model will still be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    /// In service, or nothing is known.
    #[default]
    Active,
    /// Still answers, but its end is announced.
    Deprecated,
    /// Answers no more.
    Retired,
}

impl ModelInfo {
    /// Whether the model has an ability; `None` where the server does not tell.
    pub fn can(&self, ability: &str) -> Option<bool> {
        let has = |list: &[String]| list.iter().any(|told| told == ability);
        if has(&self.abilities) { Some(true) } else { has(&self.lacks).then_some(false) }
    }

    /// The same description by a server whose list of abilities is complete: what is not in it is lacking.
    #[must_use]
    pub(crate) fn completely_told(self) -> Self {
        let is_told = !self.abilities.is_empty();
        let lacks = ABILITIES.iter().filter(|ability| is_told && self.can(ability).is_none());
        let lacks = lacks.map(|&ability| ability.to_owned()).collect();
        Self { lacks, ..self }
    }
}

/// The abilities that arawn asks about.
const ABILITIES: [&str; 5] = ["tools", "vision", "insert", "embedding", "thinking"];

/// All backends of the process: one pool of connections, one memory of what models can do.
#[derive(Debug, Default)]
pub struct Backends {
    inner: Arc<Inner>,
}

impl Backends {
    /// Makes the pool; no connection, no TLS set-up yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a request and yields what comes back. Dropping the stream closes the socket.
    pub fn stream(&self, call: Call) -> BoxStream<'static, Event> {
        stream::events(self.inner.clone(), call)
    }

    /// Context window of a model in tokens: from the settings, else asked of the server once and remembered,
    /// else `None`. For Ollama this is the `num_ctx` that every request to the model carries.
    pub async fn window(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> Option<u32> {
        self.prepare(backend, model, key).await.unwrap_or(backend.context_length)
    }

    /// As [`Backends::window`], but tells where the server cannot be reached or lacks the model.
    pub async fn prepare(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> Result<Option<u32>, ModelError> {
        let window = async {
            let translator = translator(backend.dialect);
            let info = self.inner.describe(backend, model, key).await?;
            Ok(translator.window(backend, info.as_deref()))
        };
        window.await.map_err(|fault: Fault| fault.into_error(backend, model, key, false))
    }

    /// Whether the server tells what a model can do, and `ability` is not among it. Asked once and remembered.
    pub async fn lacks(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
        ability: &str,
    ) -> bool {
        let told = self.inner.describe(backend, model, key).await.ok().flatten();
        told.is_some_and(|info| {
            !info.abilities.is_empty() && !info.abilities.iter().any(|known| known == ability)
        })
    }

    /// The models a backend has.
    pub async fn models(
        &self,
        backend: &BackendSettings,
        key: Option<&SecretString>,
    ) -> Result<Vec<ModelInfo>, ModelError> {
        self.inner
            .models(backend, key)
            .await
            .map_err(|fault| fault.into_error(backend, "", key, false))
    }
}

/// The translator of a dialect: the one place that chooses between them.
fn translator(dialect: Dialect) -> &'static dyn Translator {
    match dialect {
        Dialect::Anthropic => &anthropic::Anthropic,
        Dialect::Openai => &openai::OpenAi,
        Dialect::Ollama => &ollama::Ollama,
    }
}

/// Translates both ways for one dialect. Has no state and sends nothing.
trait Translator: fmt::Debug + Sync {
    /// The request as HTTP.
    fn prompt(&self, asked: &Asked<'_>) -> Prompt;
    /// Whether a gap can be filled, or may be tried to; then `prompt` and `decoder` heed it.
    fn fills_in(&self, _backend: &BackendSettings, _info: Option<&ModelInfo>) -> bool {
        false
    }
    /// What reads the answer.
    fn decoder(&self, asked: &Asked<'_>) -> Box<dyn Decoder>;
    /// How to ask for all models.
    fn list(&self) -> Lookup;
    /// Reads the answer to that.
    fn read_list(&self, list: &Value) -> Vec<ModelInfo>;
    /// How to ask for the models that come after those of an answer, if it did not hold all.
    fn next_page(&self, _list: &Value) -> Option<Lookup> {
        None
    }
    /// How to ask about one model, where the server tells something of use.
    fn describe(&self, backend: &BackendSettings, model: &str) -> Option<Lookup>;
    /// Reads the answer to that.
    fn read_description(&self, answer: &Value, model: &str) -> Option<ModelInfo>;
    /// The context window that a request is made for.
    fn window(&self, backend: &BackendSettings, info: Option<&ModelInfo>) -> Option<u32>;
}

/// Reads one answer. After a `Done` or `Failed` it yields nothing.
trait Decoder: fmt::Debug + Send {
    /// Takes bytes as they come and appends what they complete.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>);
    /// Takes the end of the bytes and appends the rest; always brings an end.
    fn end(&mut self, ending: Ending, out: &mut Vec<Piece>);
    /// Whether the model is known to be done, though the stream goes on.
    fn is_settled(&self) -> bool;
}

/// All that makes up one request.
#[derive(Debug)]
struct Asked<'a> {
    backend: &'a BackendSettings,
    model: &'a str,
    request: &'a Request,
    task: Task,
    info: Option<&'a ModelInfo>,
    window: Option<u32>,
}

impl<'a> Asked<'a> {
    /// The gap to fill, where the backend does that.
    fn infill(&self, translator: &dyn Translator) -> Option<&'a Infill> {
        self.request.infill.as_ref().filter(|_| translator.fills_in(self.backend, self.info))
    }
}

/// A request as HTTP, below the backend's base address.
#[derive(Debug)]
struct Prompt {
    path: Path,
    accept: &'static str,
    body: Vec<u8>,
}

/// Where a prompt goes.
#[derive(Clone, Copy, Debug)]
enum Path {
    /// Below the base address.
    Base(&'static str),
    /// Below the server's root: the base address without its `/v1`.
    Root(&'static str),
}

/// A question about models; has no room for anything of the user's.
#[derive(Clone, Debug)]
enum Lookup {
    /// A list.
    Get(&'static str),
    /// A part of a list: what comes after this id.
    Page { path: &'static str, after: Option<String> },
    /// One element of a list, by its id.
    Model { path: &'static str, id: String },
    /// Ollama's description of one model.
    Show(String),
}

/// Base address and model.
type ModelKey = (String, String);

/// What was learned of a model, and when; shared so that only one asks at a time.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Option<Arc<ModelInfo>>)>>>;

#[derive(Debug, Default)]
struct Inner {
    http: Http,
    known: Mutex<HashMap<ModelKey, Slot>>,
    /// Models that refused to fill a gap.
    gapless: Mutex<HashSet<ModelKey>>,
}

fn model_key(backend: &BackendSettings, model: &str) -> ModelKey {
    (backend.base_url.to_string(), model.to_owned())
}

/// How long a server that told nothing of use is not asked again.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// Most parts of one list that are read, for servers that never come to its end.
const MAX_PAGES: usize = 20;
/// Questions about models that run at once.
const MAX_LOOKUPS: usize = 8;

impl Inner {
    /// What a model can do; asked once and remembered. `None` where the server does not tell.
    async fn describe(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> Result<Option<Arc<ModelInfo>>, Fault> {
        let translator = translator(backend.dialect);
        if matches!(backend.engine, Some(Engine::Asleep(_))) {
            return Ok(None);
        }
        let Some(lookup) = translator.describe(backend, model) else { return Ok(None) };
        let slot = self.slot(model_key(backend, model));
        let mut slot = slot.lock().await;
        if let Some((at, info)) = &*slot
            && (info.is_some() || at.elapsed() < ASK_AGAIN)
        {
            return Ok(info.clone());
        }
        let answer = self.http.look_up(&Endpoint::new(backend, key), &lookup).await;
        let info = match answer {
            Ok(answer) => translator.read_description(&answer, model).map(Arc::new),
            // Whoever cannot be reached for this cannot be reached for the request either.
            Err(fault) if is_final(&fault) => return Err(fault),
            Err(_) => None,
        };
        *slot = Some((Instant::now(), info.clone()));
        Ok(info)
    }

    /// Forgets what was learned of a model that may be another one now.
    fn forget(&self, backend: &BackendSettings, model: &str) {
        let key = model_key(backend, model);
        self.gapless().remove(&key);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    fn gapless(&self) -> MutexGuard<'_, HashSet<ModelKey>> {
        self.gapless.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: ModelKey) -> Slot {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    async fn models(
        &self,
        backend: &BackendSettings,
        key: Option<&SecretString>,
    ) -> Result<Vec<ModelInfo>, Fault> {
        let translator = translator(backend.dialect);
        let endpoint = Endpoint::new(backend, key);
        let mut models = Vec::new();
        let mut next = Some(translator.list());
        for _ in 0..MAX_PAGES {
            let Some(lookup) = next.take() else { break };
            let page = self.http.look_up(&endpoint, &lookup).await?;
            models.extend(translator.read_list(&page));
            next = translator.next_page(&page);
        }
        if backend.dialect != Dialect::Ollama {
            return Ok(models);
        }
        let loaded = self.loaded(&endpoint).await;
        // The list of older servers is bare; each model is asked for, a few at a time.
        let detailed = models.into_iter().map(|info| async {
            let known = self.describe(backend, &info.id, key).await.ok().flatten();
            let info = known.map_or(info, |known| ModelInfo::clone(&known));
            let is_loaded = loaded.as_ref().map(|loaded| loaded.contains(&info.id));
            ModelInfo { loaded: is_loaded, ..info }
        });

        Ok(futures_util::stream::iter(detailed).buffered(MAX_LOOKUPS).collect().await)
    }
}

impl Inner {
    /// The names of the models that Ollama has in memory; `None` where it does not tell.
    async fn loaded(&self, endpoint: &Endpoint<'_>) -> Option<HashSet<String>> {
        let answer = self.http.look_up(endpoint, &Lookup::Get("api/ps")).await.ok()?;
        let models = answer.get("models")?.as_array()?;
        let name_of = |item: &Value| {
            item.get("name").or_else(|| item.get("model"))?.as_str().map(str::to_owned)
        };
        Some(models.iter().filter_map(name_of).collect())
    }
}

/// Failures of a question about a model that the request itself would meet too.
fn is_final(fault: &Fault) -> bool {
    matches!(fault.class, ErrorClass::Connect { .. } | ErrorClass::ModelNotAvailable)
}
