//! Reads the list of findings in an answer: the form that was asked for, and those that models fall into.

use serde_json::Value;

use super::Severity;
use crate::text::without_invisible;

/// A finding as the model gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) severity: Severity,
    /// Code that it copied.
    pub(super) quote: Option<String>,
    /// Where it believes that stands, from 1.
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

/// More than this is a model that runs in circles.
const MOST: usize = 50;

/// A message longer than this is an essay; editors show it in a box of a few lines.
const LONGEST: usize = 600;

/// The findings of an answer, in its order.
pub(super) fn findings(answer: &str) -> Vec<Raw> {
    let answer = without_thoughts(answer);
    let mut found = of_json(&answer);
    if found.is_empty() {
        found = of_list(&answer);
    }
    found.retain(|raw| !is_empty_talk(raw));
    found.truncate(MOST);
    found
}

/// What stands in the prompt in place of a line of code.
const PLACEHOLDER: &str = "the line of code, copied";

/// Whether a finding is the form of one, as the prompt shows it, or the word that there are none.
fn is_empty_talk(raw: &Raw) -> bool {
    const NONE: [&str; 6] =
        ["no findings", "no issues", "no problems", "no errors", "nothing to report", "none"];
    let is_form = |text: &str| text.to_lowercase().contains(PLACEHOLDER);
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let says_none = |text: &str| {
        let text = bare(text);
        let text = text.strip_suffix(" found").unwrap_or(&text);
        NONE.contains(&text)
    };
    let quote = raw.quote.as_deref().unwrap_or_default();
    is_form(quote)
        || is_form(&raw.message)
        || says_none(&raw.message)
        || says_none(quote) && bare(&raw.message).is_empty()
}

/// Whether an answer says that there is nothing to report.
pub(super) fn says_nothing_found(answer: &str) -> bool {
    const WORDS: [&str; 14] = [
        "no findings",
        "no issues",
        "no problems",
        "no bugs",
        "no errors",
        "nothing to report",
        "nothing wrong",
        "looks good",
        "looks fine",
        "looks correct",
        "is correct",
        "lgtm",
        "did not find any",
        "no significant",
    ];
    let text = without_thoughts(answer).to_lowercase();
    let text = text.trim();
    text == "[]" || (text.len() < 800 && WORDS.iter().any(|word| text.contains(word)))
}

fn without_thoughts(answer: &str) -> String {
    let end = ["</think>", "</thinking>"]
        .iter()
        .filter_map(|mark| answer.rfind(mark).map(|at| at + mark.len()))
        .max();
    without_invisible(&answer[end.unwrap_or(0)..]).replace("\r\n", "\n")
}

/// Lines that begin a finding, each with those after it that go on with it.
fn of_list(answer: &str) -> Vec<Raw> {
    let mut found: Vec<Raw> = Vec::new();
    let mut is_open = false;
    let mut is_in_fence = false;
    for line in answer.lines() {
        if line.trim_start().starts_with("```") {
            is_in_fence = !is_in_fence;
            continue;
        }
        if let Some(raw) = begun(line) {
            found.push(raw);
            is_open = true;
        } else if line.trim().is_empty() || line.starts_with('#') {
            // A gap ends a finding; what comes then is about all of them.
            is_open = is_open && found.last().is_some_and(|raw| raw.message.is_empty());
        } else if let Some(last) = found.last_mut().filter(|_| is_open) {
            go_on(last, line.trim(), is_in_fence);
        }
    }
    found.retain(|raw| !raw.message.trim().is_empty());
    for raw in &mut found {
        raw.message = tidy(&raw.message);
    }
    found
}

/// Words that models use for how bad something is.
const WORDS: [(&str, Severity); 27] = [
    ("error", Severity::Error),
    ("err", Severity::Error),
    ("fatal", Severity::Error),
    ("bug", Severity::Error),
    ("critical", Severity::Error),
    ("major", Severity::Error),
    ("high", Severity::Error),
    ("blocker", Severity::Error),
    ("security", Severity::Error),
    ("vulnerability", Severity::Error),
    ("warning", Severity::Warning),
    ("warn", Severity::Warning),
    ("medium", Severity::Warning),
    ("moderate", Severity::Warning),
    ("issue", Severity::Warning),
    ("problem", Severity::Warning),
    ("information", Severity::Information),
    ("info", Severity::Information),
    ("note", Severity::Information),
    ("hint", Severity::Information),
    ("minor", Severity::Information),
    ("low", Severity::Information),
    ("suggestion", Severity::Information),
    ("nit", Severity::Information),
    ("nitpick", Severity::Information),
    ("style", Severity::Information),
    ("trivial", Severity::Information),
];

/// What a word means, in whatever case.
fn severity(word: &str) -> Option<Severity> {
    let found = WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
    found.map(|(_, severity)| *severity)
}

