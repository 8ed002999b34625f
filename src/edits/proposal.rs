//! An edit that waits for the user: hunks that follow the text and can be applied one by one.
//!
//! Whether a hunk can be applied is read off the text each time: it can where its old lines stand. So an undo
//! makes an applied hunk applicable again, and one whose lines the user changed never overwrites them. That it was
//! applied once is remembered: who took it back has decided, and is not to be reminded of it unasked.

use std::fmt::Write as _;

use ropey::Rope;
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::diff::{header_path, push_lines, smallest_changes, span};
use super::region::Region;
use crate::text::{Change, CharIdx, CharRange};

/// Changed lines with no more than twice so many unchanged ones between them are one hunk.
const N_CONTEXT_LINES: usize = 1;

/// A proposed edit of one document.
#[derive(Clone, Debug)]
pub struct Proposal {
    hunks: Vec<Hunk>,
}

/// A part of a proposal that makes sense alone.
#[derive(Clone, Debug)]
pub struct Hunk {
    region: Region,
    old: String,
    new: String,
    was_applied: bool,
}

/// What a hunk is in the text as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HunkState {
    /// It can be applied.
    Pending,
    /// What it proposes stands there.
    Applied,
    /// Its lines have changed; it cannot be applied.
    Stale,
}

impl Proposal {
    /// Proposes `new` in place of `old`, which begins at `start` of the document as it is now.
    pub fn new(old: &str, new: &str, start: CharIdx) -> Self {
        let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
        let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
        let ops = capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines);
        let mut hunks = Vec::new();
        for group in group_diff_ops(ops, N_CONTEXT_LINES) {
            let mut changed = group.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
            let Some(first) = changed.next() else { continue };
            let last = changed.next_back().unwrap_or(first);
            let old_run = first.old_range().start..last.old_range().end;
            let new_run = first.new_range().start..last.new_range().end;
            let n_before: usize =
                old_lines[..old_run.start].iter().map(|line| line.chars().count()).sum();
            let (old, new) = (old_lines[old_run].concat(), new_lines[new_run].concat());
            let from = start.0 + n_before;
            let range = CharRange::new(CharIdx(from), CharIdx(from + old.chars().count()));
            hunks.push(Hunk { region: Region::new(range), old, new, was_applied: false });
        }
        Self { hunks }
    }

    /// The hunks, from the start of the document on.
    pub fn hunks(&self) -> &[Hunk] {
        &self.hunks
    }

    /// Moves the hunks as a change moves the text.
    pub fn follow(&mut self, change: &Change) {
        for hunk in &mut self.hunks {
            hunk.region.follow(change);
        }
    }

    /// Remembers which hunks stand in the text as it is.
    pub fn note_applied(&mut self, now: &Rope) {
        for hunk in self.hunks.iter_mut().filter(|hunk| !hunk.was_applied) {
            hunk.was_applied = hunk.state(now) == HunkState::Applied;
        }
    }

    /// Lets some hunks take in what is inserted at their borders: our own edit is on its way to them.
    pub fn expect_edit(&mut self, chosen: &[usize]) {
        for &idx in chosen {
            if let Some(hunk) = self.hunks.get_mut(idx) {
                hunk.region = hunk.region.taking_in();
            }
        }
    }

    /// The opposite of [`Proposal::expect_edit`], where the edit did not come.
    pub fn expect_nothing(&mut self) {
        for hunk in &mut self.hunks {
            hunk.region = Region::new(hunk.region.range);
        }
    }

    /// The hunks that can be applied to the text as it is.
    pub fn pending(&self, now: &Rope) -> Vec<usize> {
        let is_pending = |idx: &usize| self.hunks[*idx].state(now) == HunkState::Pending;
        (0..self.hunks.len()).filter(is_pending).collect()
    }

    /// The smallest changes that apply some hunks, ascending, all ranges in the text as it is.
    pub fn changes(&self, chosen: &[usize]) -> Vec<Change> {
        let mut chosen: Vec<&Hunk> = chosen.iter().filter_map(|&idx| self.hunks.get(idx)).collect();
        chosen.sort_by_key(|hunk| hunk.region.range.start());
        chosen
            .into_iter()
            .flat_map(|hunk| smallest_changes(&hunk.old, &hunk.new, hunk.region.range.start()))
            .collect()
    }

    /// The pending hunks as a patch, each with its number, from 1, in its head.
    pub fn diff(&self, now: &Rope, path: &str) -> String {
        let pending = self.pending(now);
        let mut diff = String::new();
        if pending.is_empty() {
            return diff;
        }
        _ = writeln!(diff, "--- {}\n+++ {}", header_path("a", path), header_path("b", path));
        let runs: Vec<(usize, usize)> =
            pending.iter().map(|&idx| self.hunks[idx].lines(now)).collect();
        let mut n_added = 0_isize;
        for (nth, (&idx, &(from, to))) in pending.iter().zip(&runs).enumerate() {
            let floor = nth.checked_sub(1).map_or(0, |before| runs[before].1);
            let ceiling = runs.get(nth + 1).map_or(n_lines(now), |after| after.0);
            let before = from.saturating_sub(N_CONTEXT_LINES).max(floor.min(from))..from;
            let after = to..(to + N_CONTEXT_LINES).min(ceiling.max(to));
            let (old, new) = self.hunks[idx].whole_lines(now, from, to);
            let (old, new): (Vec<&str>, Vec<&str>) =
                (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
            let n_around = before.len() + after.len();
            let new_start = before.start.saturating_add_signed(n_added);
            let old_span = span(before.start, after.end);
            let new_span = span(new_start, new_start + n_around + new.len());
            _ = writeln!(diff, "@@ -{old_span} +{new_span} @@ hunk {}", idx + 1);
            push_context(&mut diff, now, before);
            push_lines(&mut diff, '-', &old);
            push_lines(&mut diff, '+', &new);
            push_context(&mut diff, now, after);
            n_added += new.len().cast_signed() - old.len().cast_signed();
        }
        diff
    }
}

