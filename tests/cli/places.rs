//! `arawn run` where the result is no part of the selection: tests, other files, findings, translations.

use serde_json::{Value, json};

use crate::home::Home;
use crate::upstream::{Exchange, Upstream};

const SOURCE: &str = "def mean(xs):\n    return sum(xs) / len(xs)\n";
const TESTS: &str =
    "```python\nfrom shapes import mean\n\n\ndef test_mean():\n    assert mean([1, 3]) == 2\n```\n";
const TEST_FILE: &str =
    "from shapes import mean\n\n\ndef test_mean():\n    assert mean([1, 3]) == 2\n";

async fn answering(answers: &[&str]) -> (Upstream, Home) {
    let exchanges: Vec<Exchange> =
        answers.iter().map(|answer| Exchange::ollama_text(&[answer])).collect();
    let upstream = Upstream::start(exchanges).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/shapes.py", SOURCE);
    (upstream, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_are_printed_as_a_new_file_and_written_on_demand() {
    let (upstream, home) = answering(&[TESTS, TESTS]).await;
    let ran = home.run(&["run", "test", "shapes.py"]).await;
    assert!(ran.stdout.starts_with("--- /dev/null\n+++ b/test_shapes.py\n@@ "), "{ran:?}");
    assert!(ran.stdout.contains("+from shapes import mean\n+\n+\n+def test_mean():\n"), "{ran:?}");
    assert_eq!(ran.stderr, "`--write` creates test_shapes.py, answered by ollama (m)\n");
    assert!(!home.work().join("test_shapes.py").exists());
    let sent = upstream.request(0).await.json().to_string();
    assert!(sent.contains("Its name is `test_shapes.py`"), "{sent}");

    let ran = home.run(&["run", "test", "shapes.py", "--write"]).await;
    assert_eq!(ran.stderr, "created test_shapes.py, answered by ollama (m)\n");
    assert_eq!(home.read("work/test_shapes.py"), TEST_FILE);
    assert_eq!(home.read("work/shapes.py"), SOURCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_are_there_are_added_to_and_never_replaced() {
    let (_upstream, home) = answering(&[TESTS]).await;
    home.write("work/tests/test_shapes.py", "from shapes import mean\n\nX = 1\n");
    let ran = home.run(&["run", "test", "shapes.py", "--write", "--format", "json"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&result["status"], &result["new_file"]["exists"]),
        (&json!("applied"), &json!(true))
    );
    assert_eq!(
        home.read("work/tests/test_shapes.py"),
        "from shapes import mean\n\nX = 1\n\ndef test_mean():\n    assert mean([1, 3]) == 2\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_added_to_is_left_alone_and_the_answer_shown() {
    let (_upstream, home) = answering(&["```java\nclass ATest {}\n```\n"]).await;
    home.write("work/A.java", "class A {}\n");
    home.write("work/ATest.java", "class ATest { int x; }\n");
    let ran = home.run(&["run", "test", "A.java", "--write"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("ATest.java is there already"), "{ran:?}");
    assert!(ran.stderr.contains("class ATest {}"), "{ran:?}");
    assert_eq!(home.read("work/ATest.java"), "class ATest { int x; }\n");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_out_of_the_workspace_is_not_followed() {
    let (_upstream, home) = answering(&[TESTS]).await;
    let outside = home.write("outside/keep", "").parent().unwrap().to_owned();
    std::os::unix::fs::symlink(&outside, home.work().join("tests")).unwrap();
    let ran = home.run(&["run", "test", "shapes.py", "--write"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("outside the workspace"), "{ran:?}");
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_tests_go_to_the_end_of_the_same_file() {
    let answer = "```rust\n#[test]\nfn one_is_one() {\n    assert_eq!(one(), 1);\n}\n```\n";
    let (_upstream, home) = answering(&[answer]).await;
    home.write("work/a.rs", "fn one() -> u8 {\n    1\n}\n");
    let ran = home.run(&["run", "test", "a.rs:1-3", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        home.read("work/a.rs"),
        "fn one() -> u8 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn one_is_one() {\n        assert_eq!(one(), 1);\n    }\n}\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_ones_own_makes_a_file_beside() {
    let (_upstream, home) = answering(&["```markdown\n# Shapes\n```\n"]).await;
    home.write(
        "config/arawn/actions/notes.md",
        "---\noutput = \"new_file\"\nfile = \"{stem}.md\"\n---\nWrite notes.\n",
    );
    let ran = home.run(&["run", "notes", "shapes.py", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/shapes.md"), "# Shapes\n");
}

const REVIEW: &str = "Here are my findings:\n\n- error: `return sum(xs) / len(xs)` - An empty list divides by zero.\n- info: `import os` - It is not used.\n";

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_printed_as_compilers_do() {
    let (upstream, home) = answering(&[REVIEW, REVIEW]).await;
    let ran = home.run(&["run", "review", "shapes.py"]).await;
    assert_eq!(
        ran.stdout,
        "shapes.py:2:5: error: An empty list divides by zero.\nshapes.py: information: It is not used.\n"
    );
    assert_eq!(ran.stderr, "2 findings, reviewed by ollama (m)\n");
    assert_eq!(ran.code, 0);
    let ran = home.run(&["run", "review", "shapes.py", "--format", "json"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        result["findings"][0],
        json!({
            "range": { "start": { "line": 1, "character": 4 }, "end": { "line": 1, "character": 28 } },
            "severity": "error",
            "message": "An empty list divides by zero.",
        })
    );
    assert_eq!(result["findings"][1]["range"], Value::Null);
    assert_eq!(result["status"], "shown");
    assert!(
        upstream.request(0).await.json().to_string().contains("Answer with the findings alone")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_without_findings_prints_nothing() {
    let (_upstream, home) = answering(&["No findings."]).await;
    let ran = home.run(&["run", "review", "shapes.py"]).await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 0), "{ran:?}");
    assert_eq!(ran.stderr, "nothing found, reviewed by ollama (m)\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_translation_replaces_words_and_only_shows_foreign_code() {
    let german = "```python\n# Mittelwert\ndef mean(xs):\n```\n";
    let go = "```go\nfunc mean(xs []float64) float64 {}\n```\n";
    let (upstream, home) = answering(&[german, go]).await;
    home.write("work/b.py", "# average\ndef mean(xs):\n");
    let run = ["run", "translate", "b.py", "--write", "--input"];
    let ran = home.run(&[&run[..], &["German"]].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/b.py"), "# Mittelwert\ndef mean(xs):\n");
    let ran = home.run(&[&run[..], &["Go"]].concat()).await;
    assert_eq!(ran.stdout, go, "{ran:?}");
    assert_eq!(home.read("work/b.py"), "# Mittelwert\ndef mean(xs):\n");
    assert!(upstream.request(1).await.json().to_string().contains("programming language: Go"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_these_tasks_can_have_its_own_model() {
    let (upstream, home) = answering(&["No findings.", TESTS]).await;
    let url = upstream.url();
    home.write(
        "config/arawn/arawn.toml",
        format!(
            "[llm]\nbackend = \"ollama\"\nmodel = \"m\"\n[backends.ollama]\nbase_url = \"{url}\"\n[tasks.review]\nmodel = \"critic\"\n[tasks.test]\nmodel = \"tester\"\n"
        ),
    );
    home.run(&["run", "review", "shapes.py"]).await;
    home.run(&["run", "test", "shapes.py"]).await;
    assert_eq!(upstream.request(0).await.json()["model"], "critic");
    assert_eq!(upstream.request(1).await.json()["model"], "tester");
}
