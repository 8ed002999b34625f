//! What `run` prints of a review: a line each, in the form that compilers have and editors can jump by.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::assistant::Job;
use crate::review::Finding;
use crate::text::{CharRange, Encoding, to_position};

/// `file:line:col: severity: message`; columns count characters. Findings without a place name the file alone.
pub(super) fn lines(job: &Job, name: &str, findings: &[Finding]) -> String {
    let mut lines = String::new();
    for Finding { range, severity, message } in findings {
        let severity = severity.as_str();
        _ = match range {
            Some(range) => {
                let text = &job.snapshot.text;
                let line = text.char_to_line(range.start().0);
                let column = range.start().0 - text.line_to_char(line);
                writeln!(lines, "{name}:{}:{}: {severity}: {message}", line + 1, column + 1)
            }
            None => writeln!(lines, "{name}: {severity}: {message}"),
        };
    }
    lines
}

/// The findings for programs, with ranges as the edits have them: 0-based, UTF-16.
pub(super) fn json(job: &Job, findings: &[Finding]) -> Value {
    let place = |range: CharRange| {
        let at = |idx| {
            let position = to_position(&job.snapshot.text, idx, Encoding::Utf16);
            json!({"line": position.line, "character": position.column})
        };
        json!({"start": at(range.start()), "end": at(range.end())})
    };
    findings
        .iter()
        .map(|finding| {
            json!({
                "range": finding.range.map(place),
                "severity": finding.severity,
                "message": finding.message,
            })
        })
        .collect()
}
