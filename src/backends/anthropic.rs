//! The dialect of Anthropic's Messages API.

use serde_json::{Map, Value, json};

use super::messages::Messages;
use super::openai::short_float;
use super::{Asked, Decoder, Lifecycle, Lookup, ModelInfo, Path, Prompt, Translator};
use crate::config::{BackendSettings, Provider};
use crate::model::{Arguments, Image, Message, Role, ToolCall};

/// The translator of this dialect.
#[derive(Debug)]
pub(crate) struct Anthropic;

/// Most tokens of an answer where nobody says; the API demands a number.
const DEFAULT_MAX_TOKENS: u32 = 4096;
/// What every model of Anthropic's own can read at least.
const LEAST_WINDOW: u32 = 200_000;
/// Where the models are listed.
const MODELS: &str = "v1/models";

impl Translator for Anthropic {
    fn prompt(&self, asked: &Asked<'_>) -> Prompt {
        Prompt {
            path: Path::Base("v1/messages"),
            accept: "text/event-stream",
            body: body(asked).to_string().into_bytes(),
        }
    }

    fn decoder(&self, _asked: &Asked<'_>) -> Box<dyn Decoder> {
        Box::new(Messages::new())
    }

    fn list(&self) -> Lookup {
        Lookup::Page { path: MODELS, after: None }
    }

    fn read_list(&self, list: &Value) -> Vec<ModelInfo> {
        let items = list.get("data").and_then(Value::as_array);
        items.into_iter().flatten().filter_map(read_model).collect()
    }

    fn next_page(&self, list: &Value) -> Option<Lookup> {
        let has_more = list.get("has_more").and_then(Value::as_bool) == Some(true);
        let after = list.get("last_id").and_then(Value::as_str).filter(|_| has_more)?;
        Some(Lookup::Page { path: MODELS, after: Some(after.to_owned()) })
    }

    fn describe(&self, _backend: &BackendSettings, model: &str) -> Option<Lookup> {
        Some(Lookup::Model { path: MODELS, id: model.to_owned() })
    }

    fn read_description(&self, answer: &Value, _model: &str) -> Option<ModelInfo> {
        read_model(answer)
    }

    fn window(&self, backend: &BackendSettings, info: Option<&ModelInfo>) -> Option<u32> {
        let told = backend.context_length.or_else(|| info?.context_length);
        told.or((backend.provider == Provider::Anthropic).then_some(LEAST_WINDOW))
    }
}

fn read_model(item: &Value) -> Option<ModelInfo> {
    let id = item.get("id")?.as_str()?.to_owned();
    let count = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| item.pointer(name).and_then(Value::as_u64))
            .and_then(|count| u32::try_from(count).ok())
            .filter(|&count| count > 0)
    };
    let lifecycle = match item.get("lifecycle").and_then(Value::as_str) {
        Some("deprecated") => Lifecycle::Deprecated,
        Some("retired") => Lifecycle::Retired,
        _ => Lifecycle::Active,
    };
    let retires_at = item.get("retires_at").and_then(Value::as_str).map(str::to_owned);
    Some(ModelInfo {
        id,
        // llama.cpp lists its model in a form of its own.
        context_length: count(["/max_input_tokens", "/meta/n_ctx"]),
        abilities: abilities(item),
        lacks: lacks(item),
        max_output: count(["/max_tokens", "/max_output_tokens"]),
        lifecycle,
        retires_at,
        ..ModelInfo::default()
    })
}

/// What the list says a model can do, in our words. Where it has no such table, nothing is known.
fn abilities(item: &Value) -> Vec<String> {
    let Some(table) = item.get("capabilities").and_then(Value::as_object) else {
        return Vec::new();
    };
    let can = |name: &str| {
        table.get(name).and_then(|ability| ability.get("supported")).and_then(Value::as_bool)
            == Some(true)
    };
    // Tools have no entry: there is no model without them.
    let told = [("image_input", "vision"), ("thinking", "thinking"), ("pdf_input", "pdf")];
    let told = told.into_iter().filter(|(name, _)| can(name)).map(|(_, ability)| ability);
    ["completion", "tools"].into_iter().chain(told).map(str::to_owned).collect()
}

/// What the list says a model cannot do.
fn lacks(item: &Value) -> Vec<String> {
    let table = item.get("capabilities");
    let cannot = |name: &str| {
        table.and_then(|table| table.get(name)?.get("supported")?.as_bool()) == Some(false)
    };
    let told = [("image_input", "vision"), ("thinking", "thinking")];
    let told = told.into_iter().filter(|(name, _)| cannot(name));
    told.map(|(_, ability)| ability.to_owned()).collect()
}

