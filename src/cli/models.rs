//! `arawn models`: what each backend has and what it can do; `arawn models pull` fetches one.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::{Interruptible, Session, block_on, note, output_failed, pull, workspace_here};
use crate::assistant::Assistant;
use crate::backends::{Lifecycle, ModelInfo};
use crate::model::BackendName;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(super) struct ModelsArguments {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// Print one object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ModelsCommand {
    /// List the models and what each can do (the default)
    List,
    /// Have Ollama fetch a model; one that was broken off goes on where it stopped
    Pull {
        /// The model, as in `qwen2.5-coder:7b`
        #[arg(value_name = "NAME")]
        model_name: String,
    },
}

pub(super) fn run(
    arguments: &ModelsArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let assistant = session.assistant(workspace_here(&session.environment))?;
    if let Some(ModelsCommand::Pull { model_name }) = &arguments.command {
        return pull::run(model_name, arguments.json, &assistant, session, out);
    }
    let names = backends_to_list(&assistant, session);
    let listed = block_on(async {
        let asked = names.iter().map(|name| assistant.models(name));
        let answers = futures_util::future::join_all(asked).await;
        Ok(names.iter().cloned().zip(answers).collect::<Vec<_>>())
    })?;
    let Interruptible::Finished(listed) = listed else { return Ok(ExitCode::from(130)) };
    let mut n_models = 0;
    let mut first_failure = None;
    for (name, models) in listed {
        match models {
            Ok(models) => {
                n_models += models.len();
                print_models(&name, &models, arguments.json, out)?;
            }
            Err(cause) => {
                let report = Report::from(&cause);
                note(&format!("{name}: {report}"));
                first_failure.get_or_insert(report);
            }
        }
    }
    match first_failure {
        Some(report) if n_models == 0 => Err(report),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The backend of `--backend`, else those of all chains, first choice first.
pub(super) fn backends_to_list(assistant: &Assistant, session: &Session) -> Vec<BackendName> {
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
    let width = models.iter().map(|model| model.id.chars().count()).max().unwrap_or(0);
    for model in models {
        let line = if as_json { json_line(name, model) } else { text_line(name, model, width) };
        writeln!(out, "{}", super::terminal::harmless(&line))
            .map_err(|error| output_failed(&error))?;
    }
    if models.is_empty() && !as_json {
        note(&format!("{name} has no models yet"));
    }
    Ok(())
}

fn text_line(name: &BackendName, model: &ModelInfo, width: usize) -> String {
    let context = model.context_length.map(|n| format!("{n} tokens")).unwrap_or_default();
    let mut remarks: Vec<String> = Vec::new();
    remarks.extend((model.loaded == Some(true)).then(|| "loaded".to_owned()));
    let stage = match model.lifecycle {
        Lifecycle::Active => None,
        Lifecycle::Deprecated => Some("deprecated"),
        Lifecycle::Retired => Some("retired"),
    };
    remarks.extend(stage.map(|stage| match &model.retires_at {
        Some(day) => format!("{stage} ({day})"),
        None => stage.to_owned(),
    }));
    let abilities = model.abilities.iter().map(|ability| in_words(ability));
    let facts: Vec<&str> = abilities.chain(remarks.iter().map(String::as_str)).collect();
    let line = format!("{name}  {:width$}  {context:>14}  {}", model.id, facts.join(", "));
    line.trim_end().to_owned()
}

/// An ability as people call it.
fn in_words(ability: &str) -> &str {
    match ability {
        "insert" => "insert (FIM)",
        other => other,
    }
}

fn json_line(name: &BackendName, model: &ModelInfo) -> String {
    json!({
        "backend": name,
        "id": model.id,
        "context_length": model.context_length,
        "abilities": model.abilities,
        "vision": model.can("vision"),
        "tools": model.can("tools"),
        "fim": model.can("insert"),
        "loaded": model.loaded,
        "max_output": model.max_output,
        "lifecycle": model.lifecycle,
        "retires_at": model.retires_at,
    })
    .to_string()
}
