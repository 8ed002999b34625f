//! The life of a turn of a conversation: what goes with it, asking the core, and the answer to the command.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{Range, Url};

use crate::assistant::Assistant;
use crate::conversation::{Excerpt, Turn};
use crate::gate::Origin;
use crate::model::{Image, Role};
use crate::report::Report;
use crate::router::{Answer, Choice, Failure, Progress as Watched};
use crate::text::{Encoding, Snapshot, without_invisible};
use crate::tools::{Sight, words};

use super::answers;
use super::commands::refused;
use super::conversations::Shared;
use super::convert;
use super::messages::{prefixed, sentence};
use super::neutral;
use super::notes;
use super::progress::Progress;
use super::rules;
use super::run::{self, ErrorText, Ticket};
use super::state::LastAnswer;
use super::stream::{Piece, Stream};

/// What the user reads while a turn runs.
pub(super) const TITLE: &str = "Chat";

/// A turn that is ready to be said.
pub(super) struct Order {
    /// The core.
    pub(super) assistant: Arc<Assistant>,
    /// Its conversation.
    pub(super) conversation: Shared,
    /// Its name.
    pub(super) conversation_id: String,
    /// The words.
    pub(super) message: String,
    /// Who is to answer.
    pub(super) choice: Choice,
    /// The workspace.
    pub(super) workspace: Vec<PathBuf>,
    /// What goes with the words.
    pub(super) context: Vec<Piecework>,
    /// Files with images that go with them.
    pub(super) images: Vec<PathBuf>,
    /// What tools may look at.
    pub(super) sight: Option<Sight>,
    /// What the client's columns count.
    pub(super) encoding: Encoding,
}

/// A part of a document that goes with a message.
pub(super) struct Piecework {
    /// The document's name.
    pub(super) uri: Url,
    /// The part; the whole document without it.
    pub(super) range: Option<Range>,
    /// The text as the editor has it; `None` if it is to be read from disk.
    pub(super) snapshot: Option<Snapshot>,
}

/// How a turn ended.
enum Ended {
    Answered(Box<Answer>, usize),
    Failed(Box<Failure>),
    Unread(Report),
    Cancelled,
}

/// What the tools did.
#[derive(Default)]
struct Seen {
    calls: Vec<Value>,
    note: Option<String>,
}

/// Says it and waits for the answer.
pub(super) async fn run(ticket: Ticket, order: Order) -> Result<Value> {
    let session = ticket.session.clone();
    let progress = Progress::begin(&session, ticket.id, format!("Arawn: {TITLE}"));
    let stream = Stream::open(&session, ticket.id);
    let conversation_id = order.conversation_id.clone();
    stream.send(Piece::BeginTurn { title: TITLE.to_owned(), conversation_id });
    notes::status(&session).await;
    rules::ask_about(&session, &order.assistant, None, order.workspace.clone());
    let seen = Mutex::new(Seen::default());
    let ended = {
        let mut watch = |event: Watched<'_>| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).note(&event);
            run::watched(&session, ticket.id, &progress, &stream, &event);
        };
        tokio::select! {
            biased;
            () = ticket.token.cancelled() => Ended::Cancelled,
            ended = said(&order, &mut watch) => ended,
        }
    };
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Ended::Answered(answer, _) = &ended {
        stream.send(Piece::End { usage: answer.usage });
        notes::answered(&session, &order.assistant.settings(), answer).await;
        session.state.write(|inner| inner.last = Some(LastAnswer::of(answer)));
    }
    let (result, message) = result(&ticket, &order, ended, seen, &stream);
    stream.close().await;
    progress.end(&message).await;
    drop(ticket);
    notes::status(&session).await;
    result
}

