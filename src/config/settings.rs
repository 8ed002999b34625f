//! What the program runs with: complete, checked, cheap to share.
//!
//! `Settings` is made by `config::load` out of the layers and never changes; a reload makes a new one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::endpoint;
use super::environment::Environment;
use super::local::LocalSettings;
use crate::model::{BackendName, Task};
use crate::secrets::KeyReference;

/// The wire protocol a backend speaks.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Anthropic's Messages API.
    Anthropic,
    /// The Chat Completions API, spoken by `OpenAI`, Groq, llama.cpp, vLLM, LM Studio and many more.
    Openai,
    /// Ollama's native API.
    Ollama,
}

/// Whose service it is; decides default address, key variable, model and what may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Anthropic.
    Anthropic,
    /// `OpenAI` itself.
    OpenAi,
    /// Groq.
    Groq,
    /// Ollama.
    Ollama,
    /// Any other server that speaks one of the dialects.
    Other,
}

impl Provider {
    /// The provider's name in sentences; `None` for other servers.
    pub fn display_name(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("Anthropic"),
            Self::OpenAi => Some("OpenAI"),
            Self::Groq => Some("Groq"),
            Self::Ollama => Some("Ollama"),
            Self::Other => None,
        }
    }

    /// The environment variable that by custom holds a key of this provider.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Groq => Some("GROQ_API_KEY"),
            Self::Ollama | Self::Other => None,
        }
    }
}

/// Whether a backend runs on the user's own machine or network, or in a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Loopback, or a host that the user's own config calls local.
    Local,
    /// Anywhere else.
    Cloud,
}

/// Time limits of a request. There is no limit on the whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Until a connection stands.
    pub connect: Duration,
    /// From the sent request to the first byte of the answer's body.
    pub first_byte: Duration,
    /// Between two bytes.
    pub idle: Duration,
}

impl Clocks {
    /// Limits for a place: a local server may be loading its model.
    pub fn for_place(place: Place) -> Self {
        let first_byte = match place {
            Place::Local => Duration::from_mins(5),
            Place::Cloud => Duration::from_mins(1),
        };
        Self { connect: Duration::from_secs(5), first_byte, idle: Duration::from_mins(1) }
    }
}

/// One `[backends.NAME]`, complete. `Debug` shows no key and no value of a header.
#[derive(Clone)]
pub struct BackendSettings {
    /// Its name.
    pub name: BackendName,
    /// The wire protocol.
    pub dialect: Dialect,
    /// Whose service it is.
    pub provider: Provider,
    /// Base address in its normal form: for the `openai` dialect with its version path, for the others without;
    /// no slash at the end unless the path is empty.
    pub base_url: Url,
    /// Base address as the user wrote it, for messages.
    pub base_url_text: String,
    /// The model to ask unless the chain says another.
    pub model: Option<String>,
    /// Most tokens of an answer.
    pub max_tokens: Option<u32>,
    /// Sampling temperature; sent only when set.
    pub temperature: Option<f32>,
    /// Where the key comes from; `None` for none.
    pub api_key: Option<KeyReference>,
    /// Extra request headers.
    pub headers: BTreeMap<String, String>,
    /// Local or cloud.
    pub place: Place,
    /// Time limits.
    pub clocks: Clocks,
    /// Context window in tokens, if the user fixed it (`num_ctx` on Ollama).
    pub context_length: Option<u32>,
    /// How long Ollama keeps the model loaded.
    pub keep_alive: Option<String>,
    /// The local engine behind this backend, which has to be running before it can be asked.
    pub engine: Option<Engine>,
}

/// The local engine behind a backend.
#[derive(Clone, Debug)]
pub enum Engine {
    /// It may not run: whoever wants to ask it starts it first.
    Asleep(Arc<LocalSettings>),
    /// It runs and listens there; without a socket, at the backend's address.
    Awake {
        /// A Unix socket.
        socket: Option<PathBuf>,
        /// Whether its model was trained to fill in the middle.
        fills_in: bool,
    },
}

impl fmt::Debug for BackendSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendSettings")
            .field("name", &self.name)
            .field("dialect", &self.dialect)
            .field("base_url", &self.base_url_text)
            .field("model", &self.model)
            .field("max_tokens", &self.max_tokens)
            .field("api_key", &self.api_key)
            .field("headers", &self.headers.keys())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl BackendSettings {
    /// Whether code and key go to another machine in the clear.
    pub fn is_unencrypted(&self) -> bool {
        self.base_url.scheme() == "http" && !endpoint::is_loopback(&self.base_url)
    }

    /// The provider's name for sentences: "Ollama", else the backend's own name.
    pub fn provider_text(&self) -> String {
        self.provider.display_name().map_or_else(|| self.name.to_string(), str::to_owned)
    }
}

