//! Results that are no part of the selection: new files, findings, commit messages.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::model::Call;
use crate::setup::{Bench, able, bare, range};
use crate::test_server::TestServer;

const SOURCE: &str =
    "def mean(xs):\n    return sum(xs) / len(xs)\n\n\ndef first(xs):\n    return xs[0]\n";
const TESTS: &str =
    "```python\nfrom shapes import mean\n\n\ndef test_mean():\n    assert mean([1, 3]) == 2\n```\n";
const TEST_FILE: &str =
    "from shapes import mean\n\n\ndef test_mean():\n    assert mean([1, 3]) == 2\n";

/// A client with files, and a workspace with `shapes.py` open.
struct Project {
    bench: Bench,
    server: TestServer,
    folder: tempfile::TempDir,
}

impl Project {
    async fn open(mut capabilities: Value, makes_files: bool) -> Self {
        let bench = Bench::new().await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shapes.py"), SOURCE).unwrap();
        if makes_files {
            capabilities["workspace"]["workspaceEdit"]["resourceOperations"] = json!(["create"]);
        }
        let root = uri(folder.path());
        let params = json!({ "processId": null, "rootUri": root, "capabilities": capabilities });
        let mut server = TestServer::greeted_with(bench.options(), params).await;
        server.open(&uri(&folder.path().join("shapes.py")), "python", SOURCE).await;
        Self { bench, server, folder }
    }

    fn uri(&self, name: &str) -> String {
        uri(&self.folder.path().join(name))
    }

    /// Starts an action on lines of `shapes.py`; its answer is waited for.
    async fn start(&mut self, action: &str, range: Value) -> (i64, Call) {
        let argument = json!({
            "action": action, "textDocument": { "uri": self.uri("shapes.py") }, "range": range, "wait": true,
        });
        let params = json!({ "command": "arawn.run", "arguments": [argument] });
        let id = self.server.request("workspace/executeCommand", params).await;
        let call = self.bench.model.call().await;
        (id, call)
    }

    /// Takes the document that is shown.
    async fn takes_page(&mut self) -> String {
        let request = self.server.wait_for("window/showDocument").await;
        self.server.reply(&request, json!({ "success": true })).await;
        request["params"]["uri"].as_str().unwrap().to_owned()
    }

    async fn diagnostics(&mut self) -> Value {
        let published = self.server.wait_for("textDocument/publishDiagnostics").await;
        assert_eq!(published["params"]["uri"], self.uri("shapes.py"));
        published["params"]["diagnostics"].clone()
    }
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

async fn say(mut call: Call, text: &str) {
    call.say(text).await;
    call.done().await;
}

#[tokio::test]
async fn tests_come_as_a_new_file_in_one_edit() {
    let mut project = Project::open(able(), true).await;
    let (id, call) = project.start("test", range(0, 0, 2, 0)).await;
    say(call, TESTS).await;
    let request = project.server.wait_for("workspace/applyEdit").await;
    let target = project.uri("test_shapes.py");
    assert_eq!(
        request["params"]["edit"]["documentChanges"],
        json!([
            { "kind": "create", "uri": target, "options": { "overwrite": false, "ignoreIfExists": false } },
            {
                "textDocument": { "uri": target, "version": null },
                "edits": [{ "range": range(0, 0, 0, 0), "newText": TEST_FILE }],
            },
        ])
    );
    project.server.reply(&request, json!({ "applied": true })).await;
    assert_eq!(project.takes_page().await, target);
    let result = project.server.answer(id).await.unwrap();
    assert_eq!(result["status"], "applied");
    assert_eq!(result["message"], "Test: created test_shapes.py, by ollama (codellama)");
    assert!(!project.folder.path().join("test_shapes.py").exists(), "the editor makes the file");
    project.server.close().await;
}

/// Runs `test` where no file can or may be made; the code is shown with its place, and nothing is written.
async fn check_shown(capabilities: Value, makes_files: bool, preview: bool, reason: &str) {
    let shows_documents = capabilities["window"]["showDocument"]["support"] == true;
    let mut project = Project::open(capabilities, makes_files).await;
    let argument = json!({
        "action": "test", "textDocument": { "uri": project.uri("shapes.py") },
        "range": range(0, 0, 2, 0), "wait": true, "preview": preview,
    });
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = project.server.request("workspace/executeCommand", params).await;
    project.bench.model.says(TESTS).await;
    if shows_documents {
        project.takes_page().await;
    }
    let shown = project.server.shown().await;
    assert!(shown.contains(reason), "{shown}");
    let result = project.server.answer(id).await.unwrap();
    assert_eq!((&result["status"], &result["text"]), (&json!("shown"), &json!(TEST_FILE)));
    assert_eq!(std::fs::read_dir(project.folder.path()).unwrap().count(), 1);
    project.server.close().await;
}

#[tokio::test]
async fn a_client_that_makes_no_files_gets_the_code_and_its_place() {
    let reason = "this editor makes no files for servers; it belongs into test_shapes.py";
    check_shown(bare(), false, false, reason).await;
    check_shown(able(), false, false, reason).await;
    check_shown(able(), true, true, "this is a preview; it belongs into test_shapes.py").await;
}

#[tokio::test]
async fn tests_that_are_there_get_more_at_their_end_saved_or_not() {
    let mut project = Project::open(able(), true).await;
    let target = project.uri("test_shapes.py");
    std::fs::write(project.folder.path().join("test_shapes.py"), "on disk\n").unwrap();
    let (id, call) = project.start("test", range(0, 0, 2, 0)).await;
    // What is open counts, not what was saved.
    project.server.open(&target, "python", "from shapes import mean\n").await;
    project.server.idle().await;
    say(call, TESTS).await;
    let request = project.server.wait_for("workspace/applyEdit").await;
    let change = &request["params"]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({ "uri": target, "version": 1 }));
    assert_eq!(
        change["edits"],
        json!([{
            "range": range(0, 23, 0, 23),
            "newText": "\n\ndef test_mean():\n    assert mean([1, 3]) == 2",
        }])
    );
    project.server.reply(&request, json!({ "applied": true })).await;
    project.takes_page().await;
    let result = project.server.answer(id).await.unwrap();
    assert_eq!(result["message"], "Test: added to test_shapes.py, by ollama (codellama)");
    project.server.close().await;
}

