//! What is to be said of the backends of all chains, of their models, and of the local engine.

use std::time::{Duration, Instant};

use super::links::{Checked, Condition, check_all};
use super::{Depth, Finding, Level, ollama};
use crate::assistant::Assistant;
use crate::backends::{Lifecycle, ModelInfo, Probe};
use crate::config::{BackendSettings, EmbeddingSource, Link, Place, Provider, Settings};
use crate::engine;
use crate::model::{Request, Task};
use crate::report::{Kind, Report};
use crate::router::{Choice, Progress};

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// Most tokens of the answer to a deep look. Reasoning models refuse to stop after one.
const DEEP_TOKENS: u32 = 16;
/// Models that a hint names.
const SHOWN_MODELS: usize = 6;

/// A chain and the work it is for.
struct Purpose {
    area: String,
    links: Vec<Link>,
}

/// All of it.
pub(super) async fn findings(assistant: &Assistant, depth: Depth) -> Vec<Finding> {
    let settings = assistant.settings();
    let problems = assistant.action_problems();
    let mut findings: Vec<Finding> = problems
        .iter()
        .map(|problem| {
            Finding::warning("actions", problem.clone())
                .with_hint("correct the file; `arawn actions` lists what is offered")
        })
        .collect();
    let purposes = purposes(&settings);
    let mut links: Vec<Link> = Vec::new();
    for link in purposes.iter().flat_map(|purpose| &purpose.links) {
        if !links.contains(link) {
            links.push(link.clone());
        }
    }
    let mut checked = check_all(assistant, &settings, &links, PATIENCE).await;
    let answers = match depth {
        Depth::Usual => Vec::new(),
        Depth::Deep => ask_each(assistant, &mut checked).await,
    };
    for one in &checked {
        findings.push(of_link(&settings, one, level_of(one, &purposes, &checked)));
        findings.extend(beside(&settings, one));
    }
    findings.extend(answers);
    findings.extend(purposes.iter().map(|purpose| of_chain(purpose, &checked, &settings)));
    let main = &settings.chain.links;
    let has_answer =
        checked.iter().any(|one| main.contains(&one.link) && one.condition.would_answer());
    findings.push(local_engine(&settings, has_answer));
    findings
}

/// The chains that differ, and whoever makes embeddings.
fn purposes(settings: &Settings) -> Vec<Purpose> {
    let main = Purpose { area: "chain".to_owned(), links: settings.chain.links.clone() };
    let mut purposes = vec![main];
    for task in Task::ALL {
        let chain = settings.chain_of(task);
        if *chain != settings.chain {
            purposes.push(Purpose { area: format!("chain of {task}"), links: chain.links.clone() });
        }
    }
    let options = &settings.embeddings;
    if let EmbeddingSource::Backend(name) = &options.source
        && let Some(model) = options.model.clone().or_else(|| options.openai_model.clone())
    {
        let link = Link { backend: name.clone(), model: Some(model) };
        purposes.push(Purpose { area: "embeddings".to_owned(), links: vec![link] });
    }
    purposes
}

/// A backend that fails is a problem only where nobody else of its chain does its work.
fn level_of(one: &Checked, purposes: &[Purpose], checked: &[Checked]) -> Level {
    let answers = |link: &Link| {
        checked.iter().any(|other| other.link == *link && other.condition.would_answer())
    };
    let mut own = purposes.iter().filter(|purpose| purpose.links.contains(&one.link));
    let is_replaced = own.all(|purpose| purpose.links.iter().any(answers));
    match &one.condition {
        condition if condition.would_answer() => Level::Ok,
        Condition::Forbidden => Level::Warning,
        _ if is_replaced => Level::Warning,
        Condition::Failed(report) => Level::Problem(report.kind),
        _ => Level::Problem(Kind::Backend),
    }
}

/// The line about a backend and its model.
fn of_link(settings: &Settings, one: &Checked, level: Level) -> Finding {
    let area = format!("backend {}", one.link.backend);
    let Some(backend) = settings.backend(&one.link.backend) else {
        return failed(area, level, &one.condition);
    };
    let at = &backend.base_url_text;
    let model = one.model.clone().unwrap_or_default();
    match &one.condition {
        Condition::Failed(_) => failed(area, level, &one.condition),
        Condition::Ready(probe) => {
            let message = format!(
                "answers at {at}{}{}, and has \"{model}\"{}{}",
                version(probe),
                place(backend),
                probe.model.as_ref().map(facts).unwrap_or_default(),
                key(backend)
            );
            Finding::new(area, level, message)
        }
        Condition::OnDemand => {
            Finding::new(area, level, format!("is started when it is needed, with \"{model}\""))
        }
        Condition::Unsure(probe) => unsure(area, at, probe, &model),
        Condition::Lacks(probe) => lacking(Finding::new(area, level, ""), backend, probe, &model),
        Condition::Late(limit) => {
            let seconds = limit.as_secs_f32();
            Finding::new(
                area,
                level,
                format!("takes connections at {at}, but says nothing within {seconds} s"),
            )
            .with_hint("look whether the server hangs, and start it anew")
        }
        Condition::Forbidden => Finding::new(
            area,
            level,
            "is a cloud service, and `[privacy] cloud = \"never\"` forbids those",
        )
        .with_hint(
            "take it out of the chain, or allow clouds; `arawn config show` tells who forbids them",
        ),
    }
}

