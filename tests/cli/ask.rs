//! `arawn ask`.

use serde_json::{Value, json};

use crate::home::Home;
use crate::upstream::{Exchange, Signal, Upstream, ollama_end, ollama_line};

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_alone_is_on_stdout() {
    let upstream = Upstream::start([Exchange::ollama_text(&["Hel", "lo ", "wörld"])]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["ask", "say", "hello"]).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.code), ("Hello wörld\n", "", 0));
    let body = upstream.request(0).await.json();
    assert_eq!(body["messages"][0]["content"], "say hello");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_piped_in_is_added_to_the_question() {
    let upstream = Upstream::start([Exchange::ollama_text(&["ok"])]).await;
    let home = Home::with_ollama(&upstream.url());
    home.run_with_stdin(&["ask", "what is this?"], Some("fn main() {}\n")).await;
    let body = upstream.request(0).await.json();
    assert_eq!(body["messages"][0]["content"], "what is this?\n\nfn main() {}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_flag_stands_before_or_after_the_command() {
    let upstream =
        Upstream::start([Exchange::openai_text(&["one"]), Exchange::openai_text(&["two"])]).await;
    let home = Home::new(&format!(
        "[backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"w\"\n",
        upstream.url()
    ));
    assert_eq!(home.run(&["--backend", "work", "ask", "x"]).await.stdout, "one\n");
    assert_eq!(home.run(&["ask", "x", "--backend", "work"]).await.stdout, "two\n");
    assert_eq!(upstream.request(1).await.json()["model"], "w");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_is_followed_by_the_next_and_both_are_named() {
    let upstream = Upstream::start([Exchange::openai_text(&["from the second"])]).await;
    let home = Home::new(&format!(
        "[llm]\nbackend = \"ollama\"\nfallback = [\"work\"]\n[backends.ollama]\nbase_url = \"http://127.0.0.1:9\"\nmodel = \"m\"\n\
         [backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"w\"\n",
        upstream.url()
    ));
    let ran = home.run(&["ask", "--format", "json", "x"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["outcome"], "done");
    assert_eq!(result["backend"], "work");
    assert_eq!(result["fell_back"][0]["backend"], "ollama");
    assert_eq!(result["fell_back"][0]["class"], "connect");
    assert_eq!(result["usage"], json!({"input_tokens": 11, "output_tokens": 7}));
    assert_eq!(ran.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_two_backends_is_never_glued() {
    let first =
        Upstream::start([Exchange::ndjson().send(ollama_line("the first half")).reset()]).await;
    let second = Upstream::start([Exchange::openai_text(&["a whole answer"])]).await;
    let home = Home::new(&format!(
        "[llm]\nbackend = \"ollama\"\nfallback = [\"work\"]\n[backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\n\
         [backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"w\"\n",
        first.url(),
        second.url()
    ));
    let ran = home.run(&["ask", "x"]).await;
    assert_eq!(
        ran.stdout,
        "the first half\n\n[the answer above broke off; restarted on the next backend]\n\na whole answer\n"
    );
    assert_eq!(ran.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_reads_as_documented() {
    let home = Home::with_ollama("http://127.0.0.1:9");
    let ran = home.run(&["ask", "x"]).await;
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines[0], "Error: Cannot connect to Ollama at http://127.0.0.1:9");
    assert!(lines.contains(&"Hint: Check: Ollama is running: `ollama list`"), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("Hint: start it with `ollama serve`"), "{lines:?}");
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_in_json_have_class_message_and_hint() {
    let upstream = Upstream::start([Exchange::json(
        "404 Not Found",
        r#"{"error":"model \"m\" not found, try pulling it first"}"#,
    )])
    .await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["ask", "--format", "json", "x"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["outcome"], "failed");
    assert_eq!(result["error"]["class"], "model_not_available");
    assert_eq!(result["error"]["message"], "Model \"m\" not available");
    assert_eq!(result["error"]["hint"], "`ollama pull m`");
    assert_eq!(result["error"]["status"], 404);
    assert_eq!(ran.code, 5);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_closes_the_socket_and_exits_with_130() {
    let upstream =
        Upstream::start([Exchange::ndjson().send(ollama_line("half")).wait(&Signal::default())])
            .await;
    let home = Home::with_ollama(&upstream.url());
    let child = home.command(&["ask", "x"]).spawn().unwrap();
    upstream.request(0).await;
    let interrupted =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    upstream.closed(0).await;
    let output =
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_cut_at_the_output_limit_says_so_on_stderr() {
    // `run explain` took it for whole.
    let cut = || {
        let end = ollama_end().replace("\"stop\"", "\"length\"");
        Exchange::ndjson().send(ollama_line("It does")).send(end)
    };
    let upstream = Upstream::start([cut(), cut(), cut(), cut()]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", "fn f() {}\n");
    let told = "the answer was cut at the output limit; raise `max_tokens` in your config";
    let asked = home.run(&["ask", "why?"]).await;
    assert_eq!((asked.code, asked.stdout.as_str()), (0, "It does\n"), "{asked:?}");
    assert_eq!(asked.stderr, format!("note: {told}\n"));
    let explained = home.run(&["run", "explain", "a.rs"]).await;
    assert_eq!((explained.code, explained.stdout.as_str()), (0, "It does"), "{explained:?}");
    assert_eq!(explained.stderr, format!("note: {told}\nanswered by ollama (m)\n"));
    for arguments in [&["ask", "why?"][..], &["run", "explain", "a.rs"]] {
        let ran = home.run(&[arguments, &["--format", "json"]].concat()).await;
        let object: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&object["outcome"], &object["reason"]), (&"done".into(), &"length".into()));
        assert_eq!(object["remarks"], json!([told]), "{arguments:?}");
    }
    upstream.finish();
}
