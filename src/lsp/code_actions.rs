//! What is offered in the menu. No model is asked and nothing is read, so the answer is immediate.

use std::cell::OnceCell;
use std::sync::Arc;

use serde_json::json;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionTriggerKind,
    Command, Diagnostic, Range, Url,
};

use crate::actions::{self, Action, Catalog, Output};
use crate::commits;
use crate::model::Task;
use crate::syntax::{self, Parsed};
use crate::text::{CharIdx, CharRange, Encoding, Snapshot, line_end};

use super::commands;
use super::convert;
use super::neutral;

/// How many characters of a diagnostic a title shows.
const IN_TITLE: usize = 60;

/// How many bytes are parsed while a menu is waited for: a few milliseconds.
const QUICKLY_PARSED: usize = 48 * 1024;

/// What a menu is made from.
pub(super) struct Menu<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) uri: &'a Url,
    pub(super) snapshot: &'a Snapshot,
    pub(super) encoding: Encoding,
    /// Whether the client knows code actions that are more than commands.
    pub(super) literals: bool,
}

impl Menu<'_> {
    /// The offers for a range. Quiet: an empty range without a diagnostic gets none unless the client
    /// names our kinds, and what the editor asks by itself gets none without a diagnostic.
    pub(super) fn offers(
        &self,
        range: Range,
        context: &CodeActionContext,
    ) -> Vec<CodeActionOrCommand> {
        let selection = convert::from_lsp_range(&self.snapshot.text, range, self.encoding);
        let under = self.diagnostics_under(selection, &context.diagnostics);
        let is_automatic = context.trigger_kind == Some(CodeActionTriggerKind::AUTOMATIC);
        if is_automatic && under.is_empty() {
            return Vec::new();
        }
        let only = context.only.as_deref();
        let mut offers = self.fixes(selection, &under, only);
        let is_asked_for = only.is_some_and(|only| only.iter().any(is_ours));
        // A commit message begins as an empty text: there is nothing to select.
        if selection.is_empty() && !is_asked_for && commits::is_message(&self.snapshot.language) {
            let mut messages = self.actions(selection, only, false);
            messages.retain(|(action, _)| action.task == Task::Commit);
            offers.extend(messages.into_iter().map(|(_, offer)| offer));
        }
        if !selection.is_empty() || is_asked_for {
            let with_fix = under.is_empty();
            let actions = self.actions(selection, only, with_fix);
            offers.extend(actions.into_iter().map(|(_, offer)| offer));
        }
        offers
    }

    fn diagnostics_under<'d>(
        &self,
        selection: CharRange,
        diagnostics: &'d [Diagnostic],
    ) -> Vec<&'d Diagnostic> {
        let touches = |diagnostic: &&Diagnostic| {
            let at = convert::from_lsp_range(&self.snapshot.text, diagnostic.range, self.encoding);
            at.start() <= selection.end() && selection.start() <= at.end()
        };
        diagnostics.iter().filter(touches).collect()
    }

    fn fixes(
        &self,
        selection: CharRange,
        diagnostics: &[&Diagnostic],
        only: Option<&[CodeActionKind]>,
    ) -> Vec<CodeActionOrCommand> {
        let fix = self.catalog.find("fix").filter(|action| self.fits(action));
        let Some(fix) = fix.filter(|_| is_wanted(&CodeActionKind::QUICKFIX, only)) else {
            return Vec::new();
        };
        let offer = |diagnostic: &&Diagnostic| {
            let message = neutral::one_line(&diagnostic.message);
            let title = format!("Arawn: Fix: {}", neutral::shortened(&message, IN_TITLE));
            let region = if selection.is_empty() {
                let at =
                    convert::from_lsp_range(&self.snapshot.text, diagnostic.range, self.encoding);
                self.whole_lines(at)
            } else {
                selection
            };
            self.offer(fix, title, CodeActionKind::QUICKFIX, region, &[(*diagnostic).clone()])
        };
        diagnostics.iter().map(offer).collect()
    }

    fn actions(
        &self,
        selection: CharRange,
        only: Option<&[CodeActionKind]>,
        with_fix: bool,
    ) -> Vec<(&Action, CodeActionOrCommand)> {
        let mut offers = Vec::new();
        let around = OnceCell::new();
        for action in self.catalog.actions.iter().filter(|action| self.fits(action)) {
            let kind = CodeActionKind::from(action.kind.clone());
            let region = self.region(action, selection, &around);
            let is_fix = action.id == "fix" && !with_fix;
            if is_fix || !is_wanted(&kind, only) || !self.has_instruction(action, region) {
                continue;
            }
            let title = format!("Arawn: {}", action.title);
            offers.push((action.as_ref(), self.offer(action, title, kind, region, &[])));
        }
        offers
    }

    /// A menu cannot ask for an instruction, so what needs one is offered only where the text holds it.
    fn has_instruction(&self, action: &Action, region: CharRange) -> bool {
        !action.needs_input
            || (action.output == Output::Replace
                && actions::instruction_comment(self.snapshot, region).is_some())
    }

    fn fits(&self, action: &Arc<Action>) -> bool {
        action.languages.is_empty()
            || action.languages.iter().any(|language| **language == *self.snapshot.language)
    }

    /// Without a selection, questions about code are about what the cursor is in, changes about its line, and
    /// what goes on from the cursor begins there.
    fn region(
        &self,
        action: &Action,
        selection: CharRange,
        around: &OnceCell<CharRange>,
    ) -> CharRange {
        match action.task {
            _ if !selection.is_empty() => selection,
            Task::Complete => selection,
            Task::Explain | Task::Document | Task::Test | Task::Review => {
                *around.get_or_init(|| self.around(selection))
            }
            _ => self.whole_lines(selection),
        }
    }

    /// The declaration that a cursor is in; where none is known, the lines around it without a blank one.
    fn around(&self, cursor: CharRange) -> CharRange {
        let text = &self.snapshot.text;
        let is_quick = text.len_bytes() <= QUICKLY_PARSED;
        let parsed = is_quick.then(|| Parsed::of(text, &self.snapshot.language)).flatten();
        let symbol = parsed.and_then(|parsed| syntax::symbol_at(&parsed, cursor.start()));
        if let Some(symbol) = symbol {
            return self.whole_lines(symbol.range);
        }
        let is_blank = |line_idx: usize| text.line(line_idx).chars().all(char::is_whitespace);
        let at = text.char_to_line(cursor.start().0.min(text.len_chars()));
        if is_blank(at) {
            return self.whole_lines(cursor);
        }
        let first = (0..at).rev().take_while(|idx| !is_blank(*idx)).last().unwrap_or(at);
        let last = (at..text.len_lines()).take_while(|idx| !is_blank(*idx)).last().unwrap_or(at);
        CharRange::new(CharIdx(text.line_to_char(first)), line_end(text, last))
    }

    fn whole_lines(&self, range: CharRange) -> CharRange {
        let text = &self.snapshot.text;
        let end = range.end().0.min(text.len_chars());
        let start_line = text.char_to_line(range.start().0.min(end));
        let end_line = text.char_to_line(end);
        CharRange::new(CharIdx(text.line_to_char(start_line)), line_end(text, end_line))
    }

    fn offer(
        &self,
        action: &Action,
        title: String,
        kind: CodeActionKind,
        region: CharRange,
        diagnostics: &[Diagnostic],
    ) -> CodeActionOrCommand {
        let range = convert::to_lsp_range(&self.snapshot.text, region, self.encoding);
        let mut argument = json!({
            "action": action.id,
            "textDocument": { "uri": self.uri, "version": self.snapshot.version },
            "range": range,
        });
        if !diagnostics.is_empty() {
            argument["diagnostics"] = json!(diagnostics);
        }
        let command = Command {
            title: title.clone(),
            command: commands::RUN.to_owned(),
            arguments: Some(vec![argument]),
        };
        if !self.literals {
            return CodeActionOrCommand::Command(command);
        }
        CodeActionOrCommand::CodeAction(CodeAction {
            title,
            kind: Some(kind),
            diagnostics: (!diagnostics.is_empty()).then(|| diagnostics.to_vec()),
            command: Some(command),
            ..CodeAction::default()
        })
    }
}

/// Whether a kind that the client names can only mean us.
fn is_ours(kind: &CodeActionKind) -> bool {
    let is_under = |above: &str| is_same_or_under(kind.as_str(), above);
    is_under(convert::REWRITE_KIND) || is_under(convert::ANSWER_KIND)
}

/// Whether a kind is among those the client asks for.
pub(super) fn is_wanted(kind: &CodeActionKind, only: Option<&[CodeActionKind]>) -> bool {
    only.is_none_or(|only| only.iter().any(|above| is_same_or_under(kind.as_str(), above.as_str())))
}

/// Kinds are paths: `refactor` is above `refactor.rewrite`, and not above `refactoring`.
fn is_same_or_under(kind: &str, above: &str) -> bool {
    above.is_empty()
        || kind.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
