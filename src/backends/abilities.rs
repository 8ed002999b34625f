//! What servers of the openai dialect tell of their models, each in its own way.

use serde_json::Value;

use super::{Lifecycle, ModelInfo};

/// One item of a list of models.
pub(super) fn read_model(item: &Value) -> Option<ModelInfo> {
    let id = item.get("id").or_else(|| item.get("name"))?.as_str()?.to_owned();
    let (abilities, lacks) = abilities(item);
    let (lifecycle, retires_at) = lifecycle(item);
    let max_output = item.get("max_completion_tokens").and_then(Value::as_u64);
    Some(ModelInfo {
        id,
        context_length: context_length(item),
        abilities,
        lacks,
        is_of_llama_cpp: item.get("owned_by").and_then(Value::as_str) == Some("llamacpp"),
        max_output: max_output.and_then(|length| u32::try_from(length).ok()),
        lifecycle,
        retires_at,
        ..ModelInfo::default()
    })
}

/// Groq, vLLM, llama.cpp, and gateways, in this order.
fn context_length(item: &Value) -> Option<u32> {
    [
        "/context_window",
        "/max_model_len",
        "/meta/n_ctx",
        "/context_length",
        "/max_context_length",
        "/meta/n_ctx_train",
    ]
    .iter()
    .find_map(|path| item.pointer(path).and_then(Value::as_u64))
    .and_then(|length| u32::try_from(length).ok())
    .filter(|&length| length > 0)
}

/// Abilities in our words that the server tells of: those it has, and those it has not.
///
/// llama.cpp and `OpenRouter` list modalities, Mistral has switches, and LM Studio's own list has a type.
/// What a server leaves out stays unknown.
fn abilities(item: &Value) -> (Vec<String>, Vec<String>) {
    let mut told: Vec<(&str, bool)> = Vec::new();
    if let Some(switches) = item.get("capabilities").and_then(Value::as_object) {
        let names = [
            ("function_calling", "tools"),
            ("vision", "vision"),
            ("completion_fim", "insert"),
            ("reasoning", "thinking"),
        ];
        let switch = |name: &str| switches.get(name).and_then(Value::as_bool);
        told.extend(names.iter().filter_map(|(name, ours)| Some((*ours, switch(name)?))));
    }
    if let Some(modalities) = words_at(item, "/architecture/input_modalities") {
        told.push(("vision", modalities.contains(&"image")));
    }
    if let Some(parameters) = words_at(item, "/supported_parameters") {
        told.push(("tools", parameters.contains(&"tools")));
        told.push(("thinking", parameters.contains(&"reasoning")));
    }
    match item.get("type").and_then(Value::as_str) {
        Some("vlm") => told.push(("vision", true)),
        Some("llm") => told.push(("vision", false)),
        Some("embeddings" | "embedding") => told.push(("embedding", true)),
        _ => {}
    }
    let those = |has: bool| {
        told.iter().filter(|told| told.1 == has).map(|told| told.0.to_owned()).collect()
    };
    (those(true), those(false))
}

fn words_at<'a>(item: &'a Value, path: &str) -> Option<Vec<&'a str>> {
    Some(item.pointer(path)?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// Whether the model is on its way out, and the day where it is told.
fn lifecycle(item: &Value) -> (Lifecycle, Option<String>) {
    let retires_at = ["deprecation", "deprecation_date", "expiration_date", "shutdown_date"]
        .iter()
        .find_map(|name| item.get(*name).and_then(Value::as_str))
        .map(str::to_owned);
    let lifecycle = match (item.get("active").and_then(Value::as_bool), &retires_at) {
        // Groq keeps what it has switched off in its list.
        (Some(false), _) => Lifecycle::Retired,
        (_, Some(_)) => Lifecycle::Deprecated,
        (_, None) => Lifecycle::Active,
    };
    (lifecycle, retires_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(item: &Value) -> ModelInfo {
        read_model(item).unwrap()
    }

    #[test]
    fn a_list_without_abilities_tells_nothing_about_vision() {
        let info = read(&json!({"id": "gpt-4o", "object": "model", "owned_by": "system"}));
        assert_eq!((info.can("vision"), info.context_length), (None, None));
    }

    #[test]
    fn modalities_of_llama_cpp_tell_who_sees() {
        let blind = read(
            &json!({"id": "m", "architecture": {"input_modalities": ["text"]}, "meta": {"n_ctx": 4096}}),
        );
        assert_eq!((blind.can("vision"), blind.context_length), (Some(false), Some(4096)));
        let sees =
            read(&json!({"id": "m", "architecture": {"input_modalities": ["text", "image"]},
            "supported_parameters": ["tools", "stop"]}));
        assert_eq!(sees.abilities, ["vision", "tools"]);
        assert_eq!(blind.can("tools"), None, "nothing was said of tools");
    }

    #[test]
    fn switches_are_translated_into_our_words() {
        let info = read(
            &json!({"id": "codestral", "max_context_length": 256_000, "deprecation": "2026-12-01",
            "capabilities": {"completion_chat": true, "completion_fim": true, "function_calling": true, "vision": false}}),
        );
        assert_eq!(info.abilities, ["tools", "insert"]);
        assert_eq!((info.can("vision"), info.can("insert")), (Some(false), Some(true)));
        assert_eq!(info.lifecycle, Lifecycle::Deprecated);
        assert_eq!(info.retires_at.as_deref(), Some("2026-12-01"));
    }

    #[test]
    fn a_model_that_groq_no_longer_serves_is_retired() {
        let info =
            read(&json!({"id": "mixtral-8x7b-32768", "active": false, "context_window": 32768}));
        assert_eq!(info.lifecycle, Lifecycle::Retired);
        assert_eq!(read(&json!({"id": "x", "active": true})).lifecycle, Lifecycle::Active);
    }
}
