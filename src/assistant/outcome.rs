//! Decides what may be done with an answer: takes the code out, fits it to its place, and looks at the edit.

use std::path::{Path, PathBuf};

use super::{Job, Outcome, Scope};
use crate::actions::Output;
use crate::config::Settings;
use crate::context::Structure;
use crate::edits::{
    self, Check, Culprit, Declared, Ended, Fault, Findings, MayChange, Place, Proposed, Protection,
    Side, Unusable,
};
use crate::model::StopReason;
use crate::new_files::{self, Home, New};
use crate::review;
use crate::router::Answer;
use crate::syntax::Parsed;
use crate::text::{CharIdx, CharRange};

/// What is known of a job's document before the answer comes.
#[derive(Debug, Default)]
pub(super) struct Ground {
    parsed: Option<Parsed>,
    protection: Option<Protection>,
    /// What stands around the selection.
    pub(super) structure: Structure,
}

impl Ground {
    /// Parses the document and asks what its file is. Takes as long as the document is large.
    pub(super) fn of(job: &Job, scope: &Scope, settings: &Settings) -> Self {
        let snapshot = &job.snapshot;
        let own_folders: Vec<PathBuf> = settings
            .action_folders
            .iter()
            .filter_map(|it| it.parent())
            .map(Path::to_owned)
            .collect();
        let protection =
            snapshot.path.as_deref().and_then(|path| edits::protection(path, &own_folders));
        let parsed = Parsed::of(&snapshot.text, &snapshot.language);
        let structure = parsed.as_ref().map(|parsed| Structure::of(parsed, scope.code));
        Self { parsed, protection, structure: structure.unwrap_or_default() }
    }
}

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    pub(super) result: Outcome,
    pub(super) checks: Vec<Check>,
    /// What another answer may do without.
    pub(super) faults: Vec<Fault>,
}

impl Judged {
    fn of(result: Outcome) -> Self {
        Self { result, checks: Vec::new(), faults: Vec::new() }
    }

    /// An answer that nothing can be done with.
    pub(super) fn unusable(reason: impl Into<String>) -> Self {
        Self::of(Outcome::Unusable { reason: reason.into() })
    }
}

/// Decides what may be done with an answer.
pub(super) fn judge(job: &Job, scope: &Scope, answer: &Answer, ground: &Ground) -> Judged {
    if job.action.output == Output::Diagnostics
        && let Some(review) = review::read(&answer.text, &job.snapshot, scope.code)
    {
        return Judged::of(Outcome::Findings(review));
    }
    if matches!(job.action.output, Output::Answer | Output::Diagnostics) {
        let (title, markdown) = (job.action.title.clone(), answer.text.clone());
        return Judged::of(Outcome::Answer { title, markdown });
    }
    // What fills a gap may be whole by the time it is cut.
    let may_be_whole = answer.is_filling && answer.reason == StopReason::Length;
    if let Some(reason) = stopped_short(&answer.reason).filter(|_| !may_be_whole) {
        // Where the backend knows more of it, that is the reason.
        let told = answer.remarks.last().filter(|_| answer.reason != StopReason::ToolCalls);
        return Judged::unusable(told.map_or(reason, String::as_str));
    }
    if let Some(home) = &scope.home {
        return placed(job, scope, home, answer, ground);
    }
    match fitted(job, scope, answer) {
        Ok((range, text)) if job.snapshot.text.slice(range.chars()) == text.as_str() => {
            Judged::of(Outcome::Unchanged)
        }
        Ok((range, text)) => looked_at(job, scope, range, text, ground),
        Err(unusable) => refused(&unusable),
    }
}

/// The text of an answer at its place in the document, in a file of its own, or shown where there is no place.
fn placed(job: &Job, scope: &Scope, home: &Home, answer: &Answer, ground: &Ground) -> Judged {
    match new_files::made(&answer.text, &job.action, &job.snapshot, home) {
        Ok(New::Text { range, text }) => looked_at(job, scope, range, text, ground),
        Ok(New::File { path, text }) => new_file(path, text),
        Ok(New::Code(_)) => {
            let (title, markdown) = (job.action.title.clone(), answer.text.clone());
            Judged::of(Outcome::Answer { title, markdown })
        }
        Err(unusable) => refused(&unusable),
    }
}

