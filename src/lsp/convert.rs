//! Translates between LSP wire types and the editor-neutral types of the core, both ways.

use std::collections::HashMap;
use std::path::PathBuf;

use ropey::Rope;
use tower_lsp::lsp_types::{
    AnnotatedTextEdit, ChangeAnnotation, Diagnostic, DiagnosticSeverity, DocumentChanges,
    NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range,
    TextDocumentContentChangeEvent, TextDocumentEdit, TextEdit, Url, WorkspaceEdit,
};

use crate::assistant::Complaint;
use crate::text::{
    self, Change, CharIdx, CharRange, Encoding, Snapshot, from_position, to_position,
};
use crate::tools::Finding;

/// The kind above those of all editing actions.
pub(super) const REWRITE_KIND: &str = "refactor.rewrite.arawn";

/// The kind above those of all answering actions.
pub(super) const ANSWER_KIND: &str = "arawn";

/// The index a position names; outside the text it is the nearest that exists.
pub(super) fn from_lsp_position(text: &Rope, position: Position, encoding: Encoding) -> CharIdx {
    from_position(
        text,
        text::Position { line: position.line, column: position.character },
        encoding,
    )
}

/// The characters a range names.
pub(super) fn from_lsp_range(text: &Rope, range: Range, encoding: Encoding) -> CharRange {
    CharRange::new(
        from_lsp_position(text, range.start, encoding),
        from_lsp_position(text, range.end, encoding),
    )
}

/// Why a range names no part of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRange {
    /// A line that is not there.
    #[error("the range lies outside the document, which has {n_lines} lines")]
    Outside {
        /// Number of lines there are.
        n_lines: usize,
    },
    /// The end lies before the start.
    #[error("the range ends before it starts")]
    Reversed,
}

/// The characters a range names, if it lies in the document.
///
/// A column past its line's end is the line's end, as the protocol says; so is the start of the line after the
/// last, by which some clients mean the end of the document.
pub(super) fn from_lsp_range_checked(
    text: &Rope,
    range: Range,
    encoding: Encoding,
) -> Result<CharRange, BadRange> {
    let n_lines = text.len_lines();
    let is_there = |position: Position| {
        let line_idx = position.line as usize;
        line_idx < n_lines || (line_idx == n_lines && position.character == 0)
    };
    if range.end < range.start {
        return Err(BadRange::Reversed);
    }
    if !is_there(range.start) || !is_there(range.end) {
        return Err(BadRange::Outside { n_lines });
    }
    Ok(from_lsp_range(text, range, encoding))
}

/// The position of an index.
pub(super) fn to_lsp_position(text: &Rope, idx: CharIdx, encoding: Encoding) -> Position {
    let position = to_position(text, idx, encoding);
    Position::new(position.line, position.column)
}

/// The range of some characters.
pub(super) fn to_lsp_range(text: &Rope, range: CharRange, encoding: Encoding) -> Range {
    Range::new(
        to_lsp_position(text, range.start(), encoding),
        to_lsp_position(text, range.end(), encoding),
    )
}

/// The changes of one content change event, in the order in which they are to be applied.
///
/// Only what differs counts as changed, in an event without a range, which replaces the whole text, and in one
/// that replaces more than it changes, as formatters do: so the regions of running jobs stay where they are.
pub(super) fn from_lsp_content_change(
    text: &Rope,
    event: TextDocumentContentChangeEvent,
    encoding: Encoding,
) -> Vec<Change> {
    match event.range {
        Some(range) => {
            let range = from_lsp_range(text, range, encoding);
            if range.is_empty() || event.text.is_empty() {
                return vec![Change { range, text: event.text }];
            }
            let old = text.slice(range.chars()).to_string();
            let mut changes = text::changes_between(&old, &event.text, range.start());
            changes.reverse();
            changes
        }
        None => text::whole_text_changes(text, &event.text),
    }
}

/// An event as one change: what the client told, or of a whole text, what differs from the first to the last
/// difference. `changes` are those of [`from_lsp_content_change`].
pub(super) fn from_lsp_event(
    text: &Rope,
    event: &TextDocumentContentChangeEvent,
    changes: &[Change],
    encoding: Encoding,
) -> Option<Change> {
    if let Some(range) = event.range {
        let range = from_lsp_range(text, range, encoding);
        return Some(Change { range, text: event.text.clone() });
    }
    let (start, end) = (changes.last()?.range.start(), changes.first()?.range.end());
    let mut new = text.clone();
    for change in changes {
        change.apply(&mut new);
    }
    let n_behind = text.len_chars() - end.0;
    let new = new.slice(start.0..new.len_chars() - n_behind).to_string();
    Some(Change { range: CharRange::new(start, end), text: new })
}

/// A diagnostic as the core knows it.
pub(super) fn from_lsp_diagnostic(
    text: &Rope,
    diagnostic: &Diagnostic,
    encoding: Encoding,
) -> Complaint {
    let code = diagnostic.code.as_ref().map(|code| match code {
        NumberOrString::Number(number) => number.to_string(),
        NumberOrString::String(code) => code.clone(),
    });
    let source: Vec<String> = diagnostic.source.iter().cloned().chain(code).collect();
    Complaint {
        range: from_lsp_range(text, diagnostic.range, encoding),
        message: diagnostic.message.clone(),
        source: (!source.is_empty()).then(|| source.join(" ")),
        severity: severity(diagnostic.severity),
    }
}

/// Diagnostics of a document as tools show them; none of a document that is no file.
pub(super) fn from_lsp_diagnostics(uri: &Url, diagnostics: &[Diagnostic]) -> Vec<Finding> {
    let Some(path) = path_of(uri) else { return Vec::new() };
    let finding = |diagnostic: &Diagnostic| Finding {
        path: path.clone(),
        line: diagnostic.range.start.line as usize + 1,
        severity: severity(diagnostic.severity).to_owned(),
        message: diagnostic.message.clone(),
        source: diagnostic.source.clone(),
    };
    diagnostics.iter().map(finding).collect()
}

