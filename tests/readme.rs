//! The README says what is true: its table is the one made from the types, its TOML loads, its files exist.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arawn::config::{self, Environment, LoadInputs};

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap().replace("\r\n", "\n")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_table_of_the_configuration_is_fresh() {
    let table = config::readme_table();
    let readme = read("README.md");
    let between = readme
        .split("<!-- config table: begin (generated) -->\n")
        .nth(1)
        .and_then(|rest| rest.split("<!-- config table: end -->").next())
        .unwrap();
    assert!(between == table, "put this between the marks of README.md:\n{table}");
}

/// The fenced blocks of a language in a Markdown file.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let mark = format!("```{language}\n");
    markdown.split(&mark).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_toml_block_loads_without_a_warning() {
    for file in ["README.md", "docs/actions.md"] {
        for block in blocks(&read(file), "toml") {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("arawn.toml");
            std::fs::write(&path, &block).unwrap();
            let inputs = LoadInputs {
                environment: Arc::new(Environment::of(home.path(), [])),
                explicit_file: Some(path),
                ..LoadInputs::default()
            };
            let loaded =
                config::load(&inputs).unwrap_or_else(|error| panic!("{file}: {error}\n{block}"));
            let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
            assert!(warnings.is_empty(), "{file}: {warnings:?}\n{block}");
        }
    }
}

#[test]
fn every_link_to_a_file_of_the_repository_leads_somewhere() {
    for file in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/actions.md",
        "editors/nvim/README.md",
        "editors/vscode/README.md",
    ] {
        let text = read(file);
        let folder = root().join(file).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            let is_ours =
                !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            assert!(
                !is_ours || folder.join(Path::new(target)).exists(),
                "{file} links to {target}"
            );
        }
    }
}
