//! What the user selected, brought to where the work is exact. Only white space is ever added.

use ropey::Rope;

use super::Target;
use crate::text::{CharIdx, CharRange, Snapshot};

/// As much of the document on each side as an answer is judged by, in characters.
const N_NEIGHBORS: usize = 32 * 1024;

/// A selection and its neighborhood as text, for making a [`Target`] of.
#[derive(Clone, Debug)]
pub struct Place {
    selection: String,
    before: String,
    after: String,
    language: std::sync::Arc<str>,
}

impl Place {
    /// The place that a range of a snapshot names.
    pub fn of(snapshot: &Snapshot, range: CharRange) -> Self {
        let text = &snapshot.text;
        let range = inside(text, range);
        let (start, end) = (range.start().0, range.end().0);
        let from = text.line_to_char(text.char_to_line(start.saturating_sub(N_NEIGHBORS)));
        let to = text.len_chars().min(end + N_NEIGHBORS);
        Self {
            selection: text.slice(start..end).to_string(),
            before: text.slice(from..start).to_string(),
            after: text.slice(end..to).to_string(),
            language: snapshot.language.clone(),
        }
    }

    /// What an answer is fitted to.
    pub fn target(&self) -> Target<'_> {
        Target {
            selection: &self.selection,
            before: &self.before,
            after: &self.after,
            language: &self.language,
        }
    }
}

/// The selection with the indentation of its first line, where it spans several lines and nothing but white
/// space stands before it: only then can the first line be re-indented with the others.
///
/// A selection inside one line, or one that begins behind code, is what the user wants and stays.
pub fn fit_selection(text: &Rope, range: CharRange) -> CharRange {
    let range = inside(text, range);
    let (first, last) = (text.char_to_line(range.start().0), text.char_to_line(range.end().0));
    if first == last {
        return range;
    }
    CharRange::new(indentation_start(text, range.start()), range.end())
}

/// The selection widened to whole lines, for what goes above or below it.
///
/// Unlike [`fit_selection`] it takes in code; nothing of it is replaced, only looked at. An end at the start
/// of a line stays there. The final line break is taken in.
pub fn widen_to_lines(text: &Rope, range: CharRange) -> CharRange {
    let range = inside(text, range);
    let start = text.line_to_char(text.char_to_line(range.start().0));
    let end_line = text.char_to_line(range.end().0);
    let at_line_start = text.line_to_char(end_line) == range.end().0 && !range.is_empty();
    let end = if at_line_start { range.end().0 } else { text.line_to_char(end_line + 1) };
    CharRange::new(CharIdx(start), CharIdx(end))
}

/// The start of the line where only white space comes before an index, else the index.
pub fn indentation_start(text: &Rope, idx: CharIdx) -> CharIdx {
    let line_start = text.line_to_char(text.char_to_line(idx.0));
    let before = text.slice(line_start..idx.0);
    if before.chars().all(|c| c == ' ' || c == '\t') { CharIdx(line_start) } else { idx }
}

fn inside(text: &Rope, range: CharRange) -> CharRange {
    let len = CharIdx(text.len_chars());
    CharRange::new(range.start().min(len), range.end().min(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_fit(marked: &str, expected: &str) {
        let (text, range) = unmark(marked);
        assert_eq!(mark(&text, fit_selection(&text, range)), expected);
    }

    fn check_widen(marked: &str, expected: &str) {
        let (text, range) = unmark(marked);
        assert_eq!(mark(&text, widen_to_lines(&text, range)), expected);
    }

    fn unmark(marked: &str) -> (Rope, CharRange) {
        let parts: Vec<&str> = marked.split("$0").collect();
        let start = parts[0].chars().count();
        let end = start + parts[1].chars().count();
        (Rope::from_str(&parts.concat()), CharRange::new(CharIdx(start), CharIdx(end)))
    }

    fn mark(text: &Rope, range: CharRange) -> String {
        let (start, end) = (range.start().0, range.end().0);
        format!("{}$0{}$0{}", text.slice(..start), text.slice(start..end), text.slice(end..))
    }

    #[test]
    fn several_lines_take_in_the_first_ones_indentation() {
        check_fit("a\n  $0b\n  c$0\n", "a\n$0  b\n  c$0\n");
        check_fit("a\n\t$0b\n$0", "a\n$0\tb\n$0");
    }

    #[test]
    fn one_line_or_code_before_it_stays() {
        check_fit("a\n  $0b$0\n", "a\n  $0b$0\n");
        check_fit("a\n  x $0b\n  c$0\n", "a\n  x $0b\n  c$0\n");
        check_fit("a\n  $0$0b\n", "a\n  $0$0b\n");
    }

    #[test]
    fn widening_takes_whole_lines() {
        check_widen("a\n  b$0c\n d$0e\nf", "a\n$0  bc\n de\n$0f");
        check_widen("a\n$0b\n$0c", "a\n$0b\n$0c");
        check_widen("a\nb$0$0", "a\n$0b$0");
        check_widen("a\n$0$0b\nc", "a\n$0b\n$0c");
        check_widen("$0$0", "$0$0");
    }
}
