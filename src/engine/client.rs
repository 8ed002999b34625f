//! Gets the engine ready for a request: finds the one that runs, or has a supervisor start it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::EngineError;
use super::channel::{self, Address};
use super::folder::{Folder, Record};
use super::launch::{Foreknown, Launch, Purpose};
use super::protocol::{Hello, Line, Said, Want};
use crate::config::{BackendSettings, Engine, LocalSettings};

/// How often it is looked whether a supervisor listens by now.
const BEAT: Duration = Duration::from_millis(10);
/// Time for a supervisor to listen; loading the model is not in it.
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(15);
/// Time for a supervisor to end its engine.
const STOP_LIMIT: Duration = Duration::from_secs(6);
/// Most supervisors that are started for one request.
const MAX_SPAWNS: u32 = 3;
/// Parts of the names of variables that an engine has no use for and must not see.
const SECRET_WORDS: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH"];

/// The engines that this process uses: it counts as their client as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    held: Mutex<HashMap<PathBuf, (u32, Line)>>,
    known: Mutex<HashMap<(String, Purpose), Known>>,
}

/// How a model is started under settings, and what is known of it.
type Known = (Arc<LocalSettings>, Launch, Foreknown);

/// An engine that takes a request. It is in use until this is dropped.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The backend with its address.
    pub(crate) backend: Arc<BackendSettings>,
    /// Its key, where it has one.
    pub(crate) key: Option<SecretString>,
    _lease: Line,
}

impl Engines {
    /// Gets the engine behind a backend ready; `None` where none is behind it.
    ///
    /// Dropping the future stops the wait; an engine that is being started goes on starting.
    pub(crate) async fn ready(
        &self,
        backend: &BackendSettings,
        model: &str,
        purpose: Purpose,
    ) -> Result<Option<Ready>, EngineError> {
        let Some(Engine::Asleep(local)) = &backend.engine else { return Ok(None) };
        let (launch, foreknown) = self.launch(local, model, purpose).await?;
        let reached = reach(&launch, local, Want::Use);
        let limit = backend.clocks.first_byte;
        let (lease, address, pid) = timeout(limit, reached)
            .await
            .map_err(|_| EngineError::Slow { seconds: limit.as_secs() })??;
        self.hold(&launch, pid).await;
        let (socket, url) = match &address {
            Address::Socket(path) => (Some(path.clone()), None),
            Address::Loopback { port, .. } => {
                (None, Url::parse(&format!("http://127.0.0.1:{port}/v1")).ok())
            }
        };
        let backend = BackendSettings {
            base_url: url.unwrap_or_else(|| backend.base_url.clone()),
            context_length: Some(foreknown.window),
            engine: Some(Engine::Awake { socket, fills_in: foreknown.fills_in }),
            ..backend.clone()
        };
        let key = address.key().map(SecretString::from);
        Ok(Some(Ready { backend: Arc::new(backend), key, _lease: lease }))
    }

    /// How a model is started; read once, because the head of a large model takes milliseconds.
    async fn launch(
        &self,
        local: &Arc<LocalSettings>,
        model: &str,
        purpose: Purpose,
    ) -> Result<(Launch, Foreknown), EngineError> {
        let key = (model.to_owned(), purpose);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((of, launch, foreknown)) = known
            && Arc::ptr_eq(&of, local)
        {
            return Ok((launch, foreknown));
        }
        let (launch, foreknown) = launch(local, model, purpose).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, (local.clone(), launch.clone(), foreknown));
        Ok((launch, foreknown))
    }

    /// Counts this process as a client of the engine, unless it is one.
    async fn hold(&self, launch: &Launch, pid: u32) {
        let is_held = |held: &HashMap<PathBuf, (u32, Line)>| {
            held.get(&launch.folder).is_some_and(|(known, _)| *known == pid)
        };
        if is_held(&self.held.lock().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        // Without it the engine ends a little sooner, no more.
        if let Ok(Met::Ready(line, ..)) = meet(launch, Want::Hold).await {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.insert(launch.folder.clone(), (pid, line));
        }
    }
}

/// Starts an engine that stays without a client. Gives its process.
pub async fn start(local: &Arc<LocalSettings>, model: &str) -> Result<u32, EngineError> {
    let (launch, _) = launch(local, model, Purpose::Text).await?;
    let (_line, _address, pid) = reach(&launch, local, Want::Keep).await?;
    Ok(pid)
}

/// How a model is started, and what is known of it. Reads the head of its file.
async fn launch(
    local: &Arc<LocalSettings>,
    model: &str,
    purpose: Purpose,
) -> Result<(Launch, Foreknown), EngineError> {
    let Some(found) = local.model(model).cloned() else {
        let known = local.models.iter().map(|model| model.name.clone()).collect();
        return Err(EngineError::UnknownModel { model: model.to_owned(), known });
    };
    let local = local.clone();
    let read = tokio::task::spawn_blocking(move || Launch::of(&local, &found, purpose)).await;
    read.map_err(|error| EngineError::Failed { reason: error.to_string() })?
}

