//! How a session begins and ends.

use arawn::lsp::ExitStatus;
use serde_json::{Value, json};

use crate::setup::{Bench, able, bare};
use crate::test_server::TestServer;

#[tokio::test]
async fn the_server_announces_what_it_has_and_nothing_else() {
    let bench = Bench::new().await;
    let server = bench.server(able()).await;
    let mut announced: Vec<&String> = server.capabilities.as_object().unwrap().keys().collect();
    announced.sort();
    assert_eq!(
        announced,
        [
            "codeActionProvider",
            "executeCommandProvider",
            "experimental",
            "positionEncoding",
            "textDocumentSync",
            "workspace"
        ]
    );
    assert_eq!(
        server.capabilities["executeCommandProvider"]["commands"],
        json!([
            "arawn.run",
            "arawn.chat",
            "arawn.cancel",
            "arawn.proposal",
            "arawn.backend",
            "arawn.status",
            "arawn.lastRequest"
        ])
    );
    assert_eq!(server.capabilities["textDocumentSync"]["change"], 2);
    server.close().await;
}

#[tokio::test]
async fn the_encoding_is_utf_8_where_offered_else_utf_16() {
    let bench = Bench::new().await;
    for (offered, taken) in [
        (json!(["utf-32", "utf-8", "utf-16"]), "utf-8"),
        (json!(["utf-16"]), "utf-16"),
        (json!(["utf-32"]), "utf-32"),
        (Value::Null, "utf-16"),
    ] {
        let capabilities = json!({ "general": { "positionEncodings": offered } });
        let server = bench.server(capabilities).await;
        assert_eq!(server.capabilities["positionEncoding"], taken);
        server.close().await;
    }
}

#[tokio::test]
async fn a_client_with_values_newer_than_our_types_is_greeted() {
    let bench = Bench::new().await;
    let params = json!({
        "processId": null,
        "rootUri": "not a uri",
        "trace": "compact",
        "capabilities": {
            "workspace": { "workspaceEdit": { "failureHandling": "brand-new", "resourceOperations": ["teleport"] } },
            "textDocument": { "hover": { "contentFormat": ["html"] } },
        },
    });
    TestServer::greeted_with(bench.options(), params).await.close().await;
}

#[tokio::test]
async fn shutdown_without_params_or_with_null_or_with_two_headers_is_understood() {
    let bench = Bench::new().await;
    // `close` sends `"params": null`.
    bench.server(bare()).await.close().await;

    let mut server = bench.server(bare()).await;
    let body = r#"{"jsonrpc":"2.0","id":77,"method":"shutdown"}"#;
    let length = body.len();
    let kind = "application/vscode-jsonrpc; charset=utf-8";
    server
        .write(format!("Content-Length: {length}\r\nContent-Type: {kind}\r\n\r\n{body}").as_bytes())
        .await;
    assert_eq!(server.answer(77).await, Ok(Value::Null));
    server.notify("exit", Value::Null).await;
    assert_eq!(server.ended().await, ExitStatus::Clean);
}

#[tokio::test]
async fn exit_ends_the_server_while_the_client_keeps_the_pipe_open() {
    let bench = Bench::new().await;
    let mut server = bench.server(bare()).await;
    server.notify("exit", Value::Null).await;
    assert_eq!(server.ended().await, ExitStatus::Abrupt);
}

#[tokio::test]
async fn shutdown_and_exit_back_to_back_answer_the_shutdown() {
    let bench = Bench::new().await;
    let mut server = bench.server(bare()).await;
    let id = server.request("shutdown", Value::Null).await;
    server.notify("exit", Value::Null).await;
    assert_eq!(server.answer(id).await, Ok(Value::Null));
    assert_eq!(server.ended().await, ExitStatus::Clean);
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_server_and_its_jobs() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(crate::setup::URI, "rust", "fn f() {}\n").await;
    let mut argument = crate::setup::run("refactor", crate::setup::range(0, 0, 0, 9));
    argument["wait"] = json!(true);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    server.request("workspace/executeCommand", params).await;
    let call = bench.model.call().await;
    server.hang_up();
    call.closed().await;
    assert_eq!(server.ended().await, ExitStatus::Abrupt);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_death_of_the_editor_ends_the_server() {
    let bench = Bench::new().await;
    let mut editor = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let params = json!({ "processId": editor.id(), "rootUri": null, "capabilities": {} });
    let mut server = TestServer::greeted_with(bench.options(), params).await;
    server.idle().await;
    editor.kill().unwrap();
    editor.wait().unwrap();
    assert_eq!(server.ended().await, ExitStatus::Abrupt);
}

#[tokio::test]
async fn requests_before_initialize_and_after_shutdown_are_refused() {
    let bench = Bench::new().await;
    let mut server = TestServer::start(bench.options());
    let id = server.request("codeAction/resolve", json!({ "title": "x" })).await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32002);
    server.call("initialize", json!({ "capabilities": {} })).await;
    let id = server.request("initialize", json!({ "capabilities": {} })).await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32600);
    server.call("shutdown", Value::Null).await;
    let id = server.request("codeAction/resolve", json!({ "title": "x" })).await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32600);
    server.notify("exit", Value::Null).await;
    assert_eq!(server.ended().await, ExitStatus::Clean);
}

#[tokio::test]
async fn unknown_methods_and_broken_json_leave_the_server_working() {
    let bench = Bench::new().await;
    let mut server = bench.server(bare()).await;
    server.notify("textDocument/didFocus", json!({ "uri": "file:///x" })).await;
    server.notify("$/setTrace", json!({ "value": "off" })).await;
    let id = server.request("textDocument/hover", json!({})).await;
    assert!(server.answer(id).await.is_err());
    server.write(b"Content-Length: 3\r\n\r\n{x}").await;
    server.idle().await;
    server.close().await;
}
