//! Makes words from outside fit to be shown: no keys, no control characters, not too long.

use secrecy::{ExposeSecret, SecretString};

/// Most characters of a provider's message that are kept.
const MAX_CHARS: usize = 500;

/// What stands in place of a key.
const REMOVED: &str = "[key removed]";

/// How keys begin at the services people use.
const KEY_STARTS: [&str; 15] = [
    "sk-",
    "sk_",
    "pk-",
    "rk-",
    "gsk_",
    "xai-",
    "AIza",
    "AKIA",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "hf_",
    "nvapi-",
    "eyJ",
];

/// Shortens words of a server and takes out `key` and whatever else looks like one.
pub(crate) fn clean(words: &str, key: Option<&SecretString>) -> String {
    // The exact key goes first: it may have blanks in it or look like nothing known.
    let without_key = match key.map(ExposeSecret::expose_secret).map(str::trim) {
        Some(key) if key.len() >= 4 => words.replace(key, REMOVED),
        _ => words.to_owned(),
    };
    let one_line = without_key
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let visible: String = one_line.chars().filter(|&c| !is_deceptive(c)).collect();
    shorten(&without_key_like(&visible))
}

/// Quotes the beginning of a body that is not what was expected.
pub(crate) fn quote(bytes: &[u8], key: Option<&SecretString>) -> String {
    let head = &bytes[..bytes.len().min(4096)];
    let text = clean(&String::from_utf8_lossy(head), key);
    text.chars().take(160).collect()
}

/// Bidirectional controls, zero-width and tag characters: text that shows other than it is.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => {
            let kept: String = text[..end].chars().take(MAX_CHARS - 1).collect();
            format!("{kept}…")
        }
    }
}

/// Replaces runs of key characters that begin like a key, are masked, or follow `Bearer`.
fn without_key_like(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_bearer = false;
    while let Some(first) = rest.chars().next() {
        let len = rest.find(|c: char| !is_key_char(c)).unwrap_or(rest.len());
        if len == 0 {
            out.push(first);
            after_bearer &= first == ' ' || first == ':';
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (run, tail) = rest.split_at(len);
        out.push_str(if after_bearer || looks_like_key(run) { REMOVED } else { run });
        if (after_bearer || looks_like_key(run)) && run.ends_with('.') {
            out.push('.');
        }
        after_bearer = run.eq_ignore_ascii_case("bearer") || run.eq_ignore_ascii_case("x-api-key");
        rest = tail;
    }
    out
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.' | '+')
}

fn looks_like_key(run: &str) -> bool {
    let masked = run.contains("****");
    masked || (run.len() >= 12 && KEY_STARTS.iter().any(|start| run.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str, want: &str) {
        assert_eq!(clean(words, Some(&SecretString::from("hunter2 secret".to_owned()))), want);
    }

    #[test]
    fn keys_and_what_looks_like_one_are_removed() {
        check("bad key hunter2 secret!", "bad key [key removed]!");
        check(
            "Incorrect API key provided: sk-inval**************-key. You can find",
            "Incorrect API key provided: [key removed]. You can find",
        );
        check("got gsk_abcdefghijklmnop, sorry", "got [key removed], sorry");
        check(
            "header Authorization: Bearer abc123 seen",
            "header Authorization: Bearer [key removed] seen",
        );
        check("{\"x-api-key\":\"abc\"}", "{\"x-api-key\":\"abc\"}");
        check("model claude-sonnet-4-20250514 is gone", "model claude-sonnet-4-20250514 is gone");
    }

    #[test]
    fn control_and_deceptive_characters_go() {
        check("a\u{1b}]8;;x\u{7}b\r\nc\u{9b}d \u{202e}e\u{200b}", "a ]8;;x b c d e");
    }

    #[test]
    fn long_words_are_cut() {
        let long = clean(&"ä ".repeat(600), None);
        assert_eq!(long.chars().count(), 500);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_quote_is_short_and_survives_cut_characters() {
        assert_eq!(quote(b"<html>\n<b>\xc3", None), "<html> <b>\u{fffd}");
    }
}
