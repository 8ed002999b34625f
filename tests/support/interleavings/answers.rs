//! What a model may answer, and what arawn makes of it.

use std::ops::Range;

use arawn::edits::{self, Place, Side};
use arawn::text::{CharIdx, CharRange, Snapshot};
use fastrand::Rng;

use super::scenario::{Output, Scenario};

/// What goes where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fitted {
    /// The characters of the document that are replaced.
    pub(crate) range: Range<usize>,
    /// What stands there afterwards.
    pub(crate) text: String,
}

/// The edit that the core makes of a scenario's answer, or why it makes none.
pub(crate) fn fit(scenario: &Scenario) -> Result<Fitted, String> {
    let snapshot = Snapshot::of_text(&scenario.document, "plaintext", None);
    let selection =
        CharRange::new(CharIdx(scenario.selection.start), CharIdx(scenario.selection.end));
    let selected = edits::fit_selection(&snapshot.text, selection);
    let range = match scenario.output {
        Output::Before | Output::After => edits::widen_to_lines(&snapshot.text, selected),
        Output::Replace | Output::Continue => selected,
    };
    let place = Place::of(&snapshot, range);
    let (target, answer) = (place.target(), scenario.answer.as_str());
    let at = |idx: CharIdx| idx.0..idx.0;
    let (range, text) = match scenario.output {
        Output::Replace => (range.chars(), edits::replacement(answer, &target)),
        Output::Before => (at(range.start()), edits::insertion(answer, &target, Side::Before)),
        Output::After => (at(range.end()), edits::insertion(answer, &target, Side::After)),
        Output::Continue => (at(range.end()), edits::continuation(answer, &target)),
    };
    text.map(|text| Fitted { range, text }).map_err(|unusable| unusable.to_string())
}

/// An answer about the selected text.
pub(crate) fn answer(rng: &mut Rng, selected: &str) -> String {
    let mut lines: Vec<String> = selected.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        lines.push("    inserted();".to_owned());
    }
    for _ in 0..=rng.u8(..3) {
        rework(rng, &mut lines);
    }
    if rng.u8(..6) == 0 {
        // Models like to begin at the margin.
        for line in &mut lines {
            *line = line.trim_start().to_owned();
        }
    }
    let line_break = if rng.u8(..6) == 0 { "\r\n" } else { "\n" };
    let code = lines.join(line_break);
    match rng.u8(..20) {
        0 => code,
        1 => format!("Here it is:\n\n```rust\n{code}\n```\n\nI hope that helps."),
        2 => format!("~~~~\n{code}\n~~~~\n"),
        3 => format!("<think>hm</think>\n```\n{code}\n```"),
        4 => format!("```rust\n{code}"),
        5 => "I would rather not.".to_owned(),
        6 => String::new(),
        _ => format!("```rust\n{code}\n```\n"),
    }
}

/// One thing a model does to lines.
fn rework(rng: &mut Rng, lines: &mut Vec<String>) {
    let idx = rng.usize(..lines.len().max(1));
    match rng.u8(..12) {
        0..5 => {
            if let Some(line) = lines.get_mut(idx) {
                let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
                *line = format!("{indent}changed{}(🦀, b\u{301});", rng.u8(..4));
            }
        }
        5..8 => {
            let indent: String = lines
                .get(idx)
                .map(|line| line.chars().take_while(|c| c.is_whitespace()).collect())
                .unwrap_or_default();
            lines.insert(idx.min(lines.len()), format!("{indent}added{}();", rng.u8(..4)));
        }
        8 | 9 if lines.len() > 1 => drop(lines.remove(idx)),
        10 => lines.rotate_left(idx),
        _ => {}
    }
    if lines.is_empty() {
        lines.push("only();".to_owned());
    }
}