async fn said(order: &Order, watch: &mut (dyn FnMut(Watched<'_>) + Send)) -> Ended {
    let (context, mut files) = match excerpts(order).await {
        Ok(read) => read,
        Err(report) => return Ended::Unread(report),
    };
    let images = match images(order).await {
        Ok(images) => images,
        Err(report) => return Ended::Unread(report),
    };
    files.extend(order.images.iter().cloned());
    let turn = Turn {
        message: order.message.clone(),
        images,
        choice: order.choice.clone(),
        origin: Origin { files, workspace: order.workspace.clone() },
        context,
        sight: order.sight.clone(),
    };
    let mut conversation = order.conversation.lock().await;
    match order.assistant.say(&mut conversation, turn, watch).await {
        Ok(answer) => {
            let of_user = conversation.messages.iter().filter(|it| it.role == Role::User);
            Ended::Answered(Box::new(answer), of_user.count())
        }
        Err(failure) => Ended::Failed(failure),
    }
}

/// The pieces that go with a message, and the files they are of.
async fn excerpts(order: &Order) -> std::result::Result<(Vec<Excerpt>, Vec<PathBuf>), Report> {
    let (mut excerpts, mut files) = (Vec::new(), Vec::new());
    for piece in &order.context {
        let path = convert::path_of(&piece.uri);
        let snapshot = match (&piece.snapshot, &path) {
            (Some(snapshot), _) => snapshot.clone(),
            (None, Some(path)) => read(order, path).await?,
            (None, None) => {
                let text = format!("the document {} is not open", piece.uri);
                return Err(Report::new(crate::report::Kind::Usage, text));
            }
        };
        excerpts.push(excerpt(order, piece, &snapshot, path.as_deref())?);
        files.extend(path);
    }
    Ok((excerpts, files))
}

/// The images that go with a message.
async fn images(order: &Order) -> std::result::Result<Vec<Image>, Report> {
    let (assistant, files) = (order.assistant.clone(), order.images.clone());
    let workspace = order.workspace.clone();
    let read = move || {
        let read = |path: &PathBuf| assistant.read_image(path, &workspace);
        files.iter().map(read).collect::<std::result::Result<Vec<_>, _>>()
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(images) => images.map_err(|problem| Report::from(&problem)),
        Err(_panicked) => Err(Report::new(crate::report::Kind::Work, "cannot read the images")),
    }
}

/// The text of a file that is not open.
async fn read(order: &Order, path: &Path) -> std::result::Result<Snapshot, Report> {
    let tools = order.assistant.tools(&order.workspace, Sight::default());
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || tools.text_of(&file)).await;
    let failed = || {
        let text = format!("cannot read {}", path.display());
        Report::new(crate::report::Kind::Work, text)
    };
    let text = read.map_err(|_panicked| failed())?.map_err(|error| match error.refusal() {
        Some(refusal) => Report::from(refusal),
        None => failed().because(error.to_string()),
    })?;
    Ok(Snapshot::of_text(&text, "", Some(path.to_owned())))
}

fn excerpt(
    order: &Order,
    piece: &Piecework,
    snapshot: &Snapshot,
    path: Option<&Path>,
) -> std::result::Result<Excerpt, Report> {
    let below = |path: &Path| {
        let roots = order.workspace.iter();
        roots
            .filter_map(|root| path.strip_prefix(root).ok())
            .map(|it| it.display().to_string())
            .next()
    };
    let name = match path {
        Some(path) => below(path).unwrap_or_else(|| path.display().to_string()),
        None => piece.uri.to_string(),
    };
    let (title, text) = match piece.range {
        None => (name, snapshot.text.to_string()),
        Some(range) => {
            let part = convert::from_lsp_range_checked(&snapshot.text, range, order.encoding)
                .map_err(|error| {
                    Report::new(crate::report::Kind::Usage, format!("{name}: {error}"))
                })?;
            let (first, last) = (range.start.line + 1, range.end.line + 1);
            let title = format!("{name}, lines {first} to {last}");
            (title, snapshot.text.slice(part.chars()).to_string())
        }
    };
    let title = neutral::one_line(&title);
    let language = snapshot.language.to_string();
    Ok(Excerpt { title, language, text: without_invisible(&text) })
}

impl Seen {
    fn note(&mut self, event: &Watched<'_>) {
        match event {
            Watched::ToolResult { call, summary, worked } => self.calls.push(json!({
                "name": neutral::one_line(&call.name),
                "call": neutral::one_line(&words::called(call)),
                "summary": neutral::one_line(summary),
                "worked": worked,
            })),
            Watched::WithoutTools { backend, model } => {
                self.note = Some(words::without_tools(*backend, *model));
            }
            _ => {}
        }
    }
}

/// The answer to the command, and the sentence that ends the progress.
fn result(
    ticket: &Ticket,
    order: &Order,
    ended: Ended,
    seen: Seen,
    stream: &Stream,
) -> (Result<Value>, String) {
    let failed = |class: &str, report: &Report, fell_back: Value| {
        let hint = report.hint.clone();
        let text = ErrorText { class: class.to_owned(), message: report.message.clone(), hint };
        stream.send(Piece::Error { error: text.clone() });
        let mut data = json!(text);
        data["fell_back"] = fell_back;
        let error = Error { data: Some(data), ..refused(sentence(report)) };
        (Err(error), neutral::one_line(&format!("{TITLE} failed: {report}")))
    };
    match ended {
        Ended::Answered(answer, n_turns) => {
            let mut result = json!({
                "conversationId": order.conversation_id,
                "jobId": ticket.id,
                "turn": n_turns,
                "response": neutral::visible(&answer.text),
                "reason": answer.reason.as_str(),
                "backend": answer.backend,
                "model": answer.model,
                "usage": answer.usage,
            });
            if !answer.fell_back.is_empty() {
                result["fell_back"] = json!(answer.fell_back);
            }
            if !seen.calls.is_empty() {
                result["tools"] = Value::from(seen.calls);
            }
            let notes: Vec<String> =
                seen.note.into_iter().chain(answer.remarks.iter().cloned()).collect();
            if !notes.is_empty() {
                result["notes"] = Value::from(notes);
            }
            (Ok(result), format!("{TITLE}: answered, by {}", answers::by(&answer)))
        }
        Ended::Failed(failure) => {
            let report = Report::from(&*failure);
            failed(failure.cause.class(), &report, json!(failure.fell_back))
        }
        Ended::Unread(report) => failed("context", &report, json!([])),
        Ended::Cancelled => {
            let message = format!("{TITLE}: cancelled");
            let class = "cancelled".to_owned();
            let error = ErrorText { class, message: message.clone(), hint: None };
            stream.send(Piece::Error { error });
            let error = Error { message: prefixed(&message).into(), ..Error::request_cancelled() };
            (Err(error), message)
        }
    }
}
