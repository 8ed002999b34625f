//! `arawn.chat`: conversations of the editor, with context, tools, streams and cancelling.

use serde_json::{Value, json};
use tower_lsp::lsp_types::Url;

use crate::model::Model;
use crate::setup::{Bench, URI, able, backend, options, range, settings};
use crate::test_server::TestServer;

fn chat(argument: &Value) -> Value {
    json!({ "command": "arawn.chat", "arguments": [argument] })
}

/// A project on disk, and a server that has it open.
async fn with_project(
    bench: &Bench,
    capabilities: Value,
    files: &[(&str, &str)],
) -> (tempfile::TempDir, TestServer) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let root = Url::from_directory_path(folder.path()).unwrap();
    let params = json!({
        "processId": null, "rootUri": root, "capabilities": capabilities,
        "workspaceFolders": [{ "uri": root, "name": "p" }],
    });
    let server = TestServer::greeted_with(bench.options(), params).await;
    (folder, server)
}

fn uri_of(folder: &tempfile::TempDir, name: &str) -> String {
    Url::from_file_path(folder.path().join(name)).unwrap().to_string()
}

#[tokio::test]
async fn a_conversation_goes_on_by_its_id() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    let first =
        server.request("workspace/executeCommand", chat(&json!({"message": "hello"}))).await;
    bench.model.says("hi").await;
    let answer = server.answer(first).await.unwrap();
    assert_eq!(answer["conversationId"], "chat-1");
    assert_eq!((&answer["response"], &answer["turn"]), (&json!("hi"), &json!(1)));
    assert_eq!((&answer["backend"], &answer["model"]), (&json!("ollama"), &json!("codellama")));
    assert_eq!(answer["usage"]["output_tokens"], 3);
    assert_eq!(server.progress_end().await, "Chat: answered, by ollama (codellama)");

    let more = chat(&json!({"message": "more", "conversationId": "chat-1"}));
    let second = server.request("workspace/executeCommand", more).await;
    let mut call = bench.model.call().await;
    let told: Vec<&str> = call.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .skip(1)
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["hello", "hi", "more"]);
    call.say("yes").await;
    call.done().await;
    assert_eq!(server.answer(second).await.unwrap()["turn"], 2);
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn documents_go_with_the_message_as_they_are_in_the_editor_or_on_disk() {
    let mut bench = Bench::new().await;
    let files = [("closed.rs", "fn closed() {}\n"), ("open.rs", "fn old() {}\n")];
    let (folder, mut server) = with_project(&bench, able(), &files).await;
    let open = uri_of(&folder, "open.rs");
    server.open(&open, "rust", "fn one() {}\nfn two() {}\n").await;
    let context = json!([
        { "uri": open, "range": range(1, 0, 1, 11) },
        { "uri": uri_of(&folder, "closed.rs") },
    ]);
    let id = server
        .request("workspace/executeCommand", chat(&json!({"message": "why?", "context": context})))
        .await;
    let mut call = bench.model.call().await;
    assert_eq!(
        call.body["messages"][1]["content"],
        "open.rs, lines 2 to 2:\n```rust\nfn two() {}\n```\n\nclosed.rs:\n```\nfn closed() {}\n```\n\nwhy?"
    );
    call.say("so").await;
    call.done().await;
    server.answer(id).await.unwrap();
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn secret_and_foreign_files_never_go_with_a_message() {
    let bench = Bench::new().await;
    let files = [(".env", "TOKEN=1\n"), (".gitignore", "out.txt\n"), ("out.txt", "x\n")];
    let (folder, mut server) = with_project(&bench, able(), &files).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.txt"), "x\n").unwrap();
    server.open(&uri_of(&folder, ".env"), "sh", "TOKEN=1\n").await;
    let names = [
        (uri_of(&folder, ".env"), "never leaves this machine"),
        (uri_of(&folder, "out.txt"), "never leaves this machine"),
        (uri_of(&outside, "a.txt"), "leads out of the workspace"),
        (uri_of(&folder, "absent.txt"), "is not there"),
        ("untitled:none".to_owned(), "is not open"),
    ];
    for (uri, reason) in names {
        let argument = json!({"message": "x", "context": [{"uri": uri}]});
        let refusal = server.refusal("arawn.chat", argument).await;
        assert!(refusal.contains(reason), "{uri}: {refusal}");
        assert!(server.progress_end().await.starts_with("Chat failed: "));
    }
    server.close().await;
}

#[tokio::test]
async fn tools_look_at_the_editor_and_are_shown_in_the_stream() {
    let mut bench = Bench::new().await;
    let mut capabilities = able();
    capabilities["window"] = json!({});
    capabilities["experimental"] = json!({ "arawn": { "version": 1 } });
    let (folder, mut server) =
        with_project(&bench, capabilities, &[("a.rs", "fn old() {}\n")]).await;
    let uri = uri_of(&folder, "a.rs");
    server.open(&uri, "rust", "fn edited() {}\n").await;
    let diagnostics =
        json!([{ "range": range(0, 3, 0, 9), "message": "never used", "source": "rustc" }]);
    let asked = json!({ "textDocument": { "uri": uri }, "range": range(0, 3, 0, 3), "context": { "diagnostics": diagnostics } });
    server.call("textDocument/codeAction", asked).await;
    let argument = json!({"message": "x", "tools": true, "conversationId": "mine"});
    let id = server.request("workspace/executeCommand", chat(&argument)).await;
    let mut call = bench.model.call().await;
    assert_eq!(call.body["tools"].as_array().unwrap().len(), 5);
    call.call_tools(&[("read_file", json!({"path": "a.rs"})), ("diagnostics", json!({}))]).await;
    call.done().await;
    let mut call = bench.model.call().await;
    let messages = call.body["messages"].as_array().unwrap().clone();
    assert_eq!(messages[3]["content"], "    1\tfn edited() {}\n");
    assert_eq!(messages[4]["content"], "a.rs:1: error (rustc): never used\n");
    call.say("It is unused.").await;
    call.done().await;
    let answer = server.answer(id).await.unwrap();
    assert_eq!(answer["response"], "It is unused.");
    assert_eq!(answer["tools"][0]["call"], "read_file a.rs");
    assert_eq!(answer["tools"][0]["worked"], true);
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "end") {
        let params = server.wait_for("arawn/stream").await["params"].take();
        if kinds.is_empty() {
            assert_eq!(params["conversationId"], "mine");
        }
        if params["kind"] == "tool" {
            assert!(params["tool"]["name"].is_string(), "{params}");
        }
        kinds.push(params["kind"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds, ["begin", "tool", "tool", "tool", "tool", "text", "end"]);
    for kind in ["ok", "busy", "ok"] {
        assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], kind);
    }
    server.close().await;
}

