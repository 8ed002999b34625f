//! Findings of reviews as diagnostics: published, moved with the text, and cleared when their line is edited.
//!
//! Everything is published by one loop (`publish`), so that what is sent last is what is in force.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ropey::Rope;
use tower_lsp::lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Url};

use crate::review::{self, Review, Severity};
use crate::router::Answer;
use crate::text::{Change, CharIdx, CharRange, Shift, line_end};

use super::answers::{self, by_whom, remarks};
use super::convert;
use super::jobs::JobId;
use super::neutral;
use super::run::{Delivered, Order, Status, show, warn_of_ending};
use super::session::Session;

/// Who speaks in our diagnostics.
const SOURCE: &str = "arawn";

/// The code of our diagnostics.
const CODE: &str = "review";

/// A finding at its line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    /// The line, without its break.
    line: CharRange,
    /// What is marked of it.
    marked: CharRange,
    severity: Severity,
    message: String,
}

impl Note {
    /// Moves with the text, which is as it was before the change. Returns whether the line stays what it is.
    fn follow(&mut self, change: &Change, text: &Rope) -> bool {
        let (start, end) = (self.line.start(), self.line.end());
        let (from, to) = (change.range.start(), change.range.end());
        let is_break = |idx: usize| text.get_char(idx).is_none_or(|c| matches!(c, '\n' | '\r'));
        let new = change.text.as_str();
        let leaves_start = new.ends_with(['\n', '\r'])
            || (new.is_empty() && from.0.checked_sub(1).is_none_or(is_break));
        let leaves_end = new.starts_with(['\n', '\r']) || (new.is_empty() && is_break(to.0));
        let is_above = to < start || (to == start && leaves_start);
        let is_below = from > end || (from == end && leaves_end);
        if !is_above && !is_below {
            return false;
        }
        if is_above {
            let moved = |range: CharRange| {
                let start = change.map(range.start(), Shift::After);
                CharRange::new(start, CharIdx(start.0 + range.len()))
            };
            self.line = moved(self.line);
            self.marked = moved(self.marked);
        }
        true
    }
}

/// The findings that are shown, by document.
#[derive(Debug, Default)]
pub(super) struct Reviews {
    notes: HashMap<Url, Vec<Note>>,
    /// Documents whose diagnostics the client has in an older form.
    due: BTreeSet<Url>,
}

impl Reviews {
    /// Puts the findings of a review in place of those that an earlier one left in the same range.
    fn put(&mut self, uri: &Url, reviewed: CharRange, notes: Vec<Note>) {
        let known = self.notes.entry(uri.clone()).or_default();
        known.retain(|note| {
            note.line.end() < reviewed.start() || reviewed.end() < note.line.start()
        });
        known.extend(notes);
        self.due.insert(uri.clone());
    }

    /// Lets the findings follow a change, and drops those whose line it edits.
    pub(super) fn follow(&mut self, uri: &Url, change: &Change, text: &Rope) {
        let Some(notes) = self.notes.get_mut(uri) else { return };
        let n_before = notes.len();
        notes.retain_mut(|note| note.follow(change, text));
        if notes.len() != n_before {
            self.due.insert(uri.clone());
        }
    }

    /// Drops the findings of a document that was closed, or replaced as a whole.
    pub(super) fn forget(&mut self, uri: &Url) {
        if self.notes.remove(uri).is_some_and(|notes| !notes.is_empty()) {
            self.due.insert(uri.clone());
        }
    }

    /// Whether something is to be published.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }
}

/// Publishes what is due, whenever somebody rings for it.
pub(super) async fn publish(session: Arc<Session>) {
    loop {
        session.findings_due.notified().await;
        let due = session.state.write(|inner| std::mem::take(&mut inner.reviews.due));
        for uri in due {
            let (diagnostics, version) = session.state.read(|inner| {
                let Some(document) = inner.documents.get(&uri) else { return (Vec::new(), None) };
                let notes = inner.reviews.notes.get(&uri).map_or(&[][..], Vec::as_slice);
                let diagnostic = |note: &Note| Diagnostic {
                    range: convert::to_lsp_range(document.text(), note.marked, inner.encoding),
                    severity: Some(severity(note.severity)),
                    code: Some(NumberOrString::String(CODE.to_owned())),
                    source: Some(SOURCE.to_owned()),
                    message: note.message.clone(),
                    ..Diagnostic::default()
                };
                (notes.iter().map(diagnostic).collect(), Some(document.version()))
            });
            session.client.publish_diagnostics(uri, diagnostics, version).await;
        }
    }
}

fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Information => DiagnosticSeverity::INFORMATION,
    }
}

