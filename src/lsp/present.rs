//! Puts proposals, and originals of edits that went astray, before the user.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tower_lsp::lsp_types::request::{ApplyWorkspaceEdit, CodeLensRefresh, ShowMessageRequest};
use tower_lsp::lsp_types::{
    ApplyWorkspaceEditParams, MessageActionItem, MessageType, ShowMessageRequestParams, Url,
};

use crate::text::{Snapshot, with_names};

use super::answers;
use super::convert;
use super::messages::{Message, prefixed};
use super::neutral;
use super::proposals::{Kept, ProposalId};
use super::requests::ask;
use super::session::Session;
use super::state::Inner;

/// How long a question to the user stays valid.
const PATIENCE: Duration = Duration::from_mins(10);

/// Shows a new proposal and says why it was not applied.
pub(super) async fn proposal(session: &Arc<Session>, id: ProposalId, kind: MessageType) {
    let Some((title, reason)) = session.state.read(|inner| {
        let kept = inner.proposals.find(id)?;
        Some((kept.draft.title.clone(), kept.draft.reason.clone()))
    }) else {
        return;
    };
    let shown = show(session, id).await;
    let menu = "the code actions at its place apply it, whole or in parts";
    let hint = match &shown {
        Shown::InPreview => "the editor shows it for you to confirm".to_owned(),
        Shown::Opened | Shown::Not => menu.to_owned(),
        Shown::Written(path) => format!("{menu}; it is shown in {}", path.display()),
    };
    let text = prefixed(&format!("{title}: proposed: {reason}; {hint}"));
    session.show(Message { kind, text }).await;
    refresh(session);
}

/// Where a proposal is to be seen.
pub(super) enum Shown {
    /// In the editor's own preview, which lets the user confirm each part.
    InPreview,
    /// In a document that the editor opened.
    Opened,
    /// In a file that the editor did not open.
    Written(PathBuf),
    /// Nowhere.
    Not,
}

/// Shows a proposal: in the editor's preview where it has one, else as a diff document.
pub(super) async fn show(session: &Arc<Session>, id: ProposalId) -> Shown {
    let abilities = session.state.abilities();
    if abilities.confirms_edits && confirm(session, id) {
        return Shown::InPreview;
    }
    let Some((name, text)) = session.state.read(|inner| {
        let kept = inner.proposals.find(id)?;
        Some((format!("{id}-{:08x}.diff", fastrand::u32(..)), page(kept, inner)?))
    }) else {
        return Shown::Not;
    };
    let Ok(assistant) = session.state.assistant() else { return Shown::Not };
    let folder = assistant.settings().state_folder.join("proposals");
    let path = match answers::write(folder, name, text.into_bytes()).await {
        Ok(path) => path,
        Err(error) => {
            tracing::warn!("a proposal could not be written: {error}");
            return Shown::Not;
        }
    };
    session.state.write(|inner| {
        if let Some(kept) = inner.proposals.find_mut(id) {
            kept.page = Url::from_file_path(&path).ok();
        }
    });
    if answers::open(session, &path).await { Shown::Opened } else { Shown::Written(path) }
}

/// The diff document: a patch with a few words above it, which every tool for patches skips.
fn page(kept: &Kept, inner: &Inner) -> Option<String> {
    let text = kept.text(inner)?;
    let uri = kept.draft.place.uri();
    let path =
        convert::path_of(uri).map_or_else(|| uri.to_string(), |path| path.display().to_string());
    let hunks = kept.draft.proposal.hunks().len();
    let title = neutral::one_line(&kept.draft.title);
    let reason = neutral::one_line(&kept.draft.reason);
    let head = format!(
        "# {title}: proposed: {reason}\n# by {}\n# {}, {hunks} {}\n",
        kept.draft.by,
        kept.id,
        if hunks == 1 { "hunk" } else { "hunks" },
    );
    let diff = kept.draft.proposal.diff(text, &path);
    Some(head + &with_names(&neutral::visible(&diff)))
}

/// Hands the pending hunks to an editor that asks its user before it applies them.
fn confirm(session: &Arc<Session>, id: ProposalId) -> bool {
    let params = session.state.read(|inner| {
        let kept = inner.proposals.find(id)?;
        let uri = kept.draft.place.uri();
        let document = inner.documents.get(uri).filter(|_| kept.draft.place.is_open_at(uri))?;
        let hunks: Vec<(usize, Vec<crate::text::Change>)> = kept
            .pending(inner)
            .into_iter()
            .map(|idx| (idx + 1, kept.draft.proposal.changes(&[idx])))
            .collect();
        let snapshot = document.snapshot();
        let (title, reason) = (&kept.draft.title, &kept.draft.reason);
        let label = |hunk: usize| (format!("Arawn: {title}: hunk {hunk}"), reason.clone());
        let edit = convert::to_lsp_confirmed_edit(uri, &snapshot, label, &hunks, inner.encoding);
        (!hunks.is_empty())
            .then(|| ApplyWorkspaceEditParams { label: Some(format!("Arawn: {title}")), edit })
    });
    let Some(params) = params else { return false };
    let session = session.clone();
    // The user may take their time; what they take shows in the next text.
    drop(tokio::spawn(async move {
        if let Err(error) = ask::<ApplyWorkspaceEdit>(&session.client, params, PATIENCE).await {
            tracing::debug!("the editor did not confirm {id}: {error}");
        }
        refresh(&session);
    }));
    true
}

/// Has the client ask for code lenses anew, where it does such a thing.
pub(super) fn refresh(session: &Arc<Session>) {
    if session.state.abilities().code_lens_refresh {
        let (client, limit) = (session.client.clone(), session.limits.client_answer);
        drop(tokio::spawn(async move { ask::<CodeLensRefresh>(&client, (), limit).await }));
    }
}

/// The button that shows the original.
const SHOW: &str = "Show the text before";

/// Says that an edit may have gone astray, and offers the text as it was before.
pub(super) async fn original(session: &Arc<Session>, before: &Snapshot, title: &str, what: &str) {
    let text = before.text.to_string();
    let extension = before.path.as_deref().and_then(|path| path.extension());
    let extension = extension.map_or_else(|| "txt".into(), |it| it.to_string_lossy());
    let name = format!("before-{:08x}.{extension}", fastrand::u32(..));
    let written = match session.state.assistant() {
        Ok(assistant) => {
            let folder = assistant.settings().state_folder.join("proposals");
            answers::write(folder, name, text.into_bytes()).await.ok()
        }
        Err(_) => None,
    };
    let message = prefixed(&format!("{title}: {what}"));
    let abilities = session.state.abilities();
    match written {
        Some(path) if abilities.message_actions && abilities.show_document => {
            drop(tokio::spawn(offer(session.clone(), message, path)));
        }
        Some(path) => {
            let text = format!("{message}. The text before is in {}", path.display());
            session.show(Message { kind: MessageType::WARNING, text }).await;
        }
        None => session.show(Message { kind: MessageType::WARNING, text: message }).await,
    }
}

async fn offer(session: Arc<Session>, message: String, path: PathBuf) {
    let button = MessageActionItem { title: SHOW.to_owned(), properties: HashMap::new() };
    let params = ShowMessageRequestParams {
        typ: MessageType::WARNING,
        message,
        actions: Some(vec![button]),
    };
    let answer = ask::<ShowMessageRequest>(&session.client, params, PATIENCE).await;
    if answer.is_ok_and(|item| item.is_some()) && !answers::open(&session, &path).await {
        session.tell(answers::where_it_is(&path)).await;
    }
}
