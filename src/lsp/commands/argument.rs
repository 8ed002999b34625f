//! Reads the one object that each command takes, and names what is wrong with it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

/// The argument of a command: one object, or an empty one where there is none.
///
/// Some clients hand arguments through as text, or wrap the list once more.
pub(in crate::lsp) fn only_argument(mut arguments: Vec<Value>) -> Result<Value> {
    if arguments.len() > 1 {
        return Err(Error::invalid_params("the command takes one object, not several arguments"));
    }
    match arguments.pop() {
        None | Some(Value::Null) => Ok(Value::Object(serde_json::Map::new())),
        Some(Value::Array(inner)) => only_argument(inner),
        Some(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(object @ Value::Object(_)) => Ok(object),
            _ => Err(not_an_object()),
        },
        Some(object @ Value::Object(_)) => Ok(object),
        Some(_) => Err(not_an_object()),
    }
}

fn not_an_object() -> Error {
    Error::invalid_params("the argument of the command is not an object")
}

/// A field that may be missing; `null` counts as missing.
pub(super) fn optional<T: DeserializeOwned>(argument: &Value, name: &str) -> Result<Option<T>> {
    match argument.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|error| Error::invalid_params(format!("`{name}` is not valid: {error}"))),
    }
}

/// A field that must be there.
pub(super) fn required<T: DeserializeOwned>(argument: &Value, name: &str) -> Result<T> {
    optional(argument, name)?
        .ok_or_else(|| Error::invalid_params(format!("`{name}` is missing from the argument")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_object_is_found_however_it_is_wrapped() {
        let object = json!({ "action": "fix" });
        assert_eq!(only_argument(vec![object.clone()]), Ok(object.clone()));
        assert_eq!(only_argument(vec![json!([object])]), Ok(object.clone()));
        assert_eq!(only_argument(vec![json!(object.to_string())]), Ok(object));
        assert_eq!(only_argument(Vec::new()), Ok(json!({})));
        assert!(only_argument(vec![json!(3)]).is_err());
        assert!(only_argument(vec![json!({}), json!({})]).is_err());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let argument = json!({ "action": 3, "input": null });
        let message = |error: Error| error.message.into_owned();
        let missing = required::<String>(&argument, "range").unwrap_err();
        assert_eq!(message(missing), "`range` is missing from the argument");
        assert!(
            message(required::<String>(&argument, "action").unwrap_err())
                .starts_with("`action` is not valid")
        );
        assert_eq!(optional::<String>(&argument, "input"), Ok(None));
    }
}
