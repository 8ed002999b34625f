//! The settings that an editor's extension offers: what editor settings may say at all, made from the schema.
//!
//! Settings can come with a repository; [`super::narrow`] decides what counts, and a test holds both together.

use serde_json::{Map, Value as Json, json};

use super::problem::dotted;
use super::reference::SCHEMA;

/// A key and, where only some of its values narrow, these.
type Offered = (&'static [&'static str], &'static [&'static str]);

const OFFERED: [Offered; 7] = [
    (&["llm", "backend"], &[]),
    (&["llm", "model"], &[]),
    (&["llm", "fallback"], &[]),
    (&["privacy", "cloud"], &["\"never\""]),
    (&["privacy", "ignore"], &[]),
    (&["edits", "preview"], &["\"conflict\"", "\"always\""]),
    (&["edits", "reask"], &["false"]),
];

/// The properties of `editors/vscode/package.json` that the server reads, as VS Code wants them.
pub fn editor_settings() -> Json {
    let mut settings = Map::new();
    for (path, values) in OFFERED {
        let below = &SCHEMA["properties"][path[0]]["properties"][path[1]];
        put(&mut settings, path, property(below, meaning(below), values));
    }
    let tasks = SCHEMA["properties"]["tasks"]["properties"].as_object();
    for (task, table) in tasks.into_iter().flatten() {
        for key in ["backend", "model"] {
            let below = &table["properties"][key];
            let text = format!("{} {}", meaning(table), meaning(below));
            put(&mut settings, &["tasks", task, key], property(below, &text, &[]));
        }
    }
    Json::Object(settings)
}

fn put(settings: &mut Map<String, Json>, path: &[&str], property: Json) {
    let path: Vec<String> = path.iter().map(|&key| key.to_owned()).collect();
    settings.insert(format!("arawn.{}", dotted(&path)), property);
}

/// One property: `null` stands for what the user's own configuration says.
fn property(schema: &Json, meaning: &str, values: &[&str]) -> Json {
    let rule = if values.is_empty() {
        "Unset: as your own configuration says."
    } else {
        "Unset: as your own configuration says; here it can only be made stricter."
    };
    let kind = if schema["type"].is_string() { schema["type"].clone() } else { json!("string") };
    let mut property = json!({
        "type": [kind, "null"],
        "default": null,
        "markdownDescription": format!("{meaning} {rule}"),
    });
    if kind == "array" {
        property["items"] = json!({ "type": schema["items"]["type"] });
    }
    if !values.is_empty() {
        let each = values.iter().map(|value| value.parse().unwrap_or(Json::Null));
        property["enum"] = each.chain([Json::Null]).collect();
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        let wanted = property["enum"].as_array().into_iter().flatten();
        let described = wanted.filter_map(|value| variants.iter().find(|it| it["const"] == *value));
        let mut texts: Vec<&str> = described.map(self::meaning).collect();
        texts.push("As your own configuration says.");
        property["enumDescriptions"] = json!(texts);
    }
    property
}

fn meaning(schema: &Json) -> &str {
    schema["description"].as_str().unwrap_or_default()
}