impl Hunk {
    /// Where it is now.
    pub fn range(&self) -> CharRange {
        self.region.range
    }

    /// What it is in the text as it is now.
    pub fn state(&self, now: &Rope) -> HunkState {
        match now.get_slice(self.region.range.chars()) {
            Some(text) if text == self.old.as_str() => HunkState::Pending,
            Some(text) if text == self.new.as_str() => HunkState::Applied,
            _ => HunkState::Stale,
        }
    }

    /// Whether it stood in the text once; where it does no longer, the user has taken it back.
    pub fn was_applied(&self) -> bool {
        self.was_applied
    }

    /// What stands there once it is applied.
    pub fn new_text(&self) -> &str {
        &self.new
    }

    /// The lines it touches: the first, and the one after the last.
    fn lines(&self, now: &Rope) -> (usize, usize) {
        let (start, end) = (self.region.range.start().0, self.region.range.end().0);
        let (first, last) = (now.char_to_line(start), now.char_to_line(end));
        let at_line_start = now.line_to_char(last) == end;
        // An insertion between lines touches none.
        let is_whole = at_line_start && (self.new.is_empty() || self.new.ends_with('\n'));
        (first, if is_whole { last.max(first) } else { (last + 1).min(n_lines(now).max(first)) })
    }

    /// Those lines before and after.
    fn whole_lines(&self, now: &Rope, from: usize, to: usize) -> (String, String) {
        let (start, end) = (now.line_to_char(from), now.line_to_char(to));
        let range = self.region.range;
        let head = now.slice(start..range.start().0.max(start));
        let tail = now.slice(range.end().0.min(end)..end);
        (now.slice(start..end).to_string(), format!("{head}{}{tail}", self.new))
    }
}

/// Lines that hold something; what follows the final line break is none.
fn n_lines(now: &Rope) -> usize {
    let last = now.len_lines().saturating_sub(1);
    if now.line_to_char(last) == now.len_chars() { last } else { last + 1 }
}

