//! Shows a job in the editor's progress area, by a token that the server made.
//!
//! The client's own `workDoneToken` dies with the answer to the command, and no client sends one anyway.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_lsp::Client;
use tower_lsp::lsp_types::notification::Progress as ProgressNotification;
use tower_lsp::lsp_types::request::WorkDoneProgressCreate;
use tower_lsp::lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use super::jobs::JobId;
use super::requests::ask;
use super::session::Session;

/// The least time between two reports.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How long the end of a job waits for the end of its progress to be handed over.
const HAND_OVER: Duration = Duration::from_millis(100);

/// How far a job is.
#[derive(Clone, Debug, Default)]
struct Stage {
    who: Option<String>,
    n_pieces: usize,
    /// What is done for the model at the moment.
    doing: Option<String>,
    /// Why the model was asked once more.
    again: Option<String>,
    over: Option<String>,
}

/// The progress of one job. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Progress {
    stage: watch::Sender<Stage>,
    task: Option<JoinHandle<()>>,
}

/// The token of a job's progress.
pub(super) fn token_of(job: JobId) -> NumberOrString {
    NumberOrString::String(format!("arawn/{job}"))
}

/// The job a token belongs to.
pub(super) fn job_of(token: &NumberOrString) -> Option<JobId> {
    match token {
        NumberOrString::String(token) => JobId::from_text(token.strip_prefix("arawn/")?),
        NumberOrString::Number(_) => None,
    }
}

impl Progress {
    /// Begins the progress of a job, where the client shows such a thing.
    pub(super) fn begin(session: &Session, job: JobId, title: String) -> Self {
        let (stage, stages) = watch::channel(Stage::default());
        let task = session.state.abilities().progress.then(|| {
            let limit = session.limits.client_answer;
            tokio::spawn(show(session.client.clone(), token_of(job), title, stages, limit))
        });
        Self { stage, task }
    }

    /// This backend is asked now.
    pub(super) fn asking(&self, backend: &impl std::fmt::Display, model: &str) {
        self.stage.send_modify(|stage| {
            stage.who = Some(format!("{backend} ({model})"));
            stage.n_pieces = 0;
            stage.doing = None;
        });
    }

    /// Something is done for the model.
    pub(super) fn doing(&self, what: String) {
        self.stage.send_modify(|stage| stage.doing = Some(what));
    }

    /// The model is asked once more.
    pub(super) fn asked_again(&self, why: String) {
        self.stage.send_modify(|stage| stage.again = Some(why));
    }

    /// A piece came; with nearly all backends a piece is a token.
    pub(super) fn piece(&self) {
        self.stage.send_modify(|stage| stage.n_pieces += 1);
    }

    /// Ends it with one sentence.
    pub(super) async fn end(self, sentence: &str) {
        self.stage.send_modify(|stage| stage.over = Some(sentence.to_owned()));
        if let Some(task) = self.task {
            // A client that has not even answered the request for the token must not hold up the job.
            let _ = tokio::time::timeout(HAND_OVER, task).await;
        }
    }
}

async fn show(
    client: Client,
    token: NumberOrString,
    title: String,
    mut stages: watch::Receiver<Stage>,
    limit: Duration,
) {
    let since = Instant::now();
    let params = WorkDoneProgressCreateParams { token: token.clone() };
    if let Err(error) = ask::<WorkDoneProgressCreate>(&client, params, limit).await {
        tracing::debug!("no progress is shown: {error}");
        return;
    }
    let send = async |value| {
        let value = ProgressParamsValue::WorkDone(value);
        let params = ProgressParams { token: token.clone(), value };
        client.send_notification::<ProgressNotification>(params).await;
    };
    let message = line(&stages, since);
    let begin = WorkDoneProgressBegin { title, cancellable: Some(true), message, percentage: None };
    send(WorkDoneProgress::Begin(begin)).await;
    let first = tokio::time::Instant::now() + REPORT_EVERY;
    let mut ticks = tokio::time::interval_at(first, REPORT_EVERY);
    let mut shown = None;
    let sentence = loop {
        tokio::select! {
            sentence = over(&mut stages) => break sentence,
            _ = ticks.tick() => {}
        }
        let message = line(&stages, since);
        if message.is_some() && message != shown {
            shown.clone_from(&message);
            send(WorkDoneProgress::Report(WorkDoneProgressReport {
                cancellable: Some(true),
                message,
                percentage: None,
            }))
            .await;
        }
    };
    send(WorkDoneProgress::End(WorkDoneProgressEnd { message: sentence })).await;
}

/// Waits for the end; without a sentence where the job was dropped.
async fn over(stages: &mut watch::Receiver<Stage>) -> Option<String> {
    let stage = stages.wait_for(|stage| stage.over.is_some()).await;
    stage.ok().and_then(|stage| stage.over.clone())
}

fn line(stages: &watch::Receiver<Stage>, since: Instant) -> Option<String> {
    let stage = stages.borrow();
    let who = stage.who.as_ref()?;
    let who = stage.again.as_ref().map_or_else(|| who.clone(), |why| format!("{who}, {why}"));
    let n_seconds = since.elapsed().as_secs();
    if let Some(doing) = &stage.doing {
        return Some(format!("{who}, {doing}, {n_seconds} s"));
    }
    Some(match stage.n_pieces {
        0 => format!("{who}, waiting, {n_seconds} s"),
        n_pieces => format!("{who}, {n_pieces} tokens, {n_seconds} s"),
    })
}
