//! Options: the configuration as it is written, in a file or by an editor, every key optional.
//!
//! README table, `docs/config.md`, the JSON Schema and the checks of every layer are made from these types.
//! None of them derives `Debug`: a literal key may be inside.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::settings::{CloudPolicy, Dialect, Preview};
use crate::model::Task;

/// A table that is accepted as it stands and has no effect here.
type Foreign = BTreeMap<String, serde_json::Value>;

/// Configuration of arawn.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Options {
    /// Which backend is asked, and which ones after it.
    pub llm: LlmOptions,
    /// The backends, by name. `anthropic`, `openai`, `groq` and `ollama` are known without a table of their own;
    /// any other name needs `dialect` and `base_url`.
    pub backends: BTreeMap<String, BackendOptions>,
    /// Backend and model for one kind of work.
    pub tasks: TasksOptions,
    /// What may leave this machine.
    pub privacy: PrivacyOptions,
    /// How edits get into your documents.
    pub edits: EditsOptions,
    /// Actions of your own, by name; a built-in name replaces the built-in action.
    pub actions: BTreeMap<String, ActionOptions>,
    /// Logging, to stderr.
    pub log: LogOptions,
    /// Who makes embeddings.
    pub embeddings: EmbeddingsOptions,
    /// Indexing of conversations. Checked and kept; nothing uses it yet.
    pub memory: MemoryOptions,
    /// The local engine: llama.cpp's server, managed by arawn. `arawn local setup` brings it.
    pub local: LocalOptions,
    /// The HTTP API of `arawn serve`.
    pub server: ServerOptions,
    /// Accepted, has no effect.
    pub mcp: Foreign,
    /// Accepted, has no effect.
    pub agent: Foreign,
    /// Accepted, has no effect.
    pub workstreams: Foreign,
    /// Accepted, has no effect.
    pub logging: Foreign,
    /// Accepted, has no effect.
    pub plugins: Foreign,
}

/// `[llm]`: the chain of backends.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct LlmOptions {
    /// The backend that is asked first.
    pub backend: Option<String>,
    /// Its model, in place of the one in the backend's own table; means no other backend.
    pub model: Option<String>,
    /// Backends that are tried in this order when the first one cannot answer.
    pub fallback: Option<Vec<String>>,
}

/// `[backends.NAME]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct BackendOptions {
    /// The protocol the server speaks. `openai` fits vLLM, llama.cpp, LM Studio, `LiteLLM` and most gateways.
    pub dialect: Option<Dialect>,
    /// Where the server is.
    pub base_url: Option<String>,
    /// Where the key is: `$keyring:NAME`, `$env:VARIABLE`, `$file:PATH`, or the key itself, which is warned about.
    /// Without it `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or `GROQ_API_KEY` counts for the backend of that name.
    pub api_key: Option<String>,
    /// The model to ask.
    pub model: Option<String>,
    /// Most tokens of an answer.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
    /// Sampling temperature; not sent unless it is set, but for 0.2 where a gap is filled.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f32>,
    /// Further headers of every request; a value may be `$env:VARIABLE`.
    pub headers: BTreeMap<String, String>,
    /// Allows unencrypted `http://` to another machine.
    pub allow_http: Option<bool>,
    /// The server is yours, though it is not on this machine: it counts as local, not as cloud.
    pub local: Option<bool>,
    /// Size of the context window in tokens; `num_ctx` is another name for it.
    #[schemars(range(min = 1))]
    pub context_length: Option<u32>,
    /// How long Ollama keeps the model loaded: `"10m"`, `"-1"` for ever.
    pub keep_alive: Option<String>,
    /// Seconds until a connection must stand.
    #[schemars(range(min = 1))]
    pub connect_timeout: Option<u32>,
    /// Seconds until the answer must begin: 60, or 300 for a local backend, which may be loading its model.
    #[schemars(range(min = 1))]
    pub first_byte_timeout: Option<u32>,
    /// Seconds that may pass between two pieces of an answer.
    #[schemars(range(min = 1))]
    pub idle_timeout: Option<u32>,
}

/// `[tasks]`: one table a kind of work.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct TasksOptions {
    /// Going on from the cursor or from the selection's end.
    pub complete: TaskOptions,
    /// Rewriting a selection.
    pub edit: TaskOptions,
    /// Mending what a diagnostic complains of.
    pub fix: TaskOptions,
    /// Explaining code.
    pub explain: TaskOptions,
    /// Writing documentation comments.
    pub document: TaskOptions,
    /// Writing tests.
    pub test: TaskOptions,
    /// Reviewing code.
    pub review: TaskOptions,
    /// Writing commit messages.
    pub commit: TaskOptions,
    /// One question, one answer.
    pub ask: TaskOptions,
    /// A conversation.
    pub chat: TaskOptions,
}

impl TasksOptions {
    /// The table of a task.
    pub fn of(&self, task: Task) -> &TaskOptions {
        match task {
            Task::Complete => &self.complete,
            Task::Edit => &self.edit,
            Task::Fix => &self.fix,
            Task::Explain => &self.explain,
            Task::Document => &self.document,
            Task::Test => &self.test,
            Task::Review => &self.review,
            Task::Commit => &self.commit,
            Task::Ask => &self.ask,
            Task::Chat => &self.chat,
        }
    }
}

