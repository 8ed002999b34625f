//! From a model's review to findings, each at the line it is about.
//!
//! Small models cannot count lines, so a finding is asked to quote its line, and the quote is looked up in the
//! text. What quotes nothing that is there is told, but put nowhere.

mod anchor;
mod parse;

use std::fmt::Write as _;

use serde::Serialize;

use crate::text::{CharRange, Snapshot};
use parse::Raw;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is wrong.
    Error,
    /// It can go wrong.
    Warning,
    /// Worth knowing.
    Information,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

/// Something a review found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line it is about, without its indentation; `None` where that could not be found out.
    pub range: Option<CharRange>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one paragraph.
    pub message: String,
}

/// A review as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// In the order of the text; those without a place come last.
    pub findings: Vec<Finding>,
    /// All of it as Markdown.
    pub summary: String,
}

/// Reads a model's answer about `range`. `None` where it holds neither findings nor word that there are none.
pub fn read(answer: &str, snapshot: &Snapshot, range: CharRange) -> Option<Review> {
    let raw = parse::findings(answer);
    if raw.is_empty() && !parse::says_nothing_found(answer) {
        return None;
    }
    let mut findings: Vec<Finding> = Vec::new();
    for Raw { severity, quote, line, message } in raw {
        let place = anchor::place(&snapshot.text, range, quote.as_deref(), line, &message);
        let finding = Finding { range: place, severity, message };
        if !findings.iter().any(|known| says_the_same(known, &finding)) {
            findings.push(finding);
        }
    }
    findings.sort_by_key(|finding| {
        (finding.range.is_none(), finding.range.map(CharRange::start), finding.severity)
    });
    let summary = summary(&findings, snapshot);
    Some(Review { findings, summary })
}

/// Models that run in circles say one thing again and again.
fn says_the_same(one: &Finding, other: &Finding) -> bool {
    one.range == other.range && one.message.eq_ignore_ascii_case(&other.message)
}

/// What was found, as a list with line numbers.
fn summary(findings: &[Finding], snapshot: &Snapshot) -> String {
    if findings.is_empty() {
        return "Nothing to report.\n".to_owned();
    }
    let mut markdown = String::new();
    for Finding { range, severity, message } in findings {
        let severity = severity.as_str();
        _ = match range {
            Some(range) => {
                let line = snapshot.text.char_to_line(range.start().0) + 1;
                writeln!(markdown, "- line {line}, {severity}: {message}")
            }
            None => writeln!(markdown, "- {severity}: {message}"),
        };
    }
    markdown
}

/// How many there are, in words.
pub fn counted(findings: &[Finding]) -> String {
    match findings.len() {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        n_findings => format!("{n_findings} findings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CharIdx;

    const CODE: &str = "def mean(xs):\r\n    total = sum(xs)\r\n    return total / len(xs)\r\n\r\ndef f():\r\n    return mean([])\r\n";

    fn read_code(answer: &str) -> Option<Review> {
        let snapshot = Snapshot::of_text(CODE, "python", None);
        let n_chars = snapshot.text.len_chars();
        read(answer, &snapshot, CharRange::new(CharIdx(0), CharIdx(n_chars)))
    }

    #[test]
    fn findings_stand_at_the_lines_they_quote_in_the_order_of_the_text() {
        let review = read_code(
            "- warning: `return mean([])` - It always fails.\n- error: `return total / len(xs)` - Division by zero for an empty list.\n- error: `return total / len(xs)` - division by zero for an empty list.\n",
        )
        .unwrap();
        assert_eq!(
            review.summary,
            "- line 3, error: Division by zero for an empty list.\n- line 6, warning: It always fails.\n"
        );
        let snapshot = Snapshot::of_text(CODE, "python", None);
        let range = review.findings[0].range.unwrap();
        assert_eq!(snapshot.text.slice(range.chars()).to_string(), "return total / len(xs)");
        assert_eq!(counted(&review.findings), "2 findings");
    }

    #[test]
    fn a_finding_whose_line_is_not_there_is_told_and_put_nowhere() {
        let review = read_code("- error: `os.remove(path)` - Removes the file.\n").unwrap();
        assert_eq!(review.findings[0].range, None);
        assert_eq!(review.summary, "- error: Removes the file.\n");
    }

    #[test]
    fn no_findings_are_a_result_and_chatter_is_none() {
        assert_eq!(read_code("No findings.").unwrap().summary, "Nothing to report.\n");
        assert_eq!(read_code("The code looks good to me!").unwrap().findings, []);
        assert_eq!(read_code("- error: No findings.").unwrap().findings, []);
        assert_eq!(read_code("What would you like me to do?"), None);
        assert_eq!(read_code(""), None);
    }
}