const REVIEW: &str = "- error: `return sum(xs) / len(xs)` - An empty list divides by zero.\n- warning: `return xs[0]` - It fails for an empty list.\n";

/// A project whose file was reviewed, with both findings shown.
async fn reviewed() -> Project {
    let mut project = Project::open(able(), true).await;
    let (id, call) = project.start("review", range(0, 0, 6, 0)).await;
    say(call, REVIEW).await;
    let page = project.takes_page().await;
    let page = std::fs::read_to_string(page.strip_prefix("file://").unwrap()).unwrap();
    assert!(page.contains("- line 2, error: An empty list divides by zero."), "{page}");
    let result = project.server.answer(id).await.unwrap();
    assert_eq!(result["message"], "Review: 2 findings, by ollama (codellama)");
    assert!(result["text"].as_str().unwrap().starts_with("- line 2, error: "), "{result}");
    project
}

#[tokio::test]
async fn findings_are_diagnostics_that_can_be_fixed() {
    let mut project = reviewed().await;
    let diagnostics = project.diagnostics().await;
    let first = json!({
        "range": range(1, 4, 1, 28), "severity": 1, "source": "arawn", "code": "review",
        "message": "An empty list divides by zero.",
    });
    assert_eq!(diagnostics[0], first);
    assert_eq!(
        (&diagnostics[1]["range"], &diagnostics[1]["severity"]),
        (&range(5, 4, 5, 16), &json!(2))
    );
    let params = json!({
        "textDocument": { "uri": project.uri("shapes.py") }, "range": range(1, 6, 1, 6),
        "context": { "diagnostics": [first] },
    });
    let offers = project.server.call("textDocument/codeAction", params).await;
    assert_eq!(offers[0]["title"], "Arawn: Fix: An empty list divides by zero.");
    assert_eq!(offers[0]["kind"], "quickfix");
    project.server.close().await;
}

#[tokio::test]
async fn a_finding_goes_when_its_line_is_edited_and_all_when_the_document_is_closed() {
    let mut project = reviewed().await;
    assert_eq!(project.diagnostics().await.as_array().unwrap().len(), 2);
    let uri = project.uri("shapes.py");
    let events = json!([
        { "range": range(0, 0, 0, 0), "text": "import os\n" },
        { "range": range(2, 4, 2, 10), "text": "yield" },
    ]);
    project.server.change(&uri, 2, events).await;
    let left = project.diagnostics().await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["range"], range(6, 4, 6, 16), "the other one moved with its line");
    project.server.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } })).await;
    assert_eq!(project.diagnostics().await, json!([]));
    project.server.close().await;
}

#[tokio::test]
async fn a_second_review_of_the_same_lines_replaces_the_first() {
    let mut project = reviewed().await;
    project.diagnostics().await;
    let (id, call) = project.start("review", range(0, 0, 2, 0)).await;
    say(call, "No findings.").await;
    project.takes_page().await;
    let result = project.server.answer(id).await.unwrap();
    assert_eq!(result["message"], "Review: nothing found, by ollama (codellama)");
    let left = project.diagnostics().await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["message"], "It fails for an empty list.");
    project.server.close().await;
}

