//! Decides which part of an answer is the code that was asked for.
//!
//! When in doubt it refuses: an answer that is not applied can be asked for again, lost code cannot.

use super::fence::{self, Block, Parts};
use super::{Target, Unusable, echo, elision, leftovers, prose};

/// The lines of code of an answer, with line feeds only and no blank lines at either end.
pub(super) fn code(answer: &str, target: &Target<'_>) -> Result<Vec<String>, Unusable> {
    let known = known_text(target);
    let answer = leftovers::strip(answer, &known)?;
    if answer.trim().is_empty() {
        return Err(Unusable::Empty);
    }
    let parts = fence::split(&answer);
    let lines = if parts.blocks.is_empty() && !parts.unclosed {
        unfenced(&answer, target)?
    } else {
        fenced(&answer, parts, target)?
    };
    let lines = without_blank_ends(lines);
    if lines.is_empty() {
        return Err(Unusable::Empty);
    }
    check(&lines, target)?;
    Ok(lines)
}

/// What stands around the place: marks that occur there are code, not leftovers.
fn known_text(target: &Target<'_>) -> String {
    const N_CHARS: usize = 4000;
    let skipped = target.before.chars().count().saturating_sub(N_CHARS);
    let mut known: String = target.before.chars().skip(skipped).collect();
    known.push_str(target.selection);
    known.extend(target.after.chars().take(N_CHARS));
    known
}

fn fenced(answer: &str, parts: Parts, target: &Target<'_>) -> Result<Vec<String>, Unusable> {
    if prose::is_refusal(&parts.prose.join("\n")) {
        return Err(Unusable::Refusal);
    }
    let own_fence_len = fence::longest_in(target.selection);
    let is_document_with_fences =
        own_fence_len > 0 && !parts.blocks.iter().any(|block| block.fence_len > own_fence_len);
    if is_document_with_fences {
        return whole_block(answer, parts.unclosed);
    }
    if parts.unclosed {
        return Err(Unusable::CutOff);
    }
    let blocks: Vec<Block> =
        parts.blocks.into_iter().filter(|block| block.fence_len > own_fence_len).collect();
    choose(blocks, target)
}

/// The block around the whole answer, where the selection has fences of its own that look the same.
fn whole_block(answer: &str, unclosed: bool) -> Result<Vec<String>, Unusable> {
    let lines: Vec<&str> = answer.trim().lines().collect();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        return Err(Unusable::Empty);
    };
    let opener = fence::Fence::of_line(first);
    let closer = fence::Fence::of_line(last);
    match (opener, closer) {
        (Some(opener), Some(closer)) if lines.len() > 2 && closer.closes(&opener) => {
            let inner = &lines[1..lines.len() - 1];
            let n_fences =
                inner.iter().filter(|line| fence::Fence::of_line(line).is_some()).count();
            if n_fences % 2 == 0 && n_fences > 0 && !opener.info.is_empty() {
                Ok(inner.iter().map(|line| (*line).to_owned()).collect())
            } else {
                Err(Unusable::Ambiguous)
            }
        }
        _ if unclosed => Err(Unusable::CutOff),
        _ => Err(Unusable::Ambiguous),
    }
}

/// The one block that was asked for.
fn choose(blocks: Vec<Block>, target: &Target<'_>) -> Result<Vec<String>, Unusable> {
    let mut blocks: Vec<Block> =
        blocks.into_iter().filter(|block| !is_blank(&block.lines)).collect();
    if blocks.iter().any(|block| block.tag == "diff") && target.language != "diff" {
        blocks.retain(|block| block.tag != "diff");
        if blocks.is_empty() {
            return Err(Unusable::Patch);
        }
    }
    let mut narrowed = blocks.clone();
    narrowed.dedup_by(|a, b| a.lines == b.lines);
    let selection: Vec<&str> = significant(target.selection.lines());
    // "Before: ... After: ...": the code as it was is not the answer.
    drop_unless_all(&mut narrowed, |block| {
        significant(block.lines.iter().map(String::as_str)) == selection
    });
    // Nor are the lines around it, which the prompt showed in blocks of their own.
    drop_unless_all(&mut narrowed, |block| echo::is_neighbor(&block.lines, target));
    if narrowed.len() > 1 {
        drop_unless_all(&mut narrowed, |block| is_other_language(&block.tag, target.language));
    }
    if narrowed.len() > 1 {
        // The new version of the code begins as the old one does; examples of its use do not.
        drop_unless_all(&mut narrowed, |block| {
            let lines = significant(block.lines.iter().map(String::as_str));
            lines.first() != selection.first()
        });
    }
    match narrowed.len() {
        0 => Err(Unusable::Empty),
        1 => Ok(narrowed.swap_remove(0).lines),
        _ => Err(Unusable::Ambiguous),
    }
}

