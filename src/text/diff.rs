//! The changes between two texts: line by line first, then narrowed to the characters that differ.

use ropey::Rope;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Change, CharIdx, CharRange, is_joiner};

/// The changes that make `new` out of `old`, where `old` begins at `offset` of the document.
///
/// Ascending, not overlapping, all ranges in the text before any of them. No boundary falls between the two
/// halves of a CRLF, which no editor can address, or in front of a combining mark.
pub fn changes_between(old: &str, new: &str, offset: CharIdx) -> Vec<Change> {
    let old_lines = split_lines(old);
    let new_lines = split_lines(new);
    let mut changes = Vec::new();
    if are_same_but_for_blanks(&old_lines, &new_lines) {
        // A formatter may make a line equal to its neighbor; it has not put it there.
        let mut start = offset.0;
        for (old_line, new_line) in old_lines.iter().zip(&new_lines) {
            changes.extend(narrowed(old_line, new_line, start));
            start += old_line.chars().count();
        }
        return changes;
    }
    let mut walked = Walk { line_idx: 0, char_idx: offset.0 };
    for op in capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (old_run, new_run) = (&old_lines[op.old_range()], &new_lines[op.new_range()]);
        walked.go_to(op.old_range().start, &old_lines);
        if old_run.len() == new_run.len() {
            // As many lines as before: each against its successor keeps the edits small.
            let mut start = walked.char_idx;
            for (old_line, new_line) in old_run.iter().zip(new_run) {
                changes.extend(narrowed(old_line, new_line, start));
                start += old_line.chars().count();
            }
        } else {
            changes.extend(narrowed(&old_run.concat(), &new_run.concat(), walked.char_idx));
        }
    }
    changes
}

/// The changes that make `new` out of `old`, for clients and formatters that send the whole text.
///
/// Positions in untouched text are kept. Ordered from the end of the text to its start: applied in this
/// order, each range is still right.
pub fn whole_text_changes(old: &Rope, new: &str) -> Vec<Change> {
    let prefix = common_prefix_line(old, new);
    let suffix_bytes = common_suffix_bytes(old, new, prefix.bytes);
    let old_middle = old.byte_slice(prefix.bytes..old.len_bytes() - suffix_bytes).to_string();
    let new_middle = &new[prefix.bytes..new.len() - suffix_bytes];
    let mut changes = changes_between(&old_middle, new_middle, prefix.chars);
    changes.reverse();
    changes
}

/// How far the lines at the start agree; always the start of a line in both texts.
struct Prefix {
    bytes: usize,
    chars: CharIdx,
}

fn common_prefix_line(old: &Rope, new: &str) -> Prefix {
    let mut bytes = 0;
    for chunk in old.chunks() {
        let rest = &new.as_bytes()[bytes..];
        let same = chunk.bytes().zip(rest).take_while(|(a, b)| a == *b).count();
        bytes += same;
        if same < chunk.len() {
            break;
        }
    }
    let line_idx = old.byte_to_line(bytes);
    let start = old.line_to_byte(line_idx);
    // A line that begins after a lone `\r` in one text may not do so in the other (`\r` against `\r\n`).
    let start = if new.as_bytes().get(start) == Some(&b'\n') && new[..start].ends_with('\r') {
        old.line_to_byte(line_idx.saturating_sub(1))
    } else {
        start
    };
    Prefix { bytes: start, chars: CharIdx(old.byte_to_char(start)) }
}

/// How many bytes at the end agree, beginning right after a line feed in both texts.
fn common_suffix_bytes(old: &Rope, new: &str, prefix_bytes: usize) -> usize {
    let limit = old.len_bytes().min(new.len()) - prefix_bytes;
    let new_bytes = new.as_bytes();
    let (mut same, mut after_feed) = (0, 0);
    let (mut chunks, ..) = old.chunks_at_byte(old.len_bytes());
    'chunks: while let Some(chunk) = chunks.prev() {
        for byte in chunk.bytes().rev() {
            if same == limit || new_bytes[new.len() - 1 - same] != byte {
                break 'chunks;
            }
            if byte == b'\n' {
                after_feed = same;
            }
            same += 1;
        }
    }
    after_feed
}

/// Lines with their breaks: `\n`, `\r\n` or `\r`.
fn split_lines(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0;
    for (idx, byte) in bytes.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.get(idx + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            lines.push(&text[start..=idx]);
            start = idx + 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// Whether there are as many lines, and each differs from its successor in white space alone.
fn are_same_but_for_blanks(old: &[&str], new: &[&str]) -> bool {
    let is_same = |(old, new): (&&str, &&str)| {
        let words = |line: &str| line.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        old == new || words(old) == words(new)
    };
    old.len() == new.len() && old.iter().zip(new).all(is_same)
}

/// Where a walk over the lines stands.
struct Walk {
    line_idx: usize,
    char_idx: usize,
}

impl Walk {
    fn go_to(&mut self, line_idx: usize, lines: &[&str]) {
        let between = &lines[self.line_idx..line_idx];
        self.char_idx += between.iter().map(|line| line.chars().count()).sum::<usize>();
        self.line_idx = line_idx;
    }
}

/// The change from one run of text to another without what they share at both ends.
fn narrowed(old: &str, new: &str, start: usize) -> Option<Change> {
    if old == new {
        return None;
    }
    let old_chars: Vec<char> = old.chars().collect();
    let new_chars: Vec<char> = new.chars().collect();
    let mut prefix = old_chars.iter().zip(&new_chars).take_while(|(a, b)| a == b).count();
    while prefix > 0 && (splits(&old_chars, prefix) || splits(&new_chars, prefix)) {
        prefix -= 1;
    }
    let limit = old_chars.len().min(new_chars.len()) - prefix;
    let mut suffix = old_chars
        .iter()
        .rev()
        .zip(new_chars.iter().rev())
        .take(limit)
        .take_while(|(a, b)| a == b)
        .count();
    while suffix > 0
        && (splits(&old_chars, old_chars.len() - suffix)
            || splits(&new_chars, new_chars.len() - suffix))
    {
        suffix -= 1;
    }
    let range = CharRange::new(CharIdx(start + prefix), CharIdx(start + old_chars.len() - suffix));
    Some(Change { range, text: new_chars[prefix..new_chars.len() - suffix].iter().collect() })
}

/// Whether a boundary at `idx` would cut a CRLF or a character the user sees as one.
fn splits(chars: &[char], idx: usize) -> bool {
    let (Some(&before), Some(&after)) =
        (idx.checked_sub(1).and_then(|i| chars.get(i)), chars.get(idx))
    else {
        return false;
    };
    (before == '\r' && after == '\n') || is_joiner(after) || before == '\u{200D}'
}
