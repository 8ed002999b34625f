//! How the backends of a chain do, asked side by side and with little patience.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::assistant::Assistant;
use crate::backends::{Probe, is_model};
use crate::config::{BackendSettings, CloudPolicy, Link, Provider, Settings};
use crate::gate;
use crate::report::Report;
use crate::router::Cause;

/// A backend and its model, as they were found.
#[derive(Debug)]
pub struct Checked {
    /// Whom and what.
    pub link: Link,
    /// The model that would be asked, if one is set.
    pub model: Option<String>,
    /// How it does.
    pub condition: Condition,
}

/// How a backend does.
#[derive(Debug)]
pub enum Condition {
    /// It answers and has the model.
    Ready(Probe),
    /// It is the local engine, which is started by the first job.
    OnDemand,
    /// It answers, but does not tell whether it has the model.
    Unsure(Probe),
    /// It answers, but lacks the model.
    Lacks(Probe),
    /// It does not answer as it should.
    Failed(Box<Report>),
    /// It took the connection and then said nothing for so long.
    Late(Duration),
    /// The privacy rules keep it from being asked.
    Forbidden,
}

impl Condition {
    /// Whether a job would get its answer there, as far as one can tell.
    pub fn would_answer(&self) -> bool {
        matches!(self, Self::Ready(_) | Self::OnDemand | Self::Unsure(_))
    }
}

/// Checks the chain of `[llm]`. Nobody is waited for longer than `limit`.
pub async fn check_chain(assistant: &Assistant, limit: Duration) -> Vec<Checked> {
    let settings = assistant.settings();
    check_all(assistant, &settings, &settings.chain.links, limit).await
}

/// Checks these, side by side.
pub(super) async fn check_all(
    assistant: &Assistant,
    settings: &Settings,
    links: &[Link],
    limit: Duration,
) -> Vec<Checked> {
    join_all(links.iter().map(|link| check(assistant, settings, link, limit))).await
}

async fn check(
    assistant: &Assistant,
    settings: &Settings,
    link: &Link,
    limit: Duration,
) -> Checked {
    let failed = |cause: &Cause| Condition::Failed(Box::new(Report::from(cause)));
    let Some(backend) = settings.backend(&link.backend) else {
        let name = link.backend.to_string();
        let cause = match settings.unusable.get(&link.backend) {
            Some(reason) => {
                Cause::Unusable { backend: link.backend.clone(), reason: reason.clone() }
            }
            None => Cause::UnknownBackend {
                name,
                known: settings.backends.keys().map(ToString::to_string).collect(),
            },
        };
        return Checked { link: link.clone(), model: None, condition: failed(&cause) };
    };
    let model = link.model.clone().or_else(|| backend.model.clone());
    let condition = match &model {
        _ if backend.engine.is_some() => Condition::OnDemand,
        None => failed(&Cause::NoModel { backend: link.backend.clone() }),
        Some(model)
            if settings.privacy.cloud == CloudPolicy::Never && gate::is_cloud(backend, model) =>
        {
            Condition::Forbidden
        }
        Some(model) => match tokio::time::timeout(limit, assistant.probe(backend, model)).await {
            Ok(Ok(probe)) => judged(backend, probe, model),
            Ok(Err(cause)) => failed(&cause),
            Err(_late) => Condition::Late(limit),
        },
    };
    Checked { link: link.clone(), model, condition }
}

/// Whether a server that answered would serve the model.
fn judged(backend: &Arc<BackendSettings>, probe: Probe, model: &str) -> Condition {
    let has_model =
        probe.model.is_some() || probe.listed.iter().flatten().any(|info| is_model(info, model));
    match (&probe.listed, backend.provider) {
        _ if has_model => Condition::Ready(probe),
        // Gateways have names that stand for others, and llama.cpp answers to any.
        (_, Provider::Other) | (None, _) => Condition::Unsure(probe),
        (Some(_), _) => Condition::Lacks(probe),
    }
}
