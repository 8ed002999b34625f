//! The lines around a selection, nearest first, as many as fit.

use ropey::{Rope, RopeSlice};

use crate::model::estimated_tokens;
use crate::text::{CharIdx, CharRange, Snapshot, without_invisible};

/// A line longer than this is clipped: minified code says little and costs much.
const LONGEST_LINE: usize = 300;

/// A selection is shown twice, in its place and by itself, when so many times its tokens stand around it.
const DEAREST_TWICE: usize = 3;

/// From so many lines above the selection on, a few less do no harm.
const MANY: usize = 32;

/// What stands around a selection, with line feeds whatever the document has, for the model to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Up to the selection's start.
    pub before: String,
    /// From the selection's end.
    pub after: String,
    /// `before`, the selected lines and `after` in one piece, which reads the same wherever in it the selection is.
    ///
    /// Empty for a selection within a line, which would be hard to find again, and for a long one, which would be
    /// dear to show twice.
    pub unbroken: String,
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
    let place = Place::of(&snapshot.text, range);
    let shown =
        |lines: &[String]| lines.iter().map(|line| estimated_tokens(line.len())).sum::<usize>();
    if let Some(selected) = place.whole_lines() {
        let cost = shown(&selected);
        let around = n_tokens.checked_sub(cost).map(|left| place.surroundings(left));
        if let Some(mut around) = around
            && cost * DEAREST_TWICE <= estimated_tokens(around.before.len() + around.after.len())
        {
            around.unbroken = [&around.before, selected.concat().as_str(), &around.after].concat();
            return around;
        }
    }
    place.surroundings(n_tokens)
}

/// Where a range stands in its lines.
struct Place<'a> {
    text: &'a Rope,
    start: usize,
    end: usize,
    first_line: usize,
    /// The first line that begins at the range's end or after it.
    next_line: usize,
}

impl<'a> Place<'a> {
    fn of(text: &'a Rope, range: CharRange) -> Self {
        let start = range.start().0.min(text.len_chars());
        let end = range.end().0.min(text.len_chars());
        let (first_line, last_line) = (text.char_to_line(start), text.char_to_line(end));
        let ends_at_line_start = text.line_to_char(last_line) == end && start < end;
        let next_line = if ends_at_line_start { last_line } else { last_line + 1 };
        Self { text, start, end, first_line, next_line }
    }

    /// What of its first line stands before the range.
    fn lead(&self) -> RopeSlice<'a> {
        self.text.slice(self.text.line_to_char(self.first_line)..self.start)
    }

    /// What of its last line stands after the range.
    fn tail(&self) -> RopeSlice<'a> {
        let next_line = self.next_line.min(self.text.len_lines());
        self.text.slice(self.end..self.text.line_to_char(next_line).max(self.end))
    }

    /// The range as lines to show, when it is whole ones but for blanks at their ends. The ends themselves are of
    /// the surroundings.
    fn whole_lines(&self) -> Option<Vec<String>> {
        let is_blank = |part: RopeSlice<'_>| part.chars().all(char::is_whitespace);
        if self.start == self.end || !is_blank(self.lead()) || !is_blank(self.tail()) {
            return None;
        }
        let selected = self.text.slice(self.start..self.end);
        Some(selected.lines().map(clipped).collect())
    }

    fn surroundings(&self, n_tokens: usize) -> Surroundings {
        let Self { text, first_line, next_line, .. } = *self;
        let mut purse = Purse { n_tokens };
        let lead = purse.pay(clipped_before(self.lead())).unwrap_or_default();
        let tail = purse.pay(clipped(self.tail())).unwrap_or_default();

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
        // From the line that did not fit before.
        let mut below = next_line + after.len() - 1..text.len_lines();
        while goes_down {
            goes_down = take_line(text, below.next(), &mut purse, &mut after);
        }
        before.reverse();
        Surroundings {
            before: before.concat(),
            after: after.concat(),
            unbroken: String::new(),
            starts_at: CharIdx(text.line_to_char(first_shown)),
            is_whole: first_shown == 0 && next_line + after.len() > text.len_lines(),
        }
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

    fn unbroken(marked: &str, n_tokens: usize) -> String {
        let parts: Vec<&str> = marked.split("$0").collect();
        let snapshot = Snapshot::of_text(&parts.concat(), "x", None);
        let start = parts[0].chars().count();
        let range = CharRange::new(CharIdx(start), CharIdx(start + parts[1].chars().count()));
        let found = surroundings(&snapshot, range, n_tokens);
        assert!(found.unbroken.is_empty() || found.unbroken.starts_with(&found.before));
        assert!(found.unbroken.ends_with(&found.after) || found.unbroken.is_empty());
        found.unbroken
    }

    #[test]
    fn whole_lines_are_shown_in_their_place_too_and_then_all_reads_the_same_wherever_they_are() {
        let lines: Vec<String> = (0..9).map(|n| format!("    line {n};\n")).collect();
        let all = lines.concat();
        for n in 0..9 {
            let (before, line, after) = (lines[..n].concat(), &lines[n], lines[n + 1..].concat());
            assert_eq!(unbroken(&format!("{before}$0{line}$0{after}"), 100), all);
            // Without the indentation and the line break it is a whole line too.
            let inner = line.trim();
            assert_eq!(unbroken(&format!("{before}    $0{inner}$0\n{after}"), 100), all);
        }
        assert_eq!(unbroken("a\r\n$0b\r\n$0c\r\nd\r\ne\r\n", 100), "a\nb\nc\nd\ne\n");
    }

    #[test]
    fn a_piece_of_a_line_a_long_selection_and_a_place_stand_between_what_is_before_and_after() {
        assert_eq!(unbroken("a\nlet b = $0c$0;\nd\ne\nf\ng\n", 100), "");
        assert_eq!(unbroken("a\nb\n$0$0c\nd\n", 100), "");
        assert_eq!(unbroken("a\n$0b\nc\nd\ne\nf\n$0g\n", 100), "");
        assert_eq!(unbroken("$0b\n$0", 100), "");
        // Where little can be shown, it is other lines.
        assert_eq!(unbroken("1\n2\n3\n$0c\n$05\n6\n", 3), "");
    }

    #[test]
    fn no_line_is_missing_in_what_is_shown() {
        let text = (0..600).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
        let snapshot = Snapshot::of_text(&text, "x", None);
        for n_tokens in 300..400 {
            let start = snapshot.text.line_to_char(300);
            let range = CharRange::new(CharIdx(start), CharIdx(start + "line 300\n".len()));
            let found = surroundings(&snapshot, range, n_tokens);
            assert!(text.contains(&format!("\nline 300\n{}", found.after)), "{}", found.after);
            assert!(text.contains(&found.unbroken), "{}", found.unbroken);
        }
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
