//! Brings an edit into the user's document, and looks afterwards whether it got there.
//!
//! What is to be changed is decided anew for each attempt, in one step with looking at the text: the user
//! goes on typing while the client is asked.

use std::sync::Arc;
use std::time::Duration;

use tower_lsp::lsp_types::request::ApplyWorkspaceEdit;
use tower_lsp::lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditResponse, Url, WorkspaceEdit,
};

use crate::text::{Change, CharRange, Snapshot};

use super::convert;
use super::meant::Bell;
use super::neutral;
use super::requests::{NoResult, ask};
use super::session::Session;
use super::state::Inner;

/// How long a client may take to send the text that it has after an edit. Neovim waits 150 ms for more.
const ECHO: Duration = Duration::from_millis(500);

/// What became of an edit.
#[derive(Clone, Debug)]
pub(super) enum Applied {
    /// It is in the document: the client said so, or its next text shows it.
    Yes(Sent),
    /// The client took it, but what the user typed at the same moment may have moved its place.
    Crossed(Sent),
    /// It is not in the document; why, as the end of a sentence.
    Refused(String),
}

/// What is to become of a document.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The document, which is open.
    pub(super) uri: Url,
    /// Ascending changes, all ranges in the text as it is now.
    pub(super) changes: Vec<Change>,
    /// The part of the text that they are in.
    pub(super) region: CharRange,
    /// What is to stand there.
    pub(super) text: String,
}

/// An edit that the client was given.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// The document as it was before.
    pub(super) before: Snapshot,
    bell: Arc<Bell>,
    is_versioned: bool,
    has_arrived: bool,
}

/// Asks the client for what `want` makes of the text as it is; `want` says itself why there is nothing to ask.
///
/// Where the client refuses, because the text moved while the edit was under way, the edit is made anew for
/// the text as it then is, and sent exactly once more.
pub(super) async fn apply<N>(
    session: &Session,
    label: &str,
    mut want: impl FnMut(&mut Inner) -> Result<Wanted, N>,
) -> Result<Applied, N> {
    let mut refusal = String::new();
    for _attempt in 0..2 {
        let (edit, sent) = session.state.write(|inner| {
            let wanted = want(inner)?;
            Ok(made(inner, wanted))
        })?;
        match send(session, label, edit, sent).await {
            Answered::Done(applied) => return Ok(applied),
            Answered::Refused(reason) => refusal = reason,
        }
    }
    let why = if refusal.is_empty() { String::new() } else { format!(": {refusal}") };
    Ok(Applied::Refused(format!("the editor refused the edit{why}")))
}

/// The edit in the client's words, and the expectation of what its next text will be.
fn made(inner: &mut Inner, wanted: Wanted) -> (WorkspaceEdit, Sent) {
    let Wanted { uri, changes, region, text } = wanted;
    let is_versioned = inner.abilities.document_changes;
    let before = inner
        .documents
        .get(&uri)
        .map_or_else(|| Snapshot::of_text("", "", None), crate::text::Document::snapshot);
    let version = is_versioned.then_some(before.version);
    let edit =
        convert::to_lsp_workspace_edit(&uri, version, &before.text, &changes, inner.encoding);
    let mut whole = before.text.clone();
    for change in changes.iter().rev() {
        change.apply(&mut whole);
    }
    let bell = inner.meant.expect(&uri, &before.text, whole, region, text, changes);
    (edit, Sent { before, bell, is_versioned, has_arrived: false })
}

enum Answered {
    Done(Applied),
    Refused(String),
}

/// Sends an edit and waits for the answer, or for the text that shows that it was taken.
///
/// Some clients (ALE) take every edit and never answer.
async fn send(session: &Session, label: &str, edit: WorkspaceEdit, sent: Sent) -> Answered {
    let params = ApplyWorkspaceEditParams { label: Some(label.to_owned()), edit };
    let limit = session.limits.client_answer;
    let mut question = std::pin::pin!(ask::<ApplyWorkspaceEdit>(&session.client, params, limit));
    let answered = tokio::select! {
        biased;
        is_clean = sent.bell.rung() => {
            // The user may have done, for a moment, just what the edit does; a client that checks versions refuses it.
            if sent.is_versioned
                && let Some(reason) = refusal(question).await
                && !sent.bell.is_there()
            {
                return Answered::Refused(reason);
            }
            return Answered::Done(if is_clean {
                Applied::Yes(Sent { has_arrived: true, ..sent })
            } else {
                Applied::Crossed(sent)
            });
        }
        answered = &mut question => answered,
    };
    match answered {
        Ok(response) if response.applied && sent.is_versioned => Answered::Done(Applied::Yes(sent)),
        Ok(response) if response.applied => Answered::Done(if landed(&sent).await {
            Applied::Yes(sent)
        } else {
            Applied::Crossed(sent)
        }),
        Ok(response) => refused(sent, &response.failure_reason.unwrap_or_default()).await,
        Err(NoResult::Refused(reason)) => refused(sent, &reason).await,
        Err(NoResult::TimedOut) => Answered::Done(Applied::Refused(
            "the editor did not say whether it took the edit".to_owned(),
        )),
    }
}

/// Why the client refuses, if it says so soon.
async fn refusal(
    question: impl Future<Output = Result<ApplyWorkspaceEditResponse, NoResult>>,
) -> Option<String> {
    match tokio::time::timeout(ECHO, question).await {
        Ok(Ok(response)) if !response.applied => {
            Some(neutral::one_line(&response.failure_reason.unwrap_or_default()))
        }
        Ok(Err(NoResult::Refused(reason))) => Some(neutral::one_line(&reason)),
        _ => None,
    }
}

/// Believes a refusal at once where the client had reason to find the edit stale. Else its next text may show that
/// it took the edit all the same, and a second one would do everything twice.
async fn refused(sent: Sent, reason: &str) -> Answered {
    let refused = Answered::Refused(neutral::one_line(reason));
    if sent.is_versioned && sent.bell.has_news() {
        return refused;
    }
    match tokio::time::timeout(ECHO, sent.bell.rung()).await {
        Ok(true) => Answered::Done(Applied::Yes(Sent { has_arrived: true, ..sent })),
        Ok(false) => Answered::Done(Applied::Crossed(sent)),
        // What is closed cannot get it a second time.
        Err(_elapsed) if sent.bell.seems_taken() && !sent.bell.is_closed() => {
            Answered::Done(Applied::Crossed(sent))
        }
        Err(_elapsed) => refused,
    }
}

/// Whether an edit that the client has taken got where it was meant to go, as far as its next text tells.
///
/// A client that does not check versions applies an edit to whatever the text is by then, and tells of what was
/// typed only a moment later. The text it sends next shows whether the two have crossed.
pub(super) async fn landed(sent: &Sent) -> bool {
    if sent.has_arrived {
        tokio::time::sleep(ECHO).await;
        return !came_late(sent);
    }
    if let Ok(is_clean) = tokio::time::timeout(ECHO, sent.bell.rung()).await {
        return is_clean && !came_late(sent);
    }
    !sent.bell.has_news()
}

/// Whether the user had done what the edit does before it landed. A client that checks versions, and has told of
/// one change only, has told of the edit; and its user may do later what looks like a part of it.
fn came_late(sent: &Sent) -> bool {
    if sent.is_versioned {
        sent.bell.came_late() && !sent.bell.was_one()
    } else {
        sent.bell.may_have_come_late()
    }
}
