//! What a server tells of itself when somebody asks how it does. Sends nothing of the user's and nothing that
//! is billed.

use secrecy::SecretString;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::fault::Fault;
use super::{Backends, Inner, Lookup, MAX_PAGES, ModelInfo, translator};
use crate::config::{BackendSettings, Dialect};
use crate::model::{ErrorClass, ModelError};

/// What a server told.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// Its version, where the dialect has a question for it.
    pub version: Option<String>,
    /// The models it lists; `None` where it has no list.
    pub listed: Option<Vec<ModelInfo>>,
    /// What it tells of the model that was asked about, if it has it.
    pub model: Option<ModelInfo>,
}

impl Backends {
    /// Asks a server for its version, its models, and about one of them.
    pub async fn probe(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> Result<Probe, ModelError> {
        let probe = self.inner.probe(backend, model, key).await;
        // The model was not asked for anything, so no failure is its own.
        probe.map_err(|fault| fault.into_error(backend, model, key, false))
    }

    /// Whether anybody answers at a backend's address, whatever the answer is. Takes no key along.
    pub async fn is_reachable(&self, backend: &BackendSettings) -> bool {
        let list = translator(backend.dialect).list();
        let answer = self.inner.http.look_up(&Endpoint::new(backend, None), &list).await;
        !matches!(
            answer,
            Err(Fault { class: ErrorClass::Connect { .. } | ErrorClass::FirstByteTimeout, .. })
        )
    }
}

impl Inner {
    async fn probe(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> Result<Probe, Fault> {
        let endpoint = Endpoint::new(backend, key);
        let (listed, version) =
            tokio::join!(self.listed(backend, &endpoint), self.version(backend, &endpoint));
        let listed = listed?;
        let found = listed.iter().flatten().find(|info| is_model(info, model)).cloned();
        // Anthropic also answers to names that it does not list.
        let may_tell_more = match backend.dialect {
            Dialect::Ollama => found.is_some(),
            Dialect::Anthropic => true,
            Dialect::Openai => false,
        };
        let told = if may_tell_more {
            self.describe(backend, model, key).await.ok().flatten()
        } else {
            None
        };
        let model = told.map(|told| ModelInfo::clone(&told)).or(found);
        Ok(Probe { version, listed, model })
    }

    /// The list of models; `None` where the server has none to show.
    async fn listed(
        &self,
        backend: &BackendSettings,
        endpoint: &Endpoint<'_>,
    ) -> Result<Option<Vec<ModelInfo>>, Fault> {
        let translator = translator(backend.dialect);
        let mut models = Vec::new();
        let mut next = Some(translator.list());
        for _ in 0..MAX_PAGES {
            let Some(lookup) = next.take() else { break };
            let page = match self.http.look_up(endpoint, &lookup).await {
                Ok(page) => page,
                Err(fault) if matches!(fault.status, Some(404 | 405 | 501)) => return Ok(None),
                Err(fault) => return Err(fault),
            };
            if !is_list(&page) {
                return Err(Fault {
                    status: Some(200),
                    ..Fault::new(ErrorClass::NotJson, "it answered, but not with a list of models")
                });
            }
            models.extend(translator.read_list(&page));
            next = translator.next_page(&page);
        }
        Ok(Some(models))
    }

    async fn version(&self, backend: &BackendSettings, endpoint: &Endpoint<'_>) -> Option<String> {
        if backend.dialect != Dialect::Ollama {
            return None;
        }
        let answer = self.http.look_up(endpoint, &Lookup::Get("api/version")).await.ok()?;
        let version = answer.get("version")?.as_str()?;
        let is_sane = |c: char| c.is_ascii_alphanumeric() || ".-+_".contains(c);
        Some(version.chars().filter(|&c| is_sane(c)).take(40).collect())
    }
}

fn is_list(page: &Value) -> bool {
    page.is_array() || page["data"].is_array() || page["models"].is_array()
        // Ollama writes this where nothing was pulled yet.
        || page.get("models").is_some_and(Value::is_null)
}

/// Whether a listed model is the one that is meant; Ollama's default tag may be left out.
pub fn is_model(info: &ModelInfo, model: &str) -> bool {
    info.id == model || info.id.strip_suffix(":latest") == Some(model)
}
