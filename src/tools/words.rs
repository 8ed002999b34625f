//! Tells users of the tools that a model calls, a line each.

use serde_json::Value;

use crate::model::{Arguments, BackendName, ToolCall};

/// Longest part of a line that shows arguments.
const MAX_ARGUMENTS: usize = 100;

/// A call and what came of it: `[read_file src/main.rs: 42 lines]`.
pub fn ran(call: &ToolCall, summary: &str, worked: bool) -> String {
    let failed = if worked { "" } else { "failed: " };
    format!("[{}: {failed}{summary}]", called(call))
}

/// The call alone: `read_file src/main.rs`.
pub fn called(call: &ToolCall) -> String {
    let arguments = match &call.arguments {
        Arguments::Raw(text) => text.clone(),
        Arguments::Json(Value::Object(fields)) => {
            let shown = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            fields
                .values()
                .filter(|value| !value.is_null())
                .map(shown)
                .collect::<Vec<_>>()
                .join(" ")
        }
        Arguments::Json(other) => other.to_string(),
    };
    let line: String =
        format!("{} {arguments}", call.name).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_ARGUMENTS) {
        None => line,
        Some((byte_idx, _)) => format!("{}…", &line[..byte_idx]),
    }
}

/// The sentence about a model that cannot use tools.
pub fn without_tools(backend: Option<&BackendName>, model: Option<&str>) -> String {
    let who = match (model, backend) {
        (Some(model), Some(backend)) => format!("model \"{model}\" of backend \"{backend}\""),
        (_, Some(backend)) => format!("backend \"{backend}\""),
        _ => "the model".to_owned(),
    };
    format!("note: {who} does not support tools and answers without them")
}
