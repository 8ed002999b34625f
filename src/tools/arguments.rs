//! Reads arguments as models write them: numbers in quotes, nulls, empty strings.

use serde_json::Value;

use super::ToolError;

/// A text that may be missing; empty counts as missing.
pub(super) fn text<'a>(arguments: &'a Value, name: &str) -> Result<Option<&'a str>, ToolError> {
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ToolError::BadArguments(format!("`{name}` must be a string"))),
    }
}

/// A text that must be there.
pub(super) fn required<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, ToolError> {
    text(arguments, name)?
        .ok_or_else(|| ToolError::BadArguments(format!("`{name}` is missing from the arguments")))
}

/// A line number or count from 1, which may be missing.
pub(super) fn number(arguments: &Value, name: &str) -> Result<Option<usize>, ToolError> {
    let read = match arguments.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match read {
        Some(number) if number > 0 => Ok(Some(number)),
        _ => Err(ToolError::BadArguments(format!("`{name}` must be a whole number from 1"))),
    }
}

/// A yes or no, no where it is missing.
pub(super) fn flag(arguments: &Value, name: &str) -> Result<bool, ToolError> {
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => {
            Ok(false)
        }
        Some(_) => Err(ToolError::BadArguments(format!("`{name}` must be true or false"))),
    }
}
