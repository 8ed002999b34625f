//! What a model may call: read-only tools that look around in the workspace, one file each.
//!
//! Nothing here writes, runs or connects. A path that a model names passes two doors: `path.rs` keeps it inside
//! the workspace, and the gate keeps back what is ignored or secret.

mod arguments;
mod diagnostics;
mod files;
mod list_files;
mod outline;
mod path;
mod read_file;
mod search_text;
#[cfg(test)]
mod tests;
pub mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::config::Settings;
use crate::gate::{Gate, Refusal};
use crate::model::{Arguments, ToolCall, ToolSpec};
use crate::text::{Snapshot, without_invisible};
use files::Files;
pub use path::NotInside;

/// Most bytes of one result: about a third of what the smallest common model reads.
const MAX_RESULT: usize = 12_000;
/// Longest run of one tool.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What a front shows to the tools beside the files on disk.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Documents open in an editor; their text counts, not that of the file.
    pub documents: Vec<Snapshot>,
    /// What compilers and linters found; `None` where the front knows nothing of such things.
    pub findings: Option<Vec<Finding>>,
}

/// Something that a compiler or linter found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which file.
    pub path: PathBuf,
    /// On which line, from 1.
    pub line: usize,
    /// `error`, `warning`, `information` or `hint`.
    pub severity: String,
    /// What it says.
    pub message: String,
    /// Who says it.
    pub source: Option<String>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For the model.
    pub text: String,
    /// For the user: a few words.
    pub summary: String,
    /// Whether the tool did what was asked.
    pub worked: bool,
    /// Files whose text is in `text`.
    pub files: Vec<PathBuf>,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// There is no such tool.
    #[error("there is no tool \"{name}\"; there are: {known}")]
    Unknown { name: String, known: String },
    /// The arguments are no JSON.
    #[error("the arguments are not valid JSON and the tool was not run: {detail}")]
    NotJson { detail: String },
    /// They are JSON, but not what the tool takes.
    #[error("{0}")]
    BadArguments(String),
    /// The path leads out of the workspace, or nowhere.
    #[error(transparent)]
    NotInside(#[from] NotInside),
    /// The gate keeps the file back.
    #[error(transparent)]
    Excluded(#[from] Refusal),
    /// The file has no text to show.
    #[error("\"{path}\" cannot be shown: {reason}")]
    Unreadable { path: String, reason: String },
    /// It took too long.
    #[error("the tool ran longer than {} s and was stopped; ask for less", TIME_LIMIT.as_secs())]
    TimedOut,
    /// It has a defect.
    #[error("the tool failed")]
    Broken,
}

impl ToolError {
    /// The gate's refusal, if it is one.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        if let Self::Excluded(refusal) = self { Some(refusal) } else { None }
    }
}

/// What a tool found, before it is cut to size.
#[derive(Debug, Default)]
struct Found {
    text: String,
    summary: String,
    files: Vec<PathBuf>,
}

/// One tool.
trait Tool: fmt::Debug + Sync {
    /// Its name for the model.
    fn name(&self) -> &'static str;
    /// What it does, for the model.
    fn description(&self) -> &'static str;
    /// JSON Schema of its arguments.
    fn parameters(&self) -> Value;
    /// Runs it. May block; looks at the clock where it may take long.
    fn run(&self, files: &Files, arguments: &Value, clock: &Clock) -> Result<Found, ToolError>;
}

/// Says when a tool must stop: its time is up, or nobody waits for it any more.
#[derive(Debug)]
struct Clock {
    until: Instant,
    is_given_up: Arc<AtomicBool>,
}

impl Clock {
    fn is_over(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// Tells a running tool, when dropped, that nobody waits for it.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The tools, with what they may see.
#[derive(Clone, Debug)]
pub struct Tools {
    files: Arc<Files>,
}

impl Tools {
    /// Tools for a workspace. Nothing outside its folders is shown.
    pub fn new(
        gate: Arc<Gate>,
        settings: Arc<Settings>,
        workspace: &[PathBuf],
        sight: Sight,
    ) -> Self {
        Self { files: Arc::new(Files::new(gate, settings, workspace, sight)) }
    }

    fn all(&self) -> Vec<&'static dyn Tool> {
        let mut all: Vec<&'static dyn Tool> = vec![
            &read_file::ReadFile,
            &list_files::ListFiles,
            &search_text::SearchText,
            &outline::Outline,
        ];
        if self.files.findings().is_some() {
            all.push(&diagnostics::Diagnostics);
        }
        all
    }

    /// What a model is told of them.
    pub fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &'static dyn Tool| ToolSpec {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            parameters: tool.parameters(),
        };
        self.all().into_iter().map(spec).collect()
    }

    /// Runs a call on a thread that may block. What goes wrong is said in the result, for the model to read.
    pub async fn run(&self, call: &ToolCall) -> Outcome {
        let given_up = GiveUp(Arc::default());
        let clock = Clock { until: Instant::now() + TIME_LIMIT, is_given_up: given_up.0.clone() };
        let (tools, call) = (self.clone(), call.clone());
        let work = tokio::task::spawn_blocking(move || tools.run_now(&call, &clock));
        // A file system that hangs does not look at our clock.
        let result = match tokio::time::timeout(TIME_LIMIT + Duration::from_secs(1), work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panicked)) => Err(ToolError::Broken),
            Err(_elapsed) => Err(ToolError::TimedOut),
        };
        drop(given_up);
        match result {
            Ok(found) => Outcome {
                text: capped(&without_invisible(&found.text)),
                summary: found.summary,
                worked: true,
                files: found.files,
            },
            Err(error) => failed(&error),
        }
    }

    fn run_now(&self, call: &ToolCall, clock: &Clock) -> Result<Found, ToolError> {
        let all = self.all();
        let tool = all.iter().find(|tool| tool.name() == call.name).ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|tool| tool.name()).collect();
            ToolError::Unknown { name: shortened(&call.name, 60), known: known.join(", ") }
        })?;
        match &call.arguments {
            Arguments::Json(arguments @ Value::Object(_)) => {
                tool.run(&self.files, arguments, clock)
            }
            Arguments::Json(_) => {
                Err(ToolError::BadArguments("the arguments must be one JSON object".to_owned()))
            }
            Arguments::Raw(text) => {
                let detail = serde_json::from_str::<Value>(text)
                    .err()
                    .map_or_else(|| "no JSON".to_owned(), |error| error.to_string());
                Err(ToolError::NotJson { detail })
            }
        }
    }

    /// The text of one file that the user named, for putting it into a prompt, and the file itself.
    pub(crate) fn text_of(&self, path: &std::path::Path) -> Result<String, ToolError> {
        self.files.text(&self.files.named_by_user(path)?)
    }
}

/// The outcome of a call that brought nothing.
fn failed(error: &ToolError) -> Outcome {
    Outcome {
        text: format!("error: {error}"),
        summary: error.to_string(),
        worked: false,
        files: Vec::new(),
    }
}

/// The text, cut at a line where it is too long, with a word about it.
fn capped(text: &str) -> String {
    if text.len() <= MAX_RESULT {
        return text.to_owned();
    }
    let mut end = MAX_RESULT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').map_or(end, |at| at + 1);
    format!("{}[cut here: the result is too long; ask for less]\n", &text[..end])
}

/// Text of at most so many characters.
fn shortened(text: &str, n_chars: usize) -> String {
    match text.char_indices().nth(n_chars) {
        None => text.to_owned(),
        Some((byte_idx, _)) => format!("{}…", &text[..byte_idx]),
    }
}

/// `1 file`, `2 files`.
fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
