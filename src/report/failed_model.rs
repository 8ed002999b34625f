//! What the user reads when a model failed: the provider's words, what to check, and the next step by class.

use super::{Kind, Report};
use crate::model::{ConnectKind, ErrorClass, ModelError};

impl From<&ModelError> for Report {
    fn from(error: &ModelError) -> Self {
        let kind = match error.class {
            ErrorClass::Auth => Kind::Credentials,
            _ => Kind::Backend,
        };
        let report = Self::new(kind, error.to_string()).because(provider_words(error));
        let (checks, hint) = advice(error);
        Self { hint, ..report.with_checks(checks) }
    }
}

/// The provider's words with status and request id, as one line.
fn provider_words(error: &ModelError) -> String {
    let mut facts = Vec::new();
    facts.extend(error.status.map(|status| format!("status {status}")));
    facts.extend(error.request_id.as_ref().map(|id| format!("request id {id}")));
    let facts = facts.join(", ");
    let words = match &error.class {
        ErrorClass::Connect { kind } if error.message.is_empty() => connect_words(*kind).to_owned(),
        _ => error.message.clone(),
    };
    match (words.is_empty(), facts.is_empty()) {
        (true, _) => facts,
        (false, true) => words,
        (false, false) => format!("{words} ({facts})"),
    }
}

fn connect_words(kind: ConnectKind) -> &'static str {
    match kind {
        ConnectKind::Refused => "connection refused: nothing listens there",
        ConnectKind::Dns => "the host name is not known",
        ConnectKind::Timeout => "no connection within the time limit",
        ConnectKind::Tls => "the secure connection could not be set up",
        ConnectKind::Other => "the connection failed",
    }
}

/// The check list and the next step for a failure. The lists are those of the documentation.
fn advice(error: &ModelError) -> (&'static [&'static str], Option<String>) {
    let ModelError { backend, model, provider, .. } = error;
    let is_ollama = provider == "Ollama";
    match &error.class {
        ErrorClass::Auth => (
            &[
                "Key is set correctly: `arawn config show --secrets`",
                "Key has correct permissions",
                "Key hasn't expired",
            ],
            Some(format!(
                "store a key with `arawn secret set {backend}_api_key` and name it in `[backends.{backend}]`"
            )),
        ),
        ErrorClass::ModelNotAvailable => (
            &[
                "Model name is spelled correctly",
                "Your API plan includes the model",
                "Model is available in your region",
            ],
            Some(if is_ollama {
                format!("`ollama pull {model}`")
            } else {
                format!(
                    "`arawn --backend {backend} models` lists what there is; the name comes from `[llm] model`, \
                     `[tasks.*] model` or `[backends.{backend}] model`"
                )
            }),
        ),
        ErrorClass::Connect { .. } if is_ollama => (
            &["Ollama is running: `ollama list`", "Port is correct", "No firewall blocking"],
            Some("start it with `ollama serve`, or let `arawn local setup` bring an engine without it".to_owned()),
        ),
        ErrorClass::Connect { .. } => (
            &["The server is running", "Port is correct", "No firewall blocking"],
            Some(format!("look at `base_url` in `[backends.{backend}]`")),
        ),
        _ => (&[], other_advice(error)),
    }
}

