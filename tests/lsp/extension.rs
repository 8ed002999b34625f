//! Our own notifications, for clients that announce them and no others.

use serde_json::{Value, json};

use crate::setup::{Bench, URI, able, range, run};

fn extended() -> Value {
    let mut capabilities = able();
    capabilities["window"] = json!({});
    capabilities["experimental"] = json!({ "arawn": { "version": 1 } });
    capabilities
}

#[tokio::test]
async fn an_answer_is_streamed_in_order_and_whole() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(extended()).await;
    server.wait_for("arawn/status").await;
    server.open(URI, "rust", "fn f() {}\n").await;
    let started = server.command("arawn.run", run("explain", range(0, 0, 0, 9))).await;
    assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], "busy");
    let begin = server.wait_for("arawn/stream").await;
    assert_eq!(begin["params"]["kind"], "begin");
    assert_eq!(begin["params"]["jobId"], started["jobId"]);
    assert_eq!(begin["params"]["uri"], URI);
    assert_eq!(begin["params"]["range"], range(0, 0, 0, 9));
    let mut call = bench.model.call().await;
    call.say("It does ").await;
    let first = server.wait_for("arawn/stream").await;
    assert_eq!(first["params"]["text"], "It does ");
    assert_eq!(first["params"]["backend"], "ollama");
    assert_eq!(first["params"]["model"], "codellama");
    for piece in ["nothing", " at", " all.", "\u{1b}[2J"] {
        call.say(piece).await;
    }
    call.done().await;
    let (mut text, mut seq) = (String::new(), first["params"]["seq"].as_u64().unwrap());
    loop {
        let params = server.wait_for("arawn/stream").await["params"].take();
        seq += 1;
        assert_eq!(params["seq"], seq);
        match params["kind"].as_str().unwrap() {
            "text" => text.push_str(params["text"].as_str().unwrap()),
            kind => {
                assert_eq!(kind, "end");
                break;
            }
        }
    }
    assert_eq!(text, "nothing at all.␛[2J");
    assert_eq!(server.shown().await.lines().next(), Some("Arawn: It does nothing at all.␛[2J"));
    assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], "ok");
    server.close().await;
}

#[tokio::test]
async fn a_cancelled_job_ends_its_stream() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(extended()).await;
    server.open(URI, "rust", "fn f() {}\n").await;
    server.command("arawn.run", run("explain", range(0, 0, 0, 9))).await;
    let call = bench.model.call().await;
    server.command("arawn.cancel", Value::Null).await;
    call.closed().await;
    let kinds = ["begin", "error"];
    for kind in kinds {
        assert_eq!(server.wait_for("arawn/stream").await["params"]["kind"], kind);
    }
    for kind in ["ok", "busy", "ok"] {
        assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], kind);
    }
    server.close().await;
}
