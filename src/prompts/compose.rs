//! Puts a request together so that it fits a model's window; the selection is never cut.

use std::fmt::Write as _;

use serde::Serialize;

use super::render::{Values, describe, render, uses};
use crate::actions::{Action, Output};
use crate::context::{Budget, OutlineWish, Packed, Sources, Structure, around_gap, pack};
use crate::edits::{fence_longer_than, is_prose_language};
use crate::model::{GapEdge, Infill, Request, Task, estimated_tokens};
use crate::text::{CharRange, Snapshot, line_end};

const FRAME: &str = include_str!("templates/frame.md");
const SYSTEM: &str = include_str!("templates/system.md");
const SYSTEM_REPLACE: &str = include_str!("templates/system_replace.md");
const SYSTEM_INSERT: &str = include_str!("templates/system_insert.md");
const SYSTEM_CONTINUE: &str = include_str!("templates/system_continue.md");
const SYSTEM_NEW_FILE: &str = include_str!("templates/system_new_file.md");
const SYSTEM_ANSWER: &str = include_str!("templates/system_answer.md");
const SYSTEM_DIAGNOSTICS: &str = include_str!("templates/system_diagnostics.md");
const SYSTEM_COMMIT: &str = include_str!("templates/system_commit.md");

/// A complaint about the code, as an editor or compiler gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub range: CharRange,
    /// What it says.
    pub message: String,
    /// Who says it, and its code, if known: `rustc E0308`.
    pub source: Option<String>,
    /// `error`, `warning`, `information` or `hint`.
    pub severity: &'static str,
}

/// What an action works on.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The document.
    pub snapshot: &'a Snapshot,
    /// The selected part.
    pub range: CharRange,
    /// What is wrong there.
    pub complaints: &'a [Complaint],
    /// The user's instruction.
    pub instruction: Option<&'a str>,
    /// What a parser knows of the document; empty where that is nothing.
    pub structure: &'a Structure,
    /// The rules of the user and the project; empty where there are none.
    pub rules: &'a str,
}

/// Why there is no prompt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// The action's template is broken.
    #[error("the template is broken: {detail}")]
    Template {
        /// What the template engine says.
        detail: String,
    },
    /// What must be sent, with room for the answer, is longer than the window.
    #[error("the selection is too long for the model: about {tokens} tokens are needed")]
    TooLong {
        /// Estimated need.
        tokens: usize,
    },
}

/// Makes the request for an action, for a model that reads and writes `window_tokens` in all.
///
/// Room for the answer is kept free first; what is left is shared out by [`pack`].
/// `max_answer` is the configured limit of an answer, `None` where there is none.
pub fn compose(
    action: &Action,
    material: &Material<'_>,
    window_tokens: usize,
    max_answer: Option<u32>,
) -> Result<Request, PromptError> {
    let bare = request(action, material, &Packed::default())?;
    let fixed = bare.estimated_tokens();
    let answer = answer_tokens(action.output, material);
    let budget = Budget { window: window_tokens, fixed, answer };
    let Some(mut for_context) = budget.for_context() else {
        return Err(PromptError::TooLong { tokens: fixed + answer });
    };
    let mut composed = bare;
    let outline = if uses(&action.template, "outline") {
        OutlineWish::Always
    } else {
        OutlineWish::WhereLinesAreMissing
    };
    let Material { snapshot, range, structure, rules, .. } = *material;
    let sources = Sources { snapshot, range, structure, rules, outline };
    while for_context > 0 {
        let packed = pack(&sources, for_context);
        let request = request(action, material, &packed)?;
        if request.estimated_tokens() + answer <= window_tokens {
            composed = request;
            break;
        }
        // The headings and fences of the context cost something too.
        for_context = for_context.saturating_sub(for_context / 4 + 16);
    }
    let room = window_tokens.saturating_sub(composed.estimated_tokens()).max(answer);
    composed.max_tokens = max_answer.map(|most| most.min(u32::try_from(room).unwrap_or(u32::MAX)));
    composed.infill = infill(action, material, window_tokens, answer);
    Ok(composed)
}

/// The gap at the selection's end, for a model that fills it in. It cannot be told anything, so whoever has an
/// instruction is not helped by it.
fn infill(
    action: &Action,
    material: &Material<'_>,
    window_tokens: usize,
    n_answer: usize,
) -> Option<Infill> {
    let has_instruction = material.instruction.is_some_and(|it| !it.trim().is_empty());
    if !action.infill || has_instruction {
        return None;
    }
    let snapshot = material.snapshot;
    // A few more for the marks around.
    let room = window_tokens.saturating_sub(n_answer + 16);
    let (before, after) = around_gap(snapshot, material.range.end(), room);
    // Of nothing at all a model can only dream.
    if before.trim().is_empty() {
        return None;
    }
    let edge = (!is_prose_language(&snapshot.language)).then(|| GapEdge::of(&before, &after));
    let max_tokens = u32::try_from(n_answer).unwrap_or(u32::MAX);
    Some(Infill { before, after, edge, max_tokens })
}

/// Tokens an answer may need.
fn answer_tokens(output: Output, material: &Material<'_>) -> usize {
    let selected = selected_tokens(material);
    match output {
        Output::Replace => selected + selected / 2 + 256,
        Output::InsertBefore | Output::InsertAfter => selected + 512,
        Output::Continue => 512,
        Output::NewFile => selected + 1024,
        Output::Answer | Output::Diagnostics => 1024,
    }
}

