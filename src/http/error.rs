//! Turns whatever goes wrong into a status and `{"error": {"code", "message", "hint"}}`.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::model::ErrorClass;
use crate::report::{Kind, Report};
use crate::router::{Cause, Failure};

/// What a caller is asked to wait where the provider gave no time.
const USUAL_WAIT: Duration = Duration::from_secs(10);

/// An error as callers see it.
#[derive(Clone, Debug)]
pub(super) struct ApiError(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    report: Report,
    retry_after: Option<Duration>,
    /// Class, backend and the like, for programs.
    details: Map<String, Value>,
}

impl ApiError {
    /// An error with a next step.
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let report = Report::new(Kind::Usage, message).with_hint(hint);
        Self(Box::new(Parts { status, code, report, retry_after: None, details: Map::new() }))
    }

    /// The request makes no sense.
    pub(super) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message, hint)
    }

    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message, hint)
    }

    /// Too much is going on.
    pub(super) fn busy() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut error =
            Self::new(status, "overloaded", "too many answers are under way", "try again");
        error.0.retry_after = Some(Duration::from_secs(1));
        error
    }

    /// The server ends.
    pub(super) fn stopping() -> Self {
        let hint = "start it again with `arawn serve`";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "the server was stopped", hint)
    }

    /// Somebody deleted the session meanwhile.
    pub(super) fn deleted() -> Self {
        let hint = "leave out `session_id` to begin a new session";
        Self::new(StatusCode::CONFLICT, "cancelled", "the session was deleted", hint)
    }

    /// The object under `error`.
    fn object(&self) -> Map<String, Value> {
        let Report { message, causes, hint, checks, .. } = &self.0.report;
        let mut object = Map::new();
        object.insert("code".to_owned(), json!(self.0.code));
        object.insert("message".to_owned(), json!(message));
        object.insert("hint".to_owned(), json!(hint));
        object.insert("causes".to_owned(), json!(causes));
        object.insert("checks".to_owned(), json!(checks));
        object.extend(self.0.details.clone());
        object
    }

    /// The data of an `error` event: the same, with the status that it can no longer have.
    pub(super) fn event_data(&self) -> Value {
        let mut object = self.object();
        object.insert("status".to_owned(), json!(self.0.status.as_u16()));
        if let Some(wait) = self.0.retry_after {
            object.insert("retry_after".to_owned(), json!(seconds(wait)));
        }
        json!({"error": object})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": self.object()}).to_string();
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.0.status, json, body).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        if self.0.code == "unauthorized" && self.0.details.is_empty() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.0.status == StatusCode::PAYLOAD_TOO_LARGE && self.0.details.is_empty() {
            // The rest of the body is not read.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whole seconds, rounded up: a caller that comes too early is refused again.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<&Failure> for ApiError {
    fn from(failure: &Failure) -> Self {
        let (status, code) = status_of(&failure.cause);
        let mut details = Map::new();
        details.insert("class".to_owned(), json!(failure.cause.class()));
        details.insert("backend".to_owned(), json!(failure.backend));
        details.insert("model".to_owned(), json!(failure.model));
        details.insert("fell_back".to_owned(), json!(failure.fell_back));
        let mut retry_after = None;
        if let Cause::Model(error) = &failure.cause {
            details.insert("upstream_status".to_owned(), json!(error.status));
            details.insert("request_id".to_owned(), json!(error.request_id));
            retry_after = wait_of(&error.class);
        }
        let report = Report::from(failure);
        Self(Box::new(Parts { status, code, report, retry_after, details }))
    }
}

fn wait_of(class: &ErrorClass) -> Option<Duration> {
    match class {
        ErrorClass::RateLimited { wait } => Some(wait.unwrap_or(USUAL_WAIT)),
        ErrorClass::Overloaded => Some(USUAL_WAIT),
        _ => None,
    }
}

