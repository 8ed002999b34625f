//! From the answer of a job to its document: an edit where that is safe, a proposal where the user must choose.

use std::sync::Arc;

use ropey::Rope;
use tower_lsp::lsp_types::MessageType;

use crate::config::Preview;
use crate::edits::{self, Check, Declared, MayChange, Merged, Proposal, Proposed, Verdict};
use crate::syntax::Parsed;
use crate::text::{CharRange, Document, Snapshot};

use super::apply::{self, Applied, Sent, Wanted};
use super::jobs::{JobId, Running};
use super::present;
use super::proposals::{Draft, ProposalId};
use super::session::Session;
use super::state::Inner;

/// What a job wants to put where.
pub(super) struct JobEdit<'a> {
    /// The job.
    pub(super) id: JobId,
    /// The text it worked on.
    pub(super) snapshot: &'a Snapshot,
    /// The part of it that is replaced.
    pub(super) range: CharRange,
    /// What is to stand there.
    pub(super) text: &'a str,
    /// The title of its action.
    pub(super) title: &'a str,
    /// Who answered.
    pub(super) by: &'a str,
}

/// What became of it.
pub(super) enum Ended {
    /// It is in the document.
    Applied {
        /// The user typed inside of the region, and both are there.
        is_merged: bool,
    },
    /// The client took it, but it may have landed beside its place.
    Crossed,
    /// What is proposed stands there already.
    Unchanged,
    /// It waits for the user.
    Proposed {
        /// Under this name.
        id: ProposalId,
        /// Why.
        reason: String,
    },
    /// It is not in the document and does not wait; why, as the end of a sentence.
    Kept(String),
}

/// Why an edit is not sent.
enum NotSent {
    Unchanged,
    Conflict,
    Closed,
    Over,
}

