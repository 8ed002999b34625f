//! `arawn commit`: a message from what is staged, and nothing of what must not leave.

use std::process::{Command, Output};

use crate::home::Home;
use crate::upstream::{Exchange, Upstream};

const MESSAGE: &str =
    "Here is the message:\n\n```\nread the file once\n\nIt was read for every line.\n```\n";
const CLEANED: &str = "read the file once\n\nIt was read for every line.\n";

/// The system's programs, for git itself.
#[expect(clippy::disallowed_methods, reason = "a test is run by a user, with the user's programs")]
fn path() -> String {
    std::env::var("PATH").unwrap()
}

fn git(home: &Home, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(arguments)
        .current_dir(home.work())
        .env_clear()
        .env("PATH", path())
        .env("HOME", home.work())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn arawn(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.command(arguments);
    command.env("PATH", path()).env("GIT_EXTERNAL_DIFF", "/bin/false");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// A repository with one commit and a staged change.
async fn repository(answers: &[&str]) -> (Upstream, Home) {
    let exchanges: Vec<Exchange> =
        answers.iter().map(|answer| Exchange::ollama_text(&[answer])).collect();
    let upstream = Upstream::start(exchanges).await;
    let home = Home::with_ollama(&upstream.url());
    git(&home, &["init", "-q"]);
    home.write("work/a.py", "one\n");
    git(&home, &["add", "."]);
    git(&home, &["commit", "-qm", "first"]);
    home.write("work/a.py", "one\ntwo\n");
    git(&home, &["add", "."]);
    (upstream, home)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_alone_is_printed() {
    let (upstream, home) = repository(&[MESSAGE]).await;
    let ran = arawn(&home, &["commit", "--input", "see 12"]).await;
    assert_eq!(text(&ran.stdout), CLEANED, "{ran:?}");
    assert_eq!(text(&ran.stderr), "written by ollama (m)\n");
    let sent = upstream.request(0).await.json().to_string();
    assert!(sent.contains("+two") && sent.contains("see 12"), "{sent}");
    assert!(!sent.contains("index "), "{sent}");
}

/// A small model's echo of the difference went into the history.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_difference_is_no_message() {
    let (_upstream, home) = repository(&["M a.py\n\ndiff --git a/a.py b/a.py\n+two\n"]).await;
    let ran = arawn(&home, &["commit"]).await;
    assert_eq!((text(&ran.stdout).as_str(), ran.status.code()), ("", Some(1)), "{ran:?}");
    assert!(text(&ran.stderr).contains("the model repeated the difference"), "{ran:?}");
}

/// The message is shown in a document of ours, and a second one could not be asked for there.
#[tokio::test(flavor = "multi_thread")]
async fn beside_an_answer_of_ours_the_repository_is_that_of_the_workspace() {
    let (_upstream, home) = repository(&[MESSAGE]).await;
    home.write("state/arawn/answers/commit-1.md", "# Commit message\n");
    let answer = home.path("state/arawn/answers/commit-1.md");
    let ran = arawn(&home, &["run", "commit", answer.to_str().unwrap()]).await;
    assert_eq!(text(&ran.stdout), CLEANED, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_and_ignored_files_are_left_out_of_the_difference() {
    let (upstream, home) = repository(&[MESSAGE]).await;
    home.write("work/.env", "PASSWORD=hunter2\n");
    home.write("work/notes.txt", "private words\n");
    home.write("work/.aiignore", "notes.txt\n");
    git(&home, &["add", "-f", "."]);
    let ran = arawn(&home, &["commit"]).await;
    assert_eq!(text(&ran.stdout), CLEANED, "{ran:?}");
    assert!(text(&ran.stderr).contains("2 staged files were left out"), "{ran:?}");
    let sent = upstream.request(0).await.json().to_string();
    assert!(sent.contains("+two"), "{sent}");
    for word in ["hunter2", "private words", "notes.txt\\n", ".env\\n"] {
        let patch = sent.split("diff --git a/.aiignore").next().unwrap();
        assert!(!patch.contains(word), "{word} in {sent}");
    }
    assert!(!sent.contains("hunter2") && !sent.contains("private words"), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_only_be_refused_is_refused_before_anything_is_sent() {
    let (upstream, home) = repository(&[]).await;
    git(&home, &["commit", "-qm", "second"]);
    let ran = arawn(&home, &["commit"]).await;
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("Error: nothing is staged"), "{ran:?}");
    home.write("work/.env", "PASSWORD=hunter2\n");
    git(&home, &["add", "-f", ".env"]);
    let ran = arawn(&home, &["commit"]).await;
    assert_eq!(ran.status.code(), Some(6), "{ran:?}");
    assert_eq!(text(&ran.stdout), "");
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_a_repository_it_says_so() {
    let upstream = Upstream::start([]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = arawn(&home, &["commit"]).await;
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(text(&ran.stderr).contains("no git repository"), "{ran:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_repository_configures_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let (_upstream, home) = repository(&[MESSAGE]).await;
    let script = home.write("evil.sh", "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\ncat\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let evil = script.to_str().unwrap();
    for key in
        ["diff.external", "core.fsmonitor", "core.pager", "diff.evil.textconv", "diff.evil.command"]
    {
        git(&home, &["config", key, evil]);
    }
    home.write("work/.git/info/attributes", "*.py diff=evil\n");
    let ran = arawn(&home, &["commit"]).await;
    assert_eq!(text(&ran.stdout), CLEANED, "{ran:?}");
    assert!(!script.with_file_name("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_puts_the_message_above_gits_own_words() {
    let (upstream, home) = repository(&[MESSAGE]).await;
    let theirs = "\n# Please enter the commit message for your changes.\n";
    home.write("work/.git/COMMIT_EDITMSG", theirs);
    let ran = arawn(&home, &["commit", "--hook", ".git/COMMIT_EDITMSG"]).await;
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(text(&ran.stdout), "");
    assert_eq!(home.read("work/.git/COMMIT_EDITMSG"), format!("{CLEANED}{theirs}"));
    // A message that is there already is left alone, and no model is asked.
    for source in ["message", "merge", "squash", "commit"] {
        let ran = arawn(&home, &["commit", "--hook", ".git/COMMIT_EDITMSG", source, "HEAD"]).await;
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_gets_no_message_does_not_stop_the_commit() {
    let home = Home::with_ollama("http://127.0.0.1:9");
    git(&home, &["init", "-q"]);
    home.write("work/a.py", "one\n");
    git(&home, &["add", "."]);
    home.write("work/.git/COMMIT_EDITMSG", "\n# x\n");
    let ran = arawn(&home, &["commit", "--hook", ".git/COMMIT_EDITMSG"]).await;
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(text(&ran.stderr).starts_with("arawn: no message: "), "{ran:?}");
    assert_eq!(home.read("work/.git/COMMIT_EDITMSG"), "\n# x\n");
}
