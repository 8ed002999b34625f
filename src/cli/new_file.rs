//! What `run` does with text that has a file of its own: a diff against nothing, and with `--write` the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::assistant::{Job, Outcome};
use crate::edits;
use crate::new_files;
use crate::report::{Kind, Report};

/// A file as it would be.
#[derive(Debug)]
pub(super) struct Planned {
    path: PathBuf,
    /// The path from here, where it lies below.
    pub(super) shown: String,
    /// What is there now; `None` where nothing is.
    old: Option<String>,
    /// All of its text afterwards.
    pub(super) new: String,
}

/// Settles where the text of a `NewFile` goes, or why it goes nowhere. `None` for other outcomes.
pub(super) fn plan(job: &Job, outcome: &Outcome) -> Option<Result<Planned, String>> {
    let Outcome::NewFile { path, text } = outcome else { return None };
    Some(planned(job, path, text))
}

fn planned(job: &Job, path: &Path, text: &str) -> Result<Planned, String> {
    let document = job.snapshot.path.as_deref().map_or(path, PathBuf::as_path);
    let is_there = new_files::check(path, document, &job.workspace).map_err(|it| it.to_string())?;
    let shown = shown(path);
    if !is_there {
        return Ok(Planned { path: path.to_owned(), shown, old: None, new: text.to_owned() });
    }
    let old = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    match new_files::addition(&old, text, &job.snapshot.language) {
        Some(addition) => {
            let new = old.clone() + &addition;
            Ok(Planned { path: path.to_owned(), shown, old: Some(old), new })
        }
        None => Err(format!("{shown} is there already, and this cannot simply be added to it")),
    }
}

/// A path as the user would write it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

impl Planned {
    /// The difference to what is there, which may be nothing.
    pub(super) fn diff(&self) -> String {
        let old = self.old.as_deref().unwrap_or_default();
        let diff = edits::unified(old, &self.new, &self.shown);
        match (&self.old, diff.split_once('\n')) {
            (None, Some((_, rest))) => format!("--- /dev/null\n{rest}"),
            _ => diff,
        }
    }

    /// Makes the file, or adds to it; never over anything that was not read before.
    pub(super) fn write(&self) -> Result<(), Report> {
        let failed = |error: io::Error| {
            Report::new(Kind::Work, format!("cannot write {}", self.shown))
                .because(error.to_string())
                .with_hint("nothing was changed")
        };
        match &self.old {
            None => edits::create_file(&self.path, &self.new).map_err(failed),
            Some(old) => {
                if fs::read(&self.path).map_err(failed)? != old.as_bytes() {
                    let changed = format!("{} changed while the model worked", self.shown);
                    return Err(Report::new(Kind::Work, changed)
                        .with_hint("nothing was written; run it again"));
                }
                edits::replace_file(&self.path, &self.new).map_err(failed)
            }
        }
    }

    /// What became of it, in words.
    pub(super) fn told(&self, is_written: bool) -> String {
        match (is_written, &self.old) {
            (true, None) => format!("created {}", self.shown),
            (true, Some(_)) => format!("added to {}", self.shown),
            (false, None) => format!("`--write` creates {}", self.shown),
            (false, Some(_)) => format!("`--write` adds it to {}", self.shown),
        }
    }

    /// The file for programs.
    pub(super) fn json(&self) -> Value {
        json!({"path": self.path, "exists": self.old.is_some(), "text": self.new})
    }
}