impl JobEdit<'_> {
    /// Brings the edit into the document; makes a proposal where the user typed in the same lines.
    pub(super) async fn apply(&self, session: &Arc<Session>, preview: Preview) -> Ended {
        if preview != Preview::Never && self.breaks_what_was_typed(session) {
            return self.propose(session, MISFIT, MessageType::WARNING).await;
        }
        let mut is_merged = false;
        let label = format!("Arawn: {}", self.title);
        let applied = apply::apply(session, &label, |inner| {
            let (wanted, merged) = self.wanted(inner)?;
            is_merged = merged;
            Ok(wanted)
        })
        .await;
        match applied {
            Ok(Applied::Yes(sent)) => {
                tokio::spawn(look_after(session.clone(), sent, self.title.to_owned()));
                Ended::Applied { is_merged }
            }
            Ok(Applied::Crossed(sent)) => {
                present::original(session, &sent.before, self.title, CROSSED).await;
                Ended::Crossed
            }
            Ok(Applied::Refused(reason)) => Ended::Kept(reason),
            Err(NotSent::Unchanged) => Ended::Unchanged,
            Err(NotSent::Over) => Ended::Kept("the job has ended".to_owned()),
            Err(NotSent::Conflict) if preview == Preview::Never => Ended::Kept(TYPED.to_owned()),
            Err(NotSent::Conflict) => self.propose(session, TYPED, MessageType::WARNING).await,
            Err(NotSent::Closed) if preview == Preview::Never => Ended::Kept(CLOSED.to_owned()),
            Err(NotSent::Closed) => self.propose(session, CLOSED, MessageType::WARNING).await,
        }
    }

    /// Makes a proposal of the edit and shows it.
    pub(super) async fn propose(
        &self,
        session: &Arc<Session>,
        reason: &str,
        kind: MessageType,
    ) -> Ended {
        let made = session.state.write(|inner| {
            let running = inner.jobs.running(self.id)?;
            let place = running.place.clone();
            let open = inner.documents.get(place.uri()).map(Document::text);
            let now = place.left_with().or(open)?;
            let region = running.region_now(self.range, &self.snapshot.text, now).range;
            let present = now.slice(region.chars()).to_string();
            let new = match self.merged(now, region) {
                Merged::Clean(text) | Merged::Conflict { preferring_answer: text } => text,
            };
            let proposal = Proposal::new(&present, &new, region.start());
            if proposal.hunks().is_empty() {
                return Some(None);
            }
            Some(Some(inner.proposals.add(Draft {
                place,
                title: self.title.to_owned(),
                reason: reason.to_owned(),
                by: self.by.to_owned(),
                proposal,
            })))
        });
        match made {
            None => Ended::Kept(CLOSED.to_owned()),
            Some(None) => Ended::Unchanged,
            Some(Some(id)) => {
                present::proposal(session, id, kind).await;
                Ended::Proposed { id, reason: reason.to_owned() }
            }
        }
    }

    /// The edit for the text as it is, and whether it holds what the user typed.
    fn wanted(&self, inner: &mut Inner) -> Result<(Wanted, bool), NotSent> {
        let running: &mut Running = inner.jobs.running(self.id).ok_or(NotSent::Over)?;
        let uri = running.place.uri().clone();
        let is_open = running.place.is_open_at(&uri);
        let document = inner.documents.get(&uri).filter(|_| is_open).ok_or(NotSent::Closed)?;
        let now = document.text();
        let region = running.region_now(self.range, &self.snapshot.text, now);
        if region.is_lost {
            return Err(NotSent::Conflict);
        }
        let region = region.range;
        let Merged::Clean(text) = self.merged(now, region) else { return Err(NotSent::Conflict) };
        let present = now.slice(region.chars()).to_string();
        let changes = edits::smallest_changes(&present, &text, region.start());
        if changes.is_empty() {
            return Err(NotSent::Unchanged);
        }
        let is_merged = text != self.text;
        Ok((Wanted { uri, changes, region, text }, is_merged))
    }

    /// Whether the answer and what the user typed, each right by itself, make code with errors together.
    fn breaks_what_was_typed(&self, session: &Session) -> bool {
        let Some((snapshot, wanted)) = session.state.write(|inner| {
            let (wanted, _) = self.wanted(inner).ok().filter(|(_, is_merged)| *is_merged)?;
            Some((inner.documents.get(&wanted.uri)?.snapshot(), wanted))
        }) else {
            return false;
        };
        let parsed = Parsed::of(&snapshot.text, &snapshot.language);
        let findings = edits::look_at(&Proposed {
            snapshot: &snapshot,
            range: wanted.region,
            text: &wanted.text,
            parsed: parsed.as_ref(),
            may_change: MayChange::Everything,
            declared: Declared::MayGo,
            protection: None,
        });
        let is_broken = |check: &Check| check.name == "syntax" && check.verdict == Verdict::Failed;
        findings.checks.iter().any(is_broken)
    }

    fn merged(&self, now: &Rope, region: CharRange) -> Merged {
        let original = self.snapshot.text.slice(self.range.chars()).to_string();
        edits::merge_into(now, region, &original, self.text)
    }
}

/// Looks whether an edit that the client has taken is what its next text shows, and says so if not.
pub(super) async fn look_after(session: Arc<Session>, sent: Sent, title: String) {
    if !apply::landed(&sent).await {
        present::original(&session, &sent.before, &title, OTHERWISE).await;
    }
}

/// Why nothing was applied: the user changed the lines that the answer changes.
const TYPED: &str = "you changed the same lines meanwhile";

/// Why nothing was applied: the parts are right and the whole is not.
const MISFIT: &str = "the answer does not fit what you typed meanwhile";

/// Why nothing was applied: the document is not there.
const CLOSED: &str = "the document was closed meanwhile";

/// What is said when an edit may have landed beside its place.
pub(super) const CROSSED: &str =
    "applied, but you typed at the same moment: look whether it is right, one undo takes it back";

/// What is said when the editor's text is not what the edit should have made of it.
const OTHERWISE: &str = "the editor's text is not what the edit should have made of it: look whether it is right, one undo takes it back";
