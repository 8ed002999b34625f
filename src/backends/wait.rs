//! Reads how long a provider asks to wait, in all the forms in use.

use std::time::{Duration, SystemTime};

/// Longest wait that is believed; a nonsense date must not overflow a sum.
const MAX: Duration = Duration::from_hours(24 * 31);

/// The wait that headers name: `retry-after-ms`, then `retry-after`.
pub(crate) fn from_headers(
    retry_after_ms: Option<&str>,
    retry_after: Option<&str>,
    now: SystemTime,
) -> Option<Duration> {
    let millis = retry_after_ms.and_then(|text| text.trim().parse::<f64>().ok());
    millis.and_then(|millis| seconds(millis / 1000.0)).or_else(|| from_text(retry_after?, now))
}

/// Seconds, also with a fraction; a duration as Go writes it; or an HTTP date.
fn from_text(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    if let Some(duration) = go_duration(text) {
        return Some(duration);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO).min(MAX))
}

/// The wait that a message names: "Please try again in 9m38.016s."
pub(crate) fn from_message(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let start = ["try again in ", "retry after ", "retry in "]
        .iter()
        .find_map(|lead| lower.find(lead).map(|at| at + lead.len()))?;
    let rest = &lower[start..];
    let mut words = rest.split_whitespace();
    let first = words.next()?.trim_end_matches(['.', ',', ';', '"', ')']);
    if let Some(duration) = go_duration(first) {
        return Some(duration);
    }
    let number = first.parse::<f64>().ok()?;
    let unit = words.next().unwrap_or("s");
    let factor = match unit.trim_end_matches(['.', ',']) {
        "ms" | "milliseconds" => 0.001,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        _ => 1.0,
    };
    seconds(number * factor)
}

/// A duration as Go writes it: `2m59.56s`, `7.66s`, `120ms`, `1h0m5s`.
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..number_len].parse().ok()?;
        rest = &rest[number_len..];
        let unit_len = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..unit_len] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_len..];
    }
    if text.is_empty() { None } else { seconds(total) }
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number.max(0.0)).ok().map(|duration| duration.min(MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(duration: Option<Duration>) -> Option<u128> {
        duration.map(|duration| (duration + Duration::from_micros(500)).as_millis())
    }

    #[test]
    fn all_header_forms_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let header = |text: &str| millis(from_headers(None, Some(text), now));
        assert_eq!(header("7"), Some(7000));
        assert_eq!(header(" 0.25 "), Some(250));
        assert_eq!(header("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7000));
        assert_eq!(header("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(header("2m59.56s"), Some(179_560));
        assert_eq!(header("soon"), None);
        assert_eq!(header("nan"), Some(0));
        assert_eq!(header("inf"), None);
        assert_eq!(millis(from_headers(Some("1500"), Some("9"), now)), Some(1500));
    }

    #[test]
    fn waits_in_messages_are_read() {
        let message = |text: &str| millis(from_message(text));
        assert_eq!(message("Please try again in 9m38.016s. Need more?"), Some(578_016));
        assert_eq!(message("Please try again in 120ms."), Some(120));
        assert_eq!(message("Try again in 5.289s"), Some(5289));
        assert_eq!(message("please retry after 20 seconds."), Some(20_000));
        assert_eq!(message("try again in 3 minutes"), Some(180_000));
        assert_eq!(message("try again in a while"), None);
        assert_eq!(message("try again in "), None);
        assert_eq!(message("no idea"), None);
    }

    #[test]
    fn go_durations_are_read() {
        assert_eq!(millis(go_duration("1h0m5s")), Some(3_605_000));
        for wrong in ["", "5", "s", "5x", "1..2s", "-3s"] {
            assert_eq!(go_duration(wrong), None, "{wrong}");
        }
    }
}
