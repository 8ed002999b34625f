//! Takes from the lines of a code block what the model put among them and the user did not ask for.

use super::extract::{significant, without_blank_ends};
use super::{Target, Unusable, envelope, numbers, prose, typography};

/// Languages whose statements read as sentences and may end in a full stop.
const ENGLISH_LIKE: &[&str] = &["cobol", "abap", "prolog", "sas", "inform7", "smalltalk"];

/// Cleans the lines of an answer. `known` is the text of the document around the place.
pub(super) fn clean(
    lines: Vec<String>,
    target: &Target<'_>,
    known: &str,
) -> Result<Vec<String>, Unusable> {
    let lines = envelope::without_lone_tags(without_blank_ends(lines), target);
    let lines = numbers::strip(without_blank_ends(lines), target)?;
    let mut lines = without_prompts(lines, target);
    if !prose::is_prose_language(target.language) {
        lines = without_path(lines, known);
        lines = without_talk(lines, target);
    }
    typography::clean(&mut lines, target, known);
    Ok(without_blank_ends(lines))
}

/// Lines as typed at a prompt, without the prompt; only where every line bears one.
fn without_prompts(lines: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let shell = matches!(target.language, "shellscript" | "bash" | "sh" | "zsh" | "fish");
    let prompts: &[&str] = if shell { &["$ "] } else { &[">>> ", "... ", ">>>", "..."] };
    let own = target.selection.lines().any(|line| line.trim_start().starts_with(prompts[0]));
    let is_typed = |line: &String| {
        line.trim().is_empty() || prompts.iter().any(|prompt| line.starts_with(prompt))
    };
    let begins = lines.first().is_some_and(|line| line.starts_with(prompts[0]));
    if own || !begins || !lines.iter().all(is_typed) {
        return lines;
    }
    let bare = |line: &String| {
        let prompt = prompts.iter().find(|prompt| line.starts_with(**prompt));
        line[prompt.map_or(0, |prompt| prompt.len())..].to_owned()
    };
    lines.iter().map(bare).collect()
}

/// Lines without a first one that only names a file, which chat assistants are told to write.
fn without_path(mut lines: Vec<String>, known: &str) -> Vec<String> {
    let Some(first) = lines.first() else { return lines };
    let text = first.trim();
    let bare = ["<!--", "//", "#", "--", "/*"].iter().find_map(|sign| text.strip_prefix(sign));
    let bare = bare.map(|text| text.trim_end_matches("*/").trim_end_matches("-->").trim());
    let named = bare.map(|text| {
        let lower = text.to_lowercase();
        let label =
            ["filename:", "file:", "filepath:", "path:"].iter().find(|it| lower.starts_with(**it));
        text[label.map_or(0, |label| label.len())..].trim()
    });
    let is_path = named.is_some_and(|path| {
        let (stem, ending) = path.rsplit_once('.').unwrap_or(("", ""));
        !stem.is_empty()
            && !stem.ends_with(['/', '.'])
            && (1..=5).contains(&ending.len())
            && ending.chars().all(|c| c.is_ascii_alphanumeric())
            && ending.contains(|c: char| c.is_ascii_alphabetic())
            && path.chars().all(|c| c.is_alphanumeric() || "/\\._-+@".contains(c))
    });
    if is_path && lines.len() > 1 && !known.contains(text) {
        lines.remove(0);
    }
    lines
}

/// Lines without sentences about the code at both ends.
fn without_talk(mut lines: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let is_script = ["javascript", "typescript", "php"]
        .iter()
        .any(|language| target.language.starts_with(language));
    let is_page = envelope::is_markup(target.language) && !is_script;
    if is_page || ENGLISH_LIKE.contains(&target.language) {
        // A sentence between elements is content.
        return lines;
    }
    let own = significant(target.selection.lines());
    let is_own = |line: &str| own.contains(&line.trim());
    // One word with a colon is a key or a label.
    while lines.len() > 1
        && lines[0].split_whitespace().count() > 2
        && prose::is_chatter(&lines[0])
        && lines[0].trim_end().ends_with([':', '!', '.'])
        && !is_own(&lines[0])
    {
        lines.remove(0);
        lines = without_blank_ends(lines);
    }
    while let Some(start) = lines.iter().rposition(|line| line.trim().is_empty()) {
        let tail = &lines[start + 1..];
        let talks = tail.iter().all(|line| prose::is_whole_sentence(line) && !is_own(line));
        if !talks || in_long_string(&lines[..start]) {
            break;
        }
        lines.truncate(start);
        lines = without_blank_ends(lines);
    }
    lines
}

/// Whether a text ends inside a string or comment over several lines.
fn in_long_string(lines: &[String]) -> bool {
    let text = lines.join("\n");
    let is_odd = |mark: &str| text.matches(mark).count() % 2 == 1;
    let opens = |open: &str, close: &str| text.matches(open).count() > text.matches(close).count();
    is_odd("\"\"\"")
        || is_odd("'''")
        || is_odd("`")
        || is_odd("\"")
        || opens("/*", "*/")
        || opens("=begin", "=end")
        || text.contains("<<")
}
