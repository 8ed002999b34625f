//! `workspace/didChangeConfiguration`, and the requests for the editor's settings.

use std::sync::Arc;

use serde_json::{Value, json};
use tower_lsp::lsp_types::request::{RegisterCapability, WorkspaceConfiguration};
use tower_lsp::lsp_types::{
    ConfigurationItem, ConfigurationParams, DidChangeConfigurationParams, Registration,
    RegistrationParams,
};

use crate::lsp::requests::ask;
use crate::lsp::session::Session;

/// The section of the editor's settings that is ours.
const SECTION: &str = "arawn";

/// Takes the new settings, or asks for them where the client prefers that.
pub(in crate::lsp) async fn did_change_configuration(
    session: &Arc<Session>,
    params: DidChangeConfigurationParams,
) {
    if session.state.abilities().configuration {
        tokio::spawn(pull(session.clone()));
        return;
    }
    // Some clients send the section alone, some the tree it stands in.
    let mut settings = params.settings;
    let section = settings.get_mut(SECTION).map(Value::take).filter(Value::is_object);
    take(session, section.unwrap_or(settings));
}

/// Asks to be told of changes, where that must be asked for, and for the settings as they are.
pub(in crate::lsp) async fn subscribe(session: Arc<Session>) {
    let abilities = session.state.abilities();
    if abilities.register_configuration {
        let registration = Registration {
            id: "arawn-configuration".to_owned(),
            method: "workspace/didChangeConfiguration".to_owned(),
            register_options: Some(json!({ "section": SECTION })),
        };
        let params = RegistrationParams { registrations: vec![registration] };
        let limit = session.limits.client_answer;
        if let Err(error) = ask::<RegisterCapability>(&session.client, params, limit).await {
            tracing::debug!("changed editor settings will not be told: {error}");
        }
    }
    if abilities.configuration {
        pull(session).await;
    }
}

async fn pull(session: Arc<Session>) {
    let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
    let params = ConfigurationParams { items: vec![item] };
    let limit = session.limits.client_answer;
    match ask::<WorkspaceConfiguration>(&session.client, params, limit).await {
        Ok(answers) => take(&session, answers.into_iter().next().unwrap_or_default()),
        Err(error) => tracing::debug!("the editor gave no settings: {error}"),
    }
}

fn take(session: &Session, settings: Value) {
    if session.state.replace_options(settings) {
        session.reload.notify_one();
    }
}
