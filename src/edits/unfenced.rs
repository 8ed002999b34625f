//! Takes code out of an answer that has no fence to tell where it begins and ends.

use super::extract::{significant, without_blank_ends};
use super::refusal::is_refusal;
use super::{Target, Unusable, envelope, prose};

/// The lines of code of such an answer, and whether other marks told where they end.
pub(super) fn lines(answer: &str, target: &Target<'_>) -> Result<(Vec<String>, bool), Unusable> {
    if is_refusal(answer) {
        return Err(Unusable::Refusal);
    }
    if answer.chars().all(|c| matches!(c, '`' | '~') || c.is_whitespace()) {
        return Err(Unusable::NoCode);
    }
    if let Some(code) = inline_code(answer, target) {
        return Ok((vec![code], true));
    }
    let n_marks = answer.trim_start().bytes().take_while(|byte| *byte == b'`').count();
    let opens_string = target.selection.trim_start().starts_with('`')
        || envelope::is_markup(target.language) && n_marks == 1;
    if n_marks > 0 && !opens_string && !prose::is_prose_language(target.language) {
        // Quoted code whose end is missing.
        return Err(Unusable::CutOff);
    }
    let lines = without_blank_ends(answer.split('\n').map(str::to_owned).collect());
    let own: Vec<&str> = significant(target.selection.lines());
    let is_talk = |line: &str| prose::is_chatter(line) && !own.contains(&line.trim());
    if prose::is_prose_language(target.language) {
        // "# Changes" is a heading there.
        let talks = [lines.first(), lines.last()]
            .into_iter()
            .flatten()
            .any(|line| is_talk(line) && !line.starts_with('#'));
        return if talks { Err(Unusable::NoCode) } else { Ok((lines, false)) };
    }
    let lines = without_talk(lines, &own, target);
    let is_label = |idx: usize| {
        let line = &lines[idx];
        let stands_apart = lines[idx - 1].trim().is_empty() && line.trim_end().ends_with(':');
        stands_apart && is_talk(line) && !is_key(line, target)
    };
    if (1..lines.len()).any(is_label) {
        // "Before: ... After: ...": two versions, and no fence tells where one ends.
        return Err(Unusable::NoCode);
    }
    let keys = lines.iter().map(|line| line.trim()).filter(|line| is_key(line, target));
    let own: Vec<&str> = own.into_iter().chain(keys).collect();
    if reads_as_code(&lines, &own) && !is_table_or_list(&lines, target.selection) {
        Ok((lines, false))
    } else {
        Err(Unusable::NoCode)
    }
}

/// Whether a line is a key: in YAML one word with a colon is no talk.
fn is_key(line: &str, target: &Target<'_>) -> bool {
    target.language == "yaml" && line.split_whitespace().count() < 3
}

/// Lines without an announcement in front and an explanation in paragraphs behind.
fn without_talk(mut lines: Vec<String>, own: &[&str], target: &Target<'_>) -> Vec<String> {
    let is_own = |line: &str| own.contains(&line.trim());
    if lines.len() > 1 && envelope::same_language(lines[0].trim(), target.language) {
        // The tag of a fence that was left away.
        lines.remove(0);
    }
    let announces = |line: &String| {
        prose::is_chatter(line) && ends_sentence(line) && !is_own(line) && !is_key(line, target)
    };
    if lines.first().is_some_and(announces) {
        lines.remove(0);
        lines = without_blank_ends(lines);
    }
    let explains = |line: &String| prose::is_whole_sentence(line) && !is_own(line);
    while let Some(idx) = last_paragraph(&lines).filter(|&idx| lines[idx..].iter().all(explains)) {
        lines.truncate(idx);
        lines = without_blank_ends(lines);
    }
    lines
}

/// Code on one line between backticks and nothing else.
fn inline_code(answer: &str, target: &Target<'_>) -> Option<String> {
    let text = answer.trim();
    let n_marks = text.bytes().take_while(|byte| *byte == b'`').count();
    let marks = &text[..n_marks];
    let inner = text.strip_prefix(marks)?.strip_suffix(marks)?;
    let plain = n_marks > 0
        && !inner.is_empty()
        && !inner.contains(['`', '\n'])
        && !target.selection.trim().starts_with('`');
    let (tag, rest) = inner.split_once(' ').unwrap_or(("", inner));
    let is_tag = n_marks > 2 && envelope::same_language(tag, target.language);
    plain.then(|| if is_tag { rest.to_owned() } else { inner.to_owned() })
}

/// Whether code is only quoted, in the cells of a table or the points of a list.
fn is_table_or_list(lines: &[String], selection: &str) -> bool {
    let filled = || lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let is_rule = |line: &str| {
        line.starts_with('|') && line.contains("--") && line.chars().all(|c| "|-: ".contains(c))
    };
    let is_cells = filled().all(|line| line.starts_with('|') && line.ends_with('|'));
    let is_point = |line: &str| {
        let point = ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark));
        let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (point || number.len() < line.len() && number.starts_with(". ")) && line.contains('`')
    };
    (is_cells && filled().any(is_rule)) || (filled().all(is_point) && !selection.contains('`'))
}

fn ends_sentence(line: &str) -> bool {
    line.trim_end().trim_end_matches('*').ends_with([':', '.', '!'])
}

/// Where the last paragraph of several begins.
fn last_paragraph(lines: &[String]) -> Option<usize> {
    lines.iter().rposition(|line| line.trim().is_empty()).map(|idx| idx + 1)
}

/// Whether unfenced lines are code: neither end is a sentence, and most lines are none.
fn reads_as_code(lines: &[String], own: &[&str]) -> bool {
    let is_prose = |line: &&String| {
        let text = line.trim();
        !own.contains(&text) && (prose::is_sentence(text) || prose::is_chatter(text))
    };
    let significant: Vec<&String> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
    let (Some(first), Some(last)) = (significant.first(), significant.last()) else { return false };
    let n_prose = significant.iter().copied().filter(is_prose).count();
    !is_prose(first) && !is_prose(last) && n_prose * 2 < significant.len()
}