/// What came of going to a supervisor.
enum Met {
    /// The engine takes requests.
    Ready(Line, Address, u32),
    /// It could not be started.
    Failed(String),
    /// The supervisor was about to end.
    Leaving,
}

/// Gets hold of the engine; has it started if it does not run.
async fn reach(
    launch: &Launch,
    local: &LocalSettings,
    want: Want,
) -> Result<(Line, Address, u32), EngineError> {
    let mut deadline = Instant::now() + SUPERVISOR_LIMIT;
    let mut n_spawns = 0;
    let mut spawned: Option<tokio::process::Child> = None;
    loop {
        match meet(launch, want).await {
            // One that died a moment ago is not known to be dead by its supervisor yet.
            Ok(Met::Ready(line, address, pid)) if channel::connect(&address).await.is_ok() => {
                return Ok((line, address, pid));
            }
            Ok(Met::Ready(..)) => {}
            Ok(Met::Failed(reason)) => return Err(EngineError::Failed { reason }),
            Ok(Met::Leaving) => deadline = Instant::now() + SUPERVISOR_LIMIT,
            Err(_) => {
                let is_over = match &mut spawned {
                    None => true,
                    Some(child) => !matches!(child.try_wait(), Ok(None)),
                };
                // Where another one holds the lock, that one will listen in a moment, or leave.
                if is_over && !launch.folder().is_locked() {
                    if n_spawns == MAX_SPAWNS {
                        return Err(trouble(launch));
                    }
                    n_spawns += 1;
                    spawned = Some(spawn(launch, local).await?);
                }
            }
        }
        if Instant::now() > deadline {
            return Err(trouble(launch));
        }
        sleep(BEAT).await;
    }
}

/// Goes to the supervisor that the record names and waits until it says something final.
async fn meet(launch: &Launch, want: Want) -> io::Result<Met> {
    let record = launch.folder().record().ok_or(io::ErrorKind::NotFound)?;
    let mut line = Line::new(channel::connect(&record.control).await?);
    let key = record.control.key().map(str::to_owned);
    line.say(&Hello { want, fingerprint: Some(launch.fingerprint()), key }).await?;
    loop {
        match line.hear().await? {
            Some(Said::Starting) => {}
            Some(Said::Ready { address, pid }) => return Ok(Met::Ready(line, address, pid)),
            Some(Said::Failed { reason }) => return Ok(Met::Failed(reason)),
            Some(Said::Outdated | Said::Stopping) | None => return Ok(Met::Leaving),
        }
    }
}

/// Starts a supervisor. It outlives this process, and sees none of the user's keys.
async fn spawn(
    launch: &Launch,
    local: &LocalSettings,
) -> Result<tokio::process::Child, EngineError> {
    let failed = |error: io::Error| EngineError::Failed { reason: error.to_string() };
    let folder = launch.folder();
    folder.create().map_err(failed)?;
    let trouble: File = Folder::fresh_file(&folder.trouble_file()).map_err(failed)?;
    let variables = local.environment.vars.iter().filter(|(name, _)| {
        let name = name.to_uppercase();
        !SECRET_WORDS.iter().any(|word| name.contains(word))
    });
    let mut command = Command::new(&launch.program);
    #[cfg(unix)]
    command.arg0("arawn");
    command
        .args(["local", "supervise"])
        .env_clear()
        .envs(variables)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(trouble);
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
    let text = serde_json::to_vec(launch).map_err(|error| failed(error.into()))?;
    tokio::io::AsyncWriteExt::write_all(&mut stdin, &text).await.map_err(failed)?;
    Ok(child)
}

/// Why a supervisor did not begin.
fn trouble(launch: &Launch) -> EngineError {
    let said = std::fs::read_to_string(launch.folder().trouble_file()).unwrap_or_default();
    let reason = match said.lines().next() {
        Some(line) => line.chars().take(300).collect(),
        None => format!("nothing listens in {}", launch.folder.display()),
    };
    EngineError::Failed { reason }
}

/// Ends the engines that run. Gives the names of their models.
pub async fn stop(local: &LocalSettings) -> Vec<String> {
    let mut stopped = Vec::new();
    for folder in Folder::all(&local.state_folder) {
        let is_locked = folder.is_locked();
        let Some(record) = folder.record() else { continue };
        if is_locked && timeout(STOP_LIMIT, ask_to_stop(&record)).await.is_err() {
            record.supervisor.kill();
        }
        while folder.is_locked() {
            sleep(BEAT).await;
        }
        if let Some(engine) = &record.engine {
            engine.kill();
        }
        folder.sweep();
        stopped.push(record.model);
    }
    stopped
}

async fn ask_to_stop(record: &Record) -> io::Result<()> {
    let mut line = Line::new(channel::connect(&record.control).await?);
    let key = record.control.key().map(str::to_owned);
    line.say(&Hello { want: Want::Stop, fingerprint: None, key }).await?;
    line.gone().await;
    Ok(())
}
