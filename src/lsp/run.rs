//! The life of a job: ask the core, show how it goes, bring the result to the user, say how it ended.

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tower_lsp::lsp_types::{MessageType, Url};

use crate::assistant::{Assistant, Finished, Job, JobError, Outcome};
use crate::config::Preview;
use crate::edits::Check;
use crate::model::{BackendName, Usage};
use crate::report::Report;
use crate::router::{Answer, Cause, FellBack, Progress as Watched};
use crate::tools::words;

use super::answers::{self, Page, by, by_whom, remarks};
use super::convert;
use super::edit::{CROSSED, Ended, JobEdit};
use super::ext::ToolParams;
use super::jobs::JobId;
use super::messages::Message;
use super::neutral;
use super::new_file;
use super::notes;
use super::progress::Progress;
use super::proposals::ProposalId;
use super::review;
use super::rules;
use super::session::Session;
use super::state::LastAnswer;
use super::stream::{Piece, Stream};

/// How a job ended, as `arawn.run` answers with `wait`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobResult {
    pub(super) job_id: JobId,
    pub(super) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backend: Option<BackendName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    #[serde(rename = "fell_back", skip_serializing_if = "Vec::is_empty")]
    pub(super) fell_back: Vec<FellBack>,
    /// What there is to know of the answer, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proposal_id: Option<ProposalId>,
    /// What was looked at before the edit might reach the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) checks: Vec<Check>,
    /// Why the model was asked once more, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked_again: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorText>,
    /// What the user reads at the end of the progress.
    pub(super) message: String,
}

/// The ways a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// The edit is in the document; the client said so.
    Applied,
    /// The edit waits for the user.
    Proposed,
    /// The answer was shown; the document is as it was.
    Shown,
    /// The answer is in the result alone.
    Returned,
    /// What the model answered stands there already.
    Unchanged,
    /// The user ended it.
    Cancelled,
    /// There is no answer.
    Failed,
}

/// An error for programs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ErrorText {
    /// Name of the error class.
    pub(super) class: String,
    /// One sentence.
    pub(super) message: String,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// A job that is ready to run.
pub(super) struct Order {
    /// The core.
    pub(super) assistant: Arc<Assistant>,
    /// What to do.
    pub(super) job: Job,
    /// Where.
    pub(super) uri: Url,
    /// Make a proposal even of what could be applied.
    pub(super) preview: bool,
    /// Who hears of a failure.
    pub(super) errors: To,
    /// Who gets an answer that is no edit.
    pub(super) answers: To,
}

/// Where something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Before the user.
    User,
    /// To the caller alone, who waits for the result.
    Caller,
}

/// A job's entry in the register; dropping it strikes the job out.
pub(super) struct Ticket {
    /// Whose it is.
    pub(super) session: Arc<Session>,
    /// The job.
    pub(super) id: JobId,
    /// Ends the job.
    pub(super) token: CancellationToken,
}

impl Ticket {
    /// Registers a job.
    pub(super) fn draw(session: &Arc<Session>, uri: &Url, title: &str) -> Self {
        let (id, token) =
            session.state.write(|inner| inner.jobs.begin(uri.clone(), title.to_owned()));
        Self { session: session.clone(), id, token }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.session.state.write(|inner| inner.jobs.end(self.id));
    }
}

/// Runs a job to its end, whatever that is.
pub(super) async fn run(ticket: Ticket, order: Order) -> JobResult {
    let session = ticket.session.clone();
    let title = order.job.action.title.clone();
    let progress = Progress::begin(&session, ticket.id, format!("Arawn: {title}"));
    let stream = Stream::open(&session, ticket.id);
    stream.send(begin(&session, &order, &title));
    notes::status(&session).await;
    let file = order.job.snapshot.path.as_deref().cloned();
    rules::ask_about(&session, &order.assistant, file, order.job.workspace.clone());
    let answered = {
        let mut watch =
            |event: Watched<'_>| watched(&session, ticket.id, &progress, &stream, &event);
        tokio::select! {
            biased;
            () = ticket.token.cancelled() => None,
            answered = order.assistant.run(&order.job, &mut watch) => Some(answered),
        }
    };
    let result = match answered {
        None => cancelled(ticket.id, &title, &stream),
        Some(Err(error)) => failed(ticket.id, &title, &error, &stream),
        Some(Ok(finished)) => {
            stream.send(Piece::End { usage: finished.answer.usage });
            deliver(&session, ticket.id, &order, finished).await
        }
    };
    stream.close().await;
    if result.status == Status::Failed && order.errors == To::User {
        session.show(Message::error_text(&result.message)).await;
    }
    progress.end(&result.message).await;
    let without_progress = !session.state.abilities().progress;
    if without_progress && result.status == Status::Unchanged && order.errors == To::User {
        session.tell(format!("Arawn: {}", result.message)).await;
    }
    drop(ticket);
    notes::status(&session).await;
    result
}

