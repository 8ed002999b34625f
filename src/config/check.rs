//! Holds a layer against the schema: what does not fit is taken out and warned about, the rest counts.
//!
//! No message quotes a value, which may be a key.

use serde_json::Value as Json;

use super::problem::{Warning, dotted, nearest};
use super::tree::{Node, Value};

/// Takes unknown keys and wrong values out of a layer.
pub(super) fn check(layer: &mut Node, schema: &Json, warnings: &mut Vec<Warning>) {
    rename_aliases(layer);
    check_table(layer, schema, &mut Vec::new(), warnings);
}

/// `num_ctx` is Ollama's word for the context length; one name makes layers comparable.
fn rename_aliases(layer: &mut Node) {
    let Some(Value::Table(backends)) = layer.table_mut().get_mut("backends").map(|n| &mut n.value)
    else {
        return;
    };
    for backend in backends.values_mut() {
        if let Some(num_ctx) = backend.remove(&["num_ctx"])
            && backend.at(&["context_length"]).is_none()
        {
            backend.put(&["context_length"], num_ctx);
        }
    }
}

fn check_table(
    node: &mut Node,
    schema: &Json,
    path: &mut Vec<String>,
    warnings: &mut Vec<Warning>,
) {
    let Value::Table(table) = &mut node.value else { return };
    table.retain(|key, child| {
        path.push(key.clone());
        let keep = check_entry(key, child, schema, path, warnings);
        path.pop();
        keep
    });
}

fn check_entry(
    key: &str,
    child: &mut Node,
    schema: &Json,
    path: &mut Vec<String>,
    warnings: &mut Vec<Warning>,
) -> bool {
    let Some(below) = schema_of(schema, key) else {
        warnings.push(Warning::new(&child.origin, path, unknown_key(key, schema, path)));
        return false;
    };
    let wanted = match (&child.value, below["type"] == "object") {
        (Value::Table(_), true) => {
            check_table(child, below, path, warnings);
            return true;
        }
        (Value::Leaf(leaf), false) if fits(leaf, below) => return true,
        _ if below.get("type").is_none() && choices(below).is_empty() => return true,
        _ => format!("must be {}; it is ignored", expected(below)),
    };
    if *path == ["privacy", "cloud"] {
        // A rule that keeps code here must not be lost to a typing error.
        child.value = Value::Leaf("never".into());
        let message = format!("must be {}; \"never\" is assumed", expected(below));
        warnings.push(Warning::new(&child.origin, path, message));
        return true;
    }
    if *path == ["server", "token"] {
        // Nor may the lock of the door: no reference begins like this, and nothing is served with it.
        child.value = Value::Leaf("$".into());
    }
    warnings.push(Warning::new(&child.origin, path, wanted));
    *path == ["server", "token"]
}

/// The schema of a key; `None` if there may be no such key.
fn schema_of<'a>(schema: &'a Json, key: &str) -> Option<&'a Json> {
    let named = schema.get("properties").and_then(|properties| properties.get(key));
    named.or_else(|| match schema.get("additionalProperties") {
        Some(Json::Bool(false)) => None,
        Some(other) => Some(other),
        None => Some(&Json::Null),
    })
}

fn unknown_key(key: &str, schema: &Json, path: &[String]) -> String {
    let known = schema["properties"].as_object().into_iter().flat_map(|object| object.keys());
    let parent = &path[..path.len() - 1];
    match nearest(key, known.map(String::as_str)) {
        Some(near) => {
            let near: Vec<&str> = parent.iter().map(String::as_str).chain([near]).collect();
            format!("is not known; did you mean `{}`?", dotted(&near))
        }
        None => "is not known; it is ignored".to_owned(),
    }
}

fn fits(leaf: &toml::Value, schema: &Json) -> bool {
    let choices = choices(schema);
    if !choices.is_empty() {
        return leaf.as_str().is_some_and(|text| choices.contains(&text));
    }
    match schema["type"].as_str() {
        Some("string") => leaf.is_str(),
        Some("boolean") => leaf.is_bool(),
        Some("integer") => leaf.as_integer().is_some_and(|number| in_range(number, schema)),
        Some("number") => number(leaf).is_some_and(|number| in_float_range(number, schema)),
        Some("array") => leaf
            .as_array()
            .is_some_and(|items| items.iter().all(|item| fits(item, &schema["items"]))),
        Some("object") => false,
        _ => true,
    }
}

#[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
fn number(leaf: &toml::Value) -> Option<f64> {
    leaf.as_float().or_else(|| leaf.as_integer().map(|integer| integer as f64))
}

fn in_range(number: i64, schema: &Json) -> bool {
    let least = schema["minimum"].as_f64().map_or(0, to_integer);
    let most = schema["maximum"].as_f64().map_or(i64::from(u32::MAX), to_integer);
    (least..=most).contains(&number)
}

#[expect(clippy::cast_possible_truncation, reason = "bounds are small whole numbers")]
fn to_integer(bound: f64) -> i64 {
    bound as i64
}

fn in_float_range(number: f64, schema: &Json) -> bool {
    schema["minimum"].as_f64().is_none_or(|least| number >= least)
        && schema["maximum"].as_f64().is_none_or(|most| number <= most)
}

/// The strings an enumeration allows; empty for anything else.
fn choices(schema: &Json) -> Vec<&str> {
    let listed = schema["enum"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let documented = schema["oneOf"].as_array().into_iter().flatten();
    listed.chain(documented.filter_map(|choice| choice["const"].as_str())).collect()
}

/// What fits a schema, in words.
pub(super) fn expected(schema: &Json) -> String {
    let choices = choices(schema);
    if !choices.is_empty() {
        let quoted: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
        return if quoted.len() > 2 {
            format!("one of {}", quoted.join(", "))
        } else {
            quoted.join(" or ")
        };
    }
    let bounds = match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(", at least {least}"),
        _ => String::new(),
    };
    match schema["type"].as_str() {
        Some("string") => "a string".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => format!("a whole number{bounds}"),
        Some("number") => format!("a number{bounds}"),
        Some("array") => "a list of strings".to_owned(),
        Some("object") => "a table".to_owned(),
        _ => "another kind of value".to_owned(),
    }
}
