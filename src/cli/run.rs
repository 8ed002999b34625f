//! `arawn run`: the main job without an editor. Prints a diff, or applies it with `--write`.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::new_file::Planned;
use super::selection::Selection;
use super::terminal::{SignOfLife, visible};
use super::{
    Session, block_on, note, output_failed, print_report, result, tell_of_rules, workspace_here,
};
use super::{findings, new_file};
use crate::assistant::{Assistant, Complaint, Finished, Job, JobError, Outcome};
use crate::edits::{self, Check};
use crate::report::{Kind, Report};
use crate::review::counted;
use crate::router::Progress;
use crate::text::{Change, Encoding, Snapshot, language_of, to_position};

/// Files larger than this are refused: no model reads so much, and it is likely no source file.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// What to do; `arawn actions` lists what there is
    action: String,
    /// Where: FILE[:START[-END]], START and END being LINE or LINE:COL from 1; `-` reads stdin
    #[arg(value_name = "FILE[:START[-END]]")]
    selection: Selection,
    /// Your instruction, for `edit`, `ask` and actions of your own
    #[arg(long, short, value_name = "TEXT")]
    input: Option<String>,
    /// What a compiler or linter says of the selection, for `fix` (repeatable)
    #[arg(long, value_name = "MESSAGE")]
    diagnostic: Vec<String>,
    /// Language id of the text, where the file's name does not tell
    #[arg(long, value_name = "ID")]
    language: Option<String>,
    /// Apply the edit to the file
    #[arg(long)]
    write: bool,
    /// With `--write`: apply it also where a check failed or the file is one that asks first
    #[arg(long, requires = "write")]
    force: bool,
    /// How to print the result: the changed text, a diff, or one object
    #[arg(long, value_enum, default_value_t = Format::Diff)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The whole text after the edit
    Text,
    /// A unified diff
    Diff,
    /// One object
    Json,
}

pub(super) fn run(arguments: &RunArguments, session: &Session) -> Result<ExitCode, Report> {
    if arguments.write && arguments.selection.path.is_none() {
        return Err(Report::new(Kind::Usage, "`--write` needs a file")
            .with_hint("use `--format text` with `-`"));
    }
    let workspace = workspace_here(&session.environment);
    let assistant = session.assistant(workspace.clone())?;
    let job = job_of(arguments, session, &assistant, workspace)?;
    let file = job.snapshot.path.as_deref().map(PathBuf::as_path);
    tell_of_rules(&assistant, file, &job.workspace);
    let ended = block_on(async { Ok(work(&assistant, &job).await) })?;
    if let super::Interruptible::Finished(Ok(finished)) = &ended
        && session.globals.verbose > 0
    {
        tell_checks(&finished.checks);
    }
    let mut code = Ok(ExitCode::from(130));
    if let super::Interruptible::Finished(ended) = ended {
        code = match arguments.format {
            Format::Json => end_json(arguments, &job, ended),
            Format::Text | Format::Diff => end_text(arguments, &job, ended),
        };
    }
    code
}

fn job_of(
    arguments: &RunArguments,
    session: &Session,
    assistant: &Assistant,
    workspace: Vec<PathBuf>,
) -> Result<Job, Report> {
    let catalog = assistant.catalog();
    let Some(action) = catalog.find(&arguments.action) else {
        let known: Vec<&str> = catalog.actions.iter().map(|action| action.id.as_str()).collect();
        return Err(Report::new(Kind::Usage, format!("unknown action \"{}\"", arguments.action))
            .with_hint(format!("known are: {}", known.join(", "))));
    };
    let text = read_text(arguments.selection.path.as_deref())?;
    let path = match &arguments.selection.path {
        Some(path) => Some(std::path::absolute(path).map_err(|error| unreadable(path, &error))?),
        None => None,
    };
    let language =
        arguments.language.as_deref().unwrap_or_else(|| path.as_deref().map_or("", language_of));
    let snapshot = Snapshot::of_text(&text, language, path);
    let range = arguments.selection.range_in(&snapshot.text).map_err(|reason| {
        let name = arguments
            .selection
            .path
            .as_deref()
            .map_or_else(|| "stdin".into(), Path::to_string_lossy);
        Report::new(Kind::Usage, format!("{name}: {reason}"))
            .with_hint("name lines that the file has")
    })?;
    let complaints = arguments
        .diagnostic
        .iter()
        .map(|message| Complaint {
            range,
            message: message.clone(),
            source: None,
            severity: "error",
        })
        .collect();
    Ok(Job {
        action: action.clone(),
        snapshot,
        range,
        complaints,
        input: arguments.input.clone(),
        choice: session.globals.choice(),
        workspace,
    })
}