fn severity(severity: Option<DiagnosticSeverity>) -> &'static str {
    match severity {
        Some(DiagnosticSeverity::WARNING) => "warning",
        Some(DiagnosticSeverity::INFORMATION) => "information",
        Some(DiagnosticSeverity::HINT) => "hint",
        // The protocol leaves a missing severity to the client, and clients take it for an error.
        _ => "error",
    }
}

/// A change as an edit. No client can address the middle of a CRLF: where a change begins or ends there, the
/// other half is replaced by itself.
fn to_lsp_text_edit(text: &Rope, change: &Change, encoding: Encoding) -> TextEdit {
    let cuts = |idx: CharIdx| {
        let before = idx.0.checked_sub(1).and_then(|before| text.get_char(before));
        before == Some('\r') && text.get_char(idx.0) == Some('\n')
    };
    let (mut start, mut end) = (change.range.start(), change.range.end());
    let mut new_text = change.text.clone();
    if cuts(start) {
        start = CharIdx(start.0 - 1);
        new_text.insert(0, '\r');
    }
    if cuts(end) {
        end = CharIdx(end.0 + 1);
        new_text.push('\n');
    }
    TextEdit { range: to_lsp_range(text, CharRange::new(start, end), encoding), new_text }
}

/// Changes of one text as a workspace edit: bound to a version where the client can check it.
pub(super) fn to_lsp_workspace_edit(
    uri: &Url,
    version: Option<i32>,
    text: &Rope,
    changes: &[Change],
    encoding: Encoding,
) -> WorkspaceEdit {
    let edits = changes.iter().map(|change| to_lsp_text_edit(text, change, encoding));
    if version.is_none() {
        let changes = HashMap::from([(uri.clone(), edits.collect())]);
        return WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
    }
    let document = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri: uri.clone(), version },
        edits: edits.map(OneOf::Left).collect(),
    };
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(vec![document])),
        ..WorkspaceEdit::default()
    }
}

/// Numbered groups of changes as a workspace edit of which the user confirms each group.
pub(super) fn to_lsp_confirmed_edit(
    uri: &Url,
    snapshot: &Snapshot,
    label: impl Fn(usize) -> (String, String),
    groups: &[(usize, Vec<Change>)],
    encoding: Encoding,
) -> WorkspaceEdit {
    let mut edits = Vec::new();
    let mut annotations = HashMap::new();
    for (number, changes) in groups {
        let annotation_id = format!("hunk-{number}");
        let (label, description) = label(*number);
        annotations.insert(
            annotation_id.clone(),
            ChangeAnnotation {
                label,
                needs_confirmation: Some(true),
                description: Some(description),
            },
        );
        edits.extend(changes.iter().map(|change| {
            OneOf::Right(AnnotatedTextEdit {
                text_edit: to_lsp_text_edit(&snapshot.text, change, encoding),
                annotation_id: annotation_id.clone(),
            })
        }));
    }
    let version = Some(snapshot.version);
    let text_document = OptionalVersionedTextDocumentIdentifier { uri: uri.clone(), version };
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(vec![TextDocumentEdit {
            text_document,
            edits,
        }])),
        change_annotations: Some(annotations),
        ..WorkspaceEdit::default()
    }
}

/// The file a URI names, if it names one.
pub(super) fn path_of(uri: &Url) -> Option<PathBuf> {
    (uri.scheme() == "file").then(|| uri.to_file_path().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: (u32, u32), end: (u32, u32)) -> Range {
        Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1))
    }

    #[test]
    fn ranges_outside_are_refused_but_the_line_after_the_last_is_the_end() {
        let text = Rope::from_str("one\ntwo");
        let checked = |range| from_lsp_range_checked(&text, range, Encoding::Utf16);
        assert_eq!(checked(range((0, 0), (2, 0))).unwrap().len(), 7);
        assert_eq!(checked(range((1, 1), (1, 99))).unwrap().len(), 2);
        assert_eq!(checked(range((0, 0), (2, 1))), Err(BadRange::Outside { n_lines: 2 }));
        assert_eq!(checked(range((7, 0), (9, 0))), Err(BadRange::Outside { n_lines: 2 }));
        assert_eq!(checked(range((1, 0), (0, 1))), Err(BadRange::Reversed));
    }

    #[test]
    fn an_edit_in_the_middle_of_a_crlf_replaces_the_other_half_by_itself() {
        let text = Rope::from_str("a\r\nb");
        let at = CharRange::new(CharIdx(2), CharIdx(2));
        let change = Change { range: at, text: "x".to_owned() };
        let edit = to_lsp_text_edit(&text, &change, Encoding::Utf16);
        assert_eq!(edit, TextEdit { range: range((0, 1), (1, 0)), new_text: "\rx\n".to_owned() });
    }

    #[test]
    fn a_diagnostic_keeps_source_and_code() {
        let text = Rope::from_str("let x = 1;\n");
        let diagnostic = Diagnostic {
            range: range((0, 4), (0, 5)),
            code: Some(NumberOrString::String("E0308".to_owned())),
            source: Some("rustc".to_owned()),
            message: "mismatched types".to_owned(),
            ..Diagnostic::default()
        };
        let complaint = from_lsp_diagnostic(&text, &diagnostic, Encoding::Utf8);
        assert_eq!(complaint.source.as_deref(), Some("rustc E0308"));
        assert_eq!(complaint.severity, "error");
        assert_eq!(complaint.range, CharRange::new(CharIdx(4), CharIdx(5)));
    }
}
