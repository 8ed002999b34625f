//! What must not go into the document by itself waits, follows the text, and is applied whole or in parts.

use serde_json::{Value, json};

use crate::edits::{CODE, Running, SIMPLER, SIMPLIFIED};
use crate::setup::{Bench, Buffer, URI, able, bare, options, range, run};
use crate::test_server::TestServer;

const LONG: &str =
    "// head\nfn f() {\n    one();\n    two();\n    three();\n    four();\n    five();\n}\n";
const LONG_ANSWER: &str =
    "```rust\n    1();\n    two();\n    three();\n    four();\n    5();\n```\n";

/// A server that was asked for a preview of two hunks in [`LONG`], and what the client knows of it.
struct Proposed {
    _bench: Bench,
    server: TestServer,
    buffer: Buffer,
    version: i64,
    /// What `arawn.run` answered.
    result: Value,
    /// The document that shows the proposal.
    page: Value,
}

impl Proposed {
    async fn start(capabilities: Value) -> Self {
        let mut bench = Bench::new().await;
        let mut server = bench.server(capabilities).await;
        server.open(URI, "rust", LONG).await;
        let mut argument = run("refactor", range(2, 0, 7, 0));
        argument["preview"] = json!(true);
        argument["wait"] = json!(true);
        let params = json!({ "command": "arawn.run", "arguments": [argument] });
        let id = server.request("workspace/executeCommand", params).await;
        bench.model.says(LONG_ANSWER).await;
        let page = server.wait_for("window/showDocument").await;
        server.reply(&page, json!({ "success": true })).await;
        let shown = server.shown().await;
        assert!(shown.starts_with("Arawn: Refactor: proposed: this is a preview; "), "{shown}");
        let result = server.answer(id).await.unwrap();
        let buffer = Buffer::new(LONG, "utf-16");
        let page = page["params"]["uri"].clone();
        Self { _bench: bench, server, buffer, version: 1, result, page }
    }