/// A backend and the model to ask there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The backend.
    pub backend: BackendName,
    /// The model, if it is not the backend's own.
    pub model: Option<String>,
}

/// The backends tried in order for a task. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// First choice first.
    pub links: Vec<Link>,
}

/// One `[tasks.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSettings {
    /// The task's chain.
    pub chain: Chain,
    /// Most tokens of an answer to this task.
    pub max_tokens: Option<u32>,
}

/// When requests may go to a cloud.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CloudPolicy {
    /// Cloud backends in the user's own chain are used.
    Allowed,
    /// No request goes to a cloud backend.
    Never,
}

/// `[privacy]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacySettings {
    /// Whether cloud backends may be used.
    pub cloud: CloudPolicy,
    /// Further patterns (gitignore syntax) of files that never leave.
    pub ignore: Vec<String>,
}

/// Which edits wait for the user instead of going into the document at once.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Preview {
    /// None; what cannot go into the document is shown.
    Never,
    /// Those whose lines the user changed meanwhile, and those that did not pass every check.
    #[default]
    Conflict,
    /// All.
    Always,
}

/// `[edits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EditSettings {
    /// Which edits wait for the user.
    pub preview: Preview,
    /// Whether a model is asked once more when its answer cannot be used.
    pub reask: bool,
}

impl Default for EditSettings {
    fn default() -> Self {
        Self { preview: Preview::default(), reask: true }
    }
}

/// An action of the user's or the project's config (`[actions.NAME]`), as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionSettings {
    /// The action's id.
    pub id: String,
    /// Front matter keys and the template, as in an action file.
    pub fields: BTreeMap<String, String>,
}

/// Who makes embeddings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EmbeddingSource {
    /// A model inside this process.
    #[default]
    Local,
    /// A backend. Whether there is one of that name shows when it is asked.
    Backend(BackendName),
}

/// `[embeddings]`.
#[derive(Clone, Debug, Default)]
pub struct EmbeddingSettings {
    /// Who makes them.
    pub source: EmbeddingSource,
    /// The model to ask there.
    pub model: Option<String>,
    /// `[embeddings.openai] api_key`, in place of the key of `[backends.openai]`.
    pub openai_key: Option<KeyReference>,
    /// `[embeddings.openai] model`.
    pub openai_model: Option<String>,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The port on 127.0.0.1, if one is set.
    pub port: Option<u16>,
    /// Where the token comes from that callers must show; `Ok(None)` asks for none. With an error nothing may be
    /// served: who wrote a token down does not want to be without.
    pub token: Result<Option<KeyReference>, String>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { port: None, token: Ok(None) }
    }
}

/// Everything the program runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// All backends that are defined, built-in names included.
    pub backends: BTreeMap<BackendName, Arc<BackendSettings>>,
    /// The chain of `[llm]`.
    pub chain: Chain,
    /// Tasks with a chain or limits of their own.
    pub tasks: BTreeMap<Task, TaskSettings>,
    /// Privacy rules.
    pub privacy: PrivacySettings,
    /// How edits get into documents.
    pub edits: EditSettings,
    /// Who makes embeddings.
    pub embeddings: EmbeddingSettings,
    /// Actions from config tables.
    pub actions: Vec<ActionSettings>,
    /// Folders with action files, lowest precedence first.
    pub action_folders: Vec<PathBuf>,
    /// The local engine.
    pub local: Arc<LocalSettings>,
    /// The HTTP API.
    pub server: ServerSettings,
    /// Where answers, logs and trust are kept (0700).
    pub state_folder: PathBuf,
    /// What keys are looked up in.
    pub environment: Arc<Environment>,
    /// Backends that are defined but cannot be used, and why.
    pub unusable: BTreeMap<BackendName, String>,
    /// The filter of the log: a level, or `target=level`.
    pub log: String,
}

impl Settings {
    /// The chain of a task: its own, else that of `[llm]`.
    pub fn chain_of(&self, task: Task) -> &Chain {
        self.tasks.get(&task).map_or(&self.chain, |settings| &settings.chain)
    }

    /// The settings of a backend.
    pub fn backend(&self, name: &BackendName) -> Option<&Arc<BackendSettings>> {
        self.backends.get(name)
    }
}
