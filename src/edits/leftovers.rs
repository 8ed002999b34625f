//! Removes what chat templates, reasoning and fill-in-the-middle training leave in an answer.
//!
//! Nothing is removed that the document itself has near the selection: there it is code.

use super::Unusable;
use super::marks::{BEGINNINGS, CALLS, CURSORS, ENDS, LAST_WORDS, LINE_ENDS, LONE_ENDS, THOUGHTS};

/// The answer without leftovers. `known` is the text of the document around the place.
pub(super) fn strip(answer: &str, known: &str) -> Result<String, Unusable> {
    let text = answer.strip_prefix('\u{FEFF}').unwrap_or(answer);
    let text = with_line_feeds(text);
    let text = without_beginnings(&text, known);
    let text = without_thoughts(text, known)?;
    if is_call(text, known) {
        return Err(Unusable::ToolCall);
    }
    let mut text = final_channel(without_beginnings(text, known), known)?;
    for mark in LAST_WORDS.iter().filter(|mark| !known.contains(**mark)) {
        if let Some(idx) = text.rfind(mark) {
            text = &text[idx + mark.len()..];
        }
    }
    let text = without_thoughts(text, known)?;
    let mut text = without_ends(text, known).to_owned();
    for mark in CURSORS.iter().filter(|mark| !known.contains(**mark)) {
        while let Some(idx) = unquoted(&text, mark) {
            text.replace_range(idx..idx + mark.len(), "");
        }
    }
    Ok(text)
}

/// The text with line feeds only.
pub(super) fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A text that a model wrote on, up to the first mark of its training.
pub(super) struct Run {
    pub(super) text: String,
    /// Whether there was such a mark: then the model was done with it.
    pub(super) ended: bool,
}

/// The filling of a gap up to where the model's training shows. White space stays.
pub(super) fn without_marks(text: &str, known: &str) -> Run {
    let text = with_line_feeds(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let unknown = |mark: &&&str| !known.contains(**mark);
    // The mark that opens the gap may be echoed; anywhere else it begins something new.
    let opening = LAST_WORDS.iter().filter(unknown).find_map(|mark| text.strip_prefix(*mark));
    let text = opening.unwrap_or(&text);
    let ends = [ENDS, LONE_ENDS, LAST_WORDS].into_iter().flatten();
    let cut = ends.filter(unknown).filter_map(|mark| unquoted(text, mark)).min();
    Run { text: text[..cut.unwrap_or(text.len())].to_owned(), ended: cut.is_some() }
}

/// Whether a line of an answer begins to call a tool.
fn is_call(text: &str, known: &str) -> bool {
    let calls = |mark: &&str| {
        !known.contains(*mark) && text.lines().any(|line| line.trim_start().starts_with(*mark))
    };
    CALLS.iter().any(calls)
        // Harmony without its special tokens.
        || text.lines().any(|line| line.contains(" to=functions.")) && !known.contains("to=functions.")
}

/// The final channel of a Harmony answer whose special tokens were lost: `analysis...assistantfinal...`.
fn final_channel<'a>(text: &'a str, known: &str) -> Result<&'a str, Unusable> {
    let opens = |word: &str| {
        let thoughts = text.split("assistantfinal").next().unwrap_or_default();
        let line = thoughts.lines().next().unwrap_or_default();
        let rest = line.strip_prefix(word).filter(|rest| !rest.contains(['=', '(', ';', '{']));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase()) && rest.contains(' '))
    };
    if opens("analysis") && !known.contains("analysis") {
        let idx = text.rfind("assistantfinal").ok_or(Unusable::CutOff)?;
        return Ok(&text[idx + "assistantfinal".len()..]);
    }
    let in_channel = text.trim_start().starts_with("<|channel|>") && !known.contains("<|channel|>");
    if in_channel && !text.contains("<|channel|>final<|message|>") {
        return Err(Unusable::CutOff);
    }
    Ok(text)
}

fn without_beginnings<'a>(mut text: &'a str, known: &str) -> &'a str {
    loop {
        let start = text.trim_start();
        let mark =
            BEGINNINGS.iter().find(|mark| start.starts_with(**mark) && !known.contains(**mark));
        let Some(mark) = mark else { return text };
        text = start[mark.len()..].trim_start_matches('\n');
    }
}

fn without_ends<'a>(text: &'a str, known: &str) -> &'a str {
    let unknown = |mark: &&&str| !known.contains(**mark);
    let cut = ENDS.iter().filter(unknown).filter_map(|mark| unquoted(text, mark)).min();
    let mut text = &text[..cut.unwrap_or(text.len())];
    for mark in LINE_ENDS.iter().filter(unknown) {
        if let Some(idx) = text.find(&format!("\n{mark}")) {
            text = &text[..idx];
        }
    }
    for mark in LONE_ENDS.iter().filter(unknown) {
        if let Some(idx) = lone(text, mark) {
            text = &text[..idx];
        }
    }
    text
}

/// Where a mark first stands that is not the beginning of a string: code for models names these marks.
fn unquoted(text: &str, mark: &str) -> Option<usize> {
    let mut places = text.match_indices(mark).map(|(idx, _)| idx);
    places.find(|&idx| {
        let before = &text[..idx];
        !before.ends_with(['"', '\'']) && (!before.ends_with('`') || before.ends_with("```"))
    })
}

/// Where a mark stands alone on its line or at the end of the text, unless its opening tag came before.
fn lone(text: &str, mark: &str) -> Option<usize> {
    let opened = mark.starts_with("</") && text.contains(&mark.replace('/', ""));
    let mut start = 0;
    for line in text.split('\n') {
        if line.trim() == mark {
            return Some(start);
        }
        start += line.len() + 1;
    }
    let end = text.trim_end();
    (!opened && end.ends_with(mark)).then(|| end.len() - mark.len())
}

/// The answer behind the model's thoughts.
fn without_thoughts<'a>(text: &'a str, known: &str) -> Result<&'a str, Unusable> {
    for (opening, closing) in THOUGHTS {
        if known.contains(opening.trim_end()) || known.contains(closing) {
            continue;
        }
        // Templates often put the opening mark into the prompt, so that only the closing one is answered.
        let opens = text.trim_start().starts_with(opening);
        let stands_alone = opening.contains("think") || opening.contains("THINK");
        let mut ends = text.rmatch_indices(closing).map(|(idx, _)| idx);
        let end = ends.find(|idx| !text[..*idx].ends_with(['"', '\'', '`']));
        if let Some(idx) = end.filter(|_| opens || stands_alone) {
            return Ok(&text[idx + closing.len()..]);
        }
        if opens {
            return Err(Unusable::CutOff);
        }
    }
    Ok(text)
}
