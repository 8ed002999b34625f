//! The commands around the main job.

use crate::home::Home;
use crate::upstream::Upstream;

#[tokio::test(flavor = "multi_thread")]
async fn models_lists_what_the_backend_has() {
    let upstream = Upstream::start([]).await;
    let ran = Home::with_ollama(&upstream.url()).run(&["models"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("ollama  m:latest"), "{ran:?}");
    assert!(ran.stdout.contains("16384 tokens") && ran.stdout.contains("insert"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_and_manual_are_printed() {
    let home = Home::new("");
    assert!(home.run(&["completions", "bash"]).await.stdout.contains("_arawn"));
    assert!(home.run(&["man"]).await.stdout.contains(".TH arawn"));
    let version = home.run(&["--version"]).await;
    assert!(version.stdout.starts_with("arawn "), "{version:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_and_without_a_terminal_it_is_a_wrong_command_line() {
    let ran = Home::new("").run(&[]).await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 2), "{ran:?}");
    assert!(ran.stderr.contains("Usage: arawn"), "{ran:?}");
}