fn body(asked: &Asked<'_>) -> Value {
    let request = asked.request;
    let mut body = Map::new();
    body.insert("model".into(), asked.model.into());
    body.insert("max_tokens".into(), max_tokens(asked).into());
    body.insert("stream".into(), true.into());
    // Refused by current models unless it is left out, so it goes out only where the user set it.
    if let Some(temperature) = request.temperature {
        body.insert("temperature".into(), short_float(temperature));
    }
    let stops: Vec<&String> = request.stop.iter().filter(|stop| !stop.trim().is_empty()).collect();
    if !stops.is_empty() {
        body.insert("stop_sequences".into(), json!(stops));
    }
    // Tools, system prompt, messages: the order in which prefixes are cached.
    let has_system = !request.system.trim().is_empty();
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
            })
            .collect();
        if !has_system {
            mark_cached(&mut tools);
        }
        body.insert("tools".into(), tools.into());
    }
    if has_system {
        let mut system = vec![text_block(&request.system)];
        mark_cached(&mut system);
        body.insert("system".into(), system.into());
    }
    body.insert("messages".into(), turns(asked).into());
    Value::Object(body)
}

fn max_tokens(asked: &Asked<'_>) -> u32 {
    let wanted = asked.request.max_tokens;
    let most = asked.info.and_then(|info| info.max_output).unwrap_or(u32::MAX);
    // A number of the user's is sent as it is; only the default bows to a small model.
    wanted.unwrap_or(DEFAULT_MAX_TOKENS.min(most))
}

/// Marks the last block as the end of what is the same the next time. Prefixes too short to be cached cost nothing.
fn mark_cached(blocks: &mut [Value]) {
    if let Some(Value::Object(block)) = blocks.last_mut() {
        block.insert("cache_control".into(), json!({"type": "ephemeral"}));
    }
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// The conversation as turns that alternate, begin with the user, and hold no empty text.
fn turns(asked: &Asked<'_>) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &asked.request.messages {
        let (role, blocks) = match message.role {
            Role::User => ("user", said(message)),
            Role::Tool => ("user", vec![result(message)]),
            Role::Assistant => ("assistant", answered(asked, message)),
        };
        if blocks.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    if turns.first().is_none_or(|(role, _)| *role != "user") {
        // The older part of a conversation was left out, up to an answer.
        turns.insert(0, ("user", vec![text_block("(the conversation so far is left out)")]));
    }
    for (role, blocks) in &mut turns {
        if *role == "user" {
            // Results must be the first thing in the turn that follows their calls.
            blocks.sort_by_key(|block| block["type"] != "tool_result");
        }
    }
    // What the model said itself goes back unchanged, without a mark.
    if asked.request.messages.len() > 1
        && let Some(("user", blocks)) = turns.last_mut().map(|(role, blocks)| (*role, blocks))
    {
        mark_cached(blocks);
    }
    turns.into_iter().map(|(role, blocks)| json!({"role": role, "content": blocks})).collect()
}

fn said(message: &Message) -> Vec<Value> {
    // Models answer better about an image that stands before the question.
    let images = message.images.iter().map(image);
    let text = (!message.text.trim().is_empty()).then(|| text_block(&message.text));
    images.chain(text).collect()
}

fn image(image: &Image) -> Value {
    let source =
        json!({"type": "base64", "media_type": image.media_type(), "data": image.base64()});
    json!({"type": "image", "source": source})
}

fn result(message: &Message) -> Value {
    let id = message.result_of.as_ref().map_or("", |result| result.id.as_str());
    let mut block = Map::new();
    block.insert("type".into(), "tool_result".into());
    block.insert("tool_use_id".into(), accepted_id(id).into());
    if !message.text.trim().is_empty() {
        block.insert("content".into(), message.text.as_str().into());
    }
    Value::Object(block)
}

/// A turn of the model: unchanged where it made it itself, else what any model understands of it.
fn answered(asked: &Asked<'_>, message: &Message) -> Vec<Value> {
    let parts = message.provider_parts.as_ref();
    if let Some(Value::Array(blocks)) =
        parts.and_then(|parts| parts.of(&asked.backend.name, asked.model))
    {
        return blocks.clone();
    }
    let text = (!message.text.trim().is_empty()).then(|| text_block(&message.text));
    text.into_iter().chain(message.tool_calls.iter().map(call)).collect()
}

fn call(call: &ToolCall) -> Value {
    let input = match &call.arguments {
        Arguments::Json(value @ Value::Object(_)) => value.clone(),
        Arguments::Json(other) => json!({"value": other}),
        Arguments::Raw(text) => json!({"raw": text}),
    };
    json!({"type": "tool_use", "id": accepted_id(&call.id), "name": call.name, "input": input})
}

/// Ids of other providers hold characters that are refused here.
fn accepted_id(id: &str) -> String {
    let accepted: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .collect();
    if accepted.is_empty() { "call".to_owned() } else { accepted }
}
