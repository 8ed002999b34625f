//! Says what follows from a failure: the same backend again, the next one, or the end.

use std::time::Duration;

use crate::model::{ConnectKind, ErrorClass, ModelError};

/// Longest wait that is sat out; beyond it the next backend is asked.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Most repetitions of a request on the same backend.
const MAX_RETRIES: u32 = 2;

/// The wait before the same request is sent again; `None` if it must not be.
///
/// Only what cannot have been billed is repeated: failed connections, and refusals that were answered
/// before the first event. Never after a clock ran out.
pub(super) fn wait_before_retry(
    error: &ModelError,
    n_retries: u32,
    is_last: bool,
) -> Option<Duration> {
    if error.partial || n_retries >= MAX_RETRIES {
        return None;
    }
    match &error.class {
        // Where another backend waits, a dead one is not asked thrice; and what took a whole clock is
        // not likely to be quicker the next time.
        ErrorClass::Connect { kind: ConnectKind::Refused | ConnectKind::Other } if is_last => {
            Some(jittered(Duration::from_millis(100), n_retries))
        }
        ErrorClass::ToolUseFailed if n_retries == 0 => Some(Duration::ZERO),
        ErrorClass::RateLimited { wait: Some(wait) } => (*wait <= MAX_WAIT).then_some(*wait),
        ErrorClass::RateLimited { wait: None } | ErrorClass::Overloaded | ErrorClass::Server => {
            let may_repeat = error
                .status
                .is_some_and(|status| matches!(status, 408 | 409 | 429 | 498 | 500..=599));
            may_repeat.then(|| jittered(Duration::from_millis(500), n_retries))
        }
        _ => None,
    }
}

/// Doubling, less up to a quarter, so that many clients do not come back at once.
fn jittered(base: Duration, n_retries: u32) -> Duration {
    let full = base * 2_u32.pow(n_retries);
    full.mul_f64(1.0 - 0.25 * fastrand::f64())
}

/// Whether the next backend of the chain is asked after a failure.
pub(super) fn goes_on(class: &ErrorClass) -> bool {
    match class {
        ErrorClass::Connect { .. }
        | ErrorClass::FirstByteTimeout
        | ErrorClass::IdleTimeout
        | ErrorClass::Truncated
        | ErrorClass::Server
        | ErrorClass::Overloaded
        | ErrorClass::RateLimited { .. }
        | ErrorClass::RequestExceedsRateLimit
        | ErrorClass::Quota
        | ErrorClass::ModelNotAvailable
        | ErrorClass::Auth
        | ErrorClass::NotJson
        // Only to a larger window: the caller compares.
        | ErrorClass::ContextOverflow => true,
        ErrorClass::BadRequest { .. } | ErrorClass::Unsupported | ErrorClass::ToolUseFailed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: ErrorClass, status: Option<u16>, partial: bool) -> ModelError {
        ModelError {
            class,
            backend: "b".into(),
            provider: "b".into(),
            model: "m".into(),
            base_url: String::new(),
            status,
            request_id: None,
            message: String::new(),
            partial,
        }
    }

    fn retries(class: ErrorClass, status: Option<u16>) -> bool {
        wait_before_retry(&error(class, status, false), 0, true).is_some()
    }

    #[test]
    fn only_what_cannot_have_been_billed_is_repeated() {
        assert!(retries(ErrorClass::Server, Some(500)));
        assert!(retries(ErrorClass::Server, Some(409)));
        assert!(retries(ErrorClass::Overloaded, Some(529)));
        assert!(retries(ErrorClass::Connect { kind: ConnectKind::Refused }, None));
        assert!(!retries(ErrorClass::Server, Some(200)));
        assert!(!retries(ErrorClass::Server, None));
        assert!(!retries(ErrorClass::FirstByteTimeout, None));
        assert!(!retries(ErrorClass::IdleTimeout, Some(200)));
        assert!(!retries(ErrorClass::Truncated, Some(200)));
        assert!(!retries(ErrorClass::Quota, Some(429)));
        assert!(!retries(ErrorClass::Connect { kind: ConnectKind::Timeout }, None));
        let partial = error(ErrorClass::Server, Some(500), true);
        assert_eq!(wait_before_retry(&partial, 0, true), None);
    }

    #[test]
    fn short_waits_are_obeyed_and_long_ones_are_not_sat_out() {
        let limited = |seconds| {
            error(
                ErrorClass::RateLimited { wait: Some(Duration::from_secs(seconds)) },
                Some(429),
                false,
            )
        };
        assert_eq!(wait_before_retry(&limited(5), 0, false), Some(Duration::from_secs(5)));
        assert_eq!(wait_before_retry(&limited(6), 0, false), None);
        assert_eq!(wait_before_retry(&limited(1), MAX_RETRIES, false), None);
    }

    #[test]
    fn a_refused_connection_is_left_to_the_next_backend() {
        let refused = error(ErrorClass::Connect { kind: ConnectKind::Refused }, None, false);
        assert_eq!(wait_before_retry(&refused, 0, false), None);
    }

    #[test]
    fn a_malformed_tool_call_is_sampled_once_more() {
        let failed = error(ErrorClass::ToolUseFailed, Some(400), false);
        assert_eq!(wait_before_retry(&failed, 0, false), Some(Duration::ZERO));
        assert_eq!(wait_before_retry(&failed, 1, false), None);
    }
}