#[tokio::test]
async fn a_line_that_changed_during_the_review_gets_no_finding() {
    let mut project = Project::open(able(), true).await;
    let (id, call) = project.start("review", range(0, 0, 6, 0)).await;
    let uri = project.uri("shapes.py");
    project.server.change(&uri, 2, json!([{ "range": range(1, 4, 1, 10), "text": "yield" }])).await;
    project.server.idle().await;
    say(call, REVIEW).await;
    project.takes_page().await;
    project.server.answer(id).await.unwrap();
    let shown = project.diagnostics().await;
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(shown[0]["range"], range(5, 4, 5, 16));
    project.server.close().await;
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A server whose repository has a staged file `a.py`.
#[expect(clippy::disallowed_methods, reason = "a test is run by a user, with the user's programs")]
async fn with_staged_file(bench: &Bench, capabilities: Value) -> (TestServer, tempfile::TempDir) {
    let mut settings = bench.settings();
    let environment = arawn::config::Environment::of(
        bench.state.path(),
        [("PATH", std::env::var("PATH").unwrap().as_str())],
    );
    settings.environment = std::sync::Arc::new(environment);
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    std::fs::write(folder.path().join("a.py"), "one\n").unwrap();
    git(folder.path(), &["add", "."]);
    let server = TestServer::greeted(crate::setup::options(settings), capabilities).await;
    (server, folder)
}

#[tokio::test]
async fn a_commit_message_is_offered_and_comes_to_the_top() {
    let mut bench = Bench::new().await;
    let (mut server, folder) = with_staged_file(&bench, able()).await;
    let uri = uri(&folder.path().join(".git/COMMIT_EDITMSG"));
    server.open(&uri, "gitcommit", "\n# Please enter\n").await;
    let params = json!({
        "textDocument": { "uri": uri }, "range": range(0, 0, 0, 0), "context": { "diagnostics": [] },
    });
    let offers = server.call("textDocument/codeAction", params).await;
    assert_eq!(offers.as_array().unwrap().len(), 1, "{offers}");
    assert_eq!(offers[0]["title"], "Arawn: Commit message");
    let argument = offers[0]["command"]["arguments"][0].clone();
    server.command("arawn.run", argument).await;
    bench.model.says("Add a file\n\nIt counts.").await;
    let request = server.wait_for("workspace/applyEdit").await;
    let edit = &request["params"]["edit"]["documentChanges"][0]["edits"][0];
    assert_eq!(
        edit,
        &json!({ "range": range(0, 0, 0, 0), "newText": "Add a file\n\nIt counts.\n" })
    );
    server.reply(&request, json!({ "applied": true })).await;
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_commit_message_that_was_cut_stays_out_of_the_document() {
    // It was put there as if it were whole.
    let mut bench = Bench::new().await;
    let (mut server, folder) = with_staged_file(&bench, able()).await;
    let uri = uri(&folder.path().join(".git/COMMIT_EDITMSG"));
    server.open(&uri, "gitcommit", "\n").await;
    let argument = json!({
        "action": "commit", "textDocument": { "uri": uri }, "range": range(0, 0, 0, 0), "wait": true,
    });
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    call.say("Add a file").await;
    call.done_for("length").await;
    let shown = server.wait_for("window/showDocument").await;
    server.reply(&shown, json!({ "success": true })).await;
    let reason =
        "not applied: the answer was cut at the output limit; raise `max_tokens` in your config";
    assert!(server.shown().await.ends_with(reason));
    assert_eq!(server.answer(id).await.unwrap()["status"], "shown");
    server.progress_end().await;
    server.close().await;
}

#[tokio::test]
async fn a_client_that_has_its_own_place_for_the_answer_gets_it_unshown() {
    let mut bench = Bench::new().await;
    let (mut server, folder) = with_staged_file(&bench, able()).await;
    let uri = uri(&folder.path().join("a.py"));
    server.open(&uri, "python", "one\n").await;
    let argument = json!({
        "action": "commit", "textDocument": { "uri": uri }, "range": range(0, 0, 0, 0),
        "wait": true, "show": false,
    });
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says("Add a file\n\nIt counts.").await;
    server.progress_end().await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["status"], "returned");
    assert_eq!(result["text"], "Add a file\n\nIt counts.\n");
    assert_eq!(bench.answers(), Vec::<std::path::PathBuf>::new());
    server.close().await;
}
