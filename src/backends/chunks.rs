//! Decodes the chunks of a streamed chat completion, as tolerantly as the servers are varied.

use serde_json::Value;

use super::events::{Events, OfEvents};
use super::fault::{Complaint, Ending, Fault, Piece};
use super::fragments::Fragments;
use super::sse::Frame;
use super::{Decoder, classify, words};
use crate::model::{ErrorClass, StopReason, Usage};

/// The decoder.
#[derive(Debug)]
pub(crate) struct Chunks {
    events: Events,
    has_choice: bool,
    calls: Fragments,
    made_up: String,
    refused: bool,
    finish: Option<String>,
    usage: Option<Usage>,
    over: bool,
}

impl Decoder for Chunks {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        let framed = self.events.push(bytes);
        self.take(framed, out);
    }

    fn end(&mut self, ending: Ending, out: &mut Vec<Piece>) {
        let framed = self.events.finish();
        self.take(framed, out);
        if self.over {
            return;
        }
        // The reason is enough where only the end sign is missing.
        if self.finish.is_some() { self.done(out) } else { self.cut(ending, out) }
    }

    fn is_settled(&self) -> bool {
        self.finish.is_some()
    }
}

impl OfEvents for Chunks {
    fn events(&self) -> &Events {
        &self.events
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Piece>) {
        if let Some(error) = &frame.error {
            return self.fail(classify::of_complaint(Complaint::of_text(error)), out);
        }
        let data = frame.data.trim();
        if data.is_empty() {
            return;
        }
        if data == "[DONE]" {
            return if self.has_choice { self.done(out) } else { self.empty(out) };
        }
        match serde_json::from_str::<Value>(data) {
            Ok(value) => self.value(&value, &frame.event, out),
            Err(_) if frame.event == "error" => {
                let complaint = Complaint { message: data.to_owned(), ..Complaint::default() };
                self.fail(classify::of_complaint(complaint), out);
            }
            Err(_) => {
                let quoted = words::quote(data.as_bytes(), None);
                self.fail(
                    Fault::new(ErrorClass::NotJson, format!("a chunk is not JSON: {quoted}")),
                    out,
                );
            }
        }
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Piece>) {
        out.extend(self.usage.map(Piece::Usage));
        out.push(Piece::Failed(fault));
        self.over = true;
    }

    fn no_stream(&mut self, out: &mut Vec<Piece>) {
        let head = self.events.head().to_vec();
        if head.iter().all(u8::is_ascii_whitespace) {
            return self.empty(out);
        }
        let Ok(value) = serde_json::from_slice::<Value>(&head) else {
            let quoted = words::quote(&head, None);
            return self.fail(
                Fault::new(ErrorClass::NotJson, format!("the answer is no stream: {quoted}")),
                out,
            );
        };
        self.value(&value, "", out);
        if self.over {
            return;
        }
        if self.finish.is_some() {
            self.done(out);
        } else {
            let quoted = words::quote(&head, None);
            self.fail(
                Fault::new(ErrorClass::NotJson, format!("the answer is no completion: {quoted}")),
                out,
            );
        }
    }
}

impl Chunks {
    /// A decoder at the start of an answer; ids that are missing are made up from `made_up`.
    pub(crate) fn new(made_up: String) -> Self {
        Self {
            events: Events::default(),
            has_choice: false,
            calls: Fragments::default(),
            made_up,
            refused: false,
            finish: None,
            usage: None,
            over: false,
        }
    }

    fn value(&mut self, value: &Value, event: &str, out: &mut Vec<Piece>) {
        if let Some(complaint) = complaint_in(value, event) {
            return self.fail(classify::of_complaint(complaint), out);
        }
        self.events.begin();
        // Groq tells usage in up to three places; the last that is not null counts.
        for usage in [value.pointer("/x_groq/usage"), value.get("usage")].into_iter().flatten() {
            self.usage = read_usage(usage).or(self.usage);
        }
        let choices = value.get("choices").and_then(Value::as_array).into_iter().flatten();
        for choice in choices {
            if choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0 {
                self.choice(choice, out);
            }
        }
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<Piece>) {
        self.has_choice = true;
        // A server that ignores `stream` answers with a whole `message`.
        if let Some(delta) =
            choice.get("delta").or_else(|| choice.get("message")).filter(|delta| delta.is_object())
        {
            self.delta(delta, out);
        }
        let Some(reason) =
            choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !reason.is_empty())
        else {
            return;
        };
        if reason == "error" {
            let complaint = choice.get("error").map(Complaint::of).unwrap_or_default();
            return self.fail(classify::of_complaint(complaint), out);
        }
        self.finish = Some(reason.to_owned());
    }

    fn delta(&mut self, delta: &Value, out: &mut Vec<Piece>) {
        // Both names at once carry the same text.
        let reasoning = ["reasoning_content", "reasoning"].iter().find_map(|name| {
            delta.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty())
        });
        if let Some(reasoning) = reasoning {
            out.push(Piece::Reasoning(reasoning.to_owned()));
        }
        let content = text_of(delta.get("content"));
        if !content.is_empty() {
            out.push(Piece::Text(content));
        }
        if let Some(refusal) =
            delta.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty())
        {
            self.refused = true;
            out.push(Piece::Text(refusal.to_owned()));
        }
        for fragment in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.calls.push(fragment);
        }
        if let Some(function) = delta.get("function_call").filter(|function| function.is_object()) {
            self.calls.push_legacy(function);
        }
    }

    fn done(&mut self, out: &mut Vec<Piece>) {
        let reason = self.reason();
        out.extend(self.calls.finish(&self.made_up).into_iter().map(Piece::ToolCall));
        out.extend(self.usage.map(Piece::Usage));
        out.push(Piece::Done(reason));
        self.over = true;
    }

    /// Why it stopped: calls count more than the word, which is often `stop` in spite of them.
    fn reason(&self) -> StopReason {
        if self.refused {
            return StopReason::Refusal;
        }
        match self.finish.as_deref() {
            Some("length" | "max_tokens") => StopReason::Length,
            Some("content_filter") => StopReason::ContentFilter,
            Some("refusal") => StopReason::Refusal,
            _ if !self.calls.is_empty() => StopReason::ToolCalls,
            None | Some("stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence") => {
                StopReason::Stop
            }
            Some(other) => StopReason::Other(other.to_owned()),
        }
    }

    fn empty(&mut self, out: &mut Vec<Piece>) {
        self.fail(Fault::new(ErrorClass::NotJson, "the answer is empty"), out);
    }
}

fn complaint_in(value: &Value, event: &str) -> Option<Complaint> {
    if let Some(complaint) = Complaint::in_json(value) {
        return Some(complaint);
    }
    if let Some(message) = value.pointer("/x_groq/error").and_then(Value::as_str) {
        return Some(Complaint { message: message.to_owned(), ..Complaint::default() });
    }
    (event == "error").then(|| Complaint::of(value))
}

/// Text, also where it is given as a list of parts.
fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

fn read_usage(usage: &Value) -> Option<Usage> {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    let (input, output) = (count("/prompt_tokens"), count("/completion_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(Usage {
        input_tokens: input.unwrap_or(0),
        output_tokens: output.unwrap_or(0),
        cached_input_tokens: count("/prompt_tokens_details/cached_tokens"),
        reasoning_tokens: count("/completion_tokens_details/reasoning_tokens"),
    })
}
