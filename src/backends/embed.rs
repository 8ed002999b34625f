//! Vectors of texts: one batch, one request, in the dialects that have it.

use std::sync::Arc;

use base64::Engine as _;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::body;
use super::endpoint::Endpoint;
use super::fault::{Complaint, Fault};
use super::{Backends, Inner, Path, Prompt, classify};
use crate::config::{BackendSettings, Dialect, Provider};
use crate::gate::{Errand, Pass};
use crate::model::{ErrorClass, ModelError};

/// Most bytes of an answer: two thousand vectors of three thousand numbers.
const MAX_ANSWER: usize = 256 << 20;

/// One batch of texts for one backend.
#[derive(Debug)]
pub struct EmbedCall<'a> {
    /// Whom to ask.
    pub backend: Arc<BackendSettings>,
    /// Which model.
    pub model: &'a str,
    /// The resolved key, if the backend has one.
    pub key: Option<SecretString>,
    /// The texts; none of them empty.
    pub texts: &'a [String],
    /// The gate's consent.
    pub pass: Pass,
}

/// The vectors of a batch, one a text, in the order of the texts and all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read, where the server counts them.
    pub input_tokens: Option<u64>,
}

/// Most texts and bytes in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchLimits {
    pub(crate) n_texts: usize,
    pub(crate) n_bytes: usize,
}

impl BatchLimits {
    /// The limits of a backend. `OpenAI` takes 2048 texts and 300,000 tokens, and text can be as dense as two
    /// bytes a token; a local server answers small batches sooner and can be stopped between them.
    pub(crate) fn of(backend: &BackendSettings) -> Self {
        match backend.provider {
            Provider::OpenAi => Self { n_texts: 2048, n_bytes: 512 << 10 },
            _ => Self { n_texts: 64, n_bytes: 128 << 10 },
        }
    }
}

impl Backends {
    /// Gets the vectors of a batch of texts.
    pub async fn embed(&self, call: EmbedCall<'_>) -> Result<Vectors, ModelError> {
        let (backend, key, model) = (call.backend.clone(), call.key.clone(), call.model);
        embed(&self.inner, call)
            .await
            .map_err(|fault| fault.into_error(&backend, model, key.as_ref(), false))
    }
}

async fn embed(inner: &Inner, call: EmbedCall<'_>) -> Result<Vectors, Fault> {
    let EmbedCall { backend, model, key, texts, pass } = call;
    if pass.errand != Errand::Embedding {
        return Err(Fault::new(ErrorClass::Unsupported, "this pass is not for embeddings"));
    }
    let prompt = prompt(&backend, model, texts)?;
    let endpoint = Endpoint::new(&backend, key.as_ref());
    let mut body = inner.http.send(&endpoint, pass, prompt).await.map_err(better_class)?;
    let mut bytes = Vec::new();
    loop {
        match body.next().await {
            body::Piece::Bytes(more) if bytes.len() + more.len() <= MAX_ANSWER => {
                bytes.extend_from_slice(&more);
            }
            body::Piece::Bytes(_) => {
                return Err(Fault::new(ErrorClass::NotJson, "the answer is larger than 256 MiB"));
            }
            body::Piece::End => break,
            body::Piece::Broken(reason) => return Err(Fault::new(ErrorClass::Truncated, reason)),
            body::Piece::Late(class) => return Err(Fault::new(class, "nothing more came")),
        }
    }
    read(&bytes, texts.len()).map_err(|fault| Fault { status: Some(body.status()), ..fault })
}

/// llama.cpp calls a text that is longer than its batch a failure of its own.
fn better_class(fault: Fault) -> Fault {
    let is_too_long = fault.message.contains("too large to process");
    let class = if is_too_long { ErrorClass::ContextOverflow } else { fault.class };
    Fault { class, ..fault }
}

fn prompt(backend: &BackendSettings, model: &str, texts: &[String]) -> Result<Prompt, Fault> {
    let (path, body) = match backend.dialect {
        Dialect::Anthropic => {
            let message = format!("{} makes no embeddings", backend.provider_text());
            return Err(Fault::new(ErrorClass::Unsupported, message));
        }
        Dialect::Openai => ("embeddings", json!({"model": model, "input": texts})),
        // Without `truncate` the end of a long text would silently count for nothing.
        Dialect::Ollama => {
            let mut body = json!({"model": model, "input": texts, "truncate": false});
            if let (Some(keep_alive), Some(body)) = (&backend.keep_alive, body.as_object_mut()) {
                body.insert("keep_alive".into(), super::ollama::keep_alive(keep_alive));
            }
            ("api/embed", body)
        }
    };
    Ok(Prompt {
        path: Path::Base(path),
        accept: "application/json",
        body: body.to_string().into_bytes(),
    })
}

