//! The dialect of Ollama's native API, which alone can set the context window honestly.

use serde_json::{Map, Value, json};

use super::fault::{Complaint, Ending, Fault, Piece};
use super::ndjson::Ndjson;
use super::{
    Asked, Decoder, Lookup, ModelInfo, Path, Prompt, Translator, classify, infill, openai, words,
};
use crate::config::BackendSettings;
use crate::model::{
    Arguments, ErrorClass, Image, Infill, Message, Role, StopReason, Task, ToolCall, Usage,
};

/// The translator of this dialect.
#[derive(Debug)]
pub(crate) struct Ollama;

/// Largest window that is asked for unless the user sets one: memory for it is allocated at once.
const DEFAULT_WINDOW: u32 = 8192;

impl Translator for Ollama {
    fn prompt(&self, asked: &Asked<'_>) -> Prompt {
        let (path, body) = match asked.infill(self) {
            Some(gap) => ("api/generate", filling(asked, gap)),
            None => ("api/chat", body(asked)),
        };
        Prompt {
            path: Path::Base(path),
            accept: "application/x-ndjson",
            body: body.to_string().into_bytes(),
        }
    }

    fn fills_in(&self, _backend: &BackendSettings, info: Option<&ModelInfo>) -> bool {
        info.is_some_and(|info| info.can("insert") == Some(true))
    }

    fn decoder(&self, asked: &Asked<'_>) -> Box<dyn Decoder> {
        Box::new(Lines::new(asked))
    }

    fn list(&self) -> Lookup {
        Lookup::Get("api/tags")
    }

    fn read_list(&self, list: &Value) -> Vec<ModelInfo> {
        let models = list.get("models").and_then(Value::as_array);
        let read = |item: &Value| {
            let id = item.get("name").or_else(|| item.get("model"))?.as_str()?.to_owned();
            let context_length = item.pointer("/details/context_length").and_then(to_length);
            let abilities = strings(item.get("capabilities"));
            let info = ModelInfo { id, context_length, abilities, ..ModelInfo::default() };
            Some(info.completely_told())
        };
        models.into_iter().flatten().filter_map(read).collect()
    }

    fn describe(&self, _backend: &BackendSettings, model: &str) -> Option<Lookup> {
        Some(Lookup::Show(model.to_owned()))
    }

    fn read_description(&self, shown: &Value, model: &str) -> Option<ModelInfo> {
        let info = shown.get("model_info").and_then(Value::as_object);
        let length = info.into_iter().flatten().find(|(key, _)| key.ends_with(".context_length"));
        let info = ModelInfo {
            id: model.to_owned(),
            context_length: length.and_then(|(_, value)| to_length(value)),
            abilities: strings(shown.get("capabilities")),
            ..ModelInfo::default()
        };
        Some(info.completely_told())
    }

    fn window(&self, backend: &BackendSettings, info: Option<&ModelInfo>) -> Option<u32> {
        let limit = info.and_then(|info| info.context_length).unwrap_or(DEFAULT_WINDOW);
        Some(backend.context_length.unwrap_or_else(|| limit.min(DEFAULT_WINDOW)))
    }
}

fn to_length(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|length| u32::try_from(length).ok()).filter(|&length| length > 0)
}