/// Brings a review to the user: findings at their lines, wherever those are now, and all of it to read.
pub(super) async fn deliver(
    session: &Session,
    id: JobId,
    order: &Order,
    review: Review,
    answer: &Answer,
) -> Delivered {
    let text = &order.job.snapshot.text;
    let n_gone = session.state.write(|inner| {
        let Some(running) = inner.jobs.running(id) else { return 0 };
        // The document may have another name by now, or be closed.
        let uri = running.place.uri().clone();
        let Some(document) = inner.documents.get(&uri) else { return review.findings.len() };
        let now = document.text();
        let reviewed = running.region_now(order.job.range, text, now);
        let mut n_gone = 0;
        let mut notes = Vec::new();
        for finding in &review.findings {
            let Some(marked) = finding.range else { continue };
            let line_idx = text.char_to_line(marked.start().0);
            let line =
                CharRange::new(CharIdx(text.line_to_char(line_idx)), line_end(text, line_idx));
            let region = running.region_now(line, text, now);
            if region.touched {
                n_gone += 1;
                continue;
            }
            let start = CharIdx(region.range.start().0 + marked.start().0 - line.start().0);
            notes.push(Note {
                line: region.range,
                marked: CharRange::new(start, CharIdx(start.0 + marked.len())),
                severity: finding.severity,
                message: neutral::one_line(&finding.message),
            });
        }
        inner.reviews.put(&uri, reviewed.range, notes);
        n_gone
    });
    session.findings_due.notify_one();
    let gone = match n_gone {
        0 => None,
        1 => Some("1 finding is about a line that you changed meanwhile".to_owned()),
        _ => Some("some findings are about lines that you changed meanwhile".to_owned()),
    };
    let told: Vec<String> = gone.into_iter().chain(remarks(answer)).collect();
    let remark = (!told.is_empty()).then(|| told.join("; "));
    let action = &order.job.action;
    let body = neutral::markdown(&review.summary);
    let page = answers::page(&action.id, &action.title, remark.as_deref(), &body, &by_whom(answer));
    show(session, order, page).await;
    warn_of_ending(session, order, answer).await;
    Delivered::new(Status::Shown, review::counted(&review.findings), Some(review.summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a note at the second line is after the change of `from..to` into `text`; `None` if it is dropped.
    fn check(from: usize, to: usize, new: &str, expected: Option<&str>) {
        let mut text = Rope::from_str("one\n  two\nthree\n");
        let range = |start, end| CharRange::new(CharIdx(start), CharIdx(end));
        let mut note = Note {
            line: range(4, 9),
            marked: range(6, 9),
            severity: Severity::Error,
            message: String::new(),
        };
        let change = Change { range: range(from, to), text: new.to_owned() };
        let stays = note.follow(&change, &text);
        change.apply(&mut text);
        let marked = stays.then(|| text.slice(note.marked.chars()).to_string());
        assert_eq!(marked.as_deref(), expected, "{from}..{to} {new:?}");
    }

    #[test]
    fn a_finding_moves_with_its_line_and_goes_when_the_line_is_edited() {
        check(0, 0, "x", Some("two"));
        check(0, 4, "", Some("two"));
        check(1, 4, "", None);
        check(9, 15, "", Some("two"));
        check(9, 11, "", None);
        check(4, 4, "new\n", Some("two"));
        check(3, 3, "\nnew", Some("two"));
        check(9, 9, "\n  new", Some("two"));
        check(10, 15, "", Some("two"));
        check(7, 7, "x", None);
        check(4, 4, "\t", None);
        check(9, 9, ";", None);
        check(9, 10, "", None);
    }

    #[test]
    fn a_new_review_replaces_what_the_last_one_left_in_its_range() {
        let uri = Url::parse("untitled:Untitled-1").unwrap();
        let note = |start: usize, message: &str| {
            let line = CharRange::new(CharIdx(start), CharIdx(start + 5));
            Note { line, marked: line, severity: Severity::Error, message: message.to_owned() }
        };
        let range = |start, end| CharRange::new(CharIdx(start), CharIdx(end));
        let mut reviews = Reviews::default();
        reviews.put(&uri, range(0, 100), vec![note(10, "a"), note(50, "b")]);
        reviews.put(&uri, range(40, 60), vec![note(45, "c")]);
        let left: Vec<&str> =
            reviews.notes[&uri].iter().map(|note| note.message.as_str()).collect();
        assert_eq!(left, ["a", "c"]);
        reviews.forget(&uri);
        assert!(reviews.is_due() && reviews.notes.is_empty());
    }
}