fn push_context(diff: &mut String, now: &Rope, lines: std::ops::Range<usize>) {
    let lines: Vec<String> = lines.map(|line_idx| now.line(line_idx).to_string()).collect();
    push_lines(diff, ' ', &lines.iter().map(String::as_str).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "head\na\nb\nc\nd\ne\nf\ntail\n";

    /// A proposal for the lines from `a` to `f` of [`OLD`].
    fn proposal(new: &str) -> Proposal {
        Proposal::new("a\nb\nc\nd\ne\nf\n", new, CharIdx(5))
    }

    fn apply(proposal: &mut Proposal, now: &mut Rope, chosen: &[usize]) {
        let changes = proposal.changes(chosen);
        proposal.expect_edit(chosen);
        for change in changes.iter().rev() {
            change.apply(now);
            proposal.follow(change);
        }
    }

    fn states(proposal: &Proposal, now: &Rope) -> Vec<HunkState> {
        proposal.hunks().iter().map(|hunk| hunk.state(now)).collect()
    }

    fn change(start: usize, end: usize, text: &str) -> Change {
        let range = CharRange::new(CharIdx(start), CharIdx(end));
        Change { range, text: text.to_owned() }
    }

    #[test]
    fn hunks_are_applied_one_by_one_and_in_any_order() {
        let mut now = Rope::from_str(OLD);
        let mut proposal = proposal("xa\nb\nc\nd\nnew\ne\nF\n");
        assert_eq!(states(&proposal, &now), [HunkState::Pending; 2]);
        apply(&mut proposal, &mut now, &[1]);
        assert_eq!(now, "head\na\nb\nc\nd\nnew\ne\nF\ntail\n");
        assert_eq!(states(&proposal, &now), [HunkState::Pending, HunkState::Applied]);
        apply(&mut proposal, &mut now, &[0]);
        assert_eq!(now, "head\nxa\nb\nc\nd\nnew\ne\nF\ntail\n");
        assert_eq!(states(&proposal, &now), [HunkState::Applied; 2]);
    }

    #[test]
    fn typing_elsewhere_moves_hunks_and_typing_inside_makes_one_stale() {
        let mut now = Rope::from_str(OLD);
        let mut proposal = proposal("A\nb\nc\nd\ne\nF\n");
        for change in [change(0, 0, "more\n"), change(20, 21, "ff")] {
            change.apply(&mut now);
            proposal.follow(&change);
        }
        assert_eq!(now, "more\nhead\na\nb\nc\nd\ne\nff\ntail\n");
        assert_eq!(states(&proposal, &now), [HunkState::Pending, HunkState::Stale]);
        assert_eq!(proposal.pending(&now), [0]);
        apply(&mut proposal, &mut now, &[0]);
        assert_eq!(now, "more\nhead\nA\nb\nc\nd\ne\nff\ntail\n");
        // And back.
        let undo = change(20, 22, "f");
        undo.apply(&mut now);
        proposal.follow(&undo);
        assert_eq!(states(&proposal, &now), [HunkState::Applied, HunkState::Pending]);
    }

    #[test]
    fn the_diff_is_a_patch_with_numbers() {
        let now = Rope::from_str(OLD);
        let proposal = proposal("A\nb\nc\nd\nnew\ne\nf\n");
        assert_eq!(
            proposal.diff(&now, "x.rs"),
            "--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,3 @@ hunk 1\n head\n-a\n+A\n b\n@@ -5,2 +5,3 @@ hunk 2\n d\n+new\n e\n"
        );
    }

    #[test]
    fn a_diff_inside_of_a_line_shows_the_line() {
        let now = Rope::from_str("x = (a + b);\n");
        let proposal = Proposal::new("a + b", "sum", CharIdx(5));
        assert_eq!(
            proposal.diff(&now, "x"),
            "--- a/x\n+++ b/x\n@@ -1 +1 @@ hunk 1\n-x = (a + b);\n+x = (sum);\n"
        );
        let now = Rope::from_str("a\nb");
        let proposal = Proposal::new("b", "c\nd", CharIdx(2));
        assert_eq!(
            proposal.diff(&now, "x"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@ hunk 1\n a\n-b\n\\ No newline at end of file\n+c\n+d\n\\ No newline at end of file\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn some_hunks_and_then_the_rest_make_the_whole(
            old in proptest::collection::vec("[abc\u{1F980}]{0,2}", 0..10),
            new in proptest::collection::vec("[abc\u{1F980}]{0,2}", 0..10),
            crlf: bool,
            chosen in proptest::collection::vec(proptest::bool::ANY, 12),
        ) {
            let eol = if crlf { "\r\n" } else { "\n" };
            let (old, new) = (old.join(eol), new.join(eol));
            let mut now = Rope::from_str(&format!("head\n{old}\ntail"));
            let mut proposal = Proposal::new(&old, &new, CharIdx(5));
            let (first, rest): (Vec<usize>, Vec<usize>) =
                (0..proposal.hunks().len()).partition(|&idx| chosen[idx]);
            apply(&mut proposal, &mut now, &first);
            proptest::prop_assert_eq!(proposal.pending(&now), rest.clone());
            apply(&mut proposal, &mut now, &rest);
            proptest::prop_assert_eq!(now.to_string(), format!("head\n{new}\ntail"));
            let all = proposal.hunks().iter().all(|hunk| hunk.state(&now) == HunkState::Applied);
            proptest::prop_assert!(all);
        }
    }
}
