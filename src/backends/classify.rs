//! Sorts failed answers of servers into error classes, by code first, then by words, then by status.

use super::fault::{Complaint, Fault};
use super::{wait, words};
use crate::model::ErrorClass;
use std::time::Duration;

/// What is known of an answer whose status is not a success.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    /// HTTP status.
    pub(crate) status: u16,
    /// The wait its headers name.
    pub(crate) wait: Option<Duration>,
    /// The provider's request id.
    pub(crate) request_id: Option<String>,
    /// The first part of the body.
    pub(crate) body: &'a [u8],
}

/// The fault of an answer with an error status.
pub(crate) fn of_answer(refused: Refused<'_>) -> Fault {
    let Refused { status, wait, request_id, body } = refused;
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let complaint = json.as_ref().and_then(Complaint::in_json);
    // A header may be lost on the way; the body tells the same id.
    let request_id = request_id.or_else(|| complaint.as_ref()?.request_id.clone());
    let (class, message) = if let Some(complaint) = complaint {
        let class = class_of(Some(status), &complaint, wait);
        (class, words_of(complaint).unwrap_or_else(|| status_text(status)))
    } else {
        let class = class_without_words(status, wait, body);
        let quoted = words::quote(body, None);
        let has_words = !quoted.is_empty() && !quoted.starts_with('<');
        let quoted = if has_words { format!(": {quoted}") } else { String::new() };
        (class, format!("{}{quoted}", status_text(status)))
    };
    Fault { class, message, status: Some(status), request_id }
}

/// The fault of an error that came inside an answer that had begun well.
pub(crate) fn of_complaint(complaint: Complaint) -> Fault {
    let class = class_of(complaint.status, &complaint, None);
    let request_id = complaint.request_id.clone();
    let words = words_of(complaint);
    let words = words.unwrap_or_else(|| "the server reported an error without words".to_owned());
    Fault { request_id, ..Fault::new(class, words) }
}

fn words_of(complaint: Complaint) -> Option<String> {
    let Complaint { message, code, kind, .. } = complaint;
    [message, code, kind].into_iter().find(|text| !text.is_empty())
}

fn class_of(status: Option<u16>, complaint: &Complaint, wait: Option<Duration>) -> ErrorClass {
    let message = complaint.message.to_ascii_lowercase();
    by_code(status, complaint, &message, wait)
        .or_else(|| by_words(status, &message))
        .unwrap_or_else(|| by_status(status, complaint, &message, wait))
}

fn by_code(
    status: Option<u16>,
    complaint: &Complaint,
    message: &str,
    wait: Option<Duration>,
) -> Option<ErrorClass> {
    let find = |word: &str| match word {
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "invalid_authentication" => Some(ErrorClass::Auth),
        "model_not_found" | "model_not_available" | "model_decommissioned" => {
            Some(ErrorClass::ModelNotAvailable)
        }
        "context_length_exceeded" | "exceed_context_size_error" | "string_above_max_length" => {
            Some(ErrorClass::ContextOverflow)
        }
        "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" => {
            Some(ErrorClass::Quota)
        }
        "tool_use_failed" => Some(ErrorClass::ToolUseFailed),
        "rate_limit_exceeded" | "rate_limit_error" => Some(rate_limit(status, message, wait)),
        "capacity_exceeded" | "overloaded_error" | "server_overloaded" => {
            Some(ErrorClass::Overloaded)
        }
        "not_supported_error" | "unsupported_country_region_territory" => {
            Some(ErrorClass::Unsupported)
        }
        "unsupported_parameter" | "unsupported_value" => {
            Some(ErrorClass::BadRequest { setting: setting(complaint) })
        }
        "api_error" | "server_error" | "internal_server_error" | "timeout_error"
            if status.is_none() =>
        {
            Some(ErrorClass::Server)
        }
        _ => None,
    };
    find(&complaint.code).or_else(|| find(&complaint.kind))
}

/// Above the per-minute limit alone, or together with earlier requests?
fn rate_limit(status: Option<u16>, message: &str, wait: Option<Duration>) -> ErrorClass {
    if status == Some(413) || message.starts_with("request too large") {
        return ErrorClass::RequestExceedsRateLimit;
    }
    ErrorClass::RateLimited { wait: wait.or_else(|| wait::from_message(message)) }
}

const OVERFLOW_WORDS: [&str; 13] = [
    "exceed context limit",
    "context length",
    "context_length",
    "context window",
    "context size",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "longer than the context",
    "longer than the maximum model length",
    "exceeds the available context",
    "too many tokens",
];

const UNSUPPORTED_WORDS: [&str; 9] = [
    "does not support tools",
    "does not support insert",
    "does not support image",
    "does not support vision",
    "does not support thinking",
    "does not support chat",
    "tools param requires --jinja",
    "--enable-auto-tool-choice",
    "image input is not supported",
];

