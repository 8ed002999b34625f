//! Translators between the neutral model vocabulary and each dialect's HTTP and bytes.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use secrecy::SecretString;

use crate::config::BackendSettings;
use crate::gate::Pass;
use crate::model::{Event, ModelError, Request};

/// One request to one backend.
#[derive(Debug)]
pub struct Call {
    /// Whom to ask.
    pub backend: Arc<BackendSettings>,
    /// Which model.
    pub model: String,
    /// The resolved key, if the backend has one.
    pub key: Option<SecretString>,
    /// What to ask.
    pub request: Request,
    /// The gate's consent.
    pub pass: Pass,
}

/// What a model can do, where the backend tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ModelInfo {
    /// The id to write into the configuration.
    pub id: String,
    /// Context window in tokens.
    pub context_length: Option<u32>,
    /// `tools`, `vision`, `insert`, `embedding`, `thinking`, ... as far as told.
    pub abilities: Vec<String>,
}

/// All backends of the process: one pool of connections, one memory of what models can do.
#[derive(Debug, Default)]
pub struct Backends {}

impl Backends {
    /// Makes the pool; no connection, no TLS set-up yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a request and yields what comes back. Dropping the stream closes the socket.
    pub fn stream(&self, call: Call) -> BoxStream<'static, Event> {
        let _ = call;
        todo!()
    }

    /// Context window of a model in tokens: from the settings, else asked of the server once and remembered,
    /// else `None`. For Ollama this is the `num_ctx` that every request to the model carries.
    pub async fn window(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> Option<u32> {
        let _ = (backend, model, key);
        None
    }

    /// The models a backend has.
    pub async fn models(
        &self,
        backend: &BackendSettings,
        key: Option<&SecretString>,
    ) -> Result<Vec<ModelInfo>, ModelError> {
        let _ = (backend, key);
        Ok(Vec::new())
    }
}
