//! Looks at an edit before it may reach the document.
//!
//! Every look has a name and a verdict, so that the user can read what was checked. What is found is a reason
//! to ask the model once more, or the user first; nothing is mended here.

mod bound;
mod declares;
mod elsewhere;
mod protected;
mod syntax;

use std::fmt;

use serde::Serialize;

use crate::syntax::Parsed;
use crate::text::{Change, CharRange, Snapshot, new_invisible, with_names};

use super::smallest_changes;

pub use declares::Declared;
pub use elsewhere::only_repeats;
pub use protected::{Protection, protection};

/// One look at an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `outside`, `invisible`, `leftover`, `syntax`, `comments_only`, `echo`,
    /// `declares`, `protected_path`.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// One sentence about it, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    Passed,
    /// Something was found.
    Failed,
    /// It could not be looked at: no grammar for the language, for instance.
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// An edit that waits to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Proposed<'a> {
    /// The document.
    pub snapshot: &'a Snapshot,
    /// What is replaced.
    pub range: CharRange,
    /// What stands there afterwards.
    pub text: &'a str,
    /// The document's tree, where there is a grammar.
    pub parsed: Option<&'a Parsed>,
    /// What may change.
    pub may_change: MayChange,
    /// What becomes of what is declared there.
    pub declared: Declared<'a>,
    /// Why the file is to be left alone without a look, if it is.
    pub protection: Option<&'a Protection>,
}

/// What an edit may change inside its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayChange {
    /// Everything.
    Everything,
    /// Comments, and strings that serve as such.
    Comments,
}

/// What the checks found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was looked at.
    pub checks: Vec<Check>,
    /// What is wrong, the worst first.
    pub faults: Vec<Fault>,
}

/// Something that keeps an edit from going into the document by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Why, for the end of a sentence.
    pub reason: String,
    /// The line it is about.
    pub line: Option<String>,
    /// Whose fault it is.
    pub of: Culprit,
}

/// Whose fault a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The answer's: another one may do without.
    Answer,
    /// Nobody's: the user is to look first, whatever the answer is.
    Place,
}

impl Fault {
    fn of_answer(reason: impl Into<String>, line: Option<String>) -> Self {
        Self { reason: reason.into(), line, of: Culprit::Answer }
    }
}

impl Check {
    /// A look that found something.
    pub fn failed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Failed, detail: Some(detail.into()) }
    }

    fn passed(name: &'static str) -> Self {
        Self { name, verdict: Verdict::Passed, detail: None }
    }

    fn skipped(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Skipped, detail: Some(detail.into()) }
    }
}

/// What one look comes to.
enum Found {
    Nothing,
    Fault(Fault),
    Unknown(String),
}

impl Findings {
    fn add(&mut self, name: &'static str, found: Found) {
        self.checks.push(match found {
            Found::Nothing => Check::passed(name),
            Found::Unknown(why) => Check::skipped(name, why),
            Found::Fault(fault) => {
                let check = Check::failed(name, fault.reason.clone());
                self.faults.push(fault);
                check
            }
        });
    }
}

/// Looks at an edit in every way.
pub fn look_at(edit: &Proposed<'_>) -> Findings {
    let old = edit.snapshot.text.slice(edit.range.chars()).to_string();
    let mut findings = Findings::default();
    findings.add("outside", outside(edit, &old));
    findings.add("invisible", invisible(edit.text, &old).map_or(Found::Nothing, Found::Fault));
    findings.add("leftover", leftover(edit, &old));
    let syntax = syntax::errors(edit);
    let is_broken = matches!(syntax, Found::Fault(_));
    findings.add("syntax", syntax);
    if edit.may_change == MayChange::Comments {
        findings.add("comments_only", syntax::code_kept(edit));
    }
    findings.add("echo", elsewhere::not_only(edit, &old));
    match edit.declared {
        Declared::MayGo => {}
        _ if is_broken => {
            let why = "the answer brings in a syntax error".to_owned();
            findings.add("declares", Found::Unknown(why));
        }
        Declared::Stays { asked } => findings.add("declares", declares::kept(edit, asked)),
        Declared::NotForOthers { asked } => {
            findings.add("declares", declares::not_for_others(edit, asked));
        }
    }
    findings.add(
        "protected_path",
        match edit.protection {
            None => Found::Nothing,
            Some(protection) => Found::Fault(Fault {
                reason: protection.to_string(),
                line: None,
                of: Culprit::Place,
            }),
        },
    );
    findings
}

