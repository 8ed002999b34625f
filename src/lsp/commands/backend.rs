//! `arawn.backend`: chooses the backend for this session.

use std::sync::Arc;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::request::ShowMessageRequest;
use tower_lsp::lsp_types::{MessageActionItem, MessageType, ShowMessageRequestParams};

use crate::config::Settings;
use crate::lsp::commands::argument;
use crate::lsp::messages::{prefixed, sentence};
use crate::lsp::notes;
use crate::lsp::requests::ask;
use crate::lsp::session::Session;
use crate::model::BackendName;

/// The choice that goes back to the configuration.
const AS_CONFIGURED: &str = "as configured";

/// How long a question to the user stays valid.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(10);

/// Takes the backend named, or asks the user. Answers with the one in force.
pub(in crate::lsp) async fn backend(
    session: &Arc<Session>,
    argument: &Value,
) -> Result<Option<Value>> {
    let assistant =
        session.state.assistant().map_err(|report| Error::invalid_params(sentence(&report)))?;
    let settings = assistant.settings();
    match argument::optional::<String>(argument, "backend")? {
        Some(name) => {
            choose(session, &settings, &name)?;
            notes::status(session).await;
        }
        // The user may take their time, and the command must be answered at once.
        None => drop(tokio::spawn(ask_user(session.clone(), settings))),
    }
    let chosen = session.state.read(|inner| inner.chosen.clone());
    Ok(Some(json!({ "backend": chosen })))
}

fn choose(session: &Session, settings: &Settings, name: &str) -> Result<()> {
    let chosen = if name.is_empty() || name == AS_CONFIGURED {
        None
    } else {
        let backend = BackendName::new(name);
        if settings.backend(&backend).is_none() {
            let known: Vec<&str> = settings.backends.keys().map(BackendName::as_str).collect();
            let known = known.join(", ");
            let text = format!("unknown backend \"{name}\"; known are: {known}");
            return Err(Error::invalid_params(text));
        }
        Some(backend)
    };
    session.state.write(|inner| inner.chosen = chosen);
    Ok(())
}

async fn ask_user(session: Arc<Session>, settings: Arc<Settings>) {
    let titles = offered(&settings).into_iter().map(|backend| backend.to_string());
    let actions = titles
        .chain([AS_CONFIGURED.to_owned()])
        .map(|title| MessageActionItem { title, properties: std::collections::HashMap::new() })
        .collect();
    let params = ShowMessageRequestParams {
        typ: MessageType::INFO,
        message: prefixed("which backend for this session?"),
        actions: Some(actions),
    };
    match ask::<ShowMessageRequest>(&session.client, params, PATIENCE).await {
        Ok(Some(item)) => {
            if let Err(error) = choose(&session, &settings, &item.title) {
                tracing::warn!("{}", error.message);
            }
            notes::status(&session).await;
        }
        Ok(None) => {}
        Err(error) => {
            let hint = "name it: arawn.backend with {\"backend\": \"NAME\"}";
            session.tell(prefixed(&format!("the editor cannot ask ({error}); {hint}"))).await;
        }
    }
}

/// The backends of all chains, then others the user has set up with a key.
fn offered(settings: &Settings) -> Vec<BackendName> {
    let chains = std::iter::once(&settings.chain)
        .chain(settings.tasks.values().map(|task| &task.chain))
        .flat_map(|chain| chain.links.iter().map(|link| link.backend.clone()));
    let with_key = settings.backends.values().filter(|backend| backend.api_key.is_some());
    let mut offered: Vec<BackendName> = Vec::new();
    for backend in chains.chain(with_key.map(|backend| backend.name.clone())) {
        if !offered.contains(&backend) {
            offered.push(backend);
        }
    }
    offered
}