/// The start of a finding: an optional bullet and line number, a severity, a mark, then quote and message.
fn begun(line: &str) -> Option<Raw> {
    const OPENING: [char; 5] = ['*', '_', '[', '(', ' '];
    const CLOSING: [char; 5] = ['*', '_', ']', ')', ' '];
    const MARKS: [char; 6] = [':', '-', '–', '—', '|', ','];
    let rest = without_bullet(line.trim_start()).trim_start_matches(OPENING);
    let (before, rest) = numbered(rest);
    let rest = rest.trim_start_matches(|c| MARKS.contains(&c) || OPENING.contains(&c));
    let n_letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let severity = severity(&rest[..n_letters])?;
    let mut rest = &rest[n_letters..];
    if let Some(after) = strip_word(rest.trim_start(), "severity") {
        rest = after;
    }
    let decorated = rest.trim_start_matches(CLOSING);
    let (after, numbered_rest) = numbered(decorated.trim_start_matches(OPENING));
    let rest = if after.is_some() { numbered_rest.trim_start_matches(CLOSING) } else { decorated };
    let behind = rest.trim_start_matches(|c| MARKS.contains(&c) || CLOSING.contains(&c));
    // `errors are ...` and `Note that` are words of a sentence: a finding has a mark, or goes on with code.
    let has_mark = rest.starts_with(MARKS) || line.contains(['[', '*']) && rest != behind;
    if !has_mark && !behind.starts_with('`') {
        return None;
    }
    let (quote, message) = quoted(behind);
    let line = before.or(after).or_else(|| counted(behind));
    Some(Raw { severity, quote, line, message })
}

fn without_bullet(line: &str) -> &str {
    if let Some(rest) = line.strip_prefix(['-', '*', '+', '•'])
        && rest.starts_with(' ')
    {
        return rest;
    }
    let n_digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line[n_digits..].strip_prefix(['.', ')']) {
        Some(rest) if (1..=2).contains(&n_digits) => rest,
        _ => line,
    }
}

/// A number at the front, as in `line 12`, and what stands behind it.
fn numbered(text: &str) -> (Option<usize>, &str) {
    let Some(rest) = strip_word(text, "at line").or_else(|| strip_word(text, "line")) else {
        return (None, text);
    };
    let rest = rest.trim_start();
    let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest[..n_digits].parse() {
        Ok(number) => (Some(number), &rest[n_digits..]),
        Err(_) => (None, text),
    }
}

fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// A line number somewhere in the words.
fn counted(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("line ").find_map(|(at, _)| numbered(&text[at..]).0)
}

/// The code between the first backticks, where a finding begins with it, and what is said after it.
fn quoted(text: &str) -> (Option<String>, String) {
    let text = text.trim();
    let n_ticks = text.chars().take_while(|c| *c == '`').count();
    if n_ticks > 0 {
        let ticks = "`".repeat(n_ticks);
        if let Some((code, rest)) = text[n_ticks..].split_once(&ticks) {
            return (Some(code.trim().to_owned()), said(rest));
        }
        // Code with backticks of its own, quoted with no more of them: the dash tells where it ends.
        return match text[n_ticks..].split_once(" - ") {
            Some((code, rest)) => (Some(code.trim_matches(['`', ' ']).to_owned()), said(rest)),
            None => (None, said(text)),
        };
    }
    if let Some(rest) = text.strip_prefix('"')
        && let Some((code, rest)) = rest.split_once("\" - ")
    {
        return (Some(code.trim().to_owned()), said(rest));
    }
    (None, said(text))
}

fn said(text: &str) -> String {
    text.trim_start_matches(|c: char| c.is_whitespace() || "-–—:|>.,*".contains(c))
        .trim()
        .to_owned()
}

/// A line that goes on with a finding: its code, where it has none yet, or more words.
fn go_on(raw: &mut Raw, line: &str, is_code: bool) {
    let line = line.trim_start_matches(['-', '*', '>', ' ']);
    if is_code {
        raw.quote.get_or_insert_with(|| line.to_owned());
        return;
    }
    if raw.quote.is_none() && line.starts_with('`') {
        let (quote, message) = quoted(line);
        raw.quote = quote;
        if raw.message.is_empty() {
            raw.message = message;
        }
        return;
    }
    if !raw.message.is_empty() {
        raw.message.push(' ');
    }
    raw.message.push_str(line);
}

fn tidy(message: &str) -> String {
    let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ").replace("**", "");
    if message.chars().count() > LONGEST {
        message = message.chars().take(LONGEST).collect::<String>().trim_end().to_owned() + "…";
    }
    message
}

/// Findings as JSON, which some models prefer: an array, an object with one, or one object a line.
fn of_json(answer: &str) -> Vec<Raw> {
    let whole = match (answer.find(['[', '{']), answer.rfind([']', '}'])) {
        (Some(start), Some(end)) if start < end => &answer[start..=end],
        _ => return Vec::new(),
    };
    if let Ok(value) = serde_json::from_str::<Value>(whole) {
        return of_value(&value);
    }
    let lines = answer.lines().map(|line| line.trim().trim_end_matches(','));
    lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .flat_map(|it| of_value(&it))
        .collect()
}