    /// The text of the document that shows it.
    fn page_text(&self) -> String {
        let path = self.page.as_str().unwrap().strip_prefix("file://").unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    async fn types(&mut self, old: &str, new: &str) {
        let at = self.buffer.text.find(old).unwrap();
        let range = json!({
            "start": self.buffer.position(at), "end": self.buffer.position(at + old.len()),
        });
        self.buffer.replace(&range, new);
        self.version += 1;
        self.server.change(URI, self.version, json!([{ "range": range, "text": new }])).await;
    }

    /// Runs a command that edits, as the client whose buffer this is.
    async fn runs(&mut self, command: &Value) -> Value {
        let params = json!({ "command": command["command"], "arguments": command["arguments"] });
        let id = self.server.request("workspace/executeCommand", params).await;
        let request = self.server.wait_for("workspace/applyEdit").await;
        assert_eq!(self.buffer.take(&request["params"]["edit"]), Some(self.version));
        self.version += 1;
        self.server.change(URI, self.version, json!([{ "text": self.buffer.text }])).await;
        self.server.reply(&request, json!({ "applied": true })).await;
        self.server.answer(id).await.unwrap()
    }

    async fn offers(&mut self, uri: &Value, line: u32) -> Vec<Value> {
        offers(&mut self.server, uri, range(line, 0, line, 0), &json!({ "diagnostics": [] })).await
    }
}

async fn offers(server: &mut TestServer, uri: &Value, range: Value, context: &Value) -> Vec<Value> {
    let params = json!({ "textDocument": { "uri": uri }, "range": range, "context": context });
    let offers = server.call("textDocument/codeAction", params).await;
    let offers: Vec<Value> = offers.as_array().unwrap().clone();
    offers.into_iter().filter(|offer| offer["command"]["command"] == "arawn.proposal").collect()
}

fn titles(offers: &[Value]) -> Vec<&str> {
    offers.iter().map(|offer| offer["title"].as_str().unwrap()).collect()
}

fn states(told: &Value) -> Vec<&str> {
    told["hunks"].as_array().unwrap().iter().map(|hunk| hunk["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_preview_waits_and_is_shown_as_a_patch() {
    let proposed = Proposed::start(able()).await;
    assert_eq!(proposed.result["status"], "proposed");
    assert_eq!(proposed.result["proposalId"], "proposal-1");
    let page = proposed.page_text();
    let patch = page.split_once("---").unwrap().1;
    assert_eq!(
        patch,
        " a/untitled:Untitled-1\n+++ b/untitled:Untitled-1\n@@ -2,3 +2,3 @@ hunk 1\n fn f() {\n-    one();\n\
         +    1();\n     two();\n@@ -6,3 +6,3 @@ hunk 2\n     four();\n-    five();\n+    5();\n }\n"
    );
    proposed.server.close().await;
}

#[tokio::test]
async fn hunks_follow_typing_and_are_applied_one_by_one_from_the_menu() {
    let mut proposed = Proposed::start(able()).await;
    proposed.types("// head\n", "// a longer head\n\n").await;
    let uri = json!(URI);
    let there = proposed.offers(&uri, 7).await;
    assert_eq!(
        titles(&there),
        ["Arawn: Apply all", "Arawn: Apply hunk 2", "Arawn: Show changes", "Arawn: Discard"]
    );
    assert_eq!(titles(&proposed.offers(&uri, 5).await), [""; 0]);

    let told = proposed.runs(&there[1]["command"]).await;
    assert_eq!(states(&told), ["pending", "applied"]);
    let head = "// a longer head\n\nfn f() {\n";
    let text = format!("{head}    one();\n    two();\n    three();\n    four();\n    5();\n}}\n");
    assert_eq!(proposed.buffer.text, text);

    let there = proposed.offers(&uri, 3).await;
    assert_eq!(titles(&there), ["Arawn: Apply all", "Arawn: Show changes", "Arawn: Discard"]);
    proposed.runs(&there[0]["command"]).await;
    assert_eq!(proposed.buffer.text, text.replace("one()", "1()"));
    assert_eq!(titles(&proposed.offers(&uri, 3).await), [""; 0]);
    proposed.server.close().await;
}

#[tokio::test]
async fn all_hunks_are_applied_by_one_edit() {
    let mut proposed = Proposed::start(able()).await;
    let there = proposed.offers(&json!(URI), 2).await;
    proposed.runs(&there[0]["command"]).await;
    assert_eq!(proposed.buffer.text, LONG.replace("one()", "1()").replace("five()", "5()"));
    let twice = json!({ "proposalId": "proposal-1", "do": "apply" });
    let refusal = proposed.server.refusal("arawn.proposal", twice).await;
    assert_eq!(refusal, "Refactor: not applied: it is applied already");
    assert_eq!(proposed.server.shown().await, format!("Arawn: {refusal}"));
    proposed.server.close().await;
}

#[tokio::test]
async fn a_hunk_whose_lines_the_user_changed_says_so_and_leaves_them() {
    let mut proposed = Proposed::start(able()).await;
    proposed.types("one();", "won();").await;
    let listed = proposed.server.command("arawn.proposal", json!({})).await;
    assert_eq!(states(&listed[0]), ["stale", "pending"]);
    let first = json!({ "proposalId": "proposal-1", "do": "apply", "hunks": [1] });
    let refusal = proposed.server.refusal("arawn.proposal", first).await;
    assert_eq!(refusal, "Refactor: not applied: the lines have changed since it was made");
    assert_eq!(proposed.server.shown().await, format!("Arawn: {refusal}"));

    let all = json!({ "command": "arawn.proposal", "arguments": [{ "proposalId": "proposal-1", "do": "apply" }] });
    assert_eq!(states(&proposed.runs(&all).await), ["stale", "applied"]);
    assert_eq!(proposed.buffer.text, LONG.replace("one()", "won()").replace("five()", "5()"));
    proposed.server.close().await;
}

#[tokio::test]
async fn what_is_offered_is_quiet() {
    let mut proposed = Proposed::start(able()).await;
    let (uri, server) = (json!(URI), &mut proposed.server);
    let there = range(2, 0, 2, 0);
    let automatic = json!({ "diagnostics": [], "triggerKind": 2 });
    assert_eq!(titles(&offers(server, &uri, there.clone(), &automatic).await), [""; 0]);
    let only = json!({ "diagnostics": [], "only": ["source"] });
    assert_eq!(titles(&offers(server, &uri, there, &only).await), [""; 0]);
    let lenses = server.capabilities.get("codeLensProvider");
    assert_eq!(lenses, None, "the client does not refresh them");
    proposed.server.close().await;
}

#[tokio::test]
async fn the_diff_document_offers_the_hunk_under_the_cursor() {
    let mut proposed = Proposed::start(able()).await;
    let (page, text) = (proposed.page.clone(), proposed.page_text());
    proposed.server.open(page.as_str().unwrap(), "diff", &text).await;
    let at = text.lines().position(|line| line == "+    5();").unwrap();
    let there = proposed.offers(&page, u32::try_from(at).unwrap()).await;
    assert_eq!(titles(&there), ["Arawn: Apply all", "Arawn: Apply hunk 2", "Arawn: Discard"]);
    proposed.runs(&there[1]["command"]).await;
    assert_eq!(proposed.buffer.text, LONG.replace("five()", "5()"));
    proposed.server.close().await;
}

#[tokio::test]
async fn a_discarded_proposal_is_gone() {
    let mut proposed = Proposed::start(able()).await;
    let argument = |what: &str| json!({ "proposalId": "proposal-1", "do": what });
    proposed.server.command("arawn.proposal", argument("discard")).await;
    let refusal = proposed.server.refusal("arawn.proposal", argument("apply")).await;
    assert_eq!(refusal, "there is no proposal \"proposal-1\" (any more)");
    assert_eq!(proposed.server.command("arawn.proposal", json!({})).await, json!([]));
    assert_eq!(titles(&proposed.offers(&json!(URI), 2).await), [""; 0]);
    proposed.server.close().await;
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let mut proposed = Proposed::start(able()).await;
    let server = &mut proposed.server;
    let argument =
        |what: &str, hunk: u32| json!({ "proposalId": "proposal-1", "do": what, "hunks": [hunk] });
    let refusal = server.refusal("arawn.proposal", argument("eat", 1)).await;
    assert_eq!(refusal, "`do` is \"eat\"; it can be apply, discard, show or list");
    let refusal = server.refusal("arawn.proposal", argument("apply", 3)).await;
    assert_eq!(refusal, "there is no hunk 3; proposal-1 has 2, counted from 1");
    let refusal = server.refusal("arawn.proposal", json!({ "do": "apply" })).await;
    assert_eq!(refusal, "`proposalId` is missing from the argument");
    proposed.server.close().await;
}

#[tokio::test]
async fn a_proposal_survives_the_closing_of_its_document() {
    let mut proposed = Proposed::start(able()).await;
    let document = json!({ "textDocument": { "uri": URI } });
    proposed.server.notify("textDocument/didClose", document).await;
    let argument = json!({ "proposalId": "proposal-1", "do": "apply" });
    let refusal = proposed.server.refusal("arawn.proposal", argument.clone()).await;
    assert_eq!(refusal, "Refactor: not applied: the document is not open");
    proposed.server.shown().await;
    proposed.buffer.text = format!("// more\n{LONG}");
    proposed.server.open(URI, "rust", &proposed.buffer.text).await;
    proposed.runs(&json!({ "command": "arawn.proposal", "arguments": [argument] })).await;
    let expected = LONG.replace("one()", "1()").replace("five()", "5()");
    assert_eq!(proposed.buffer.text, format!("// more\n{expected}"));
    proposed.server.close().await;
}

#[tokio::test]
async fn an_edit_of_lines_that_the_user_changed_becomes_a_proposal() {
    let mut running = Running::start(able(), CODE, range(2, 0, 2, 17)).await;
    running.types("a + b", "a - b").await;
    running.answers(SIMPLER).await;
    let Running { mut server, mut buffer, call, bench: _bench, .. } = running;
    call.done().await;
    let page = server.wait_for("window/showDocument").await;
    assert_eq!(page["params"]["takeFocus"], false);
    server.reply(&page, json!({ "success": true })).await;
    let proposed = "Refactor: proposed: you changed the same lines meanwhile";
    let shown = server.shown().await;
    assert!(shown.starts_with(&format!("Arawn: {proposed}; ")), "{shown}");
    assert_eq!(server.progress_end().await, format!("{proposed}, by ollama (codellama)"));
    let there =
        offers(&mut server, &json!(URI), range(2, 4, 2, 4), &json!({ "diagnostics": [] })).await;
    let command = &there[0]["command"];
    let params = json!({ "command": command["command"], "arguments": command["arguments"] });
    let id = server.request("workspace/executeCommand", params).await;
    let request = server.wait_for("workspace/applyEdit").await;
    buffer.take(&request["params"]["edit"]);
    assert_eq!(buffer.text, SIMPLIFIED);
    server.reply(&request, json!({ "applied": true })).await;
    server.answer(id).await.unwrap();
    server.close().await;
}

#[tokio::test]
async fn a_client_that_shows_no_documents_reads_where_the_proposal_is() {
    let mut running = Running::start(bare(), CODE, range(2, 0, 2, 17)).await;
    running.types("a + b", "a - b").await;
    running.answers(SIMPLER).await;
    let Running { mut server, call, bench, .. } = running;
    call.done().await;
    let shown = server.shown().await;
    let path = std::fs::read_dir(bench.state.path().join("proposals")).unwrap().next().unwrap();
    assert!(shown.ends_with(path.unwrap().path().to_str().unwrap()), "{shown}");
    server.close().await;
}

#[tokio::test]
async fn the_configuration_decides_what_waits() {
    use arawn::config::Preview;
    for (preview, typed, expected) in [
        (Preview::Always, false, "Refactor: proposed: `edits.preview` is \"always\", by"),
        (Preview::Never, true, "Refactor: not applied: you changed the same lines meanwhile, by"),
    ] {
        let mut bench = Bench::new().await;
        let mut settings = bench.settings();
        settings.edits.preview = preview;
        let mut server = TestServer::greeted(options(settings), able()).await;
        server.open(URI, "rust", CODE).await;
        server.command("arawn.run", run("refactor", range(2, 0, 2, 17))).await;
        let mut call = bench.model.call().await;
        if typed {
            server.change(URI, 2, json!([{ "range": range(2, 4, 2, 10), "text": "yield" }])).await;
            server.idle().await;
        }
        call.say(SIMPLER).await;
        call.done().await;
        let page = server.wait_for("window/showDocument").await;
        server.reply(&page, json!({ "success": true })).await;
        server.shown().await;
        let end = server.progress_end().await;
        assert!(end.starts_with(expected), "{end}");
        server.close().await;
    }
}

#[tokio::test]
async fn an_editor_that_asks_its_user_gets_hunks_to_confirm() {
    let mut bench = Bench::new().await;
    let mut capabilities = able();
    capabilities["workspace"]["workspaceEdit"]["changeAnnotationSupport"] =
        json!({ "groupsOnLabel": true });
    for (name, asks) in [("Visual Studio Code", true), ("kakoune-lsp", false)] {
        let params = json!({
            "processId": null, "rootUri": null, "capabilities": capabilities,
            "clientInfo": { "name": name },
        });
        let mut server = TestServer::greeted_with(bench.options(), params).await;
        server.open(URI, "rust", LONG).await;
        let mut argument = run("refactor", range(2, 0, 7, 0));
        argument["preview"] = json!(true);
        server.command("arawn.run", argument).await;
        bench.model.says(LONG_ANSWER).await;
        if asks {
            let request = server.wait_for("workspace/applyEdit").await;
            let edit = &request["params"]["edit"];
            assert_eq!(
                edit["changeAnnotations"]["hunk-2"],
                json!({ "label": "Arawn: Refactor: hunk 2", "needsConfirmation": true, "description": "this is a preview" })
            );
            let edits = edit["documentChanges"][0]["edits"].as_array().unwrap();
            let annotations: Vec<&Value> = edits.iter().map(|edit| &edit["annotationId"]).collect();
            assert_eq!(annotations, ["hunk-1", "hunk-2"]);
            server.reply(&request, json!({ "applied": false })).await;
        } else {
            let page = server.wait_for("window/showDocument").await;
            server.reply(&page, json!({ "success": true })).await;
        }
        server.shown().await;
        server.progress_end().await;
        server.close().await;
    }
}

/// The lines of all lenses, with their titles.
async fn lenses(server: &mut TestServer) -> Vec<String> {
    let params = json!({ "textDocument": { "uri": URI } });
    let lenses = server.call("textDocument/codeLens", params).await;
    let told = |lens: &Value| {
        let title = lens["command"]["title"].as_str().unwrap();
        format!("{} {title}", lens["range"]["start"]["line"])
    };
    lenses.as_array().unwrap().iter().map(told).collect()
}

#[tokio::test]
async fn lenses_stand_above_the_hunks_of_a_client_that_refreshes_them() {
    let mut capabilities = able();
    capabilities["workspace"]["codeLens"] = json!({ "refreshSupport": true });
    let mut proposed = Proposed::start(capabilities).await;
    let refresh = proposed.server.wait_for("workspace/codeLens/refresh").await;
    proposed.server.reply(&refresh, Value::Null).await;
    assert_eq!(
        lenses(&mut proposed.server).await,
        [
            "2 Arawn: Apply all",
            "2 Arawn: Apply hunk 1",
            "2 Arawn: Show changes",
            "2 Arawn: Discard",
            "6 Arawn: Apply hunk 2",
        ]
    );
    proposed.server.close().await;
}

#[tokio::test]
async fn what_was_applied_and_undone_is_offered_on_request_and_by_no_lens() {
    let mut proposed = Proposed::start(able()).await;
    let there = proposed.offers(&json!(URI), 6).await;
    proposed.runs(&there[1]["command"]).await;
    assert_eq!(
        lenses(&mut proposed.server).await,
        ["2 Arawn: Apply all", "2 Arawn: Show changes", "2 Arawn: Discard"]
    );
    proposed.types("5();", "five();").await;
    assert_eq!(proposed.buffer.text, LONG);
    let lenses = lenses(&mut proposed.server).await;
    assert_eq!(lenses.len(), 4, "{lenses:?}");
    assert!(lenses.iter().all(|lens| lens.starts_with("2 ")), "{lenses:?}");
    let there = proposed.offers(&json!(URI), 6).await;
    assert_eq!(there[1]["title"], "Arawn: Apply hunk 2");
    proposed.runs(&there[1]["command"]).await;
    assert_eq!(proposed.buffer.text, LONG.replace("five()", "5()"));
    proposed.server.close().await;
}

#[tokio::test]
async fn an_answer_that_makes_errors_with_what_was_typed_becomes_a_proposal() {
    let text = "fn f() {\n    if a {\n    x();\n    y();\n    z();\n    }\n}\n";
    let mut running = Running::start(able(), text, range(1, 0, 6, 0)).await;
    // The user takes the condition away, the model gives it another branch: no line has both changes.
    running.types("    if a {\n", "").await;
    running.types("    z();\n    }\n", "    z();\n").await;
    let answer = "    if a {\n    x();\n    y();\n    } else {\n    z();\n    }\n";
    running.answers(&format!("```rust\n{answer}```\n")).await;
    let Running { mut server, call, bench: _bench, .. } = running;
    call.done().await;
    let page = server.wait_for("window/showDocument").await;
    server.reply(&page, json!({ "success": true })).await;
    let shown = server.shown().await;
    let proposed = "Arawn: Refactor: proposed: the answer does not fit what you typed meanwhile; ";
    assert!(shown.starts_with(proposed), "{shown}");
    server.progress_end().await;
    server.close().await;
}
