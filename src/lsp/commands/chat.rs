//! `arawn.chat`: says something in a conversation and answers with the answer.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{Diagnostic, Range, Url};

use super::run::{choice, refused};
use crate::lsp::chat::{self, Order, Piecework};
use crate::lsp::messages::sentence;
use crate::lsp::run::Ticket;
use crate::lsp::session::Session;
use crate::lsp::{commands::argument, convert};
use crate::text::Document;
use crate::tools::Sight;

/// Longest name a client may give to a conversation, in bytes.
const MAX_ID: usize = 200;

/// An element of `context`.
#[derive(Debug, Deserialize)]
struct ContextItem {
    uri: Url,
    #[serde(default)]
    range: Option<Range>,
    #[serde(default)]
    diagnostics: Option<Vec<Diagnostic>>,
}

/// Says it. Documents are taken as they are when the command arrives, before the first await.
pub(in crate::lsp) async fn chat(
    session: &Arc<Session>,
    argument: &Value,
) -> Result<Option<Value>> {
    let order = order(session, argument)?;
    let uri = conversation_uri(&order.conversation_id)?;
    let ticket = Ticket::draw(session, &uri, chat::TITLE);
    // A client that cancels the request drops this future, and with the guard the turn.
    let guard = ticket.token.clone().drop_guard();
    let turn = tokio::spawn(chat::run(ticket, order));
    let result = turn.await.map_err(|_panic| Error::internal_error())?;
    guard.disarm();
    result.map(Some)
}

/// What stands for the document in the list of running jobs.
fn conversation_uri(id: &str) -> Result<Url> {
    let mut uri = Url::parse("arawn://chat/").map_err(|_| Error::internal_error())?;
    uri.set_path(id);
    Ok(uri)
}

fn order(session: &Session, argument: &Value) -> Result<Order> {
    let assistant = session.state.assistant().map_err(|report| refused(sentence(&report)))?;
    let message: String = argument::required(argument, "message")?;
    if message.trim().is_empty() {
        return Err(Error::invalid_params("`message` is empty"));
    }
    let id: Option<String> = argument::optional(argument, "conversationId")?;
    let id = id.filter(|id| !id.is_empty());
    if id.as_ref().is_some_and(|id| id.len() > MAX_ID) {
        return Err(Error::invalid_params("`conversationId` is too long"));
    }
    let items: Vec<ContextItem> = argument::optional(argument, "context")?.unwrap_or_default();
    let uses_tools = argument::optional::<bool>(argument, "tools")?.unwrap_or(false);
    let images: Vec<Url> = argument::optional(argument, "images")?.unwrap_or_default();
    let path_of = |uri: &Url| {
        convert::path_of(uri)
            .ok_or_else(|| Error::invalid_params(format!("the image {uri} is not a file")))
    };
    let images = images.iter().map(path_of).collect::<Result<Vec<_>>>()?;
    let choice = choice(session, argument)?;
    for item in &items {
        let diagnostics = item.diagnostics.as_deref().unwrap_or_default();
        let findings = convert::from_lsp_diagnostics(&item.uri, diagnostics);
        session.state.note_findings(&item.uri, findings);
    }
    let sight = uses_tools.then(|| {
        session.state.read(|inner| Sight {
            documents: inner.documents.values().map(Document::snapshot).collect(),
            findings: Some(inner.findings.values().flatten().cloned().collect()),
        })
    });
    let context = items.into_iter().map(|item| Piecework {
        snapshot: session.state.snapshot(&item.uri),
        range: item.range,
        uri: item.uri,
    });
    let context = context.collect();
    let (conversation_id, conversation) =
        session.state.write(|inner| inner.conversations.find_or_begin(id));
    Ok(Order {
        assistant,
        conversation,
        conversation_id,
        message,
        choice,
        workspace: session.state.read(|inner| inner.editor.workspace.clone()),
        context,
        images,
        sight,
        encoding: session.state.encoding(),
    })
}
