//! What each tool shows, and what no tool shows.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Finding, MAX_RESULT, Outcome, Sight, Tools};
use crate::config::{self, Environment, LoadInputs};
use crate::gate::Gate;
use crate::model::{Arguments, ToolCall};
use crate::text::Snapshot;

/// A workspace `work` in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
    sight: Sight,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), sight: Sight::default() };
        fs::create_dir_all(place.work()).unwrap();
        for (name, content) in files {
            place.write(name, content);
        }
        place
    }

    fn work(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("work")
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn tools(&self) -> Tools {
        let environment = Arc::new(Environment::of(self.folder.path(), []));
        let loaded = config::load(&LoadInputs { environment, ..LoadInputs::default() }).unwrap();
        let settings = Arc::new(loaded.settings);
        Tools::new(Arc::new(Gate::new()), settings, &[self.work()], self.sight.clone())
    }

    async fn call(&self, name: &str, arguments: Arguments) -> Outcome {
        let call = ToolCall { id: "1".to_owned(), name: name.to_owned(), arguments };
        self.tools().run(&call).await
    }

    async fn shows(&self, name: &str, arguments: Value) -> String {
        let outcome = self.call(name, Arguments::Json(arguments)).await;
        assert!(outcome.worked, "{outcome:?}");
        outcome.text
    }

    async fn refuses(&self, name: &str, arguments: Value) -> String {
        let outcome = self.call(name, Arguments::Json(arguments)).await;
        assert!(!outcome.worked && outcome.files.is_empty(), "{outcome:?}");
        outcome.text
    }
}

#[tokio::test]
async fn a_file_is_shown_with_line_numbers_and_in_parts() {
    let place = Place::new(&[("src/a.rs", "one\r\ntwo\nthree")]);
    let whole = place.shows("read_file", json!({"path": "src/a.rs"})).await;
    assert_eq!(whole, "    1\tone\n    2\ttwo\n    3\tthree\n");
    let part = json!({"path": "src/a.rs", "start_line": "2", "end_line": 2});
    assert_eq!(place.shows("read_file", part).await, "    2\ttwo\n");
    let refusal = place.refuses("read_file", json!({"path": "src/a.rs", "start_line": 9})).await;
    assert_eq!(refusal, "error: \"src/a.rs\" has only 3 lines");
    let outcome = place.call("read_file", Arguments::Json(json!({"path": "src/a.rs"}))).await;
    assert_eq!(
        (outcome.summary.as_str(), outcome.files),
        ("3 lines", vec![place.work().join("src/a.rs")])
    );
    place.write("empty", "");
    assert_eq!(place.shows("read_file", json!({"path": "empty"})).await, "[the file is empty]\n");
}

#[tokio::test]
async fn long_files_say_how_to_go_on_and_results_have_a_limit() {
    let place = Place::new(&[("a.txt", &"x\n".repeat(1000)), ("wide.txt", &"y".repeat(3_000_000))]);
    let text = place.shows("read_file", json!({"path": "a.txt"})).await;
    assert!(
        text.ends_with("  400\tx\n[lines 1 to 400 of 1000; go on with start_line 401]\n"),
        "{text}"
    );
    let wide = place.shows("read_file", json!({"path": "wide.txt"})).await;
    assert!(wide.len() < MAX_RESULT && wide.ends_with("…\n"));
    place.write("huge.txt", vec![b'a'; 5 * 1024 * 1024]);
    assert!(
        place.refuses("read_file", json!({"path": "huge.txt"})).await.contains("larger than 4 MB")
    );
    place.write("image.png", b"\x89PNG\0\0");
    assert!(place.refuses("read_file", json!({"path": "image.png"})).await.contains("no text"));
}

#[tokio::test]
async fn invisible_characters_do_not_reach_the_model() {
    let place = Place::new(&[("a.md", "a\u{200b}b\u{e0041}\u{1b}[31mc\n")]);
    assert_eq!(place.shows("read_file", json!({"path": "a.md"})).await, "    1\tab[31mc\n");
}

