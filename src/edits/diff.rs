//! Differences as edits for the editor and as patches for people.

use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::text::{Change, CharIdx, changes_between};

/// Unchanged lines shown around each hunk of a patch.
const N_CONTEXT_LINES: usize = 3;

/// The smallest changes that make `new` out of `old`, where `old` starts at `offset` of the document.
///
/// Ascending, not overlapping, all ranges in the text before any of them.
pub fn smallest_changes(old: &str, new: &str, offset: CharIdx) -> Vec<Change> {
    changes_between(old, new, offset)
}

/// A unified diff that `patch -p1` and `git apply` accept; empty where nothing differs.
pub fn unified(old: &str, new: &str, path: &str) -> String {
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let ops = capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines);
    let groups = group_diff_ops(ops, N_CONTEXT_LINES);
    let mut diff = String::new();
    for group in groups.iter().filter(|group| group.iter().any(is_change)) {
        if diff.is_empty() {
            let _ =
                writeln!(diff, "--- {}\n+++ {}", header_path("a", path), header_path("b", path));
        }
        push_hunk(&mut diff, group, &old_lines, &new_lines);
    }
    diff
}

fn is_change(op: &DiffOp) -> bool {
    !matches!(op, DiffOp::Equal { .. })
}

fn push_hunk(diff: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
    let old_span = span(first.old_range().start, last.old_range().end);
    let new_span = span(first.new_range().start, last.new_range().end);
    let _ = writeln!(diff, "@@ -{old_span} +{new_span} @@");
    for op in ops {
        if let DiffOp::Equal { .. } = op {
            push_lines(diff, ' ', &old[op.old_range()]);
        } else {
            push_lines(diff, '-', &old[op.old_range()]);
            push_lines(diff, '+', &new[op.new_range()]);
        }
    }
}

pub(super) fn push_lines(diff: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        diff.push(sign);
        diff.push_str(line);
        if !line.ends_with('\n') {
            diff.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// A line span as hunk headers write it: an empty one names the line before it, a single line has no count.
pub(super) fn span(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        n_lines => format!("{},{n_lines}", start + 1),
    }
}

/// The path as git writes it: always relative, quoted where it holds what would break the line.
pub(super) fn header_path(side: &str, path: &str) -> String {
    let relative = path.trim_start_matches("./").trim_start_matches('/');
    let plain = format!("{side}/{relative}");
    if plain.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
        let mut quoted = String::from("\"");
        for c in plain.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                c if c.is_control() => {
                    let _ = write!(quoted, "\\{:03o}", u32::from(c));
                }
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        quoted
    } else if plain.contains(' ') {
        // A tab ends the name, so that `patch` does not stop at the space.
        plain + "\t"
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_has_the_form_that_patch_reads() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\n";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni";
        assert_eq!(
            unified(old, new, "src/x y.rs"),
            "--- a/src/x y.rs\t\n+++ b/src/x y.rs\t\n@@ -2,8 +2,8 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n-i\n+i\n\
             \\ No newline at end of file\n"
        );
    }

    #[test]
    fn an_empty_side_names_line_zero() {
        assert_eq!(unified("", "x\n", "f"), "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(unified("x\n", "", "/f"), "--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-x\n");
        assert_eq!(unified("x\n", "x\n", "f"), "");
    }

    #[test]
    fn a_path_cannot_break_out_of_the_header() {
        let diff = unified("a\n", "b\n", "x\n+++ b/etc");
        assert!(diff.starts_with("--- \"a/x\\012+++ b/etc\"\n+++ \""), "{diff}");
    }

    #[test]
    fn one_changed_character_is_one_small_change() {
        let changes = smallest_changes(
            "fn a() {\r\n    x = 1;\r\n}\r\n",
            "fn a() {\r\n    x = 2;\r\n}\r\n",
            CharIdx(7),
        );
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].range.start(), changes[0].range.len()), (CharIdx(7 + 18), 1));
        assert_eq!(changes[0].text, "2");
    }
}
