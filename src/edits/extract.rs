//! Decides which part of an answer is the code that was asked for.
//!
//! When in doubt it refuses: an answer that is not applied can be asked for again, lost code cannot.

use super::fence::{self, Block, Parts};
use super::patch::{self, End};
use super::refusal::is_refusal;
use super::{
    Target, Unusable, clean, echo, elision, envelope, foreign, leftovers, prose, unfenced,
};

/// What an answer holds.
#[derive(Debug)]
pub(super) enum Found {
    /// Lines of code that are to be fitted to their place.
    Code {
        /// With line feeds only and no blank lines at either end.
        lines: Vec<String>,
        /// Whether a fence told where they end.
        fenced: bool,
    },
    /// The selection's new text, made by a patch, word for word.
    Patched(String),
}

/// Lines of code with what their fence said of them.
struct Piece {
    lines: Vec<String>,
    tag: String,
    fenced: bool,
}

/// The lines of code of an answer, for where a patch makes no sense.
pub(super) fn code(answer: &str, target: &Target<'_>) -> Result<(Vec<String>, bool), Unusable> {
    match find(answer, target)? {
        Found::Code { lines, fenced } => Ok((lines, fenced)),
        Found::Patched(_) => Err(Unusable::Patch),
    }
}

/// Finds the code of an answer.
pub(super) fn find(answer: &str, target: &Target<'_>) -> Result<Found, Unusable> {
    let known = known_text(target);
    let answer = leftovers::strip(answer, &known)?;
    let answer = without_quote_marks(&envelope::open(&answer, target)?, target);
    if answer.trim().is_empty() {
        return Err(Unusable::Empty);
    }
    let parts = fence::split(&answer);
    if let Some(patched) = patched(&answer, &parts, target) {
        let text = patched?;
        return check_elision(&text.lines().map(str::to_owned).collect::<Vec<_>>(), target)
            .map(|()| Found::Patched(text));
    }
    let piece = if parts.ends_unopened && prose_reads_as_code(&parts) {
        Piece { fenced: true, ..unfenced(&parts.prose.join("\n"), target)? }
    } else if parts.blocks.is_empty() && !parts.unclosed {
        unfenced(&answer, target)?
    } else {
        fenced(&answer, parts, target)?
    };
    let lines = clean::clean(piece.lines, target, &known)?;
    if lines.is_empty() {
        return Err(Unusable::Empty);
    }
    check(&lines, target)?;
    foreign::check(&lines, &piece.tag, target, &known)?;
    Ok(Found::Code { lines, fenced: piece.fenced })
}

/// Whether lines in front of a fence that was never opened are more than an announcement of a block.
fn prose_reads_as_code(parts: &Parts) -> bool {
    let last = parts.prose.iter().rfind(|line| !line.trim().is_empty());
    last.is_some_and(|line| {
        !prose::is_sentence(line) && !prose::is_chatter(line) && !line.trim_end().ends_with(':')
    })
}

/// The selection's new text where the answer is a patch; code in a block of its own goes first.
fn patched(answer: &str, parts: &Parts, target: &Target<'_>) -> Option<Result<String, Unusable>> {
    if parts.unclosed {
        return None;
    }
    if parts.blocks.is_empty() {
        let lines: Vec<String> = answer.trim_matches('\n').split('\n').map(str::to_owned).collect();
        return patch::apply(&lines, End::Open, target);
    }
    let blocks: Vec<&Block> = parts.blocks.iter().filter(|block| !is_blank(&block.lines)).collect();
    let end = |block: &Block| match block.tag.as_str() {
        "diff" | "patch" => End::Diff,
        _ => End::Closed,
    };
    if blocks.is_empty()
        || !blocks.iter().all(|block| patch::apply(&block.lines, end(block), target).is_some())
    {
        return None;
    }
    let lines: Vec<String> = blocks.iter().flat_map(|block| block.lines.clone()).collect();
    patch::apply(&lines, end(blocks[0]), target)
}

/// An answer without the marks of a quotation around it.
fn without_quote_marks(answer: &str, target: &Target<'_>) -> String {
    let mut filled = answer.lines().filter(|line| !line.trim().is_empty()).peekable();
    let has_fence = answer.lines().any(|line| {
        line.strip_prefix("> ").is_some_and(|line| fence::Fence::of_line(line).is_some())
    });
    let is_quoted = filled.all(|line| line.starts_with('>')) && has_fence;
    if !is_quoted || prose::is_prose_language(target.language) {
        return answer.to_owned();
    }
    let bare = |line: &str| {
        let line = line.strip_prefix('>').unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    };
    answer.split('\n').map(bare).collect::<Vec<_>>().join("\n")
}

