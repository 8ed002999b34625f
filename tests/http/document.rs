//! The `OpenAPI` document is true.

use std::collections::BTreeSet;

use arawn::http::{ROUTES, openapi};
use serde_json::{Value, json};

use crate::serve::{Answer, Serve, config};
use crate::upstream::{Exchange, Upstream};

/// Fails unless `value` fits `schema`, and has no field that the schema does not name.
fn check(value: &Value, schema: &Value, at: &str) {
    let document = openapi();
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).unwrap();
        return check(value, schema, at);
    }
    if let Some(wanted) = schema.get("const") {
        assert_eq!(value, wanted, "{at}");
    }
    if let Some(choices) = schema["enum"].as_array() {
        assert!(choices.contains(value), "{at}: {value}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(only) => vec![only],
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&found), "{at}: {value} is no {types:?}");
    for item in value.as_array().into_iter().flatten() {
        check(item, &schema["items"], &format!("{at}[]"));
    }
    let Some(object) = value.as_object() else { return };
    let Some(properties) = schema["properties"].as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(name.as_str().unwrap()), "{at} lacks {name}: {value}");
    }
    for (name, below) in object {
        let schema = properties.get(name).unwrap_or_else(|| panic!("{at}.{name} is not described"));
        check(below, schema, &format!("{at}.{name}"));
    }
}

/// Fails unless an answer is one that the document has for its route.
pub(crate) fn check_answer(method: &str, path: &str, answer: &Answer) {
    let document = openapi();
    let described = &document["paths"][path][method]["responses"][answer.status.to_string()];
    assert!(described.is_object(), "{method} {path}: {} is not described", answer.status);
    if let Some(schema) = described.pointer("/content/application~1json/schema") {
        check(&answer.json(), schema, path);
    }
}

/// The same for an event.
pub(crate) fn check_event(event: &(String, Value)) {
    let (name, data) = event;
    let mut schema = name.clone();
    schema[..1].make_ascii_uppercase();
    let document = openapi();
    let described = &document["components"]["schemas"][format!("{schema}Event")];
    assert!(described.is_object(), "event {name} is not described");
    check(data, described, name);
}

#[test]
fn it_has_every_route_and_no_other() {
    let document = openapi();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    let routes: BTreeSet<_> =
        ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(described, routes);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_reference_in_it_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                    let target = document.pointer(name.trim_start_matches('#'));
                    assert!(target.is_some(), "{name}");
                }
                object.values().for_each(|below| walk(below, document));
            }
            Value::Array(items) => items.iter().for_each(|below| walk(below, document)),
            _ => {}
        }
    }
    let document = openapi();
    walk(&document, &document);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_there_and_answers_as_described() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let answer = serve.chat(&json!({"message": "x"})).await;
    check_answer("post", "/api/v1/chat", &answer);
    let id = answer.json()["session_id"].as_str().unwrap().to_owned();
    for (method, path) in ROUTES {
        if path.starts_with("/api/v1/chat") {
            continue;
        }
        let real = path.replace("{session_id}", &id);
        let method_name = method.to_uppercase();
        let answer = serve.request(&method_name, &real, "", "").await.answer().await;
        assert!((200..300).contains(&answer.status), "{method} {real}: {answer:?}");
        check_answer(method, path, &answer);
    }
    assert_eq!(serve.get("/api/v1/openapi.json").await.json(), openapi());
    let health = serve.get("/health").await.json();
    assert_eq!(health, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
}