#[tokio::test]
async fn cancelling_closes_the_socket_and_leaves_the_conversation_as_it_was() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    let argument = json!({"message": "one", "conversationId": "c"});
    let id = server.request("workspace/executeCommand", chat(&argument)).await;
    let mut call = bench.model.call().await;
    call.say("half").await;
    server.notify("$/cancelRequest", json!({ "id": id })).await;
    call.closed().await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32800);
    assert_eq!(server.progress_end().await, "Chat: cancelled");

    let argument = json!({"message": "two", "conversationId": "c"});
    let id = server.request("workspace/executeCommand", chat(&argument)).await;
    let call = bench.model.call().await;
    assert_eq!(call.body["messages"].as_array().unwrap().len(), 2);
    server.command("arawn.cancel", Value::Null).await;
    call.closed().await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32800);
    assert_eq!(server.progress_end().await, "Chat: cancelled");
    server.close().await;
}

#[tokio::test]
async fn a_failure_is_an_error_with_class_and_hint() {
    let bench = Bench::new().await;
    let dead = Model::absent().await;
    let backends = [backend("ollama", &dead, arawn::config::Place::Local)];
    let options = options(settings(&backends, bench.state.path().into()));
    let mut server = TestServer::greeted(options, able()).await;
    server.open(URI, "rust", "").await;
    let id = server.request("workspace/executeCommand", chat(&json!({"message": "x"}))).await;
    let error = server.answer(id).await.unwrap_err();
    assert_eq!((&error["code"], &error["data"]["class"]), (&json!(-32803), &json!("connect")));
    assert!(error["message"].as_str().unwrap().starts_with("Arawn: Cannot connect to Ollama"));
    assert!(error["data"]["hint"].as_str().unwrap().contains("ollama serve"));
    server.progress_end().await;
    assert!(server.refusal("arawn.chat", json!({"message": " "})).await.contains("empty"));
    assert!(server.refusal("arawn.chat", json!({})).await.contains("`message` is missing"));
    let unknown = json!({"message": "x", "backend": "nobody"});
    assert!(server.refusal("arawn.chat", unknown).await.contains("unknown backend \"nobody\""));
    server.progress_end().await;
    server.close().await;
}

