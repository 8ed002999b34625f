//! What is killed with -9, and what it leaves behind.

use crate::home::{Home, kill, runs, told, wait_until};

#[test]
fn an_engine_that_dies_in_the_middle_of_an_answer_is_started_again_once() {
    let home = Home::new("");
    home.behave("die");
    let (out, err, code) = home.run(&["ask", "who?", "--format", "json"]);
    assert_eq!(code, 0, "{out} {err}");
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let (pid, _) = home.running().unwrap();
    assert_eq!(answer["text"], format!("from {pid}"), "no text of the first is glued to it");
    assert_eq!(answer["fell_back"][0]["backend"], "local");
    assert_eq!(answer["fell_back"][0]["class"], "truncated");
    assert_eq!(home.noted("starts").len(), 2);
}

#[test]
fn an_engine_that_died_while_nobody_asked_is_started_again() {
    let home = Home::new("linger_seconds = 60");
    let first = home.ask();
    kill(first);
    assert_ne!(home.ask(), first);
}

#[test]
fn a_supervisor_that_is_killed_takes_its_engine_along_and_the_next_one_clears_up() {
    let home = Home::new("linger_seconds = 60");
    let first = home.ask();
    let (_, supervisor) = home.running().unwrap();
    kill(supervisor);
    if cfg!(target_os = "linux") {
        wait_until("the engine's end", || !runs(first));
    }
    assert_ne!(home.ask(), first);
    assert!(!runs(first), "it is not left behind");
}

#[test]
fn a_client_that_is_killed_in_the_middle_leaves_an_engine_that_ends() {
    let home = Home::new("linger_seconds = 0");
    home.behave("hang");
    let mut child = home.spawn(&["ask", "who?"]);
    wait_until("the request", || !home.noted("requests").is_empty());
    let (pid, _) = home.running().unwrap();
    kill(child.id());
    child.wait().unwrap();
    wait_until("the engine's end", || !runs(pid));
}

#[test]
fn what_an_earlier_crash_left_in_the_folder_is_no_hindrance() {
    let home = Home::new("linger_seconds = 60");
    let first = home.ask();
    let (_, supervisor) = home.running().unwrap();
    let folder =
        std::fs::read_dir(home.path("state/arawn/local")).unwrap().next().unwrap().unwrap();
    let record = std::fs::read(folder.path().join("running.json")).unwrap();
    kill(supervisor);
    kill_if_there(first);
    wait_until("the engine's end", || !runs(first));
    // Process numbers come round again: this test is one that the record could mean.
    let mut stale: serde_json::Value = serde_json::from_slice(&record).unwrap();
    stale["engine"]["pid"] = std::process::id().into();
    std::fs::write(folder.path().join("running.json"), stale.to_string()).unwrap();
    assert_ne!(home.ask(), first);
    std::fs::write(folder.path().join("running.json"), "{ not whole").unwrap();
    home.run(&["local", "stop"]);
}

fn kill_if_there(pid: u32) {
    if runs(pid) {
        let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).output();
    }
}

#[test]
fn an_engine_that_cannot_start_says_why_in_one_sentence() {
    let home = Home::new("");
    home.behave("broken");
    let (out, err, code) = told(&home.command(&["ask", "who?"]).output().unwrap());
    assert_eq!((out.as_str(), code), ("", 5));
    assert!(
        err.contains("the local engine did not start: error loading model: out of everything"),
        "{err}"
    );
    assert_eq!(home.noted("starts").len(), 1, "and is not tried again and again");
    assert!(home.running().is_none());
}

#[test]
fn a_model_that_is_no_model_is_named() {
    let home = Home::new("");
    home.write("models/tiny.gguf", "PK and more");
    let (_, err, code) = home.run(&["ask", "who?"]);
    assert_eq!(code, 5);
    assert!(err.contains("tiny.gguf cannot be used: it is not a GGUF file"), "{err}");
}
