//! Holds the source to the directions of dependency that ARCHITECTURE.md states.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `src`, with its path relative to it, without comments and test modules.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (name, production_code(&fs::read_to_string(&path).unwrap()))
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// The text before the first test module, without comment lines.
fn production_code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Fails unless only files below `allowed` hold `word`.
fn check_only(word: &str, allowed: &[&str]) {
    let offenders: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| {
            text.contains(word) && !allowed.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(
        offenders.is_empty(),
        "`{word}` may stand only in {allowed:?}, but stands in {offenders:?}"
    );
}

/// Fails if a file below `module` imports one of `forbidden`.
fn check_not(module: &str, forbidden: &[&str]) {
    for (name, text) in sources().into_iter().filter(|(name, _)| name.starts_with(module)) {
        for other in forbidden {
            assert!(
                !text.contains(&format!("crate::{other}")),
                "src/{name} must not use `crate::{other}`"
            );
        }
    }
}

#[test]
fn only_the_language_server_names_the_protocol_crates() {
    check_only("tower_lsp", &["lsp/"]);
    check_only("lsp_types", &["lsp/"]);
}

#[test]
fn only_config_and_secrets_read_environment_and_keyring() {
    check_only("std::env::var", &["config/", "secrets.rs"]);
    check_only("env::vars", &["config/", "secrets.rs"]);
    check_only("keyring::", &["config/", "secrets.rs"]);
}

#[test]
fn only_git_and_the_local_engine_are_started() {
    // Git, and the local engine with what brings and watches it.
    check_only("process::{Command", &["commits/git.rs"]);
    check_only("process::Command", &["commits/git.rs", "tools/tests.rs", "engine/"]);
}

#[test]
fn the_core_knows_no_front() {
    for module in [
        "text/",
        "syntax/",
        "model/",
        "edits/",
        "context/",
        "prompts/",
        "actions/",
        "engine/",
        "backends/",
        "gate/",
        "router/",
        "tools/",
        "conversation/",
        "review/",
        "new_files/",
        "commits/",
        "assistant",
        "rules.rs",
    ] {
        check_not(module, &["lsp", "cli", "http", "report"]);
    }
}

#[test]
fn doctor_and_editors_know_no_front() {
    check_not("doctor/", &["lsp", "cli", "http"]);
    check_not(
        "editors/",
        &["lsp", "cli", "http", "report", "assistant", "router", "backends", "gate", "doctor"],
    );
}

#[test]
fn the_fronts_do_not_know_each_other() {
    check_not("lsp/", &["cli", "http"]);
    check_not("http/", &["cli", "lsp"]);
    check_only("axum", &["http/"]);
}

#[test]
fn dependencies_point_one_way() {
    check_not(
        "text/",
        &[
            "model", "config", "backends", "router", "edits", "context", "prompts", "actions",
            "gate",
        ],
    );
    check_not(
        "model/",
        &["config", "backends", "router", "edits", "context", "prompts", "actions", "gate", "text"],
    );
    check_not(
        "syntax/",
        &[
            "model", "config", "backends", "router", "edits", "context", "prompts", "actions",
            "gate",
        ],
    );
    check_not("edits/", &["backends", "router", "prompts", "gate", "config"]);
    check_not("context/", &["backends", "router", "prompts", "gate"]);
    check_not("gate/", &["backends", "router", "assistant"]);
    check_not(
        "engine/",
        &["backends", "router", "assistant", "edits", "prompts", "actions", "gate"],
    );
    check_not("backends/", &["router", "assistant", "edits", "prompts", "actions"]);
    check_not("tools/", &["backends", "router", "assistant", "edits", "prompts", "actions"]);
    check_not("router/", &["tools", "assistant", "edits", "prompts", "actions"]);
    check_not("review/", &["backends", "router", "gate", "assistant", "actions", "prompts"]);
    check_not("new_files/", &["backends", "router", "gate", "assistant", "prompts"]);
    check_not("config/", &["backends", "router", "gate", "edits", "actions", "assistant"]);
}
