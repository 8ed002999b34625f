//! The line editor of a chat: history, several lines, completion of commands.

use std::path::{Path, PathBuf};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, ColorMode, Config, Context, Editor, Helper};

use super::chat_command::{HELP, is_incomplete};
use crate::config::write_private;
use crate::report::{Kind, Report};

/// Lines kept from one chat to the next.
const MAX_HISTORY: usize = 1000;

/// What came of reading a line.
#[derive(Debug)]
pub(super) enum Read {
    /// A message or a command.
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D.
    End,
}

/// See the module.
pub(super) struct LineEditor {
    editor: Editor<Words, FileHistory>,
    history: PathBuf,
}

impl LineEditor {
    /// An editor that completes these names of backends and keeps its history below `state_folder`.
    pub(super) fn new(state_folder: &Path, backends: Vec<String>) -> Result<Self, Report> {
        let config = Config::builder()
            .max_history_size(MAX_HISTORY)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(|error| no_terminal(&error))?
            .history_ignore_space(true)
            .auto_add_history(false)
            .color_mode(ColorMode::Disabled)
            // With stdout in a file or pipe, the dialog is held on the terminal itself.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor = Editor::with_config(config).map_err(|error| no_terminal(&error))?;
        editor.set_helper(Some(Words { backends }));
        let history = state_folder.join("chat-history");
        // Made by us first, so that folder and file are the user's alone.
        if !history.exists()
            && let Err(error) = write_private(&history, b"")
        {
            tracing::warn!("the history of the chat cannot be kept: {error}");
        }
        let _ = editor.load_history(&history);
        Ok(Self { editor, history })
    }

    /// Reads a message of one or several lines.
    pub(super) fn read(&mut self, prompt: &str) -> Result<Read, Report> {
        match self.editor.readline(prompt) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    let _ = self.editor.add_history_entry(&line);
                    if let Err(error) = self.editor.save_history(&self.history) {
                        tracing::debug!("the history of the chat was not written: {error}");
                    }
                }
                Ok(Read::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Read::Interrupted),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(no_terminal(&error)),
        }
    }
}

fn no_terminal(error: &ReadlineError) -> Report {
    Report::new(Kind::Work, "cannot read from the terminal").because(error.to_string())
}

/// What the editor knows of our words.
struct Words {
    backends: Vec<String>,
}

impl Helper for Words {}
impl Highlighter for Words {}

impl Hinter for Words {
    type Hint = String;
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_incomplete(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        byte_idx: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..byte_idx];
        let beginning_with = |word: &str, all: Vec<String>| -> Vec<String> {
            all.into_iter().filter(|it| it.starts_with(word)).collect()
        };
        if let Some(name) = typed.strip_prefix("/backend ") {
            return Ok((byte_idx - name.len(), beginning_with(name, self.backends.clone())));
        }
        if typed.starts_with('/') && !typed.contains(char::is_whitespace) {
            let named = |(name, takes, _): &(&str, &str, &str)| {
                // What takes something is ready to be given it.
                if takes.is_empty() { (*name).to_owned() } else { format!("{name} ") }
            };
            let all = HELP.iter().map(named).collect();
            return Ok((0, beginning_with(typed, all)));
        }
        Ok((byte_idx, Vec::new()))
    }
}
