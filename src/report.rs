//! Turns any error into what the user reads: message, causes, next steps, and the exit code it deserves.

use std::fmt;

use crate::assistant::{ImageProblem, JobError};
use crate::commits::CommitError;
use crate::config::{ConfigError, local};
use crate::embeddings::EmbedError;
use crate::engine::EngineError;
use crate::gate::Refusal;
use crate::images::ImageError;
use crate::model::{ConnectKind, ErrorClass, ModelError};
use crate::router::{Cause, Failure, FellBack};
use crate::secrets::SecretError;

/// An error as the user reads it.
///
/// `Display` is one sentence with the next step, for places that have one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What kind of error.
    pub kind: Kind,
    /// One sentence, without "Error: " in front.
    pub message: String,
    /// What is known of the cause, one line each.
    pub causes: Vec<String>,
    /// What to look at, one line each.
    pub checks: Vec<String>,
    /// The next step.
    pub hint: Option<String>,
}

/// Kinds of errors; they decide the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The work failed (exit 1).
    Work,
    /// The command line is wrong (exit 2).
    Usage,
    /// The configuration is wrong (exit 3).
    Config,
    /// No credentials, or wrong ones (exit 4).
    Credentials,
    /// Backend or network (exit 5).
    Backend,
    /// A privacy rule forbids it (exit 6).
    Privacy,
}

impl Kind {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Work => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Credentials => 4,
            Self::Backend => 5,
            Self::Privacy => 6,
        }
    }
}

impl Report {
    /// A report of a message alone.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), checks: Vec::new(), hint: None }
    }

    /// Adds what is known of the cause; empty text adds nothing.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        if !cause.is_empty() {
            self.causes.push(cause);
        }
        self
    }

    /// Sets the next step.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn with_checks(mut self, checks: &[&str]) -> Self {
        self.checks = checks.iter().map(|&check| check.to_owned()).collect();
        self
    }

    /// The lines the command line prints: `Error:`, then `Cause:` and `Hint:` lines.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Error: {}", self.message)];
        lines.extend(self.causes.iter().map(|cause| format!("Cause: {cause}")));
        lines.extend(self.checks.iter().map(|check| format!("Hint: Check: {check}")));
        lines.extend(self.hint.iter().map(|hint| format!("Hint: {hint}")));
        lines
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(cause) = self.causes.first() {
            write!(f, " ({cause})")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<&JobError> for Report {
    fn from(error: &JobError) -> Self {
        match error {
            JobError::NoAnswer(failure) => Self::from(&**failure),
            JobError::NeedsInput { action } => Self::new(Kind::Usage, error.to_string()).with_hint(format!(
                "give one with `--input`, or write a comment `ai: ...` above the selection (action `{action}`)"
            )),
            JobError::EmptySelection => {
                Self::new(Kind::Usage, error.to_string()).with_hint("select the code to work on and try again")
            }
            JobError::Commit(error) => Self::from(error),
            JobError::Template { action, detail } => Self::new(Kind::Config, error.to_string())
                .because(detail.clone())
                .with_hint(format!("mend the file or the table of action `{action}`")),
        }
    }
}

impl From<&CommitError> for Report {
    fn from(error: &CommitError) -> Self {
        let kind = match error {
            CommitError::AllKept { .. } => Kind::Privacy,
            _ => Kind::Work,
        };
        let report = Self::new(kind, error.to_string());
        match error {
            CommitError::NoGit { reason } => {
                report.because(reason.clone()).with_hint("install git, or put it on the `PATH`")
            }
            CommitError::NoRepository { .. } => {
                report.with_hint("run this inside a repository, or `git init` first")
            }
            CommitError::Git { said } => {
                report.because(said.clone()).with_hint("see what `git diff --staged` says")
            }
            CommitError::NothingStaged => {
                report.with_hint("stage what to commit with `git add` first")
            }
            CommitError::AllKept { .. } => report.with_hint("write this message yourself"),
        }
    }
}

impl From<&Failure> for Report {
    fn from(failure: &Failure) -> Self {
        let mut report = Self::from(&failure.cause);
        report.causes.extend(failure.fell_back.iter().map(FellBack::to_string));
        if let Some(hint) = alone_hint(failure) {
            report.hint = Some(match report.hint.take() {
                Some(first) => format!("{first}; {hint}"),
                None => hint,
            });
        }
        report
    }
}

/// What else would help when the only backend of a chain cannot be reached.
fn alone_hint(failure: &Failure) -> Option<String> {
    let unreachable = matches!(&failure.cause, Cause::Model(error) if matches!(error.class, ErrorClass::Connect { .. }));
    (unreachable && failure.fell_back.is_empty()).then(|| {
        "or name a second backend in `[llm] fallback` of your config (`arawn config path`)"
            .to_owned()
    })
}

impl From<&Cause> for Report {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Model(error) => Self::from(error),
            Cause::Refused(refusal) => Self::from(refusal),
            Cause::Secret(error) => Self::from(error),
            Cause::Engine(error) => Self::from(error),
            Cause::UnknownBackend { known, .. } => Self::new(Kind::Usage, cause.to_string())
                .with_hint(format!("known are: {}", known.join(", "))),
            Cause::Unusable { backend, .. } => Self::new(Kind::Config, cause.to_string())
                .with_hint(format!(
                    "mend `[backends.{backend}]`; `arawn config check` names file and line"
                )),
            Cause::NoModel { backend } if backend.as_str() == local::BACKEND => {
                Self::from(&EngineError::NotSetUp)
            }
            Cause::NoModel { backend } => Self::new(Kind::Config, cause.to_string()).with_hint(
                format!("set `model` in `[backends.{backend}]`, or pass `--model NAME`"),
            ),
        }
    }
}

