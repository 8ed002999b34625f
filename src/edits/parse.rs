//! From an answer to the text that goes into the document: in place of a selection, beside it, or after it.

use super::extract::{self, Found, significant};
use super::fit::{Frame, Habits, end_of, lead};
use super::indent::{self, Model};
use super::seam::{self, Seam};
use super::{Side, Target, Unusable, complete, echo};

/// As much text before the selection as a continuation may repeat, in bytes.
const N_REPEATED: usize = 8 * 1024;

/// Takes the code out of an answer and fits it to the target, in place of the selection.
///
/// Indentation, line breaks, and the white space at both ends of the selection stay as they are.
pub fn replacement(answer: &str, target: &Target<'_>) -> Result<String, Unusable> {
    let (code, fenced) = match extract::find(answer, target)? {
        Found::Code { lines, fenced } => (lines, fenced),
        Found::Patched(text) => return Ok(text),
    };
    if echo::is_neighbor(&code, target) {
        return Err(Unusable::Echo);
    }
    let mut code = echo::strip(code, target);
    complete::check_whole(&code, fenced, target)?;
    let (habits, frame) = (Habits::of(target), Frame::of(target));
    habits.restyle(&mut code);
    let code = frame.indented(code, target);
    Ok(frame.around(&code, target, &habits))
}

/// Takes the code out of an answer and fits it to go before or after the selection.
///
/// Before: to be inserted at the selection's start, ends with a line break. After: to be inserted at its end.
/// A selection that begins or ends inside a line should be widened first ([`super::widen_to_lines`]).
pub fn insertion(answer: &str, target: &Target<'_>, side: Side) -> Result<String, Unusable> {
    let (code, fenced) = extract::code(answer, target)?;
    complete::check_closed(&code, fenced, "", target)?;
    let code = without_selection(code, target, side)?;
    let (habits, frame) = (Habits::of(target), Frame::of(target));
    let mut code = code;
    habits.restyle(&mut code);
    indent::shift(&mut code, &Model { first: &frame.indent, lines: &[] });
    let (joined, line_break) = (habits.join(&code), habits.line_break);
    let text = match side {
        Side::Before => {
            let lead = lead(target.before);
            let shown = joined.strip_prefix(lead).unwrap_or(&joined);
            let lead = if lead.trim().is_empty() { lead } else { "" };
            format!("{shown}{line_break}{lead}")
        }
        Side::After if target.selection.ends_with(['\n', '\r']) => joined + line_break,
        Side::After => line_break.to_owned() + &joined,
    };
    Ok(text)
}

/// Takes the code out of an answer that goes on from the selection's end, to be inserted there.
pub fn continuation(answer: &str, target: &Target<'_>) -> Result<String, Unusable> {
    let (code, _) = extract::code(answer, target)?;
    let habits = Habits::of(target);
    let context = [end_of(target.before, N_REPEATED), target.selection].concat();
    let here = lead(&context);
    let (mut code, joins_line) = without_repetition(code, &context, here);
    let place = Target { selection: "", before: &context, ..*target };
    code = echo::strip_after(code, &place);
    if code.iter().all(|line| line.trim().is_empty()) {
        return Err(Unusable::Empty);
    }
    habits.restyle(&mut code);
    let text = if here.trim().is_empty() {
        let joined = habits.join(&indented_after(code, &context, here, &habits));
        let shown = joined.strip_prefix(here).unwrap_or_else(|| joined.trim_start()).to_owned();
        // A place at the start of a line pushes what stands there down; an empty line is filled.
        let fills_line = target.selection.is_empty() && target.after.starts_with(['\n', '\r']);
        if here.is_empty() && !context.is_empty() && !fills_line {
            shown + habits.line_break
        } else {
            shown
        }
    } else {
        // Who repeats the line shows by that how it goes on, with a space or without.
        let seam = if joins_line { Seam::Tight } else { seam::between(here, &code[0], target) };
        match seam {
            Seam::Tight => habits.join(&code),
            Seam::Space => format!(" {}", habits.join(&code)),
            Seam::LineBreak => {
                let code = indented_after(code, &context, "", &habits);
                habits.line_break.to_owned() + &habits.join(&code)
            }
        }
    };
    Ok(text)
}

