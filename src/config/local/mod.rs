//! `[local]`: which engine and which models there are on this machine, and how the engine is run.
//!
//! What `arawn local setup` brought is written down in a record file of the data folder; the user's own
//! configuration goes before it. Looks at files and starts nothing.

mod ollama;
mod projector;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use super::options::LocalOptions;
pub use ollama::{OllamaModel, find as find_ollama_model, list as list_ollama_models};
pub use record::{Record, RecordError};

/// The name of the backend that the engine answers as.
pub const BACKEND: &str = "local";
/// The engine's program, as it is found on PATH.
const PROGRAM: &str = if cfg!(windows) { "llama-server.exe" } else { "llama-server" };
/// Minutes without a request after which the engine ends.
const IDLE_MINUTES: f64 = 10.0;
/// Seconds that the engine outlives its last client: the next command of a shell finds it ready.
const LINGER_SECONDS: u32 = 30;
/// Requests that are worked on at once; more wait.
const PARALLEL: u32 = 2;

/// Where an engine came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineSource {
    /// `[local] engine`.
    Config,
    /// `arawn local setup` installed it.
    Setup,
    /// It was found on PATH.
    Path,
}

/// An engine that can be started.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EngineProgram {
    /// The program and the arguments that come before all others.
    pub command: Vec<String>,
    /// What it tells of its version, as far as somebody asked.
    pub version: Option<String>,
    /// Where it came from.
    pub source: EngineSource,
}

/// A model file that the engine can load.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LocalModel {
    /// What it is called here.
    pub name: String,
    /// The GGUF file.
    pub path: PathBuf,
    /// The projector that lets it see images, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projector: Option<PathBuf>,
    /// What it was asked for by: a path, `hf:...`, `ollama:...` or `small`.
    pub source: String,
}

/// `[local]`, complete.
#[derive(Clone, Debug, Default)]
pub struct LocalSettings {
    /// The engine, if there is one.
    pub engine: Option<EngineProgram>,
    /// The models there are, the one that is used unless another is named first.
    pub models: Vec<LocalModel>,
    /// What is wrong with `[local]`, a sentence each.
    pub problems: Vec<String>,
    /// Tokens that a request and its answer may have; `None` for what the model allows, up to a limit.
    pub context: Option<u32>,
    /// Threads that compute; `None` leaves it to the engine.
    pub threads: Option<u32>,
    /// Layers that a graphics card computes; `None` leaves it to the engine.
    pub gpu_layers: Option<u32>,
    /// Requests that are worked on at once.
    pub parallel: u32,
    /// Without a request for so long the engine ends.
    pub idle: Duration,
    /// So long the engine outlives its last client.
    pub linger: Duration,
    /// Further arguments for the engine.
    pub args: Vec<String>,
    /// Whether the engine stands last in every chain.
    pub in_every_chain: bool,
    /// What was set up is kept here.
    pub data_folder: PathBuf,
    /// What runs is kept track of here (0700).
    pub state_folder: PathBuf,
    /// The variables and folders of the process.
    pub environment: Arc<Environment>,
}

impl LocalSettings {
    /// Settles `[local]`; `None` for the folders means that there is no home.
    pub(super) fn of(options: &LocalOptions, environment: &Arc<Environment>) -> Self {
        let data_folder = environment.data_folder().unwrap_or_default().join("local");
        let mut problems = Vec::new();
        let record = Record::read(&data_folder).unwrap_or_else(|error| {
            problems.push(error.to_string());
            Record::default()
        });
        let models = models(options, &record, environment, &mut problems);
        Self {
            engine: engine(options, &record, environment, &mut problems),
            models,
            problems,
            context: options.context,
            threads: options.threads,
            gpu_layers: options.gpu_layers,
            parallel: options.parallel.unwrap_or(PARALLEL),
            idle: duration(options.idle_minutes.unwrap_or(IDLE_MINUTES) * 60.0),
            linger: Duration::from_secs(options.linger_seconds.unwrap_or(LINGER_SECONDS).into()),
            args: options.args.clone().unwrap_or_default(),
            in_every_chain: options.fallback.unwrap_or(true),
            data_folder,
            state_folder: environment.state_folder().unwrap_or_default().join("local"),
            environment: environment.clone(),
        }
    }