fn drop_unless_all(blocks: &mut Vec<Block>, is_unwanted: impl Fn(&Block) -> bool) {
    if !blocks.iter().all(&is_unwanted) {
        blocks.retain(|block| !is_unwanted(block));
    }
}

/// Whether a block is a shell session or output beside code in another language.
fn is_other_language(tag: &str, language: &str) -> bool {
    const SHELLS: &[&str] = &["bash", "sh", "shell", "console", "zsh", "powershell", "shellscript"];
    const OUTPUTS: &[&str] = &["text", "txt", "plaintext", "output", "log"];
    (SHELLS.contains(&tag) && !SHELLS.contains(&language)) || OUTPUTS.contains(&tag)
}

fn unfenced(answer: &str, target: &Target<'_>) -> Result<Vec<String>, Unusable> {
    if prose::is_refusal(answer) {
        return Err(Unusable::Refusal);
    }
    if answer.chars().all(|c| matches!(c, '`' | '~') || c.is_whitespace()) {
        return Err(Unusable::NoCode);
    }
    if let Some(code) = inline_code(answer, target.selection) {
        return Ok(vec![code]);
    }
    let mut lines: Vec<String> = answer.split('\n').map(str::to_owned).collect();
    lines = without_blank_ends(lines);
    let own: Vec<&str> = significant(target.selection.lines());
    let is_talk = |line: &str| prose::is_chatter(line) && !own.contains(&line.trim());
    if prose::is_prose_language(target.language) {
        let talks = lines.first().is_some_and(|line| is_talk(line))
            || lines.last().is_some_and(|line| is_talk(line));
        return if talks { Err(Unusable::NoCode) } else { Ok(lines) };
    }
    if lines.len() > 1 && !target.language.is_empty() && lines[0].trim() == target.language {
        // The tag of a fence that was left away.
        lines.remove(0);
    }
    if lines.first().is_some_and(|line| is_talk(line) && ends_sentence(line)) {
        lines.remove(0);
        lines = without_blank_ends(lines);
    }
    while let Some(idx) = last_paragraph(&lines) {
        if !lines[idx..].iter().all(|line| prose::is_sentence(line) && !own.contains(&line.trim()))
        {
            break;
        }
        lines.truncate(idx);
        lines = without_blank_ends(lines);
    }
    if reads_as_code(&lines, &own) { Ok(lines) } else { Err(Unusable::NoCode) }
}

/// Code between single backticks and nothing else.
fn inline_code(answer: &str, selection: &str) -> Option<String> {
    let text = answer.trim();
    let inner = text.strip_prefix('`')?.strip_suffix('`')?;
    let plain =
        !inner.is_empty() && !inner.contains(['`', '\n']) && !selection.trim().starts_with('`');
    plain.then(|| inner.to_owned())
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

/// Refuses what must not be applied although it is code.
fn check(lines: &[String], target: &Target<'_>) -> Result<(), Unusable> {
    if prose::is_refusal(&lines.join("\n")) && !prose::is_prose_language(target.language) {
        return Err(Unusable::Refusal);
    }
    if is_patch(lines, target) {
        return Err(Unusable::Patch);
    }
    match elision::find(lines, target.selection, target.language) {
        Some(line) => Err(Unusable::Elided { line: line.chars().take(60).collect() }),
        None => Ok(()),
    }
}

fn is_patch(lines: &[String], target: &Target<'_>) -> bool {
    if matches!(target.language, "diff" | "patch") {
        return false;
    }
    let marks = |line: &String| {
        (line.starts_with("@@ -") && line[3..].contains(" @@"))
            || line.starts_with("<<<<<<< ")
            || line.starts_with(">>>>>>> ")
            || line.starts_with("--- a/")
            || line.starts_with("+++ b/")
    };
    if lines.iter().any(|line| marks(line) && !target.selection.contains(line.trim())) {
        return true;
    }
    // All of the old lines with signs in front of them, but no header.
    let signed = |line: &&String| line.starts_with(['+', '-']);
    let n_signed = lines.iter().filter(signed).count();
    let both = lines.iter().any(|line| line.starts_with('+'))
        && lines.iter().any(|line| line.starts_with('-'));
    let own_signs = target.selection.lines().any(|line| line.starts_with(['+', '-']));
    both && !own_signs && n_signed * 3 > lines.len() && !prose::is_prose_language(target.language)
}

/// The lines of a text that are not blank, trimmed.
pub(super) fn significant<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    lines.map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn is_blank(lines: &[String]) -> bool {
    lines.iter().all(|line| line.trim().is_empty())
}

/// Without the blank lines at both ends, and without white space behind the last line.
pub(super) fn without_blank_ends(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let n_blank = lines.iter().take_while(|line| line.trim().is_empty()).count();
    lines.drain(..n_blank);
    if let Some(last) = lines.last_mut() {
        last.truncate(last.trim_end().len());
    }
    lines
}
