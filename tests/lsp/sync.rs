//! The document here is the document there, whatever the client does to it.

use serde_json::{Value, json};

use crate::setup::{Bench, Buffer, URI, able, range, run};
use crate::test_server::TestServer;

/// The text the server has, by asking it to send it to the model.
async fn check_text(bench: &mut Bench, server: &mut TestServer, expected: &Buffer) {
    let end = expected.position(expected.text.len());
    let all = json!({ "start": { "line": 0, "character": 0 }, "end": end });
    let mut argument = run("explain", all);
    argument["wait"] = json!(true);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    let prompt: Vec<&str> = call.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    // Models are shown plain line breaks and no blank lines at the ends.
    let prompt = prompt.join("\n");
    let text = expected.text.replace("\r\n", "\n");
    let text = text.trim_matches('\n');
    assert!(prompt.contains(text), "{prompt:?} lacks {text:?}");
    call.say("fine").await;
    call.done().await;
    let shown = server.wait_for("window/showDocument").await;
    server.reply(&shown, json!({ "success": true })).await;
    server.answer(id).await.unwrap();
}

#[tokio::test]
async fn a_thousand_rapid_edits_equal_a_plain_text() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    let mut buffer = Buffer::new("fn main() {\r\n    let 𐐀 = \"é\";\n}\n", "utf-16");
    server.open(URI, "rust", &buffer.text).await;
    let mut random = fastrand::Rng::with_seed(7);
    let pieces = ["x", "𐐀", "\n", "\r\n", "é", "", "let y = 1;\n", "\t"];
    for version in 2..1002 {
        let boundaries: Vec<usize> = buffer
            .text
            .char_indices()
            .map(|(byte_idx, _)| byte_idx)
            // A client that edits between the two characters of a line break cannot say so in columns.
            .filter(|&at| {
                !(buffer.text[at..].starts_with('\n') && buffer.text[..at].ends_with('\r'))
            })
            .chain([buffer.text.len()])
            .collect();
        let from = random.usize(..boundaries.len());
        let to = (from + random.usize(..4)).min(boundaries.len() - 1);
        let range = json!({
            "start": buffer.position(boundaries[from]), "end": buffer.position(boundaries[to]),
        });
        let piece = pieces[random.usize(..pieces.len())];
        server.change(URI, version, json!([{ "range": range, "text": piece }])).await;
        buffer.replace(&range, piece);
    }
    check_text(&mut bench, &mut server, &buffer).await;
    server.close().await;
}

#[tokio::test]
async fn whole_texts_and_several_changes_in_one_message_are_taken() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "plaintext", "one\ntwo\n").await;
    let changes = json!([
        { "text": "one\r\n𐐀two\r\nthree" },
        { "range": range(1, 2, 1, 5), "text": "TWO" },
        { "range": range(2, 5, 2, 5), "text": "!" },
    ]);
    server.change(URI, 2, changes).await;
    let expected = Buffer::new("one\r\n𐐀TWO\r\nthree!", "utf-16");
    check_text(&mut bench, &mut server, &expected).await;
    server.close().await;
}

#[tokio::test]
async fn a_request_sees_the_change_before_it_and_not_the_one_after() {
    let bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", "a\n").await;
    let params = json!({
        "textDocument": { "uri": URI }, "range": range(0, 0, 0, 1), "context": { "diagnostics": [] },
    });
    let first = server.request("textDocument/codeAction", params.clone()).await;
    server.change(URI, 2, json!([{ "range": range(0, 0, 0, 0), "text": "b" }])).await;
    let second = server.request("textDocument/codeAction", params).await;
    let version = |actions: &Value| {
        actions[0]["command"]["arguments"][0]["textDocument"]["version"].as_i64().unwrap()
    };
    assert_eq!(version(&server.answer(first).await.unwrap()), 1);
    assert_eq!(version(&server.answer(second).await.unwrap()), 2);
    server.close().await;
}

#[tokio::test]
async fn changes_to_documents_never_opened_are_ignored() {
    let bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.change("file:///nowhere.rs", 2, json!([{ "text": "x" }])).await;
    let document = json!({ "uri": "file:///nowhere.rs" });
    server.notify("textDocument/didClose", json!({ "textDocument": document })).await;
    server.notify("textDocument/didSave", json!({ "textDocument": document })).await;
    server.idle().await;
    server.close().await;
}
