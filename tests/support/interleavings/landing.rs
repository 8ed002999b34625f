//! One edit of arawn's in the document, and whether it is right.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::buffer::{Buffer, Cell, Origin, text_of};
use super::editor::{bounds_of, core_of};
use super::scenario::{Client, normal};

/// An edit that a client took.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    /// The text before.
    pub(crate) before: Buffer,
    /// What it replaced, ascending, in that text.
    pub(crate) edits: Vec<(Range<usize>, String)>,
    /// The text afterwards.
    pub(crate) after: String,
    /// Whether the client applied it to the text that it was made for.
    pub(crate) is_in_sync: bool,
    /// Whether the whole text was as it had been when the job began, whatever happened between.
    pub(crate) is_as_it_was: bool,
    /// The region, in characters of the document at the start.
    region: Range<usize>,
    /// What is wrong with the edit as such.
    problem: Option<String>,
}

impl Landing {
    pub(crate) fn of(
        buffer: &Buffer,
        edits: &[Value],
        client: &Client,
        planned_on: Option<&str>,
        region: &Range<usize>,
    ) -> Self {
        let is_in_sync = planned_on.is_some_and(|text| text == buffer.text());
        let mut problem = None;
        let mut index = |position: &Value| match buffer.index(position, client.units) {
            Ok(idx) if buffer.is_boundary(idx) => idx,
            Ok(idx) => {
                problem.get_or_insert_with(|| format!("{position} cuts a CRLF"));
                idx
            }
            Err(error) => {
                problem.get_or_insert(error);
                buffer.nearest(position, client.units)
            }
        };
        let mut parts: Vec<(Range<usize>, String)> = edits
            .iter()
            .map(|edit| {
                let (start, end) = (index(&edit["range"]["start"]), index(&edit["range"]["end"]));
                let text = edit["newText"].as_str().unwrap_or_default();
                let text = client.line_break.map_or(text.to_owned(), |it| normal(text, it));
                (start.min(end)..start.max(end), text)
            })
            .collect();
        parts.sort_by_key(|(range, _)| (range.start, range.end));
        if parts.windows(2).any(|pair| pair[0].0.end > pair[1].0.start) {
            problem.get_or_insert_with(|| "parts overlap".to_owned());
            parts.truncate(1);
        }
        Self {
            before: buffer.clone(),
            edits: parts,
            is_as_it_was: false,
            after: String::new(),
            is_in_sync,
            region: region.clone(),
            problem,
        }
    }

    /// Whether the text was as it had been, and the region got what was answered.
    fn is_in_the_old_place(&self, answer: &str) -> bool {
        let cells = &self.before.cells;
        self.is_as_it_was
            && text_of(&cells[..self.region.start]) + answer + &text_of(&cells[self.region.end..])
                == self.after
    }

    /// Whether something was inserted into another text of the same name where all before it, or all behind it, is
    /// as it was in the text that it was made for.
    pub(crate) fn is_in_its_old_place_of_another_text(&self, document: &str, answer: &str) -> bool {
        let [(place, text)] = self.edits.as_slice() else { return false };
        let document: Vec<char> = document.chars().collect();
        let cells = &self.before.cells;
        self.region.is_empty()
            && place.is_empty()
            && text == answer
            && (text_of(&cells[..place.start])
                .chars()
                .eq(document[..self.region.start].iter().copied())
                || text_of(&cells[place.end..])
                    .chars()
                    .eq(document[self.region.end..].iter().copied()))
    }

    /// Whether something was inserted between line breaks, next to where it belongs: nobody can tell one from the
    /// other.
    fn is_between_equal_breaks(&self, original: &str, answer: &str) -> bool {
        let [(place, text)] = self.edits.as_slice() else { return false };
        let bounds = bounds_of(&self.before.cells, &self.region);
        let between = place.start.min(bounds.start)..place.end.max(bounds.end);
        let is_break = |cell: &Cell| matches!(cell.c, '\n' | '\r');
        original.is_empty()
            && place.is_empty()
            && text == answer
            && self.before.cells[between].iter().all(is_break)
    }

    /// Whether the region was as the job had it.
    pub(crate) fn is_untouched(&self, original: &str) -> bool {
        let core = core_of(&self.before.cells, &self.region);
        !original.is_empty() && text_of(&self.before.cells[core]) == original
    }

    /// Whether nothing outside the region changed, and everything the user typed is still there.
    pub(crate) fn check(
        &self,
        original: &str,
        answer: &str,
        is_ambiguous: bool,
    ) -> Result<(), String> {
        // In another text the client does with a position that is not there what it likes.
        if let Some(problem) = self.problem.as_ref().filter(|_| self.is_in_sync) {
            return Err(problem.clone());
        }
        let strict = self.check_in_place(original, answer);
        if strict.is_ok() {
            return strict;
        }
        // Equal texts side by side can be taken for each other.
        let before = self.before.text();
        let elsewhere = before.match_indices(original).any(|(at, _)| {
            let rest = &before[at + original.len()..];
            self.after.strip_prefix(&before[..at]).and_then(|it| it.strip_suffix(rest))
                == Some(answer)
        });
        if (elsewhere && !original.is_empty())
            || self.is_in_the_old_place(answer)
            || self.is_as_answered(answer)
            || self.is_between_equal_breaks(original, answer)
        {
            return Ok(());
        }
        if !is_ambiguous {
            return strict;
        }
        keeps_lines(&before, original, answer, &self.after)
            .map_err(|error| format!("{error}, and by place: {strict:?}"))
    }

