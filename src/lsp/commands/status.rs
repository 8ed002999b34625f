//! `arawn.status`: who would be asked, what runs, and who answered last.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use crate::config::{Place, Settings};
use crate::lsp::messages::prefixed;
use crate::lsp::rules;
use crate::lsp::session::Session;

/// Answers with everything; for clients without the extension, which show no results, it is also said.
pub(in crate::lsp) async fn status(session: &Session) -> Result<Option<Value>> {
    let settings = session.state.assistant().ok().map(|assistant| assistant.settings());
    let chain = settings.as_deref().map(chain).unwrap_or_default();
    let rules = rules_in_force(session).await;
    let status = session.state.read(|inner| {
        let jobs: Vec<Value> = inner
            .jobs
            .all()
            .map(|(id, running)| {
                json!({
                    "jobId": id,
                    "title": running.title,
                    "uri": running.place.uri(),
                    "seconds": running.since.elapsed().as_secs(),
                    "backend": running.asked.as_ref().map(|(backend, _)| backend),
                    "model": running.asked.as_ref().map(|(_, model)| model),
                })
            })
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "backend": inner.chosen,
            "chain": chain,
            "jobs": jobs,
            "proposals": inner.proposals.all().map(|kept| kept.told(inner)).collect::<Vec<_>>(),
            "last": inner.last,
            "rules": rules,
            "config": {
                "files": inner.config_files,
                "error": inner.config_error.as_ref().map(|report| &report.message),
            },
        })
    });
    if !session.state.abilities().extension {
        session.tell(prefixed(&spoken(&status))).await;
    }
    Ok(Some(status))
}

/// The rules of the workspace, and why they are not used where that is so.
async fn rules_in_force(session: &Session) -> Value {
    let Ok(assistant) = session.state.assistant() else { return Value::Null };
    let workspace = session.state.read(|inner| inner.editor.workspace.clone());
    let rules = rules::read(&assistant, None, workspace).await;
    json!({
        "files": rules.files,
        "unused": rules.unused.map(|unused| unused.to_string()),
    })
}

fn chain(settings: &Settings) -> Vec<Value> {
    let link = |link: &crate::config::Link| {
        let backend = settings.backend(&link.backend);
        json!({
            "backend": link.backend,
            "model": link.model.as_ref().or_else(|| backend.and_then(|it| it.model.as_ref())),
            "place": match backend.map(|backend| backend.place) {
                Some(Place::Local) => Some("local"),
                Some(Place::Cloud) => Some("cloud"),
                None => None,
            },
        })
    };
    settings.chain.links.iter().map(link).collect()
}

fn spoken(status: &Value) -> String {
    if let Some(error) = status["config"]["error"].as_str() {
        return format!("the configuration is broken: {error}");
    }
    let named = |link: &Value| {
        let text = |name: &str| link[name].as_str().unwrap_or("?").to_owned();
        format!("{} ({}, {})", text("backend"), text("model"), text("place"))
    };
    let chain: Vec<String> = status["chain"].as_array().into_iter().flatten().map(named).collect();
    let who = match status["backend"].as_str() {
        Some(chosen) => format!("{chosen}, chosen for this session"),
        None => chain.join(", then "),
    };
    let n_jobs = status["jobs"].as_array().map_or(0, Vec::len);
    let mut text = format!("asks {who}; {n_jobs} jobs are running");
    if let Some(backend) = status["last"]["backend"].as_str() {
        let model = status["last"]["model"].as_str().unwrap_or("?");
        _ = write!(text, "; {backend} ({model}) answered last");
        for given_up in status["last"]["fell_back"].as_array().into_iter().flatten() {
            let text_of = |name: &str| given_up[name].as_str().unwrap_or("?").to_owned();
            _ = write!(text, ", {} was given up: {}", text_of("backend"), text_of("message"));
        }
    }
    if let Some(unused) = status["rules"]["unused"].as_str() {
        _ = write!(text, "; {unused}");
    }
    text
}
