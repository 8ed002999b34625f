//! Three-way merge of what stood in a region, what the user made of it, and what the model answered.
//!
//! Line by line, as version control does it. Never a marker in the user's text, and never a clean result that
//! lacks something the user typed.

use std::collections::HashMap;

use diffy::{ConflictStyle, MergeOptions};
use ropey::Rope;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::distance::are_near;
use crate::text::CharRange;

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Both sides are in it.
    Clean(String),
    /// Both sides changed the same lines.
    Conflict {
        /// The user's text with the answer's lines wherever both changed the same ones: what would stand there
        /// if the user preferred the answer. Not to be applied without asking.
        preferring_answer: String,
    },
}

/// Merges the answer for a region into what stands there now.
///
/// `original` is the region's text when the answer was asked for, `region` where it is in `now`.
pub fn merge_into(now: &Rope, region: CharRange, original: &str, answer: &str) -> Merged {
    let present = now.slice(region.chars()).to_string();
    if original.is_empty() {
        merge_insertion(&present, answer, Gap::of(now, region))
    } else {
        merge(original, &present, answer)
    }
}

/// Merges two successors of `original`; all three as they stand in the document, final line break or not.
pub fn merge(original: &str, present: &str, answer: &str) -> Merged {
    if present == original || present == answer {
        return Merged::Clean(answer.to_owned());
    }
    if answer == original {
        return Merged::Clean(present.to_owned());
    }
    if present.is_empty() {
        // Blank lines are alike: a merge would find some of them left.
        return Merged::Conflict { preferring_answer: answer.to_owned() };
    }
    let eol = dominant_eol(present);
    let [original, answer] = [original, answer].map(|text| with_eol(text, eol));
    let [base, ours, theirs] = [&original, present, &answer].map(|text| format!("{text}{eol}"));
    let merged = merge_lines(&base, &ours, &theirs, eol);
    if matches!(merged, Merged::Clean(_)) || !was_trimmed(&base, &ours) {
        return merged;
    }
    // An editor that trims lines on save has typed nothing.
    match merge_lines(&trimmed(&base), &ours, &trimmed(&theirs), eol) {
        Merged::Clean(text) => Merged::Clean(text),
        Merged::Conflict { .. } => merged,
    }
}

/// Merges texts that all end with `eol`, which is not theirs and is taken off again: a missing final line break
/// is no difference between last lines.
fn merge_lines(base: &str, ours: &str, theirs: &str, eol: &str) -> Merged {
    if !are_near(base, ours) || !are_near(base, theirs) {
        let preferring_answer = theirs.strip_suffix(eol).unwrap_or(theirs).to_owned();
        return Merged::Conflict { preferring_answer };
    }
    let n_signs = 7 + [base, ours, theirs].map(longest_run).into_iter().max().unwrap_or_default();
    let mut options = MergeOptions::new();
    options.set_conflict_style(ConflictStyle::Merge).set_conflict_marker_length(n_signs);
    let without_eol = |text: String| match text.strip_suffix(eol) {
        Some(text) => text.to_owned(),
        None => text,
    };
    match options.merge(base, ours, theirs) {
        Ok(text)
            if keeps_typing(base, ours, &text)
                && is_of_both(base, ours, theirs, &text)
                && is_the_same_from_the_end(base, ours, theirs, &text) =>
        {
            Merged::Clean(without_eol(text))
        }
        Ok(text) => Merged::Conflict { preferring_answer: without_eol(text) },
        Err(marked) => {
            Merged::Conflict { preferring_answer: without_eol(second_sides(&marked, n_signs)) }
        }
    }
}

/// The text with the second side of every marked conflict.
fn second_sides(marked: &str, n_signs: usize) -> String {
    let (opens, parts, closes) = ("<".repeat(n_signs), "=".repeat(n_signs), ">".repeat(n_signs));
    let mut is_first_side = false;
    let mut text = String::with_capacity(marked.len());
    for line in marked.split_inclusive('\n') {
        if line.starts_with(&opens) {
            is_first_side = true;
        } else if line.starts_with(&parts) {
            is_first_side = false;
        } else if !is_first_side && !line.starts_with(&closes) {
            text.push_str(line);
        }
    }
    text
}