    /// Whether an edit that landed in another text has made the region what it should be, and wrote over nothing
    /// that the user typed.
    fn is_as_answered(&self, answer: &str) -> bool {
        let bounds = bounds_of(&self.before.cells, &self.region);
        let [head, middle, tail] = [0..bounds.start, bounds.clone(), bounds.end..self.before.len()]
            .map(|range| &self.before.cells[range]);
        let is_typed = |cell: &Cell| cell.origin == Origin::User && !cell.c.is_whitespace();
        !self.is_in_sync
            && !middle.iter().any(is_typed)
            && normal(&self.after, "\n") == normal(&(text_of(head) + answer + &text_of(tail)), "\n")
    }

    /// Whether the user had done, in the region, exactly what the edit was to do, and the client took it after that.
    pub(crate) fn is_done_already(&self, answer: &str) -> bool {
        let bounds = bounds_of(&self.before.cells, &self.region);
        !self.is_in_sync && text_of(&self.before.cells[bounds]).trim() == answer.trim()
    }

    fn check_in_place(&self, original: &str, answer: &str) -> Result<(), String> {
        let bounds = bounds_of(&self.before.cells, &self.region);
        let [head, middle, tail] = [0..bounds.start, bounds.clone(), bounds.end..self.before.len()]
            .map(|range| &self.before.cells[range]);
        let inside = self.after.strip_prefix(&text_of(head));
        let Some(after) = inside.and_then(|it| it.strip_suffix(&text_of(tail))) else {
            return Err(format!("{:?} goes beyond the region, {bounds:?}", self.edits));
        };
        let core = core_of(&self.before.cells, &self.region);
        let core = core.start - bounds.start..core.end - bounds.start;
        if self.is_untouched(original) {
            let expected = text_of(&middle[..core.start]) + answer + &text_of(&middle[core.end..]);
            // Where line breaks are mixed, a line may keep its own.
            let is_mixed =
                original.contains("\r\n") && original.replace("\r\n", "").contains(['\r', '\n']);
            let is_alike = || is_mixed && normal(after, "\n") == normal(&expected, "\n");
            return (after == expected || is_alike())
                .then_some(())
                .ok_or_else(|| format!("the region is {after:?}, should be {expected:?}"));
        }
        if original.is_empty() {
            let typed = text_of(middle);
            return is_inserted(after, answer, &typed)
                .then_some(())
                .ok_or_else(|| format!("{typed:?} and {answer:?} became {after:?}"));
        }
        let merged = check_merge(middle, core, original, answer, after);
        if merged.is_err() && original.trim().is_empty() {
            // Nothing but blanks was there, and of those nobody minds which are left.
            let [after, answer, typed] = [after, answer, &text_of(middle)].map(without_blanks);
            return if is_inserted(&after, &answer, &typed) { Ok(()) } else { merged };
        }
        merged
    }
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Whether a text is what the user typed with the answer in one place of it. Where the user typed the beginning of
/// the answer in that place, it is there once.
fn is_inserted(after: &str, answer: &str, typed: &str) -> bool {
    after.match_indices(answer).any(|(at, _)| {
        let (head, tail) = (&after[..at], &after[at + answer.len()..]);
        let rest = typed.strip_prefix(head).and_then(|it| it.strip_suffix(tail));
        rest.is_some_and(|typed_through| answer.starts_with(typed_through))
    })
}

/// Whether a merge lost something. What was typed at the ends may count as inside or outside.
fn check_merge(
    middle: &[Cell],
    core: Range<usize>,
    original: &str,
    answer: &str,
    after: &str,
) -> Result<(), String> {
    let mut error = Err(String::new());
    let is_typed = |cell: &Cell| cell.origin != Origin::Arawn;
    for start in (0..=core.start).rev() {
        for end in core.end..=middle.len() {
            let (head, tail) = (text_of(&middle[..start]), text_of(&middle[end..]));
            let Some(rest) =
                after.strip_prefix(head.as_str()).and_then(|it| it.strip_suffix(tail.as_str()))
            else {
                continue;
            };
            let present = text_of(&middle[start..end]);
            if present == original && rest == answer {
                return Ok(());
            }
            error = keeps_lines(&present, original, answer, rest);
            if error.is_ok() {
                return Ok(());
            }
        }
    }
    let typed = text_of(&middle.iter().copied().filter(is_typed).collect::<Vec<_>>());
    error.map_err(|error| format!("{error}; user {typed:?}, answer {answer:?}, became {after:?}"))
}

fn counts<'a>(lines: &[&'a str]) -> HashMap<&'a str, isize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(*line).or_default() += 1;
    }
    counts
}

fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Blanks at line ends count for nothing: an editor that trims on save has typed nothing.
        lines.extend(line.split('\r').map(str::trim_end));
    }
    lines
}

/// Whether each line is there as often as a merge of both sides may have it, and what only the user has is there
/// in the user's order.
fn keeps_lines(present: &str, original: &str, answer: &str, after: &str) -> Result<(), String> {
    let (present, original) = (lines(present), lines(original));
    let (answer, after) = (lines(answer), lines(after));
    let [n_present, n_original, n_answer, n_after] =
        [&present, &original, &answer, &after].map(|lines| counts(lines));
    let n = |counts: &HashMap<&str, isize>, line: &str| counts.get(line).copied().unwrap_or(0);
    for line in n_present.keys().chain(n_after.keys()) {
        let added = n(&n_answer, line) - n(&n_original, line);
        let most = n(&n_present, line) + added.max(0);
        let least = n(&n_present, line) + added.min(0);
        let there = n(&n_after, line);
        if there < least || there > most {
            return Err(format!("{line:?} is there {there} times, not {least} to {most}"));
        }
    }
    let mut rest = after.iter();
    for line in present.iter().filter(|line| !n_original.contains_key(*line)) {
        if !rest.any(|it| it == line) {
            return Err(format!("the user's {line:?} is lost or moved"));
        }
    }
    Ok(())
}