#[tokio::test]
async fn ignored_and_secret_files_are_seen_by_no_tool() {
    let place = Place::new(&[
        (".gitignore", "target/\n*.log\n"),
        (".aiignore", "/legacy\n"),
        (".arawnignore", "!*.log\nnotes.md\n"),
        ("a.rs", "needle"),
        ("target/b.rs", "needle"),
        ("x.log", "needle"),
        ("legacy/c.rs", "needle"),
        ("notes.md", "needle"),
        (".env", "needle"),
        ("keys/server.pem", "needle"),
        (".git/config", "needle"),
        (".github/ci.yml", "needle"),
    ]);
    let listed = place.shows("list_files", json!({})).await;
    assert_eq!(listed, ".aiignore\n.arawnignore\n.github/ci.yml\n.gitignore\na.rs\n");
    let found = place.shows("search_text", json!({"pattern": "needle"})).await;
    assert_eq!(found, ".github/ci.yml:1: needle\na.rs:1: needle\n");
    for hidden in [
        "target/b.rs",
        "x.log",
        "legacy/c.rs",
        "notes.md",
        ".env",
        "keys/server.pem",
        ".git/config",
    ] {
        for tool in ["read_file", "outline", "search_text"] {
            let arguments = json!({"path": hidden, "pattern": "needle"});
            let refusal = place.refuses(tool, arguments).await;
            assert!(!refusal.contains("needle"), "{refusal}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_special_files_show_nothing_from_outside() {
    use std::os::unix::fs::symlink;
    let place =
        Place::new(&[("a.rs", "needle"), (".gitignore", "secret.txt\n"), ("secret.txt", "needle")]);
    fs::write(place.folder.path().join("outside"), "needle").unwrap();
    symlink("../outside", place.work().join("link")).unwrap();
    symlink("..", place.work().join("up")).unwrap();
    symlink("secret.txt", place.work().join("harmless")).unwrap();
    let pipe = place.work().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(place.shows("search_text", json!({"pattern": "needle"})).await, "a.rs:1: needle\n");
    assert_eq!(place.shows("list_files", json!({})).await, ".gitignore\na.rs\n");
    for path in [
        "link",
        "up/outside",
        "up",
        "harmless",
        "pipe",
        "/proc/self/environ",
        "../outside",
        "/dev/zero",
    ] {
        let refusal = place.refuses("read_file", json!({"path": path})).await;
        assert!(!refusal.contains("needle"), "{refusal}");
    }
    for tool in ["list_files", "search_text"] {
        place.refuses(tool, json!({"path": "up", "pattern": "needle"})).await;
    }
}

#[tokio::test]
async fn searching_obeys_pattern_glob_and_limits() {
    let place = Place::new(&[
        ("src/a.rs", "let Foo = 1;\nfoo(x)\n"),
        ("src/b.ts", "foo(x)\n"),
        ("c.rs", "foo\n"),
    ]);
    let search = async |arguments: Value| place.shows("search_text", arguments).await;
    assert_eq!(search(json!({"pattern": "foo\\(", "glob": "*.rs"})).await, "src/a.rs:2: foo(x)\n");
    assert_eq!(
        search(json!({"pattern": "foo(", "literal": true, "path": "src/b.ts"})).await,
        "src/b.ts:1: foo(x)\n"
    );
    let any_case = search(json!({"pattern": "^let foo", "ignore_case": true})).await;
    assert_eq!(any_case, "src/a.rs:1: let Foo = 1;\n");
    assert_eq!(search(json!({"pattern": "absent"})).await, "[nothing matches]\n");
    assert!(
        place
            .refuses("search_text", json!({"pattern": "("}))
            .await
            .contains("not a regular expression")
    );
    place.write("many.txt", "hit\n".repeat(500));
    let many = search(json!({"pattern": "hit"})).await;
    assert_eq!(many.lines().count(), 21);
    assert!(many.ends_with("many.txt: [more in this file]\n"));
    let listed = place.shows("list_files", json!({"path": "src", "glob": "src/*.ts"})).await;
    assert_eq!(listed, "src/b.ts\n");
}

#[tokio::test]
async fn the_text_in_the_editor_counts_and_not_that_on_disk() {
    let mut place = Place::new(&[("a.rs", "fn old() {}\n")]);
    place.sight.documents =
        vec![Snapshot::of_text("fn new() {}\n", "rust", Some(place.work().join("a.rs")))];
    assert_eq!(place.shows("read_file", json!({"path": "a.rs"})).await, "    1\tfn new() {}\n");
    assert_eq!(place.shows("search_text", json!({"pattern": "fn"})).await, "a.rs:1: fn new() {}\n");
    let outline = place.shows("outline", json!({"path": "a.rs"})).await;
    assert!(outline.starts_with("    1\tfn new()"), "{outline}");
}

#[tokio::test]
async fn diagnostics_are_offered_where_the_front_knows_any_and_not_of_hidden_files() {
    let mut place = Place::new(&[("a.rs", ""), (".env", "")]);
    let names = |tools: &Tools| tools.specs().into_iter().map(|spec| spec.name).collect::<Vec<_>>();
    assert_eq!(names(&place.tools()), ["read_file", "list_files", "search_text", "outline"]);
    let finding = |name: &str| Finding {
        path: place.work().join(name),
        line: 3,
        severity: "error".to_owned(),
        message: "mismatched types".to_owned(),
        source: Some("rustc".to_owned()),
    };
    place.sight.findings = Some(vec![finding("a.rs"), finding(".env"), finding("../b.rs")]);
    assert_eq!(names(&place.tools()).last().unwrap(), "diagnostics");
    let shown = place.shows("diagnostics", json!({})).await;
    assert_eq!(shown, "a.rs:3: error (rustc): mismatched types\n");
}

#[tokio::test]
async fn wrong_calls_are_answered_and_not_run() {
    let place = Place::new(&[("a.rs", "text")]);
    let cut = place.call("read_file", Arguments::Raw("{\"path\": \"a.r".to_owned())).await;
    assert!(cut.text.starts_with("error: the arguments are not valid JSON"), "{}", cut.text);
    let list = place.call("read_file", Arguments::Json(json!(["a.rs"]))).await;
    assert!(list.text.contains("must be one JSON object"));
    assert!(place.refuses("read_file", json!({})).await.contains("`path` is missing"));
    assert!(place.refuses("read_file", json!({"path": 3})).await.contains("must be a string"));
    let unknown = place.refuses("run_shell", json!({"command": "id"})).await;
    assert_eq!(
        unknown,
        "error: there is no tool \"run_shell\"; there are: read_file, list_files, search_text, outline"
    );
}
