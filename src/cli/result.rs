//! The JSON object that `ask` and `run` print with `--format json`.

use serde_json::{Map, Value, json};

use crate::assistant::JobError;
use crate::model::{Arguments, ToolCall};
use crate::report::Report;
use crate::router::{Answer, Cause, Failure};

/// What answered: `outcome`, text, calls, usage, who, and who was given up before.
pub(crate) fn done(answer: &Answer) -> Map<String, Value> {
    let mut result = object(json!({
        "outcome": "done",
        "text": answer.text,
        "reason": answer.reason.as_str(),
        "tool_calls": answer.tool_calls.iter().map(tool_call).collect::<Vec<_>>(),
        "usage": answer.usage,
        "backend": answer.backend,
        "model": answer.model,
        "fell_back": answer.fell_back,
    }));
    if !answer.remarks.is_empty() {
        result.insert("remarks".to_owned(), json!(answer.remarks));
    }
    result
}

/// What failed, with the text that had come.
pub(crate) fn failed(failure: &Failure) -> Map<String, Value> {
    let mut result = object(json!({
        "outcome": "failed",
        "text": failure.partial_text,
        "reason": null,
        "tool_calls": [],
        "usage": {},
        "backend": failure.backend,
        "model": failure.model,
        "fell_back": failure.fell_back,
    }));
    let mut error = error_object(failure.cause.class(), &Report::from(failure));
    if let Cause::Model(model_error) = &failure.cause {
        error.insert("status".to_owned(), json!(model_error.status));
        error.insert("request_id".to_owned(), json!(model_error.request_id));
    }
    result.insert("error".to_owned(), Value::Object(error));
    result
}

/// The same for a job that may have failed before any model was asked.
pub(crate) fn job_failed(error: &JobError) -> Map<String, Value> {
    if let JobError::NoAnswer(failure) = error {
        return failed(failure);
    }
    let mut result = object(
        json!({"outcome": "failed", "text": "", "reason": null, "tool_calls": [], "usage": {},
        "backend": null, "model": null, "fell_back": []}),
    );
    let class = match error {
        JobError::Template { .. } => "config",
        _ => "bad_request",
    };
    result.insert("error".to_owned(), Value::Object(error_object(class, &Report::from(error))));
    result
}

fn error_object(class: &str, report: &Report) -> Map<String, Value> {
    object(
        json!({"class": class, "message": report.message, "causes": report.causes, "hint": report.hint,
        "status": null, "request_id": null}),
    )
}

fn tool_call(call: &ToolCall) -> Value {
    match &call.arguments {
        Arguments::Json(arguments) => {
            json!({"id": call.id, "name": call.name, "arguments": arguments})
        }
        Arguments::Raw(raw) => {
            json!({"id": call.id, "name": call.name, "arguments": null, "arguments_raw": raw})
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}
