//! What the API reads and writes, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Arguments, BackendName, Message, Role, ToolCall, Usage};
use crate::router::{Answer, Choice, FellBack};

/// The body of `POST /api/v1/chat`. Unknown fields are passed over, so that callers of other versions work.
#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    pub(super) message: String,
    #[serde(default)]
    backend: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    session_id: Option<String>,
}

impl ChatRequest {
    /// The session to go on with; empty counts as none.
    pub(super) fn session_id(&self) -> Option<&str> {
        given(self.session_id.as_deref())
    }

    /// Backend and model: the request's own before those that the server was started with. A model belongs to the
    /// backend beside it.
    pub(super) fn choice(&self, usual: &Choice) -> Choice {
        let backend = given(self.backend.as_deref()).map(BackendName::new);
        let model = given(self.model.as_deref()).map(str::to_owned);
        match backend {
            Some(backend) => {
                Choice { backend: Some(backend), model, no_fallback: usual.no_fallback }
            }
            None => Choice { model: model.or_else(|| usual.model.clone()), ..usual.clone() },
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// An answer; `response` is left out at the end of a stream, which has sent it in pieces.
#[derive(Debug, Serialize)]
pub(super) struct ChatAnswer<'a> {
    session_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a str>,
    reason: &'static str,
    tool_calls: Vec<Value>,
    usage: Usage,
    backend: &'a BackendName,
    model: &'a str,
    fell_back: &'a [FellBack],
    remarks: &'a [String],
}

impl<'a> ChatAnswer<'a> {
    /// The whole answer.
    pub(super) fn whole(session_id: &'a str, answer: &'a Answer) -> Self {
        Self { response: Some(&answer.text), ..Self::end(session_id, answer) }
    }

    /// All but the text.
    pub(super) fn end(session_id: &'a str, answer: &'a Answer) -> Self {
        Self {
            session_id,
            response: None,
            reason: answer.reason.as_str(),
            tool_calls: answer.tool_calls.iter().map(tool_call).collect(),
            usage: answer.usage,
            backend: &answer.backend,
            model: &answer.model,
            fell_back: &answer.fell_back,
            remarks: &answer.remarks,
        }
    }
}

/// Arguments that are no JSON stand beside as they came.
fn tool_call(call: &ToolCall) -> Value {
    let ToolCall { id, name, arguments } = call;
    match arguments {
        Arguments::Json(arguments) => json!({"id": id, "name": name, "arguments": arguments}),
        Arguments::Raw(raw) => {
            json!({"id": id, "name": name, "arguments": null, "arguments_raw": raw})
        }
    }
}

/// A session in a list.
#[derive(Debug, Serialize)]
pub(super) struct SessionLine {
    pub(super) session_id: String,
    /// Seconds since 1970.
    pub(super) created_at: u64,
    /// See `created_at`.
    pub(super) last_used_at: u64,
    pub(super) turns: usize,
    /// Who answered last.
    pub(super) backend: Option<BackendName>,
    pub(super) model: Option<String>,
}

/// A session with what was said in it.
#[derive(Debug, Serialize)]
pub(super) struct SessionDetails {
    #[serde(flatten)]
    pub(super) line: SessionLine,
    pub(super) messages: Vec<SaidMessage>,
}

/// A message of a session.
#[derive(Debug, Serialize)]
pub(super) struct SaidMessage {
    role: Role,
    text: String,
}

impl From<&Message> for SaidMessage {
    fn from(message: &Message) -> Self {
        Self { role: message.role, text: message.text.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(body: &str, usual: &Choice) -> (Option<String>, Option<String>) {
        let request: ChatRequest = serde_json::from_str(body).unwrap();
        let choice = request.choice(usual);
        (choice.backend.map(|backend| backend.to_string()), choice.model)
    }

    #[test]
    fn a_request_chooses_over_the_flags_and_a_model_stays_with_its_backend() {
        let flags = Choice {
            backend: Some("work".into()),
            model: Some("w".to_owned()),
            ..Choice::default()
        };
        let some = |text: &str| Some(text.to_owned());
        let body = r#"{"message":"x","backend":null,"model":" "}"#;
        assert_eq!(choice(body, &flags), (some("work"), some("w")));
        let body = r#"{"message":"x","backend":"groq"}"#;
        assert_eq!(choice(body, &flags), (some("groq"), None));
        let body = r#"{"message":"x","model":"big","workstream_id":"y"}"#;
        assert_eq!(choice(body, &flags), (some("work"), some("big")));
        assert_eq!(choice(body, &Choice::default()), (None, some("big")));
    }
}
