//! Picks the chain of a job: which backends, in which order, with which models.

use std::sync::Arc;

use super::{Cause, Choice};
use crate::config::{BackendSettings, Link, Settings, local};
use crate::engine::EngineError;
use crate::model::{BackendName, Task};

/// A backend to ask, and the model to ask there; `None` where the configuration names none.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    /// Whom.
    pub(super) backend: Arc<BackendSettings>,
    /// Which model.
    pub(super) model: Option<String>,
}

/// The links of a job's chain. Never empty.
pub(super) fn links(
    settings: &Settings,
    task: Task,
    choice: &Choice,
) -> Result<Vec<Picked>, Box<Cause>> {
    let chosen =
        choice.backend.as_ref().map(|backend| vec![Link { backend: backend.clone(), model: None }]);
    let mut links = chosen.unwrap_or_else(|| settings.chain_of(task).links.clone());
    if choice.no_fallback {
        links.truncate(1);
    }
    if let (Some(model), Some(first)) = (&choice.model, links.first_mut()) {
        first.model = Some(model.clone());
    }
    let picked = links.into_iter().map(|link| {
        let backend =
            settings.backend(&link.backend).ok_or_else(|| unknown(settings, &link.backend))?;
        let model =
            link.model.or_else(|| backend.model.clone()).filter(|model| !model.trim().is_empty());
        Ok(Picked { backend: backend.clone(), model })
    });
    let picked = picked.collect::<Result<Vec<_>, Box<Cause>>>()?;
    match picked.as_slice() {
        [] => Err(unknown(settings, &BackendName::new(""))),
        [only] if only.model.is_none() => {
            Err(Box::new(Cause::NoModel { backend: only.backend.name.clone() }))
        }
        _ => Ok(picked),
    }
}

/// The complaint about a name that no backend has, or whose backend cannot be used.
pub(super) fn unknown(settings: &Settings, name: &BackendName) -> Box<Cause> {
    if name.as_str() == local::BACKEND {
        return Box::new(EngineError::NotSetUp.into());
    }
    if let Some(reason) = settings.unusable.get(name) {
        return Box::new(Cause::Unusable { backend: name.clone(), reason: reason.clone() });
    }
    Box::new(Cause::UnknownBackend { name: name.to_string(), known: known(settings) })
}

fn known(settings: &Settings) -> Vec<String> {
    settings.backends.keys().map(ToString::to_string).collect()
}
