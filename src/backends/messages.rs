//! Decodes a streamed answer of Anthropic's Messages API.

use serde_json::Value;

use super::blocks::Blocks;
use super::events::{Events, OfEvents};
use super::fault::{Complaint, Ending, Fault, Piece};
use super::sse::Frame;
use super::{Decoder, classify, words};
use crate::model::{ErrorClass, StopReason, Usage};

/// The decoder.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    events: Events,
    blocks: Blocks,
    counts: Counts,
    stop: Option<String>,
    refusal: Option<String>,
    over: bool,
}

/// Token counts as told so far. They are totals: a later one replaces an earlier one, and one that is left
/// out stays.
#[derive(Debug, Default)]
struct Counts {
    input: Option<u64>,
    cache_creation: Option<u64>,
    cache_read: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Decoder for Messages {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        let framed = self.events.push(bytes);
        self.take(framed, out);
    }

    fn end(&mut self, ending: Ending, out: &mut Vec<Piece>) {
        let framed = self.events.finish();
        self.take(framed, out);
        if !self.over {
            self.cut(ending, out);
        }
    }

    fn is_settled(&self) -> bool {
        // The reason to stop is followed by the end sign at once; without that nothing is settled.
        false
    }
}

impl OfEvents for Messages {
    fn events(&self) -> &Events {
        &self.events
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Piece>) {
        let data = frame.data.trim();
        // Gateways end every stream the way OpenAI does; here it means nothing.
        if (data.is_empty() && frame.error.is_none()) || data == "[DONE]" {
            return;
        }
        let text = frame.error.as_deref().unwrap_or(data);
        let is_error = frame.error.is_some() || frame.event == "error";
        if is_error {
            return self.fail(classify::of_complaint(Complaint::of_text(text)), out);
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            let quoted = words::quote(text.as_bytes(), None);
            let message = format!("an event is not JSON: {quoted}");
            return self.fail(Fault::new(ErrorClass::NotJson, message), out);
        };
        match Complaint::in_json(&value) {
            Some(complaint) => self.fail(classify::of_complaint(complaint), out),
            None => self.event(&value, out),
        }
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Piece>) {
        out.extend(self.counts.usage().map(Piece::Usage));
        out.push(Piece::Failed(fault));
        self.over = true;
    }

    fn no_stream(&mut self, out: &mut Vec<Piece>) {
        let head = self.events.head().to_vec();
        if head.iter().all(u8::is_ascii_whitespace) {
            return self.fail(Fault::new(ErrorClass::NotJson, "the answer is empty"), out);
        }
        let value = serde_json::from_slice::<Value>(&head).unwrap_or_default();
        if let Some(complaint) = Complaint::in_json(&value) {
            return self.fail(classify::of_complaint(complaint), out);
        }
        let content = value.get("content").and_then(Value::as_array);
        match content {
            // A server that ignores `stream` answers with the whole message.
            Some(content) if value.get("stop_reason").is_some_and(Value::is_string) => {
                for (index, block) in (0..).zip(content) {
                    self.blocks.start(index, block, out);
                    self.blocks.stop(index, out);
                }
                self.counts.read(value.get("usage"));
                self.stopped(&value);
                self.done(out);
            }
            _ => {
                let quoted = words::quote(&head, None);
                let message = format!("the answer is no stream: {quoted}");
                self.fail(Fault::new(ErrorClass::NotJson, message), out);
            }
        }
    }
}

impl Messages {
    /// A decoder at the start of an answer.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// New kinds of events come over time; what is not known is passed over.
    fn event(&mut self, value: &Value, out: &mut Vec<Piece>) {
        let index = value.get("index").and_then(Value::as_u64).unwrap_or(0);
        let null = Value::Null;
        let part = |name: &str| value.get(name).unwrap_or(&null);
        match value.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => {
                self.begin();
                self.counts.read(part("message").get("usage"));
            }
            "content_block_start" => {
                self.begin();
                self.blocks.start(index, part("content_block"), out);
            }
            "content_block_delta" => {
                self.begin();
                self.blocks.delta(index, part("delta"), out);
            }
            "content_block_stop" => self.blocks.stop(index, out),
            "message_delta" => {
                self.begin();
                self.counts.read(value.get("usage"));
                self.stopped(part("delta"));
            }
            "message_stop" if self.events.has_begun() => self.done(out),
            _ => {}
        }
    }

    fn begin(&mut self) {
        self.events.begin();
    }

    fn stopped(&mut self, delta: &Value) {
        if let Some(reason) = delta.get("stop_reason").and_then(Value::as_str) {
            self.stop = Some(reason.to_owned());
        }
        let details = delta.get("stop_details").filter(|details| details.is_object());
        let detail =
            |name: &str| details?.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(why) = detail("explanation").or_else(|| detail("category")) {
            self.refusal = Some(why.to_owned());
        }
    }

    fn done(&mut self, out: &mut Vec<Piece>) {
        self.blocks.close(out);
        let (reason, remark) = self.reason();
        out.extend(self.counts.usage().map(Piece::Usage));
        out.extend(self.blocks.parts().map(Piece::Parts));
        out.extend(remark.map(Piece::Remark));
        out.push(Piece::Done(reason));
        self.over = true;
    }

    /// Why it stopped, and what our word for that leaves out.
    fn reason(&self) -> (StopReason, Option<String>) {
        match self.stop.as_deref() {
            Some("max_tokens") => (StopReason::Length, None),
            Some("model_context_window_exceeded") => {
                let remark = "the answer was cut: prompt and answer together fill the model's context window";
                (StopReason::Length, Some(remark.to_owned()))
            }
            Some("refusal") => {
                let remark = self.refusal.as_ref().map(|why| format!("the model declined: {why}"));
                (StopReason::Refusal, remark)
            }
            Some("tool_use") => (StopReason::ToolCalls, None),
            None | Some("end_turn" | "stop_sequence") if self.blocks.has_calls() => {
                (StopReason::ToolCalls, None)
            }
            None | Some("end_turn" | "stop_sequence") => (StopReason::Stop, None),
            Some(other) => (StopReason::Other(other.to_owned()), None),
        }
    }
}

impl Counts {
    fn read(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage else { return };
        let told = |path: &str, known: &mut Option<u64>| {
            *known = usage.pointer(path).and_then(Value::as_u64).or(*known);
        };
        told("/input_tokens", &mut self.input);
        told("/cache_creation_input_tokens", &mut self.cache_creation);
        told("/cache_read_input_tokens", &mut self.cache_read);
        told("/output_tokens", &mut self.output);
        told("/output_tokens_details/thinking_tokens", &mut self.thinking);
    }

    /// The whole prompt is what was newly read, what was written to the cache, and what came from it.
    fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let parts = [self.input, self.cache_creation, self.cache_read];
        let input = parts.iter().flatten().fold(0_u64, |sum, &part| sum.saturating_add(part));
        Some(Usage {
            input_tokens: input,
            output_tokens: self.output.unwrap_or(0),
            cached_input_tokens: self.cache_read,
            reasoning_tokens: self.thinking,
        })
    }
}