fn begin(session: &Session, order: &Order, title: &str) -> Piece {
    let encoding = session.state.encoding();
    let range = convert::to_lsp_range(&order.job.snapshot.text, order.job.range, encoding);
    Piece::Begin { title: title.to_owned(), uri: order.uri.clone(), range }
}

/// Shows an event by progress and stream.
pub(super) fn watched(
    session: &Session,
    id: JobId,
    progress: &Progress,
    stream: &Stream,
    event: &Watched<'_>,
) {
    match *event {
        Watched::Asking { backend, model } => {
            progress.asking(backend, model);
            stream.send(Piece::Asking { backend: backend.clone(), model: model.to_owned() });
            session.state.write(|inner| {
                if let Some(running) = inner.jobs.running(id) {
                    running.asked = Some((backend.clone(), model.to_owned()));
                }
            });
        }
        Watched::Text(text) => {
            progress.piece();
            stream.send(Piece::Text(text.to_owned()));
        }
        Watched::Reasoning(_) => progress.piece(),
        Watched::ToolCall(call) => {
            progress.doing(neutral::one_line(&words::called(call)));
            stream.send(Piece::Tool(ToolParams::begun(call)));
        }
        Watched::ToolResult { call, summary, worked } => {
            stream.send(Piece::Tool(ToolParams::ended(call, summary, worked)));
        }
        Watched::AskedAgain { reason } => {
            let message = format!("asked again: {reason}");
            progress.asked_again(neutral::one_line(&message));
            let class = "asked_again".to_owned();
            stream.send(Piece::Restart { reason: ErrorText { class, message, hint: None } });
        }
        // Who asks with tools tells of it.
        Watched::WithoutTools { .. } => {}
        Watched::FellBack(fell_back) => stream.send(Piece::Restart {
            reason: ErrorText {
                class: fell_back.class.clone(),
                message: fell_back.message.clone(),
                hint: None,
            },
        }),
    }
}

fn cancelled(id: JobId, title: &str, stream: &Stream) -> JobResult {
    let message = format!("{title}: cancelled");
    let error = ErrorText { class: "cancelled".to_owned(), message: message.clone(), hint: None };
    stream.send(Piece::Error { error });
    JobResult {
        job_id: id,
        status: Status::Cancelled,
        text: None,
        backend: None,
        model: None,
        usage: None,
        fell_back: Vec::new(),
        notes: Vec::new(),
        proposal_id: None,
        checks: Vec::new(),
        asked_again: None,
        error: None,
        message,
    }
}

fn failed(id: JobId, title: &str, error: &JobError, stream: &Stream) -> JobResult {
    let report = Report::from(error);
    let text = ErrorText {
        class: class_of(error, &report),
        message: report.message.clone(),
        hint: report.hint.clone(),
    };
    stream.send(Piece::Error { error: text.clone() });
    let (backend, model, fell_back) = match error {
        JobError::NoAnswer(failure) => {
            (failure.backend.clone(), failure.model.clone(), failure.fell_back.clone())
        }
        _ => (None, None, Vec::new()),
    };
    let message = neutral::one_line(&format!("{title} failed: {report}"));
    tracing::warn!(%id, "{message}");
    JobResult {
        status: Status::Failed,
        backend,
        model,
        fell_back,
        error: Some(text),
        message,
        job_id: id,
        text: None,
        usage: None,
        notes: Vec::new(),
        proposal_id: None,
        checks: Vec::new(),
        asked_again: None,
    }
}

fn class_of(error: &JobError, report: &Report) -> String {
    match error {
        JobError::NoAnswer(failure) => match &failure.cause {
            Cause::Model(error) => error.class.as_str().to_owned(),
            Cause::Refused(_) => "refused".to_owned(),
            Cause::Secret(_) => "auth".to_owned(),
            _ => "config".to_owned(),
        },
        _ => format!("{:?}", report.kind).to_lowercase(),
    }
}

/// Where an answer ended up.
pub(super) struct Delivered {
    status: Status,
    /// The end of the sentence about it.
    what: String,
    text: Option<String>,
    proposal_id: Option<ProposalId>,
}

impl Delivered {
    /// With the status, the end of the sentence, and the text.
    pub(super) fn new(status: Status, what: impl Into<String>, text: Option<String>) -> Self {
        Self { status, what: what.into(), text, proposal_id: None }
    }
}

