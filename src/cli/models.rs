//! `arawn models`: what each backend has.

use std::io::Write;

use serde_json::json;

use super::{Interruptible, Session, block_on, note, output_failed, workspace_here};
use crate::assistant::Assistant;
use crate::backends::ModelInfo;
use crate::model::BackendName;
use crate::report::{Kind, Report};

#[derive(Debug, clap::Args)]
pub(super) struct ModelsArguments {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// Print one object per model
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum ModelsCommand {
    /// List the models (the default)
    List,
}

pub(super) fn run(
    arguments: &ModelsArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let ModelsArguments { command: None | Some(ModelsCommand::List), json } = *arguments;
    let assistant = session.assistant(workspace_here(&session.environment))?;
    let names = backends_to_list(&assistant, session);
    let listed = block_on(async {
        let mut listed = Vec::new();
        for name in &names {
            listed.push((name.clone(), assistant.models(name).await));
        }
        Ok(listed)
    })?;
    let Interruptible::Finished(listed) = listed else { return Err(interrupted()) };
    let mut n_models = 0;
    let mut first_failure = None;
    for (name, models) in listed {
        match models {
            Ok(models) => {
                n_models += models.len();
                print_models(&name, &models, json, out)?;
            }
            Err(cause) => {
                let report = Report::from(&cause);
                note(&format!("{name}: {report}"));
                first_failure.get_or_insert((cause, report));
            }
        }
    }
    match first_failure {
        Some((_, report)) if n_models == 0 => Err(report),
        _ => Ok(()),
    }
}

fn interrupted() -> Report {
    Report::new(Kind::Work, "interrupted")
}

/// The backend of `--backend`, else those of all chains, first choice first.
fn backends_to_list(assistant: &Assistant, session: &Session) -> Vec<BackendName> {
    if let Some(name) = &session.globals.backend {
        return vec![name.clone()];
    }
    let settings = assistant.settings();
    let mut names: Vec<BackendName> = Vec::new();
    let chains =
        std::iter::once(&settings.chain).chain(settings.tasks.values().map(|task| &task.chain));
    for link in chains.flat_map(|chain| &chain.links) {
        if !names.contains(&link.backend) {
            names.push(link.backend.clone());
        }
    }
    names
}

fn print_models(
    name: &BackendName,
    models: &[ModelInfo],
    as_json: bool,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let width = models.iter().map(|model| model.id.len()).max().unwrap_or(0);
    for model in models {
        let line = if as_json {
            json!({"backend": name, "id": model.id, "context_length": model.context_length, "abilities": model.abilities})
                .to_string()
        } else {
            let context = model.context_length.map(|n| format!("{n} tokens")).unwrap_or_default();
            format!("{name}  {:width$}  {context:>14}  {}", model.id, model.abilities.join(", "))
                .trim_end()
                .to_owned()
        };
        writeln!(out, "{}", super::terminal::harmless(&line))
            .map_err(|error| output_failed(&error))?;
    }
    if models.is_empty() && !as_json {
        note(&format!("{name} has no models yet"));
    }
    Ok(())
}
