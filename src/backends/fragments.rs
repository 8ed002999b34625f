//! Puts tool calls together from the fragments in which OpenAI-like servers stream them.

use serde_json::Value;

use crate::model::{Arguments, ToolCall};

#[derive(Debug, Default)]
struct Open {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// The calls that are open.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    calls: Vec<Open>,
}

/// Index under which the legacy `function_call` is kept; no server counts so far.
const LEGACY_INDEX: u64 = u64::MAX;

impl Fragments {
    /// Whether any call has begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes one element of `delta.tool_calls`.
    ///
    /// Servers leave out the index, the id or both, repeat name and id in every fragment, or give all
    /// calls the same index; name and id are therefore set once and only arguments are joined.
    pub(crate) fn push(&mut self, fragment: &Value) {
        let function = fragment.get("function").unwrap_or(fragment);
        let index = fragment.get("index").and_then(Value::as_u64);
        let id = fragment.get("id").and_then(Value::as_str).unwrap_or_default();
        self.add(index, id, function);
    }

    /// Takes the legacy `delta.function_call`.
    pub(crate) fn push_legacy(&mut self, function: &Value) {
        self.add(Some(LEGACY_INDEX), "", function);
    }

    fn add(&mut self, index: Option<u64>, id: &str, function: &Value) {
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let arguments = match function.get("arguments") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => object.to_string(),
        };
        if id.is_empty() && name.is_empty() && arguments.is_empty() {
            return;
        }
        let at = self.find(index, id, name).unwrap_or_else(|| {
            self.calls.push(Open { index, ..Open::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(&arguments);
    }

    /// The open call that a fragment belongs to: by index, else by id, else the last one.
    fn find(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        if index.is_some() {
            let at = self.calls.iter().rposition(|call| call.index == index)?;
            let known = &self.calls[at].id;
            let is_other = !id.is_empty() && !known.is_empty() && known != id;
            return if is_other {
                self.calls.iter().rposition(|call| call.id == id)
            } else {
                Some(at)
            };
        }
        if !id.is_empty() {
            let last_lacks_id =
                self.calls.last().is_some_and(|call| call.id.is_empty() && call.name.is_empty());
            return self
                .calls
                .iter()
                .rposition(|call| call.id == id)
                .or_else(|| last_lacks_id.then(|| self.calls.len() - 1));
        }
        let last = self.calls.last()?;
        // A name after complete arguments begins the next call; before that it is a repetition.
        let is_next = !name.is_empty()
            && !last.name.is_empty()
            && (name != last.name || serde_json::from_str::<Value>(&last.arguments).is_ok());
        (!is_next).then(|| self.calls.len() - 1)
    }

    /// The calls, complete as far as they came. Made-up ids begin with `made_up`.
    pub(crate) fn finish(&mut self, made_up: &str) -> Vec<ToolCall> {
        let calls = std::mem::take(&mut self.calls);
        calls
            .into_iter()
            .enumerate()
            .map(|(at, call)| ToolCall {
                id: if call.id.is_empty() { format!("{made_up}{at}") } else { call.id },
                name: call.name,
                arguments: parse_arguments(call.arguments),
            })
            .collect()
    }
}

/// Reads arguments; none, and the `null` that Groq sends for tools without parameters, are `{}`.
pub(crate) fn parse_arguments(text: String) -> Arguments {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "null" {
        return Arguments::Json(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_str(trimmed) {
        Ok(value) => Arguments::Json(value),
        Err(_) => Arguments::Raw(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(fragments: &[Value], want: &[(&str, &str, Arguments)]) {
        let mut open = Fragments::default();
        for fragment in fragments {
            open.push(fragment);
        }
        let calls = open.finish("made_up_");
        let got: Vec<_> = calls
            .iter()
            .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone()))
            .collect();
        assert_eq!(got, want);
    }

    fn json_args(value: Value) -> Arguments {
        Arguments::Json(value)
    }

    #[test]
    fn pieces_of_two_calls_are_joined_by_index() {
        check(
            &[
                json!({"index":0,"id":"a","function":{"name":"f","arguments":""}}),
                json!({"index":1,"id":"b","function":{"name":"g"}}),
                json!({"index":0,"function":{"arguments":"{\"x\""}}),
                json!({"index":1,"function":{"arguments":"{}"}}),
                json!({"index":0,"function":{"arguments":":1}"}}),
            ],
            &[("a", "f", json_args(json!({"x":1}))), ("b", "g", json_args(json!({})))],
        );
    }

    #[test]
    fn repeated_names_and_ids_are_not_joined() {
        check(
            &[
                json!({"index":0,"id":"a","function":{"name":"terminal","arguments":"{"}}),
                json!({"index":0,"id":"a","function":{"name":"terminal","arguments":"}"}}),
            ],
            &[("a", "terminal", json_args(json!({})))],
        );
    }

    #[test]
    fn another_id_on_the_same_index_is_another_call() {
        check(
            &[
                json!({"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}),
                json!({"index":0,"id":"b","function":{"name":"f","arguments":"{\"y\":"}}),
                json!({"index":0,"function":{"arguments":"2}"}}),
            ],
            &[("a", "f", json_args(json!({}))), ("b", "f", json_args(json!({"y":2})))],
        );
    }

    #[test]
    fn calls_without_index_are_told_apart_by_id_or_completeness() {
        check(
            &[
                json!({"id":"a","function":{"name":"f","arguments":"{\"x\":"}}),
                json!({"function":{"arguments":"1}"}}),
                json!({"id":"b","function":{"name":"f","arguments":"{}"}}),
            ],
            &[("a", "f", json_args(json!({"x":1}))), ("b", "f", json_args(json!({})))],
        );
        check(
            &[
                json!({"function":{"name":"f","arguments":"{\"x\":"}}),
                json!({"function":{"name":"f","arguments":"1}"}}),
                json!({"function":{"name":"f","arguments":{"x":2}}}),
            ],
            &[
                ("made_up_0", "f", json_args(json!({"x":1}))),
                ("made_up_1", "f", json_args(json!({"x":2}))),
            ],
        );
    }

    #[test]
    fn a_name_may_come_later_and_null_fragments_make_no_call() {
        check(
            &[
                json!({"index":0,"id":null,"function":{"name":null,"arguments":null}}),
                json!({"index":0,"id":"a","function":{"arguments":""}}),
                json!({"index":0,"function":{"name":"f"}}),
                json!({"index":0,"function":{"arguments":"null"}}),
            ],
            &[("a", "f", json_args(json!({})))],
        );
    }

    #[test]
    fn cut_arguments_stay_raw() {
        check(
            &[json!({"index":3,"id":"a","function":{"name":"f","arguments":"{\"x\": \"ab"}})],
            &[("a", "f", Arguments::Raw("{\"x\": \"ab".to_owned()))],
        );
    }
}
