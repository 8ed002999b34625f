//! Brings text that has a file of its own to the editor: a new file, or the end of one that is there.
//!
//! The editor makes the file, so that its own undo and its own windows know of it. Nothing is written behind its
//! back: where it cannot make files, the text is shown with the place it belongs to.

use std::path::{Path, PathBuf};

use ropey::Rope;
use tower_lsp::lsp_types::request::ApplyWorkspaceEdit;
use tower_lsp::lsp_types::{
    ApplyWorkspaceEditParams, CreateFile, CreateFileOptions, DocumentChangeOperation,
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, Range, ResourceOp,
    TextDocumentEdit, TextEdit, Url, WorkspaceEdit,
};

use crate::config::Preview;
use crate::new_files;
use crate::router::Answer;
use crate::text::{Change, CharIdx, CharRange};

use super::answers;
use super::convert;
use super::neutral;
use super::requests::ask;
use super::run::{Delivered, Order, Status, keep};
use super::session::Session;

/// An edit, and what is said when it is made.
struct Plan {
    edit: WorkspaceEdit,
    done: String,
}

/// Brings `text` into the file at `path`, or shows it with the reason why it is not there.
pub(super) async fn deliver(
    session: &Session,
    order: &Order,
    path: PathBuf,
    text: String,
    answer: &Answer,
) -> Delivered {
    match create(session, order, &path, &text).await {
        Ok(done) => {
            answers::open(session, &path).await;
            Delivered::new(Status::Applied, done, Some(text))
        }
        Err(reason) => {
            let body = neutral::code_block(&text, &order.job.snapshot.language);
            keep(session, order, &reason, &body, text, answer).await
        }
    }
}

async fn create(
    session: &Session,
    order: &Order,
    path: &Path,
    text: &str,
) -> Result<String, String> {
    let name = shown(order, path);
    let always_asks = order.assistant.settings().edits.preview == Preview::Always;
    if order.preview || always_asks {
        return Err(format!("this is a preview; it belongs into {name}"));
    }
    let mut refusal = String::new();
    for _attempt in 0..2 {
        let plan = plan(session, order, path, text, &name).await?;
        let params = ApplyWorkspaceEditParams { label: None, edit: plan.edit };
        let limit = session.limits.client_answer;
        match ask::<ApplyWorkspaceEdit>(&session.client, params, limit).await {
            Ok(response) if response.applied => return Ok(plan.done),
            Ok(response) => refusal = response.failure_reason.unwrap_or_default(),
            Err(error) => {
                return Err(neutral::one_line(&format!("{error}; it belongs into {name}")));
            }
        }
    }
    let why = if refusal.is_empty() { String::new() } else { format!(": {refusal}") };
    Err(neutral::one_line(&format!("the editor refused the edit{why}; it belongs into {name}")))
}

/// The edit for the file as it is now.
async fn plan(
    session: &Session,
    order: &Order,
    path: &Path,
    text: &str,
    name: &str,
) -> Result<Plan, String> {
    let uri = Url::from_file_path(path).map_err(|()| format!("{name} is no absolute path"))?;
    let on_disk = on_disk(order, path).await?;
    let open = session.state.snapshot(&uri);
    let abilities = session.state.abilities();
    let known = open.as_ref().map(|snapshot| snapshot.text.clone()).or(on_disk);
    let Some(known) = known else {
        if !abilities.create_files {
            return Err(format!("this editor makes no files for servers; it belongs into {name}"));
        }
        return Ok(Plan { edit: creation(uri, text), done: format!("created {name}") });
    };
    let language = &order.job.snapshot.language;
    let addition = new_files::addition(&known.to_string(), text, language)
        .ok_or_else(|| format!("{name} is there already, and this cannot simply be added to it"))?;
    let changes = [at_the_end(&known, addition)];
    let version = open.map(|snapshot| snapshot.version).filter(|_| abilities.document_changes);
    let encoding = session.state.encoding();
    let edit = convert::to_lsp_workspace_edit(&uri, version, &known, &changes, encoding);
    Ok(Plan { edit, done: format!("added to {name}") })
}

/// An insertion behind the last line, before its break where both have one: some editors (Neovim) keep an empty
/// line of their own after an insertion behind the last break.
fn at_the_end(known: &Rope, addition: String) -> Change {
    let text = known.to_string();
    let line_break = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
    let (n_after, text) = match addition.strip_suffix(line_break) {
        Some(body) if text.ends_with(line_break) => {
            (line_break.len(), format!("{line_break}{body}"))
        }
        _ => (0, addition),
    };
    let at = CharIdx(known.len_chars() - n_after);
    Change { range: CharRange::new(at, at), text }
}

/// The text of the file, if it is there; or why there must be none.
async fn on_disk(order: &Order, path: &Path) -> Result<Option<Rope>, String> {
    let path = path.to_owned();
    let document = order.job.snapshot.path.as_deref().map_or_else(|| path.clone(), Clone::clone);
    let workspace = order.job.workspace.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let is_there =
            new_files::check(&path, &document, &workspace).map_err(|error| error.to_string())?;
        if !is_there {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Some(Rope::from_str(&text)))
    });
    looking.await.unwrap_or_else(|error| Err(error.to_string()))
}

/// A file that is not there, with its text.
///
/// It was looked for a moment ago. The options have an editor refuse where somebody was quicker; Neovim 0.11
/// does not look at them.
fn creation(uri: Url, text: &str) -> WorkspaceEdit {
    let options = CreateFileOptions { overwrite: Some(false), ignore_if_exists: Some(false) };
    let create = CreateFile { uri: uri.clone(), options: Some(options), annotation_id: None };
    let insert = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version: None },
        edits: vec![OneOf::Left(TextEdit { range: Range::default(), new_text: text.to_owned() })],
    };
    let operations = vec![
        DocumentChangeOperation::Op(ResourceOp::Create(create)),
        DocumentChangeOperation::Edit(insert),
    ];
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(operations)),
        ..WorkspaceEdit::default()
    }
}

/// The path below the workspace, as the user knows it.
fn shown(order: &Order, path: &Path) -> String {
    let below = order.job.workspace.iter().filter_map(|root| path.strip_prefix(root).ok());
    let shortest = below.min_by_key(|below| below.as_os_str().len()).unwrap_or(path);
    neutral::one_line(&shortest.display().to_string())
}
