//! `arawn local remove`: takes away what setup brought, and nothing else.

use std::io::Write;
use std::process::ExitCode;

use super::{agrees, settings};
use crate::cli::{Interruptible, Session, block_on, output_failed};
use crate::engine::{self, setup};
use crate::report::{Kind, Report};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArguments {
    /// The model; left out, the engine and all models that setup brought
    model: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(in crate::cli) fn run(
    arguments: &RemoveArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let local = settings(session)?.local;
    let what = match &arguments.model {
        Some(name) => format!("the model {name}"),
        None => format!("everything below {}", local.data_folder.display()),
    };
    if !arguments.yes && !agrees(&format!("Remove {what}?")) {
        let report = Report::new(Kind::Usage, "nothing was removed, because nobody agreed");
        return Err(report.with_hint("pass `--yes`"));
    }
    let removed = block_on(async {
        engine::stop(&local).await;
        Ok(setup::remove(&local, arguments.model.as_deref()))
    })?;
    let Interruptible::Finished(removed) = removed else { return Ok(ExitCode::from(130)) };
    let removed = removed.map_err(|error| {
        let report = Report::new(Kind::Work, error.to_string());
        match error.hint() {
            Some(hint) => report.with_hint(hint),
            None => report,
        }
    })?;
    let line = match removed.as_slice() {
        [] => "nothing was set up".to_owned(),
        removed => format!("removed {}", removed.join(", ")),
    };
    writeln!(out, "{line}").map_err(|error| output_failed(&error))?;
    Ok(ExitCode::SUCCESS)
}
