//! An answer gets where it was meant to go, or nowhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::Call;
use crate::setup::{Bench, Buffer, URI, able, bare, options, range, run};
use crate::test_server::TestServer;

pub(crate) const CODE: &str =
    "// head\nfn add(a: i32, b: i32) -> i32 {\n    return a + b;\n}\n// tail\n";
pub(crate) const SIMPLER: &str = "```rust\n    a + b\n```\n";
pub(crate) const SIMPLIFIED: &str =
    "// head\nfn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n// tail\n";

/// A server with `text` open, and a job running on `range` whose answer has not come yet.
pub(crate) struct Running {
    pub(crate) bench: Bench,
    pub(crate) server: TestServer,
    pub(crate) buffer: Buffer,
    pub(crate) version: i64,
    pub(crate) call: Call,
}

impl Running {
    pub(crate) async fn start(capabilities: Value, text: &str, range: Value) -> Self {
        let mut bench = Bench::new().await;
        let mut server = bench.server(capabilities).await;
        server.open(URI, "rust", text).await;
        let started = server.command("arawn.run", run("refactor", range)).await;
        assert_eq!(started, json!({ "jobId": "job-1" }));
        let call = bench.model.call().await;
        let encoding = match server.capabilities["positionEncoding"].as_str().unwrap() {
            "utf-8" => "utf-8",
            "utf-32" => "utf-32",
            _ => "utf-16",
        };
        Self { bench, server, buffer: Buffer::new(text, encoding), version: 1, call }
    }

    /// The user replaces the first `old` by `new`.
    pub(crate) async fn types(&mut self, old: &str, new: &str) {
        let at = self.buffer.text.find(old).unwrap();
        let range = json!({
            "start": self.buffer.position(at), "end": self.buffer.position(at + old.len()),
        });
        self.buffer.replace(&range, new);
        self.version += 1;
        self.server.change(URI, self.version, json!([{ "range": range, "text": new }])).await;
    }

    /// The model says its piece, after the server has heard of everything the user did.
    pub(crate) async fn answers(&mut self, text: &str) {
        self.server.idle().await;
        self.call.say(text).await;
        self.call.say("").await;
    }

    /// The answer ends; the client gets one edit and takes it. Returns the version the edit was for.
    pub(crate) async fn applies(mut self, expected: &str) -> Option<i64> {
        self.server.idle().await;
        self.call.done().await;
        let request = self.server.wait_for("workspace/applyEdit").await;
        let version = self.buffer.take(&request["params"]["edit"]);
        assert_eq!(self.buffer.text, expected);
        self.server.reply(&request, json!({ "applied": true })).await;
        if self.server.progress.iter().any(|value| value["kind"] == "begin") {
            let sentence = self.server.progress_end().await;
            assert!(sentence.starts_with("Refactor: applied, "), "{sentence}");
        }
        self.server.idle().await;
        self.server.close().await;
        version
    }

    /// The document is closed.
    async fn closes(&mut self, uri: &str) {
        let document = json!({ "textDocument": { "uri": uri } });
        self.server.notify("textDocument/didClose", document).await;
    }
}

#[tokio::test]
async fn an_edit_is_the_smallest_and_bound_to_the_version() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.answers(SIMPLER).await;
    assert_eq!(running.applies(SIMPLIFIED).await, Some(1));
}

#[tokio::test]
async fn a_client_without_document_changes_gets_changes() {
    let mut running = Running::start(bare(), CODE, range(2, 0, 2, 17)).await;
    running.answers(SIMPLER).await;
    assert_eq!(running.applies(SIMPLIFIED).await, None);
}

#[tokio::test]
async fn typing_above_and_below_moves_the_edit() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.types("// head\n", "// a longer head 𐐀\n\n").await;
    running.answers(SIMPLER).await;
    running.types("// tail", "// another tail").await;
    running.types("fn add", "pub fn add").await;
    let expected = SIMPLIFIED
        .replace("// head\n", "// a longer head 𐐀\n\n")
        .replace("// tail", "// another tail")
        .replace("fn add", "pub fn add");
    assert_eq!(running.applies(&expected).await, Some(4));
}

