//! What there is of the local engine and whether it runs, told without starting anything.

use std::path::PathBuf;
use std::sync::Arc;

use super::folder::Folder;
use super::gguf::{self, Head};
use super::launch;
use crate::config::local::{EngineProgram, LocalModel};
use crate::config::{LocalSettings, Settings};

/// Models below this size are only good to try the path.
const TOY_BYTES: u64 = 350 << 20;

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
    /// What it was asked for by.
    pub source: String,
    /// Size of the file.
    pub bytes: u64,
    /// What the file tells of itself, in words.
    pub what: String,
    /// Whether it is only good to try the path, not to work with.
    pub is_toy: bool,
    /// Tokens that a request and its answer may have.
    pub context_length: u32,
    /// `tools`, `vision`, `insert`, `embedding`.
    pub abilities: Vec<&'static str>,
    /// Why the file cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
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
    /// Its log.
    pub log: PathBuf,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// One sentence.
    pub text: String,
    /// What to do.
    pub next_step: String,
}

/// Looks at what there is. Reads a few small files and the heads of models; for threads that may block.
pub fn status(settings: &Settings) -> Status {
    let local = &settings.local;
    let mut problems: Vec<Problem> = local.problems.iter().map(|text| problem(text)).collect();
    if local.engine.is_none() && !local.models.is_empty() && problems.is_empty() {
        problems.push(problem("there is a model, but no engine"));
    }
    let model = local.models.first().map(|model| found(local, model));
    if let Some(ModelFound { name, problem: Some(reason), .. }) = &model {
        let text = format!("the file of model \"{name}\" cannot be used: {reason}");
        problems.push(problem(&text));
    }
    Status {
        is_set_up: local.is_set_up(),
        engine: local.engine.clone(),
        model,
        running: running(local),
        problems,
    }
}

/// The models that were set up, the one that is used first.
pub async fn models(local: &Arc<LocalSettings>) -> Vec<ModelFound> {
    let local = local.clone();
    let look = move || local.models.iter().map(|model| found(&local, model)).collect::<Vec<_>>();
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

/// The engines that run.
fn running(local: &LocalSettings) -> Vec<Running> {
    let folders = Folder::all(&local.state_folder).into_iter().filter(Folder::is_locked);
    let running = folders.filter_map(|folder| {
        let record = folder.record()?;
        Some(Running {
            model: record.model,
            pid: record.engine.filter(super::process::Process::is_alive)?.pid,
            supervisor: record.supervisor.pid,
            address: record.address?.shown(),
            log: folder.log_file(),
        })
    });
    running.collect()
}

fn problem(text: &str) -> Problem {
    Problem { text: text.to_owned(), next_step: "run `arawn local setup`".to_owned() }
}

/// What a model's file tells.
pub(super) fn found(local: &LocalSettings, model: &LocalModel) -> ModelFound {
    let bytes = model.path.metadata().map_or(0, |file| file.len());
    let (head, problem) = match gguf::read(&model.path) {
        Ok(head) => (head, None),
        Err(error) => (Head::default(), Some(error.to_string())),
    };
    let abilities = [
        ("tools", head.knows_tools),
        ("vision", model.projector.is_some()),
        ("insert", head.fills_in),
        ("embedding", head.is_embedder),
    ];
    ModelFound {
        name: model.name.clone(),
        path: model.path.clone(),
        source: model.source.clone(),
        bytes,
        what: what(&head),
        is_toy: bytes < TOY_BYTES && !head.is_embedder && problem.is_none(),
        context_length: launch::window(local, &head),
        abilities: abilities.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect(),
        problem,
    }
}

/// The head of a file in words.
fn what(head: &Head) -> String {
    let name = head.name.clone().filter(|name| !name.trim().is_empty());
    let kind = (!head.architecture.is_empty()).then(|| head.architecture.clone());
    let words: Vec<String> = [name, head.size.clone(), kind].into_iter().flatten().collect();
    words.join(", ")
}