/// A server that does not say whether it has the model.
fn unsure(area: String, at: &str, probe: &Probe, model: &str) -> Finding {
    let (says, hint) = match &probe.listed {
        None => (
            "tells nothing of its models".to_owned(),
            "if it is the wrong address, look at `base_url`; ",
        ),
        Some(listed) => (
            format!("lists {}, and not \"{model}\"", some_ids(listed)),
            "if that is wrong, set `model`; ",
        ),
    };
    Finding::warning(area, format!("answers at {at}, but {says}"))
        .with_hint(format!("{hint}`arawn doctor --deep` asks it for a word"))
}

/// A server that does not have the model.
fn lacking(finding: Finding, backend: &BackendSettings, probe: &Probe, model: &str) -> Finding {
    let (name, at) = (&backend.name, &backend.base_url_text);
    let message =
        format!("answers at {at}{}, but does not have the model \"{model}\"", version(probe));
    let listed = probe.listed.as_deref().unwrap_or_default();
    let other = (!listed.is_empty())
        .then(|| format!("set `model` of \"{name}\" to one it has: {}", some_ids(listed)));
    let pull = (backend.provider == Provider::Ollama).then(|| format!("`ollama pull {model}`"));
    let steps: Vec<String> = pull.into_iter().chain(other).collect();
    let hint =
        if steps.is_empty() { format!("set `model` of \"{name}\"") } else { steps.join(", or ") };
    Finding { message, ..finding }.with_hint(hint)
}

fn failed(area: String, level: Level, condition: &Condition) -> Finding {
    let Condition::Failed(report) = condition else {
        return Finding::new(area, level, "cannot be used");
    };
    let hint = match (&report.hint, report.checks.is_empty()) {
        (None, true) => Some("`arawn doctor -v` says more".to_owned()),
        (None, false) => Some(format!("check: {}", report.checks.join("; "))),
        (hint, _) => hint.clone(),
    };
    Finding { level, hint, ..Finding::of_report(area, report) }
}

/// What else shows in a backend: old releases, ways that can be listened to.
fn beside(settings: &Settings, one: &Checked) -> Vec<Finding> {
    let area = format!("backend {}", one.link.backend);
    let Some(backend) = settings.backend(&one.link.backend) else { return Vec::new() };
    let mut findings = Vec::new();
    let (Condition::Ready(probe) | Condition::Unsure(probe) | Condition::Lacks(probe)) =
        &one.condition
    else {
        return unencrypted(backend).into_iter().collect();
    };
    if let Some((holes, safe)) = probe.version.as_deref().and_then(ollama::holes) {
        let version = probe.version.as_deref().unwrap_or_default();
        findings.push(
            Finding::warning(&area, format!("Ollama {version} has known holes: {holes}"))
                .with_hint(format!("update Ollama to {safe} or newer")),
        );
    }
    let stage = probe.model.as_ref().map(|model| (model.lifecycle, &model.retires_at, &model.id));
    if let Some((lifecycle @ (Lifecycle::Deprecated | Lifecycle::Retired), day, id)) = stage {
        let word = if lifecycle == Lifecycle::Retired { "is retired" } else { "will be retired" };
        let day = day.as_ref().map(|day| format!(" ({day})")).unwrap_or_default();
        findings.push(
            Finding::warning(&area, format!("the model \"{id}\" {word}{day}"))
                .with_hint(format!("`arawn --backend {} models` lists others", backend.name)),
        );
    }
    findings.extend(unencrypted(backend));
    findings
}

fn unencrypted(backend: &BackendSettings) -> Option<Finding> {
    backend.is_unencrypted().then(|| {
        let host = backend.base_url.host_str().unwrap_or_default().to_owned();
        let message = format!("sends code and key to {host} unencrypted, as `allow_http` allows");
        Finding::warning(format!("backend {}", backend.name), message)
            .with_hint("use https, or a tunnel to a port of this machine")
    })
}