/// Whether the changes make the new text in place of the old one and nothing else.
fn outside(edit: &Proposed<'_>, old: &str) -> Found {
    let before = &edit.snapshot.text;
    let mut after = before.clone();
    let changes = smallest_changes(old, edit.text, edit.range.start());
    let is_inside = |change: &Change| {
        change.range.start() >= edit.range.start() && change.range.end() <= edit.range.end()
    };
    let all_inside = changes.iter().all(is_inside);
    for change in changes.iter().rev() {
        change.apply(&mut after);
    }
    let (start, end) = (edit.range.start().0, edit.range.end().0);
    let n_behind = before.len_chars() - end;
    let is_right = all_inside
        && after.len_chars() >= start + n_behind
        && after.slice(..start) == before.slice(..start)
        && after.slice(after.len_chars() - n_behind..) == before.slice(end..)
        && after.slice(start..after.len_chars() - n_behind) == edit.text;
    if is_right {
        Found::Nothing
    } else {
        Found::Fault(Fault::of_answer("it would change text outside the selection", None))
    }
}

/// Finds a character that nobody sees and that comes in with `text` in place of `old`.
pub fn invisible(text: &str, old: &str) -> Option<Fault> {
    let character = new_invisible(text, old)?;
    let reason = format!("it brings in an invisible character (U+{:04X})", u32::from(character));
    let line = text.lines().find(|line| line.contains(character));
    Some(Fault::of_answer(reason, line.map(|line| with_names(&shown(line)).into_owned())))
}