/// Reads a file or stdin as text; anything that is not text is refused before it is read whole.
fn read_text(path: Option<&Path>) -> Result<String, Report> {
    let Some(path) = path else {
        let mut bytes = Vec::new();
        io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
            Report::new(Kind::Work, "cannot read stdin").because(error.to_string())
        })?;
        return text_of(bytes, "stdin");
    };
    let name = path.display().to_string();
    let facts = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !facts.is_file() {
        return Err(Report::new(Kind::Usage, format!("{name} is not a file"))
            .with_hint("name a source file"));
    }
    if facts.len() > MAX_FILE_BYTES {
        return Err(too_large(&name));
    }
    text_of(fs::read(path).map_err(|error| unreadable(path, &error))?, &name)
}

fn text_of(bytes: Vec<u8>, name: &str) -> Result<String, Report> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large(name));
    }
    if bytes.contains(&0) {
        return Err(Report::new(Kind::Usage, format!("{name} is a binary file"))
            .with_hint("name a source file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Report::new(Kind::Usage, format!("{name} is not UTF-8 text (byte {at})"))
            .with_hint("convert it to UTF-8 first")
    })
}

fn too_large(name: &str) -> Report {
    let limit = MAX_FILE_BYTES / 1024 / 1024;
    Report::new(Kind::Usage, format!("{name} is larger than {limit} MB"))
        .with_hint("split it, or work on a part by `-`")
}

fn unreadable(path: &Path, error: &io::Error) -> Report {
    Report::new(Kind::Usage, format!("cannot read {}", path.display())).because(error.to_string())
}

/// Runs the job with a sign of life on stderr.
pub(super) async fn work(assistant: &Assistant, job: &Job) -> Result<Finished, JobError> {
    let life = Mutex::new((SignOfLife::new(), String::from("starting"), 0_usize));
    let mut watch = |progress: Progress<'_>| {
        let mut life = life.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Asking { backend, model } => life.1 = format!("{backend} ({model})"),
            Progress::Text(text) | Progress::Reasoning(text) => life.2 += text.len(),
            Progress::ToolCall(_) | Progress::ToolResult { .. } | Progress::WithoutTools { .. } => {
            }
            Progress::AskedAgain { reason } => {
                life.0.clear();
                life.2 = 0;
                note(&format!("asked again: {reason}"));
            }
            Progress::FellBack(fell_back) => {
                life.0.clear();
                note(&format!("{fell_back}; trying the next backend"));
            }
        }
    };
    let run = assistant.run(job, &mut watch);
    tokio::pin!(run);
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(120));
    loop {
        tokio::select! {
            ended = &mut run => return ended,
            _ = beat.tick() => {
                let mut life = life.lock().unwrap_or_else(PoisonError::into_inner);
                let what = format!("{}: {} characters", life.1, life.2);
                life.0.beat(&what);
            }
        }
    }
}

/// Why an edit that is to be written must not be.
fn caution<'a>(outcome: &'a Outcome, arguments: &RunArguments) -> Option<&'a str> {
    match outcome {
        Outcome::Edit { caution, .. } if !arguments.force => caution.as_deref(),
        _ => None,
    }
}

/// What became of the job, as `status` in JSON says it.
fn status_of(outcome: &Outcome, arguments: &RunArguments) -> &'static str {
    match outcome {
        Outcome::Edit { .. } if arguments.write && caution(outcome, arguments).is_none() => {
            "applied"
        }
        Outcome::NewFile { .. } if arguments.write => "applied",
        Outcome::Edit { .. } | Outcome::NewFile { .. } => "proposed",
        Outcome::Unchanged => "unchanged",
        Outcome::Answer { .. } | Outcome::Findings(_) | Outcome::Unusable { .. } => "shown",
    }
}

