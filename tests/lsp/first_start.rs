//! The first start without anybody who could answer: one question, once, in the way of nothing.

use std::path::Path;
use std::sync::Arc;

use arawn::config::{Place, Settings};
use arawn::lsp::{Loaded, ServeOptions};
use serde_json::{Value, json};

use crate::model::Model;
use crate::setup::{Bench, able, backend, options, options_with, settings};
use crate::test_server::TestServer;

/// An editor that can show messages with buttons.
fn asking() -> Value {
    let mut capabilities = able();
    capabilities["window"]["showMessage"] =
        json!({ "messageActionItem": { "additionalPropertiesSupport": true } });
    capabilities
}

/// Settings whose only backend is not there.
async fn dead(state: &Path) -> Settings {
    settings(&[backend("ollama", &Model::absent().await, Place::Local)], state.into())
}

fn titles(request: &Value) -> Vec<&str> {
    let actions = request["params"]["actions"].as_array().unwrap();
    actions.iter().map(|action| action["title"].as_str().unwrap()).collect()
}

/// A request for the editor's settings comes first; whatever is asked, the question is found.
async fn question(server: &mut TestServer) -> Value {
    server.wait_for("window/showMessageRequest").await
}

#[tokio::test]
async fn without_any_backend_it_asks_once_and_never_again() {
    let state = tempfile::tempdir().unwrap();
    let settings = dead(state.path()).await;
    let mut server = TestServer::greeted(options(settings.clone()), asking()).await;
    let asked = question(&mut server).await;
    assert_eq!(titles(&asked), ["Set up the local engine", "Open the config", "Not now"]);
    let message = asked["params"]["message"].as_str().unwrap();
    assert!(message.starts_with("Arawn: Ollama at http://127.0.0.1:"), "{message}");
    // It is in the way of nothing: the server answers while the question stands.
    server.idle().await;
    server.reply(&asked, json!({ "title": "Not now" })).await;
    server.idle().await;
    server.close().await;

    let mut server = TestServer::greeted(options(settings), asking()).await;
    server.idle().await;
    server.close().await;
}

#[tokio::test]
async fn it_does_not_ask_where_a_server_answers_or_a_cloud_has_its_key() {
    let bench = Bench::new().await;
    let mut server = bench.server(asking()).await;
    server.idle().await;
    server.close().await;
    assert!(!bench.state.path().join("first-start").exists(), "it may still be asked some day");

    let state = tempfile::tempdir().unwrap();
    let cloud = backend("work", "https://models.example", Place::Cloud);
    let mut server =
        TestServer::greeted(options(settings(&[cloud], state.path().into())), asking()).await;
    server.idle().await;
    server.close().await;
}

#[tokio::test]
async fn a_client_without_buttons_is_not_asked() {
    let state = tempfile::tempdir().unwrap();
    let mut server = TestServer::greeted(options(dead(state.path()).await), able()).await;
    server.idle().await;
    server.close().await;
    assert!(!state.path().join("first-start").exists());
}

#[tokio::test]
async fn the_config_is_written_with_comments_and_opened() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("config/arawn.toml");
    let (settings, files) = (dead(state.path()).await, vec![file.clone()]);
    let options: ServeOptions = options_with(Arc::new(move |_| {
        Ok(Loaded { settings: settings.clone(), warnings: Vec::new(), files: files.clone() })
    }));
    let mut server = TestServer::greeted(options, asking()).await;
    let asked = question(&mut server).await;
    server.reply(&asked, json!({ "title": "Open the config" })).await;
    let shown = server.wait_for("window/showDocument").await;
    assert!(shown["params"]["uri"].as_str().unwrap().ends_with("/config/arawn.toml"));
    server.reply(&shown, json!({ "success": true })).await;
    assert!(std::fs::read_to_string(&file).unwrap().contains("# [llm]"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    server.close().await;
}

#[tokio::test]
async fn a_setup_that_cannot_be_done_says_why_and_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    // Without a home there is no folder for the engine.
    let mut server = TestServer::greeted(options(dead(state.path()).await), asking()).await;
    let asked = question(&mut server).await;
    server.reply(&asked, json!({ "title": "Set up the local engine" })).await;
    let shown = server.shown().await;
    assert!(shown.contains("no home folder to keep the engine in"), "{shown}");
    server.close().await;
}