fn by_words(status: Option<u16>, message: &str) -> Option<ErrorClass> {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let may_be_request = status.is_none_or(|status| matches!(status, 400 | 413 | 422 | 500 | 501));
    if may_be_request && has(&OVERFLOW_WORDS) {
        return Some(ErrorClass::ContextOverflow);
    }
    if may_be_request && has(&UNSUPPORTED_WORDS) {
        return Some(ErrorClass::Unsupported);
    }
    if status != Some(429) && has(&["credit balance is too low", "exceeded your current quota"]) {
        return Some(ErrorClass::Quota);
    }
    let names_model = message.contains("model");
    let is_missing = has(&[
        "not found",
        "does not exist",
        "no models loaded",
        "has been decommissioned",
        "not exist",
    ]);
    if names_model && is_missing && status.is_none_or(|status| matches!(status, 400 | 404 | 410)) {
        return Some(ErrorClass::ModelNotAvailable);
    }
    if status.is_none() && has(&["server busy", "overloaded", "loading model"]) {
        return Some(ErrorClass::Overloaded);
    }
    if status.is_none() && message.contains("unauthorized") {
        return Some(ErrorClass::Auth);
    }
    None
}

fn by_status(
    status: Option<u16>,
    complaint: &Complaint,
    message: &str,
    wait: Option<Duration>,
) -> ErrorClass {
    match status {
        None => ErrorClass::Server,
        Some(400 | 422) => ErrorClass::BadRequest { setting: setting(complaint) },
        Some(404 | 410) if message.starts_with("model") => ErrorClass::ModelNotAvailable,
        Some(429) => rate_limit(status, message, wait),
        Some(status) => class_of_status(status, wait),
    }
}

fn class_of_status(status: u16, wait: Option<Duration>) -> ErrorClass {
    match status {
        401 | 403 | 407 => ErrorClass::Auth,
        402 => ErrorClass::Quota,
        // Nothing at this path: something else than the dialect's server listens here.
        404 | 405 | 410 => ErrorClass::NotJson,
        413 => ErrorClass::ContextOverflow,
        429 => ErrorClass::RateLimited { wait },
        498 | 503 | 529 => ErrorClass::Overloaded,
        501 => ErrorClass::Unsupported,
        408 | 409 | 424 | 425 | 499 | 500..=599 => ErrorClass::Server,
        _ => ErrorClass::BadRequest { setting: None },
    }
}

/// No JSON: a proxy, an edge, or another program speaks.
fn class_without_words(status: u16, wait: Option<Duration>, body: &[u8]) -> ErrorClass {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    if !text.trim_start().starts_with('<')
        && let Some(class) = by_words(Some(status), &text)
    {
        return class;
    }
    class_of_status(status, wait.or_else(|| wait::from_message(&text)))
}

/// Settings of a request that come out of the user's configuration.
const SETTINGS: [&str; 8] = [
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stop",
    "thinking",
];

/// The setting to blame: `param`, else the name in backticks or quotes that the message begins with.
fn setting(complaint: &Complaint) -> Option<String> {
    if complaint.param.is_some() {
        return complaint.param.clone();
    }
    let message = complaint.message.as_str();
    // Anthropic puts the path of the field in front: `temperature: range: 0..1`.
    let field =
        message.split_once(": ").map_or("", |(path, _)| path.split('.').next().unwrap_or(""));
    if let Some(known) = SETTINGS.iter().find(|&&known| known == field) {
        return Some((*known).to_owned());
    }
    ["'", "`"].iter().find_map(|quote| {
        let (before, rest) = message.split_once(quote)?;
        let (name, _) = rest.split_once(quote)?;
        let is_lead = before.is_empty() || before.to_ascii_lowercase().contains("parameter");
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
        (is_lead && is_name).then(|| name.to_owned())
    })
}

