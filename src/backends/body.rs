//! The body of an answer: read under its clocks, and refused where it is none that can be read.
//!
//! Reads and sends nothing: requests are those of `http.rs`.

use std::time::{Duration, SystemTime};

use reqwest::Response;
use tokio::time::{Instant, timeout, timeout_at};

use super::classify::{self, Refused};
use super::endpoint::shown;
use super::fault::Fault;
use super::{connect, wait, words};
use crate::model::ErrorClass;

/// Most bytes read of an error's body.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Patience with questions about models: they are answered out of memory or not at all.
pub(super) const LOOKUP_LIMIT: Duration = Duration::from_secs(3);
/// How long the rest of a finished answer is read, so that its connection can be used again.
const DRAIN_LIMIT: Duration = Duration::from_millis(250);

/// The body of an answer that began well.
#[derive(Debug)]
pub(super) struct Body {
    response: Response,
    status: u16,
    request_id: Option<String>,
    first_byte_by: Instant,
    idle: Duration,
    received: bool,
    ended: bool,
}

/// What came of waiting for a piece of a body.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The proper end.
    End,
    /// The connection broke.
    Broken(String),
    /// Nothing came in time.
    Late(ErrorClass),
}

impl Body {
    /// The body behind the head of an answer; `idle` is the patience between two pieces.
    ///
    /// An error where the status is no success, or what comes is nothing like a stream.
    pub(super) async fn of(
        response: Response,
        first_byte_by: Instant,
        idle: Duration,
    ) -> Result<Self, Fault> {
        let status = response.status().as_u16();
        let mut body = Self {
            status,
            request_id: None,
            response,
            first_byte_by,
            idle,
            received: false,
            ended: false,
        };
        body.request_id = ["x-request-id", "request-id", "cf-ray"]
            .iter()
            .find_map(|name| body.header(name))
            .map(|id| id.chars().filter(char::is_ascii_graphic).take(128).collect());
        body.accepted().await
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// HTTP status of the answer.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The provider's request id.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Waits for the next bytes, under the clock that applies.
    pub(super) async fn next(&mut self) -> Piece {
        let by = if self.received { Instant::now() + self.idle } else { self.first_byte_by };
        loop {
            let Ok(read) = timeout_at(by, self.response.chunk()).await else {
                let class = if self.received {
                    ErrorClass::IdleTimeout
                } else {
                    ErrorClass::FirstByteTimeout
                };
                return Piece::Late(class);
            };
            match read {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => {
                    self.received = true;
                    return Piece::Bytes(bytes.into());
                }
                Ok(None) => {
                    self.ended = true;
                    return Piece::End;
                }
                Err(error) => {
                    return Piece::Broken(format!(
                        "the connection broke: {}",
                        connect::root_of(&error)
                    ));
                }
            }
        }
    }

    /// Reads what is left of a finished answer in the background, so that its connection is used again.
    ///
    /// The work is over when this is called: nothing is left that a cancellation could stop.
    pub(super) fn release(mut self) {
        if !self.ended {
            tokio::spawn(timeout(DRAIN_LIMIT, async move {
                while let Ok(Some(_)) = self.response.chunk().await {}
            }));
        }
    }

    /// This body, if the status is a success and something like a stream; else the failure it tells of.
    async fn accepted(mut self) -> Result<Self, Fault> {
        let header = |name: &str| self.header(name);
        if (300..400).contains(&self.status) {
            let target =
                header("location").and_then(|location| self.response.url().join(location).ok());
            let target = target.map(|url| format!(" to {}", shown(&url))).unwrap_or_default();
            let message =
                format!("HTTP {} redirects{target}; redirects are not followed", self.status);
            return Err(self.fault(ErrorClass::NotJson, message));
        }
        if (200..300).contains(&self.status) {
            let kind = header("content-type").unwrap_or_default().to_ascii_lowercase();
            if kind.starts_with("text/html") {
                let bytes = self.read_up_to(4096).await;
                let quoted = words::quote(&bytes, None);
                return Err(self
                    .fault(ErrorClass::NotJson, format!("it answered with a web page: {quoted}")));
            }
            return Ok(self);
        }
        let wait =
            wait::from_headers(header("retry-after-ms"), header("retry-after"), SystemTime::now());
        let bytes = self.read_up_to(MAX_ERROR_BODY).await;
        let request_id = self.request_id.take();
        Err(classify::of_answer(Refused { status: self.status, wait, request_id, body: &bytes }))
    }

    fn fault(&self, class: ErrorClass, message: String) -> Fault {
        Fault { class, message, status: Some(self.status), request_id: self.request_id.clone() }
    }

    /// The first part of the body, as far as it comes in time.
    pub(super) async fn read_up_to(&mut self, max: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let limit = self.idle.min(LOOKUP_LIMIT);
        let _ = timeout(limit, async {
            while bytes.len() < max
                && let Ok(Some(chunk)) = self.response.chunk().await
            {
                let room = max - bytes.len();
                bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
        })
        .await;
        bytes
    }
}