fn selected_tokens(material: &Material<'_>) -> usize {
    let text = &material.snapshot.text;
    let range = clamped(material);
    estimated_tokens(text.char_to_byte(range.end) - text.char_to_byte(range.start))
}

fn clamped(material: &Material<'_>) -> std::ops::Range<usize> {
    let n_chars = material.snapshot.text.len_chars();
    let range = material.range.chars();
    range.start.min(n_chars)..range.end.min(n_chars)
}

/// What the frame around an action's own words uses.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of the template")]
struct FrameValues<'a> {
    #[serde(flatten)]
    values: &'a Values,
    task: String,
    manner: &'static str,
    fence: String,
    tag: String,
    imports: &'a str,
    /// The file or a part of it in one piece; where that is empty, `prefix` and `suffix` are shown.
    unbroken: &'a str,
    enclosing: &'a str,
    shows_rules: bool,
    shows_outline: bool,
    shows_context: bool,
    shows_selection: bool,
    output: &'static str,
}

fn request(
    action: &Action,
    material: &Material<'_>,
    packed: &Packed,
) -> Result<Request, PromptError> {
    let values = values(material, packed);
    let template = &action.template;
    let task = render(template, &values).map_err(|error| broken(&error))?;
    let Packed { imports, enclosing, around, .. } = packed;
    let shown = [
        &values.selection,
        &values.prefix,
        &values.suffix,
        &values.rules,
        &values.outline,
        imports,
        enclosing,
    ];
    let frame = FrameValues {
        task: task.trim().to_owned(),
        manner: manner(action).trim(),
        fence: fence_longer_than(&shown.map(String::as_str)),
        tag: values.language.clone(),
        imports,
        unbroken: &around.unbroken,
        enclosing,
        // A template that shows the text itself does not need it twice.
        shows_rules: !uses(template, "rules"),
        shows_outline: !uses(template, "outline"),
        shows_context: !uses(template, "prefix") && !uses(template, "suffix"),
        shows_selection: !uses(template, "selection"),
        output: action.output.as_str(),
        values: &values,
    };
    let user = render(FRAME, &frame).map_err(|error| broken(&error))?;
    // The same for every action: what differs comes after the file, so that the front stays in a server's cache.
    Ok(Request { system: SYSTEM.trim().to_owned(), ..Request::of_user(user.trim()) })
}

fn broken(error: &minijinja::Error) -> PromptError {
    PromptError::Template { detail: describe(error) }
}

/// How an answer of a kind is to be given.
fn manner(action: &Action) -> &'static str {
    match action.output {
        Output::Answer if action.task == Task::Commit => SYSTEM_COMMIT,
        Output::Replace => SYSTEM_REPLACE,
        Output::InsertBefore | Output::InsertAfter => SYSTEM_INSERT,
        Output::Continue => SYSTEM_CONTINUE,
        Output::NewFile => SYSTEM_NEW_FILE,
        Output::Answer => SYSTEM_ANSWER,
        Output::Diagnostics => SYSTEM_DIAGNOSTICS,
    }
}

fn values(material: &Material<'_>, packed: &Packed) -> Values {
    let snapshot = material.snapshot;
    let selection = snapshot.text.slice(clamped(material)).to_string();
    Values {
        selection: selection.replace("\r\n", "\n").replace('\r', "\n"),
        file: file_name(snapshot),
        language: tag(&snapshot.language),
        prefix: packed.around.before.clone(),
        suffix: packed.around.after.clone(),
        outline: packed.outline.clone(),
        diagnostics: diagnostics(material),
        instruction: material.instruction.unwrap_or_default().trim().to_owned(),
        rules: packed.rules.clone(),
    }
}

/// The file's name and its folder's; the rest of the path tells who the user is, not what the file is.
fn file_name(snapshot: &Snapshot) -> String {
    let Some(path) = snapshot.path.as_deref() else { return String::new() };
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        })
        .collect();
    let shown = parts[parts.len().saturating_sub(2)..].join("/");
    shown.chars().filter(|c| !c.is_control() && *c != '`').collect()
}

/// The language's id as a fence can carry it.
fn tag(language: &str) -> String {
    language.chars().filter(|c| c.is_alphanumeric() || matches!(c, '+' | '#' | '-' | '_')).collect()
}

/// One line a complaint, with the code it is about: small models cannot count lines.
fn diagnostics(material: &Material<'_>) -> String {
    let text = &material.snapshot.text;
    let mut list = String::new();
    for complaint in material.complaints {
        let line_idx = text.char_to_line(complaint.range.start().0.min(text.len_chars()));
        let line = text.slice(text.line_to_char(line_idx)..line_end(text, line_idx).0);
        let line: String = line.chars().skip_while(|c| c.is_whitespace()).take(120).collect();
        let source = complaint.source.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
        let message = complaint.message.trim().replace(['\n', '\r'], " ");
        let severity = complaint.severity;
        let _ = write!(list, "- line {}, {severity}{source}: {message}", line_idx + 1);
        if line.trim().is_empty() || line.contains('`') {
            list.push('\n');
        } else {
            let _ = writeln!(list, "\n  in `{}`", line.trim_end());
        }
    }
    list.trim_end().to_owned()
}
