//! What the user and the caller are told: results, failures, refusals, and where the code went.

use arawn::config::Place;
use serde_json::{Value, json};

use crate::model::Model;
use crate::setup::{Bench, URI, able, backend, bare, options, range, run, settings};
use crate::test_server::TestServer;

const CODE: &str = "fn f() {}\n";

fn waiting(mut argument: Value) -> Value {
    argument["wait"] = json!(true);
    json!({ "command": "arawn.run", "arguments": [argument] })
}

#[tokio::test]
async fn an_answer_is_a_private_document_without_live_links() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let params = waiting(run("explain", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says("It does ![x](https://evil.example/?q=1).\n\n```rust\nVec<u8>\n```\n").await;
    let shown = server.wait_for("window/showDocument").await;
    server.reply(&shown, json!({ "success": true })).await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["status"], "shown");
    assert_eq!((&result["backend"], &result["model"]), (&json!("ollama"), &json!("codellama")));
    let answers = bench.answers();
    let page = std::fs::read_to_string(&answers[0]).unwrap();
    assert_eq!(
        page,
        "# Explain\n\nIt does !\\[x]\\(`https://evil.example/?q=1`).\n\n```rust\nVec<u8>\n```\n\n---\nollama (codellama)\n"
    );
    let shown = shown["params"]["uri"].as_str().unwrap();
    assert_eq!(shown, tower_lsp::lsp_types::Url::from_file_path(&answers[0]).unwrap().as_str());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&answers[0]), 0o600);
        assert_eq!(mode(answers[0].parent().unwrap()), 0o700);
    }
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_client_that_shows_no_documents_gets_the_first_lines_and_the_path() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(bare()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("explain", range(0, 0, 0, 9))).await;
    bench.model.says("It does nothing.").await;
    let shown = server.shown().await;
    assert_eq!(shown, format!("Arawn: It does nothing.\n\n{}", bench.answers()[0].display()));
    server.close().await;
}

const CUT: &str = "the answer was cut at the output limit; raise `max_tokens` in your config";