    /// Whether there is an engine and a model for it.
    pub fn is_set_up(&self) -> bool {
        self.engine.is_some() && !self.models.is_empty()
    }

    /// The model of a name; by its own name or what it was asked for by.
    pub fn model(&self, name: &str) -> Option<&LocalModel> {
        self.models.iter().find(|model| model.name == name || model.source == name)
    }

    /// The file whose change means that something was set up or removed.
    pub fn record_file(&self) -> PathBuf {
        Record::path(&self.data_folder)
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The engine: what the configuration names, else what was set up, else what is on PATH.
fn engine(
    options: &LocalOptions,
    record: &Record,
    environment: &Environment,
    problems: &mut Vec<String>,
) -> Option<EngineProgram> {
    let of_path = |path: PathBuf, source| EngineProgram {
        command: vec![path.to_string_lossy().into_owned()],
        version: None,
        source,
    };
    if let Some(written) = options.engine.as_deref().map(str::trim).filter(|path| !path.is_empty())
    {
        let path = environment.path(written);
        if path.is_file() {
            return Some(of_path(path, EngineSource::Config));
        }
        problems.push(format!("`local.engine` names {written:?}, which is not there"));
        return None;
    }
    if let Some(engine) = &record.engine {
        let mut files = engine.command.iter().filter(|part| !part.starts_with('-'));
        let is_there = files.all(|part| Path::new(part).exists());
        if is_there {
            return Some(engine.clone());
        }
        problems.push("the engine that was set up is gone; run `arawn local setup`".to_owned());
    }
    environment.find_program(PROGRAM).map(|path| of_path(path, EngineSource::Path))
}

/// The models whose files are there, the chosen one first.
fn models(
    options: &LocalOptions,
    record: &Record,
    environment: &Environment,
    problems: &mut Vec<String>,
) -> Vec<LocalModel> {
    let (mut models, gone): (Vec<LocalModel>, Vec<LocalModel>) =
        record.models.iter().cloned().partition(|model| model.path.is_file());
    problems.extend(gone.iter().map(|model| {
        format!("the file of model \"{}\" is gone: {}", model.name, model.path.display())
    }));
    for model in &mut models {
        let known = model.projector.take().filter(|path| path.is_file());
        model.projector = known.or_else(|| projector::beside(&model.path));
    }
    let written = options.model.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let Some(written) = written else { return models };
    let known = models.iter().position(|model| model.name == written || model.source == written);
    let chosen = match known {
        Some(idx) => Some(models.remove(idx)),
        None => of_config(written, environment),
    };
    match chosen {
        Some(model) => models.insert(0, model),
        None => problems.push(format!(
            "`local.model` names {written:?}, which is neither a file nor a model that was set up; \
             `arawn local models` lists them"
        )),
    }
    models
}

/// A model that only the configuration names: a file, or one of Ollama's.
fn of_config(written: &str, environment: &Environment) -> Option<LocalModel> {
    if let Some(name) = written.strip_prefix("ollama:") {
        let found = find_ollama_model(environment, name)?;
        return Some(LocalModel {
            name: name.to_owned(),
            path: found.path,
            projector: found.projector,
            source: written.to_owned(),
        });
    }
    let path = environment.path(written);
    path.is_file().then(|| LocalModel::of_file(&path, written))
}

impl LocalModel {
    /// A model file under the name of the file, with the projector that lies beside it.
    pub fn of_file(path: &Path, source: &str) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let projector = projector::beside(path);
        Self { name, path: path.to_owned(), projector, source: source.to_owned() }
    }
}
