//! Reads answers that are patches: unified diffs, search-and-replace blocks, `*** Begin Patch`.
//!
//! One is applied only where every old line is found word for word, in one place alone, and where nothing
//! outside the selection changes. Line numbers in hunk headers are not believed: models cannot count.

use super::{Target, Unusable, echo};

/// As many lines on each side of the selection as a hunk's context may name.
const N_AROUND: usize = 60;

/// Lines that are to become other lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hunk {
    old: Vec<String>,
    new: Vec<String>,
}

/// How an answer that is a patch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its fence was closed and names it a diff.
    Diff,
    /// Its fence was closed.
    Closed,
    /// Nothing outside of the patch tells that it is whole.
    Open,
}

/// The selection's new text by a patch. `None` where the lines are no patch, an error where they do not apply.
pub(super) fn apply(
    lines: &[String],
    end: End,
    target: &Target<'_>,
) -> Option<Result<String, Unusable>> {
    if matches!(target.language, "diff" | "patch") {
        return None;
    }
    let hunks = match shape(lines, end, target)? {
        Shape::Signs => signed_hunks(lines, end),
        Shape::Search => search_hunks(lines),
        Shape::Tags => tag_hunks(&lines.join("\n")),
    };
    let applied =
        hunks.filter(|hunks| !hunks.is_empty() && !target.selection.is_empty()).and_then(|hunks| {
            let around = Window::around(target);
            around.apply(&hunks).or_else(|| Window::alone(target).apply(&hunks))
        });
    Some(applied.ok_or(Unusable::Patch))
}

enum Shape {
    /// `+` and `-` in front of the lines.
    Signs,
    /// `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE`.
    Search,
    /// `<old>`, `<new>` and their like.
    Tags,
}

fn shape(lines: &[String], end: End, target: &Target<'_>) -> Option<Shape> {
    let own = |line: &String| target.selection.contains(line.trim()) && !line.trim().is_empty();
    let foreign = || lines.iter().filter(|line| !own(line));
    if foreign().any(|line| begins_search(line) || ends_replace(line)) {
        return Some(Shape::Search);
    }
    if OLD_TAGS
        .iter()
        .any(|(old, _)| foreign().any(|line| line.trim_start().starts_with(&format!("<{old}>"))))
    {
        return Some(Shape::Tags);
    }
    let is_header = |line: &String| {
        is_hunk_header(line)
            || ["--- a/", "+++ b/", "diff --git ", "*** Begin Patch", "*** Update File:"]
                .iter()
                .any(|start| line.starts_with(start))
    };
    if end == End::Diff || foreign().any(is_header) {
        return Some(Shape::Signs);
    }
    // All of the old lines with signs in front of them, but no header.
    let signed = lines.iter().filter(|line| line.starts_with(['+', '-'])).count();
    let both = lines.iter().any(|line| line.starts_with('+'))
        && lines.iter().any(|line| line.starts_with('-'));
    let own_signs = target.selection.lines().any(|line| line.trim_start().starts_with(['+', '-']));
    let is_prose = super::prose::is_prose_language(target.language) || target.language == "yaml";
    (both && !own_signs && signed * 3 > lines.len() && !is_prose).then_some(Shape::Signs)
}

fn is_hunk_header(line: &str) -> bool {
    line.starts_with("@@ -") && line[3..].contains(" @@") || line.trim_end() == "@@"
}

/// The hunks of a diff. An open end needs headers whose counts are right, or an end mark.
fn signed_hunks(lines: &[String], end: End) -> Option<Vec<Hunk>> {
    let is_marked = lines.iter().any(|line| line.trim_end() == "*** End Patch");
    let begins = lines.iter().any(|line| line.starts_with("*** Begin Patch"));
    if begins && !is_marked {
        return None;
    }
    let mut hunks: Vec<(Hunk, Option<(usize, usize)>)> = Vec::new();
    let mut current = (Hunk::default(), None);
    for line in lines {
        if line.starts_with("@@") {
            hunks.push(std::mem::take(&mut current));
            current.1 = counts_of(line);
            continue;
        }
        let is_header = ["--- ", "+++ ", "diff --git ", "index ", "*** ", "\\ No newline"]
            .iter()
            .any(|start| line.starts_with(start));
        if is_header {
            continue;
        }
        let hunk = &mut current.0;
        match (line.chars().next(), line.get(1..)) {
            (Some('-'), Some(rest)) => hunk.old.push(rest.to_owned()),
            (Some('+'), Some(rest)) => hunk.new.push(rest.to_owned()),
            (Some(' '), Some(rest)) => {
                hunk.old.push(rest.to_owned());
                hunk.new.push(rest.to_owned());
            }
            (None, _) => {
                hunk.old.push(String::new());
                hunk.new.push(String::new());
            }
            // A line without a sign: it may be context, or anything.
            _ => return None,
        }
    }
    hunks.push(current);
    hunks.retain(|(hunk, _)| !(hunk.old.is_empty() && hunk.new.is_empty()) && hunk.old != hunk.new);
    let is_whole = end != End::Open
        || is_marked
        || hunks.iter().all(|(hunk, counts)| *counts == Some((hunk.old.len(), hunk.new.len())));
    is_whole.then(|| hunks.into_iter().map(|(hunk, _)| without_blank_ends(hunk)).collect())
}