impl From<&EngineError> for Report {
    fn from(error: &EngineError) -> Self {
        let kind = match error {
            EngineError::NotSetUp | EngineError::UnknownModel { .. } => Kind::Config,
            _ => Kind::Backend,
        };
        Self::new(kind, error.to_string()).with_hint(error.hint())
    }
}

impl From<&Refusal> for Report {
    fn from(refusal: &Refusal) -> Self {
        let hint = match refusal {
            Refusal::CloudForbidden { .. } => {
                "name a local backend, or remove `cloud = \"never\"` from the config that has it (`arawn config show`)"
            }
            Refusal::FileExcluded { .. } => {
                "remove the rule from the file named, if this file may be sent"
            }
        };
        Self::new(Kind::Privacy, refusal.to_string()).with_hint(hint)
    }
}

impl From<&SecretError> for Report {
    fn from(error: &SecretError) -> Self {
        Self::new(Kind::Credentials, error.to_string())
            .because(error.detail().unwrap_or_default())
            .with_hint(error.hint())
    }
}

impl From<&ImageProblem> for Report {
    fn from(problem: &ImageProblem) -> Self {
        match problem {
            ImageProblem::Refused(refusal) => Self::from(refusal),
            ImageProblem::Unusable(error) => {
                let report = Self::new(Kind::Usage, error.to_string()).because(error.detail());
                match error {
                    ImageError::TooLarge { .. } | ImageError::CannotShrink { .. } => {
                        report.with_hint("scale it down first, or cut out the part that matters")
                    }
                    ImageError::UnknownFormat { .. } => {
                        report.with_hint("convert it to PNG or JPEG first")
                    }
                    ImageError::Unreadable { .. } | ImageError::Damaged { .. } => report,
                }
            }
        }
    }
}

impl From<&EmbedError> for Report {
    fn from(error: &EmbedError) -> Self {
        let kind = match error {
            EmbedError::Backend(cause) => {
                let report = Self::from(&**cause);
                let is_too_long = matches!(&**cause, Cause::Model(error) if error.class == ErrorClass::ContextOverflow);
                return if is_too_long {
                    report.with_hint("cut the text into smaller pieces")
                } else {
                    report
                };
            }
            EmbedError::LocalNotBuiltIn
            | EmbedError::MakesNone { .. }
            | EmbedError::NoModel { .. } => Kind::Config,
            EmbedError::EmptyText { .. } => Kind::Usage,
            EmbedError::DimensionChanged { .. } => Kind::Backend,
        };
        Self { hint: error.hint(), ..Self::new(kind, error.to_string()) }
    }
}

impl From<SecretError> for Report {
    fn from(error: SecretError) -> Self {
        Self::from(&error)
    }
}

impl From<ConfigError> for Report {
    fn from(error: ConfigError) -> Self {
        let is_flag = matches!(&error, ConfigError::UnknownBackend { origin, .. } if origin.starts_with("--"));
        let kind = if is_flag { Kind::Usage } else { Kind::Config };
        Self { hint: error.hint(), ..Self::new(kind, error.to_string()) }
    }
}

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
            Some("start it with `ollama serve`".to_owned()),
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
        Hint: start it with `ollama serve`
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
    fn missing_secrets_read_as_documented() {
        let keyring = Report::from(&SecretError::NotInKeyring("anthropic_api_key".to_owned()));
        assert_eq!(
            keyring.lines(),
            [
                "Error: Secret \"anthropic_api_key\" not found in keyring",
                "Hint: Run 'arawn secret set anthropic_api_key' to store it"
            ]
        );
        assert_eq!(keyring.kind.exit_code(), 4);
        let env = Report::from(&SecretError::EnvNotSet("ANTHROPIC_API_KEY".to_owned()));
        assert_eq!(env.lines()[0], "Error: Environment variable \"ANTHROPIC_API_KEY\" not set");
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
