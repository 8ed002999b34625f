//! `arawn actions`: what `run` and the editors offer.

use std::io::Write;

use serde_json::json;

use super::{Session, note, output_failed, workspace_here};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(super) struct ActionsArguments {
    /// Print one object per action
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    arguments: &ActionsArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let assistant = session.assistant(workspace_here(&session.environment))?;
    let catalog = assistant.catalog();
    for problem in assistant.action_problems().iter() {
        note(&format!("warning: {problem}"));
    }
    let width = catalog.actions.iter().map(|action| action.id.len()).max().unwrap_or(0);
    for action in &catalog.actions {
        let line = if arguments.json {
            json!({"id": action.id, "title": action.title, "task": action.task, "kind": action.kind,
                "output": action.output.as_str(), "languages": action.languages, "needs_input": action.needs_input})
            .to_string()
        } else {
            let input = if action.needs_input { ", needs --input" } else { "" };
            format!("{:width$}  {} ({}{input})", action.id, action.title, action.output.as_str())
        };
        writeln!(out, "{line}").map_err(|error| output_failed(&error))?;
    }
    Ok(())
}
