//! Instructions written into the code: a comment that starts with `ai:` above the selection.
//!
//! Works in every editor, where the protocol has no way to ask for a line of text.

use ropey::Rope;

use crate::edits::indentation_start;
use crate::text::{CharIdx, CharRange, Snapshot, line_end};

/// Comment signs, longest first.
const LEADERS: [&str; 14] =
    ["<!--", "{/*", "/**", "///", "//!", "/*", "//", "--[[", "--", ";;", "#", ";", "%", "(*"];

/// Ends of comments that have one.
const CLOSERS: [&str; 5] = ["-->", "*/}", "*/", "]]", "*)"];

/// More instruction lines than this are not looked for.
const MOST_LINES: usize = 20;

/// An instruction in the code, and the code it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstructionComment {
    /// The comment's lines, line breaks included; they go away with the edit.
    pub line_range: CharRange,
    /// The selection without them.
    pub code_range: CharRange,
    /// What is asked for.
    pub instruction: String,
}

impl InstructionComment {
    /// The region that the edit replaces: the comment, the code, and what lies between.
    pub fn region(&self) -> CharRange {
        CharRange::new(self.line_range.start(), self.code_range.end())
    }

    /// The edit that puts `code` in place of the code and takes the comment away.
    ///
    /// A selection may begin behind other code on its line; that code stays.
    pub fn edit(&self, snapshot: &Snapshot, code: &str) -> (CharRange, String) {
        let between = self.line_range.end().0..self.code_range.start().0;
        (self.region(), snapshot.text.slice(between).to_string() + code)
    }
}

/// The instruction that stands in the first lines of the selection or right above it.
///
/// Several comment lines count when each starts with `ai:`: other comments are code and must stay.
/// With nothing selected, the cursor may also stand on the comment's own line; then the code goes below it.
pub fn instruction_comment(snapshot: &Snapshot, range: CharRange) -> Option<InstructionComment> {
    let text = &snapshot.text;
    let len = CharIdx(text.len_chars());
    let range = CharRange::new(range.start().min(len), range.end().min(len));
    let first_line = text.char_to_line(range.start().0);
    let starts_with_line =
        indentation_start(text, range.start()).0 == text.line_to_char(first_line);
    if starts_with_line || range.is_empty() {
        let lines = run(text, first_line, Direction::Down);
        let end = text.line_to_char(first_line + lines.len());
        if !lines.is_empty() && (end <= range.end().0 || range.is_empty()) {
            return Some(InstructionComment {
                line_range: CharRange::new(CharIdx(text.line_to_char(first_line)), CharIdx(end)),
                code_range: CharRange::new(CharIdx(end), range.end().max(CharIdx(end))),
                instruction: lines.join("\n"),
            });
        }
    }
    let mut lines = run(text, first_line.checked_sub(1)?, Direction::Up);
    if lines.is_empty() {
        return None;
    }
    lines.reverse();
    let start = text.line_to_char(first_line - lines.len());
    Some(InstructionComment {
        line_range: CharRange::new(CharIdx(start), CharIdx(text.line_to_char(first_line))),
        code_range: range,
        instruction: lines.join("\n"),
    })
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// The instructions of the adjacent lines from one on, as far as each line has one.
fn run(text: &Rope, line_idx: usize, direction: Direction) -> Vec<String> {
    let instruction = |line_idx: usize| instruction_of(text, line_idx);
    match direction {
        Direction::Up => (0..=line_idx).rev().take(MOST_LINES).map_while(instruction).collect(),
        Direction::Down => {
            (line_idx..text.len_lines()).take(MOST_LINES).map_while(instruction).collect()
        }
    }
}

/// What a line's comment asks for, if the line is a comment that starts with `ai:`.
fn instruction_of(text: &Rope, line_idx: usize) -> Option<String> {
    let line = text.slice(text.line_to_char(line_idx)..line_end(text, line_idx).0);
    if line.len_chars() > 2000 {
        return None;
    }
    let line = line.to_string();
    let line = line.trim();
    let leader = LEADERS.iter().find(|leader| line.starts_with(**leader))?;
    let comment = line[leader.len()..].trim_start_matches(leader.chars().last()?).trim_start();
    let (mark, rest) = comment.split_at_checked(3)?;
    if !mark.eq_ignore_ascii_case("ai:") {
        return None;
    }
    let mut instruction = rest.trim();
    for closer in CLOSERS {
        instruction = instruction.strip_suffix(closer).unwrap_or(instruction).trim_end();
    }
    (!instruction.is_empty()).then(|| instruction.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document with the code replaced by `NEW`, and the instruction.
    fn check_instruction(marked: &str, expected: Option<(&str, &str)>) {
        let parts: Vec<&str> = marked.split("$0").collect();
        let snapshot = Snapshot::of_text(&parts.concat(), "x", None);
        let start = parts[0].chars().count();
        let end = start + parts[1].chars().count();
        let found = instruction_comment(&snapshot, CharRange::new(CharIdx(start), CharIdx(end)));
        let edited = found.map(|found| {
            let (range, new) = found.edit(&snapshot, "NEW");
            let mut text = snapshot.text.clone();
            crate::text::Change { range, text: new }.apply(&mut text);
            (found.instruction, text.to_string())
        });
        let expected =
            expected.map(|(instruction, text)| (instruction.to_owned(), text.to_owned()));
        assert_eq!(edited, expected, "{marked:?}");
    }

    #[test]
    fn the_comment_above_is_the_instruction_and_goes_away() {
        check_instruction("a\n// ai: add b\n$0c$0\nd", Some(("add b", "a\nNEW\nd")));
        check_instruction("    # AI: add b\n    $0c$0", Some(("add b", "    NEW")));
        check_instruction("// ai: add b\r\nlet x = $0c$0;", Some(("add b", "let x = NEW;")));
    }

    #[test]
    fn the_comment_may_be_selected_with_the_code() {
        check_instruction("a\n$0-- ai: add b\nc\n$0d", Some(("add b", "a\nNEWd")));
        check_instruction("a\n  $0; ai: add b\n  c$0\nd", Some(("add b", "a\nNEW\nd")));
    }

    #[test]
    fn every_comment_sign_works() {
        for comment in [
            "/* ai: add b */",
            "<!-- ai: add b -->",
            "{/* ai: add b */}",
            "/// ai: add b",
            "%% ai: add b",
            ";;; ai: add b",
            "#ai: add b",
            "(* ai: add b *)",
            "--[[ ai: add b ]]",
            "// Ai:add b",
        ] {
            check_instruction(&format!("{comment}\n$0c$0"), Some(("add b", "NEW")));
        }
    }

    #[test]
    fn several_lines_count_when_each_says_so() {
        check_instruction("// ai: one\n// ai: two\n$0c$0", Some(("one\ntwo", "NEW")));
        check_instruction("// kept\n// ai: two\n$0c$0", Some(("two", "// kept\nNEW")));
        check_instruction("// ai: one\n// kept\n$0c$0", None);
    }

    #[test]
    fn with_nothing_selected_the_code_goes_below_the_comment() {
        check_instruction("a\n// ai: ad$0$0d b\nc", Some(("add b", "a\nNEWc")));
        check_instruction("// ai: add b\n$0$0", Some(("add b", "NEW")));
    }

    #[test]
    fn other_lines_are_no_instruction() {
        for text in [
            "// said: x\n$0c$0",
            "ai: x\n$0c$0",
            "// ai:\n$0c$0",
            "// ai: x\n\n$0c$0",
            "$0$0",
            "/\u{1F600}\n$0c$0",
        ] {
            check_instruction(text, None);
        }
    }
}