fn other_advice(error: &ModelError) -> Option<String> {
    let ModelError { backend, model, .. } = error;
    Some(match &error.class {
        ErrorClass::RateLimited { .. } | ErrorClass::Overloaded => {
            "wait a little and try again, or add a backend to `[llm] fallback`".to_owned()
        }
        ErrorClass::RequestExceedsRateLimit => {
            format!("select less, or lower `max_tokens` in `[backends.{backend}]`")
        }
        ErrorClass::Quota => "add credit to the account, or choose another backend with `--backend`".to_owned(),
        ErrorClass::ContextOverflow => {
            format!("select less, or raise `context_length` in `[backends.{backend}]` if \"{model}\" can read more")
        }
        ErrorClass::ToolUseFailed => "try again, or choose a model that is better with tools".to_owned(),
        ErrorClass::Unsupported => {
            "choose another model with `--model` (`arawn models` tells what each can do), or another backend \
             with `--backend`"
                .to_owned()
        }
        // The providers' names for the same setting of ours.
        ErrorClass::BadRequest { setting: Some(setting) }
            if matches!(setting.as_str(), "max_tokens" | "max_completion_tokens") =>
        {
            format!("lower `max_tokens` in `[backends.{backend}]`, or remove it")
        }
        ErrorClass::BadRequest { setting: Some(setting) } => {
            format!("remove `{setting}` from `[backends.{backend}]`")
        }
        ErrorClass::BadRequest { setting: None } => format!("look at `[backends.{backend}]` with `arawn config show`"),
        ErrorClass::FirstByteTimeout => {
            "the model may still be loading: try again, or raise `first_byte_timeout` of the backend".to_owned()
        }
        ErrorClass::IdleTimeout | ErrorClass::Truncated => {
            format!("try again; if it stays so, look at the log of the server behind backend \"{backend}\"")
        }
        ErrorClass::NotJson => format!("look at `base_url` and `dialect` in `[backends.{backend}]`"),
        ErrorClass::Server => "try again; if it stays so, look at the server's own log".to_owned(),
        ErrorClass::Auth | ErrorClass::ModelNotAvailable | ErrorClass::Connect { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BackendName;

    fn error(class: ErrorClass, backend: &str, provider: &str) -> ModelError {
        ModelError {
            class,
            backend: BackendName::new(backend),
            provider: provider.to_owned(),
            model: "claude-opus-4-20250514".to_owned(),
            base_url: "http://localhost:11434".to_owned(),
            status: None,
            request_id: None,
            message: String::new(),
            partial: false,
        }
    }

    #[test]
    fn authentication_failures_read_as_documented() {
        let mut auth = error(ErrorClass::Auth, "anthropic", "Anthropic");
        auth.status = Some(401);
        auth.message = "API key is invalid.".to_owned();
        insta::assert_snapshot!(Report::from(&auth).lines().join("\n"), @r#"
        Error: Authentication failed for backend "anthropic"
        Cause: API key is invalid. (status 401)
        Hint: Check: Key is set correctly: `arawn config show --secrets`
        Hint: Check: Key has correct permissions
        Hint: Check: Key hasn't expired
        Hint: store a key with `arawn secret set anthropic_api_key` and name it in `[backends.anthropic]`
        "#);
    }

    #[test]
    fn an_absent_ollama_reads_as_documented() {
        let refused = error(ErrorClass::Connect { kind: ConnectKind::Refused }, "ollama", "Ollama");
        insta::assert_snapshot!(Report::from(&refused).lines().join("\n"), @r#"
        Error: Cannot connect to Ollama at http://localhost:11434
        Cause: connection refused: nothing listens there
        Hint: Check: Ollama is running: `ollama list`
        Hint: Check: Port is correct
        Hint: Check: No firewall blocking
        Hint: start it with `ollama serve`, or let `arawn local setup` bring an engine without it
        "#);
    }

    #[test]
    fn a_missing_model_reads_as_documented_and_names_the_pull() {
        let missing = error(ErrorClass::ModelNotAvailable, "ollama", "Ollama");
        let lines = Report::from(&missing).lines();
        assert_eq!(lines[0], "Error: Model \"claude-opus-4-20250514\" not available");
        assert_eq!(lines.last().unwrap(), "Hint: `ollama pull claude-opus-4-20250514`");
    }

    #[test]
    fn every_class_has_a_next_step() {
        for class in [
            ErrorClass::Auth,
            ErrorClass::ModelNotAvailable,
            ErrorClass::RateLimited { wait: None },
            ErrorClass::RequestExceedsRateLimit,
            ErrorClass::Quota,
            ErrorClass::Overloaded,
            ErrorClass::ContextOverflow,
            ErrorClass::ToolUseFailed,
            ErrorClass::Unsupported,
            ErrorClass::BadRequest { setting: None },
            ErrorClass::Connect { kind: ConnectKind::Dns },
            ErrorClass::FirstByteTimeout,
            ErrorClass::IdleTimeout,
            ErrorClass::Truncated,
            ErrorClass::NotJson,
            ErrorClass::Server,
        ] {
            let report = Report::from(&error(class.clone(), "work", "work"));
            assert!(report.hint.is_some(), "{class:?}");
        }
    }
}