#[tokio::test]
async fn an_answer_that_was_cut_says_so_on_its_page_in_the_result_and_in_a_warning() {
    // It was shown as if it were whole.
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let params = waiting(run("explain", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    call.say("It does").await;
    call.done_for("length").await;
    let shown = server.wait_for("window/showDocument").await;
    server.reply(&shown, json!({ "success": true })).await;
    let warning = server.wait_for("window/showMessage").await;
    assert_eq!(warning["params"]["type"], 2);
    assert_eq!(warning["params"]["message"], format!("Arawn: Explain: {CUT}"));
    let result = server.answer(id).await.unwrap();
    assert_eq!((&result["status"], &result["notes"]), (&json!("shown"), &json!([CUT])));
    let ended = format!("Explain: answered, by ollama (codellama); {CUT}");
    assert_eq!(result["message"], ended);
    let page = std::fs::read_to_string(&bench.answers()[0]).unwrap();
    assert_eq!(page, format!("# Explain\n\n> {CUT}\n\nIt does\n\n---\nollama (codellama)\n"));
    assert_eq!(server.progress_end().await, ended);
    server.close().await;
}

#[tokio::test]
async fn a_client_that_shows_no_documents_reads_once_that_an_answer_was_cut() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(bare()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("explain", range(0, 0, 0, 9))).await;
    let mut call = bench.model.call().await;
    call.say("It does").await;
    call.done_for("length").await;
    let shown = server.shown().await;
    let path = bench.answers()[0].display().to_string();
    assert_eq!(shown, format!("Arawn: {CUT}\n\nIt does\n\n{path}"));
    server.close().await;
}

#[tokio::test]
async fn a_turn_of_a_chat_that_was_cut_says_so_in_its_notes() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    let params = json!({ "command": "arawn.chat", "arguments": [{ "message": "why?" }] });
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    call.say("Because").await;
    call.done_for("length").await;
    let result = server.answer(id).await.unwrap();
    assert_eq!((&result["response"], &result["reason"]), (&json!("Because"), &json!("length")));
    assert_eq!(result["notes"], json!([CUT]));
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_dead_backend_is_said_in_one_sentence_with_the_next_step() {
    let bench = Bench::new().await;
    let url = Model::absent().await;
    let backends = [backend("ollama", &url, Place::Local)];
    let settings = settings(&backends, bench.state.path().into());
    let mut server = TestServer::greeted(options(settings), able()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("refactor", range(0, 0, 0, 9))).await;
    let shown = server.shown().await;
    assert!(shown.contains(&format!("Cannot connect to Ollama at {url}")), "{shown}");
    assert!(shown.contains("ollama serve"), "{shown}");
    assert!(!shown.contains('\n'), "{shown}");
    assert!(server.progress_end().await.starts_with("Refactor failed: Cannot connect"));

    // Who waits for the result gets it there, and no message besides.
    let params = waiting(run("refactor", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["status"], "failed");
    assert_eq!(result["error"]["class"], "connect");
    assert!(result["error"]["hint"].as_str().unwrap().contains("ollama serve"));
    server.close().await;
}

#[tokio::test]
async fn a_fall_back_is_in_the_result_the_progress_and_the_status() {
    let mut bench = Bench::new().await;
    let absent = Model::absent().await;
    let backends = [
        backend("first", &absent, Place::Local),
        backend("second", &bench.model.url, Place::Local),
    ];
    let settings = settings(&backends, bench.state.path().into());
    let mut server = TestServer::greeted(options(settings), able()).await;
    server.open(URI, "rust", CODE).await;
    let params = waiting(run("refactor", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says("```rust\nfn f() { g() }\n```").await;
    let edit = server.wait_for("workspace/applyEdit").await;
    server.reply(&edit, json!({ "applied": true })).await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["status"], "applied");
    assert_eq!(result["backend"], "second");
    assert_eq!(result["fell_back"][0]["backend"], "first");
    assert_eq!(result["fell_back"][0]["class"], "connect");
    let sentence = server.progress_end().await;
    assert!(
        sentence.starts_with(
            "Refactor: applied, by second (codellama); first was given up: Cannot connect"
        ),
        "{sentence}"
    );
    let status = server.command("arawn.status", Value::Null).await;
    assert_eq!(status["last"]["backend"], "second");
    assert_eq!(status["chain"][0]["backend"], "first");
    assert_eq!(status["chain"][1]["place"], "local");
    assert!(server.shown().await.contains("first was given up"));
    server.close().await;
}

#[tokio::test]
async fn the_first_answer_of_a_cloud_is_announced_once_for_a_workspace() {
    let mut bench = Bench::new().await;
    let backends = [backend("groq", &bench.model.url, Place::Cloud)];
    let settings = settings(&backends, bench.state.path().into());
    // The second session remembers what the first one said.
    for n_announced in [1, 0] {
        let mut server = TestServer::greeted(options(settings.clone()), able()).await;
        server.open(URI, "rust", CODE).await;
        for _ in 0..2 {
            let params = waiting(run("refactor", range(0, 0, 0, 9)));
            let id = server.request("workspace/executeCommand", params).await;
            bench.model.says("```rust\nfn f() {}\n```").await;
            assert_eq!(server.answer(id).await.unwrap()["status"], "unchanged");
        }
        for _ in 0..n_announced {
            let shown = server.shown().await;
            assert!(
                shown.contains("cloud service \"groq\"") && shown.contains("[privacy]"),
                "{shown}"
            );
        }
        server.close().await;
    }
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused_with_their_reason() {
    let bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let selection = range(0, 0, 0, 9);
    let refused = server.refusal("arawn.run", run("dance", selection.clone())).await;
    assert!(
        refused.starts_with("unknown action \"dance\"; known are: explain, fix, "),
        "{refused}"
    );
    let refused = server.refusal("arawn.run", run("fix", range(0, 0, 7, 0))).await;
    assert_eq!(refused, "the range lies outside the document, which has 2 lines");
    let refused = server.refusal("arawn.run", run("fix", range(0, 5, 0, 1))).await;
    assert_eq!(refused, "the range ends before it starts");
    for (missing, words) in [
        ("action", "`action` is missing from the argument"),
        ("range", "`range` is missing from the argument"),
        ("textDocument", "`textDocument` is missing from the argument"),
    ] {
        let mut argument = run("fix", selection.clone());
        argument.as_object_mut().unwrap().remove(missing);
        assert_eq!(server.refusal("arawn.run", argument).await, words);
    }
    let mut argument = run("fix", selection.clone());
    argument["textDocument"]["uri"] = json!("file:///etc/passwd");
    let refused = server.refusal("arawn.run", argument).await;
    assert_eq!(refused, "the document file:///etc/passwd is not open in this session");
    assert_eq!(server.refusal("arawn.dance", json!({})).await, "unknown command \"arawn.dance\"");
    server.close().await;
}

#[tokio::test]
async fn an_action_offered_for_an_older_text_is_refused() {
    let bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    server.change(URI, 5, json!([{ "range": range(0, 0, 0, 0), "text": "//\n" }])).await;
    let mut argument = run("refactor", range(0, 0, 0, 9));
    argument["textDocument"]["version"] = json!(1);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32801);
    server.close().await;
}

#[tokio::test]
async fn an_action_that_lacks_its_instruction_says_so() {
    let bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("ask", range(0, 0, 0, 9))).await;
    let shown = server.shown().await;
    assert!(shown.contains("action \"ask\" needs an instruction"), "{shown}");
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn the_last_request_is_what_the_model_got_byte_for_byte() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    assert_eq!(server.command("arawn.lastRequest", Value::Null).await, Value::Null);
    assert_eq!(server.shown().await, "Arawn: nothing has been sent to a model yet");
    let params = waiting(run("refactor", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    let sent = call.bytes.clone();
    call.say("```rust\nfn f() {}\n```").await;
    call.done().await;
    server.answer(id).await.unwrap();
    let params = json!({ "command": "arawn.lastRequest", "arguments": [] });
    let id = server.request("workspace/executeCommand", params).await;
    let shown = server.wait_for("window/showDocument").await;
    server.reply(&shown, json!({ "success": true })).await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["uri"], shown["params"]["uri"]);
    assert_eq!(std::fs::read(bench.state.path().join("last-request.json")).unwrap(), sent);
    server.close().await;
}
