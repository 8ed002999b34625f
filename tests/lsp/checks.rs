//! An answer that fails a check is asked for once more, where the user can see it, and stop it.

use serde_json::{Value, json};

use crate::setup::{Bench, Buffer, URI, able, range, run};
use crate::test_server::TestServer;

const CODE: &str = "fn add(a: i32, b: i32) -> i32 {\n    return a + b;\n}\n";
const BROKEN: &str = "```rust\n    (a + b\n```\n";
const GOOD: &str = "```rust\n    a + b\n```\n";
const WHY: &str = "asked again: it brings in a syntax error (a `)` is missing)";

/// A server with a job whose first answer was broken.
async fn started(capabilities: Value) -> (Bench, TestServer) {
    let mut bench = Bench::new().await;
    let mut server = bench.server(capabilities).await;
    server.open(URI, "rust", CODE).await;
    let started = server.command("arawn.run", run("refactor", range(1, 0, 1, 17))).await;
    assert_eq!(started, json!({ "jobId": "job-1" }));
    bench.model.says(BROKEN).await;
    (bench, server)
}

#[tokio::test]
async fn the_second_answer_is_applied_and_the_first_one_is_never_seen() {
    let (mut bench, mut server) = started(able()).await;
    let mut call = bench.model.call().await;
    let messages = call.body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert_eq!(messages[2], json!({ "role": "assistant", "content": BROKEN }));
    call.say(GOOD).await;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    let mut buffer = Buffer::new(CODE, "utf-16");
    buffer.take(&request["params"]["edit"]);
    assert_eq!(buffer.text, CODE.replace("return a + b;", "a + b"));
    server.reply(&request, json!({ "applied": true })).await;
    assert_eq!(server.progress_end().await, "Refactor: applied, by ollama (codellama)");
    server.close().await;
}

#[tokio::test]
async fn the_progress_says_that_and_why_the_model_is_asked_again() {
    let (mut bench, mut server) = started(able()).await;
    let call = bench.model.call().await;
    let is_told = |server: &TestServer| {
        let told = |value: &Value| value["message"].as_str().is_some_and(|it| it.contains(WHY));
        server.progress.iter().any(told)
    };
    while !is_told(&server) {
        server.idle().await;
    }
    server.command("arawn.cancel", Value::Null).await;
    call.closed().await;
    assert_eq!(server.progress_end().await, "Refactor: cancelled");
    server.close().await;
}

#[tokio::test]
async fn the_stream_begins_anew_with_the_reason() {
    let mut capabilities = able();
    capabilities["window"] = json!({});
    capabilities["experimental"] = json!({ "arawn": { "version": 1 } });
    let (mut bench, mut server) = started(capabilities).await;
    bench.model.says(GOOD).await;
    let request = server.wait_for("workspace/applyEdit").await;
    server.reply(&request, json!({ "applied": true })).await;
    let mut kinds = Vec::new();
    loop {
        let params = server.wait_for("arawn/stream").await["params"].take();
        let kind = params["kind"].as_str().unwrap().to_owned();
        if kind == "restart" {
            assert_eq!(params["error"], json!({ "class": "asked_again", "message": WHY }));
        }
        kinds.push(kind);
        if kinds.last().is_some_and(|kind| kind == "end") {
            break;
        }
    }
    kinds.dedup();
    assert_eq!(kinds, ["begin", "text", "restart", "text", "end"]);
    for kind in ["ok", "busy", "ok"] {
        assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], kind);
    }
    server.close().await;
}

#[tokio::test]
async fn an_invisible_character_is_proposed_and_seen_in_the_proposal() {
    const HIDDEN: &str = "```rust\n    return a + b; // \u{202E}\u{200B}\n```\n";
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("refactor", range(1, 0, 1, 17))).await;
    bench.model.says(HIDDEN).await;
    bench.model.says(HIDDEN).await;
    let page = server.wait_for("window/showDocument").await;
    let uri = page["params"]["uri"].as_str().unwrap().to_owned();
    server.reply(&page, json!({ "success": true })).await;
    let text = std::fs::read_to_string(uri.strip_prefix("file://").unwrap()).unwrap();
    assert!(text.contains("+    return a + b; // <U+202E><U+200B>\n"), "{text}");
    let reason = "proposed: it brings in an invisible character (U+202E)";
    assert!(text.contains(reason), "{text}");
    assert!(server.shown().await.contains(reason));
    assert!(server.progress_end().await.contains(reason));
    server.close().await;
}
