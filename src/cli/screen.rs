//! Shows one answer of a conversation while it comes: text on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::markdown::Markdown;
use super::{note, terminal};
use crate::config::Environment;
use crate::model::Usage;
use crate::router::{Answer, Failure, Progress};
use crate::tools::words;

/// Time between two looks at the sign of life.
const BEAT: Duration = Duration::from_millis(120);

/// See the module.
#[derive(Debug)]
pub(super) struct Screen {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The renderer, where stdout is a terminal that may be coloured.
    markdown: Option<Markdown>,
    is_terminal: bool,
    life: terminal::SignOfLife,
    waiting_for: String,
    /// What was printed in this round: whether any, and whether it ended with a line break.
    printed: Option<bool>,
    /// Text of a backend that was given up stands there.
    is_void: bool,
}

impl Screen {
    /// A screen for one answer, in colour where the terminal and the user allow it.
    pub(super) fn new(environment: &Environment) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let markdown =
            (is_terminal && environment.var("NO_COLOR").is_none()).then(Markdown::default);
        let inner = Inner {
            markdown,
            is_terminal,
            life: terminal::SignOfLife::new(),
            waiting_for: "waiting".to_owned(),
            printed: None,
            is_void: false,
        };
        Self { inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event.
    pub(super) fn watch(&self, progress: &Progress<'_>) {
        let mut inner = self.inner();
        if !matches!(progress, Progress::Reasoning(_)) {
            inner.life.clear();
        }
        match progress {
            Progress::Asking { backend, model } => {
                inner.waiting_for = format!("{backend} ({model}) is thinking");
                if std::mem::take(&mut inner.is_void) {
                    inner.line(&format!("[restarted on {backend} ({model})]\n"));
                }
            }
            Progress::Text(text) => inner.text(text),
            Progress::Reasoning(_) | Progress::AskedAgain { .. } => {}
            Progress::FellBack(fell_back) => {
                inner.is_void = inner.end_text();
                note(&format!("{fell_back}; trying the next backend"));
            }
            Progress::WithoutTools { backend, model } => {
                note(&words::without_tools(*backend, *model));
            }
            Progress::ToolCall(call) => {
                if inner.end_text() {
                    inner.line("");
                }
                inner.waiting_for = words::called(call);
            }
            Progress::ToolResult { call, summary, worked } => {
                inner.aside(&words::ran(call, summary, *worked));
            }
        }
    }

    /// Waits for an answer with a sign of life.
    pub(super) async fn wait_for(
        &self,
        answer: impl Future<Output = Result<Answer, Box<Failure>>>,
    ) -> Result<Answer, Box<Failure>> {
        tokio::pin!(answer);
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                ended = &mut answer => {
                    self.end();
                    return ended;
                }
                _ = beat.tick() => self.inner().beat(),
            }
        }
    }

    /// Ends line and styles, also after an interruption.
    pub(super) fn end(&self) {
        let mut inner = self.inner();
        inner.life.clear();
        inner.end_text();
    }

    /// The line under an answer: who gave it and what it took.
    pub(super) fn meter(&self, answer: &Answer) {
        let Usage { input_tokens, output_tokens, cached_input_tokens, .. } = answer.usage;
        let cached = cached_input_tokens.filter(|&n| n > 0).map(|n| format!(" ({n} cached)"));
        let cached = cached.unwrap_or_default();
        let tokens = match (input_tokens, output_tokens) {
            (0, 0) => String::new(),
            _ => format!(", {input_tokens}{cached} tokens in, {output_tokens} out"),
        };
        let line = format!("[{} ({}){tokens}]", answer.backend, answer.model);
        self.inner().aside(&line);
    }
}

impl Inner {
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.printed = Some(text.ends_with('\n'));
        let shown = match &mut self.markdown {
            Some(markdown) => markdown.push(text),
            None if self.is_terminal => terminal::harmless(text).into_owned(),
            None => text.to_owned(),
        };
        print(&shown);
    }

    /// Ends what was printed with a line break. Returns whether there was anything.
    fn end_text(&mut self) -> bool {
        let Some(ended_line) = self.printed.take() else { return false };
        if let Some(markdown) = &mut self.markdown {
            print(&markdown.finish());
        }
        if !ended_line {
            print("\n");
        }
        true
    }

    /// A line between two texts.
    fn line(&self, line: &str) {
        print(&format!("{}\n", self.dim(&terminal::harmless(line))));
    }

    fn beat(&mut self) {
        // Once text comes, the text is the sign of life.
        if self.printed.is_none() {
            let what = self.waiting_for.clone();
            self.life.beat(&what);
        }
    }

    /// A line on stderr that is less important than the answer.
    fn aside(&self, line: &str) {
        let _ = writeln!(io::stderr(), "{}", self.dim(&terminal::harmless(line)));
    }

    fn dim(&self, line: &str) -> String {
        match (&self.markdown, line.is_empty()) {
            (Some(_), false) => format!("\x1b[2m{line}\x1b[0m"),
            _ => line.to_owned(),
        }
    }
}

fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
