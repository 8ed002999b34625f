//! Examines what arawn works with, and says of each thing whether it works and what to do about it.
//!
//! Every front shows the same findings. Nothing billable is sent unless somebody asked for [`Depth::Deep`].

mod backends;
mod configuration;
mod links;
mod machine;
mod ollama;
mod overview;

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use crate::assistant::Assistant;
use crate::config::{self, LoadInputs};
use crate::report::{Kind, Report};
pub use links::{Checked, Condition, check_chain};
pub use overview::{Overview, overview};

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It works.
    Ok,
    /// It works, but not as well as it could, or something else does its work.
    Warning,
    /// It does not work; the kind decides the exit code.
    Problem(Kind),
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem(_) => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `config`, `backend ollama`, `editor neovim`, ...
    pub area: String,
    /// How good it is.
    pub level: Level,
    /// What was found, in one line.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// `{area, level, message, hint}`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Finding", 4)?;
        object.serialize_field("area", &self.area)?;
        object.serialize_field("level", self.level.as_str())?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("hint", &self.hint)?;
        object.end()
    }
}

impl Finding {
    fn new(area: impl Into<String>, level: Level, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { area: area.into(), level, message, hint: None }
    }

    fn ok(area: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(area, Level::Ok, message)
    }

    fn warning(area: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(area, Level::Warning, message)
    }

    fn problem(area: impl Into<String>, kind: Kind, message: impl Into<String>) -> Self {
        Self::new(area, Level::Problem(kind), message)
    }

    /// A problem as its report tells it.
    fn of_report(area: impl Into<String>, report: &Report) -> Self {
        let cause = report.causes.first().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let finding = Self::problem(area, report.kind, report.message.clone() + &cause);
        Self { hint: report.hint.clone(), ..finding }
    }

    #[must_use]
    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// By questions that cost nothing.
    Usual,
    /// Each model is also asked for a few tokens, which may cost something.
    Deep,
}

/// Examines everything. Takes a few seconds at most, and `Depth::Deep` as long as the models take.
pub async fn examine(inputs: &LoadInputs, depth: Depth) -> Vec<Finding> {
    let loaded = config::load(inputs);
    let mut findings = configuration::findings(inputs, &loaded);
    let machine = {
        let (inputs, settings) =
            (inputs.clone(), loaded.as_ref().ok().map(|loaded| loaded.settings.clone()));
        tokio::task::spawn_blocking(move || machine::findings(&inputs, settings.as_ref()))
    };
    let keyring = machine::keyring(loaded.as_ref().ok().map(|loaded| &loaded.settings));
    let examined = async {
        match &loaded {
            Ok(loaded) => backends::findings(&Assistant::new(loaded.settings.clone()), depth).await,
            Err(_) => Vec::new(),
        }
    };
    let (machine, keyring, examined) = tokio::join!(machine, keyring, examined);
    findings.push(keyring);
    findings.extend(examined);
    findings.extend(machine.unwrap_or_default());
    findings
}

/// The exit code: that of the worst problem, the cause before what follows from it; 0 without a problem.
///
/// A wrong configuration is the cause of missing credentials, and these of a backend that does not answer.
pub fn exit_code(findings: &[Finding]) -> u8 {
    let rank = |kind: Kind| match kind {
        Kind::Config | Kind::Usage => 0,
        Kind::Credentials => 1,
        Kind::Backend => 2,
        Kind::Privacy => 3,
        Kind::Work => 4,
    };
    let kinds = findings.iter().filter_map(|finding| match finding.level {
        Level::Problem(kind) => Some(kind),
        Level::Ok | Level::Warning => None,
    });
    kinds.min_by_key(|&kind| rank(kind)).map_or(0, Kind::exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_cause() {
        let problem = |kind| Finding::problem("x", kind, "y");
        assert_eq!(exit_code(&[]), 0);
        assert_eq!(exit_code(&[Finding::warning("x", "y"), Finding::ok("x", "y")]), 0);
        let code =
            |kinds: &[Kind]| exit_code(&kinds.iter().copied().map(problem).collect::<Vec<_>>());
        assert_eq!(code(&[Kind::Work]), 1);
        assert_eq!(code(&[Kind::Backend, Kind::Credentials]), 4);
        assert_eq!(code(&[Kind::Work, Kind::Backend]), 5);
        assert_eq!(code(&[Kind::Credentials, Kind::Config]), 3);
    }

    #[test]
    fn a_finding_is_one_line_and_an_object_of_four_fields() {
        let finding = Finding::ok("a", "one\n  two").with_hint("do it");
        assert_eq!(
            serde_json::to_string(&finding).unwrap(),
            r#"{"area":"a","level":"ok","message":"one two","hint":"do it"}"#
        );
    }
}
