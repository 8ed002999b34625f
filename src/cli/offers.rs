//! What `arawn config init` can offer: the backends there are, the models they really have, and where their keys
//! would be.

use std::time::Duration;

use super::questions::Halt;
use super::{Interruptible, block_on};
use crate::assistant::Assistant;
use crate::backends::{ModelInfo, Probe, is_model};
use crate::config::{BackendSettings, Place, Provider, Settings};
use crate::model::BackendName;
use crate::report::{Kind, Report};

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A backend that can be chosen, and what is known of it.
pub(super) struct Offer {
    /// Its name.
    pub(super) name: BackendName,
    /// What a server of this machine told, if it answered.
    probe: Option<Probe>,
    /// In a few words.
    pub(super) state: String,
    /// Whether it would answer as it is.
    is_ready: bool,
}

/// Looks at every backend: those of this machine are asked, clouds are not.
pub(super) async fn survey(settings: &Settings) -> Vec<Offer> {
    let assistant = Assistant::new(settings.clone());
    let all = settings.backends.values().map(|backend| offer(&assistant, backend));
    let mut offers = futures_util::future::join_all(all).await;
    let rank = |offer: &Offer| match (offer.is_ready, offer.name.as_str()) {
        (true, "ollama") => 0,
        (true, "local") => 1,
        (true, _) => 2,
        (false, "ollama") => 3,
        (false, _) => 4,
    };
    offers.sort_by_key(rank);
    offers
}

async fn offer(assistant: &Assistant, backend: &BackendSettings) -> Offer {
    let of = |state: String, is_ready, probe| Offer {
        name: backend.name.clone(),
        probe,
        state,
        is_ready,
    };
    if backend.engine.is_some() {
        let model = backend.model.clone().unwrap_or_default();
        return of(format!("on this machine, with {model}"), true, None);
    }
    if backend.place == Place::Cloud {
        let (state, is_ready) = match (&backend.api_key, backend.provider.key_variable()) {
            (Some(reference), _) => (format!("cloud, key from {reference}"), true),
            (None, Some(_)) => ("cloud, needs a key".to_owned(), false),
            (None, None) => ("cloud".to_owned(), false),
        };
        return of(state, is_ready, None);
    }
    let model = backend.model.clone().unwrap_or_default();
    let at = &backend.base_url_text;
    match tokio::time::timeout(PATIENCE, assistant.probe(backend, &model)).await {
        Ok(Ok(probe)) => {
            let n_models = probe.listed.as_ref().map_or(0, Vec::len);
            let models =
                if n_models == 1 { "1 model".to_owned() } else { format!("{n_models} models") };
            of(format!("answers at {at}, {models}"), n_models > 0, Some(probe))
        }
        Ok(Err(_)) | Err(_) => of(format!("does not answer at {at}"), false, None),
    }
}

/// The name, if there is such a backend.
pub(super) fn known(settings: &Settings, name: &BackendName) -> Result<BackendName, Report> {
    if settings.backend(name).is_some() {
        return Ok(name.clone());
    }
    let known: Vec<&str> = settings.backends.keys().map(BackendName::as_str).collect();
    let report = Report::new(Kind::Usage, format!("unknown backend \"{name}\""));
    Err(match settings.unusable.get(name) {
        Some(reason) => report.because(reason.clone()),
        None => report.with_hint(format!("known are: {}", known.join(", "))),
    })
}

/// The models of a backend that write text, where it can be asked: it is on this machine, or was given its key.
pub(super) fn models_of(
    settings: &Settings,
    name: &BackendName,
    offers: &[Offer],
) -> Result<Vec<ModelInfo>, Halt> {
    let probe = offers.iter().find(|offer| offer.name == *name).and_then(|it| it.probe.as_ref());
    let listed = match probe {
        Some(probe) => probe.listed.clone().unwrap_or_default(),
        None => listed_when_chosen(settings, name)?,
    };
    Ok(listed.into_iter().filter(writes).collect())
}

/// The models of the local engine, or of a cloud that was chosen and whose key is there.
fn listed_when_chosen(settings: &Settings, name: &BackendName) -> Result<Vec<ModelInfo>, Halt> {
    let can_tell = settings.backend(name).is_some_and(|backend| {
        backend.engine.is_some() || (backend.place == Place::Cloud && backend.api_key.is_some())
    });
    if !can_tell {
        return Ok(Vec::new());
    }
    let assistant = Assistant::new(settings.clone());
    let asked = block_on(async {
        let listed = tokio::time::timeout(PATIENCE, assistant.models(name)).await;
        Ok(listed.ok().and_then(Result::ok).unwrap_or_default())
    })?;
    match asked {
        Interruptible::Finished(listed) => Ok(listed),
        Interruptible::Interrupted => Err(Halt::Stopped),
    }
}

/// Whether a model writes text; those for embeddings do not.
fn writes(info: &ModelInfo) -> bool {
    info.can("completion") == Some(true)
        || (info.can("embedding") != Some(true) && !info.id.contains("embed"))
}

/// The configured model if it is there or nobody knows, else one for code, else any.
pub(super) fn usual_model(
    settings: &Settings,
    name: &BackendName,
    listed: &[ModelInfo],
) -> Option<String> {
    let own = settings.backend(name).and_then(|backend| backend.model.clone());
    let has_own = own.as_ref().is_some_and(|own| listed.iter().any(|info| is_model(info, own)));
    if has_own || listed.is_empty() {
        return own;
    }
    let for_code = listed.iter().find(|info| info.id.contains("code"));
    for_code.or(listed.first()).map(|info| info.id.clone())
}

/// What is still to be done for a model.
pub(super) fn steps_for_model(
    settings: &Settings,
    name: &BackendName,
    model: Option<&str>,
    listed: &[ModelInfo],
) -> Vec<String> {
    let is_ollama =
        settings.backend(name).is_some_and(|backend| backend.provider == Provider::Ollama);
    let Some(model) = model.filter(|_| is_ollama) else { return Vec::new() };
    if listed.iter().any(|info| is_model(info, model)) {
        return Vec::new();
    }
    if !listed.is_empty() {
        return vec![format!("`ollama pull {model}`")];
    }
    vec![
        format!("`ollama serve`, then `ollama pull {model}`"),
        "or `arawn local setup`, which needs no server".to_owned(),
    ]
}

/// Where the keys of the chosen backends are to be, and what is to be done for those that are nowhere yet.
pub(super) fn keys<'a>(
    settings: &Settings,
    chosen: impl Iterator<Item = &'a BackendName>,
) -> (Vec<(BackendName, String)>, Vec<String>) {
    let (mut keys, mut steps) = (Vec::new(), Vec::new());
    for backend in chosen.filter_map(|name| settings.backend(name)) {
        let Some(variable) = backend.provider.key_variable() else { continue };
        let name = &backend.name;
        if settings.environment.var(variable).is_some() {
            keys.push((name.clone(), format!("$env:{variable}")));
        } else {
            keys.push((name.clone(), format!("$keyring:{name}_api_key")));
            steps.push(format!(
                "`arawn secret set {name}_api_key` stores the key of {name} in the keyring"
            ));
        }
    }
    (keys, steps)
}
