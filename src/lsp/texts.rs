//! Large texts travel beside their messages.
//!
//! The decoder of tower-lsp never gives back the room that its largest message needed, and a document of 10 MB
//! is such a message. So the reader takes the text out before the decoder sees it and leaves a mark in its
//! place, and the front door puts it back before a handler sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Messages smaller than this are left as they are.
const LARGE: usize = 256 * 1024;

/// The texts on their way. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// What a mark begins with: nobody outside can know it, so no document can hold one.
    secret: Arc<str>,
    kept: Arc<Mutex<HashMap<String, String>>>,
}

impl Default for Texts {
    fn default() -> Self {
        let secret = format!("arawn-text:{:032x}:", fastrand::u128(..)).into();
        Self { secret, kept: Arc::default() }
    }
}

impl Texts {
    /// The message with marks in place of its large texts; `None` if it has none.
    pub(super) fn lightened(&self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < LARGE {
            return None;
        }
        let mut message: Value = serde_json::from_slice(body).ok()?;
        let mut n_taken = 0;
        for text in texts_of(message.get_mut("params")?) {
            if text.len() >= LARGE / 2 {
                n_taken += 1;
                let mark = format!("{}{:x}", self.secret, fastrand::u64(..));
                let text = std::mem::replace(text, mark.clone());
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(mark, text);
            }
        }
        (n_taken > 0).then(|| message.to_string().into_bytes())
    }

    /// Puts the texts back in place of their marks.
    pub(super) fn put_back(&self, params: &mut Value) {
        for text in texts_of(params) {
            if text.starts_with(&*self.secret)
                && let Some(kept) =
                    self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(text)
            {
                *text = kept;
            }
        }
    }
}

/// The texts of documents in the parameters of `didOpen` and `didChange`.
fn texts_of(params: &mut Value) -> Vec<&mut String> {
    let Some(params) = params.as_object_mut() else { return Vec::new() };
    let mut texts = Vec::new();
    for (key, value) in params {
        match (key.as_str(), value) {
            ("textDocument", document) => texts.extend(document.get_mut("text")),
            ("contentChanges", Value::Array(changes)) => {
                texts.extend(changes.iter_mut().filter_map(|change| change.get_mut("text")));
            }
            _ => {}
        }
    }
    texts
        .into_iter()
        .filter_map(|text| match text {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_large_text_comes_back_and_a_small_one_stays() {
        let texts = Texts::default();
        let large = "x".repeat(LARGE);
        for params in [
            json!({"textDocument": {"uri": "a", "text": large}}),
            json!({"textDocument": {"uri": "a"}, "contentChanges": [{"text": "small"}, {"text": large}]}),
        ] {
            let message = json!({"jsonrpc": "2.0", "method": "m", "params": params}).to_string();
            let lightened = texts.lightened(message.as_bytes()).unwrap();
            assert!(lightened.len() < 1000);
            let mut read: Value = serde_json::from_slice(&lightened).unwrap();
            texts.put_back(&mut read["params"]);
            assert_eq!(read["params"], params);
            assert!(texts.kept.lock().unwrap().is_empty());
        }
        assert_eq!(texts.lightened(br#"{"params":{"textDocument":{"text":"small"}}}"#), None);
        assert_eq!(texts.lightened(format!("{{\"params\":[\"{large}\"]}}").as_bytes()), None);
    }
}
