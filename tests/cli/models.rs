//! `arawn models` and `arawn models pull`.

use serde_json::Value;

use crate::home::Home;
use crate::upstream::{Exchange, Signal, Upstream};

#[tokio::test(flavor = "multi_thread")]
async fn what_each_model_can_do_is_listed() {
    let upstream = Upstream::start([]).await;
    upstream.route("/api/ps", "200 OK", r#"{"models":[{"name":"m:latest"}]}"#);
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["models"]).await;
    assert_eq!(
        ran.stdout,
        "ollama  m:latest    16384 tokens  completion, tools, insert (FIM), loaded\n"
    );
    let ran = home.run(&["models", "--json"]).await;
    let model: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(model["loaded"], true);
    assert_eq!(
        (&model["vision"], &model["tools"], &model["fim"]),
        (&false.into(), &true.into(), &true.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_model_is_marked_and_unknown_abilities_stay_unknown() {
    let upstream = Upstream::start([]).await;
    let list = r#"{"data":[{"id":"old","active":false,"context_window":32768},{"id":"new","active":true}]}"#;
    upstream.route("/v1/models", "200 OK", list);
    let home = Home::new(&format!(
        "[llm]\nbackend = \"work\"\n[backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"new\"\n",
        upstream.url()
    ));
    let ran = home.run(&["models"]).await;
    assert_eq!(ran.stdout, "work  old    32768 tokens  retired\nwork  new\n", "{ran:?}");
    let ran = home.run(&["models", "--json"]).await;
    let model: Value = serde_json::from_str(ran.stdout.lines().nth(1).unwrap()).unwrap();
    assert_eq!(model["vision"], Value::Null);
}

fn pull() -> Exchange {
    Exchange::ndjson().send("{\"status\":\"pulling manifest\"}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_tells_its_steps_and_each_tenth_once() {
    let part = |completed: u64| {
        format!(
            "{{\"status\":\"pulling ab\",\"digest\":\"sha256:abcdef\",\"total\":90000000,\"completed\":{completed}}}\n"
        )
    };
    let exchange = pull()
        .send("{\"status\":\"pulling ab\",\"digest\":\"sha256:abcdef\",\"total\":90000000}\n")
        .send(part(1_000_000))
        .send(part(45_000_000) + &part(90_000_000))
        .send("{\"status\":\"verifying sha256 digest\"}\n{\"status\":\"success\"}");
    let upstream = Upstream::start([exchange]).await;
    let ran = Home::with_ollama(&upstream.url()).run(&["models", "pull", "llava:7b"]).await;
    assert_eq!(ran.stdout, "llava:7b is ready on backend \"ollama\"\n");
    assert_eq!(
        ran.stderr,
        "pulling manifest\nabcdef: 0 % of 90 MB\nabcdef: 50 % of 90 MB\nabcdef: 100 % of 90 MB\n\
         verifying sha256 digest\n"
    );
    let request = upstream.request(0).await;
    assert_eq!(request.path, "/api/pull");
    assert_eq!(request.json(), serde_json::json!({"model": "llava:7b", "stream": true}));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_of_a_pull_fails_it() {
    let error = "{\"error\":\"pull model manifest: file does not exist\"}\n";
    let upstream = Upstream::start([pull().send(error), pull().send(error)]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["models", "pull", "nope"]).await;
    assert!(ran.stderr.contains("Error: Model \"nope\" not available\n"), "{ran:?}");
    assert!(!ran.stderr.contains("ollama pull"), "no advice to do the same again: {ran:?}");
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 5));

    let ran = home.run(&["models", "pull", "nope", "--json"]).await;
    let lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["status"], "pulling manifest");
    assert_eq!(lines[1]["error"]["class"], "model_not_available");
    assert_eq!(ran.code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_without_success_is_no_success_and_can_go_on() {
    let upstream = Upstream::start([pull()]).await;
    let ran = Home::with_ollama(&upstream.url()).run(&["models", "pull", "m"]).await;
    assert!(
        ran.stderr.ends_with("Hint: run the command again: it goes on where this one stopped\n"),
        "{ran:?}"
    );
    assert_eq!(ran.code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_ollama_is_asked_to_fetch_models() {
    let ran = Home::new("").run(&["models", "pull", "m", "--backend", "work"]).await;
    assert_eq!(ran.stderr.lines().next(), Some("Error: unknown backend \"work\""));
    let home =
        Home::new("[backends.work]\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\n");
    let ran = home.run(&["models", "pull", "m", "--backend", "work"]).await;
    assert!(ran.stderr.contains("only Ollama fetches models"), "{ran:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_a_pull_at_the_server_too() {
    let upstream = Upstream::start([pull().wait(&Signal::default())]).await;
    let home = Home::with_ollama(&upstream.url());
    let child = home.command(&["models", "pull", "m"]).spawn().unwrap();
    upstream.request(0).await;
    let interrupted =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    upstream.closed(0).await;
    let output =
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8(output.stderr).unwrap().contains("goes on where this one stopped"));
}
