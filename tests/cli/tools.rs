//! The commands around the main job.

use serde_json::Value;

use crate::home::Home;
use crate::upstream::Upstream;

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_what_is_wrong_and_the_next_step() {
    let upstream = Upstream::start([]).await;
    let home = Home::with_ollama(&upstream.url());
    let well = home.run(&["doctor"]).await;
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.stdout.contains("ok      backend ollama"), "{well:?}");

    let missing = home.run(&["doctor", "--config", "absent.toml"]).await;
    assert_eq!(missing.code, 3, "{missing:?}");

    let dead = Home::with_ollama("http://127.0.0.1:9").run(&["doctor", "--json"]).await;
    assert_eq!(dead.code, 5, "{dead:?}");
    let findings: Vec<Value> =
        dead.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let problem = findings.iter().find(|finding| finding["verdict"] == "problem").unwrap();
    assert_eq!(problem["subject"], "backend ollama");
    assert!(problem["next_step"].as_str().unwrap().contains("ollama serve"), "{problem}");
}

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
