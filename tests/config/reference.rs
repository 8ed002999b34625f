//! The documentation made from the types is the one in the repository.

use std::path::Path;

use arawn::config;
use serde_json::Value;

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
