//! Three ways to stop a job, all at once; and what must survive them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::setup::{Bench, URI, able, range, run};

const CODE: &str = "fn f() {}\n";

fn waiting(mut argument: Value) -> Value {
    argument["wait"] = json!(true);
    json!({ "command": "arawn.run", "arguments": [argument] })
}

#[tokio::test]
async fn cancelling_the_request_closes_the_socket() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let params = waiting(run("refactor", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    call.say("fn").await;
    server.notify("$/cancelRequest", json!({ "id": id })).await;
    call.closed().await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32800);
    assert_eq!(server.progress_end().await, "Refactor: cancelled");
    server.close().await;
}

#[tokio::test]
async fn cancelling_the_progress_closes_the_socket() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let started = server.command("arawn.run", run("refactor", range(0, 0, 0, 9))).await;
    let call = bench.model.call().await;
    let token = format!("arawn/{}", started["jobId"].as_str().unwrap());
    server.notify("window/workDoneProgress/cancel", json!({ "token": token })).await;
    call.closed().await;
    assert_eq!(server.progress_end().await, "Refactor: cancelled");
    server.close().await;
}

#[tokio::test]
async fn the_cancel_command_stops_one_job_or_all() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let params = waiting(run("refactor", range(0, 0, 0, 9)));
    let first = server.request("workspace/executeCommand", params.clone()).await;
    let first_call = bench.model.call().await;
    let second = server.request("workspace/executeCommand", params).await;
    let second_call = bench.model.call().await;
    let cancelled = server.command("arawn.cancel", json!({ "jobId": "job-1" })).await;
    assert_eq!(cancelled, json!({ "cancelled": 1 }));
    first_call.closed().await;
    assert_eq!(server.answer(first).await.unwrap()["status"], "cancelled");
    assert_eq!(server.command("arawn.cancel", Value::Null).await, json!({ "cancelled": 1 }));
    second_call.closed().await;
    assert_eq!(server.answer(second).await.unwrap()["status"], "cancelled");
    let late = server.command("arawn.cancel", json!({ "jobId": "job-1" })).await;
    assert_eq!(late, json!({ "cancelled": 0 }));
    assert!(server.refusal("arawn.cancel", json!({ "jobId": "x" })).await.contains("\"x\""));
    server.close().await;
}

#[tokio::test]
async fn a_hundred_open_jobs_hold_up_nothing_and_end_at_once() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let mut requests = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..100 {
        let params = waiting(run("refactor", range(0, 0, 0, 9)));
        requests.push(server.request("workspace/executeCommand", params).await);
        calls.push(bench.model.call().await);
    }
    let since = Instant::now();
    server.change(URI, 2, json!([{ "range": range(0, 0, 0, 0), "text": "//\n" }])).await;
    server.idle().await;
    assert!(since.elapsed() < Duration::from_secs(2), "typing waited for the jobs");
    for id in &requests {
        server.notify("$/cancelRequest", json!({ "id": id })).await;
    }
    for call in calls {
        call.closed().await;
    }
    for id in requests {
        assert_eq!(server.answer(id).await.unwrap_err()["code"], -32800);
    }
    server.close().await;
}

#[tokio::test]
async fn an_answer_of_the_client_that_comes_after_the_cancel_does_no_harm() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    let params = waiting(run("refactor", range(0, 0, 0, 9)));
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says("```rust\nfn f() { g() }\n```").await;
    let edit = server.wait_for("workspace/applyEdit").await;
    server.notify("$/cancelRequest", json!({ "id": id })).await;
    assert_eq!(server.answer(id).await.unwrap_err()["code"], -32800);
    server.reply(&edit, json!({ "applied": true })).await;
    // The edit was on its way, and the client has it: that is what is said.
    assert_eq!(server.progress_end().await, "Refactor: applied, by ollama (codellama)");
    server.idle().await;
    server.close().await;
}

#[tokio::test]
async fn shutdown_stops_all_jobs() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("refactor", range(0, 0, 0, 9))).await;
    let call = bench.model.call().await;
    server.close().await;
    call.closed().await;
}