/// The longest run of a conflict marker's signs that a line of the text begins with.
fn longest_run(text: &str) -> usize {
    let run = |line: &str| {
        let first = line.chars().next().filter(|sign| "<=>".contains(*sign));
        first.map_or(0, |first| line.chars().take_while(|&sign| sign == first).count())
    };
    text.lines().map(run).max().unwrap_or_default()
}

/// Whether every line that the user brought in stands in the merged text, in the user's order.
fn keeps_typing(base: &str, ours: &str, merged: &str) -> bool {
    let [base_lines, our_lines] =
        [base, ours].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let ops = capture_diff_slices(Algorithm::Myers, &base_lines, &our_lines);
    let typed = ops
        .iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .flat_map(|op| &our_lines[op.new_range()]);
    let mut merged_lines = merged.split_inclusive('\n');
    typed.into_iter().all(|line| merged_lines.any(|merged_line| merged_line == *line))
}

/// Whether the merge of the lines from the last to the first comes to the same. It does not where one of several
/// equal lines was changed, and nobody can tell which.
fn is_the_same_from_the_end(base: &str, ours: &str, theirs: &str, merged: &str) -> bool {
    let [base, ours, theirs, merged] = [base, ours, theirs, merged].map(from_the_end);
    MergeOptions::new().merge(&base, &ours, &theirs).is_ok_and(|text| text == merged)
}

fn from_the_end(text: &str) -> String {
    text.split_inclusive('\n').rev().collect()
}

/// Whether every line is there as often as the user has it, and as much more or less as the answer has added or
/// taken away.
///
/// Where equal lines are taken for each other, a line that one side deleted is back, or one is there twice.
fn is_of_both(base: &str, ours: &str, theirs: &str, merged: &str) -> bool {
    let [base, ours, theirs, merged] = [base, ours, theirs, merged].map(counted);
    ours.keys().chain(merged.keys()).all(|line| {
        let (ours, merged) = (count(&ours, line), count(&merged, line));
        let added = count(&theirs, line) - count(&base, line);
        ours + added.min(0) <= merged && merged <= ours + added.max(0)
    })
}

/// How often each line is there; white space at its end counts for nothing.
fn counted(text: &str) -> HashMap<String, isize> {
    let mut counts = HashMap::new();
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        *counts.entry(line.trim_end().to_owned()).or_default() += 1;
    }
    counts
}

fn count(counts: &HashMap<String, isize>, line: &str) -> isize {
    counts.get(line).copied().unwrap_or_default()
}

fn dominant_eol(text: &str) -> &'static str {
    let n_crlf = text.matches("\r\n").count();
    if n_crlf * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

fn with_eol(text: &str, eol: &str) -> String {
    let text = text.replace("\r\n", "\n");
    if eol == "\n" { text } else { text.replace('\n', eol) }
}

fn was_trimmed(base: &str, ours: &str) -> bool {
    let has_blank_ends = |text: &str| text.lines().any(|line| line.ends_with([' ', '\t']));
    has_blank_ends(base) && !has_blank_ends(ours)
}

fn trimmed(text: &str) -> String {
    let trim = |line: &str| {
        let content = line.trim_end_matches(['\n', '\r']);
        content.trim_end_matches([' ', '\t']).to_owned() + &line[content.len()..]
    };
    text.split_inclusive('\n').map(trim).collect()
}

/// What stands around a place where something is to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// At the start of a line that holds something.
    LineStart,
    /// At the end of a line that holds something.
    LineEnd,
    /// Inside of a line, or on an empty one.
    Inside,
}

impl Gap {
    fn of(now: &Rope, region: CharRange) -> Self {
        let is_break = |c: char| c == '\n' || c == '\r';
        let before = region.start().0.checked_sub(1).map(|idx| now.char(idx));
        let after = now.get_char(region.end().0);
        match (before.is_none_or(is_break), after.is_none_or(is_break)) {
            (true, false) => Self::LineStart,
            (false, true) => Self::LineEnd,
            _ => Self::Inside,
        }
    }
}

