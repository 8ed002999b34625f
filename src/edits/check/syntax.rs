//! What a parser says of an edit.

use ropey::Rope;

use super::{Fault, Found, Proposed, shown};
use crate::syntax::{Flaw, Health, Parsed};
use crate::text::{Change, CharIdx, CharRange};

/// The document's tree after the edit.
fn after(edit: &Proposed<'_>) -> Option<Parsed> {
    edit.parsed?.after(&[change(edit)])
}

/// The declarations that the edit touches as they are then, and where in them the new text stands; the whole
/// document where these cannot be read by themselves.
pub(super) fn fragment_or_whole(edit: &Proposed<'_>) -> Option<(Parsed, CharRange)> {
    let fragment = edit.parsed?.fragment_after(&change(edit));
    fragment.or_else(|| Some((after(edit)?, new_place(edit))))
}

fn change(edit: &Proposed<'_>) -> Change {
    Change { range: edit.range, text: edit.text.to_owned() }
}

/// Whether the parser understands the document less well than before.
pub(super) fn errors(edit: &Proposed<'_>) -> Found {
    let Some(before) = edit.parsed else { return unknown(edit) };
    if let Some((fragment, place)) = before.fragment_after(&change(edit))
        && fragment.health(place) == Health::default()
    {
        return Found::Nothing;
    }
    let Some(after) = &after(edit) else { return unknown(edit) };
    let place = new_place(edit);
    let was = before.health(edit.range);
    if !after.health(place).is_worse_than(&was) {
        return Found::Nothing;
    }
    // A parser that goes on from an old tree sometimes finds its way out of an error worse than one that
    // begins anew, and it is the document as it will be read anew that counts.
    let anew = Parsed::of(after.text(), &edit.snapshot.language);
    let after = anew.as_ref().unwrap_or(after);
    let health = after.health(place);
    if !health.is_worse_than(&was) {
        return Found::Nothing;
    }
    // One far away may have been there before.
    let is_ours = |flaw: &Flaw| is_in(place, flaw.at) || was == Health::default();
    let flaw = after.flaw_at(place).filter(is_ours);
    let detail = detail(edit, after, flaw.as_ref(), &health, &was);
    let line = flaw.map(|flaw| line_at(after.text(), flaw.at));
    Found::Fault(Fault::of_answer(format!("it brings in a syntax error{detail}"), line))
}

/// Whether the code is the same but for comments.
pub(super) fn code_kept(edit: &Proposed<'_>) -> Found {
    let (Some(before), Some(after)) = (edit.parsed, after(edit)) else { return unknown(edit) };
    let tokens = after.tokens(new_place(edit));
    let Some(at) = tokens.first_difference(&before.tokens(edit.range)) else {
        return Found::Nothing;
    };
    let n_line = after.text().char_to_line(at.0) + 1;
    let reason = format!("it changes code (line {n_line}), and only comments were to change");
    Found::Fault(Fault::of_answer(reason, Some(line_at(after.text(), at))))
}

pub(super) fn unknown(edit: &Proposed<'_>) -> Found {
    let language = &edit.snapshot.language;
    Found::Unknown(if language.is_empty() {
        "the language is not known".to_owned()
    } else if crate::syntax::grammar(language).is_none() {
        format!("no grammar for {language}")
    } else {
        "the text takes too long to parse".to_owned()
    })
}

/// Where the new text stands.
fn new_place(edit: &Proposed<'_>) -> CharRange {
    let start = edit.range.start();
    CharRange::new(start, CharIdx(start.0 + edit.text.chars().count()))
}

fn is_in(place: CharRange, at: CharIdx) -> bool {
    place.start() <= at && at <= place.end()
}

/// What is known of an error, in brackets.
fn detail(
    edit: &Proposed<'_>,
    after: &Parsed,
    flaw: Option<&Flaw>,
    health: &Health,
    was: &Health,
) -> String {
    if let Some(brackets) = brackets(edit, after) {
        return format!(" ({brackets})");
    }
    let Some(flaw) = flaw else { return String::new() };
    let n_line = after.text().char_to_line(flaw.at.0) + 1;
    let is_mark = |kind: &str| kind.chars().all(|c| c.is_ascii_punctuation());
    match &flaw.missing {
        Some(kind) if is_mark(kind) => format!(" (line {n_line}: a `{kind}` is missing)"),
        _ if health.n_flaws > was.n_flaws => format!(" (line {n_line})"),
        _ if after.grammar().name == "python" => {
            format!(" (line {n_line}: the indentation does not fit)")
        }
        _ if after.grammar().name == "markdown" => {
            format!(" (line {n_line}: the code block is never closed)")
        }
        _ => format!(" (line {n_line})"),
    }
}

/// Which bracket is missing or too many in the new text, counted against the old one.
fn brackets(edit: &Proposed<'_>, after: &Parsed) -> Option<String> {
    let old = edit.parsed?.tokens(edit.range);
    let new = after.tokens(new_place(edit));
    [("{", "}"), ("(", ")"), ("[", "]")].into_iter().find_map(|(open, close)| {
        match new.surplus(open, close) - old.surplus(open, close) {
            0 => None,
            1 => Some(format!("a `{close}` is missing")),
            -1 => Some(format!("one `{close}` too many")),
            n if n > 0 => Some(format!("{n} `{close}` are missing")),
            n => Some(format!("{} `{close}` too many", -n)),
        }
    })
}

fn line_at(text: &Rope, at: CharIdx) -> String {
    shown(&text.line(text.char_to_line(at.0)).to_string())
}
