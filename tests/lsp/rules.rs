//! The question whether to use a project's rules: asked once, answered by the user, never waited for.

use serde_json::{Value, json};
use tower_lsp::lsp_types::Url;

use crate::setup::{Bench, able, bare, range};
use crate::test_server::TestServer;

/// A workspace with rules and one open document.
struct Project {
    folder: tempfile::TempDir,
    uri: String,
}

impl Project {
    fn new(rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("AGENTS.md"), rules).unwrap();
        std::fs::write(folder.path().join("a.rs"), "fn f() {}\n").unwrap();
        let uri = Url::from_file_path(folder.path().join("a.rs")).unwrap().to_string();
        Self { folder, uri }
    }

    async fn server(&self, bench: &Bench, capabilities: Value) -> TestServer {
        let root = Url::from_file_path(self.folder.path()).unwrap();
        let params = json!({ "processId": null, "rootUri": root, "capabilities": capabilities });
        let mut server = TestServer::greeted_with(bench.options(), params).await;
        let document =
            json!({ "uri": self.uri, "languageId": "rust", "version": 1, "text": "fn f() {}\n" });
        server.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
        server
    }

    fn explain(&self) -> Value {
        json!({
            "action": "explain", "textDocument": { "uri": self.uri }, "range": range(0, 0, 1, 0), "wait": true,
        })
    }

    /// Runs a job and returns what was sent for it.
    async fn sent(&self, bench: &mut Bench, server: &mut TestServer) -> String {
        let params = json!({ "command": "arawn.run", "arguments": [self.explain()] });
        let id = server.request("workspace/executeCommand", params).await;
        let mut call = bench.model.call().await;
        let sent = call.body.to_string();
        call.say("It does nothing.").await;
        call.done().await;
        assert_eq!(server.answer(id).await.unwrap()["status"], "shown");
        sent
    }
}

/// A client that can ask its user, and shows answers by messages.
fn asking() -> Value {
    let mut capabilities = bare();
    capabilities["window"] = json!({ "showMessage": { "messageActionItem": {} } });
    capabilities
}

#[tokio::test]
async fn the_user_is_asked_once_and_use_them_is_an_approval() {
    let mut bench = Bench::new().await;
    let project = Project::new("- Be kind.\n- Be brief.\n");
    let mut server = project.server(&bench, asking()).await;
    assert!(!project.sent(&mut bench, &mut server).await.contains("Be kind."));
    let question = server.wait_for("window/showMessageRequest").await;
    assert_eq!(
        question["params"]["message"],
        "Arawn: this project has rules for assistants (AGENTS.md, 2 lines). Use them?"
    );
    assert_eq!(
        question["params"]["actions"],
        json!([{ "title": "Use them" }, { "title": "Show" }, { "title": "Not now" }])
    );
    server.shown().await;
    server.reply(&question, json!({ "title": "Use them" })).await;
    let status = until_used(&mut server).await;
    assert!(status["rules"]["files"][0].as_str().unwrap().ends_with("AGENTS.md"), "{status}");
    assert!(project.sent(&mut bench, &mut server).await.contains("Be kind."));
    server.shown().await;
    server.close().await;
}

/// Asks for the status until the approval has been written.
async fn until_used(server: &mut TestServer) -> Value {
    loop {
        let status = server.command("arawn.status", json!({})).await;
        server.shown().await;
        if status["rules"]["unused"].is_null() {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn not_now_is_no_approval_and_the_question_does_not_come_again() {
    let mut bench = Bench::new().await;
    let project = Project::new("- Be kind.\n");
    let mut server = project.server(&bench, asking()).await;
    project.sent(&mut bench, &mut server).await;
    let question = server.wait_for("window/showMessageRequest").await;
    server.shown().await;
    server.reply(&question, json!({ "title": "Not now" })).await;
    assert!(!project.sent(&mut bench, &mut server).await.contains("Be kind."));
    server.shown().await;
    // With other content it is another question.
    std::fs::write(project.folder.path().join("AGENTS.md"), "- Be rude.\n").unwrap();
    assert!(!project.sent(&mut bench, &mut server).await.contains("Be rude."));
    let question = server.wait_for("window/showMessageRequest").await;
    server.shown().await;
    server.reply(&question, Value::Null).await;
    server.close().await;
}

#[tokio::test]
async fn show_opens_the_rules_and_asks_again() {
    let mut bench = Bench::new().await;
    let project = Project::new("- Be kind.\n");
    let mut capabilities = able();
    capabilities["window"] =
        json!({ "showDocument": { "support": true }, "showMessage": { "messageActionItem": {} } });
    let mut server = project.server(&bench, capabilities).await;
    let params = json!({ "command": "arawn.run", "arguments": [project.explain()] });
    let id = server.request("workspace/executeCommand", params).await;
    let question = server.wait_for("window/showMessageRequest").await;
    server.reply(&question, json!({ "title": "Show" })).await;
    let opened = server.wait_for("window/showDocument").await;
    assert!(opened["params"]["uri"].as_str().unwrap().ends_with("AGENTS.md"), "{opened}");
    server.reply(&opened, json!({ "success": true })).await;
    let question = server.wait_for("window/showMessageRequest").await;
    server.reply(&question, json!({ "title": "Not now" })).await;
    // The job waited for nothing of this.
    bench.model.says("It does nothing.").await;
    let answer = server.wait_for("window/showDocument").await;
    server.reply(&answer, json!({ "success": true })).await;
    assert_eq!(server.answer(id).await.unwrap()["status"], "shown");
    server.close().await;
}

#[tokio::test]
async fn a_bare_client_is_not_asked_and_reads_it_in_the_status() {
    let mut bench = Bench::new().await;
    let project = Project::new("- Be kind.\n");
    let mut server = project.server(&bench, bare()).await;
    assert!(!project.sent(&mut bench, &mut server).await.contains("Be kind."));
    server.shown().await;
    let status = server.command("arawn.status", json!({})).await;
    let unused = status["rules"]["unused"].as_str().unwrap();
    assert!(unused.contains("AGENTS.md") && unused.contains("arawn trust"), "{unused}");
    assert!(server.shown().await.contains("arawn trust"));
    server.close().await;
}