/// Code for beside the selection without the selection itself, which models like to repeat.
fn without_selection(
    mut code: Vec<String>,
    target: &Target<'_>,
    side: Side,
) -> Result<Vec<String>, Unusable> {
    let own = significant(echo::lines(target.selection));
    let filled: Vec<usize> = (0..code.len()).filter(|&idx| !code[idx].trim().is_empty()).collect();
    let same = |at: usize| {
        filled.len() >= at + own.len()
            && own.iter().zip(&filled[at..]).all(|(own, &idx)| code[idx].trim() == *own)
    };
    if own.is_empty() {
        return Ok(code);
    }
    match side {
        Side::Before if filled.len() >= own.len() && same(filled.len() - own.len()) => {
            code.truncate(filled[filled.len() - own.len()]);
        }
        // Only the line under the comment, for orientation.
        Side::Before if code.last().map(|line| line.trim()) == own.first().copied() => {
            code.pop();
        }
        Side::After if same(0) => {
            code.drain(..=filled[own.len() - 1]);
        }
        _ => {}
    }
    let code = extract::without_blank_ends(code);
    if code.is_empty() {
        Err(Unusable::Empty)
    } else if own[0].len() > 5 && code.iter().any(|line| line.trim() == own[0]) {
        // It would stand there twice.
        Err(Unusable::Ambiguous)
    } else {
        Ok(code)
    }
}

/// Code without the lines before the place that it repeats; and whether it goes on inside the last line.
fn without_repetition(mut code: Vec<String>, context: &str, here: &str) -> (Vec<String>, bool) {
    let known = significant(echo::lines(context));
    let open_end = !here.trim().is_empty();
    let most = known.len().min(code.iter().filter(|line| !line.trim().is_empty()).count());
    for n_lines in (1..=most).rev() {
        let known = &known[known.len() - n_lines..];
        let filled: Vec<usize> =
            (0..code.len()).filter(|&idx| !code[idx].trim().is_empty()).take(n_lines).collect();
        let last_idx = filled[n_lines - 1];
        let (last, last_known) = (code[last_idx].trim(), known[n_lines - 1]);
        let whole = known
            .iter()
            .zip(&filled)
            .take(n_lines - 1)
            .all(|(known, &idx)| code[idx].trim() == *known);
        let says_enough =
            n_lines > 1 || last_known.chars().filter(|c| c.is_alphanumeric()).count() > 2;
        if !whole || !says_enough {
            continue;
        }
        if last == last_known {
            code.drain(..=last_idx);
            if open_end {
                code.insert(0, String::new());
            } else {
                code = extract::without_blank_ends(code);
            }
            return (code, open_end);
        }
        if open_end && let Some(rest) = code[last_idx].trim_start().strip_prefix(here.trim_start())
        {
            let rest = rest.to_owned();
            code.drain(..=last_idx);
            code.insert(0, rest);
            return (code, true);
        }
    }
    (code, false)
}

/// Lines indented for the line after the context; `here` is the white space the line has already.
fn indented_after(
    mut code: Vec<String>,
    context: &str,
    here: &str,
    habits: &Habits,
) -> Vec<String> {
    let previous =
        echo::lines(context).filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
    let mut want = if here.is_empty() { indent::of(previous).to_owned() } else { here.to_owned() };
    if here.is_empty() && indent::opens_block(previous) {
        want.push_str(&habits.one_level());
    }
    let closes = code[0].trim_start().starts_with(['}', ')', ']']);
    if !closes && indent::of(&code[0]).len() < want.len() {
        // One line at the margin after an indented one is the next item, not part of the block.
        let stands_alone = here.is_empty() && !indent::opens_block(previous) && is_item(&code);
        if !stands_alone {
            indent::shift(&mut code, &Model { first: &want, lines: &[] });
        }
    }
    code
}

/// Whether lines are one thing at the margin: its body is indented, or closed at the margin.
fn is_item(code: &[String]) -> bool {
    code.len() > 1 && indent::of(&code[0]).is_empty() && indent::opens_block(&code[0])
}
