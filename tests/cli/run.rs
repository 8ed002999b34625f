//! `arawn run`: the main job without an editor.

use serde_json::{Value, json};

use crate::home::Home;
use crate::upstream::{Exchange, Upstream};

const SOURCE: &str = "fn f() {\r\n    let x=1;\r\n}\r\n";

async fn answering(answer: &str) -> (Upstream, Home) {
    let upstream = Upstream::start([Exchange::ollama_text(&[answer])]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", SOURCE);
    (upstream, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_printed_as_a_diff_and_the_file_stays() {
    let (upstream, home) = answering("```rust\nlet x = 1;\n```").await;
    let ran = home.run(&["run", "simplify", "a.rs:2"]).await;
    assert_eq!(
        ran.stdout,
        "--- a/a.rs\n+++ b/a.rs\n@@ -1,3 +1,3 @@\n fn f() {\r\n-    let x=1;\r\n+    let x = 1;\r\n }\r\n"
    );
    assert_eq!(ran.stderr, "answered by ollama (m); `--write` applies it\n");
    assert_eq!(home.read("work/a.rs"), SOURCE);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn write_applies_the_edit_and_nothing_else_changes() {
    let (_upstream, home) = answering("```rust\nlet x = 1;\n```").await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), "fn f() {\r\n    let x = 1;\r\n}\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_edits_in_utf16_and_the_diff() {
    let upstream =
        Upstream::start([Exchange::ollama_text(&["```\nlet s = \"😀\"; // two\n```"])]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", "let s = \"😀\"; // one\n");
    let ran = home.run(&["run", "edit", "a.rs:1", "--input", "count", "--format", "json"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["status"], "proposed");
    assert_eq!(result["outcome"], "done");
    let edits = result["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 1, "{edits:?}");
    assert_eq!(edits[0]["start"]["line"], 0);
    let (start, end) = (&edits[0]["start"]["character"], &edits[0]["end"]["character"]);
    assert!(start.as_u64().unwrap() >= 17 && end.as_u64().unwrap() <= 20, "{edits:?}");
    assert!(result["diff"].as_str().unwrap().contains("+let s = \"😀\"; // two\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stdin_is_a_filter_with_format_text() {
    let upstream = Upstream::start([Exchange::ollama_text(&["```python\nx = 1\n```"])]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home
        .run_with_stdin(
            &["run", "simplify", "-", "--language", "python", "--format", "text"],
            Some("x=1\n"),
        )
        .await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("x = 1\n", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_applied_is_shown_and_nothing_is_written() {
    let (_upstream, home) = answering("I'm sorry, but I can't help with that.").await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write"]).await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 1));
    assert!(ran.stderr.contains("was not applied"), "{ran:?}");
    assert!(ran.stderr.contains("I can't help"), "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_diagnostic_reaches_the_model() {
    let (upstream, home) = answering("```rust\nlet x = 1;\n```").await;
    home.run(&["run", "fix", "a.rs:2", "--diagnostic", "unused variable: `x`"]).await;
    let sent = String::from_utf8(upstream.request(0).await.body).unwrap();
    assert!(sent.contains("unused variable"), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ai_comment_is_the_instruction_and_goes_with_the_edit() {
    let upstream =
        Upstream::start([Exchange::ollama_text(&["```rust\nlet total = 1;\n```"])]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", "fn f() {\n    // ai: call it total\n    let x = 1;\n}\n");
    let ran = home.run(&["run", "edit", "a.rs:3", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), "fn f() {\n    let total = 1;\n}\n");
    let sent = upstream.request(0).await.json().to_string();
    assert!(sent.contains("call it total"), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_prints_the_answer() {
    let (_upstream, home) = answering("It sets **x**.").await;
    let ran = home.run(&["run", "explain", "a.rs:2"]).await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("It sets **x**.", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_ones_own_is_listed_and_runs() {
    let (upstream, home) = answering("```rust\nLET X=1;\n```").await;
    home.write(
        "config/arawn/actions/shout.md",
        "---\ntitle = \"Shout\"\ntask = \"edit\"\noutput = \"replace\"\n---\nShout this:\n{{ selection }}\n",
    );
    let listed = home.run(&["actions"]).await;
    assert!(listed.stdout.lines().any(|line| line.starts_with("shout")), "{listed:?}");
    let ran = home.run(&["run", "shout", "a.rs:2", "--format", "json"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["fell_back"], json!([]));
    assert!(upstream.request(0).await.json().to_string().contains("Shout this:"));
}
