//! Why a model gave no usable answer, classed by what the caller should do next.

use std::fmt;
use std::time::Duration;

use super::BackendName;

/// What kind of connection failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectKind {
    /// Nothing listens there.
    Refused,
    /// The host name has no address.
    Dns,
    /// No connection within the time limit.
    Timeout,
    /// The TLS handshake failed.
    Tls,
    /// Something else on the way.
    Other,
}

/// Classes of failure; retry and fallback follow from the class alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The key is missing, wrong or not allowed.
    Auth,
    /// The model does not exist here, is retired, or is not pulled.
    ModelNotAvailable,
    /// Too many requests; the provider's wait, if it gave one.
    RateLimited {
        /// How long to wait.
        wait: Option<Duration>,
    },
    /// This one request is above the per-minute limit; waiting does not help.
    RequestExceedsRateLimit,
    /// The account has no credit left.
    Quota,
    /// The provider is overloaded.
    Overloaded,
    /// The prompt is longer than the model's window.
    ContextOverflow,
    /// The model's attempt at a tool call was malformed.
    ToolUseFailed,
    /// The backend cannot do what was asked (tools, images, region).
    Unsupported,
    /// The request was refused; the setting to blame, if it is named.
    BadRequest {
        /// Name of the setting in the provider's words.
        setting: Option<String>,
    },
    /// No connection.
    Connect {
        /// What kind of failure.
        kind: ConnectKind,
    },
    /// Connected, but no byte of an answer within the time limit.
    FirstByteTimeout,
    /// The answer began, then nothing came within the time limit.
    IdleTimeout,
    /// The answer ended without the dialect's end sign.
    Truncated,
    /// The answer is not in the dialect at all (HTML, empty, text).
    NotJson,
    /// The server failed.
    Server,
}

impl ErrorClass {
    /// The name used in `--format json` and in logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::ModelNotAvailable => "model_not_available",
            Self::RateLimited { .. } => "rate_limited",
            Self::RequestExceedsRateLimit => "request_exceeds_rate_limit",
            Self::Quota => "quota",
            Self::Overloaded => "overloaded",
            Self::ContextOverflow => "context_overflow",
            Self::ToolUseFailed => "tool_use_failed",
            Self::Unsupported => "unsupported",
            Self::BadRequest { .. } => "bad_request",
            Self::Connect { .. } => "connect",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::Truncated => "truncated",
            Self::NotJson => "not_json",
            Self::Server => "server",
        }
    }
}

/// A failed request to a model: what went wrong, where, and in the provider's own words.
///
/// Holds no key, no request body and no URL query. `Display` is the one-line summary of the contract;
/// cause and hint are made in `report.rs`.
#[derive(Clone, Debug)]
pub struct ModelError {
    /// What kind of failure.
    pub class: ErrorClass,
    /// The backend that failed.
    pub backend: BackendName,
    /// How the provider is called in sentences: "Anthropic", "Ollama", or the backend's name in quotes.
    pub provider: String,
    /// The model that was asked; empty when none was.
    pub model: String,
    /// Base URL as configured (no query).
    pub base_url: String,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// The provider's request id, if it gave one.
    pub request_id: Option<String>,
    /// The provider's words, shortened, keys and control characters removed; empty if none.
    pub message: String,
    /// Whether a part of the answer had been received.
    pub partial: bool,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, provider, model, base_url, .. } = self;
        match &self.class {
            ErrorClass::Auth => write!(f, "Authentication failed for backend \"{backend}\""),
            ErrorClass::ModelNotAvailable => write!(f, "Model \"{model}\" not available"),
            ErrorClass::Connect { .. } => write!(f, "Cannot connect to {provider} at {base_url}"),
            ErrorClass::RateLimited { wait: Some(wait) } => {
                write!(
                    f,
                    "Backend \"{backend}\" is over its rate limit for another {} s",
                    wait.as_secs_f64().ceil()
                )
            }
            ErrorClass::RateLimited { wait: None } => {
                write!(f, "Backend \"{backend}\" is over its rate limit")
            }
            ErrorClass::RequestExceedsRateLimit => {
                write!(f, "The request is larger than backend \"{backend}\" allows a minute")
            }
            ErrorClass::Quota => write!(f, "Backend \"{backend}\" has no credit left"),
            ErrorClass::Overloaded => write!(f, "Backend \"{backend}\" is overloaded"),
            ErrorClass::ContextOverflow => {
                write!(f, "The prompt is longer than model \"{model}\" can read")
            }
            ErrorClass::ToolUseFailed => write!(f, "Model \"{model}\" made a malformed tool call"),
            ErrorClass::Unsupported => write!(f, "Backend \"{backend}\" cannot do this"),
            ErrorClass::BadRequest { setting: Some(setting) } => {
                write!(f, "Backend \"{backend}\" refused the setting `{setting}`")
            }
            ErrorClass::BadRequest { setting: None } => {
                write!(f, "Backend \"{backend}\" refused the request")
            }
            ErrorClass::FirstByteTimeout => {
                write!(f, "Backend \"{backend}\" did not answer in time")
            }
            ErrorClass::IdleTimeout => {
                write!(f, "Backend \"{backend}\" stopped in the middle of its answer")
            }
            ErrorClass::Truncated => write!(f, "The answer of backend \"{backend}\" was cut off"),
            ErrorClass::NotJson => write!(f, "What answers at {base_url} is not {provider}"),
            ErrorClass::Server => write!(f, "Backend \"{backend}\" failed"),
        }
    }
}

impl std::error::Error for ModelError {}