fn status_text(status: u16) -> String {
    let meaning = match status {
        400 => " (bad request)",
        401 => " (unauthorized)",
        403 => " (forbidden)",
        404 => " (not found)",
        405 => " (method not allowed)",
        407 => " (the proxy wants a login)",
        413 => " (too large)",
        429 => " (too many requests)",
        500 => " (internal server error)",
        502 => " (bad gateway)",
        503 => " (service unavailable)",
        504 => " (gateway timeout)",
        _ => "",
    };
    format!("HTTP {status}{meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> ErrorClass {
        of_answer(Refused { status, wait: None, request_id: None, body: body.as_bytes() }).class
    }

    fn check(status: u16, body: &str, want: &str) {
        assert_eq!(class(status, body).as_str(), want, "{status} {body}");
    }

    #[test]
    fn openai_answers_are_sorted() {
        check(401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#, "auth");
        check(403, r#"{"error":{"code":"unsupported_country_region_territory"}}"#, "unsupported");
        check(
            404,
            r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
            "model_not_available",
        );
        check(
            400,
            r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
            "model_not_available",
        );
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192","code":"context_length_exceeded"}}"#,
            "context_overflow",
        );
        check(
            429,
            r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#,
            "rate_limited",
        );
        check(
            429,
            r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
            "quota",
        );
        check(
            503,
            r#"{"error":{"message":"The engine is currently overloaded","type":"server_error"}}"#,
            "overloaded",
        );
        check(500, r#"{"error":{"message":"boom","type":"server_error"}}"#, "server");
    }

    #[test]
    fn groq_answers_are_sorted() {
        check(
            413,
            r#"{"error":{"message":"Request too large","type":"tokens","code":"rate_limit_exceeded"}}"#,
            "request_exceeds_rate_limit",
        );
        check(
            400,
            r#"{"error":{"message":"Failed to call a function","code":"tool_use_failed","failed_generation":"x"}}"#,
            "tool_use_failed",
        );
        check(498, r#"{"error":{"code":"capacity_exceeded"}}"#, "overloaded");
        check(
            400,
            r#"{"error":{"message":"The model `llama3-8b` has been decommissioned","code":"model_decommissioned"}}"#,
            "model_not_available",
        );
    }

    #[test]
    fn ollama_answers_are_sorted() {
        check(404, r#"{"error":"model 'llama3' not found"}"#, "model_not_available");
        check(
            404,
            r#"{"error":"model \"llama3\" not found, try pulling it first"}"#,
            "model_not_available",
        );
        check(
            400,
            r#"{"error":"registry.ollama.ai/library/llama3:latest does not support tools"}"#,
            "unsupported",
        );
        check(
            400,
            r#"{"error":"prompt is longer than the context length available"}"#,
            "context_overflow",
        );
        check(
            503,
            r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
            "overloaded",
        );
        check(401, r#"{"error":"unauthorized","signin_url":"https://x"}"#, "auth");
        check(500, r#"{"error":"llama runner process has terminated"}"#, "server");
        check(403, "", "auth");
    }

    #[test]
    fn answers_of_other_servers_are_sorted() {
        check(
            400,
            r#"{"error":{"code":400,"message":"request (2009 tokens) exceeds the available context size (512 tokens)","type":"exceed_context_size_error"}}"#,
            "context_overflow",
        );
        check(
            503,
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            "overloaded",
        );
        check(
            501,
            r#"{"error":{"code":501,"message":"This server does not support x","type":"not_supported_error"}}"#,
            "unsupported",
        );
        check(
            500,
            r#"{"error":{"code":500,"message":"tools param requires --jinja flag"}}"#,
            "unsupported",
        );
        check(
            404,
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
            "model_not_available",
        );
        check(
            404,
            r#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#,
            "not_json",
        );
        check(404, r#"{"detail":"Not Found"}"#, "not_json");
        check(404, "404 page not found", "not_json");
        check(
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "overloaded",
        );
        check(
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
            "model_not_available",
        );
        check(502, "<html><h1>Bad gateway</h1></html>", "server");
        check(413, "<html>", "context_overflow");
    }

    #[test]
    fn a_refused_setting_is_named() {
        let named = |body: &str| class(400, body);
        let want = |name: &str| ErrorClass::BadRequest { setting: Some(name.to_owned()) };
        assert_eq!(
            named(
                r#"{"error":{"message":"Unsupported parameter","param":"max_tokens","code":"unsupported_parameter"}}"#
            ),
            want("max_tokens")
        );
        assert_eq!(
            named(r#"{"error":{"message":"`temperature` is deprecated for this model."}}"#),
            want("temperature")
        );
        assert_eq!(
            named(r#"{"error":{"message":"Unsupported parameter: 'top_p' is not"}}"#),
            want("top_p")
        );
        assert_eq!(
            named(r#"{"error":{"message":"what do you mean, 'x'?"}}"#),
            ErrorClass::BadRequest { setting: None }
        );
    }

    #[test]
    fn the_wait_comes_from_header_or_message() {
        let body = r#"{"error":{"message":"Please try again in 6s","code":"rate_limit_exceeded"}}"#;
        assert_eq!(
            class(429, body),
            ErrorClass::RateLimited { wait: Some(Duration::from_secs(6)) }
        );
        let refused = Refused {
            status: 429,
            wait: Some(Duration::from_secs(2)),
            request_id: None,
            body: body.as_bytes(),
        };
        assert_eq!(
            of_answer(refused).class,
            ErrorClass::RateLimited { wait: Some(Duration::from_secs(2)) }
        );
    }

    #[test]
    fn html_is_not_quoted_and_text_is() {
        let message = |body: &str| {
            of_answer(Refused { status: 502, wait: None, request_id: None, body: body.as_bytes() })
                .message
        };
        assert_eq!(message("<html>x"), "HTTP 502 (bad gateway)");
        assert_eq!(message("no healthy\nupstream"), "HTTP 502 (bad gateway): no healthy upstream");
    }
}