/// Asks each model that should answer for a few tokens, one after the other, since they may share a machine.
async fn ask_each(assistant: &Assistant, checked: &mut [Checked]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in checked.iter_mut().filter(|one| one.condition.would_answer()) {
        let area = format!("backend {}", one.link.backend);
        let choice = Choice {
            backend: Some(one.link.backend.clone()),
            model: one.model.clone(),
            no_fallback: true,
        };
        let request = Request {
            max_tokens: Some(DEEP_TOKENS),
            ..Request::of_user("Answer with one word: ready")
        };
        let since = Instant::now();
        let mut first = None;
        let mut watch = |progress: Progress<'_>| {
            if let Progress::Text(_) | Progress::Reasoning(_) = progress {
                first.get_or_insert_with(|| since.elapsed());
            }
        };
        match assistant.ask(&request, &choice, &mut watch).await {
            Ok(answer) => {
                let (whole, first) = (since.elapsed(), first.unwrap_or_else(|| since.elapsed()));
                findings.push(Finding::ok(
                    area,
                    format!(
                        "\"{}\" answered: first token after {} ms, all after {} ms",
                        answer.model,
                        first.as_millis(),
                        whole.as_millis()
                    ),
                ));
            }
            Err(failure) => {
                one.condition = Condition::Failed(Box::new(Report::from(&failure.cause)));
            }
        }
    }
    findings
}

/// Who does which work, and who would do it now.
fn of_chain(purpose: &Purpose, checked: &[Checked], settings: &Settings) -> Finding {
    let of = |link: &Link| checked.iter().find(|one| one.link == *link);
    let words = purpose.links.iter().map(|link| {
        let model = of(link).and_then(|one| one.model.clone()).unwrap_or_default();
        format!("{} ({model})", link.backend)
    });
    let order = words.collect::<Vec<_>>().join(", then ");
    let first =
        purpose.links.iter().find(|link| of(link).is_some_and(|one| one.condition.would_answer()));
    match first {
        Some(first) if purpose.links.first() == Some(first) => Finding::ok(&purpose.area, order),
        Some(first) => {
            Finding::warning(&purpose.area, format!("{order}; now {} answers", first.backend))
                .with_hint("see the lines about the backends before it")
        }
        None => {
            let hint = if settings.local.is_set_up() {
                "see the lines about its backends"
            } else {
                "see the lines about its backends; `arawn local setup` needs no server and no key"
            };
            let kind = worst(purpose, checked);
            Finding::problem(&purpose.area, kind, format!("{order}; nobody answers now"))
                .with_hint(hint)
        }
    }
}

/// The kind of a chain's failure is that of its first backend.
fn worst(purpose: &Purpose, checked: &[Checked]) -> Kind {
    let first = purpose.links.first().and_then(|link| checked.iter().find(|one| one.link == *link));
    match first.map(|one| &one.condition) {
        Some(Condition::Failed(report)) => report.kind,
        Some(Condition::Forbidden) => Kind::Privacy,
        _ => Kind::Backend,
    }
}

/// The local engine: it may be asked for, be there unasked, or not be there.
fn local_engine(settings: &Settings, others_answer: bool) -> Finding {
    const AREA: &str = "local engine";
    let status = engine::status(settings);
    if let Some(problem) = status.problems.first() {
        let text = problem.text.trim_end_matches("; run `arawn local setup`");
        let level = if others_answer { Level::Warning } else { Level::Problem(Kind::Backend) };
        return Finding::new(AREA, level, text).with_hint(problem.next_step.clone());
    }
    let Some(model) = status.model.filter(|_| status.is_set_up) else {
        return Finding::ok(AREA, "is not set up")
            .with_hint("`arawn local setup` brings one that needs no server and no key");
    };
    let running = match status.running.iter().find(|running| running.model == model.name) {
        Some(running) => format!("runs (process {})", running.pid),
        None => "is started when it is needed".to_owned(),
    };
    let abilities = model.abilities.iter().map(|&ability| ability.to_owned());
    let facts: Vec<String> = [model.what.clone(), format!("{} tokens", model.context_length)]
        .into_iter()
        .filter(|fact| !fact.is_empty())
        .chain(abilities)
        .collect();
    let message = format!("{running}, with \"{}\" ({})", model.name, facts.join(", "));
    if model.is_toy {
        return Finding::warning(AREA, format!("{message}, which is only good to try the path"))
            .with_hint(format!(
                "for real work: `arawn local setup --model {}`",
                engine::setup::CODERS[0].0
            ));
    }
    Finding::ok(AREA, message)
}

fn version(probe: &Probe) -> String {
    probe.version.as_ref().map(|version| format!(" (version {version})")).unwrap_or_default()
}

fn place(backend: &BackendSettings) -> &'static str {
    if backend.place == Place::Cloud { " (cloud)" } else { "" }
}

/// Where the key comes from.
fn key(backend: &BackendSettings) -> String {
    backend.api_key.as_ref().map(|reference| format!(", key from {reference}")).unwrap_or_default()
}

/// Window and abilities.
fn facts(model: &ModelInfo) -> String {
    let context = model.context_length.map(|n_tokens| format!("{n_tokens} tokens"));
    let facts: Vec<String> = context.into_iter().chain(model.abilities.iter().cloned()).collect();
    if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) }
}

fn some_ids(models: &[ModelInfo]) -> String {
    if models.is_empty() {
        return "no model".to_owned();
    }
    let mut ids: Vec<&str> =
        models.iter().take(SHOWN_MODELS).map(|model| model.id.as_str()).collect();
    if models.len() > SHOWN_MODELS {
        ids.push("...");
    }
    ids.join(", ")
}