/// The text after the edit, as a rope edit would make it.
fn edited(job: &Job, outcome: &Outcome) -> Option<(Vec<Change>, String)> {
    let Outcome::Edit { range, text, .. } = outcome else { return None };
    let old = job.snapshot.text.slice(range.chars()).to_string();
    let changes = edits::smallest_changes(&old, text, range.start());
    let mut rope = job.snapshot.text.clone();
    for change in changes.iter().rev() {
        change.apply(&mut rope);
    }
    Some((changes, rope.to_string()))
}

/// Says what was checked, one line a look.
fn tell_checks(checks: &[Check]) {
    for Check { name, verdict, detail } in checks {
        let detail = detail.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
        note(&format!("checked {name}: {verdict}{detail}"));
    }
}

fn name_of(arguments: &RunArguments) -> String {
    arguments
        .selection
        .path
        .as_deref()
        .map_or_else(|| "stdin".to_owned(), |path| path.display().to_string())
}

/// Settles where a new file goes; one that has no place is an answer that cannot be applied.
fn planned(job: &Job, mut finished: Finished) -> (Finished, Option<Planned>) {
    match new_file::plan(job, &finished.result) {
        Some(Err(reason)) => {
            finished.result = Outcome::Unusable { reason };
            (finished, None)
        }
        Some(Ok(planned)) => (finished, Some(planned)),
        None => (finished, None),
    }
}