/// What stands around the place: marks that occur there are code, not leftovers.
pub(super) fn known_text(target: &Target<'_>) -> String {
    const N_CHARS: usize = 4000;
    let skipped = target.before.chars().count().saturating_sub(N_CHARS);
    let mut known: String = target.before.chars().skip(skipped).collect();
    known.push_str(target.selection);
    known.extend(target.after.chars().take(N_CHARS));
    let has_tags = match target.language {
        "html" | "vue" | "svelte" | "astro" | "php" | "markdown" | "xml" | "javascriptreact"
        | "typescriptreact" => true,
        // Only some files have them.
        "javascript" | "typescript" => known.contains("</") || known.contains("/>"),
        _ => false,
    };
    if has_tags {
        // What begins and ends a turn elsewhere strikes text through here.
        known.push_str("<s></s>");
    }
    known
}

fn fenced(answer: &str, parts: Parts, target: &Target<'_>) -> Result<Piece, Unusable> {
    if is_refusal(&parts.prose.join("\n")) {
        return Err(Unusable::Refusal);
    }
    let own_fence_len = fence::longest_in(target.selection);
    let is_document_with_fences =
        own_fence_len > 0 && !parts.blocks.iter().any(|block| block.fence_len > own_fence_len);
    if is_document_with_fences {
        let lines = whole_block(answer, parts.unclosed)?;
        return Ok(Piece { lines, tag: String::new(), fenced: true });
    }
    if parts.unclosed {
        return Err(Unusable::CutOff);
    }
    let blocks: Vec<Block> =
        parts.blocks.into_iter().filter(|block| block.fence_len > own_fence_len).collect();
    let block = unwrapped(choose(blocks, target)?, target);
    let text = block.lines.join("\n");
    let opened = envelope::open(&text, target)?;
    let lines =
        if opened == text { block.lines } else { opened.split('\n').map(str::to_owned).collect() };
    Ok(Piece { lines, tag: block.tag, fenced: true })
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
            match n_fences % 2 == 0 && n_fences > 0 && !opener.info.is_empty() {
                true => Ok(inner.iter().map(|line| (*line).to_owned()).collect()),
                false if unclosed => Err(Unusable::CutOff),
                false => Err(Unusable::Ambiguous),
            }
        }
        _ if unclosed => Err(Unusable::CutOff),
        _ => Err(Unusable::Ambiguous),
    }
}

/// A block without a second pair of fences just inside the first.
fn unwrapped(mut block: Block, target: &Target<'_>) -> Block {
    let lines = without_blank_ends(block.lines.clone());
    let ends = (lines.first().map(String::as_str), lines.last().map(String::as_str));
    if let (Some(first), Some(last)) = ends
        && let (Some(opener), Some(closer)) =
            (fence::Fence::of_line(first), fence::Fence::of_line(last))
        && lines.len() > 2
        && closer.closes(&opener)
        && !prose::is_prose_language(target.language)
    {
        block.tag = opener.info.to_lowercase();
        block.lines = lines[1..lines.len() - 1].to_vec();
    }
    block
}

/// The one block that was asked for.
fn choose(blocks: Vec<Block>, target: &Target<'_>) -> Result<Block, Unusable> {
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
        1 => Ok(narrowed.swap_remove(0)),
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

fn unfenced(answer: &str, target: &Target<'_>) -> Result<Piece, Unusable> {
    unfenced::lines(answer, target).map(|(lines, fenced)| Piece {
        lines,
        tag: String::new(),
        fenced,
    })
}

/// Refuses what must not be applied although it is code.
fn check(lines: &[String], target: &Target<'_>) -> Result<(), Unusable> {
    if is_refusal(&lines.join("\n")) && !prose::is_prose_language(target.language) {
        return Err(Unusable::Refusal);
    }
    if patch::apply(lines, End::Open, target).is_some() {
        return Err(Unusable::Patch);
    }
    let ends = [lines.first(), lines.last()];
    let is_fence = |line: &&String| {
        fence::Fence::of_line(line).is_some() && !target.selection.contains(line.trim())
    };
    if ends.iter().flatten().any(is_fence) && !prose::is_prose_language(target.language) {
        return Err(Unusable::Ambiguous);
    }
    check_elision(lines, target)
}

fn check_elision(lines: &[String], target: &Target<'_>) -> Result<(), Unusable> {
    match elision::find(lines, target.selection, target.language) {
        Some(line) => Err(Unusable::Elided { line: line.chars().take(60).collect() }),
        None => Ok(()),
    }
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