/// How many old and new lines a header announces.
fn counts_of(header: &str) -> Option<(usize, usize)> {
    let mut words = header.split_whitespace().skip(1);
    let mut count = |sign: char| -> Option<usize> {
        let range = words.next()?.strip_prefix(sign)?;
        range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    Some((count('-')?, count('+')?))
}

/// A hunk without blank context at its ends, which is an artifact of how it was written.
fn without_blank_ends(mut hunk: Hunk) -> Hunk {
    while hunk.old.len() > 1
        && hunk.new.len() > 1
        && hunk.old.last() == hunk.new.last()
        && hunk.old.last().is_some_and(String::is_empty)
    {
        hunk.old.pop();
        hunk.new.pop();
    }
    while hunk.old.len() > 1
        && hunk.new.len() > 1
        && hunk.old.first() == hunk.new.first()
        && hunk.old.first().is_some_and(String::is_empty)
    {
        hunk.old.remove(0);
        hunk.new.remove(0);
    }
    hunk
}

fn begins_search(line: &str) -> bool {
    // Seven angles are a conflict mark, whatever word follows.
    line.starts_with("<<<<<<< ")
        || mark_word(line, ['<', '-'])
            .is_some_and(|word| matches!(word, "SEARCH" | "ORIGINAL" | "HEAD" | "OLD"))
}

fn ends_replace(line: &str) -> bool {
    line.starts_with(">>>>>>> ")
        || mark_word(line, ['>', '+'])
            .is_some_and(|word| matches!(word, "REPLACE" | "UPDATED" | "NEW"))
}

/// The word behind at least five of a mark, which may be closed by one more: `<<<<<<< SEARCH>`.
fn mark_word(line: &str, marks: [char; 2]) -> Option<&str> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| marks.contains(c))?;
    let rest = line.trim_start_matches(mark);
    (line.len() - rest.len() >= 5).then(|| rest.trim().trim_end_matches('>'))
}

/// The hunks of search-and-replace blocks; `None` where one of them is not well formed.
fn search_hunks(lines: &[String]) -> Option<Vec<Hunk>> {
    enum Part {
        Outside,
        Old,
        New,
    }
    let is_middle = |line: &str| line.trim().len() >= 5 && line.trim().chars().all(|c| c == '=');
    let (mut hunks, mut hunk, mut part) = (Vec::new(), Hunk::default(), Part::Outside);
    for line in lines {
        part = match part {
            Part::Outside if begins_search(line) => Part::Old,
            Part::Outside if ends_replace(line) || is_middle(line) => return None,
            Part::Outside => Part::Outside,
            Part::Old if is_middle(line) => Part::New,
            Part::New if ends_replace(line) => {
                hunks.push(std::mem::take(&mut hunk));
                Part::Outside
            }
            Part::Old | Part::New if begins_search(line) || ends_replace(line) => return None,
            // A second divider: nobody knows which of them divides.
            Part::New if is_middle(line) => return None,
            Part::Old => {
                hunk.old.push(line.clone());
                Part::Old
            }
            Part::New => {
                hunk.new.push(line.clone());
                Part::New
            }
        };
    }
    matches!(part, Part::Outside).then_some(hunks)
}

/// Tags in which other tools ask for old and new text.
const OLD_TAGS: &[(&str, &str)] = &[
    ("SEARCH", "REPLACE"),
    ("search", "replace"),
    ("old", "new"),
    ("old_string", "new_string"),
    ("old_str", "new_str"),
    ("old_text", "new_text"),
];

/// The hunks between tags.
fn tag_hunks(text: &str) -> Option<Vec<Hunk>> {
    let (old, new) = OLD_TAGS.iter().find(|(old, _)| text.contains(&format!("<{old}>")))?;
    let lines = |text: &str| -> Vec<String> {
        let text = text.strip_prefix('\n').unwrap_or(text);
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_owned).collect() }
    };
    let mut hunks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(&format!("<{old}>")) {
        let (old_text, behind) = begun.split_once(&format!("</{old}>"))?;
        let (between, begun) = behind.split_once(&format!("<{new}>"))?;
        let (new_text, behind) = begun.split_once(&format!("</{new}>"))?;
        if !between.trim().is_empty() {
            return None;
        }
        hunks.push(Hunk { old: lines(old_text), new: lines(new_text) });
        rest = behind;
    }
    Some(hunks)
}

