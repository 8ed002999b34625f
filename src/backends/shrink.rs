//! Reads out of a refusal by size how much smaller the request must be.

use crate::model::{ErrorClass, ModelError, Request};

/// Fewer tokens than this are no answer worth asking for.
const LEAST: u32 = 64;

/// The `max_tokens` with which a request that was larger than a limit per minute fits below it, if any does.
///
/// Groq counts the room for the answer as if it were used: "Limit 6000, Requested 12328".
pub fn fewer_tokens(error: &ModelError, request: &Request) -> Option<u32> {
    if error.class != ErrorClass::RequestExceedsRateLimit || error.partial {
        return None;
    }
    let limit = number_after(&error.message, "limit ")?;
    let requested = number_after(&error.message, "requested ")?;
    let prompt = match request.max_tokens {
        Some(max_tokens) if requested > max_tokens => requested - max_tokens,
        // How much room was counted is not known then; the estimate of the prompt is on the high side.
        _ => requested.min(u32::try_from(request.estimated_tokens()).unwrap_or(u32::MAX)),
    };
    let room = limit.checked_sub(prompt)?;
    let is_less = request.max_tokens.is_none_or(|max_tokens| room < max_tokens);
    (room >= LEAST && is_less).then_some(room)
}

/// The number behind a word, in lower case, of a message.
fn number_after(message: &str, word: &str) -> Option<u32> {
    let message = message.to_ascii_lowercase();
    let (_, rest) = message.split_once(word)?;
    let digits: String =
        rest.chars().filter(|&c| c != ',').take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fewer(message: &str, max_tokens: Option<u32>) -> Option<u32> {
        let error = ModelError {
            class: ErrorClass::RequestExceedsRateLimit,
            backend: "groq".into(),
            provider: "Groq".to_owned(),
            model: "m".to_owned(),
            base_url: String::new(),
            status: Some(413),
            request_id: None,
            message: message.to_owned(),
            partial: false,
        };
        fewer_tokens(&error, &Request { max_tokens, ..Request::of_user("x".repeat(3200)) })
    }

    const MESSAGE: &str = "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7100, \
         please reduce your message size and try again.";

    #[test]
    fn what_is_left_beside_the_prompt_is_asked_for() {
        assert_eq!(fewer(MESSAGE, Some(4096)), Some(2996));
        assert_eq!(fewer("Limit 30,000, Requested 31,000", Some(8000)), Some(7000));
    }

    #[test]
    fn without_a_limit_of_ours_the_prompt_is_estimated() {
        assert_eq!(fewer(MESSAGE, None), Some(6000 - 1005));
    }

    #[test]
    fn a_prompt_that_is_too_large_alone_is_not_helped() {
        assert_eq!(fewer(MESSAGE, Some(1000)), None);
        assert_eq!(
            fewer("Limit 6000, Requested 10086", Some(4096)),
            None,
            "10 tokens are no answer"
        );
        assert_eq!(fewer("too large", Some(4096)), None);
    }
}
