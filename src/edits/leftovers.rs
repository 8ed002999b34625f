//! Removes what chat templates, reasoning and fill-in-the-middle training leave in an answer.
//!
//! Nothing is removed that the document itself has near the selection: there it is code.

use super::Unusable;

/// After one of these the model's turn is over; what follows is invented.
const ENDS: &[&str] = &[
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|EOT|>",
    "<|end|>",
    "<|return|>",
    "<|eos|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<|im_start|>user",
    "<|user|>",
    "<|start_header_id|>user",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<EOT>",
    "▁<EOT>",
    "[INST]",
    "<<SYS>>",
    "<|fim_pad|>",
    "<fim_pad>",
    "<|file_sep|>",
    "<file_sep>",
    "<|repo_name|>",
    "<|fim_prefix|>",
    "<fim_prefix>",
    "<｜fim▁begin｜>",
];

/// What may stand in front of the model's own words.
const BEGINNINGS: &[&str] = &[
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<start_of_turn>model",
    "<|start|>assistant",
    "<|assistant|>",
    "<｜Assistant｜>",
    "<|begin_of_text|>",
    "<｜begin▁of▁sentence｜>",
    "[/INST]",
    "<s>",
];

/// The answer begins behind the last of these.
const LAST_WORDS: &[&str] = &[
    "<|channel|>final<|message|>",
    "<MID>",
    "<|fim_middle|>",
    "<fim_middle>",
    "<｜fim▁end｜>",
    "[MIDDLE]",
];

/// Ends that are also HTML or prose: they count only at the very end or alone on their line.
const LONE_ENDS: &[&str] =
    &["</s>", "[/INST]", "<|im_start|>", "<｜fim▁hole｜>", "<SUF>", "[SUFFIX]"];

/// Names of the tags in which models think aloud.
const THOUGHTS: &[&str] = &["think", "thinking", "thought", "reasoning", "reflection"];

/// The answer without leftovers. `known` is the text of the document around the place.
pub(super) fn strip(answer: &str, known: &str) -> Result<String, Unusable> {
    let text = answer.strip_prefix('\u{FEFF}').unwrap_or(answer);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = without_beginnings(&text, known);
    let text = without_thoughts(text, known)?;
    let mut text = without_beginnings(text, known);
    for mark in LAST_WORDS.iter().filter(|mark| !known.contains(**mark)) {
        if let Some(idx) = text.rfind(mark) {
            text = &text[idx + mark.len()..];
        }
    }
    let text = without_thoughts(text, known)?;
    Ok(without_ends(text, known).to_owned())
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
    for name in THOUGHTS {
        let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
        if known.contains(&opening) || known.contains(&closing) {
            continue;
        }
        // Templates often put the opening tag into the prompt, so that only the closing one is answered.
        let opens = text.trim_start().starts_with(&opening);
        if let Some(idx) = text.rfind(&closing).filter(|_| opens || name.starts_with("think")) {
            return Ok(&text[idx + closing.len()..]);
        }
        if opens {
            return Err(Unusable::CutOff);
        }
    }
    Ok(text)
}
