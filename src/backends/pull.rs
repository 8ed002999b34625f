//! `api/pull` of Ollama: fetching a model, told line by line.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use secrecy::SecretString;
use serde_json::Value;

use super::body::{self, Body};
use super::endpoint::Endpoint;
use super::fault::{Complaint, Fault};
use super::ndjson::Ndjson;
use super::{Backends, Inner, classify};
use crate::config::{BackendSettings, Dialect};
use crate::model::{ErrorClass, ModelError};

/// How far the fetching of a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulling {
    /// What the server does now, in its words.
    Status(String),
    /// A part of the model is being fetched.
    Part {
        /// Which.
        digest: String,
        /// Its size in bytes.
        total: u64,
        /// What is there of it.
        completed: u64,
    },
    /// The model is there. The last.
    Done,
}

impl Backends {
    /// Has a server fetch a model. Ends with `Done` or an error. Dropping the stream stops the server; what it
    /// has by then is kept there, and a later pull goes on from it.
    pub fn pull(
        &self,
        backend: Arc<BackendSettings>,
        model: String,
        key: Option<SecretString>,
    ) -> BoxStream<'static, Result<Pulling, ModelError>> {
        let pull = Pull {
            inner: self.inner.clone(),
            backend,
            model,
            key,
            reading: None,
            queue: VecDeque::new(),
            is_over: false,
        };
        unfold(pull, |mut pull| async move {
            loop {
                if let Some(line) = pull.queue.pop_front() {
                    return Some((line, pull));
                }
                if pull.is_over {
                    return None;
                }
                pull.advance().await;
            }
        })
        .boxed()
    }
}

struct Pull {
    inner: Arc<Inner>,
    backend: Arc<BackendSettings>,
    model: String,
    key: Option<SecretString>,
    reading: Option<(Body, Ndjson)>,
    queue: VecDeque<Result<Pulling, ModelError>>,
    is_over: bool,
}

impl Pull {
    async fn advance(&mut self) {
        let Some((body, framer)) = &mut self.reading else {
            match self.begin().await {
                Ok(body) => self.reading = Some((body, Ndjson::new())),
                Err(fault) => self.fail(fault),
            }
            return;
        };
        let mut lines = Vec::new();
        let end = match body.next().await {
            body::Piece::Bytes(bytes) => framer
                .push(&bytes, &mut lines)
                .is_err()
                .then(|| Fault::new(ErrorClass::NotJson, "a line of more than 8 MiB")),
            body::Piece::End => {
                lines.extend(framer.finish());
                Some(Fault::new(
                    ErrorClass::Truncated,
                    "the server stopped before the model was there",
                ))
            }
            body::Piece::Broken(reason) => Some(Fault::new(ErrorClass::Truncated, reason)),
            body::Piece::Late(class) => Some(Fault::new(class, "nothing more came")),
        };
        for line in lines {
            self.line(&line);
        }
        if let Some(fault) = end {
            self.fail(fault);
        }
    }

    async fn begin(&self) -> Result<Body, Fault> {
        if self.backend.dialect != Dialect::Ollama {
            let message = "only Ollama fetches models by itself";
            return Err(Fault::new(ErrorClass::Unsupported, message));
        }
        let endpoint = Endpoint::new(&self.backend, self.key.as_ref());
        self.inner.http.pull(&endpoint, &self.model).await.map_err(better_class)
    }

    fn line(&mut self, line: &str) {
        if self.is_over || line.trim().is_empty() {
            return;
        }
        match read_line(line) {
            Ok(Pulling::Done) => {
                self.queue.push_back(Ok(Pulling::Done));
                self.is_over = true;
                self.inner.forget(&self.backend, &self.model);
                if let Some((body, _)) = self.reading.take() {
                    body.release();
                }
            }
            Ok(pulling) => self.queue.push_back(Ok(pulling)),
            Err(fault) => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: Fault) {
        if !std::mem::replace(&mut self.is_over, true) {
            let error = fault.into_error(&self.backend, &self.model, self.key.as_ref(), false);
            self.queue.push_back(Err(error));
        }
    }
}

/// Reads one line. An error comes as a line under status 200, too.
fn read_line(line: &str) -> Result<Pulling, Fault> {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        let quoted = super::words::quote(line.as_bytes(), None);
        return Err(Fault::new(ErrorClass::NotJson, format!("not JSON: {quoted}")));
    };
    if let Some(complaint) = Complaint::in_json(&value) {
        return Err(better_class(classify::of_complaint(complaint)));
    }
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("status"), text("digest"), number("total")) {
        ("success", _, _) => Ok(Pulling::Done),
        // `completed` is left out as long as it is zero.
        (_, digest, Some(total)) if !digest.is_empty() => Ok(Pulling::Part {
            digest: digest.to_owned(),
            total,
            completed: number("completed").unwrap_or(0).min(total),
        }),
        (status, _, _) => Ok(Pulling::Status(super::words::clean(status, None))),
    }
}

/// A registry that lacks a model says so in words of its own.
fn better_class(fault: Fault) -> Fault {
    let words = fault.message.to_ascii_lowercase();
    let is_absent = ["file does not exist", "manifest unknown", "invalid model name"]
        .iter()
        .any(|absent| words.contains(absent));
    let class = if is_absent { ErrorClass::ModelNotAvailable } else { fault.class };
    Fault { class, ..fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_pull_are_read() {
        assert_eq!(
            read_line(r#"{"status":"pulling manifest"}"#),
            Ok(Pulling::Status("pulling manifest".to_owned()))
        );
        assert_eq!(
            read_line(r#"{"status":"pulling abc","digest":"sha256:abc","total":10}"#),
            Ok(Pulling::Part { digest: "sha256:abc".to_owned(), total: 10, completed: 0 })
        );
        assert_eq!(read_line(r#"{"status":"success"}"#), Ok(Pulling::Done));
        let fault = read_line(r#"{"error":"pull model manifest: file does not exist"}"#);
        assert_eq!(fault.unwrap_err().class, ErrorClass::ModelNotAvailable);
        assert_eq!(read_line("<html>").unwrap_err().class, ErrorClass::NotJson);
    }
}