#[tokio::test]
async fn a_client_that_sends_whole_texts_moves_the_edit_too() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.buffer.text = running.buffer.text.replace("// head\n", "// new\n// head\n");
    let whole = json!([{ "text": running.buffer.text }]);
    running.server.change(URI, 2, whole).await;
    running.answers(SIMPLER).await;
    let expected = SIMPLIFIED.replace("// head\n", "// new\n// head\n");
    assert_eq!(running.applies(&expected).await, Some(2));
}

const LONG: &str =
    "// head\nfn f() {\n    one();\n    two();\n    three();\n    four();\n}\n// tail\n";
const LONG_ANSWER: &str = "```rust\n    one();\n    two();\n    three();\n    4();\n```\n";

#[tokio::test]
async fn typing_inside_on_other_lines_comes_together_with_the_answer() {
    let mut running = Running::start(able(), LONG, range(2, 0, 6, 0)).await;
    running.types("one();", "one(1);\n    and();").await;
    running.types("// head\n", "").await;
    running.answers(LONG_ANSWER).await;
    let expected =
        "fn f() {\n    one(1);\n    and();\n    two();\n    three();\n    4();\n}\n// tail\n";
    assert_eq!(running.applies(expected).await, Some(3));
}

#[tokio::test]
async fn typing_and_taking_it_back_is_as_if_nothing_was_typed() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.types("    return a + b;\n}\n", "").await;
    running.types("i32 {\n", "i32 {\n    return a + b;\n}\n").await;
    running.answers(SIMPLER).await;
    assert_eq!(running.applies(SIMPLIFIED).await, Some(3));
}

#[tokio::test]
async fn a_formatter_that_writes_the_whole_text_anew_on_save_is_survived() {
    let text = LONG.replace("four();", "four();  ").replace("// head", "//  head");
    let mut running = Running::start(able(), &text, range(2, 0, 6, 0)).await;
    running.buffer.text = LONG.replace("// head", "// head\n");
    let whole = json!([{ "text": running.buffer.text }]);
    running.server.change(URI, 2, whole).await;
    running.answers(LONG_ANSWER).await;
    let expected = LONG.replace("// head", "// head\n").replace("four();", "4();");
    assert_eq!(running.applies(&expected).await, Some(2));
}

#[tokio::test]
async fn typing_the_beginning_of_the_answer_is_typing_through_it() {
    let text = "let total = ;\n";
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", text).await;
    server.command("arawn.run", run("complete", range(0, 12, 0, 12))).await;
    let mut call = bench.model.call().await;
    server.change(URI, 2, json!([{ "range": range(0, 12, 0, 12), "text": "a" }])).await;
    server.idle().await;
    call.say("a + b").await;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    let mut buffer = Buffer::new("let total = a;\n", "utf-16");
    buffer.take(&request["params"]["edit"]);
    assert_eq!(buffer.text, "let total = a + b;\n");
    server.reply(&request, json!({ "applied": true })).await;
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_document_that_is_closed_and_opened_again_is_the_same() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.closes(URI).await;
    running.buffer.text = format!("// more\n{CODE}");
    running.server.open(URI, "rust", &running.buffer.text).await;
    running.answers(SIMPLER).await;
    assert_eq!(running.applies(&format!("// more\n{SIMPLIFIED}")).await, Some(1));
}

