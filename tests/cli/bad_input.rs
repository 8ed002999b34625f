//! Whatever is wrong with the input, there is one clear error with the next step, and nothing is lost.

use crate::home::{Home, Ran};
use crate::upstream::{Exchange, Upstream};

/// Runs against a backend that must not be asked.
async fn refused(home: &Home, arguments: &[&str]) -> Ran {
    let ran = home.run(arguments).await;
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert!(ran.stderr.starts_with("Error: "), "{ran:?}");
    ran
}

fn unasked() -> Home {
    let home = Home::with_ollama("http://127.0.0.1:9");
    home.write("work/a.rs", "fn f() {}\n");
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_toml_names_file_line_and_column() {
    let home = Home::new("[llm]\nbackend = \"ollama\nmodel = 3\n");
    let ran = refused(&home, &["ask", "x"]).await;
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("arawn.toml"), "{ran:?}");
    assert!(ran.stderr.contains('2'), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_backend_lists_the_known_ones() {
    let ran = refused(&unasked(), &["--backend", "olama", "ask", "x"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("olama") && ran.stderr.contains("ollama"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_action_lists_the_known_ones() {
    let ran = refused(&unasked(), &["run", "explian", "a.rs"]).await;
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("unknown action \"explian\"") && ran.stderr.contains("explain"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_outside_the_file_is_named() {
    let ran = refused(&unasked(), &["run", "explain", "a.rs:7-9"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("line 7 lies outside the file"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_text_are_refused_unread() {
    let home = unasked();
    home.write("work/binary.rs", b"fn f() {\0}");
    home.write("work/latin.rs", b"caf\xe9");
    home.write("work/huge.rs", vec![b'x'; 50 * 1024 * 1024]);
    for (file, words) in [
        ("binary.rs", "is a binary file"),
        ("latin.rs", "is not UTF-8 text (byte 3)"),
        ("huge.rs", "is larger than 16 MB"),
        ("absent.rs", "cannot read absent.rs"),
        (".git", "is not a file"),
    ] {
        let ran = refused(&home, &["run", "explain", file]).await;
        assert!(ran.stderr.contains(words), "{file}: {ran:?}");
        assert_eq!(ran.code, 2, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_without_instruction_says_how_to_give_one() {
    let ran = refused(&unasked(), &["run", "edit", "a.rs:1"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--input") && ran.stderr.contains("ai:"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_answers_html_or_nothing_is_called_what_it_is() {
    for answer in [
        Exchange::head("200 OK\ncontent-type: text/html")
            .send("<!doctype html><title>Sign in</title>"),
        Exchange::head("200 OK\ncontent-type: application/x-ndjson"),
    ] {
        let upstream = Upstream::start([answer]).await;
        let home = Home::with_ollama(&upstream.url());
        let ran = refused(&home, &["ask", "x"]).await;
        assert!(
            ran.stderr.starts_with("Error: What answers at") || ran.stderr.contains("cut off"),
            "{ran:?}"
        );
        assert_eq!(ran.code, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_never_answers_is_given_up() {
    let upstream = Upstream::start([Exchange::silent().stall()]).await;
    let home = Home::new(&format!(
        "[llm]\nbackend = \"ollama\"\n[backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\nfirst_byte_timeout = 1\n",
        upstream.url()
    ));
    let ran = refused(&home, &["ask", "x"]).await;
    assert!(ran.stderr.starts_with("Error: Backend \"ollama\" did not answer in time"), "{ran:?}");
    upstream.closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escape_sequences_of_a_provider_do_not_reach_the_terminal() {
    let upstream = Upstream::start([Exchange::json(
        "400 Bad Request",
        r#"{"error":"bad \u001b]52;c;aGk=\u0007 thing"}"#,
    )])
    .await;
    let home = Home::with_ollama(&upstream.url());
    let ran = refused(&home, &["ask", "x"]).await;
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{ran:?}");
}
