//! What there is of the local engine and whether it runs, told without starting anything.

use std::path::PathBuf;

use crate::config::Settings;
use crate::config::local::{EngineProgram, LocalModel};

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Whether a job could be done: there is an engine and a model.
    pub is_set_up: bool,
    /// The engine.
    pub engine: Option<EngineProgram>,
    /// The model that is used unless another is named.
    pub model: Option<ModelFound>,
    /// What runs now.
    pub running: Vec<Running>,
    /// What is wrong, with what to do about it.
    pub problems: Vec<Problem>,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ModelFound {
    /// What it is called here.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: u64,
    /// What the file tells of itself, in words.
    pub what: String,
    /// Whether it is only good to try the path.
    pub is_toy: bool,
}

/// An engine that runs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Running {
    /// The name of its model.
    pub model: String,
    /// The engine's process.
    pub pid: u32,
    /// The process that watches over it.
    pub supervisor: u32,
    /// Where it listens: a Unix socket, or an address on loopback.
    pub address: String,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// One sentence.
    pub text: String,
    /// What to do.
    pub next_step: String,
}

/// Looks at what there is. Reads a few small files; quick enough to be called on any thread that may block.
pub fn status(settings: &Settings) -> Status {
    let local = &settings.local;
    let mut problems: Vec<Problem> = local.problems.iter().map(|text| problem(text)).collect();
    if local.engine.is_none() && !local.models.is_empty() && problems.is_empty() {
        problems.push(problem("there is a model, but no engine"));
    }
    if local.models.is_empty() && local.engine.is_some() && problems.is_empty() {
        problems.push(problem("there is an engine, but no model"));
    }
    Status {
        is_set_up: local.is_set_up(),
        engine: local.engine.clone(),
        model: local.models.first().map(found),
        running: Vec::new(),
        problems,
    }
}

fn problem(text: &str) -> Problem {
    Problem { text: text.to_owned(), next_step: "`arawn local setup`".to_owned() }
}

fn found(model: &LocalModel) -> ModelFound {
    ModelFound {
        name: model.name.clone(),
        path: model.path.clone(),
        bytes: model.path.metadata().map_or(0, |file| file.len()),
        what: String::new(),
        is_toy: false,
    }
}