/// The lines among which old lines are looked for, and those of them that may change.
struct Window {
    lines: Vec<String>,
    /// Indexes of the lines that belong to the selection.
    own: std::ops::Range<usize>,
    /// What stands in the document in front of the selection on its first line.
    lead: String,
    /// What stands behind it on its last line.
    tail: String,
    /// The selection's line breaks, one behind each of its lines.
    breaks: Vec<String>,
}

impl Window {
    /// The selection with its neighborhood, where it is whole lines.
    fn around(target: &Target<'_>) -> Self {
        let mut before: Vec<&str> = echo::lines(target.before).collect();
        let lead = before.pop().unwrap_or_default().to_owned();
        let n_skipped = before.len().saturating_sub(N_AROUND);
        let before: Vec<String> =
            before[n_skipped..].iter().map(|line| (*line).to_owned()).collect();
        let (mut own, breaks) = split(target.selection);
        if let Some(first) = own.first_mut() {
            *first = lead.clone() + first;
        }
        let mut after: Vec<String> =
            echo::lines(target.after).take(N_AROUND).map(str::to_owned).collect();
        let ends_line = target.selection.ends_with(['\n', '\r']);
        let tail = if ends_line || after.is_empty() { String::new() } else { after.remove(0) };
        if let Some(last) = own.last_mut() {
            last.push_str(&tail);
        }
        let range = before.len()..before.len() + own.len();
        Self { lines: [before, own, after].concat(), own: range, lead, tail, breaks }
    }

    /// The selection as the model was shown it, which may begin and end inside lines.
    fn alone(target: &Target<'_>) -> Self {
        let (lines, breaks) = split(target.selection);
        let (lead, tail) = (String::new(), String::new());
        Self { own: 0..lines.len(), lines, lead, tail, breaks }
    }

    /// The selection's text after all hunks; `None` where one of them does not apply.
    fn apply(&self, hunks: &[Hunk]) -> Option<String> {
        let mut places =
            hunks.iter().map(|hunk| self.place(hunk)).collect::<Option<Vec<Place>>>()?;
        places.sort_by_key(|place| place.start);
        if places.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return None;
        }
        let fallback = self.breaks.iter().find(|one| !one.is_empty()).cloned();
        let fallback = fallback.unwrap_or_else(|| "\n".to_owned());
        let mut lines: Vec<(String, String)> =
            self.lines[self.own.clone()].iter().cloned().zip(self.breaks.iter().cloned()).collect();
        for place in places.iter().rev() {
            let range = place.start - self.own.start..place.end - self.own.start;
            let ends_open =
                range.end == lines.len() && lines.last().is_some_and(|(_, end)| end.is_empty());
            let new: Vec<(String, String)> =
                place.new.iter().map(|line| (line.clone(), fallback.clone())).collect();
            if ends_open
                && range.is_empty()
                && let Some((_, end)) = lines.last_mut()
            {
                end.clone_from(&fallback);
            }
            lines.splice(range, new);
            if ends_open && let Some((_, end)) = lines.last_mut() {
                end.clear();
            }
        }
        let text: String = lines.into_iter().flat_map(|(line, end)| [line, end]).collect();
        text.strip_prefix(&self.lead)?.strip_suffix(&self.tail).map(str::to_owned)
    }

    /// Where a hunk changes something: found once, and inside the selection.
    fn place(&self, hunk: &Hunk) -> Option<Place> {
        let trimmed = |line: &String| line.trim_end().to_owned();
        let old: Vec<String> = hunk.old.iter().map(trimmed).collect();
        if old.iter().all(String::is_empty) || old.len() > self.lines.len() {
            return None;
        }
        let lines: Vec<String> = self.lines.iter().map(trimmed).collect();
        let mut found =
            (0..=lines.len() - old.len()).filter(|&idx| lines[idx..idx + old.len()] == old);
        let (start, None) = (found.next()?, found.next()) else { return None };
        let head = old.iter().zip(&hunk.new).take_while(|(old, new)| **old == trimmed(new)).count();
        let tail = old[head..]
            .iter()
            .rev()
            .zip(hunk.new[head..].iter().rev())
            .take_while(|(old, new)| **old == trimmed(new))
            .count();
        let place = Place {
            start: start + head,
            end: start + old.len() - tail,
            new: hunk.new[head..hunk.new.len() - tail].to_vec(),
        };
        (place.start >= self.own.start && place.end <= self.own.end).then_some(place)
    }
}

/// Lines of a window that become other lines.
struct Place {
    start: usize,
    end: usize,
    new: Vec<String>,
}

/// A text's lines and the line breaks behind them; the part after the last break counts if it is not empty.
fn split(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut breaks) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(idx) = rest.find(['\n', '\r']) {
        let n_bytes = if rest[idx..].starts_with("\r\n") { 2 } else { 1 };
        lines.push(rest[..idx].to_owned());
        breaks.push(rest[idx..idx + n_bytes].to_owned());
        rest = &rest[idx + n_bytes..];
    }
    if !rest.is_empty() {
        lines.push(rest.to_owned());
        breaks.push(String::new());
    }
    (lines, breaks)
}