/// Merges an insertion with what the user typed right where it was to go.
fn merge_insertion(typed: &str, answer: &str, gap: Gap) -> Merged {
    // The user wrote what the model was about to write: the rest of it follows.
    if answer.starts_with(typed) {
        return Merged::Clean(answer.to_owned());
    }
    let is_one_line = !typed.contains(['\n', '\r']);
    match gap {
        // Whole lines go above a line whose start was typed at, and below one whose end was.
        Gap::LineStart if is_one_line && answer.ends_with(['\n', '\r']) => {
            Merged::Clean(format!("{answer}{typed}"))
        }
        Gap::LineEnd if is_one_line && answer.starts_with(['\n', '\r']) => {
            Merged::Clean(format!("{typed}{answer}"))
        }
        _ => Merged::Conflict { preferring_answer: format!("{typed}{answer}") },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::CharIdx;

    fn check_clean(original: &str, present: &str, answer: &str, expected: &str) {
        assert_eq!(merge(original, present, answer), Merged::Clean(expected.to_owned()));
    }

    fn check_conflict(original: &str, present: &str, answer: &str, expected: &str) {
        let expected = Merged::Conflict { preferring_answer: expected.to_owned() };
        assert_eq!(merge(original, present, answer), expected);
    }

    #[test]
    fn changes_of_different_lines_come_together() {
        check_clean("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n");
        check_clean("a\nb\nc", "a\nb\nc\nnew", "A\nb\nc", "A\nb\nc\nnew");
        check_clean("a\nb\nc", "x\na\nb\nc", "a\nb\n", "x\na\nb\n");
        check_clean("a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n", "a\nc\nd\n");
    }

    #[test]
    fn the_same_change_on_both_sides_is_made_once() {
        check_clean("a\nb\nc\n", "a\nB\nc\n", "a\nB\nc\nd\n", "a\nB\nc\nd\n");
        check_clean("a\n", "b\n", "b\n", "b\n");
    }

    #[test]
    fn changes_of_one_line_or_of_neighbors_conflict() {
        check_conflict("a + b", "a - b", "b + a", "b + a");
        check_conflict("a\nb\n", "A\nb\n", "a\nB\n", "a\nB\n");
        check_conflict(
            "1\n2\n3\n4\n5\n",
            "0\n1\n2\n3\nx\n5\n",
            "1\n2\n3\ny\n5\n",
            "0\n1\n2\n3\ny\n5\n",
        );
    }

    #[test]
    fn line_endings_are_those_of_the_user() {
        check_clean("a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n");
        // The file was converted meanwhile.
        check_clean("a\nb\nc\n", "A\r\nb\r\nc\r\n", "a\nb\nC\n", "A\r\nb\r\nC\r\n");
        check_clean("a\r\nb\r\nc", "a\nb\nc", "a\r\nb\r\nC", "a\nb\nC");
    }

    #[test]
    fn an_editor_that_trims_on_save_is_no_conflict() {
        check_clean("a  \n  \nb\n", "a\n\nb\n", "A  \n  \nb\n", "A\n\nb\n");
        check_conflict("a  \nb\n", "x\nb\n", "A  \nb\n", "A  \nb\n");
    }

    #[test]
    fn what_the_user_deleted_does_not_come_back_where_the_answer_moved_it() {
        assert!(!is_of_both("a\nb\nc\n", "a\nc\n", "c\na\nb\n", "c\na\nb\n"));
        assert!(is_of_both("a\nb\nc\n", "a\nc\n", "b\nb\nc\n", "b\nc\n"));
    }

    #[test]
    fn equal_lines_that_are_taken_for_each_other_conflict() {
        assert!(!is_of_both("x\n \nx\n", " \nx\n", "x\n\ny\n", " \nx\n\ny\n"));
        let (base, ours, theirs) = ("r\nr\nr\n", "tr\nr\nr\n", "r\nc\na\nr\n");
        let merged = merge(base, ours, theirs);
        assert!(matches!(merged, Merged::Conflict { .. }), "{merged:?}");
        let added = "a\n}\nb\n}\nc\n}\n";
        check_clean("a\n}\nb\n}\n", "A\n}\nb\n}\n", added, "A\n}\nb\n}\nc\n}\n");
    }

    fn numbered<'a>(n_lines: usize, word: impl Fn(usize) -> &'a str) -> String {
        (0..n_lines).map(|n| format!("{} {n}\n", word(n))).collect::<Vec<_>>().concat()
    }

    /// 20,000 lines of `}` and one that was typed took 12 s without optimization.
    #[test]
    fn texts_that_differ_everywhere_are_not_merged() {
        let braces = "}\n".repeat(20_000);
        let answer = "}\na\n".repeat(10_000);
        check_conflict(&braces, &format!("x\n{braces}"), &answer, &answer);
        let [old, new] = ["old", "new"].map(|word| numbered(8_000, |_| word));
        check_conflict(&old, &format!("typed\n{old}"), &new, &new);
    }

    #[test]
    fn long_texts_that_differ_here_and_there_are_merged() {
        let text = |first: &str, last: &str, step: &str| -> String {
            let middle = numbered(20_000, |n| if n % 1_000 == 500 { step } else { "line" });
            format!("{first}\n{middle}{last}\n")
        };
        let [old, typed] = [("a", "z"), ("A", "Z")].map(|(a, z)| text(a, z, "step"));
        check_clean(&old, &typed, &text("a", "z", "leap"), &text("A", "Z", "leap"));
        // What an editor trims on save is not what the user typed, be it ever so much.
        let (blank, bare) = ("a \n".repeat(8_000), "a\n".repeat(8_000));
        check_clean(&blank, &bare, &format!("x\n{blank}"), &format!("x\n{bare}"));
    }

    #[test]
    fn texts_full_of_markers_are_text() {
        let marks = "<<<<<<< ours\n=======\n>>>>>>> theirs\n";
        let (base, ours) = (format!("{marks}a\n{marks}"), format!("{marks}b\n{marks}"));
        check_conflict(&base, &ours, &format!("{marks}c\n{marks}"), &format!("{marks}c\n{marks}"));
    }

    fn check_insertion(around: (&str, &str), typed: &str, answer: &str, clean: Option<&str>) {
        let now = Rope::from_str(&format!("{}{typed}{}", around.0, around.1));
        let start = around.0.chars().count();
        let region = CharRange::new(CharIdx(start), CharIdx(start + typed.chars().count()));
        let expected = match clean {
            Some(text) => Merged::Clean(text.to_owned()),
            None => Merged::Conflict { preferring_answer: format!("{typed}{answer}") },
        };
        assert_eq!(merge_into(&now, region, "", answer), expected);
    }

    #[test]
    fn typing_where_something_is_to_be_inserted() {
        check_insertion(("let x = ", ";\n"), "1", "1 + 2", Some("1 + 2"));
        check_insertion(("let x = ", ";\n"), "3", "1 + 2", None);
        check_insertion(("a\n", "fn f() {}\n"), "pub ", "/// doc\n", Some("/// doc\npub "));
        check_insertion(("a\n", "fn f() {}\n"), "/// mine\n", "/// doc\n", None);
        check_insertion(("fn f() {}", ""), " // end", "\nfn g() {}", Some(" // end\nfn g() {}"));
        check_insertion(("a\n", "\nb\n"), "x", "y\n", None);
    }

    fn lines() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[abc]{0,2}", 0..8)
    }

    proptest! {
        #[test]
        fn a_clean_merge_holds_all_that_the_user_brought_in(
            original in lines(), ours in lines(), answer in lines(), at in 0_usize..9, crlf: bool,
        ) {
            let eol = if crlf { "\r\n" } else { "\n" };
            let mut ours = ours;
            let typed = "TYPED";
            ours.insert(at.min(ours.len()), typed.to_owned());
            let [original, ours, answer] =
                [original, ours, answer].map(|lines| lines.join(eol));
            match merge(&original, &ours, &answer) {
                Merged::Clean(text) => {
                    prop_assert!(text.contains(typed), "{text:?}");
                    prop_assert!(!text.contains("<<<<"));
                    prop_assert!(!crlf || !text.replace("\r\n", "").contains('\n'));
                }
                Merged::Conflict { preferring_answer } => {
                    prop_assert!(!preferring_answer.contains("<<<<") && !preferring_answer.contains("===="));
                }
            }
        }

        #[test]
        fn whoever_alone_changed_something_wins(original in lines(), other in lines()) {
            let [original, other] = [original, other].map(|lines| lines.join("\n"));
            prop_assert_eq!(merge(&original, &other, &original), Merged::Clean(other.clone()));
            prop_assert_eq!(merge(&original, &original, &other), Merged::Clean(other));
        }
    }
}
