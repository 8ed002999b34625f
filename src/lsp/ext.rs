//! Our own notifications, sent only to clients that announce `experimental.arawn`.
//!
//! `docs/lsp-extensions.md` tells client authors about them; keep both the same.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::lsp_types::notification::Notification;
use tower_lsp::lsp_types::{Range, Url};

use crate::model::{Arguments, BackendName, ToolCall, Usage};

use super::jobs::JobId;
use super::neutral;
use super::run::ErrorText;

/// The version of the extension.
pub(super) const VERSION: u32 = 1;

/// `arawn/stream`: an answer while it comes.
pub(super) enum StreamNotification {}

impl Notification for StreamNotification {
    type Params = StreamParams;
    const METHOD: &'static str = "arawn/stream";
}

/// What happened in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StreamKind {
    /// The job began.
    Begin,
    /// A piece of the answer.
    Text,
    /// The text so far is void: another backend begins anew.
    Restart,
    /// A tool is run for the model, or has been.
    Tool,
    /// The answer is complete.
    End,
    /// The job failed or was cancelled.
    Error,
}

/// Parameters of `arawn/stream`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamParams {
    pub(super) job_id: JobId,
    pub(super) seq: u64,
    pub(super) kind: StreamKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) range: Option<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backend: Option<BackendName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<ToolParams>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorText>,
}

/// A call of a tool: at its beginning with the arguments, at its end with what came of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ToolParams {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worked: Option<bool>,
}

impl ToolParams {
    /// A call that begins.
    pub(super) fn begun(call: &ToolCall) -> Self {
        let arguments = match &call.arguments {
            Arguments::Json(value) => value.clone(),
            Arguments::Raw(text) => Value::from(neutral::visible(text).into_owned()),
        };
        Self { arguments: Some(arguments), ..Self::of(call) }
    }

    /// A call that is over.
    pub(super) fn ended(call: &ToolCall, summary: &str, worked: bool) -> Self {
        let summary = Some(neutral::one_line(summary));
        Self { summary, worked: Some(worked), ..Self::of(call) }
    }

    fn of(call: &ToolCall) -> Self {
        let name = neutral::one_line(&call.name);
        Self { id: call.id.clone(), name, arguments: None, summary: None, worked: None }
    }
}

// lsp-types asks for `DeserializeOwned` of parameters that are only ever sent.
impl<'de> Deserialize<'de> for StreamParams {
    fn deserialize<D: serde::Deserializer<'de>>(_deserializer: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("`arawn/stream` is sent, never received"))
    }
}

/// `arawn/status`: how arawn is doing, for a status line.
pub(super) enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = serde_json::Value;
    const METHOD: &'static str = "arawn/status";
}
