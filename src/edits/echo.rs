//! Removes neighbors of the selection that a model repeats around its answer.
//!
//! Only where it is unmistakable: a line may also be meant to stand there twice.

use super::{Target, indent};

/// Lines around a selection, without line breaks.
struct Neighbors<'a> {
    /// Full lines before the selection, in order.
    before: Vec<&'a str>,
    /// What stands before the selection on its own first line.
    lead: &'a str,
    /// What stands after the selection on its own last line.
    tail: &'a str,
    /// Full lines after the selection.
    after: Vec<&'a str>,
}

/// More repeated lines than this are not looked for.
const N_LINES: usize = 40;

impl<'a> Neighbors<'a> {
    fn of(target: &Target<'a>) -> Self {
        let mut before = last_lines(target.before);
        let lead = before.pop().unwrap_or_default();
        let up_to_here = if target.selection.is_empty() { target.before } else { target.selection };
        let ends_line = up_to_here.ends_with(['\n', '\r']);
        let mut after: Vec<&str> = lines(target.after).take(N_LINES).collect();
        let tail = if ends_line || after.is_empty() { "" } else { after.remove(0) };
        Self { before, lead, tail, after }
    }
}

/// Whether code is nothing but what stands right before or right after the selection.
pub(super) fn is_neighbor(code: &[String], target: &Target<'_>) -> bool {
    let code = super::extract::significant(code.iter().map(String::as_str));
    if code == super::extract::significant(lines(target.selection)) {
        return false;
    }
    let around = Neighbors::of(target);
    let before = super::extract::significant(around.before.into_iter());
    let after = super::extract::significant(around.after.into_iter());
    let says_enough = code.len() > 1 || code.first().is_some_and(|line| is_substantial(line));
    says_enough && (before.ends_with(&code) || after.starts_with(&code))
}

/// The code without repeated neighbors.
pub(super) fn strip(mut code: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let around = Neighbors::of(target);
    strip_parts_of_lines(&mut code, &around, target.selection);
    let selection: Vec<&str> = super::extract::significant(lines(target.selection));
    if let Some(inner) = enclosed(&code, &around, target.selection) {
        return super::extract::without_blank_ends(inner.to_vec());
    }
    while let Some(inner) = in_a_head(&code, target) {
        code = super::extract::without_blank_ends(inner.to_vec());
    }
    let n_before = echo_before(&code, &around.before, &selection, target.selection);
    code.drain(..n_before);
    let n_after = echo_after(&code, &around.after, &selection, target.selection);
    code.truncate(code.len() - n_after);
    super::extract::without_blank_ends(code)
}

/// The code inside a repeated line on both sides: the neighbors, or the head and the end of the block around.
fn enclosed<'a>(code: &'a [String], around: &Neighbors<'_>, text: &str) -> Option<&'a [String]> {
    let (first, inner) = code.split_first()?;
    let (last, inner) = inner.split_last()?;
    let above = around.before.iter().rfind(|line| !line.trim().is_empty())?;
    let below = around.after.iter().find(|line| !line.trim().is_empty())?;
    let repeats = first.trim() == above.trim() && last.trim() == below.trim();
    let is_sure = is_substantial(first) && (balance(first) != [0; 3] || is_substantial(last));
    (repeats && is_sure && balance(&inner.join("\n")) == balance(text)).then_some(inner)
}

/// The code inside of a block that the selection stands in already, however far above that begins.
fn in_a_head<'a>(code: &'a [String], target: &Target<'_>) -> Option<&'a [String]> {
    let (first, rest) = code.split_first()?;
    let selected = lines(target.selection).find(|line| !line.trim().is_empty())?;
    let is_head = || {
        // Most are not there at all, which is soon known.
        target.before.contains(first.trim())
            && heads_of(target, selected).any(|head| head.trim() == first.trim())
    };
    if !is_substantial(first) || first.trim() == selected.trim() || !is_head() {
        return None;
    }
    if heads(first, rest) && !rest.is_empty() {
        return Some(rest);
    }
    let (last, inner) = rest.split_last()?;
    let closes =
        balance(first).iter().zip(balance(last)).all(|(opens, closes)| opens + closes == 0);
    let is_block = balance(first) != [0; 3] && closes && !is_substantial(last);
    (is_block && balance(&inner.join("\n")) == balance(target.selection)).then_some(inner)
}

/// The lines above the selection that are indented less than all between them and it, innermost first.
fn heads_of<'a>(target: &Target<'a>, selected: &str) -> impl Iterator<Item = &'a str> {
    // The start of the selection's line may not be selected.
    let lead = target.before.rsplit('\n').next().unwrap_or_default();
    let mut depth = indent::of(lead).len()
        + if lead.trim().is_empty() { indent::of(selected).len() } else { 0 };
    let above = target.before[..target.before.len() - lead.len()].rsplit('\n');
    above.filter(move |line| {
        let is_head = !line.trim().is_empty() && indent::of(line).len() < depth;
        if is_head {
            depth = indent::of(line).len();
        }
        is_head
    })
}

/// The code without repeated lines of what follows it, for a place with nothing selected.
pub(super) fn strip_after(mut code: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let around = Neighbors::of(target);
    let n_after = echo_after(&code, &around.after, &[], "");
    code.truncate(code.len() - n_after);
    code
}

