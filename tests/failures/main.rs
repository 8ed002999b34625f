//! All classes of failures, with all providers, on all fronts: the user reads the same everywhere.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/failures.rs"]
mod failures;
#[path = "../support/test_server.rs"]
#[allow(dead_code, reason = "each test target uses its own part of this file")]
mod test_server;
#[path = "../support/upstream.rs"]
mod upstream;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arawn::assistant::Assistant;
use arawn::config::{self, Environment, LoadInputs, Settings};
use arawn::http;
use arawn::lsp::{Limits, Loaded, ServeOptions};
use arawn::router::Choice;
use failures::{CANARY, Case, Served, Who, cases};
use futures_util::StreamExt;
use serde_json::{Value, json};
use test_server::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Programs that run at once: more make the clocks of the slow ones run out.
const AT_ONCE: usize = 6;

/// What a run of the program left.
struct Ran {
    stdout: String,
    stderr: String,
    code: i32,
}

/// Runs the built program with the configuration of a case.
async fn run(case: &Case, served: &Served, arguments: &[&str]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("arawn.toml");
    std::fs::write(&config, case.config(served)).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_arawn"));
    command
        .args(arguments)
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("XDG_STATE_HOME", home.path())
        .env("ARAWN_CONFIG", &config)
        .env("CANARY_KEY", CANARY)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let ran = Ran {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    };
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(CANARY) && !text.contains("panicked"), "{}: {text}", case.name());
    }
    ran
}

/// Checks all cases, several at once.
async fn check_all<F: Future<Output = ()>>(check: impl Fn(Case) -> F) {
    futures_util::stream::iter(cases().into_iter().map(check))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}

#[test]
fn the_table_has_every_class_and_every_provider() {
    let classes: BTreeSet<&str> = cases().iter().map(|case| case.class).collect();
    assert_eq!(classes.len(), 16, "{classes:?}");
    for who in Who::ALL {
        assert!(cases().iter().filter(|case| case.who == who).count() >= 11, "{who:?}");
    }
}

#[tokio::test]
async fn the_command_line_says_it_in_text() {
    check_all(|case| async move {
        let served = case.serve().await;
        let ran = run(&case, &served, &["ask", "hello"]).await;
        let name = case.name();
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines[0], format!("Error: {}", case.message(&served)), "{name}");
        assert!(
            lines[1].starts_with("Cause: ") && lines[1].contains(case.cause),
            "{name}: {lines:?}"
        );
        let mut want: Vec<String> =
            case.checks.iter().map(|check| format!("Hint: Check: {check}")).collect();
        want.push(format!("Hint: {}", case.hint(&served)));
        assert_eq!(lines[2..], want, "{name}");
        assert_eq!(ran.code, case.exit_code, "{name}");
        assert_eq!(ran.stdout.trim_end(), case.partial_text, "{name}");
    })
    .await;
}

#[tokio::test]
async fn the_command_line_says_it_in_json() {
    check_all(|case| async move {
        let served = case.serve().await;
        let ran = run(&case, &served, &["ask", "--format", "json", "hello"]).await;
        let name = case.name();
        let object: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            (&object["outcome"], &object["text"]),
            (&json!("failed"), &json!(case.partial_text)),
            "{name}"
        );
        let error = &object["error"];
        assert_eq!(error["class"], case.class, "{name}: {error}");
        assert_eq!(error["message"], case.message(&served), "{name}");
        assert_eq!(error["hint"], case.hint(&served), "{name}");
        assert!(error["causes"][0].as_str().unwrap().contains(case.cause), "{name}: {error}");
        assert_eq!((ran.code, ran.stderr.as_str()), (case.exit_code, ""), "{name}");
    })
    .await;
}