#[tokio::test]
async fn an_untitled_document_that_is_saved_takes_its_job_along() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.closes(URI).await;
    let folder = tempfile::tempdir().unwrap();
    let saved = format!("file://{}/saved.rs", folder.path().display());
    running.server.open(&saved, "rust", CODE).await;
    running.answers(SIMPLER).await;
    let Running { mut server, call, .. } = running;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    assert_eq!(request["params"]["edit"]["documentChanges"][0]["textDocument"]["uri"], saved);
    server.reply(&request, json!({ "applied": true })).await;
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_renamed_file_takes_its_job_along() {
    let folder = tempfile::tempdir().unwrap();
    let uri = |name: &str| format!("file://{}/{name}", folder.path().display());
    let (old, new) = (uri("old.rs"), uri("new.rs"));
    // It is there all the time: only the notification tells.
    std::fs::write(folder.path().join("old.rs"), CODE).unwrap();
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(&old, "rust", CODE).await;
    let mut argument = run("refactor", range(2, 0, 2, 17));
    argument["textDocument"]["uri"] = json!(old);
    server.command("arawn.run", argument).await;
    let mut call = bench.model.call().await;
    server.notify("textDocument/didClose", json!({ "textDocument": { "uri": old } })).await;
    server.open(&new, "rust", CODE).await;
    let renamed = json!({ "files": [{ "oldUri": old, "newUri": new }] });
    server.notify("workspace/didRenameFiles", renamed).await;
    server.idle().await;
    call.say(SIMPLER).await;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    assert_eq!(request["params"]["edit"]["documentChanges"][0]["textDocument"]["uri"], new);
    server.reply(&request, json!({ "applied": true })).await;
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn an_edit_that_the_editor_made_otherwise_is_told_and_the_original_offered() {
    let mut capabilities = able();
    capabilities["window"]["showMessage"] = json!({ "messageActionItem": {} });
    let mut running = Running::start(capabilities, CODE, range(2, 0, 2, 17)).await;
    running.answers(SIMPLER).await;
    let Running { mut server, call, bench: _bench, .. } = running;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    // The client says that it did what it was asked, and has done something else.
    server.change(URI, 2, json!([{ "text": SIMPLIFIED.replace("a + b", "a +") }])).await;
    server.reply(&request, json!({ "applied": true })).await;
    let question = server.wait_for("window/showMessageRequest").await;
    let message = question["params"]["message"].as_str().unwrap();
    assert!(message.contains("is not what the edit should have made of it"), "{message}");
    server.reply(&question, question["params"]["actions"][0].clone()).await;
    let shown = server.wait_for("window/showDocument").await;
    let uri = shown["params"]["uri"].as_str().unwrap();
    let text = std::fs::read_to_string(uri.strip_prefix("file://").unwrap()).unwrap();
    assert_eq!(text, CODE);
    server.reply(&shown, json!({ "success": true })).await;
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn an_answer_without_code_is_shown_and_says_why() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.answers("I would write a + b there, but cannot.").await;
    running.call.done().await;
    running.bench.model.says("As I said, I would write a + b there.").await;
    let request = running.server.wait_for("window/showDocument").await;
    running.server.reply(&request, json!({ "success": true })).await;
    assert!(running.server.shown().await.starts_with("Arawn: Refactor: not applied: "));
    running.server.progress_end().await;
    running.server.close().await;
}

#[tokio::test]
async fn a_refused_edit_is_made_anew_and_sent_once_more() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.answers(SIMPLER).await;
    let Running { mut server, mut buffer, call, .. } = running;
    call.done().await;
    let first = server.wait_for("workspace/applyEdit").await;
    // The user typed while the edit was under way: the client refuses it as stale.
    let at = range(0, 0, 0, 0);
    buffer.replace(&at, "//\n");
    server.change(URI, 2, json!([{ "range": at, "text": "//\n" }])).await;
    server.reply(&first, json!({ "applied": false, "failureReason": "stale" })).await;
    let second = server.wait_for("workspace/applyEdit").await;
    assert_eq!(buffer.take(&second["params"]["edit"]), Some(2));
    assert_eq!(buffer.text, format!("//\n{SIMPLIFIED}"));
    server.reply(&second, json!({ "applied": true })).await;
    assert_eq!(server.progress_end().await, "Refactor: applied, by ollama (codellama)");
    server.close().await;
}

#[tokio::test]
async fn an_edit_refused_twice_is_shown_with_the_editors_reason() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.answers(SIMPLER).await;
    let Running { mut server, call, bench, .. } = running;
    call.done().await;
    for _ in 0..2 {
        let request = server.wait_for("workspace/applyEdit").await;
        let refusal = json!({ "applied": false, "failureReason": "read only" });
        server.reply(&request, refusal).await;
    }
    let request = server.wait_for("window/showDocument").await;
    server.reply(&request, json!({ "success": true })).await;
    let reason = "not applied: the editor refused the edit: read only";
    assert_eq!(server.shown().await, format!("Arawn: Refactor: {reason}"));
    assert_eq!(bench.answers().len(), 1);
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_client_that_never_answers_but_takes_the_edit_has_applied_it() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(bare()).await;
    server.open(URI, "rust", CODE).await;
    let mut argument = run("refactor", range(2, 0, 2, 17));
    argument["wait"] = json!(true);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says(SIMPLER).await;
    let request = server.wait_for("workspace/applyEdit").await;
    let mut buffer = Buffer::new(CODE, "utf-16");
    buffer.take(&request["params"]["edit"]);
    server.change(URI, 2, json!([{ "text": buffer.text }])).await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["status"], "applied");
    assert_eq!(result["text"], "    a + b");
    server.close().await;
}

