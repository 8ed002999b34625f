//! Says once, where nothing that is configured can answer, how to come by a model: one message with buttons.
//!
//! Runs beside everything else. Asks servers of this machine alone whether they are there; fetches no key.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tower_lsp::lsp_types::notification::Progress as ProgressNotification;
use tower_lsp::lsp_types::request::{ShowMessageRequest, WorkDoneProgressCreate};
use tower_lsp::lsp_types::{
    MessageActionItem, MessageType, NumberOrString, ProgressParams, ProgressParamsValue,
    ShowMessageRequestParams, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use crate::assistant::Assistant;
use crate::config::{self, BackendSettings, CloudPolicy, Place, Settings};
use crate::engine::setup::{self, Plan, SetupError, SetupProgress, Wish};
use crate::report::{Kind, Report};

use super::answers;
use super::messages::{Message, prefixed};
use super::requests::ask;
use super::session::Session;

/// The buttons.
const SET_UP: &str = "Set up the local engine";
const OPEN: &str = "Open the config";
const LATER: &str = "Not now";

/// The file of the state folder that says that the user was asked.
const NOTED: &str = "first-start";
/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the question stays open.
const OPEN_FOR: Duration = Duration::from_hours(1);
/// The least time between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// Asks, if there is reason to and it was not done before.
pub(super) async fn greet(session: Arc<Session>) {
    if !session.state.abilities().ask_user {
        return;
    }
    // A configuration that cannot be read has a message of its own.
    let Ok(assistant) = session.state.assistant() else { return };
    let settings = assistant.settings();
    let noted = settings.state_folder.join(NOTED);
    if noted.exists() || someone_may_answer(&assistant, &settings).await {
        return;
    }
    // First noted, then asked: of two windows that open together only one asks.
    let noting = tokio::task::spawn_blocking(move || note_first(&noted)).await;
    match noting {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return,
        Ok(Err(error)) => return tracing::warn!("the first start could not be noted: {error}"),
        Err(error) => return tracing::warn!("the first start could not be noted: {error}"),
    }
    match answer(&session, &settings).await.as_deref() {
        Some(SET_UP) => set_up(&session, &settings).await,
        Some(OPEN) => open_config(&session).await,
        _ => {}
    }
}

/// Whether anybody of the chain can be there. A cloud that was given a key is not asked: that was a choice.
async fn someone_may_answer(assistant: &Assistant, settings: &Settings) -> bool {
    let links = settings.chain.links.iter();
    let backends: Vec<_> = links.filter_map(|link| settings.backend(&link.backend)).collect();
    if backends.iter().any(|backend| needs_no_asking(backend, settings)) {
        return true;
    }
    let local = backends.into_iter().filter(|backend| backend.place == Place::Local);
    let asked = local.map(|backend| {
        let reached = tokio::time::timeout(PATIENCE, assistant.is_reachable(backend));
        async { reached.await.unwrap_or(false) }
    });
    futures_util::future::join_all(asked).await.contains(&true)
}

fn needs_no_asking(backend: &BackendSettings, settings: &Settings) -> bool {
    let is_cloud = backend.place == Place::Cloud && settings.privacy.cloud == CloudPolicy::Allowed;
    let is_without_key = backend.api_key.is_none() && backend.provider.key_variable().is_some();
    backend.engine.is_some() || (is_cloud && !is_without_key)
}

/// Notes that the user was asked. Returns whether this was the first time.
fn note_first(noted: &Path) -> io::Result<bool> {
    if let Some(folder) = noted.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(noted) {
        Ok(mut file) => file.write_all(b"asked how to come by a model\n").map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The button that was pressed.
async fn answer(session: &Session, settings: &Settings) -> Option<String> {
    let first = settings.chain.links.first().and_then(|link| settings.backend(&link.backend));
    let who =
        first.map(|backend| format!("{} at {}", backend.provider_text(), backend.base_url_text));
    let who = who.unwrap_or_else(|| "the configured backend".to_owned());
    let text = format!(
        "{who} does not answer, and no other backend is set up. The local engine needs no server and no key{}",
        download(settings).map(|what| format!("; it is a download of {what}")).unwrap_or_default()
    );
    let button = |title: &str| MessageActionItem {
        title: title.to_owned(),
        properties: std::collections::HashMap::new(),
    };
    let params = ShowMessageRequestParams {
        typ: MessageType::INFO,
        message: prefixed(&text),
        actions: Some([SET_UP, OPEN, LATER].map(button).to_vec()),
    };
    match ask::<ShowMessageRequest>(&session.client, params, OPEN_FOR).await {
        Ok(pressed) => pressed.map(|item| item.title),
        Err(error) => {
            tracing::debug!("nobody answered the question of the first start: {error}");
            None
        }
    }
}

/// What a setup would download: how much, and from where.
fn download(settings: &Settings) -> Option<String> {
    let plan = setup::plan(&settings.local, Wish::Whatever).ok()?;
    let steps: Vec<(u64, &str)> = [&plan.engine, &plan.model]
        .into_iter()
        .filter_map(|step| match step {
            setup::Step::Fetch { bytes, from, .. } => {
                Some((bytes.unwrap_or_default(), from.as_str()))
            }
            setup::Step::Have(_) => None,
        })
        .collect();
    let (_, from) = steps.first()?;
    let n_bytes: u64 = steps.iter().map(|(n_bytes, _)| n_bytes).sum();
    Some(format!("{} MB from {from}", n_bytes.div_ceil(1_000_000)))
}

/// Brings the local engine, with its progress shown.
async fn set_up(session: &Session, settings: &Settings) {
    let local = settings.local.clone();
    let planned = tokio::task::spawn_blocking(move || setup::plan(&local, Wish::Whatever)).await;
    let plan = match planned {
        Ok(Ok(plan)) => plan,
        Ok(Err(error)) => return session.show(Message::error(&report(&error))).await,
        Err(error) => return tracing::error!("the setup of the local engine failed: {error}"),
    };
    tracing::info!("sets up the local engine: {}", plan.lines().join("; "));
    let begin = Stage { step: "looking at what is here".to_owned(), ..Stage::default() };
    let (stage, stages) = watch::channel(begin);
    let shown =
        session.state.abilities().progress.then(|| {
            tokio::spawn(show(session.client.clone(), stages, session.limits.client_answer))
        });
    let brought = bring(settings, &plan, &stage).await;
    let sentence = match &brought {
        Ok(_) => "the local engine is ready".to_owned(),
        Err(error) => error.to_string(),
    };
    stage.send_modify(|stage| stage.over = Some(sentence));
    if let Some(shown) = shown {
        let _ = tokio::time::timeout(session.limits.client_answer, shown).await;
    }
    match brought {
        Ok(model) => {
            // The settings in force still know of no engine.
            session.reload.notify_one();
            let toy = if plan.is_toy {
                ". It is a very small model, good to try the path; `arawn local setup --help` names two for real work"
            } else {
                ""
            };
            session.tell(prefixed(&format!("the local engine is ready, with {model}{toy}"))).await;
        }
        Err(error) => session.show(Message::error(&report(&error))).await,
    }
}

async fn bring(
    settings: &Settings,
    plan: &Plan,
    stage: &watch::Sender<Stage>,
) -> Result<String, SetupError> {
    let mut note = |progress: SetupProgress| {
        stage.send_modify(|stage| match progress {
            SetupProgress::Step(step) => (stage.step, stage.bytes) = (step, None),
            SetupProgress::Bytes { done, total } => stage.bytes = Some((done, total)),
        });
    };
    setup::carry_out(&settings.local, plan, &mut note).await.map(|model| model.name)
}

fn report(error: &SetupError) -> Report {
    let report = Report::new(Kind::Work, error.to_string());
    match error.hint() {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
}

/// How far a setup is.
#[derive(Clone, Debug, Default)]
struct Stage {
    step: String,
    bytes: Option<(u64, u64)>,
    over: Option<String>,
}

impl Stage {
    fn message(&self) -> String {
        match self.bytes {
            Some((done, 0)) => format!("{}, {} MB", self.step, done / 1_000_000),
            Some((done, total)) => {
                format!("{}, {} of {} MB", self.step, done / 1_000_000, total.div_ceil(1_000_000))
            }
            None => self.step.clone(),
        }
    }

    fn percentage(&self) -> Option<u32> {
        let (done, total) = self.bytes.filter(|(_, total)| *total > 0)?;
        u32::try_from(done.min(total) * 100 / total).ok()
    }
}

/// Shows the progress of a setup until it is over.
async fn show(client: tower_lsp::Client, mut stages: watch::Receiver<Stage>, limit: Duration) {
    let token = NumberOrString::String("arawn/setup".to_owned());
    let params = WorkDoneProgressCreateParams { token: token.clone() };
    if let Err(error) = ask::<WorkDoneProgressCreate>(&client, params, limit).await {
        return tracing::debug!("no progress is shown: {error}");
    }
    let send = async |value| {
        let value = ProgressParamsValue::WorkDone(value);
        let params = ProgressParams { token: token.clone(), value };
        client.send_notification::<ProgressNotification>(params).await;
    };
    let begin = WorkDoneProgressBegin {
        title: "Arawn: the local engine".to_owned(),
        cancellable: Some(false),
        ..WorkDoneProgressBegin::default()
    };
    send(WorkDoneProgress::Begin(begin)).await;
    loop {
        let stage = stages.borrow_and_update().clone();
        if stage.over.is_some() {
            return send(WorkDoneProgress::End(WorkDoneProgressEnd { message: stage.over })).await;
        }
        send(WorkDoneProgress::Report(WorkDoneProgressReport {
            cancellable: Some(false),
            message: Some(stage.message()),
            percentage: stage.percentage(),
        }))
        .await;
        let over = stages.wait_for(|stage| stage.over.is_some());
        if matches!(tokio::time::timeout(REPORT_EVERY, over).await, Ok(Err(_))) {
            return send(WorkDoneProgress::End(WorkDoneProgressEnd { message: None })).await;
        }
    }
}

/// Opens the user's configuration file; writes one with comments first where there is none.
async fn open_config(session: &Session) {
    let Some(path) = session.state.read(|inner| inner.config_files.first().cloned()) else {
        return tracing::warn!("there is no place for a configuration file");
    };
    let writing = path.clone();
    let written = tokio::task::spawn_blocking(move || write_if_absent(&writing)).await;
    if let Ok(Err(error)) = written {
        let text = format!("{} cannot be written: {error}", path.display());
        return session.show(Message::warning(&text)).await;
    }
    if !answers::open(session, &path).await {
        session.tell(prefixed(&format!("the configuration is {}", path.display()))).await;
    }
}

fn write_if_absent(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { config::write_starter(path, config::STARTER) }
}
