//! `arawn doctor`: what works, what does not, and what to do about it.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::{Interruptible, Session, block_on, output_failed, terminal, workspace_here};
use crate::assistant::Assistant;
use crate::backends::ModelInfo;
use crate::config::{Chain, CloudPolicy, Link, Place, Settings};
use crate::model::Task;
use crate::report::{Kind, Report};
use crate::router::Cause;

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArguments {
    /// Print one object per finding
    #[arg(long)]
    json: bool,
}

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Problem(Kind),
}

/// One line of the examination.
#[derive(Clone, Debug)]
struct Finding {
    verdict: Verdict,
    subject: String,
    text: String,
    next_step: Option<String>,
}

impl Finding {
    fn ok(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, subject: subject.into(), text: text.into(), next_step: None }
    }

    fn warning(
        subject: impl Into<String>,
        text: impl Into<String>,
        next_step: Option<String>,
    ) -> Self {
        Self { verdict: Verdict::Warning, subject: subject.into(), text: text.into(), next_step }
    }

    fn of_report(subject: impl Into<String>, report: &Report) -> Self {
        let cause = report.causes.first().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let text = report.message.clone() + &cause;
        let verdict = Verdict::Problem(report.kind);
        Self { verdict, subject: subject.into(), text, next_step: report.hint.clone() }
    }
}

pub(super) fn run(
    arguments: &DoctorArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let findings = match session.load_quietly(workspace_here(&session.environment)) {
        Err(report) => vec![Finding::of_report("config", &report)],
        Ok(loaded) => {
            let mut findings: Vec<Finding> = loaded
                .warnings
                .iter()
                .map(|warning| Finding::warning("config", warning.to_string(), None))
                .collect();
            if findings.is_empty() {
                findings.push(Finding::ok("config", "read without complaint"));
            }
            let assistant = Assistant::new(loaded.settings);
            let examined = block_on(async { Ok(examine(&assistant).await) })?;
            let Interruptible::Finished(examined) = examined else {
                return Ok(ExitCode::from(130));
            };
            findings.extend(examined);
            findings
        }
    };
    for finding in &findings {
        let line = if arguments.json { json_line(finding) } else { text_line(finding) };
        writeln!(out, "{}", terminal::harmless(&line)).map_err(|error| output_failed(&error))?;
    }
    Ok(ExitCode::from(exit_code(&findings)))
}

/// The code of the worst finding; warnings are none.
fn exit_code(findings: &[Finding]) -> u8 {
    // A backend that does not answer is only a problem when no other one does.
    let is_backend = |finding: &&Finding| finding.subject.starts_with("backend ");
    let someone_answers =
        findings.iter().filter(is_backend).any(|finding| finding.verdict == Verdict::Ok);
    findings
        .iter()
        .filter(|finding| !(someone_answers && is_backend(finding)))
        .filter_map(|finding| match finding.verdict {
            Verdict::Problem(kind) => Some(kind.exit_code()),
            Verdict::Ok | Verdict::Warning => None,
        })
        .min()
        .unwrap_or(0)
}

fn json_line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Problem(_) => "problem",
    };
    json!({"verdict": verdict, "subject": finding.subject, "text": finding.text, "next_step": finding.next_step})
        .to_string()
}

fn text_line(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Ok => "ok     ",
        Verdict::Warning => "warning",
        Verdict::Problem(_) => "problem",
    };
    let next_step =
        finding.next_step.as_ref().map(|step| format!(" -> {step}")).unwrap_or_default();
    format!("{mark} {}: {}{next_step}", finding.subject, finding.text)
}

async fn examine(assistant: &Assistant) -> Vec<Finding> {
    let settings = assistant.settings();
    let mut findings = Vec::new();
    for problem in assistant.action_problems().iter() {
        findings.push(Finding::warning("actions", problem.clone(), None));
    }
    for (tasks, chain) in chains(&settings) {
        let names: Vec<&str> = chain.links.iter().map(|link| link.backend.as_str()).collect();
        findings.push(Finding::ok(format!("chain of {tasks}"), names.join(", then ")));
    }
    for link in links(&settings) {
        findings.push(examine_backend(assistant, &settings, &link).await);
    }
    findings
}

/// The chains that differ, each with the tasks that use it.
fn chains(settings: &Settings) -> Vec<(String, &Chain)> {
    let mut chains = vec![("all other tasks".to_owned(), &settings.chain)];
    for task in Task::ALL {
        let chain = settings.chain_of(task);
        if *chain != settings.chain {
            chains.push((task.to_string(), chain));
        }
    }
    chains
}

/// Every backend and model of any chain, once.
fn links(settings: &Settings) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for link in chains(settings).into_iter().flat_map(|(_, chain)| &chain.links) {
        if !links.contains(link) {
            links.push(link.clone());
        }
    }
    links
}

async fn examine_backend(assistant: &Assistant, settings: &Settings, link: &Link) -> Finding {
    let name = &link.backend;
    let subject = format!("backend {name}");
    let Some(backend) = settings.backend(name) else {
        let cause = Cause::UnknownBackend {
            name: name.to_string(),
            known: settings.backends.keys().map(ToString::to_string).collect(),
        };
        return Finding::of_report(subject, &Report::from(&cause));
    };
    if backend.place == Place::Cloud && settings.privacy.cloud == CloudPolicy::Never {
        return Finding::warning(
            subject,
            "is a cloud service, and `[privacy] cloud = \"never\"` forbids those",
            None,
        );
    }
    let Some(model) = link.model.clone().or_else(|| backend.model.clone()) else {
        let cause = Cause::NoModel { backend: name.clone() };
        return Finding::of_report(subject, &Report::from(&cause));
    };
    match assistant.models(name).await {
        Err(cause) => Finding::of_report(subject, &Report::from(&cause)),
        Ok(models) if models.iter().any(|info| is_model(info, &model)) => Finding::ok(
            subject,
            format!("answers at {} and has \"{model}\"", backend.base_url_text),
        ),
        Ok(models) => {
            let next_step = if backend.provider_text() == "Ollama" {
                format!("`ollama pull {model}`")
            } else {
                format!("set `model` in `[backends.{name}]` to one of: {}", some_ids(&models))
            };
            let text = format!(
                "answers at {}, but does not list the model \"{model}\"",
                backend.base_url_text
            );
            Finding {
                verdict: Verdict::Problem(Kind::Backend),
                subject,
                text,
                next_step: Some(next_step),
            }
        }
    }
}

/// Whether a listed model is the one that is configured; Ollama's default tag may be left out.
fn is_model(info: &ModelInfo, model: &str) -> bool {
    info.id == model || info.id.strip_suffix(":latest") == Some(model)
}

fn some_ids(models: &[ModelInfo]) -> String {
    const MOST: usize = 6;
    let mut ids: Vec<&str> = models.iter().take(MOST).map(|model| model.id.as_str()).collect();
    if models.len() > MOST {
        ids.push("...");
    }
    if ids.is_empty() { "(it lists none)".to_owned() } else { ids.join(", ") }
}