/// Two backends, the first of which will break off.
async fn two_backends(bench: &Bench, capabilities: Value) -> (Model, TestServer) {
    let first = Model::start().await;
    let backends = [
        backend("first", &first.url, arawn::config::Place::Local),
        backend("second", &bench.model.url, arawn::config::Place::Local),
    ];
    let options = options(settings(&backends, bench.state.path().into()));
    (first, TestServer::greeted(options, capabilities).await)
}

#[tokio::test]
async fn a_backend_that_dies_in_chat_is_followed_by_a_visible_restart() {
    let mut bench = Bench::new().await;
    let mut capabilities = able();
    capabilities["window"] = json!({});
    capabilities["experimental"] = json!({ "arawn": { "version": 1 } });
    let (mut first, mut server) = two_backends(&bench, capabilities).await;
    let id = server.request("workspace/executeCommand", chat(&json!({"message": "x"}))).await;
    let mut call = first.call().await;
    call.say("the first half").await;
    let mut seen = Vec::new();
    let mut kinds = |params: &Value| {
        let text = params["text"].as_str().unwrap_or_default();
        seen.push((params["kind"].as_str().unwrap().to_owned(), text.to_owned()));
        seen.last().unwrap().0.clone()
    };
    while kinds(&server.wait_for("arawn/stream").await["params"]) != "text" {}
    drop(call);
    bench.model.says("a whole answer").await;
    let answer = server.answer(id).await.unwrap();
    assert_eq!(
        (&answer["response"], &answer["backend"]),
        (&json!("a whole answer"), &json!("second"))
    );
    assert_eq!(answer["fell_back"][0]["backend"], "first");
    while kinds(&server.wait_for("arawn/stream").await["params"]) != "end" {}
    let told: Vec<(&str, &str)> =
        seen.iter().map(|(kind, text)| (kind.as_str(), text.as_str())).collect();
    assert_eq!(told[0].0, "begin");
    assert_eq!(told[1], ("text", "the first half"));
    assert_eq!(told[2].0, "restart");
    assert_eq!(told[3], ("text", "a whole answer"));
    for kind in ["ok", "busy", "ok"] {
        assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], kind);
    }
    server.close().await;
}

#[tokio::test]
async fn an_edit_restarts_unseen_on_the_next_backend() {
    let mut bench = Bench::new().await;
    let (mut first, mut server) = two_backends(&bench, able()).await;
    server.open(URI, "rust", "let x=1;\n").await;
    let argument = json!({ "action": "simplify", "textDocument": { "uri": URI }, "range": range(0, 0, 0, 8), "wait": true });
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = first.call().await;
    call.say("```rust\nlet y = ").await;
    drop(call);
    bench.model.says("```rust\nlet x = 1;\n```").await;
    let edit = server.wait_for("workspace/applyEdit").await;
    let edits = edit["params"]["edit"]["documentChanges"][0]["edits"].as_array().unwrap();
    assert!(edits.iter().all(|edit| edit["newText"] == " = "), "{edits:?}");
    server.reply(&edit, json!({ "applied": true })).await;
    let result = server.answer(id).await.unwrap();
    assert_eq!((&result["status"], &result["backend"]), (&json!("applied"), &json!("second")));
    assert_eq!(result["fell_back"][0]["class"], "truncated");
    let end = server.progress_end().await;
    assert!(
        end.starts_with("Simplify: applied, by second (codellama); first was given up"),
        "{end}"
    );
    server.close().await;
}

/// A picture of one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn an_image_goes_to_a_model_that_sees_and_to_no_other() {
    use base64::Engine as _;
    let mut bench = Bench::new().await;
    let (folder, mut server) = with_project(&bench, able(), &[]).await;
    let png = base64::engine::general_purpose::STANDARD.decode(PNG).unwrap();
    std::fs::write(folder.path().join("a.png"), png).unwrap();
    let argument = json!({"message": "what is this?", "images": [uri_of(&folder, "a.png")]});
    let id = server.request("workspace/executeCommand", chat(&argument)).await;
    let error = server.answer(id).await.unwrap_err();
    assert_eq!(error["data"]["class"], "unsupported", "{error}");
    server.progress_end().await;
    let argument =
        json!({"message": "what is this?", "images": [uri_of(&folder, "a.png")], "model": "llava"});
    let id = server.request("workspace/executeCommand", chat(&argument)).await;
    let mut call = bench.model.call().await;
    let messages = call.body["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["images"], json!([PNG]));
    call.say("a pixel").await;
    call.done().await;
    assert_eq!(server.answer(id).await.unwrap()["response"], "a pixel");
    server.progress_end().await;
    server.close().await;
}
