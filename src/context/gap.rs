//! The text on both sides of a gap, for models that fill it in: word for word, because they go on in it.

use ropey::Rope;

use super::window::round;
use crate::text::{CharIdx, Snapshot, without_invisible};

/// More than this is not shown, in tokens.
///
/// It is llama.cpp's batch: what is longer it cuts by itself, three quarters before the gap and one after it.
const MOST: usize = 2048;

/// What stands before and after a place, with line feeds, as whole lines as far as they fit into so many tokens.
pub fn around_gap(snapshot: &Snapshot, at: CharIdx, n_tokens: usize) -> (String, String) {
    let text = &snapshot.text;
    let at = at.0.min(text.len_chars());
    let n_tokens = n_tokens.min(MOST);
    let before = text.slice(first_shown(text, at, n_bytes(n_tokens / 4 * 3))..at);
    let after = text.slice(at..last_shown(text, at, n_bytes(n_tokens / 4)));
    (neutral(&before.to_string()), neutral(&after.to_string()))
}

/// The other way round than [`crate::model::estimated_tokens`].
fn n_bytes(n_tokens: usize) -> usize {
    n_tokens.saturating_mul(32) / 10
}

fn neutral(text: &str) -> String {
    without_invisible(&text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn first_shown(text: &Rope, at: usize, n_bytes: usize) -> usize {
    let byte = text.char_to_byte(at).saturating_sub(n_bytes);
    let start = text.byte_to_char(byte);
    let line = text.char_to_line(start);
    let first = if text.line_to_char(line) == start && byte == text.char_to_byte(start) {
        line
    } else {
        line + 1
    };
    let gap_line = text.char_to_line(at);
    if first > gap_line {
        // Not even the gap's own line fits; cut at a character.
        return if text.char_to_byte(start) < byte { start + 1 } else { start };
    }
    text.line_to_char(round(gap_line, gap_line - first))
}

fn last_shown(text: &Rope, at: usize, n_bytes: usize) -> usize {
    let byte = text.char_to_byte(at) + n_bytes;
    if byte >= text.len_bytes() {
        return text.len_chars();
    }
    let end = text.byte_to_char(byte);
    let line_start = text.line_to_char(text.char_to_line(end));
    if line_start > at { line_start } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_gap(marked: &str, n_tokens: usize, before: &str, after: &str) {
        let (front, back) = marked.split_once("$0").unwrap();
        let snapshot = Snapshot::of_text(&[front, back].concat(), "x", None);
        let found = around_gap(&snapshot, CharIdx(front.chars().count()), n_tokens);
        assert_eq!((found.0.as_str(), found.1.as_str()), (before, after), "{marked:?}");
    }

    #[test]
    fn a_short_text_is_shown_as_it_is() {
        check_gap("a\n  b$0 c\nd", 100, "a\n  b", " c\nd");
        check_gap("a\r\n\tb$0\r\nd\r\n", 100, "a\n\tb", "\nd\n");
        check_gap("$0", 100, "", "");
        check_gap("a\u{202E}\n$0\u{200B}b", 100, "a\n", "b");
    }

    #[test]
    fn a_long_text_is_cut_at_lines_and_a_long_line_at_a_character() {
        check_gap("far\nnear\nx$0y\nnear\nfarther\n", 8, "far\nnear\nx", "y\n");
        check_gap("far\nnear\nx$0y\nnear\nfarther\n", 4, "near\nx", "y\n");
        let long = "é".repeat(50);
        check_gap(&format!("{long}$0{long}"), 8, &"é".repeat(9), "ééé");
        check_gap("ab$0cd", 0, "", "");
    }

    #[test]
    fn the_first_line_stays_while_the_gap_moves_a_little() {
        let text = (0..3000).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
        let snapshot = Snapshot::of_text(&text, "x", None);
        let front = |line: usize| {
            let at = CharIdx(snapshot.text.line_to_char(line));
            around_gap(&snapshot, at, 8192).0.lines().next().unwrap().to_owned()
        };
        let mut seen: Vec<String> = (2000..2040).map(front).collect();
        seen.dedup();
        assert!((1..=3).contains(&seen.len()), "{seen:?}");
    }
}
