//! The proposals that wait for the user, each with the document it belongs to.

use std::collections::VecDeque;
use std::fmt;

use ropey::Rope;
use serde::Serialize;
use serde_json::{Value, json};
use tower_lsp::lsp_types::Url;

use crate::edits::Proposal;
use crate::text::{Change, CharRange};

use super::apply::Wanted;
use super::convert;
use super::place::Place;
use super::state::Inner;

/// How many are kept; with one more the oldest goes.
const KEPT: usize = 20;

/// Names a proposal to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProposalId(u64);

impl ProposalId {
    /// The proposal a client means.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        text.strip_prefix("proposal-")?.parse().ok().map(Self)
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proposal-{}", self.0)
    }
}

impl Serialize for ProposalId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is proposed, before it has an id.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The document.
    pub(super) place: Place,
    /// The title of the action it came from.
    pub(super) title: String,
    /// Why it was not applied.
    pub(super) reason: String,
    /// Who made it.
    pub(super) by: String,
    /// The edit.
    pub(super) proposal: Proposal,
}

/// A proposal that waits.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Its name.
    pub(super) id: ProposalId,
    /// What it is.
    pub(super) draft: Draft,
    /// The document that shows it, once one does.
    pub(super) page: Option<Url>,
}

impl Kept {
    /// The text it is for, as it is now or was when its document was closed.
    pub(super) fn text<'a>(&'a self, inner: &'a Inner) -> Option<&'a Rope> {
        let open = inner.documents.get(self.draft.place.uri()).map(crate::text::Document::text);
        self.draft.place.left_with().or(open)
    }

    /// The numbers of the hunks that can be applied, from 0.
    pub(super) fn pending(&self, inner: &Inner) -> Vec<usize> {
        self.text(inner).map(|text| self.draft.proposal.pending(text)).unwrap_or_default()
    }

    /// Those of them that the user is to be reminded of: not what they applied and took back.
    pub(super) fn fresh(&self, inner: &Inner) -> Vec<usize> {
        let mut pending = self.pending(inner);
        pending.retain(|idx| !self.draft.proposal.hunks()[*idx].was_applied());
        pending
    }

    /// Everything about it, for programs. Hunks are counted from 1, as everywhere outside.
    pub(super) fn told(&self, inner: &Inner) -> Value {
        let Some(text) = self.text(inner) else { return Value::Null };
        let hunk = |(idx, hunk): (usize, &crate::edits::Hunk)| {
            json!({
                "hunk": idx + 1,
                "state": hunk.state(text),
                "range": convert::to_lsp_range(text, hunk.range(), inner.encoding),
                "newText": hunk.new_text(),
            })
        };
        let hunks = self.draft.proposal.hunks().iter().enumerate().map(hunk);
        json!({
            "proposalId": self.id,
            "title": self.draft.title,
            "reason": self.draft.reason,
            "uri": self.draft.place.uri(),
            "hunks": hunks.collect::<Vec<_>>(),
        })
    }
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    n_made: u64,
    kept: VecDeque<Kept>,
}

impl Proposals {
    /// Keeps one.
    pub(super) fn add(&mut self, draft: Draft) -> ProposalId {
        self.n_made += 1;
        let id = ProposalId(self.n_made);
        self.kept.push_back(Kept { id, draft, page: None });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        id
    }

    /// All, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// One of them.
    pub(super) fn find(&self, id: ProposalId) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.id == id)
    }

    /// One of them, to change.
    pub(super) fn find_mut(&mut self, id: ProposalId) -> Option<&mut Kept> {
        self.kept.iter_mut().find(|kept| kept.id == id)
    }

    /// Forgets one. Returns whether it was there.
    pub(super) fn discard(&mut self, id: ProposalId) -> bool {
        let n_before = self.kept.len();
        self.kept.retain(|kept| kept.id != id);
        self.kept.len() < n_before
    }

    /// Follows a change to a document.
    pub(super) fn follow(&mut self, uri: &Url, change: &Change) {
        for kept in self.kept.iter_mut().filter(|kept| kept.draft.place.is_open_at(uri)) {
            kept.draft.proposal.follow(change);
        }
    }

    /// Looks at a document after changes of it.
    pub(super) fn note_applied(&mut self, uri: &Url, now: &Rope) {
        for kept in self.kept.iter_mut().filter(|kept| kept.draft.place.is_open_at(uri)) {
            kept.draft.proposal.note_applied(now);
        }
    }

    /// A document is opened, perhaps again.
    pub(super) fn open(&mut self, uri: &Url, text: &str) {
        for kept in &mut self.kept {
            for change in kept.draft.place.open(uri, text).into_iter().flatten() {
                kept.draft.proposal.follow(&change);
            }
        }
    }

    /// The places of all.
    pub(super) fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        self.kept.iter_mut().map(|kept| &mut kept.draft.place)
    }
}

/// Why nothing of a proposal can be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotApplicable {
    /// Nobody knows it any more.
    #[error("there is no such proposal (any more)")]
    Unknown,
    /// Its document is closed.
    #[error("the document is not open")]
    Closed,
    /// What it proposes stands there.
    #[error("it is applied already")]
    Applied,
    /// The user changed its lines.
    #[error("the lines have changed since it was made")]
    Stale,
}

/// The edit that applies some hunks, or all that can be; tells the proposal to expect it.
pub(super) fn wanted(
    inner: &mut Inner,
    id: ProposalId,
    chosen: Option<&[usize]>,
) -> Result<Wanted, NotApplicable> {
    let kept = inner.proposals.find(id).ok_or(NotApplicable::Unknown)?;
    let uri = kept.draft.place.uri().clone();
    let open = inner.documents.get(&uri).filter(|_| kept.draft.place.is_open_at(&uri));
    let text = open.ok_or(NotApplicable::Closed)?.text();
    let mut hunks = kept.pending(inner);
    hunks.retain(|hunk| chosen.is_none_or(|chosen| chosen.contains(hunk)));
    if hunks.is_empty() {
        let is_done =
            |hunk: &crate::edits::Hunk| hunk.state(text) == crate::edits::HunkState::Applied;
        let mut concerned = (0..)
            .zip(kept.draft.proposal.hunks())
            .filter(|(idx, _)| chosen.is_none_or(|chosen| chosen.contains(idx)));
        let all_done = concerned.all(|(_, hunk)| is_done(hunk));
        return Err(if all_done { NotApplicable::Applied } else { NotApplicable::Stale });
    }
    let ranges = hunks.iter().map(|&idx| kept.draft.proposal.hunks()[idx].range());
    let region = ranges
        .reduce(|all, range| {
            CharRange::new(all.start().min(range.start()), all.end().max(range.end()))
        })
        .unwrap_or_default();
    let changes = kept.draft.proposal.changes(&hunks);
    let mut whole = text.clone();
    for change in changes.iter().rev() {
        change.apply(&mut whole);
    }
    let grown = whole.len_chars() + region.end().0 - text.len_chars();
    let after = whole.slice(region.start().0..grown).to_string();
    if let Some(kept) = inner.proposals.find_mut(id) {
        kept.draft.proposal.expect_edit(&hunks);
    }
    Ok(Wanted { uri, changes, region, text: after })
}