/// Brings an answer to the user.
pub(super) async fn deliver(
    session: &Arc<Session>,
    id: JobId,
    order: &Order,
    finished: Finished,
) -> JobResult {
    let Finished { answer, result, checks, asked_again } = finished;
    session.state.write(|inner| {
        inner.last = Some(LastAnswer::of(&answer));
    });
    let delivered = match result {
        Outcome::Unchanged => Delivered::new(Status::Unchanged, NOTHING_TO_CHANGE, None),
        Outcome::Answer { markdown, .. } if order.answers == To::Caller => {
            Delivered::new(Status::Returned, "answered", Some(markdown))
        }
        Outcome::Answer { title, markdown } => {
            let body = neutral::markdown(&markdown);
            let remark = remarks(&answer);
            let page = answers::page(
                &order.job.action.id,
                &title,
                remark.as_deref(),
                &body,
                &by_whom(&answer),
            );
            show(session, order, page).await;
            warn_of_ending(session, order, &answer).await;
            Delivered::new(Status::Shown, "answered", Some(markdown))
        }
        Outcome::Unusable { reason } => {
            let body = neutral::markdown(&answer.text);
            keep(session, order, &reason, &body, answer.text.clone(), &answer).await
        }
        Outcome::NewFile { path, text } => {
            new_file::deliver(session, order, path, text, &answer).await
        }
        Outcome::Findings(findings) => review::deliver(session, id, order, findings, &answer).await,
        Outcome::Edit { range, text, caution } => {
            let (action, snapshot) = (&order.job.action, &order.job.snapshot);
            let (title, by) = (action.title.as_str(), by(&answer));
            let job_edit = JobEdit { id, snapshot, range, text: &text, title, by: &by };
            let ended = edit(session, order, &job_edit, caution).await;
            edited(session, order, ended, text, &answer).await
        }
    };
    notes::answered(session, &order.assistant.settings(), &answer).await;
    let Delivered { status, what, text, proposal_id } = delivered;
    let message = format!("{}: {what}, by {}", order.job.action.title, by(&answer));
    JobResult {
        job_id: id,
        status,
        text,
        backend: Some(answer.backend),
        model: Some(answer.model),
        usage: Some(answer.usage),
        fell_back: answer.fell_back,
        notes: answer.remarks,
        proposal_id,
        checks,
        asked_again,
        error: None,
        message,
    }
}

/// Brings an edit into the document, or makes a proposal of it where it must wait for the user.
async fn edit(
    session: &Arc<Session>,
    order: &Order,
    edit: &JobEdit<'_>,
    caution: Option<String>,
) -> Ended {
    let preview = order.assistant.settings().edits.preview;
    if let Some(caution) = caution {
        return match preview {
            Preview::Never if !order.preview => Ended::Kept(caution),
            _ => edit.propose(session, &caution, MessageType::WARNING).await,
        };
    }
    let is_asked_for = order.preview.then_some("this is a preview");
    let is_configured = (preview == Preview::Always).then_some("`edits.preview` is \"always\"");
    match is_asked_for.or(is_configured) {
        Some(reason) => edit.propose(session, reason, MessageType::INFO).await,
        None => edit.apply(session, preview).await,
    }
}

/// Says what became of an edit.
async fn edited(
    session: &Session,
    order: &Order,
    ended: Ended,
    text: String,
    answer: &Answer,
) -> Delivered {
    match ended {
        Ended::Applied { is_merged: false } => {
            Delivered::new(Status::Applied, "applied", Some(text))
        }
        Ended::Applied { is_merged: true } => Delivered::new(Status::Applied, MERGED, Some(text)),
        Ended::Crossed => Delivered::new(Status::Applied, CROSSED, Some(text)),
        Ended::Unchanged => Delivered::new(Status::Unchanged, NOTHING_TO_CHANGE, Some(text)),
        Ended::Proposed { id, reason } => Delivered {
            proposal_id: Some(id),
            ..Delivered::new(Status::Proposed, format!("proposed: {reason}"), Some(text))
        },
        Ended::Kept(reason) => {
            let body = neutral::code_block(&text, &order.job.snapshot.language);
            keep(session, order, &reason, &body, text, answer).await
        }
    }
}

/// What is said when the document is right already.
const NOTHING_TO_CHANGE: &str = "nothing to change";

/// What is said when the user typed in the region, and both are there.
const MERGED: &str = "applied, together with what you typed there meanwhile";

/// Says besides that what is shown is not the whole answer; where nothing can be shown, that was said with it.
pub(super) async fn warn_of_ending(session: &Session, order: &Order, answer: &Answer) {
    let Some(remark) = answer.remarks.last().filter(|_| answer.ending().is_some()) else { return };
    if session.state.abilities().show_document {
        session.show(Message::warning(&format!("{}: {remark}", order.job.action.title))).await;
    }
}

/// Shows a page, and notes where it is.
pub(super) async fn show(session: &Session, order: &Order, page: Page) {
    let settings = order.assistant.settings();
    if let Some(path) = answers::show(session, &settings.state_folder, page).await {
        tracing::debug!("the answer is {}", path.display());
    }
}

/// Shows an answer that was meant for the document and did not get there, and says why.
pub(super) async fn keep(
    session: &Session,
    order: &Order,
    reason: &str,
    body: &str,
    text: String,
    answer: &Answer,
) -> Delivered {
    let action = &order.job.action;
    let reason = format!("not applied: {reason}");
    let page = answers::page(&action.id, &action.title, Some(&reason), body, &by(answer));
    show(session, order, page).await;
    if session.state.abilities().show_document {
        session.show(Message::warning(&format!("{}: {reason}", action.title))).await;
    }
    Delivered::new(Status::Shown, reason, Some(text))
}