/// Whether marks of a merge come in that were not there.
fn leftover(edit: &Proposed<'_>, old: &str) -> Found {
    const MARKS: [&str; 3] = ["<<<<<<<", ">>>>>>>", "|||||||"];
    let is_mark = |line: &&str| {
        let line = line.trim_start();
        MARKS.iter().any(|mark| {
            line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    };
    let count = |text: &str| text.lines().filter(is_mark).count();
    if count(edit.text) <= count(old) {
        return Found::Nothing;
    }
    let line = edit.text.lines().find(is_mark).map(shown);
    Found::Fault(Fault::of_answer("it holds the marks of a merge conflict", line))
}

/// A line as it is shown to a model.
fn shown(line: &str) -> String {
    const MOST: usize = 200;
    line.trim_end().chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CharIdx;

    fn findings(language: &str, marked: &str, new: &str, may_change: MayChange) -> Findings {
        edited(language, marked, new, may_change, Declared::MayGo)
    }

    /// What is found where `new` takes the place between the marks.
    pub(super) fn edited(
        language: &str,
        marked: &str,
        new: &str,
        may_change: MayChange,
        declared: Declared<'_>,
    ) -> Findings {
        let parts: Vec<&str> = marked.split("$0").collect();
        let n_chars = |text: &str| text.chars().count();
        let start = CharIdx(n_chars(parts[0]));
        let range = CharRange::new(start, CharIdx(start.0 + n_chars(parts[1])));
        let snapshot = Snapshot::of_text(&parts.concat(), language, None);
        let parsed = Parsed::of(&snapshot.text, language);
        look_at(&Proposed {
            snapshot: &snapshot,
            range,
            text: new,
            parsed: parsed.as_ref(),
            may_change,
            declared,
            protection: None,
        })
    }

    fn reason(language: &str, marked: &str, new: &str) -> Option<String> {
        let findings = findings(language, marked, new, MayChange::Everything);
        findings.faults.first().map(|fault| fault.reason.clone())
    }

    #[test]
    fn a_good_edit_passes_everything() {
        let findings = findings("rust", "fn f() { $0a()$0 }\n", "b()", MayChange::Everything);
        let seen: Vec<_> = findings.checks.iter().map(|it| (it.name, it.verdict)).collect();
        let syntax = if cfg!(feature = "syntax-core") { Verdict::Passed } else { Verdict::Skipped };
        assert_eq!(
            seen,
            [
                ("outside", Verdict::Passed),
                ("invisible", Verdict::Passed),
                ("leftover", Verdict::Passed),
                ("syntax", syntax),
                ("echo", Verdict::Passed),
                ("protected_path", Verdict::Passed),
            ]
        );
        assert_eq!(findings.faults, []);
    }

    #[test]
    fn what_nobody_sees_may_stay_and_not_come() {
        let marked = "$0a = \"\u{200B}\"$0\n";
        assert_eq!(reason("", marked, "b = \"\u{200B}\""), None);
        let found = reason("", marked, "b = \"\u{200B}\u{202E}\"").unwrap();
        assert_eq!(found, "it brings in an invisible character (U+202E)");
        assert!(reason("", marked, "b = \"\u{FEFF}\"").is_some());
        assert!(reason("", marked, "b = \"\u{1B}[2J\"").is_some());
    }

    #[test]
    fn marks_of_a_merge_may_stay_and_not_come() {
        let conflict = "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n";
        assert!(reason("", "$0x$0\n", conflict).is_some());
        assert_eq!(reason("", &format!("$0{conflict}$0"), conflict), None);
        assert_eq!(reason("", "$0x$0\n", "Title\n=======\n"), None);
    }

    #[test]
    fn a_language_without_a_grammar_is_skipped() {
        let findings = findings("cobol", "$0x$0", "y(", MayChange::Comments);
        let skipped: Vec<_> =
            findings.checks.iter().filter(|it| it.verdict == Verdict::Skipped).collect();
        assert_eq!(skipped.len(), 2, "{findings:?}");
        assert_eq!(skipped[0].detail.as_deref(), Some("no grammar for cobol"));
        assert_eq!(findings.faults, []);
    }

    #[test]
    #[cfg(feature = "syntax")]
    fn a_syntax_error_is_named_with_its_line() {
        let rust = "fn a() {}\n$0fn f() { g(1) }$0\nfn b() {}\n";
        let told = |new: &str| reason("rust", rust, new).unwrap();
        assert_eq!(told("fn f() {\n    g(1)\n"), "it brings in a syntax error (a `}` is missing)");
        assert_eq!(told("fn f() { g(1) }\n}"), "it brings in a syntax error (one `}` too many)");
        assert_eq!(told("fn f() {\n    let x = ;\n}"), "it brings in a syntax error (line 3)");
        let python = "def f():\n$0    x = 1\n$0    return x\n";
        assert_eq!(
            reason("python", python, "  x = 1\n").unwrap(),
            "it brings in a syntax error (line 3: the indentation does not fit)"
        );
    }

    #[test]
    #[cfg(feature = "syntax")]
    fn only_comments_may_change_where_only_they_were_asked_for() {
        let rust = "$0fn f() { g(1) }$0\n";
        let faults = |new: &str| findings("rust", rust, new, MayChange::Comments).faults;
        assert_eq!(faults("/// Calls g.\nfn f() { g(1) }"), []);
        let found = faults("/// Calls g.\nfn f() {\n    g(2)\n}");
        assert_eq!(found[0].reason, "it changes code (line 3), and only comments were to change");
        assert_eq!(found[0].line.as_deref(), Some("    g(2)"));
    }
}