/// Reads the answer of either dialect; it must hold exactly one vector a text, all of one length.
fn read(bytes: &[u8], n_texts: usize) -> Result<Vectors, Fault> {
    let wrong = |message: String| Fault::new(ErrorClass::NotJson, message);
    let answer: Value = serde_json::from_slice(bytes)
        .map_err(|_| wrong(format!("not JSON: {}", super::words::quote(bytes, None))))?;
    if let Some(complaint) = Complaint::in_json(&answer) {
        return Err(classify::of_complaint(complaint));
    }
    let vectors = if let Some(items) = answer.get("data").and_then(Value::as_array) {
        by_index(items)
    } else {
        let items = answer.get("embeddings").and_then(Value::as_array);
        items.and_then(|items| items.iter().map(vector).collect())
    };
    let vectors: Vec<Vec<f32>> = vectors.ok_or_else(|| {
        wrong(format!("the answer holds no vectors: {}", super::words::quote(bytes, None)))
    })?;
    if vectors.len() != n_texts {
        return Err(wrong(format!("{} vectors came for {n_texts} texts", vectors.len())));
    }
    let dimension = vectors.first().map_or(0, Vec::len);
    if vectors.iter().any(|vector| vector.len() != dimension || vector.is_empty()) {
        return Err(wrong("the vectors are of different lengths, or empty".to_owned()));
    }
    let input_tokens = ["/usage/prompt_tokens", "/prompt_eval_count"]
        .iter()
        .find_map(|path| answer.pointer(path).and_then(Value::as_u64));
    Ok(Vectors { vectors, input_tokens })
}

/// Vectors in the order of their `index`; in the order of the answer where none is given.
fn by_index(items: &[Value]) -> Option<Vec<Vec<f32>>> {
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; items.len()];
    for (nth, item) in items.iter().enumerate() {
        let index = item.get("index").and_then(Value::as_u64);
        let index = index.map_or(Some(nth), |index| usize::try_from(index).ok())?;
        let slot = vectors.get_mut(index)?;
        if slot.is_some() {
            return None;
        }
        *slot = Some(vector(item.get("embedding")?)?);
    }
    vectors.into_iter().collect()
}

/// A vector as numbers, or as the base64 of little-endian floats that some servers prefer.
fn vector(value: &Value) -> Option<Vec<f32>> {
    let numbers: Vec<f32> = match value {
        Value::Array(numbers) => {
            // A vector is no more exact than this anyway.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "models compute in 32 bits or less"
            )]
            let number = |number: &Value| number.as_f64().map(|number| number as f32);
            numbers.iter().map(number).collect::<Option<_>>()?
        }
        Value::String(text) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
            let (floats, rest) = bytes.as_chunks::<4>();
            if !rest.is_empty() {
                return None;
            }
            floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        _ => return None,
    };
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, n_texts: usize) -> Result<Vec<Vec<f32>>, String> {
        read(answer.as_bytes(), n_texts)
            .map(|vectors| vectors.vectors)
            .map_err(|fault| fault.message)
    }

    #[test]
    fn vectors_come_back_in_the_order_of_the_texts() {
        let answer = r#"{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":7}}"#;
        assert_eq!(check(answer, 2).unwrap(), [[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(read(answer.as_bytes(), 2).unwrap().input_tokens, Some(7));
        let ollama = r#"{"model":"m","embeddings":[[0.5],[0.25]],"prompt_eval_count":3}"#;
        assert_eq!(check(ollama, 2).unwrap(), [[0.5], [0.25]]);
        assert_eq!(read(ollama.as_bytes(), 2).unwrap().input_tokens, Some(3));
    }

    #[test]
    fn base64_is_read_too() {
        let answer = r#"{"data":[{"index":0,"embedding":"AACAPwAAAMA="}]}"#;
        assert_eq!(check(answer, 1).unwrap(), [[1.0, -2.0]]);
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused() {
        for (answer, n_texts, expected) in [
            (r#"{"data":[{"index":0,"embedding":[1]}]}"#, 2, "1 vectors came for 2 texts"),
            (r#"{"embeddings":[[1,2],[3]]}"#, 2, "of different lengths"),
            (r#"{"embeddings":[[]]}"#, 1, "or empty"),
            (r#"{"embeddings":[["a"]]}"#, 1, "holds no vectors"),
            (
                r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
                2,
                "no vectors",
            ),
            (r#"{"data":[{"index":7,"embedding":[1]}]}"#, 1, "no vectors"),
            (r#"{"data":[{"index":0,"embedding":"AAA="}]}"#, 1, "no vectors"),
            (r#"{"error":"this model does not support embeddings"}"#, 1, "does not support"),
            ("<p>", 1, "not JSON"),
        ] {
            let message = check(answer, n_texts).unwrap_err();
            assert!(message.contains(expected), "{answer}: {message}");
        }
    }
}