#[tokio::test]
async fn a_client_that_neither_answers_nor_takes_the_edit_gets_it_shown() {
    let mut bench = Bench::new().await;
    let mut options = options(bench.settings());
    options.limits.client_answer = Duration::from_millis(20);
    let mut server = TestServer::greeted(options, bare()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("refactor", range(2, 0, 2, 17))).await;
    bench.model.says(SIMPLER).await;
    server.wait_for("workspace/applyEdit").await;
    let shown = server.shown().await;
    assert!(shown.contains("did not say whether it took the edit"), "{shown}");
    assert!(shown.contains(bench.answers()[0].to_str().unwrap()), "{shown}");
    server.close().await;
}

#[tokio::test]
async fn an_edit_without_version_that_crosses_with_typing_is_owned_up_to() {
    let mut running = Running::start(bare(), CODE, range(2, 0, 2, 17)).await;
    running.answers(SIMPLER).await;
    let Running { mut server, mut buffer, call, bench: _bench, .. } = running;
    call.done().await;
    let request = server.wait_for("workspace/applyEdit").await;
    // The user has typed a line above; the client tells of that and of the edit together.
    buffer.replace(&range(0, 0, 0, 0), "//\n");
    buffer.take(&request["params"]["edit"]);
    server.change(URI, 2, json!([{ "text": buffer.text }])).await;
    server.reply(&request, json!({ "applied": true })).await;
    let shown = server.shown().await;
    assert!(shown.contains("you typed at the same moment"), "{shown}");
    server.close().await;
}

#[tokio::test]
async fn nothing_to_change_is_said_and_nothing_is_sent() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.answers("```rust\n    return a + b;\n```\n").await;
    running.call.done().await;
    let end = running.server.progress_end().await;
    assert_eq!(end, "Refactor: nothing to change, by ollama (codellama)");
    running.server.close().await;
}

/// Selects the first `old` in `text`, answers `new`, and compares the client's text.
async fn check_edit(encoding: &'static str, text: &str, old: &str, new: &str) {
    let mut capabilities = able();
    capabilities["general"]["positionEncodings"] = json!([encoding]);
    let buffer = Buffer::new(text, encoding);
    let at = text.find(old).unwrap();
    let selection = json!({ "start": buffer.position(at), "end": buffer.position(at + old.len()) });
    let mut running = Running::start(capabilities, text, selection).await;
    assert_eq!(running.buffer.encoding, encoding);
    running.answers(&format!("```\n{}\n```\n", new.replace("\r\n", "\n").trim_end())).await;
    running.applies(&text.replacen(old, new, 1)).await;
}

#[tokio::test]
async fn astral_characters_count_as_the_encoding_says() {
    for encoding in ["utf-8", "utf-16", "utf-32"] {
        let text = "let 𐐀é = \"🦀🦀\"; let b = 1;\nlet 🦀 = 2;\n";
        check_edit(encoding, text, "let b = 1;", "let c = 1;").await;
        check_edit(encoding, text, "let 🦀 = 2;", "let 𐐀 = 3;").await;
    }
}

#[tokio::test]
async fn line_endings_and_a_missing_final_newline_stay() {
    let text = "fn a() {\r\n    one();\r\n    two();\r\n}";
    let new = "    one();\r\n    both();\r\n    two();\r\n";
    check_edit("utf-16", text, "    one();\r\n    two();\r\n", new).await;
    check_edit("utf-16", "first\nlast", "last", "end").await;
    check_edit("utf-16", "\u{feff}first\r\nlast\r\n", "last", "end").await;
}
