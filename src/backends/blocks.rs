//! The content blocks of one streamed turn of Anthropic's, put together from their deltas.

use serde_json::{Map, Value, json};

use super::fault::Piece;
use super::fragments::parse_arguments;
use crate::model::{Arguments, ToolCall};

/// A block that has begun.
#[derive(Debug)]
struct Block {
    index: u64,
    kind: Kind,
    /// As it began, for the kinds that are only handed back.
    start: Map<String, Value>,
    /// The text of a text or thinking block.
    text: String,
    signature: String,
    /// The pieces of a call's input.
    input: String,
    is_open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Tool,
    /// Hidden reasoning, the provider's own tools, and whatever comes later.
    Other,
}

/// The blocks of a turn, in order.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<Block>,
}

impl Blocks {
    /// Whether the model called a tool of ours.
    pub(crate) fn has_calls(&self) -> bool {
        self.blocks.iter().any(|block| block.kind == Kind::Tool)
    }

    /// Takes a `content_block_start`.
    pub(crate) fn start(&mut self, index: u64, start: &Value, out: &mut Vec<Piece>) {
        let Some(start) = start.as_object() else { return };
        let (kind, field) = match start.get("type").and_then(Value::as_str) {
            Some("text") => (Kind::Text, "text"),
            Some("thinking") => (Kind::Thinking, "thinking"),
            Some("tool_use") => (Kind::Tool, ""),
            _ => (Kind::Other, ""),
        };
        let text =
            |name: &str| start.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut block = Block {
            index,
            kind,
            start: start.clone(),
            text: String::new(),
            signature: text("signature"),
            input: String::new(),
            is_open: true,
        };
        block.add_text(&text(field), out);
        self.blocks.push(block);
    }

    /// Takes a `content_block_delta`. Kinds of deltas that are not known are passed over.
    pub(crate) fn delta(&mut self, index: u64, delta: &Value, out: &mut Vec<Piece>) {
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        let at = self.blocks.iter().rposition(|block| block.index == index && block.is_open);
        let at = match (at, kind) {
            (Some(at), _) => at,
            // A gateway that leaves out the start of a block.
            (None, "text_delta") => {
                self.start(index, &json!({"type": "text"}), out);
                self.blocks.len() - 1
            }
            (None, _) => return,
        };
        let block = &mut self.blocks[at];
        match kind {
            "text_delta" if block.kind == Kind::Text => block.add_text(text("text"), out),
            "thinking_delta" if block.kind == Kind::Thinking => {
                block.add_text(text("thinking"), out);
            }
            "signature_delta" => text("signature").clone_into(&mut block.signature),
            "input_json_delta" => block.input.push_str(text("partial_json")),
            _ => {}
        }
    }

    /// Takes a `content_block_stop`: a call is complete then.
    pub(crate) fn stop(&mut self, index: u64, out: &mut Vec<Piece>) {
        let open = self.blocks.iter_mut().rfind(|block| block.index == index && block.is_open);
        if let Some(block) = open {
            block.close(out);
        }
    }

    /// Ends the blocks that are still open.
    pub(crate) fn close(&mut self, out: &mut Vec<Piece>) {
        for block in self.blocks.iter_mut().filter(|block| block.is_open) {
            block.close(out);
        }
    }

    /// The turn as it has to be handed back, where it holds more than text and calls.
    pub(crate) fn parts(&self) -> Option<Value> {
        let is_more = self.blocks.iter().any(|block| match block.kind {
            Kind::Text | Kind::Tool => false,
            Kind::Thinking => !block.signature.is_empty(),
            Kind::Other => true,
        });
        is_more.then(|| self.blocks.iter().filter_map(Block::to_json).collect())
    }
}

impl Block {
    fn add_text(&mut self, text: &str, out: &mut Vec<Piece>) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        match self.kind {
            Kind::Text => out.push(Piece::Text(text.to_owned())),
            Kind::Thinking => out.push(Piece::Reasoning(text.to_owned())),
            Kind::Tool | Kind::Other => {}
        }
    }

    fn close(&mut self, out: &mut Vec<Piece>) {
        self.is_open = false;
        if self.kind == Kind::Tool {
            let text = |name: &str| {
                self.start.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let call = ToolCall { id: text("id"), name: text("name"), arguments: self.arguments() };
            out.push(Piece::ToolCall(call));
        }
    }

    /// What the call is made with: the pieces, or what stood in the start, where servers give it whole.
    fn arguments(&self) -> Arguments {
        match self.start.get("input") {
            Some(Value::Object(input)) if self.input.trim().is_empty() => {
                Arguments::Json(Value::Object(input.clone()))
            }
            _ => parse_arguments(self.input.clone()),
        }
    }

    fn to_json(&self) -> Option<Value> {
        match self.kind {
            // Empty text is refused on the way back, and reasoning without its signature too.
            Kind::Text if self.text.trim().is_empty() => None,
            Kind::Thinking if self.signature.is_empty() => None,
            Kind::Thinking => Some(
                json!({"type": "thinking", "thinking": self.text, "signature": self.signature}),
            ),
            Kind::Text => Some(json!({"type": "text", "text": self.text})),
            Kind::Tool | Kind::Other => {
                let mut block = self.start.clone();
                if self.kind == Kind::Tool || !self.input.trim().is_empty() {
                    let input = match self.arguments() {
                        Arguments::Json(value @ Value::Object(_)) => value,
                        Arguments::Json(other) => json!({"value": other}),
                        Arguments::Raw(raw) => json!({"raw": raw}),
                    };
                    block.insert("input".to_owned(), input);
                }
                Some(Value::Object(block))
            }
        }
    }
}
