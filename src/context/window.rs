//! The lines around a selection, nearest first, as many as fit.

use ropey::{Rope, RopeSlice};

use crate::model::estimated_tokens;
use crate::text::{CharIdx, CharRange, Snapshot, without_invisible};

/// A line longer than this is clipped: minified code says little and costs much.
const LONGEST_LINE: usize = 300;

/// From so many lines above the selection on, a few less do no harm.
const MANY: usize = 32;

/// What stands around a selection, with line feeds whatever the document has, for the model to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Up to the selection's start.
    pub before: String,
    /// From the selection's end.
    pub after: String,
    /// Where in the document the first line shown begins.
    pub starts_at: CharIdx,
    /// Whether every line of the document is shown.
    pub is_whole: bool,
}

/// The lines around a range within a budget of tokens.
///
/// Whole lines from the nearest outward, two above for one below, until the next one does not fit. Long lines
/// are clipped with `…`, invisible characters left out. Where many lines are shown above, the first one is on a
/// round number.
pub fn surroundings(snapshot: &Snapshot, range: CharRange, n_tokens: usize) -> Surroundings {
    let text = &snapshot.text;
    let mut purse = Purse { n_tokens };
    let start = range.start().0.min(text.len_chars());
    let end = range.end().0.min(text.len_chars());
    let (first_line, last_line) = (text.char_to_line(start), text.char_to_line(end));
    let lead = text.slice(text.line_to_char(first_line)..start);
    let lead = purse.pay(clipped_before(lead)).unwrap_or_default();
    let ends_at_line_start = text.line_to_char(last_line) == end && start < end;
    let next_line = if ends_at_line_start { last_line } else { last_line + 1 };
    let tail = text.slice(end..text.line_to_char(next_line.min(text.len_lines())).max(end));
    let tail = purse.pay(clipped(tail)).unwrap_or_default();

    let mut above = (0..first_line).rev();
    let mut below = next_line..text.len_lines();
    let (mut before, mut after) = (vec![lead], vec![tail]);
    let (mut goes_up, mut goes_down) = (true, true);
    while goes_up || goes_down {
        goes_up = goes_up && take_line(text, above.next(), &mut purse, &mut before);
        goes_down = goes_down && take_line(text, below.next(), &mut purse, &mut after);
        // What stands above says more, and stays in a server's cache while the selection moves on.
        goes_up = goes_up && take_line(text, above.next(), &mut purse, &mut before);
    }
    // The pieces beside the selection are on its own lines.
    let first_shown = round(first_line, before.len() - 1);
    for far in before.drain(first_line - first_shown + 1..) {
        purse.n_tokens += estimated_tokens(far.len());
        goes_down = true;
    }
    while goes_down {
        goes_down = take_line(text, below.next(), &mut purse, &mut after);
    }
    before.reverse();
    Surroundings {
        before: before.concat(),
        after: after.concat(),
        starts_at: CharIdx(text.line_to_char(first_shown)),
        is_whole: first_shown == 0 && next_line + after.len() > text.len_lines(),
    }
}

/// The first line to show, if so many lines above another would fit.
///
/// On a round number, so that what is sent begins alike when the next selection is a few lines further on: a server
/// that has read it once need not read it again.
pub(super) fn round(first_line: usize, n_above: usize) -> usize {
    let first_shown = first_line - n_above;
    if first_shown == 0 || n_above < MANY {
        return first_shown;
    }
    let step = (n_above / 4 + 1).next_power_of_two();
    first_shown.next_multiple_of(step)
}

/// What may still be spent.
struct Purse {
    n_tokens: usize,
}

impl Purse {
    fn pay(&mut self, line: String) -> Option<String> {
        self.n_tokens = self.n_tokens.checked_sub(estimated_tokens(line.len()))?;
        Some(line)
    }
}

fn take_line(
    text: &Rope,
    line_idx: Option<usize>,
    purse: &mut Purse,
    lines: &mut Vec<String>,
) -> bool {
    let Some(line) = line_idx.and_then(|idx| purse.pay(clipped(text.line(idx)))) else {
        return false;
    };
    lines.push(line);
    true
}

