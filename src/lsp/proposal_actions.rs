//! What is offered for a proposal: code actions and lenses where its hunks are, and in the document that shows it.

use serde_json::json;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionTriggerKind,
    CodeLens, Command, Range, Url,
};

use crate::text::{CharRange, Document};

use super::code_actions::is_wanted;
use super::commands;
use super::convert;
use super::proposals::{Kept, ProposalId};
use super::state::Inner;

/// The kind of everything offered here.
const KIND: &str = "refactor.rewrite.arawn.proposal";

/// One thing to do with a proposal.
struct Offer {
    id: ProposalId,
    title: String,
    what: &'static str,
    /// Counted from 1.
    hunk: Option<usize>,
}

impl Offer {
    fn command(&self) -> Command {
        let mut argument = json!({ "proposalId": self.id, "do": self.what });
        if let Some(hunk) = self.hunk {
            argument["hunks"] = json!([hunk]);
        }
        Command {
            title: self.title.clone(),
            command: commands::PROPOSAL.to_owned(),
            arguments: Some(vec![argument]),
        }
    }

    fn action(&self, literals: bool) -> CodeActionOrCommand {
        if !literals {
            return CodeActionOrCommand::Command(self.command());
        }
        CodeActionOrCommand::CodeAction(CodeAction {
            title: self.title.clone(),
            kind: Some(CodeActionKind::new(KIND)),
            command: Some(self.command()),
            ..CodeAction::default()
        })
    }
}

/// What is offered for a range: only where it touches a hunk that can be applied, and never unasked.
pub(super) fn code_actions(
    inner: &Inner,
    uri: &Url,
    range: Range,
    context: &CodeActionContext,
) -> Vec<CodeActionOrCommand> {
    let is_automatic = context.trigger_kind == Some(CodeActionTriggerKind::AUTOMATIC);
    let is_wanted = is_wanted(&CodeActionKind::new(KIND), context.only.as_deref());
    let Some(document) = inner.documents.get(uri).filter(|_| !is_automatic && is_wanted) else {
        return Vec::new();
    };
    let selection = convert::from_lsp_range(document.text(), range, inner.encoding);
    let concerned: Vec<(&Kept, Vec<usize>)> = inner
        .proposals
        .all()
        .map(|kept| (kept, touched(inner, kept, uri, document, selection)))
        .filter(|(_, hunks)| !hunks.is_empty())
        .collect();
    let is_one = concerned.len() == 1;
    let literals = inner.abilities.code_action_literals;
    concerned
        .iter()
        .flat_map(|(kept, hunks)| {
            offers(inner, kept, hunks, is_one, kept.page.as_ref() != Some(uri))
        })
        .map(|offer| offer.action(literals))
        .collect()
}

/// The pending hunks that a selection touches, in the document itself or in the one that shows the proposal.
fn touched(
    inner: &Inner,
    kept: &Kept,
    uri: &Url,
    document: &Document,
    selection: CharRange,
) -> Vec<usize> {
    let mut pending = kept.pending(inner);
    if kept.page.as_ref() == Some(uri) {
        if let Some(hunk) = hunk_of_page(document, selection) {
            pending.retain(|idx| idx + 1 == hunk);
        }
    } else if kept.draft.place.is_open_at(uri) {
        let touches = |idx: &usize| {
            let range = whole_lines(document, kept.draft.proposal.hunks()[*idx].range());
            range.start() <= selection.end() && selection.start() <= range.end()
        };
        pending.retain(touches);
    } else {
        pending.clear();
    }
    pending
}

/// The lines of a range: a cursor anywhere in them is in the hunk.
fn whole_lines(document: &Document, range: CharRange) -> CharRange {
    let text = document.text();
    let start = text.line_to_char(text.char_to_line(range.start().0.min(text.len_chars())));
    CharRange::new(crate::text::CharIdx(start), range.end())
}

/// The hunk that the line of a diff document belongs to, by the last head above it.
fn hunk_of_page(document: &Document, selection: CharRange) -> Option<usize> {
    let text = document.text();
    let line_idx = text.char_to_line(selection.start().0.min(text.len_chars()));
    (0..=line_idx).rev().find_map(|line_idx| {
        let line = text.line(line_idx).to_string();
        line.strip_prefix("@@ ")?.trim_end().rsplit_once("@@ hunk ")?.1.parse().ok()
    })
}

fn offers(
    inner: &Inner,
    kept: &Kept,
    hunks: &[usize],
    is_one: bool,
    with_show: bool,
) -> Vec<Offer> {
    let of = if is_one { String::new() } else { format!(" ({})", kept.draft.title) };
    let offer = |title: String, what, hunk| Offer {
        id: kept.id,
        title: format!("Arawn: {title}{of}"),
        what,
        hunk,
    };
    let mut offers = vec![offer("Apply all".to_owned(), "apply", None)];
    if kept.pending(inner).len() > 1 {
        let one = |idx: &usize| offer(format!("Apply hunk {}", idx + 1), "apply", Some(idx + 1));
        offers.extend(hunks.iter().map(one));
    }
    if with_show {
        offers.push(offer("Show changes".to_owned(), "show", None));
    }
    offers.push(offer("Discard".to_owned(), "discard", None));
    offers
}

/// Lenses above the hunks that can be applied. What was applied and taken back is in the menu alone.
pub(super) fn code_lenses(inner: &Inner, uri: &Url) -> Vec<CodeLens> {
    let Some(document) = inner.documents.get(uri) else { return Vec::new() };
    let mut lenses = Vec::new();
    let of_document = |kept: &&Kept| kept.draft.place.is_open_at(uri);
    for kept in inner.proposals.all().filter(of_document) {
        for (nth, idx) in kept.fresh(inner).into_iter().enumerate() {
            let range = kept.draft.proposal.hunks()[idx].range();
            let at = CharRange::new(range.start(), range.start());
            let at = convert::to_lsp_range(document.text(), at, inner.encoding);
            let mut offers = offers(inner, kept, &[idx], true, true);
            // What concerns all of it stands above its first hunk alone.
            offers.retain(|offer| nth == 0 || offer.hunk.is_some());
            lenses.extend(offers.iter().map(|offer| CodeLens {
                range: at,
                command: Some(offer.command()),
                data: None,
            }));
        }
    }
    lenses
}
