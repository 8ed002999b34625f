//! The neutral vocabulary in which the core talks to models: requests, messages, events, usage, errors.
//!
//! Nothing here knows a provider's wire format; `backends/` translates both ways.

mod error;
mod gap;
mod image;
mod infill;

pub use error::{ConnectKind, ErrorClass, ModelError};
pub use gap::{GapEdge, GapReader};
pub use image::{Image, ImageFormat};
pub use infill::Infill;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Name of a configured backend: the `NAME` of `[backends.NAME]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackendName(Arc<str>);

impl BackendName {
    /// Wraps a name as written in the configuration.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for BackendName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// A kind of work that can have its own model (`[tasks.NAME]`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Going on from the cursor or from the selection's end.
    Complete,
    /// Rewriting a selection: refactor, simplify, translate, free instructions.
    Edit,
    /// Mending what a diagnostic complains of.
    Fix,
    /// Explaining code.
    Explain,
    /// Writing documentation comments.
    Document,
    /// Writing tests.
    Test,
    /// Reviewing code.
    Review,
    /// Writing commit messages.
    Commit,
    /// One question, one answer.
    Ask,
    /// A conversation.
    Chat,
}

impl Task {
    /// All tasks, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Complete,
        Self::Edit,
        Self::Fix,
        Self::Explain,
        Self::Document,
        Self::Test,
        Self::Review,
        Self::Commit,
        Self::Ask,
        Self::Chat,
    ];

    /// The name used in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Edit => "edit",
            Self::Fix => "fix",
            Self::Explain => "explain",
            Self::Document => "document",
            Self::Test => "test",
            Self::Review => "review",
            Self::Commit => "commit",
            Self::Ask => "ask",
            Self::Chat => "chat",
        }
    }

    /// The task of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.as_str() == name)
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked of a model, in no provider's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The system prompt; empty for none.
    pub system: String,
    /// The conversation, oldest first; the last message is the user's.
    pub messages: Vec<Message>,
    /// Most tokens the answer may have; `None` leaves it to the backend's settings.
    pub max_tokens: Option<u32>,
    /// Sampling temperature; sent only when set.
    pub temperature: Option<f32>,
    /// Strings at which the model should stop.
    pub stop: Vec<String>,
    /// Tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// The same wish for a model that fills in the middle, which needs no words.
    pub infill: Option<Infill>,
}

impl Request {
    /// A request of one user message.
    pub fn of_user(text: impl Into<String>) -> Self {
        Self { messages: vec![Message::user(text)], ..Self::default() }
    }

    /// Rough size of the whole prompt in tokens: four bytes of code or prose make about one token.
    ///
    /// Used for budgets, never shown as a count.
    pub fn estimated_tokens(&self) -> usize {
        let of_call = |call: &ToolCall| call.name.len() + call.arguments.byte_len() + 32;
        let of_message = |message: &Message| {
            message.text.len() + 16 + message.tool_calls.iter().map(of_call).sum::<usize>()
        };
        let of_tool = |tool: &ToolSpec| {
            tool.name.len() + tool.description.len() + tool.parameters.to_string().len() + 32
        };
        let bytes = self.system.len()
            + self.messages.iter().map(of_message).sum::<usize>()
            + self.tools.iter().map(of_tool).sum::<usize>();
        let of_images: usize = self.images().map(Image::estimated_tokens).sum();
        estimated_tokens(bytes).saturating_add(of_images)
    }

    /// All images of the conversation.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.messages.iter().flat_map(|message| &message.images)
    }
}

/// Rough number of tokens in a text of `byte_len` bytes, on the high side (3.2 bytes a token).
pub fn estimated_tokens(byte_len: usize) -> usize {
    byte_len.saturating_mul(10).div_ceil(32)
}

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person, or arawn in the person's name.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; may be empty when there are tool calls.
    pub text: String,
    /// Calls the assistant made in this turn.
    pub tool_calls: Vec<ToolCall>,
    /// For `Role::Tool`: the call this is the result of (id and tool name).
    pub result_of: Option<ToolResultOf>,
    /// Images that go with the text, in order; only the user sends them.
    pub images: Vec<Image>,
    /// The same turn in the words of the provider that made it, where that holds more than the rest.
    pub provider_parts: Option<ProviderParts>,
}

/// A turn of the model as its provider put it, to be handed back unchanged: signed reasoning, for example.
///
/// Means something only to the backend and model that made it; everybody else is sent the neutral fields.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderParts {
    /// Who made it.
    pub backend: BackendName,
    /// With which model.
    pub model: String,
    /// The parts, in the provider's own form.
    pub json: serde_json::Value,
}

impl ProviderParts {
    /// The parts, if it is that backend and model which made them.
    pub fn of(&self, backend: &BackendName, model: &str) -> Option<&serde_json::Value> {
        (self.backend == *backend && self.model == model).then_some(&self.json)
    }
}

impl Message {
    /// A message of the user.
    pub fn user(text: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            text: text.into(),
            tool_calls: Vec::new(),
            result_of: None,
            images: Vec::new(),
            provider_parts: None,
        }
    }

    /// A message of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, ..Self::user(text) }
    }
}

/// Names the call that a tool message answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResultOf {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Name the model calls it by.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// A call the model made.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The provider's id, or one made up where the provider gives none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments.
    pub arguments: Arguments,
}

/// Arguments of a tool call: JSON, or the raw text where it is not (cut off, malformed).
#[derive(Clone, Debug, PartialEq)]
pub enum Arguments {
    /// They parsed.
    Json(serde_json::Value),
    /// They did not parse; the text as it came.
    Raw(String),
}

impl Arguments {
    /// Roughly how long they are when written out.
    fn byte_len(&self) -> usize {
        match self {
            Self::Json(value) => value.to_string().len(),
            Self::Raw(text) => text.len(),
        }
    }
}

/// Tokens counted by the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The whole prompt, cached parts included.
    pub input_tokens: u64,
    /// The answer, reasoning included.
    pub output_tokens: u64,
    /// The part of the prompt read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// The part of the answer that was hidden reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// What two requests used together: both are billed.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Self {
            input_tokens: self.input_tokens.saturating_add(more.input_tokens),
            output_tokens: self.output_tokens.saturating_add(more.output_tokens),
            cached_input_tokens: both(self.cached_input_tokens, more.cached_input_tokens),
            reasoning_tokens: both(self.reasoning_tokens, more.reasoning_tokens),
        }
    }
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was done, or met a stop string.
    Stop,
    /// It met the output limit or the end of the context window.
    Length,
    /// It wants tools to be called.
    ToolCalls,
    /// It declined.
    Refusal,
    /// The provider's filter cut it.
    ContentFilter,
    /// Anything else; the provider's word.
    Other(String),
}

/// The word of a provider that wants the turn sent back so that the model can go on.
const PAUSE: &str = "pause_turn";

impl StopReason {
    /// Whether the turn is only interrupted: sent back as it is, the model goes on with it.
    pub fn is_pause(&self) -> bool {
        matches!(self, Self::Other(word) if word == PAUSE)
    }

    /// The name used in `--format json`: `stop`, `length`, `tool_calls`, `refusal`, `content_filter`, `other`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Refusal => "refusal",
            Self::ContentFilter => "content_filter",
            Self::Other(_) => "other",
        }
    }
}

/// What a backend yields while it answers.
///
/// Any number of the first six, then exactly one of `Done` or `Failed`, and nothing after.
#[derive(Debug)]
pub enum Event {
    /// A piece of the visible answer.
    Text(String),
    /// A piece of the model's reasoning.
    Reasoning(String),
    /// A complete tool call.
    ToolCall(ToolCall),
    /// Token counts; the last one counts.
    Usage(Usage),
    /// One sentence about the answer that its reader should know: why it is shorter than asked for.
    Remark(String),
    /// The whole turn in the provider's own words, where these hold more than the events before.
    Parts(ProviderParts),
    /// The model ended its answer.
    Done {
        /// Why it stopped.
        reason: StopReason,
    },
    /// The answer failed; what came before is partial.
    Failed(Box<ModelError>),
}

/// What is to be sent is longer than the window even after everything optional was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Estimated size in tokens of what cannot be left out.
    pub tokens: usize,
}