/// A line, or its end, without what is too long.
fn clipped(line: RopeSlice<'_>) -> String {
    let shown: String =
        line.chars().take(LONGEST_LINE).filter(|c| !matches!(c, '\r' | '\n')).collect();
    let mut shown = without_invisible(&shown);
    if line.len_chars() > LONGEST_LINE + 2 {
        shown.push('…');
    }
    if line.len_chars() > 0 && matches!(line.char(line.len_chars() - 1), '\r' | '\n') {
        shown.push('\n');
    }
    shown
}

/// The start of a line up to the selection, without what is too far from it.
fn clipped_before(lead: RopeSlice<'_>) -> String {
    let n_skipped = lead.len_chars().saturating_sub(LONGEST_LINE);
    let shown = without_invisible(&lead.slice(n_skipped..).to_string());
    if n_skipped > 0 { format!("…{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CharIdx;

    fn check_surroundings(marked: &str, n_tokens: usize, before: &str, after: &str) {
        let parts: Vec<&str> = marked.split("$0").collect();
        let snapshot = Snapshot::of_text(&parts.concat(), "x", None);
        let start = parts[0].chars().count();
        let end = start + parts[1].chars().count();
        let range = CharRange::new(CharIdx(start), CharIdx(end));
        let found = surroundings(&snapshot, range, n_tokens);
        assert_eq!((found.before.as_str(), found.after.as_str()), (before, after), "{marked:?}");
        let n_lines_before = before.split_inclusive('\n').count();
        let is_at = snapshot.text.slice(found.starts_at.0..start).to_string();
        assert!(is_at.split_inclusive('\n').count() <= n_lines_before.max(1), "{marked:?}");
    }

    #[test]
    fn everything_is_shown_when_it_fits() {
        check_surroundings("a\nb\n$0c\n$0d\ne", 100, "a\nb\n", "d\ne");
        check_surroundings("a\r\nb $0c$0 d\r\ne\r\n", 100, "a\nb ", " d\ne\n");
        check_surroundings("$0$0", 100, "", "");
        check_surroundings("a\n$0$0\nb", 100, "a\n", "\nb");
    }

    #[test]
    fn the_nearest_lines_come_first() {
        let far = "x".repeat(40);
        check_surroundings(&format!("{far}\na\n$0c\n$0d\n{far}\n"), 4, "a\n", "d\n");
        check_surroundings(&format!("1\n2\n3\n4\n$0c\n$0{far}\n"), 3, "2\n3\n4\n", "");
    }

    #[test]
    fn the_first_line_shown_stays_while_the_selection_moves_a_little() {
        let text = (0..600).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
        let snapshot = Snapshot::of_text(&text, "x", None);
        let starts = |line: usize| {
            let at = CharIdx(snapshot.text.line_to_char(line));
            surroundings(&snapshot, CharRange::new(at, at), 500).starts_at
        };
        let mut seen: Vec<CharIdx> = (300..340).map(starts).collect();
        seen.dedup();
        assert!((2..=4).contains(&seen.len()), "{seen:?}");
    }

    #[test]
    fn it_is_known_whether_all_lines_are_shown() {
        let snapshot = Snapshot::of_text("a\nb\nc\nd\n", "x", None);
        let whole = |n_tokens, start, end| {
            let range = CharRange::new(CharIdx(start), CharIdx(end));
            surroundings(&snapshot, range, n_tokens).is_whole
        };
        assert!(whole(100, 2, 4) && whole(100, 0, 8) && whole(100, 3, 3));
        assert!(!whole(1, 2, 4) && !whole(2, 4, 6));
    }

    #[test]
    fn nothing_is_shown_without_a_budget() {
        check_surroundings("a\n$0b\n$0c\n", 0, "", "");
    }

    #[test]
    fn long_lines_are_clipped_at_their_far_side() {
        let long = "y".repeat(1000);
        let shown = "y".repeat(LONGEST_LINE);
        check_surroundings(
            &format!("{long}\n{long}$0c$0{long}\n"),
            1000,
            &format!("{shown}…\n…{shown}"),
            &format!("{shown}…\n"),
        );
    }

    #[test]
    fn what_nobody_sees_is_not_shown_to_the_model() {
        check_surroundings("a\u{E0041}\u{202E}\n$0b$0\u{200B}c", 100, "a\n", "c");
    }
}