fn end_text(
    arguments: &RunArguments,
    job: &Job,
    ended: Result<Finished, JobError>,
) -> Result<ExitCode, Report> {
    let (finished, planned) = match ended {
        Ok(finished) => planned(job, finished),
        Err(error) => {
            let report = Report::from(&error);
            print_report(&report);
            return Ok(ExitCode::from(report.kind.exit_code()));
        }
    };
    let by = format!("{} ({})", finished.answer.backend, finished.answer.model);
    let old = job.snapshot.text.to_string();
    if !matches!(finished.result, Outcome::Unusable { .. }) {
        for remark in &finished.answer.remarks {
            note(&format!("note: {remark}"));
        }
    }
    match &finished.result {
        Outcome::Answer { markdown, .. } => {
            print_result(markdown)?;
            note(&format!("answered by {by}"));
        }
        Outcome::Unchanged => note(&format!("{by} would change nothing")),
        Outcome::Findings(review) => {
            print_result(&findings::lines(job, &name_of(arguments), &review.findings))?;
            note(&format!("{}, reviewed by {by}", counted(&review.findings)));
        }
        Outcome::NewFile { .. } => {
            let Some(planned) = planned else { return Ok(ExitCode::SUCCESS) };
            match arguments.format {
                Format::Text => print_result(&planned.new)?,
                _ => print_result(&planned.diff())?,
            }
            if arguments.write {
                planned.write()?;
            }
            note(&format!("{}, answered by {by}", planned.told(arguments.write)));
        }
        Outcome::Unusable { reason } => {
            note(&format!("Error: the answer of {by} was not applied: {reason}"));
            note(
                "Hint: the answer follows; try again, select differently, or choose a larger model with `--model`",
            );
            note(&finished.answer.text);
            return Ok(ExitCode::from(Kind::Work.exit_code()));
        }
        Outcome::Edit { .. } => {
            let Some((_, new)) = edited(job, &finished.result) else {
                return Ok(ExitCode::SUCCESS);
            };
            match arguments.format {
                Format::Text => print_result(&new)?,
                _ => print_result(&edits::unified(&old, &new, &name_of(arguments)))?,
            }
            if let Some(caution) = caution(&finished.result, arguments) {
                note(&format!("Warning: {caution}"));
                if arguments.write {
                    note(
                        "Hint: nothing was written; look at the change, and apply it with `--write --force`",
                    );
                    return Ok(ExitCode::from(Kind::Work.exit_code()));
                }
            }
            if arguments.write {
                write_back(arguments, &old, &new)?;
                note(&format!("applied to {}, answered by {by}", name_of(arguments)));
            } else {
                note(&format!("answered by {by}; `--write` applies it"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn end_json(
    arguments: &RunArguments,
    job: &Job,
    ended: Result<Finished, JobError>,
) -> Result<ExitCode, Report> {
    let (ended, planned) = match ended {
        Ok(finished) => {
            let (finished, planned) = planned(job, finished);
            (Ok(finished), planned)
        }
        Err(error) => (Err(error), None),
    };
    let (mut object, mut code) = match &ended {
        Ok(finished) => (result::done(&finished.answer), 0),
        Err(error) => (result::job_failed(error), Report::from(error).kind.exit_code()),
    };
    let mut edits_json = Vec::new();
    let mut diff = String::new();
    let status = match &ended {
        Ok(finished) => {
            if let Outcome::Findings(review) = &finished.result {
                object.insert("findings".to_owned(), findings::json(job, &review.findings));
            }
            if let Some(planned) = &planned {
                object.insert("new_file".to_owned(), planned.json());
                diff = planned.diff();
                if arguments.write {
                    planned.write()?;
                }
            }
            if let Outcome::Unusable { reason } = &finished.result {
                object.insert("not_applied".to_owned(), json!(reason));
                code = Kind::Work.exit_code();
            }
            if let Some((changes, new)) = edited(job, &finished.result) {
                let old = job.snapshot.text.to_string();
                edits_json = changes.iter().map(|change| edit_json(job, change)).collect();
                diff = edits::unified(&old, &new, &name_of(arguments));
                let must_not = caution(&finished.result, arguments).is_some();
                if arguments.write && must_not {
                    code = Kind::Work.exit_code();
                } else if arguments.write {
                    write_back(arguments, &old, &new)?;
                }
            }
            status_of(&finished.result, arguments)
        }
        Err(_) => "failed",
    };
    if let Ok(finished) = ended {
        object.insert("checks".to_owned(), json!(finished.checks));
        if let Some(reason) = &finished.asked_again {
            object.insert("asked_again".to_owned(), json!(reason));
        }
        if let Outcome::Edit { caution: Some(caution), .. } = &finished.result {
            object.insert("caution".to_owned(), json!(caution));
        }
    }
    object.insert("status".to_owned(), json!(status));
    object.insert("edits".to_owned(), Value::Array(edits_json));
    object.insert("diff".to_owned(), json!(diff));
    writeln!(io::stdout(), "{}", Value::Object(object)).map_err(|error| output_failed(&error))?;
    Ok(ExitCode::from(code))
}

/// One edit with 0-based lines and UTF-16 columns.
fn edit_json(job: &Job, change: &Change) -> Value {
    let place = |idx| {
        let position = to_position(&job.snapshot.text, idx, Encoding::Utf16);
        json!({"line": position.line, "character": position.column})
    };
    json!({"start": place(change.range.start()), "end": place(change.range.end()), "new_text": change.text})
}

fn print_result(text: &str) -> Result<(), Report> {
    let mut stdout = io::stdout().lock();
    // A terminal shows to people, a pipe hands on.
    let shown = if stdout.is_terminal() { visible(text) } else { text.into() };
    let gap =
        if text.is_empty() || text.ends_with('\n') || !stdout.is_terminal() { "" } else { "\n" };
    write!(stdout, "{shown}{gap}")
        .and_then(|()| stdout.flush())
        .map_err(|error| output_failed(&error))
}

/// Puts the new text into the file, whole or not at all, and only over the text that was read.
fn write_back(arguments: &RunArguments, old: &str, new: &str) -> Result<(), Report> {
    let Some(path) = &arguments.selection.path else { return Ok(()) };
    let failed = |error: io::Error| {
        Report::new(Kind::Work, format!("cannot write {}", path.display()))
            .because(error.to_string())
            .with_hint("nothing was changed")
    };
    // A link stays a link: the file behind it is replaced.
    let real = fs::canonicalize(path).map_err(failed)?;
    if fs::read(&real).map_err(failed)? != old.as_bytes() {
        return Err(Report::new(
            Kind::Work,
            format!("{} changed while the model worked", path.display()),
        )
        .with_hint("nothing was written; run it again"));
    }
    crate::edits::replace_file(&real, new).map_err(failed)
}
