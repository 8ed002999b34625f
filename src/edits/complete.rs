//! Refuses code that cannot stand for the whole selection although every line of it is code.

use super::extract::significant;
use super::{Target, Unusable, echo, prose};

/// Refuses a replacement that was cut, that is only a comment, or that defines the same thing twice.
pub(super) fn check_whole(
    code: &[String],
    fenced: bool,
    target: &Target<'_>,
) -> Result<(), Unusable> {
    if prose::is_prose_language(target.language) {
        return Ok(());
    }
    check_closed(code, fenced, target.selection, target)?;
    if let Some(line) = comments_alone(code, target.selection) {
        return Err(Unusable::Elided { line: line.chars().take(60).collect() });
    }
    if is_doubled(code, target.selection) { Err(Unusable::Ambiguous) } else { Ok(()) }
}

/// Refuses code without a fence that leaves more brackets open than the text it stands for.
///
/// A fence tells where an answer ends; without one, open brackets are all that shows a cut.
pub(super) fn check_closed(
    code: &[String],
    fenced: bool,
    replaced: &str,
    target: &Target<'_>,
) -> Result<(), Unusable> {
    if fenced || prose::is_prose_language(target.language) {
        return Ok(());
    }
    let (have, want) = (echo::balance(&code.join("\n")), echo::balance(replaced));
    let is_cut = have.iter().zip(want).any(|(have, want)| *have > want);
    if is_cut { Err(Unusable::CutOff) } else { Ok(()) }
}

/// The first of lines that are nothing but comments, where the selection has code that they do not quote.
fn comments_alone<'a>(code: &'a [String], selection: &str) -> Option<&'a str> {
    let text = code.join("\n");
    let is_own_comment = |line: &&str| is_comment_start(line) || line.starts_with('*');
    let own: Vec<&str> = significant(echo::lines(selection));
    let own_code: Vec<&str> = own.into_iter().filter(|line| !is_own_comment(line)).collect();
    let quotes = own_code.iter().any(|line| text.contains(line));
    if own_code.is_empty() || quotes || !are_comments(code) {
        return None;
    }
    code.iter().map(|line| line.trim()).find(|line| !line.is_empty())
}

/// Whether every line is a comment, or all of them are one long string.
pub(super) fn are_comments(code: &[String]) -> bool {
    let filled: Vec<&str> = significant(code.iter().map(String::as_str));
    let text = filled.join("\n");
    let is_string = ["\"\"\"", "'''"].iter().any(|mark| {
        text.len() >= 6
            && text.starts_with(mark)
            && text.ends_with(mark)
            && text.matches(mark).count() == 2
    });
    let mut in_block = false;
    let all = filled.iter().all(|line| {
        let begins = line.starts_with("/*") || line.starts_with("<!--");
        let is_comment = in_block || begins || is_comment_start(line);
        if begins {
            in_block = true;
        }
        let closed = line.find("*/").map(|idx| idx + 2).or(line.find("-->").map(|idx| idx + 3));
        let rest = closed.map_or("", |idx| line[idx..].trim());
        if closed.is_some() {
            in_block = false;
        }
        is_comment && rest.is_empty()
    });
    is_string || all
}

/// Whether a line begins as a comment does; `#` alone also begins other things.
fn is_comment_start(line: &str) -> bool {
    ["//", "# ", "-- ", "/*", "<!--", ";; ", "; ", "% "].iter().any(|sign| line.starts_with(sign))
}

/// Whether what the selection defines once is defined twice: the old version and the new one.
fn is_doubled(code: &[String], selection: &str) -> bool {
    const DEFINING: &[&str] = &["def ", "fn ", "func ", "function ", "class ", "struct ", "enum "];
    let own = significant(echo::lines(selection));
    let name = |line: &str| -> Option<String> {
        let start = DEFINING.iter().find_map(|word| {
            let idx = line.find(word)?;
            let opens = line[..idx]
                .split_whitespace()
                .all(|word| word.chars().all(|c| c.is_alphanumeric() || "()_".contains(c)));
            opens.then_some((idx, *word))
        });
        let (idx, word) = start?;
        let rest = &line[idx + word.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        (end > 0).then(|| format!("{word}{}", &rest[..end]))
    };
    let Some(first) = own.first().and_then(|line| name(line)) else { return false };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let count = |lines: &[&str]| {
        // A decorator or attribute tells versions of a function apart that all bear its name.
        let is_marked =
            |line: &str| ["@", "#["].iter().any(|mark| line.trim_start().starts_with(mark));
        // So does a semicolon where a declaration is no definition.
        let is_plain = |idx: &usize| {
            !lines[*idx].trim_end().ends_with(';') && (*idx == 0 || !is_marked(lines[idx - 1]))
        };
        let named = |idx: &usize| name(lines[*idx].trim()).as_ref() == Some(&first);
        let found: Vec<usize> =
            (0..lines.len()).filter(named).filter(is_plain).map(|idx| indent(lines[idx])).collect();
        found.iter().filter(|depth| **depth == found[0]).count()
    };
    let code: Vec<&str> = code.iter().map(String::as_str).collect();
    let selection: Vec<&str> = echo::lines(selection).collect();
    count(&code) > 1 && count(&selection) == 1
}