/// `[tasks.NAME]`: what is left out is taken from `[llm]`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct TaskOptions {
    /// The backend for this task.
    pub backend: Option<String>,
    /// The model for this task, of the task's backend.
    pub model: Option<String>,
    /// Backends that are tried next; `[]` for none.
    pub fallback: Option<Vec<String>>,
    /// Most tokens of an answer to this task.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
}

/// `[privacy]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct PrivacyOptions {
    /// `never` switches every cloud backend off.
    pub cloud: Option<CloudPolicy>,
    /// Further files that never leave, in the syntax of `.gitignore`. Every layer adds to the list.
    pub ignore: Option<Vec<String>>,
}

/// `[edits]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct EditsOptions {
    /// Which edits wait for you as proposals: none, those you typed into or that did not pass every check, or all.
    pub preview: Option<Preview>,
    /// Whether the model is asked once more, with the reason, when its answer cannot be used or an edit fails a check.
    pub reask: Option<bool>,
}

/// `[actions.NAME]`: what an action file has in its front matter, and the template.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ActionOptions {
    /// What the menu shows.
    pub title: Option<String>,
    /// The task whose backend and model it uses.
    pub task: Option<Task>,
    /// The kind of code action that editors sort it by, such as `refactor.rewrite`.
    pub kind: Option<String>,
    /// Where the result goes: `replace`, `insert_before`, `insert_after` or `continue` the selection, `new_file`, `answer`, or `diagnostics`.
    pub output: Option<String>,
    /// Language ids it is offered for; all when left out.
    pub languages: Option<Vec<String>>,
    /// Whether it asks for an instruction first.
    pub input: Option<bool>,
    /// Whether a model that can fill in the middle is given the text around the cursor alone, without the template; only where the output is `continue`.
    pub infill: Option<bool>,
    /// The name of a `new_file`, beside the document: `{stem}.md`, `{stem}_notes.{extension}`.
    pub file: Option<String>,
    /// The prompt, a template.
    pub template: Option<String>,
}

/// `[log]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct LogOptions {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `arawn::router=debug`.
    pub level: Option<String>,
}

/// `[embeddings]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct EmbeddingsOptions {
    /// The name of a backend that makes embeddings, or `local`, a model inside arawn (not built in yet).
    pub backend: Option<String>,
    /// The embedding model; `text-embedding-3-small` of `OpenAI` and `nomic-embed-text` of Ollama when left out.
    pub model: Option<String>,
    /// Embeddings of `openai`; without `embeddings.backend` this table chooses it.
    pub openai: OpenAiEmbeddingsOptions,
}

/// `[embeddings.openai]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct OpenAiEmbeddingsOptions {
    /// Where the key is; that of `[backends.openai]` when left out.
    pub api_key: Option<String>,
    /// The embedding model; goes before `embeddings.model`.
    pub model: Option<String>,
}

/// `[memory]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct MemoryOptions {
    /// Indexing of conversations.
    pub indexing: IndexingOptions,
    /// Accepted, has no effect.
    pub recall: Foreign,
}

/// `[memory.indexing]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct IndexingOptions {
    /// Whether conversations are indexed.
    pub enabled: Option<bool>,
    /// The backend for it; `default` is that of `[llm]`.
    pub backend: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

/// `[local]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct LocalOptions {
    /// The engine's program, `llama-server`; left out, the one that `arawn local setup` installed or that is on PATH.
    pub engine: Option<String>,
    /// The model: a GGUF file, `ollama:NAME`, or the name of one that `arawn local setup` brought.
    pub model: Option<String>,
    /// Tokens that a request and its answer may have together; left out, what the model was trained for, up to 8192.
    #[schemars(range(min = 256))]
    pub context: Option<u32>,
    /// Threads that compute; left out, the engine decides, and the one that setup brought leaves a core free.
    #[schemars(range(min = 1))]
    pub threads: Option<u32>,
    /// Layers of the model that a graphics card computes; 0 for none; left out, the engine decides.
    #[schemars(range(min = 0))]
    pub gpu_layers: Option<u32>,
    /// Requests that are worked on at once, 2 when left out; each has the whole context.
    #[schemars(range(min = 1, max = 16))]
    pub parallel: Option<u32>,
    /// Minutes without a request after which the engine ends, 10 when left out.
    #[schemars(range(min = 0.0))]
    pub idle_minutes: Option<f64>,
    /// Seconds that the engine stays after its last client is gone, 30 when left out.
    #[schemars(range(min = 0))]
    pub linger_seconds: Option<u32>,
    /// Further arguments for the engine, as its own `--help` lists them.
    pub args: Option<Vec<String>>,
    /// Whether the engine is asked last in every chain where it is set up; true when left out.
    pub fallback: Option<bool>,
}

/// `[server]`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ServerOptions {
    /// The port on 127.0.0.1; 0 for any that is free.
    #[schemars(range(min = 0, max = 65535))]
    pub port: Option<u32>,
    /// What callers must send as `Authorization: Bearer TOKEN`: `$keyring:NAME`, `$env:VARIABLE`, `$file:PATH`, or
    /// the token itself, which is warned about. Without it every program of this machine may call.
    pub token: Option<String>,
    /// Accepted, has no effect: it is always 127.0.0.1.
    pub bind: Option<String>,
    /// Accepted, has no effect: `token` protects the API.
    pub auth: Foreign,
}
