//! Start, reload and end of the server.

use std::time::Duration;

use serde_json::json;

use crate::serve::{CANARY, Serve, command, config};
use crate::upstream::{Exchange, Upstream, openai_chunk};

/// Runs `arawn serve` where it cannot start; code and stderr.
async fn refused(config: &str, arguments: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&folder, config, &[&["serve"], arguments].concat());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains(CANARY) && output.stdout.is_empty(), "{stderr}");
    (output.status.code().unwrap(), stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_an_error_with_the_way_out() {
    let serve = Serve::start("").await;
    let port = serve.port.to_string();
    let (code, stderr) = refused("", &["--port", &port]).await;
    assert_eq!(code, 1);
    assert!(stderr.starts_with(&format!("Error: cannot listen on 127.0.0.1:{port}\n")), "{stderr}");
    assert!(stderr.contains("choose another with `--port`"), "{stderr}");
    let in_config = format!("[server]\nport = {port}\n");
    assert_eq!(refused(&in_config, &[]).await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_without_the_token_that_is_asked_for() {
    let (code, stderr) = refused("[server]\ntoken = \"$env:ABSENT\"\n", &["--port", "0"]).await;
    assert_eq!(code, 4);
    assert!(stderr.starts_with("Error: Environment variable \"ABSENT\" not set\n"), "{stderr}");
    for token in ["5", "\"$vault:x\""] {
        let (code, stderr) =
            refused(&format!("[server]\ntoken = {token}\n"), &["--port", "0"]).await;
        assert_eq!(code, 3, "{stderr}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_answers_with_a_word_and_the_server_with_130() {
    let upstream = Upstream::start([Exchange::sse().send(openai_chunk("half")).stall()]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let mut events = serve.stream(&json!({"message": "x"})).await;
    events.session().await;
    assert_eq!(events.text().await, "half");
    serve.signal("-INT");
    let (event, data) = events.next().await.unwrap();
    assert_eq!((event.as_str(), &data["error"]["code"]), ("error", &json!("shutting_down")));
    upstream.closed(0).await;
    assert_eq!(serve.end_with("-INT").await, 130);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_ends_it_with_0() {
    assert_eq!(Serve::start("").await.end_with("-TERM").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_config_takes_effect_and_sessions_stay() {
    let first = Upstream::start([Exchange::openai_text(&["one"])]).await;
    let second = Upstream::start([Exchange::openai_text(&["two"])]).await;
    let serve = Serve::start(&config(&[("first", &first.url())])).await;
    let id = serve.chat(&json!({"message": "a"})).await.json()["session_id"].clone();

    serve.write_config("[llm\n");
    until(async || serve.stderr().contains("what was in force stays")).await;
    assert_eq!(serve.get("/api/v1/sessions").await.status, 200);

    let token = "[server]\ntoken = \"$env:CANARY_KEY\"\n";
    serve.write_config(&format!("{token}{}", config(&[("second", &second.url())])));
    until(async || serve.get("/api/v1/sessions").await.status == 401).await;
    let headers = format!("Authorization: Bearer {CANARY}\r\nContent-Type: application/json\r\n");
    let body = json!({"message": "b", "session_id": id}).to_string();
    let answer = serve.request("POST", "/api/v1/chat", &headers, &body).await.answer().await.json();
    assert_eq!((&answer["backend"], &answer["session_id"]), (&json!("second"), &id));
    assert_eq!(second.request(0).await.json()["messages"].as_array().unwrap().len(), 4);
}

/// Asks again until it is so.
async fn until(condition: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come to be within 10 s");
}