/// The configuration of a case, loaded in a home of its own.
fn settings(home: &Path, case: &Case, served: &Served) -> Settings {
    let config = home.join("arawn.toml");
    std::fs::write(&config, case.config(served)).unwrap();
    let environment = Environment::of(home, [("CANARY_KEY", CANARY)]);
    let inputs = LoadInputs {
        environment: Arc::new(environment),
        explicit_file: Some(config),
        ..LoadInputs::default()
    };
    config::load(&inputs).unwrap().settings
}

/// The language server with the configuration of a case.
async fn server(home: &Path, case: &Case, served: &Served) -> TestServer {
    let settings = settings(home, case, served);
    let options = ServeOptions {
        loader: Arc::new(move |_| {
            Ok(Loaded { settings: settings.clone(), warnings: Vec::new(), files: Vec::new() })
        }),
        watch: None,
        limits: Limits {
            client_answer: Duration::from_secs(5),
            parent_check: Duration::from_millis(10),
        },
    };
    let capabilities =
        json!({ "textDocument": { "codeAction": { "codeActionLiteralSupport": {} } } });
    TestServer::greeted(options, capabilities).await
}

#[tokio::test]
async fn the_language_server_says_it_to_the_caller_and_to_the_user() {
    check_all(|case| async move {
        let name = case.name();
        let home = tempfile::tempdir().unwrap();
        let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 4 } });
        let argument = |wait: bool| {
            json!({ "action": "explain", "textDocument": { "uri": "untitled:a" }, "range": range, "wait": wait })
        };
        // Who waits for the result reads it there.
        let served = case.serve().await;
        let mut editor = server(home.path(), &case, &served).await;
        editor.open("untitled:a", "rust", "fn f\n").await;
        let result = editor.command("arawn.run", argument(true)).await;
        let error = &result["error"];
        assert_eq!((&result["status"], &error["class"]), (&json!("failed"), &json!(case.class)), "{name}: {result}");
        assert_eq!(error["message"], case.message(&served), "{name}");
        assert_eq!(error["hint"], case.hint(&served), "{name}");
        assert!(!result.to_string().contains(CANARY), "{name}");
        editor.close().await;
        // Who does not is shown one sentence with the next step.
        let served = case.serve().await;
        let mut editor = server(home.path(), &case, &served).await;
        editor.open("untitled:a", "rust", "fn f\n").await;
        editor.command("arawn.run", argument(false)).await;
        let shown = editor.shown().await;
        let (message, hint) = (case.message(&served), case.hint(&served));
        assert!(shown.starts_with(&format!("Arawn: Explain failed: {message} (")), "{name}: {shown}");
        assert!(shown.contains(case.cause) && shown.ends_with(&hint), "{name}: {shown}");
        assert!(!shown.contains('\n') && !shown.contains(CANARY), "{name}: {shown}");
        editor.close().await;
    })
    .await;
}

/// Asks the HTTP API: status and body of its answer.
async fn post(port: u16, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "POST /api/v1/chat HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap())
}

#[tokio::test]
async fn the_http_api_says_it_with_a_status() {
    check_all(|case| async move {
        let name = case.name();
        let home = tempfile::tempdir().unwrap();
        let served = case.serve().await;
        let assistant = Assistant::new(settings(home.path(), &case, &served));
        let listener = http::listen(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let api = http::Server::new(assistant, Choice::default(), None);
        let never = std::future::pending();
        let question = json!({"message": "hello"});
        let (status, answer) = tokio::select! {
            answer = post(port, &question) => answer,
            ended = api.serve(listener, never) => panic!("{name}: {ended:?}"),
        };
        let error = &answer["error"];
        assert_eq!(
            (status, &error["class"]),
            (case.http_status, &json!(case.class)),
            "{name}: {answer}"
        );
        assert_eq!(error["message"], case.message(&served), "{name}");
        assert_eq!(error["hint"], case.hint(&served), "{name}");
        assert!(error["causes"][0].as_str().unwrap().contains(case.cause), "{name}: {error}");
        assert!(!answer.to_string().contains(CANARY), "{name}");
    })
    .await;
}