/// Status and code of a failed turn. What the caller can mend is 4xx, what the backend did is 5xx.
fn status_of(cause: &Cause) -> (StatusCode, &'static str) {
    let invalid = (StatusCode::BAD_REQUEST, "invalid_request");
    let unauthorized = (StatusCode::UNAUTHORIZED, "unauthorized");
    let Cause::Model(error) = cause else {
        return match cause {
            Cause::Secret(_) => unauthorized,
            Cause::Engine(_) => (StatusCode::BAD_GATEWAY, "connect"),
            Cause::Refused(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Cause::UnknownBackend { .. }
            | Cause::Unusable { .. }
            | Cause::NoModel { .. }
            | Cause::Model(_) => invalid,
        };
    };
    match error.class {
        ErrorClass::Auth => unauthorized,
        ErrorClass::ModelNotAvailable => (StatusCode::NOT_FOUND, "not_found"),
        ErrorClass::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        ErrorClass::RequestExceedsRateLimit => (StatusCode::TOO_MANY_REQUESTS, "request_too_large"),
        ErrorClass::Quota => (StatusCode::TOO_MANY_REQUESTS, "quota_exceeded"),
        ErrorClass::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        ErrorClass::ContextOverflow => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
        ErrorClass::Unsupported => invalid,
        ErrorClass::FirstByteTimeout | ErrorClass::IdleTimeout => {
            (StatusCode::GATEWAY_TIMEOUT, "backend_timeout")
        }
        ErrorClass::Connect { .. } => (StatusCode::BAD_GATEWAY, "backend_unavailable"),
        ErrorClass::ToolUseFailed
        | ErrorClass::BadRequest { .. }
        | ErrorClass::Truncated
        | ErrorClass::NotJson
        | ErrorClass::Server => (StatusCode::BAD_GATEWAY, "backend_error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: ErrorClass) -> ApiError {
        let error = crate::model::ModelError {
            class,
            backend: "work".into(),
            provider: "work".to_owned(),
            model: "m".to_owned(),
            base_url: "http://localhost:1".to_owned(),
            status: None,
            request_id: None,
            message: String::new(),
            partial: false,
        };
        ApiError::from(&Failure {
            cause: error.into(),
            backend: Some("work".into()),
            model: Some("m".to_owned()),
            partial_text: "half".to_owned(),
            fell_back: Vec::new(),
        })
    }

    #[test]
    fn every_class_has_its_status_and_code() {
        use crate::model::ConnectKind;
        let wait = Some(Duration::from_millis(1500));
        for (class, status, code, retry_after) in [
            (ErrorClass::Auth, 401, "unauthorized", None),
            (ErrorClass::ModelNotAvailable, 404, "not_found", None),
            (ErrorClass::RateLimited { wait }, 429, "rate_limited", Some("2")),
            (ErrorClass::RateLimited { wait: None }, 429, "rate_limited", Some("10")),
            (ErrorClass::RequestExceedsRateLimit, 429, "request_too_large", None),
            (ErrorClass::Quota, 429, "quota_exceeded", None),
            (ErrorClass::Overloaded, 503, "overloaded", Some("10")),
            (ErrorClass::ContextOverflow, 413, "request_too_large", None),
            (ErrorClass::ToolUseFailed, 502, "backend_error", None),
            (ErrorClass::Unsupported, 400, "invalid_request", None),
            (ErrorClass::BadRequest { setting: None }, 502, "backend_error", None),
            (ErrorClass::Connect { kind: ConnectKind::Dns }, 502, "backend_unavailable", None),
            (ErrorClass::FirstByteTimeout, 504, "backend_timeout", None),
            (ErrorClass::IdleTimeout, 504, "backend_timeout", None),
            (ErrorClass::Truncated, 502, "backend_error", None),
            (ErrorClass::NotJson, 502, "backend_error", None),
            (ErrorClass::Server, 502, "backend_error", None),
        ] {
            let error = failed(class.clone());
            let event = error.event_data();
            assert_eq!(event["error"]["code"], code, "{class:?}");
            assert_eq!(event["error"]["status"], status, "{class:?}");
            assert_eq!(event["error"]["class"], class.as_str());
            assert!(event["error"]["hint"].is_string(), "{class:?}");
            let response = error.into_response();
            assert_eq!(response.status(), status, "{class:?}");
            let header = response.headers().get(header::RETRY_AFTER);
            assert_eq!(header.map(|value| value.to_str().unwrap()), retry_after, "{class:?}");
        }
    }
}