/// A file that is not there yet. There is nothing to propose it against, so what nobody sees keeps it out.
fn new_file(path: PathBuf, text: String) -> Judged {
    match edits::invisible(&text, "") {
        None => Judged::of(Outcome::NewFile { path, text }),
        Some(fault) => Judged {
            checks: vec![Check::failed("invisible", fault.reason.clone())],
            faults: vec![fault.clone()],
            ..Judged::unusable(fault.reason)
        },
    }
}

fn looked_at(job: &Job, scope: &Scope, range: CharRange, text: String, ground: &Ground) -> Judged {
    let asked = asked(job, scope);
    let Findings { checks, faults } = edits::look_at(&Proposed {
        snapshot: &job.snapshot,
        range,
        text: &text,
        parsed: ground.parsed.as_ref(),
        may_change: may_change(job),
        declared: match job.action.output {
            _ if KEEPING.contains(&&*job.action.id) => Declared::Stays { asked: &asked },
            Output::Replace => Declared::NotForOthers { asked: &asked },
            _ => Declared::MayGo,
        },
        protection: ground.protection.as_ref(),
    });
    let reasons: Vec<&str> = faults.iter().map(|fault| fault.reason.as_str()).collect();
    let caution = (!reasons.is_empty()).then(|| reasons.join("; "));
    let result = Outcome::Edit { range, text, caution };
    let faults = faults.into_iter().filter(|fault| fault.of == Culprit::Answer).collect();
    Judged { result, checks, faults }
}

/// The action `document` promises to leave code alone; in prose there is none.
fn may_change(job: &Job) -> MayChange {
    if job.action.id == "document" && &*job.snapshot.language != "markdown" {
        MayChange::Comments
    } else {
        MayChange::Everything
    }
}

/// The actions that keep what the code declares.
const KEEPING: [&str; 4] = ["fix", "refactor", "simplify", "document"];

/// What the user and the compiler say about the code.
fn asked(job: &Job, scope: &Scope) -> String {
    let said = job.complaints.iter().map(|it| it.message.as_str());
    said.chain(scope.instruction.as_deref()).collect::<Vec<_>>().join("\n")
}

fn refused(unusable: &Unusable) -> Judged {
    let reason = unusable.to_string();
    let mut judged = Judged::unusable(reason.clone());
    let line = match unusable {
        // Whoever declined has said so.
        Unusable::Refusal => return judged,
        Unusable::Elided { line } => Some(line.clone()),
        _ => None,
    };
    judged.faults.push(Fault { reason, line, of: Culprit::Answer });
    judged
}

/// Why an answer that ended for this reason must not be applied.
fn stopped_short(reason: &StopReason) -> Option<&'static str> {
    match reason {
        StopReason::Stop | StopReason::Other(_) => None,
        StopReason::Length => {
            Some("the answer was cut at the output limit (raise `max_tokens`, or select less)")
        }
        StopReason::ToolCalls => Some("the model called a tool instead of answering"),
        StopReason::Refusal => Some("the model declined"),
        StopReason::ContentFilter => Some("the provider's filter cut the answer"),
    }
}

/// The code of an answer, fitted to its place.
fn fitted(job: &Job, scope: &Scope, answer: &Answer) -> Result<(CharRange, String), Unusable> {
    let range = match job.action.output {
        Output::InsertBefore | Output::InsertAfter => {
            edits::widen_to_lines(&job.snapshot.text, scope.code)
        }
        _ => scope.code,
    };
    let place = Place::of(&job.snapshot, range);
    let target = place.target();
    let at = |idx: CharIdx| CharRange::new(idx, idx);
    if answer.is_filling {
        let is_cut = answer.reason == StopReason::Length;
        let ended = if is_cut { Ended::AtLimit } else { Ended::ByItself };
        return Ok((at(range.end()), edits::filling(&answer.text, ended, &target)?));
    }
    let answer = answer.text.as_str();
    Ok(match job.action.output {
        Output::Replace | Output::NewFile | Output::Answer | Output::Diagnostics => {
            let code = edits::replacement(answer, &target)?;
            match &scope.comment {
                Some(comment) => comment.edit(&job.snapshot, &code),
                None => (range, code),
            }
        }
        Output::InsertBefore => {
            (at(range.start()), edits::insertion(answer, &target, Side::Before)?)
        }
        Output::InsertAfter => (at(range.end()), edits::insertion(answer, &target, Side::After)?),
        Output::Continue => (at(range.end()), edits::continuation(answer, &target)?),
    })
}
