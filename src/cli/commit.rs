//! `arawn commit`: a message from the staged difference, printed or written for git's hook.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::run::work;
use super::{Interruptible, Session, block_on, note, output_failed, workspace_here};
use crate::assistant::{Finished, Job, Outcome};
use crate::edits;
use crate::report::{Kind, Report};
use crate::text::{CharIdx, CharRange, Snapshot};

#[derive(Debug, clap::Args)]
pub(super) struct CommitArguments {
    /// What the difference does not tell: a reason, the number of an issue
    #[arg(long, short, value_name = "TEXT")]
    input: Option<String>,
    /// Write into FILE, as a `prepare-commit-msg` hook is asked to; takes what git hands to the hook
    #[arg(long, num_args = 1..=3, value_names = ["FILE", "SOURCE", "COMMIT"])]
    hook: Option<Vec<String>>,
}

pub(super) fn run(arguments: &CommitArguments, session: &Session) -> Result<ExitCode, Report> {
    let Some(hook) = &arguments.hook else {
        return Ok(match message(arguments, session)? {
            Some(message) => {
                let mut stdout = io::stdout().lock();
                writeln!(stdout, "{}", message.trim_end())
                    .and_then(|()| stdout.flush())
                    .map_err(|error| output_failed(&error))?;
                ExitCode::SUCCESS
            }
            None => ExitCode::from(130),
        });
    };
    // Whatever goes wrong here must not keep the user from committing: git would stop at a failing hook.
    let source = hook.get(1).map_or("", String::as_str);
    if !matches!(source, "" | "template") {
        return Ok(ExitCode::SUCCESS);
    }
    match message(arguments, session) {
        Ok(Some(message)) => {
            if let Err(report) = put_in(Path::new(&hook[0]), &message) {
                note(&format!("arawn: no message: {report}"));
            }
        }
        Ok(None) => note("arawn: no message: interrupted"),
        Err(report) => note(&format!("arawn: no message: {report}")),
    }
    Ok(ExitCode::SUCCESS)
}

/// The message; `None` if the user ended it.
fn message(arguments: &CommitArguments, session: &Session) -> Result<Option<String>, Report> {
    let workspace = workspace_here(&session.environment);
    let assistant = session.assistant(workspace)?;
    let catalog = assistant.catalog();
    let Some(action) = catalog.find("commit") else {
        return Err(Report::new(Kind::Config, "the action \"commit\" is broken")
            .with_hint("`arawn actions` tells what is wrong with it"));
    };
    let nothing = CharRange::new(CharIdx(0), CharIdx(0));
    let job = Job {
        action: action.clone(),
        snapshot: Snapshot::of_text("", "", None),
        range: nothing,
        complaints: Vec::new(),
        input: arguments.input.clone(),
        choice: session.globals.choice(),
        // Where git is asked: a hook is started at the root of the work tree, and a user anywhere in it.
        workspace: vec![session.environment.working_folder.clone()],
    };
    let ended = block_on(async { Ok(work(&assistant, &job).await) })?;
    let Interruptible::Finished(ended) = ended else { return Ok(None) };
    let Finished { answer, result, .. } = ended.map_err(|error| Report::from(&error))?;
    for remark in &answer.remarks {
        note(&format!("note: {remark}"));
    }
    match result {
        Outcome::Answer { markdown, .. } => {
            note(&format!("written by {} ({})", answer.backend, answer.model));
            Ok(Some(markdown))
        }
        Outcome::Unusable { reason } => {
            Err(Report::new(Kind::Work, reason).with_hint("try again, or choose a larger model"))
        }
        _ => Err(Report::new(Kind::Work, "the answer holds no message")),
    }
}

/// Puts a message before what git wrote into the file.
fn put_in(path: &Path, message: &str) -> Result<(), Report> {
    let failed = |error: io::Error| {
        Report::new(Kind::Work, format!("cannot write {}", path.display()))
            .because(error.to_string())
    };
    let path: PathBuf = fs::canonicalize(path).map_err(failed)?;
    let old = fs::read_to_string(&path).map_err(failed)?;
    let gap = if old.is_empty() || old.starts_with('\n') { "" } else { "\n" };
    edits::replace_file(&path, &format!("{}\n{gap}{old}", message.trim_end())).map_err(failed)
}
