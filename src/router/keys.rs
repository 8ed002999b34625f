//! Keeps keys that were fetched; each is fetched when it is first needed, and again after a 401.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::Cause;
use crate::config::{BackendSettings, Place, Provider, Settings};
use crate::model::{ErrorClass, ModelError};
use crate::secrets::{KeyReference, SecretError};

/// The keys that are known, by reference.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: Mutex<HashMap<String, SecretString>>,
}

impl Keys {
    /// The key of a backend; `None` where it needs none.
    pub(super) async fn key_of(
        &self,
        backend: &BackendSettings,
        settings: &Arc<Settings>,
    ) -> Result<Option<SecretString>, Cause> {
        let Some(reference) = &backend.api_key else {
            return if needs_key(backend) { Err(no_key(backend).into()) } else { Ok(None) };
        };
        if let KeyReference::Literal(key) = reference {
            return Ok(Some(key.clone()));
        }
        let name = name_of(reference);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        match known {
            Some(key) => Ok(Some(key)),
            None => Ok(Some(self.fetch_new(reference, settings).await?)),
        }
    }

    /// Fetches the key again after it was refused; `None` if it is still the same.
    pub(super) async fn changed_key_of(
        &self,
        backend: &BackendSettings,
        settings: &Arc<Settings>,
        refused: Option<&SecretString>,
    ) -> Option<SecretString> {
        let reference = backend.api_key.as_ref()?;
        if matches!(reference, KeyReference::Literal(_)) {
            return None;
        }
        let fresh = self.fetch_new(reference, settings).await.ok()?;
        let is_same =
            refused.is_some_and(|refused| refused.expose_secret() == fresh.expose_secret());
        (!is_same).then_some(fresh)
    }

    async fn fetch_new(
        &self,
        reference: &KeyReference,
        settings: &Arc<Settings>,
    ) -> Result<SecretString, SecretError> {
        let (name, reference, settings) = (name_of(reference), reference.clone(), settings.clone());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        // A keyring may ask the user to unlock it and block for as long.
        let fetched =
            tokio::task::spawn_blocking(move || reference.resolve(&settings.environment)).await;
        let key = fetched.map_err(|error| SecretError::KeyringUnavailable {
            name: name.clone(),
            detail: error.to_string(),
        })??;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name, key.clone());
        Ok(key)
    }
}

/// The reference as a name; a literal key is never looked up by it.
fn name_of(reference: &KeyReference) -> String {
    match reference {
        KeyReference::Env(name) => format!("env {name}"),
        KeyReference::Keyring(name) => format!("keyring {name}"),
        KeyReference::File(path) => format!("file {}", path.display()),
        KeyReference::Literal(_) => String::new(),
    }
}

/// The well-known services answer nobody without a key; servers that stand in for them may.
fn needs_key(backend: &BackendSettings) -> bool {
    backend.place == Place::Cloud
        && matches!(backend.provider, Provider::Anthropic | Provider::OpenAi | Provider::Groq)
}

fn no_key(backend: &BackendSettings) -> ModelError {
    let variable = match backend.provider {
        Provider::Anthropic => "ANTHROPIC_API_KEY",
        Provider::Groq => "GROQ_API_KEY",
        _ => "OPENAI_API_KEY",
    };
    let name = &backend.name;
    ModelError {
        class: ErrorClass::Auth,
        backend: name.clone(),
        provider: backend.provider_text(),
        model: backend.model.clone().unwrap_or_default(),
        base_url: backend.base_url_text.clone(),
        status: None,
        request_id: None,
        message: format!(
            "no key is configured: set {variable}, or run `arawn secret set {name}_api_key` and write \
             api_key = \"$keyring:{name}_api_key\" into [backends.{name}]"
        ),
        partial: false,
    }
}
