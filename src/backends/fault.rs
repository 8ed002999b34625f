//! What the translators report before anyone has said which backend it was.

use secrecy::SecretString;
use serde_json::Value;

use super::words;
use crate::config::BackendSettings;
use crate::model::{ErrorClass, ModelError, StopReason, ToolCall, Usage};

/// A failure in a server's words; becomes a [`ModelError`] in one place, which removes keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// What kind of failure.
    pub(crate) class: ErrorClass,
    /// The server's words, not yet cleaned.
    pub(crate) message: String,
    /// HTTP status, if an answer came.
    pub(crate) status: Option<u16>,
    /// The provider's request id.
    pub(crate) request_id: Option<String>,
}

impl Fault {
    /// A failure without an HTTP answer.
    pub(crate) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), status: None, request_id: None }
    }

    /// The failure as callers see it.
    pub(crate) fn into_error(
        self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
        partial: bool,
    ) -> ModelError {
        ModelError {
            class: self.class,
            backend: backend.name.clone(),
            provider: backend.provider_text(),
            model: model.to_owned(),
            base_url: shown_url(backend),
            status: self.status,
            request_id: self.request_id.map(|id| words::clean(&id, key)),
            message: words::clean(&self.message, key),
            partial,
        }
    }
}

/// The base address as the user wrote it, without query and user name.
fn shown_url(backend: &BackendSettings) -> String {
    let written = &backend.base_url_text;
    let url = &backend.base_url;
    if url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
    {
        return written.clone();
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path().trim_end_matches('/'))
}

/// What a decoder yields: an [`Event`](crate::model::Event) whose failure names no backend yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Visible text.
    Text(String),
    /// Reasoning.
    Reasoning(String),
    /// A complete call.
    ToolCall(ToolCall),
    /// Token counts.
    Usage(Usage),
    /// What the reader of the answer should know.
    Remark(String),
    /// The turn in the provider's own words.
    Parts(Value),
    /// The end.
    Done(StopReason),
    /// The failure.
    Failed(Fault),
}

/// How the bytes of an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Properly, or because nothing more is waited for.
    Closed,
    /// The connection broke; what the system said.
    Broken(String),
}

/// A server's complaint, wherever in the JSON it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The sentence.
    pub(crate) message: String,
    /// `type`.
    pub(crate) kind: String,
    /// `code`, where it is a word.
    pub(crate) code: String,
    /// `code` or `status_code`, where it is an HTTP status.
    pub(crate) status: Option<u16>,
    /// `param`.
    pub(crate) param: Option<String>,
    /// `request_id`, where the body names it.
    pub(crate) request_id: Option<String>,
}

impl Complaint {
    /// The complaint in a text that is one, whether it is JSON or not.
    pub(crate) fn of_text(text: &str) -> Self {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => Self::in_json(&value).unwrap_or_else(|| Self::of(&value)),
            Err(_) => Self { message: text.to_owned(), ..Self::default() },
        }
    }

    /// The complaint in an object, if the object is one.
    ///
    /// Forms in use: `{"error": {…}}`, `{"error": "text"}`, `{"object": "error", "message": …}`,
    /// `{"detail": …}`, and each of them in a list.
    pub(crate) fn in_json(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.first().and_then(Self::in_json),
            Value::Object(object) => {
                let request_id = object.get("request_id").and_then(Value::as_str);
                let request_id = request_id.map(str::to_owned);
                if let Some(error) = object.get("error").filter(|error| is_complaint(error)) {
                    let mut complaint = Self { request_id, ..Self::of(error) };
                    if complaint.message.is_empty() {
                        complaint.message = text_of(object.get("message"));
                    }
                    return Some(complaint);
                }
                let is_error = object.get("object").and_then(Value::as_str) == Some("error")
                    || object.get("type").and_then(Value::as_str) == Some("error");
                if is_error {
                    return Some(Self { request_id, ..Self::of(value) });
                }
                // FastAPI's form; an answer may have a field of that name too.
                let is_answer =
                    ["choices", "message", "done"].iter().any(|name| object.contains_key(*name));
                let detail =
                    object.get("detail").filter(|detail| !is_answer && is_complaint(detail))?;
                Some(Self { message: text_of(Some(detail)), ..Self::default() })
            }
            _ => None,
        }
    }

    /// Reads the object (or text) that is the complaint itself.
    pub(crate) fn of(error: &Value) -> Self {
        let Value::Object(object) = error else {
            return Self { message: text_of(Some(error)), ..Self::default() };
        };
        let text =
            |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let status = ["code", "status_code", "status"]
            .iter()
            .find_map(|name| object.get(*name).and_then(Value::as_u64))
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..=599).contains(code));
        let message = match text_of(object.get("message")) {
            message if message.is_empty() => text_of(object.get("error")),
            message => message,
        };
        let param = Some(text("param")).filter(|param| !param.is_empty());
        Self { message, kind: text("type"), code: text("code"), status, param, request_id: None }
    }
}

/// `"error": null`, `false`, `""` and `{}` are how some servers say that all is well.
fn is_complaint(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