fn of_value(value: &Value) -> Vec<Raw> {
    match value {
        Value::Array(values) => values.iter().filter_map(of_object).collect(),
        Value::Object(object) => match object.values().find(|value| value.is_array()) {
            Some(values) => of_value(values),
            None => of_object(value).into_iter().collect(),
        },
        _ => Vec::new(),
    }
}

fn of_object(object: &Value) -> Option<Raw> {
    let text = |names: &[&str]| {
        names.iter().find_map(|name| object[*name].as_str()).map(|text| text.trim().to_owned())
    };
    let message =
        text(&["message", "description", "issue", "problem", "finding", "comment", "text"])?;
    let line = ["line", "line_number", "lineNumber"]
        .iter()
        .find_map(|name| object[*name].as_u64())
        .and_then(|line| usize::try_from(line).ok());
    let quote = text(&["code", "quote", "snippet", "line_text", "line"]);
    let word = text(&["severity", "level", "type", "kind"]).unwrap_or_default();
    let message = tidy(&message);
    (!message.is_empty()).then(|| Raw {
        severity: severity(&word).unwrap_or(Severity::Warning),
        quote,
        line,
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: &[(Severity, Option<&str>, Option<usize>, &str)]) {
        let found = findings(answer);
        let found: Vec<_> = found
            .iter()
            .map(|raw| (raw.severity, raw.quote.as_deref(), raw.line, raw.message.as_str()))
            .collect();
        assert_eq!(found, expected, "{answer:?}");
    }

    #[test]
    fn the_form_that_was_asked_for_is_read() {
        check(
            "- error: `let x = y / z;` - z may be zero.\n- info: `fn f()` - it is never called.\n",
            &[
                (Severity::Error, Some("let x = y / z;"), None, "z may be zero."),
                (Severity::Information, Some("fn f()"), None, "it is never called."),
            ],
        );
    }

    #[test]
    fn the_forms_that_models_fall_into_are_read() {
        use Severity::{Error, Information, Warning};
        check("**Error**: `a[0]` — fails\n", &[(Error, Some("a[0]"), None, "fails")]);
        check("1. **Warning** (line 12): x leaks\n", &[(Warning, None, Some(12), "x leaks")]);
        check("* [info] ``a `b` c`` : odd", &[(Information, Some("a `b` c"), None, "odd")]);
        check("- Line 3: error: `x` - no", &[(Error, Some("x"), Some(3), "no")]);
        check("error `f(x)` may fail", &[(Error, Some("f(x)"), None, "may fail")]);
        check(
            "- High severity: x is\n  never closed\n",
            &[(Error, None, None, "x is never closed")],
        );
        check(
            "- warning: Leak\n  ```python\n  f = open(p)\n  ```\n  Close it.\n\nI hope this helps!",
            &[(Warning, Some("f = open(p)"), None, "Leak Close it.")],
        );
        check(
            "<think>error: none</think>\nHere are the findings:\n\n- bug: `x` - y",
            &[(Error, Some("x"), None, "y")],
        );
    }

    #[test]
    fn json_is_read_in_its_usual_shapes() {
        let one = r#"{"severity": "error", "code": "x / y", "line": 4, "message": "y may be 0"}"#;
        let expected = [(Severity::Error, Some("x / y"), Some(4), "y may be 0")];
        check(one, &expected);
        check(&format!("```json\n[{one}]\n```"), &expected);
        check(&format!("{{\"findings\": [{one}]}}"), &expected);
        check(&format!("{one}\n{one}"), &[expected[0], expected[0]]);
    }

    #[test]
    fn that_there_are_none_is_no_finding_and_neither_is_the_form_of_one() {
        for none in [
            "- error: No findings.",
            "- info: **No issues found.**",
            "- error: `No findings.` - No findings.",
            "- warning: None",
            "[{\"severity\": \"info\", \"message\": \"Nothing to report\"}]",
        ] {
            check(none, &[]);
        }
        let form = "- error: `the line of code, copied` - what is wrong and what to do instead";
        assert!(include_str!("../prompts/templates/system_diagnostics.md").contains(form));
        check(form, &[]);
        check("- error: `The line of code, copied` - x may be 0", &[]);
        let real = [(Severity::Error, Some("x"), None, "no errors are handled")];
        check(&format!("{form}\n- error: `x` - no errors are handled"), &real);
        check(
            "- warning: `x` - None is returned",
            &[(Severity::Warning, Some("x"), None, "None is returned")],
        );
    }

    #[test]
    fn sentences_are_no_findings() {
        check("Errors are handled well.\nNote that this is fine.\nWarning signs are absent.", &[]);
        check("There is an issue with the code.", &[]);
        assert!(says_nothing_found("No issues found."));
        assert!(!says_nothing_found("Shall I go on?"));
    }
}
