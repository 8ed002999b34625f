//! The dialect of the Chat Completions API: `OpenAI`, Groq, llama.cpp, vLLM, LM Studio and many more.

use serde_json::{Map, Value, json};

use super::chunks::Chunks;
use super::infill::{self, Filling};
use super::{Asked, Decoder, Lookup, ModelInfo, Path, Prompt, Translator, abilities};
use crate::config::{BackendSettings, Engine, Provider};
use crate::model::{Arguments, Message, Request, Role, ToolCall};

/// The translator of this dialect.
#[derive(Debug)]
pub(crate) struct OpenAi;

/// Most stop strings that all servers accept.
const MAX_STOPS: usize = 4;

impl Translator for OpenAi {
    fn prompt(&self, asked: &Asked<'_>) -> Prompt {
        if let Some(gap) = asked.infill(self) {
            return infill::prompt(asked, gap);
        }
        let body = body(asked.backend, asked.model, asked.request);
        Prompt {
            path: Path::Base("chat/completions"),
            accept: "text/event-stream",
            body: body.to_string().into_bytes(),
        }
    }

    fn fills_in(&self, backend: &BackendSettings, info: Option<&ModelInfo>) -> bool {
        match &backend.engine {
            Some(Engine::Awake { fills_in, .. }) => *fills_in,
            Some(Engine::Asleep(_)) => false,
            // llama.cpp tells only when it is asked to whether its model does it; the others have no such path.
            None => info.is_some_and(|info| info.is_of_llama_cpp),
        }
    }

    fn decoder(&self, asked: &Asked<'_>) -> Box<dyn Decoder> {
        if let Some(gap) = asked.infill(self) {
            return Box::new(Filling::new(gap.edge.clone()));
        }
        Box::new(Chunks::new(format!("call_{:08x}_", fastrand::u32(..))))
    }

    fn list(&self) -> Lookup {
        Lookup::Get("models")
    }

    fn read_list(&self, list: &Value) -> Vec<ModelInfo> {
        let items = list.get("data").or_else(|| list.get("models")).unwrap_or(list);
        items.as_array().into_iter().flatten().filter_map(abilities::read_model).collect()
    }

    fn describe(&self, backend: &BackendSettings, _model: &str) -> Option<Lookup> {
        // OpenAI's own list tells no window, so asking would only cost time.
        (!is_openai_host(backend)).then(|| self.list())
    }

    fn read_description(&self, list: &Value, model: &str) -> Option<ModelInfo> {
        let models = self.read_list(list);
        // llama.cpp serves one model and ignores what name it is asked by.
        let only = if let [only] = models.as_slice() { Some(only.clone()) } else { None };
        models.into_iter().find(|info| info.id == model).or(only)
    }

    fn window(&self, backend: &BackendSettings, info: Option<&ModelInfo>) -> Option<u32> {
        backend.context_length.or_else(|| info?.context_length)
    }
}

fn is_openai_host(backend: &BackendSettings) -> bool {
    backend.base_url.host_str().is_some_and(|host| {
        host == "api.openai.com"
            || host.ends_with(".openai.com")
            || host.ends_with(".openai.azure.com")
    })
}

fn body(backend: &BackendSettings, model: &str, request: &Request) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages(backend, request).into());
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({"include_usage": true}));
    if let Some(max_tokens) = request.max_tokens {
        // OpenAI's newer models refuse `max_tokens`; other servers know only that.
        let field = if is_openai_host(backend) { "max_completion_tokens" } else { "max_tokens" };
        body.insert(field.into(), max_tokens.into());
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".into(), short_float(temperature));
    }
    if !request.stop.is_empty() {
        let stops: Vec<&String> = request.stop.iter().take(MAX_STOPS).collect();
        body.insert("stop".into(), json!(stops));
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), tools(request));
    }
    Value::Object(body)
}

/// The number as the user wrote it: 0.2, not 0.20000000298.
pub(crate) fn short_float(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// The tools in the form that this dialect and Ollama's share.
pub(crate) fn tools(request: &Request) -> Value {
    request
        .tools
        .iter()
        .map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        })
        .collect()
}

fn messages(backend: &BackendSettings, request: &Request) -> Vec<Value> {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    messages.extend(request.messages.iter().map(|message| to_wire(backend, message)));
    messages
}

fn to_wire(backend: &BackendSettings, message: &Message) -> Value {
    match message.role {
        Role::User if message.images.is_empty() => json!({"role": "user", "content": message.text}),
        Role::User => json!({"role": "user", "content": parts(message)}),
        Role::Tool => {
            let id = message.result_of.as_ref().map_or("", |result| result.id.as_str());
            json!({"role": "tool", "tool_call_id": id, "content": message.text})
        }
        Role::Assistant if message.tool_calls.is_empty() => {
            json!({"role": "assistant", "content": message.text})
        }
        Role::Assistant => {
            let calls: Vec<Value> = message.tool_calls.iter().map(call_to_wire).collect();
            // Some templates fail on null content, OpenAI itself accepts both.
            let content = match (message.text.is_empty(), backend.provider) {
                (true, Provider::OpenAi) => Value::Null,
                _ => Value::from(message.text.as_str()),
            };
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
    }
}

/// A message with images: they come first, and the text about them after.
fn parts(message: &Message) -> Vec<Value> {
    let images = message
        .images
        .iter()
        .map(|image| json!({"type": "image_url", "image_url": {"url": image.data_url()}}));
    let text = (!message.text.is_empty()).then(|| json!({"type": "text", "text": message.text}));
    images.chain(text).collect()
}

fn call_to_wire(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        Arguments::Json(value) => value.to_string(),
        Arguments::Raw(text) => text.clone(),
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}
