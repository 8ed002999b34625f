//! `arawn.run`: runs an action on a range of an open document.

use std::sync::Arc;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::{Diagnostic, Range, Url};

use crate::actions::Action;
use crate::assistant::{Assistant, Job};
use crate::lsp::messages::sentence;
use crate::lsp::run::{self, Order, Ticket, To};
use crate::lsp::session::Session;
use crate::lsp::{commands::argument, convert};
use crate::model::BackendName;
use crate::router::Choice;
use crate::text::Snapshot;

/// Starts a job. Answers with its id at once, or with `wait` when it is over.
///
/// Everything up to the registration of the job happens before the first await: the job works on the text as
/// it is when the command arrives, and follows every change after it.
pub(in crate::lsp) async fn run(session: &Arc<Session>, argument: &Value) -> Result<Option<Value>> {
    let waits = argument::optional::<bool>(argument, "wait")?.unwrap_or(false);
    let order = order(session, argument, if waits { To::Caller } else { To::User })?;
    let ticket = Ticket::draw(session, &order.uri, &order.job.action.title);
    let id = ticket.id;
    let guard = ticket.token.clone().drop_guard();
    let job = tokio::spawn(run::run(ticket, order));
    if !waits {
        guard.disarm();
        return Ok(Some(json!({ "jobId": id })));
    }
    // A client that cancels the request drops this future, and with the guard the job.
    let result = job.await.map_err(|_panic| Error::internal_error())?;
    guard.disarm();
    Ok(Some(json!(result)))
}

fn order(session: &Session, argument: &Value, errors: To) -> Result<Order> {
    let assistant = session.state.assistant().map_err(|report| refused(sentence(&report)))?;
    let action = action(&assistant, argument)?;
    let uri = uri(argument)?;
    let snapshot = session.state.snapshot(&uri).ok_or_else(|| {
        Error::invalid_params(format!("the document {uri} is not open in this session"))
    })?;
    check_version(argument, &snapshot)?;
    let encoding = session.state.encoding();
    let range: Range = argument::required(argument, "range")?;
    let range = convert::from_lsp_range_checked(&snapshot.text, range, encoding)
        .map_err(|error| Error::invalid_params(error.to_string()))?;
    let diagnostics: Vec<Diagnostic> =
        argument::optional(argument, "diagnostics")?.unwrap_or_default();
    let complaints = diagnostics
        .iter()
        .map(|diagnostic| convert::from_lsp_diagnostic(&snapshot.text, diagnostic, encoding))
        .collect();
    let choice = choice(session, argument)?;
    let workspace = session.state.read(|inner| inner.editor.workspace.clone());
    let input = argument::optional(argument, "input")?;
    let job = Job { action, snapshot, range, complaints, input, choice, workspace };
    let preview = argument::optional::<bool>(argument, "preview")?.unwrap_or(false);
    let shows = argument::optional::<bool>(argument, "show")?.unwrap_or(true);
    // Who does not wait would never see it.
    let answers = if shows { To::User } else { errors };
    Ok(Order { assistant, job, uri, preview, errors, answers })
}

fn action(assistant: &Assistant, argument: &Value) -> Result<Arc<Action>> {
    let id: String = argument::required(argument, "action")?;
    let catalog = assistant.catalog();
    catalog.find(&id).cloned().ok_or_else(|| {
        let known: Vec<&str> = catalog.actions.iter().map(|action| action.id.as_str()).collect();
        Error::invalid_params(format!("unknown action \"{id}\"; known are: {}", known.join(", ")))
    })
}

fn uri(argument: &Value) -> Result<Url> {
    let document: Value = argument::required(argument, "textDocument")?;
    let uri: String = match document {
        Value::String(uri) => uri,
        document => argument::required(&document, "uri").map_err(|_| {
            Error::invalid_params("`textDocument.uri` is missing from the argument")
        })?,
    };
    Url::parse(&uri)
        .map_err(|error| Error::invalid_params(format!("\"{uri}\" is not a URI: {error}")))
}

/// A range of an older text would name other code than the user saw.
fn check_version(argument: &Value, snapshot: &Snapshot) -> Result<()> {
    let version = argument["textDocument"]["version"].as_i64();
    if version.is_some_and(|version| version < i64::from(snapshot.version)) {
        return Err(Error {
            code: ErrorCode::ContentModified,
            message: "the document has changed since the action was offered; ask for it again"
                .into(),
            data: None,
        });
    }
    Ok(())
}

/// Backend and model as the argument or this session chose them.
pub(super) fn choice(session: &Session, argument: &Value) -> Result<Choice> {
    let backend: Option<String> = argument::optional(argument, "backend")?;
    let backend = backend.filter(|name| !name.is_empty()).map(|name| BackendName::new(&name));
    let model: Option<String> = argument::optional(argument, "model")?;
    Ok(Choice {
        backend: backend.or_else(|| session.state.read(|inner| inner.chosen.clone())),
        model: model.filter(|name| !name.is_empty()),
        no_fallback: false,
    })
}

/// The answer to a valid request that could not be done.
pub(in crate::lsp) fn refused(message: String) -> Error {
    Error { code: ErrorCode::ServerError(REQUEST_FAILED), message: message.into(), data: None }
}

/// The protocol's code for a valid request that could not be done.
const REQUEST_FAILED: i64 = -32803;
