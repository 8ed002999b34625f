//! The real assistant, against a model on loopback.

use std::ops::Range;
use std::sync::Arc;

use arawn::assistant::{Assistant, Job};
use arawn::config::{self, Environment, LoadInputs};
use arawn::router::Choice;
use arawn::text::{CharIdx, CharRange, Snapshot};

/// Whether a model is asked once more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reask {
    No,
    Once,
}

pub(crate) struct Setup {
    pub(crate) assistant: Assistant,
    _home: tempfile::TempDir,
}

/// A configuration that asks the model at this address.
pub(crate) fn config(url: &str, reask: Reask) -> String {
    let reask = reask == Reask::Once;
    format!(
        "[llm]\nbackend = \"ollama\"\nmodel = \"m\"\n[edits]\nreask = {reask}\n[backends.ollama]\nbase_url = \"{url}\"\ncontext_length = 65536\n"
    )
}

impl Setup {
    pub(crate) fn new(url: &str, reask: Reask) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("arawn.toml");
        std::fs::write(&path, config(url, reask)).unwrap();
        let inputs = LoadInputs {
            environment: Arc::new(Environment::of(home.path(), [])),
            explicit_file: Some(path),
            ..LoadInputs::default()
        };
        let settings = config::load(&inputs).unwrap().settings;
        Self { assistant: Assistant::new(settings), _home: home }
    }

    /// A job that refactors some characters of a text.
    pub(crate) fn job(&self, text: &str, language: &str, selected: Range<usize>) -> Job {
        Job {
            action: self.assistant.catalog().find("refactor").unwrap().clone(),
            snapshot: Snapshot::of_text(text, language, None),
            range: CharRange::new(CharIdx(selected.start), CharIdx(selected.end)),
            complaints: Vec::new(),
            input: None,
            choice: Choice::default(),
            workspace: Vec::new(),
        }
    }
}
