//! `arawn local status` and `arawn local models`: what is there, and what runs.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::{settings, size};
use crate::cli::{Session, fold, note, output_failed, terminal};
use crate::config::local::{EngineSource, list_ollama_models};
use crate::engine::{self, ModelFound, Status};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct StatusArguments {
    /// Print one object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ModelsArguments {
    /// Print one object per model
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(
    arguments: &StatusArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let status = engine::status(&settings(session)?);
    let lines = if arguments.json {
        vec![serde_json::to_string(&status).unwrap_or_default()]
    } else {
        folded(&lines(&status))
    };
    print(&lines, out)?;
    Ok(ExitCode::SUCCESS)
}

/// Lines for people, as wide as their terminal.
fn folded(lines: &[String]) -> Vec<String> {
    let width = fold::width(&std::io::stdout());
    lines.iter().map(|line| fold::text(line, width).into_owned()).collect()
}

fn print(lines: &[String], out: &mut dyn Write) -> Result<(), Report> {
    for line in lines {
        writeln!(out, "{}", terminal::harmless(line)).map_err(|error| output_failed(&error))?;
    }
    Ok(())
}

fn lines(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match &status.engine {
        Some(engine) => {
            let version = engine.version.as_ref().map(|told| format!(", {told}"));
            let from = match engine.source {
                EngineSource::Config => "from your config",
                EngineSource::Setup => "from `arawn local setup`",
                EngineSource::Path => "found on PATH",
            };
            let program = engine.command.last().map_or("", String::as_str);
            format!("engine   {program} ({from}{})", version.unwrap_or_default())
        }
        None => "engine   none".to_owned(),
    });
    lines.push(match &status.model {
        Some(model) => format!("model    {}", model_line(model)),
        None => "model    none".to_owned(),
    });
    for running in &status.running {
        lines.push(format!(
            "running  {}: process {} on {}, watched over by {}; log {}",
            running.model,
            running.pid,
            running.address,
            running.supervisor,
            running.log.display()
        ));
    }
    if status.running.is_empty() && status.is_set_up {
        lines.push("running  no; the first job that needs it starts it".to_owned());
    }
    lines.extend(
        status
            .problems
            .iter()
            .map(|problem| format!("problem  {} -> {}", problem.text, problem.next_step)),
    );
    if !status.is_set_up && status.problems.is_empty() {
        lines.push("not set up -> run `arawn local setup`".to_owned());
    }
    lines
}

fn model_line(model: &ModelFound) -> String {
    let mut facts = vec![size(model.bytes)];
    facts.extend((!model.what.is_empty()).then(|| model.what.clone()));
    facts.push(format!("{} tokens", model.context_length));
    facts.extend(model.abilities.iter().map(|&ability| ability.to_owned()));
    facts.extend(model.is_toy.then(|| "good to try the path, not to work with".to_owned()));
    facts.extend(model.problem.iter().cloned());
    format!("{} ({}; {})", model.name, facts.join(", "), model.path.display())
}

pub(in crate::cli) fn run_models(
    arguments: &ModelsArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let local = settings(session)?.local;
    let found = super::block_on(async { Ok(engine::models(&local).await) })?;
    let super::Interruptible::Finished(models) = found else { return Ok(ExitCode::from(130)) };
    let pulled: Vec<String> = list_ollama_models(&local.environment)
        .into_iter()
        .map(|model| format!("ollama:{}", model.name))
        .filter(|name| models.iter().all(|model| model.source != *name))
        .collect();
    if arguments.json {
        let own = models.iter().map(|model| {
            let mut object = json!(model);
            object["set_up"] = json!(true);
            object.to_string()
        });
        let other = pulled.iter().map(|name| json!({"source": name, "set_up": false}).to_string());
        print(&own.chain(other).collect::<Vec<_>>(), out)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&folded(&models.iter().map(model_line).collect::<Vec<_>>()), out)?;
    if models.is_empty() {
        note("no model is set up; `arawn local setup` brings one");
    }
    if !pulled.is_empty() {
        note("pulled by Ollama, to be used with `arawn local setup --model`:");
        for name in pulled {
            note(&format!("  {name}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
