//! `arawn run`: what is looked at before an edit is shown, and the one time a model is asked again.

use serde_json::{Value, json};

use crate::home::Home;
use crate::upstream::{Exchange, Upstream};

const SOURCE: &str = "fn f() {\n    let x=1;\n}\n";
const BROKEN: &str = "```rust\nlet x = (1;\n```";
const GOOD: &str = "```rust\nlet x = 1;\n```";

async fn answering(answers: &[&str], config: &str) -> (Upstream, Home) {
    let exchanges: Vec<_> = answers.iter().map(|answer| Exchange::ollama_text(&[answer])).collect();
    let upstream = Upstream::start(exchanges).await;
    let url = upstream.url();
    let home = Home::new(&format!(
        "[llm]\nbackend = \"ollama\"\nmodel = \"m\"\n[backends.ollama]\nbase_url = \"{url}\"\n{config}"
    ));
    home.write("work/a.rs", SOURCE);
    (upstream, home)
}

async fn run_json(home: &Home, arguments: &[&str]) -> Value {
    let arguments = [&["run"], arguments, &["--format", "json"]].concat();
    let ran = home.run(&arguments).await;
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

fn verdict<'a>(result: &'a Value, name: &str) -> &'a Value {
    let checks = result["checks"].as_array().unwrap();
    &checks.iter().find(|check| check["name"] == name).unwrap()["verdict"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_edit_tells_what_was_checked() {
    let (upstream, home) = answering(&[GOOD], "").await;
    let result = run_json(&home, &["simplify", "a.rs:2"]).await;
    for name in ["outside", "invisible", "leftover", "syntax", "protected_path"] {
        assert_eq!(verdict(&result, name), "passed", "{result}");
    }
    assert_eq!(result.get("asked_again"), None);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn verbose_says_the_checks_on_stderr() {
    let (_upstream, home) = answering(&[GOOD], "").await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "-v"]).await;
    assert!(ran.stderr.contains("checked syntax: passed\n"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_syntax_error_is_asked_about_once_and_the_second_answer_counts() {
    let (upstream, home) = answering(&[BROKEN, GOOD], "").await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), "fn f() {\n    let x = 1;\n}\n");
    let told = "asked again: it brings in a syntax error (a `)` is missing)\n";
    assert!(ran.stderr.contains(told), "{ran:?}");
    let sent = upstream.request(1).await.json();
    let messages = sent["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|it| it["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[1], upstream.request(0).await.json()["messages"][1]);
    assert_eq!(messages[2]["content"], BROKEN);
    let reason = messages[3]["content"].as_str().unwrap();
    assert!(reason.contains("(a `)` is missing)") && reason.contains("let x = (1;"), "{reason}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_answers_are_counted_and_the_reason_is_in_the_result() {
    let (_upstream, home) = answering(&[BROKEN, GOOD], "").await;
    let twice = run_json(&home, &["simplify", "a.rs:2"]).await;
    let (_upstream, home) = answering(&[GOOD], "").await;
    let once = run_json(&home, &["simplify", "a.rs:2"]).await;
    assert_eq!(twice["asked_again"], "it brings in a syntax error (a `)` is missing)");
    assert_eq!(twice["text"], GOOD);
    for count in ["input_tokens", "output_tokens"] {
        let counted = |result: &Value| result["usage"][count].as_u64().unwrap();
        assert_eq!(counted(&twice), 2 * counted(&once), "{count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_fails_twice_says_why_it_must_not_go_in_by_itself() {
    let (upstream, home) = answering(&[BROKEN, "```rust\nlet x = [1;\n```"], "").await;
    let result = run_json(&home, &["simplify", "a.rs:2"]).await;
    assert_eq!(verdict(&result, "syntax"), "failed");
    assert_eq!(result["caution"], "it brings in a syntax error (a `]` is missing)");
    assert_eq!(result["status"], "proposed");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_code_is_asked_about_too() {
    let (upstream, home) =
        answering(&["```rust\nfn g() {\n    // ... rest of code ...\n}\n```", GOOD], "").await;
    let result = run_json(&home, &["simplify", "a.rs:2"]).await;
    assert_eq!(result["asked_again"], "the answer leaves out parts of the code");
    assert!(result["diff"].as_str().unwrap().contains("+    let x = 1;\n"), "{result}");
    let reason = upstream.request(1).await.json()["messages"][3]["content"].to_string();
    assert!(reason.contains("// ... rest of code ..."), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declines_is_not_pressed() {
    let (upstream, home) = answering(&["I'm sorry, but I can't help with that."], "").await;
    let result = run_json(&home, &["simplify", "a.rs:2"]).await;
    assert_eq!(result.get("asked_again"), None);
    assert_eq!(result["not_applied"], "the model declined");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_can_be_switched_off() {
    let (upstream, home) = answering(&[BROKEN], "[edits]\nreask = false\n").await;
    let result = run_json(&home, &["simplify", "a.rs:2"]).await;
    assert_eq!(result["caution"], "it brings in a syntax error (a `)` is missing)");
    assert_eq!(result.get("asked_again"), None);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_second_answer_fails_the_first_one_stays() {
    let broken = Exchange::ollama_text(&[BROKEN]);
    let gone = Exchange::json("400 Bad Request", "{\"error\":\"no more\"}");
    let upstream = Upstream::start([broken, gone]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", SOURCE);
    let result = run_json(&home, &["simplify", "a.rs:2"]).await;
    assert_eq!(result["text"], BROKEN);
    assert!(
        result["remarks"][0]
            .as_str()
            .unwrap()
            .starts_with("asked again, and there was no answer: ")
    );
    assert!(result["caution"].is_string(), "{result}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn document_may_change_comments_alone() {
    let changes_code = "```rust\n// One.\nlet x=2;\n```";
    let (upstream, home) = answering(&[changes_code, "```rust\n// One.\nlet x=1;\n```"], "").await;
    let result = run_json(&home, &["document", "a.rs:2"]).await;
    let reason = "it changes code (line 3), and only comments were to change";
    assert_eq!(result["asked_again"], reason);
    assert_eq!(verdict(&result, "comments_only"), "passed");
    assert_eq!(result.get("caution"), None);
    upstream.finish();
}

/// A small model was asked to fix a method and answered with a valid `fn main` that had nothing to do with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_something_else_is_asked_about_once_and_then_only_proposed() {
    let elsewhere = "```rust\nfn main() {\n    let x = 1;\n    f();\n}\n```";
    let reason = "the answer no longer declares `f`";
    let (upstream, home) = answering(&[elsewhere, elsewhere], "").await;
    let ran = home.run(&["run", "fix", "a.rs:1-3", "--write"]).await;
    assert!(ran.stderr.contains(&format!("asked again: {reason}\n")), "{ran:?}");
    assert!(ran.code == 1 && ran.stderr.contains(&format!("Warning: {reason}\n")), "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE);
    let asked = upstream.request(1).await.json()["messages"][3]["content"].to_string();
    assert!(asked.contains(reason), "{asked}");
    upstream.finish();

    let fixed = "```rust\nfn f() {\n    let x = 1;\n}\n```";
    let (upstream, home) = answering(&[elsewhere, fixed], "").await;
    let result = run_json(&home, &["fix", "a.rs:1-3"]).await;
    assert_eq!(result["asked_again"], reason);
    assert_eq!(verdict(&result, "declares"), "passed");
    assert_eq!(result.get("caution"), None);
    upstream.finish();

    let renamed = "```rust\nfn g() {\n    let x = 1;\n}\n```";
    let (upstream, home) = answering(&[renamed], "").await;
    let asked = ["fix", "a.rs:1-3", "--diagnostic", "rename `f` to `g`"];
    let result = run_json(&home, &asked).await;
    assert_eq!(verdict(&result, "declares"), "passed");
    upstream.finish();

    let (_upstream, home) = answering(&[renamed], "").await;
    let result = run_json(&home, &["edit", "a.rs:1-3", "--input", "a better name"]).await;
    assert_eq!(result.get("caution"), None, "{result}");
}

/// It was held back, because another class has a method of that name.
#[tokio::test(flavor = "multi_thread")]
async fn a_rename_that_was_asked_for_goes_in() {
    let python = "class A:\n    def execute(self):\n        return 1\n\n\nclass B:\n    def run(self):\n        return 2\n";
    let renamed = "```python\n    def run(self):\n        return 1\n```";
    let rename = ["run", "edit", "a.py:2-3", "--write", "--input", "rename execute to run"];
    let (upstream, home) = answering(&[renamed], "").await;
    home.write("work/a.py", python);
    let ran = home.run(&rename).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.py"), python.replace("execute", "run"));
    upstream.finish();

    let other = python.replace("\n\n\nclass B:\n", "\n\n");
    let (upstream, home) = answering(&[renamed], "").await;
    home.write("work/a.py", &other);
    assert_eq!(home.run(&rename).await.code, 0);
    upstream.finish();
    let (upstream, home) = answering(&[renamed, renamed], "").await;
    home.write("work/a.py", &other);
    let ran = home.run(&["run", "edit", "a.py:2-3", "--write", "--input", "faster"]).await;
    let reason = "the answer declares `run`, which the file has already, and no longer `execute`";
    assert!(ran.code == 1 && ran.stderr.contains(&format!("Warning: {reason}\n")), "{ran:?}");
    assert_eq!(home.read("work/a.py"), other);
    upstream.finish();
}

/// It was refused as a repetition of the file, and the user had to copy by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_in_and_the_file_without_the_selection_does_not() {
    let names = ["host", "port", "user", "mode", "zone", "size", "kind", "path", "unit"];
    let fields = names.map(|it| format!("    pub {it}_of: u16,\n")).concat();
    let of = |name: &str| format!("pub struct {name} {{\n{fields}}}\n");
    let answer = |text: &str| format!("```rust\n{text}```");
    let copy = "a struct PartialConfig with the same fields as Config";
    let (upstream, home) = answering(&[&answer(&of("PartialConfig"))], "").await;
    home.write("work/a.rs", format!("{}\n// {copy}\n", of("Config")));
    let ran = home.run(&["run", "edit", "a.rs:13", "--write", "--input", copy]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), format!("{}\n{}", of("Config"), of("PartialConfig")));
    upstream.finish();

    let text = format!("{}\nfn f() {{\n    g();\n}}\n", of("Config"));
    let same = answer(&of("Config"));
    let (upstream, home) = answering(&[&same, &same], "").await;
    home.write("work/a.rs", &text);
    let ran = home.run(&["run", "edit", "a.rs:14", "--write", "--input", "call h"]).await;
    let reason = "the answer only repeats other parts of the file";
    assert!(ran.stderr.contains(&format!("asked again: {reason}\n")), "{ran:?}");
    assert!(ran.code == 1 && ran.stderr.contains(&format!("Warning: {reason}\n")), "{ran:?}");
    assert_eq!(home.read("work/a.rs"), text);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_runs_something_is_never_edited_without_a_look() {
    let (upstream, home) = answering(&["```rust\nfn main() { }\n```"], "").await;
    home.write("work/build.rs", "fn main() {}\n");
    let result = run_json(&home, &["simplify", "build.rs:1"]).await;
    assert_eq!(result["caution"], "build.rs runs in every build: look at the change first");
    assert_eq!(verdict(&result, "protected_path"), "failed");
    assert_eq!(result.get("asked_again"), None);
    assert_eq!(result["fell_back"], json!([]));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_with_a_failed_check_is_shown_and_written_only_by_force() {
    let off = "[edits]\nreask = false\n";
    let warning = "Warning: it brings in a syntax error (a `)` is missing)\n";
    let (_upstream, home) = answering(&[BROKEN], off).await;
    let ran = home.run(&["run", "simplify", "a.rs:2"]).await;
    assert!(ran.code == 0 && ran.stderr.contains(warning), "{ran:?}");
    assert!(ran.stdout.contains("+    let x = (1;\n"), "{ran:?}");

    let (_upstream, home) = answering(&[BROKEN], off).await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write"]).await;
    assert!(ran.code == 1 && ran.stderr.contains(warning), "{ran:?}");
    assert!(ran.stderr.contains("Hint: nothing was written; "), "{ran:?}");
    assert!(ran.stdout.contains("+    let x = (1;\n"), "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE);

    let (_upstream, home) = answering(&[BROKEN], off).await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write", "--format", "json"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &result["status"]), (1, &json!("proposed")), "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE);

    let (_upstream, home) = answering(&[BROKEN], off).await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write", "--force"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("work/a.rs"), "fn f() {\n    let x = (1;\n}\n");
}

/// Such an answer was once thrown away whole, and the user had to guess what was in it.
#[tokio::test(flavor = "multi_thread")]
async fn an_invisible_character_is_asked_about_once_and_then_only_proposed() {
    let hidden = "```rust\nlet x = 1; // \u{202E}hidden\n```";
    let reason = "it brings in an invisible character (U+202E)";
    let (upstream, home) = answering(&[hidden, hidden], "").await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write"]).await;
    assert!(ran.stderr.contains(&format!("asked again: {reason}\n")), "{ran:?}");
    assert!(ran.code == 1 && ran.stderr.contains(&format!("Warning: {reason}\n")), "{ran:?}");
    assert!(ran.stdout.contains("+    let x = 1; // \u{202E}hidden\n"), "{ran:?}");
    assert_eq!(home.read("work/a.rs"), SOURCE);
    let asked = upstream.request(1).await.json()["messages"][3]["content"].to_string();
    assert!(asked.contains("(U+202E)") && asked.contains("// <U+202E>hidden"), "{asked}");
    upstream.finish();

    let (upstream, home) = answering(&[hidden, GOOD], "").await;
    let ran = home.run(&["run", "simplify", "a.rs:2", "--write"]).await;
    assert_eq!((ran.code, home.read("work/a.rs").contains("let x = 1;\n")), (0, true), "{ran:?}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_with_an_invisible_character_is_not_made() {
    let hidden = "```python\ndef test_f():\n    assert f() == \"\u{200B}\"\n```";
    let (upstream, home) = answering(&[hidden, hidden], "").await;
    home.write("work/b.py", "def f():\n    return 1\n");
    let ran = home.run(&["run", "test", "b.py:1-2", "--write", "--format", "json"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["not_applied"], "it brings in an invisible character (U+200B)", "{ran:?}");
    assert_eq!((verdict(&result, "invisible"), ran.code), (&json!("failed"), 1));
    assert!(!home.path("work/test_b.py").exists());
    upstream.finish();
}
