//! `arawn run complete` with a model that fills in the middle.

use serde_json::{Value, json};

use crate::home::Home;
use crate::upstream::{Exchange, Upstream, generate_end, generate_line};

const SOURCE: &str = "fn f() -> i32 {\r\n    let a = 1;\r\n    \r\n}\r\n";

async fn answering(script: impl IntoIterator<Item = Exchange>) -> (Upstream, Home) {
    let upstream = Upstream::start(script).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", SOURCE);
    (upstream, home)
}

/// A model that is given the prompt.
async fn answering_in_words(answers: &[&str]) -> (Upstream, Home) {
    let script = answers.iter().map(|answer| Exchange::ollama_text(&[answer]));
    let upstream = Upstream::start(script).await;
    let config = format!(
        "[llm]\nbackend = \"ollama\"\nmodel = \"m\"\n[backends.ollama]\nbase_url = \"{}\"\n\
         [actions.complete]\ninfill = false\n",
        upstream.url()
    );
    let home = Home::new(&config);
    (upstream, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_goes_on_at_the_cursor_with_the_text_itself() {
    let filling = Exchange::generate_text(&["let b = 2;\n    a", " + b\n}", "\n\nfn g() {}"]);
    let (upstream, home) = answering([filling]).await;
    let ran = home.run(&["run", "complete", "a.rs:3:5", "--format", "json"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    let at = json!({"line": 2, "character": 4});
    let text = "let b = 2;\r\n    a + b";
    assert_eq!(result["edits"], json!([{"start": at, "end": at, "new_text": text}]));
    assert_eq!(result["usage"], json!({"input_tokens": 11, "output_tokens": 7}));
    let body = upstream.request(0).await.json();
    assert_eq!(body["prompt"], "fn f() -> i32 {\n    let a = 1;\n    ");
    assert_eq!(body["suffix"], "\n}\n");
    assert!(body.get("messages").is_none());
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_what_to_do_reads_the_prompt() {
    let (upstream, home) = answering([Exchange::ollama_text(&["```rust\na\n```"])]).await;
    let arguments = ["run", "complete", "a.rs:3:5", "--input", "return the sum", "--write"];
    let ran = home.run(&arguments).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE.replace("    \r\n", "    a\r\n"));
    assert_eq!(upstream.request(0).await.path, "/api/chat");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filling_that_cannot_be_used_is_asked_for_once_more_in_words() {
    let endless = Exchange::ndjson().send(generate_line("a; a; a;")).send(generate_end("length"));
    let (upstream, home) = answering([endless, Exchange::ollama_text(&["```rust\na\n```"])]).await;
    let ran = home.run(&["run", "complete", "a.rs:3:5", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE.replace("    \r\n", "    a\r\n"));
    let again = upstream.request(1).await;
    assert_eq!(again.path, "/api/chat");
    assert!(again.json().to_string().contains("the answer is cut off"), "{again:?}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_action_can_be_told_to_use_its_prompt() {
    let (upstream, home) = answering_in_words(&["```rust\na\n```"]).await;
    home.write("work/a.rs", SOURCE);
    let ran = home.run(&["run", "complete", "a.rs:3:5"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(upstream.request(0).await.path, "/api/chat");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_words_goes_on_inside_of_a_name() {
    let answers = ["```rust\n_empty() {\n        return;\n    }\n```", "```js\nOf(x);\n```"];
    let (upstream, home) = answering_in_words(&answers).await;
    home.write("work/a.rs", "fn f(v: &[u8]) {\n    if v.is\n}\n");
    home.write("work/a.js", "const y = 1;\nconst i = arr.index\n");
    for place in ["a.rs:2:12", "a.js:2:20"] {
        let ran = home.run(&["run", "complete", place, "--write"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let expected = "fn f(v: &[u8]) {\n    if v.is_empty() {\n        return;\n    }\n}\n";
    assert_eq!(home.read("work/a.rs"), expected);
    assert_eq!(home.read("work/a.js"), "const y = 1;\nconst i = arr.indexOf(x);\n");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_file_is_not_sent_as_a_gap_either() {
    let (upstream, home) = answering([]).await;
    home.write("work/.gitignore", "a.rs\n");
    let ran = home.run(&["run", "complete", "a.rs:3:5"]).await;
    assert_eq!(ran.code, 6, "{ran:?}");
    upstream.finish();
}
