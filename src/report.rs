//! Turns any error into what the user reads: message, causes, next steps, and the exit code it deserves.

mod failed_model;

use std::fmt;

use crate::assistant::{ImageProblem, JobError};
use crate::commits::CommitError;
use crate::config::{ConfigError, local};
use crate::embeddings::EmbedError;
use crate::engine::EngineError;
use crate::gate::Refusal;
use crate::images::ImageError;
use crate::model::ErrorClass;
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
