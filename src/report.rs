//! Turns any error into what the user reads: message, causes, hint, and the exit code it deserves.

/// An error as the user reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What kind of error.
    pub kind: Kind,
    /// One sentence, without "Error: " in front.
    pub message: String,
    /// What may be the cause, one line each.
    pub causes: Vec<String>,
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
    /// No credentials (exit 4).
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
