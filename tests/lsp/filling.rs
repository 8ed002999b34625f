//! `complete` with a model that fills in the middle.

use std::sync::Arc;

use arawn::config::{BackendSettings, Settings};
use serde_json::json;

use crate::setup::{Bench, Buffer, URI, able, options, range, run};
use crate::test_server::TestServer;

/// The settings of a bench with a model that fills in.
fn with_coder(bench: &Bench) -> Settings {
    let mut settings = bench.settings();
    for backend in settings.backends.values_mut() {
        let model = Some("coder".to_owned());
        *backend = Arc::new(BackendSettings { model, ..BackendSettings::clone(backend) });
    }
    settings
}

#[tokio::test]
async fn a_gap_is_filled_by_one_edit_and_the_last_request_shows_what_was_sent() {
    let text = "fn f() -> i32 {\n    let a = 1;\n    \n}\n";
    let mut bench = Bench::new().await;
    let mut server = TestServer::greeted(options(with_coder(&bench)), able()).await;
    server.open(URI, "rust", text).await;
    server.command("arawn.run", run("complete", range(2, 4, 2, 4))).await;
    let mut call = bench.model.call().await;
    assert_eq!(call.path, "/api/generate");
    assert_eq!(call.body["prompt"], "fn f() -> i32 {\n    let a = 1;\n    ");
    assert_eq!(call.body["suffix"], "\n}\n");
    // Typing elsewhere moves the place.
    let top = json!([{ "range": range(0, 0, 0, 0), "text": "// top\n" }]);
    server.change(URI, 2, top).await;
    server.idle().await;
    let sent = call.bytes.clone();
    call.fill("a + ").await;
    call.fill("1\n}\n").await;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    let mut buffer = Buffer::new(&format!("// top\n{text}"), "utf-16");
    buffer.take(&request["params"]["edit"]);
    assert_eq!(buffer.text, "// top\nfn f() -> i32 {\n    let a = 1;\n    a + 1\n}\n");
    server.reply(&request, json!({ "applied": true })).await;
    server.progress_end().await;
    let params = json!({ "command": "arawn.lastRequest", "arguments": [] });
    let id = server.request("workspace/executeCommand", params).await;
    let shown = server.wait_for("window/showDocument").await;
    server.reply(&shown, json!({ "success": true })).await;
    server.answer(id).await.unwrap();
    assert_eq!(std::fs::read(bench.state.path().join("last-request.json")).unwrap(), sent);
    server.close().await;
}

#[tokio::test]
async fn cancelling_a_filling_closes_the_socket() {
    let mut bench = Bench::new().await;
    let mut server = TestServer::greeted(options(with_coder(&bench)), able()).await;
    server.open(URI, "rust", "fn f() {\n    \n}\n").await;
    server.command("arawn.run", run("complete", range(1, 4, 1, 4))).await;
    let mut call = bench.model.call().await;
    call.fill("a").await;
    server.command("arawn.cancel", json!({ "jobId": "job-1" })).await;
    call.closed().await;
    server.progress_end().await;
    server.close().await;
}