fn strings(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn body(asked: &Asked<'_>) -> Value {
    let request = asked.request;
    let mut body = Map::new();
    body.insert("model".into(), asked.model.into());
    body.insert("messages".into(), messages(asked));
    body.insert("stream".into(), true.into());
    if !request.tools.is_empty() {
        body.insert("tools".into(), openai::tools(request));
    }
    add_settings(asked, &mut body);
    body.insert("options".into(), options(asked));
    Value::Object(body)
}

/// The request for a filling: the model's own template puts the two texts around the gap.
fn filling(asked: &Asked<'_>, gap: &Infill) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), asked.model.into());
    body.insert("prompt".into(), gap.before.as_str().into());
    // Without a text after the gap Ollama takes the prompt for a question.
    let after = if gap.after.is_empty() { "\n" } else { &gap.after };
    body.insert("suffix".into(), after.into());
    body.insert("stream".into(), true.into());
    add_settings(asked, &mut body);
    let mut options = options(asked);
    options["num_predict"] = infill::max_tokens(asked, gap).into();
    options["temperature"] = infill::temperature(asked);
    // Code Llama ends with a word that Ollama does not know for an end.
    let is_code = |mark: &str| [&gap.before, &gap.after].iter().any(|text| text.contains(mark));
    let marks = FILLING_ENDS.iter().filter(|mark| !is_code(mark));
    let stops = asked.request.stop.iter().cloned().chain(gap.stop());
    let stops: Vec<String> = stops.chain(marks.map(|&mark| mark.to_owned())).collect();
    options["stop"] = json!(stops);
    body.insert("options".into(), options);
    Value::Object(body)
}

/// What ends a filling, in the families that have been seen to go on after it. A list of our own takes the place
/// of the model's.
const FILLING_ENDS: [&str; 5] =
    ["<EOT>", "<|endoftext|>", "<|file_sep|>", "<|fim_pad|>", "<|fim_prefix|>"];

/// What both kinds of requests share.
fn add_settings(asked: &Asked<'_>, body: &mut Map<String, Value>) {
    // A model that can think does so unless told otherwise; edits and completions need no essay first.
    let may_think = matches!(asked.task, Task::Ask | Task::Chat);
    if !may_think
        && asked.info.is_some_and(|info| info.abilities.iter().any(|ability| ability == "thinking"))
    {
        body.insert("think".into(), false.into());
    }
    // Without these Ollama drops the oldest messages, or shifts the window, and says nothing.
    body.insert("truncate".into(), false.into());
    body.insert("shift".into(), false.into());
    if let Some(written) = &asked.backend.keep_alive {
        body.insert("keep_alive".into(), keep_alive(written));
    }
}

/// `keep_alive` as Ollama takes it: seconds as a number, `"10m"` as a text.
pub(crate) fn keep_alive(written: &str) -> Value {
    written.parse::<i64>().map_or_else(|_| Value::from(written), Value::from)
}

fn options(asked: &Asked<'_>) -> Value {
    let mut options = Map::new();
    if let Some(window) = asked.window {
        options.insert("num_ctx".into(), window.into());
    }
    if let Some(max_tokens) = asked.request.max_tokens {
        options.insert("num_predict".into(), max_tokens.into());
    }
    if let Some(temperature) = asked.request.temperature {
        options.insert("temperature".into(), openai::short_float(temperature));
    }
    if !asked.request.stop.is_empty() {
        options.insert("stop".into(), json!(asked.request.stop));
    }
    Value::Object(options)
}

fn messages(asked: &Asked<'_>) -> Value {
    let request = asked.request;
    let system =
        (!request.system.is_empty()).then(|| json!({"role": "system", "content": request.system}));
    system.into_iter().chain(request.messages.iter().map(to_wire)).collect()
}

fn to_wire(message: &Message) -> Value {
    let mut wire = Map::new();
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    wire.insert("role".into(), role.into());
    wire.insert("content".into(), message.text.as_str().into());
    if !message.tool_calls.is_empty() {
        wire.insert("tool_calls".into(), message.tool_calls.iter().map(call_to_wire).collect());
    }
    if !message.images.is_empty() {
        // Bare base64; Ollama takes neither a data URL nor an address.
        wire.insert("images".into(), message.images.iter().map(Image::base64).collect());
    }
    if let Some(result) = &message.result_of {
        wire.insert("tool_name".into(), result.name.as_str().into());
        wire.insert("tool_call_id".into(), result.id.as_str().into());
    }
    Value::Object(wire)
}

fn call_to_wire(call: &ToolCall) -> Value {
    // Ollama takes an object only; arguments that never parsed are handed back as a text in one.
    let arguments = match &call.arguments {
        Arguments::Json(value @ Value::Object(_)) => value.clone(),
        Arguments::Json(other) => json!({"value": other}),
        Arguments::Raw(text) => json!({"raw": text}),
    };
    // Ollama does without the type; what stands in front of other servers in its name does not.
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

/// The decoder.
#[derive(Debug)]
pub(crate) struct Lines {
    framer: Ndjson,
    window: Option<u32>,
    prompt_bytes: usize,
    has_history: bool,
    made_up: String,
    n_calls: usize,
    seen_line: bool,
    over: bool,
}

impl Decoder for Lines {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        let mut lines = Vec::new();
        let result = self.framer.push(bytes, &mut lines);
        for line in lines {
            self.line(&line, out);
        }
        if result.is_err() && !self.over {
            self.fail(Fault::new(ErrorClass::NotJson, "a line of more than 8 MiB"), out);
        }
    }

    fn end(&mut self, ending: Ending, out: &mut Vec<Piece>) {
        if let Some(line) = self.framer.finish() {
            // A line that the cut left unfinished tells nothing; the cut itself is the failure.
            if !self.seen_line || serde_json::from_str::<Value>(&line).is_ok() {
                self.line(&line, out);
            }
        }
        if self.over {
            return;
        }
        let fault = match ending {
            Ending::Broken(reason) => Fault::new(ErrorClass::Truncated, reason),
            Ending::Closed if self.seen_line => {
                Fault::new(ErrorClass::Truncated, "the stream ended without its end sign")
            }
            Ending::Closed => Fault::new(ErrorClass::NotJson, "the answer is empty"),
        };
        self.fail(fault, out);
    }

    fn is_settled(&self) -> bool {
        false
    }
}

impl Lines {
    fn new(asked: &Asked<'_>) -> Self {
        let request = asked.request;
        let gap = asked.infill(&Ollama);
        let texts = request.messages.iter().map(|message| message.text.len());
        let of_messages = request.system.len() + texts.sum::<usize>();
        let prompt_bytes = gap.map_or(of_messages, |gap| gap.before.len() + gap.after.len());
        Self {
            framer: Ndjson::new(),
            window: asked.window,
            prompt_bytes,
            // The front of a gap may have been cached too.
            has_history: gap.is_some() || request.messages.len() > 1,
            made_up: format!("call_{:08x}_", fastrand::u32(..)),
            n_calls: 0,
            seen_line: false,
            over: false,
        }
    }

    fn line(&mut self, line: &str, out: &mut Vec<Piece>) {
        if self.over {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(line.trim()) else {
            let quoted = words::quote(line.as_bytes(), None);
            let fault = if self.seen_line {
                // Some proxies and old servers report a failure as a plain line.
                Fault::new(ErrorClass::Server, quoted)
            } else {
                Fault::new(ErrorClass::NotJson, format!("the answer is not JSON: {quoted}"))
            };
            return self.fail(fault, out);
        };
        if let Some(complaint) = Complaint::in_json(&value) {
            return self.fail(classify::of_complaint(complaint), out);
        }
        if !(value.get("message").is_some() || value.get("done").is_some()) {
            // New kinds of lines may come; a first line of another kind is another program's.
            if !self.seen_line {
                let quoted = words::quote(line.as_bytes(), None);
                self.fail(
                    Fault::new(ErrorClass::NotJson, format!("the answer is no chat: {quoted}")),
                    out,
                );
            }
            return;
        }
        self.seen_line = true;
        if let Some(message) = value.get("message") {
            self.message(message, out);
        }
        // What is generated without a conversation.
        let response = value.get("response").and_then(Value::as_str).filter(|it| !it.is_empty());
        out.extend(response.map(|text| Piece::Text(text.to_owned())));
        if value.get("done").and_then(Value::as_bool) == Some(true) {
            self.done(&value, out);
        }
    }

    fn message(&mut self, message: &Value, out: &mut Vec<Piece>) {
        let text =
            |name: &str| message.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        out.extend(text("thinking").map(|text| Piece::Reasoning(text.to_owned())));
        out.extend(text("content").map(|text| Piece::Text(text.to_owned())));
        for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            out.push(Piece::ToolCall(self.call(call)));
        }
    }

    fn call(&mut self, call: &Value) -> ToolCall {
        let id = call.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = id.map_or_else(|| format!("{}{}", self.made_up, self.n_calls), str::to_owned);
        self.n_calls += 1;
        let function = call.get("function").unwrap_or(call);
        let arguments = match function.get("arguments") {
            None | Some(Value::Null) => Arguments::Json(Value::Object(Map::new())),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map_or_else(|_| Arguments::Raw(text.clone()), Arguments::Json),
            Some(value) => Arguments::Json(value.clone()),
        };
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        ToolCall { id, name, arguments }
    }

    fn done(&mut self, last: &Value, out: &mut Vec<Piece>) {
        let count = |name: &str| last.get(name).and_then(Value::as_u64);
        let read = count("prompt_eval_count");
        out.push(Piece::Usage(Usage {
            input_tokens: read.unwrap_or(0),
            output_tokens: count("eval_count").unwrap_or(0),
            ..Usage::default()
        }));
        if let Some(read) = read.filter(|&read| self.is_cut(read)) {
            let message = format!(
                "the server read {read} tokens of a prompt of about {}: it cut the rest off",
                self.prompt_bytes / 4
            );
            return self.fail(Fault::new(ErrorClass::ContextOverflow, message), out);
        }
        let reason = match last.get("done_reason").and_then(Value::as_str).unwrap_or_default() {
            "length" => StopReason::Length,
            _ if self.n_calls > 0 => StopReason::ToolCalls,
            "" | "stop" => StopReason::Stop,
            other => StopReason::Other(other.to_owned()),
        };
        out.push(Piece::Done(reason));
        self.over = true;
    }

    /// Whether a server that ignores `truncate` and `num_ctx` has cut the prompt.
    ///
    /// A cut prompt fills some window exactly: ours, or one the server chose, which is a power of two.
    /// A count far below any estimate is a sign too, but not where the history may have been cached:
    /// old servers count only what they newly read.
    fn is_cut(&self, read: u64) -> bool {
        let likely = self.prompt_bytes as u64 / 4;
        let fills_ours = self
            .window
            .is_some_and(|window| read == u64::from(window) || read + 1 == u64::from(window));
        let fills_other = read >= 2048
            && (read.is_power_of_two() || (read + 1).is_power_of_two())
            && likely > read;
        let far_below = !self.has_history && read >= 256 && self.prompt_bytes as u64 / 10 > read;
        fills_ours || fills_other || far_below
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Piece>) {
        out.push(Piece::Failed(fault));
        self.over = true;
    }
}
