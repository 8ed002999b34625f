//! Brings an edit into the user's document, or says why it must not go there.
//!
//! The model worked on a snapshot; the user went on typing. Everything typed is known (`jobs`), so the region
//! is looked up where it is now. What the user changed inside it is never overwritten.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tower_lsp::lsp_types::request::ApplyWorkspaceEdit;
use tower_lsp::lsp_types::{ApplyWorkspaceEditParams, Url, WorkspaceEdit};

use crate::edits;
use crate::text::{CharRange, Snapshot};

use super::convert;
use super::jobs::JobId;
use super::neutral;
use super::requests::{NoResult, ask};
use super::session::Session;

/// How long a client may take to send the text that it has after an edit. Neovim waits 150 ms for more.
const ECHO: Duration = Duration::from_millis(500);

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// It is in the document: the client said so, or its next text shows it.
    Yes,
    /// The client took it, but what the user typed at the same moment may have moved its place.
    Crossed,
    /// There was nothing to do.
    Unchanged,
    /// It is not in the document; why, as the end of a sentence.
    Kept(String),
}

/// Puts `text` in the place of `range`, a range of `snapshot`, wherever that place is now.
///
/// Where the client refuses, because the text moved while the edit was under way, the edit is made anew for
/// the text as it then is, and sent exactly once more.
pub(super) async fn apply(
    session: &Session,
    job: JobId,
    uri: &Url,
    snapshot: &Snapshot,
    range: CharRange,
    text: &str,
) -> Applied {
    let mut refusal = String::new();
    for _attempt in 0..2 {
        let plan = match plan(session, job, uri, snapshot, range, text) {
            Ok(plan) => plan,
            Err(nothing_sent) => return nothing_sent,
        };
        match send(session, uri, plan).await {
            Answered::Applied => return Applied::Yes,
            Answered::Crossed => return Applied::Crossed,
            Answered::Refused(reason) => refusal = reason,
            Answered::Silence => {
                return Applied::Kept("the editor did not say whether it took the edit".to_owned());
            }
        }
    }
    let why = if refusal.is_empty() { String::new() } else { format!(": {refusal}") };
    Applied::Kept(format!("the editor refused the edit{why}"))
}

/// An edit for the text as it is now.
struct Plan {
    edit: WorkspaceEdit,
    arrived: Arc<Notify>,
    made_for: i32,
    is_versioned: bool,
}

/// Makes the edit for the present text, in one step with looking at it.
fn plan(
    session: &Session,
    job: JobId,
    uri: &Url,
    snapshot: &Snapshot,
    range: CharRange,
    text: &str,
) -> Result<Plan, Applied> {
    let kept = |reason: &str| Err(Applied::Kept(reason.to_owned()));
    session.state.write(|inner| {
        let (encoding, abilities) = (inner.encoding, inner.abilities);
        let Some(running) = inner.jobs.running(job) else { return kept("the job has ended") };
        let (Some(document), Some(region)) = (inner.documents.get(uri), running.region_now(range))
        else {
            return kept("the document was closed meanwhile");
        };
        let now = document.text();
        let original = snapshot.text.slice(range.chars());
        if region.touched || now.get_slice(region.range.chars()) != Some(original) {
            return kept("you changed the same lines meanwhile");
        }
        let changes = edits::smallest_changes(&original.to_string(), text, region.range.start());
        if changes.is_empty() {
            return Err(Applied::Unchanged);
        }
        let (made_for, is_versioned) = (document.version(), abilities.document_changes);
        let version = is_versioned.then_some(made_for);
        let edit = convert::to_lsp_workspace_edit(uri, version, now, &changes, encoding);
        let mut meant = now.clone();
        for change in changes.iter().rev() {
            change.apply(&mut meant);
        }
        Ok(Plan { edit, arrived: running.mean(meant), made_for, is_versioned })
    })
}

enum Answered {
    Applied,
    Crossed,
    Refused(String),
    Silence,
}

/// Sends an edit and waits for the answer, or for the text that shows that it was taken.
///
/// Some clients (ALE) take every edit and never answer.
async fn send(session: &Session, uri: &Url, plan: Plan) -> Answered {
    let params = ApplyWorkspaceEditParams { label: None, edit: plan.edit.clone() };
    let limit = session.limits.client_answer;
    let answered = tokio::select! {
        biased;
        () = plan.arrived.notified() => return Answered::Applied,
        answered = ask::<ApplyWorkspaceEdit>(&session.client, params, limit) => answered,
    };
    match answered {
        Ok(response) if response.applied && plan.is_versioned => Answered::Applied,
        Ok(response) if response.applied => landed(session, uri, &plan).await,
        Ok(response) => {
            Answered::Refused(neutral::one_line(&response.failure_reason.unwrap_or_default()))
        }
        Err(NoResult::Refused(reason)) => Answered::Refused(neutral::one_line(&reason)),
        Err(NoResult::TimedOut) => Answered::Silence,
    }
}

/// Whether an edit that bears no version got where it was meant to go.
///
/// A client that cannot check versions (Neovim) applies an edit to whatever the text is by then, and tells of
/// what was typed only a moment later. The text it sends next shows whether the two have crossed.
async fn landed(session: &Session, uri: &Url, plan: &Plan) -> Answered {
    if tokio::time::timeout(ECHO, plan.arrived.notified()).await.is_ok() {
        return Answered::Applied;
    }
    let version = session.state.snapshot(uri).map(|snapshot| snapshot.version);
    if version.is_some_and(|version| version != plan.made_for) {
        Answered::Crossed
    } else {
        Answered::Applied
    }
}