/// How many lines at the start repeat what stands before the selection.
fn echo_before(code: &[String], before: &[&str], selection: &[&str], text: &str) -> usize {
    let before: Vec<&str> = before.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    let filled = filled(code);
    let most = before.len().min(filled.len().saturating_sub(1));
    for n_lines in (1..=most).rev() {
        let neighbors = &before[before.len() - n_lines..];
        let same = filled.iter().zip(neighbors).all(|(&idx, line)| code[idx].trim() == line.trim());
        let (head, rest) = code.split_at(filled[n_lines]);
        if !same
            || !head.iter().any(|line| is_substantial(line))
            || starts_with(selection, &code[filled[0]])
        {
            continue;
        }
        let resumes = rest.first().map(|line| line.trim()) == selection.first().copied();
        if n_lines > 1 || resumes || heads(&head[0], rest) || better_balance(code, rest, text) {
            return head.len();
        }
    }
    0
}

/// How many lines at the end repeat what stands after the selection.
fn echo_after(code: &[String], after: &[&str], selection: &[&str], text: &str) -> usize {
    let after: Vec<&str> = after.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    let filled = filled(code);
    let most = after.len().min(filled.len().saturating_sub(1));
    for n_lines in (1..=most).rev() {
        let last_own = filled[filled.len() - n_lines - 1];
        let (rest, end) = code.split_at(last_own + 1);
        let repeated = &filled[filled.len() - n_lines..];
        let same = repeated.iter().zip(&after).all(|(&idx, line)| code[idx].trim() == line.trim());
        let last = code[filled[filled.len() - 1]].trim();
        if !same || selection.last() == Some(&last) {
            continue;
        }
        let ends_alike = rest.last().map(|line| line.trim()) == selection.last().copied();
        let substantial = end.iter().any(|line| is_substantial(line));
        if better_balance(code, rest, text) || (substantial && (n_lines > 1 || ends_alike)) {
            return end.len();
        }
    }
    0
}

/// Indexes of the lines that are not blank.
fn filled(code: &[String]) -> Vec<usize> {
    (0..code.len()).filter(|&idx| !code[idx].trim().is_empty()).collect()
}

/// Where the selection begins or ends inside a line: the rest of that line, repeated.
fn strip_parts_of_lines(code: &mut [String], around: &Neighbors<'_>, selection: &str) {
    let lead = around.lead.trim();
    if let Some(first) = code.first_mut()
        && is_substantial(lead)
        && !selection.trim_start().starts_with(lead)
        && let Some(rest) = first.trim_start().strip_prefix(lead)
        && !rest.trim().is_empty()
    {
        *first = rest.trim_start().to_owned();
    }
    let joined = code.join("\n");
    if let Some(shorter) = without_tail(&joined, around.tail, selection)
        && let Some(last) = code.last_mut()
    {
        lines(shorter).last().unwrap_or_default().trim_end().clone_into(last);
    }
}

/// A text without the rest of the line that it goes in front of, where it unmistakably repeats that.
pub(super) fn without_tail<'a>(text: &'a str, tail: &str, selection: &str) -> Option<&'a str> {
    let tail = tail.trim();
    if tail.is_empty() || selection.trim_end().ends_with(tail) {
        return None;
    }
    let shorter = text.trim_end().strip_suffix(tail)?;
    let rest = lines(shorter).last().unwrap_or_default();
    let balanced = balance(shorter) == balance(selection) && balance(text) != balance(selection);
    let is_sure = is_substantial(tail) || balanced || (tail == ";" && !rest.contains(';'));
    (!rest.trim().is_empty() && is_sure).then_some(shorter)
}

/// Whether a line opens the block that all the rest is inside of: nobody wants that block in itself.
fn heads(line: &str, rest: &[String]) -> bool {
    let filled = || rest.iter().filter(|line| !line.trim().is_empty());
    let depth = indent::of(line).len();
    line.trim_end().ends_with(':') && filled().all(|line| indent::of(line).len() > depth)
}

fn starts_with(selection: &[&str], line: &str) -> bool {
    selection.first().is_some_and(|first| *first == line.trim())
}

/// Whether the shorter code opens and closes as many brackets as the selection does and the longer does not.
fn better_balance(longer: &[String], shorter: &[String], selection: &str) -> bool {
    let wanted = balance(selection);
    balance(&longer.join("\n")) != wanted && balance(&shorter.join("\n")) == wanted
}

/// Open brackets less closed ones, of each kind.
pub(super) fn balance(text: &str) -> [i32; 3] {
    let mut balance = [0; 3];
    for c in text.chars() {
        match c {
            '(' => balance[0] += 1,
            ')' => balance[0] -= 1,
            '[' => balance[1] += 1,
            ']' => balance[1] -= 1,
            '{' => balance[2] += 1,
            '}' => balance[2] -= 1,
            _ => {}
        }
    }
    balance
}

/// Whether a line says enough not to recur by chance, as `}` or `end` do.
pub(super) fn is_substantial(line: &str) -> bool {
    let line = line.trim();
    line.chars().filter(|c| c.is_alphanumeric()).count() >= 4 && line.chars().count() >= 6
}

/// The lines of a text with any line break, the part after the last break included.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The last lines of a text, the part after the last break included.
fn last_lines(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text.rsplit('\n').take(N_LINES).collect();
    found.reverse();
    found.into_iter().flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')).collect()
}
