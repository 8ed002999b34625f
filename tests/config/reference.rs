//! The documentation made from the types is the one in the repository.

use std::path::Path;

use arawn::config;
use serde_json::{Value, json};

use crate::home::Home;

fn check_fresh(path: &str, wanted: &str, refresh: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let found = std::fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n");
    assert!(found == wanted, "{path} is stale; refresh it with `{refresh} > {path}`");
}

#[test]
fn the_reference_is_fresh() {
    check_fresh("docs/config.md", &config::reference_markdown(), "arawn config schema --markdown");
}

#[test]
fn the_schema_is_fresh() {
    let schema = format!("{:#}\n", config::schema());
    check_fresh("docs/arawn.schema.json", &schema, "arawn config schema");
}

#[test]
fn every_key_is_described() {
    fn check(path: &str, schema: &Value) {
        for (key, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            assert!(below["description"].is_string(), "{path} has no description");
            check(&path, below);
        }
        if let Some(below) = schema.get("additionalProperties").filter(|below| below.is_object()) {
            check(&format!("{path}.NAME"), below);
        }
    }
    check("", &config::schema());
}

#[test]
fn the_table_for_the_readme_has_the_chain_and_its_defaults() {
    let table = config::readme_table();
    assert!(table.contains("| `llm.backend` | `\"ollama\"` |"), "{table}");
    assert!(table.contains("`tasks.TASK.model`"), "{table}");
    assert!(!table.contains("tasks.edit"), "{table}");
}

/// The settings of VS Code that are the server's: without those that the extension keeps to itself.
fn settings_of_the_extension() -> serde_json::Map<String, Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/vscode/package.json");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut settings =
        manifest["contributes"]["configuration"]["properties"].as_object().unwrap().clone();
    settings.retain(|name, _| name != "arawn.server.path" && name != "arawn.trace.server");
    settings
}

#[test]
fn the_settings_of_the_vs_code_extension_are_fresh() {
    let wanted = config::editor_settings();
    assert!(
        Value::Object(settings_of_the_extension()) == wanted,
        "put these into `configuration.properties` of editors/vscode/package.json:\n{wanted:#}"
    );
}

#[test]
fn whatever_the_extension_offers_counts_as_an_editor_setting() {
    for (name, property) in settings_of_the_extension() {
        let kind = property["type"][0].as_str().unwrap();
        let values = property["enum"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![if kind == "array" { json!([]) } else { json!("ollama") }]);
        for value in values.into_iter().filter(|value| !value.is_null()) {
            let keys = name.split('.').skip(1).collect::<Vec<_>>();
            let section =
                keys.iter().rev().fold(value.clone(), |below, key| json!({ *key: below }));
            let user = "[llm]\nbackend = \"ollama\"\n[edits]\npreview = \"never\"\n";
            let warnings = Home::with(user).editor(section).warnings();
            assert!(warnings.is_empty(), "{name} = {value}: {warnings:?}");
        }
    }
}
