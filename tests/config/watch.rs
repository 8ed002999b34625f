//! A change of a file is told, however the editor writes it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use arawn::config::{Watcher, watch};

use super::home::Home;

const DEADLINE: Duration = Duration::from_secs(20);

fn watched(files: &[PathBuf]) -> (Watcher, Receiver<()>) {
    let (sender, receiver) = channel();
    let watcher = watch(files, move || sender.send(()).unwrap_or_default()).unwrap();
    (watcher, receiver)
}

#[test]
fn a_file_that_is_replaced_by_renaming_is_told() {
    let home = Home::with("");
    let file = home.path().join(".config/arawn/arawn.toml");
    let (_watcher, changes) = watched(std::slice::from_ref(&file));
    for text in ["[llm]\n", "[log]\n"] {
        let other = home.write(".config/arawn/.swap", text);
        std::fs::rename(other, &file).unwrap();
        changes.recv_timeout(DEADLINE).expect("a change");
    }
}

#[test]
fn a_file_that_appears_with_its_folders_is_told_and_so_is_its_next_change() {
    let home = Home::new();
    let file = home.path().join(".arawn/arawn.toml");
    let (_watcher, changes) = watched(&[file]);
    home.write(".arawn/arawn.toml", "[llm]\n");
    changes.recv_timeout(DEADLINE).expect("the file");
    home.write(".arawn/arawn.toml", "[log]\n");
    changes.recv_timeout(DEADLINE).expect("its change");
}

#[test]
fn a_new_file_in_a_watched_folder_is_told() {
    let home = Home::new();
    home.write(".config/arawn/actions/one.md", "");
    let (_watcher, changes) = watched(&[home.path().join(".config/arawn/actions")]);
    home.write(".config/arawn/actions/two.md", "");
    changes.recv_timeout(DEADLINE).expect("a change");
}

#[test]
fn dropping_the_watcher_ends_it() {
    let home = Home::with("");
    let (watcher, changes) = watched(&[home.path().join(".config/arawn/arawn.toml")]);
    drop(watcher);
    // The callback, and with it the sender, goes away when the thread ends.
    assert!(
        changes
            .recv_timeout(DEADLINE)
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected)
    );
}
