//! Reads the client's messages off the pipe and hands tower-lsp only those it can survive.
//!
//! The decoder of tower-lsp 0.20 ends the connection for good at the first message it cannot read: JSON with half
//! of a surrogate pair in a string (editors in JavaScript send that when a document holds one), bytes that are
//! not UTF-8, an id that is no integer, a batch, a third header line, a header in small letters, a `Content-Type`
//! without a charset. Here such a message is mended where that loses nothing that matters, else dropped with a
//! word in the log, and the session goes on.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::io::{AsyncRead, ReadBuf};
use tower_lsp::jsonrpc::Request;

use super::texts::Texts;

/// The longest header block; a longer one is not LSP.
const MAX_HEADER: usize = 8 * 1024;

/// The longest message: more than any document an editor can hold.
const MAX_BODY: usize = 1 << 30;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// Room that is kept between messages; what a larger message needed is given back.
const KEPT: usize = 4 * CHUNK;

/// A reader that yields well-formed frames, one message at a time.
pub(super) struct Reframed<R> {
    inner: R,
    /// What was read; the bytes before `start` are done with.
    received: Vec<u8>,
    start: usize,
    outgoing: Option<Outgoing>,
    texts: Texts,
}

/// A message on its way to tower-lsp.
struct Outgoing {
    header: String,
    /// The body, where it is not the received one.
    mended: Option<Vec<u8>>,
    /// Where the message begins and ends in what was received.
    body: Range<usize>,
    handed_over: usize,
}

impl Outgoing {
    /// Copies as much as fits; `true` when all of it has been.
    fn hand_over(&mut self, received: &[u8], buffer: &mut ReadBuf<'_>) -> bool {
        let body = self.mended.as_deref().unwrap_or(&received[self.body.clone()]);
        let header = self.header.as_bytes();
        for (part, begin) in [(header, 0), (body, header.len())] {
            let rest = part.get(self.handed_over.saturating_sub(begin)..).unwrap_or_default();
            if self.handed_over >= begin && !rest.is_empty() {
                let taken = rest.len().min(buffer.remaining());
                buffer.put_slice(&rest[..taken]);
                self.handed_over += taken;
            }
        }
        self.handed_over == header.len() + body.len()
    }
}

impl<R> Reframed<R> {
    /// Wraps a reader; large texts go to `texts`.
    pub(super) fn new(inner: R, texts: Texts) -> Self {
        Self { inner, received: Vec::new(), start: 0, outgoing: None, texts }
    }

    /// Finds the next message that can be handed over; messages that cannot are passed over.
    fn next_message(&mut self) -> io::Result<()> {
        while let Some((header_len, body_len)) = header(&self.received[self.start..])? {
            let body = self.start + header_len..self.start + header_len + body_len;
            let Some(bytes) = self.received.get(body.clone()) else {
                // Once, instead of by doubling: a large document is read into just the room it needs.
                self.received.reserve_exact(body.end + CHUNK - self.received.len());
                return Ok(());
            };
            let readable = readable(bytes).map(|bytes| match self.texts.lightened(&bytes) {
                Some(light) => Cow::Owned(light),
                None => bytes,
            });
            self.start = body.end;
            if let Some(readable) = readable {
                let header = format!("Content-Length: {}\r\n\r\n", readable.len());
                let mended = match readable {
                    Cow::Owned(mended) => Some(mended),
                    Cow::Borrowed(_) => None,
                };
                self.outgoing = Some(Outgoing { header, mended, body, handed_over: 0 });
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets what is done with.
    fn tidy(&mut self) {
        if self.start == self.received.len() {
            self.received.clear();
            self.received.shrink_to(KEPT);
        } else {
            self.received.drain(..self.start);
        }
        self.start = 0;
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Reframed<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if let Some(outgoing) = &mut this.outgoing {
                if outgoing.hand_over(&this.received, buffer) {
                    this.outgoing = None;
                }
                return Poll::Ready(Ok(()));
            }
            this.next_message()?;
            if this.outgoing.is_some() {
                continue;
            }
            this.tidy();
            let filled = this.received.len();
            this.received.resize(filled + CHUNK, 0);
            let mut chunk = ReadBuf::new(&mut this.received[filled..]);
            let polled = Pin::new(&mut this.inner).poll_read(context, &mut chunk);
            let n_read = chunk.filled().len();
            this.received.truncate(filled + n_read);
            ready!(polled)?;
            if n_read == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Length of a header block and of the body it announces; `None` while the block is incomplete.
fn header(received: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let searched = &received[..received.len().min(MAX_HEADER)];
    let Some(end) = searched.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        if received.len() > MAX_HEADER {
            return Err(no_lsp("no header block"));
        }
        return Ok(None);
    };
    let lines = String::from_utf8_lossy(&received[..end]);
    let length = lines.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    match length {
        Some(Ok(length)) if length <= MAX_BODY => Ok(Some((end + 4, length))),
        Some(Ok(_)) => Err(no_lsp("a message that is too long")),
        Some(Err(_)) | None => Err(no_lsp("a header block without a length")),
    }
}

/// Without a length nobody can tell where the next message begins: the connection cannot be saved.
fn no_lsp(what: &str) -> io::Error {
    tracing::error!("the client sent {what}");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The body as it can be read, or `None`.
fn readable(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    if is_readable(body) {
        return Some(body.into());
    }
    let mended = mended(&String::from_utf8_lossy(body)).into_bytes();
    if is_readable(&mended) {
        tracing::warn!("a message that was not valid Unicode was mended");
        return Some(mended.into());
    }
    tracing::error!("a message that cannot be read was dropped ({} bytes)", body.len());
    None
}

/// Whether the decoder of tower-lsp will take it: it reads what looks like no answer as a request.
fn is_readable(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    if is_plain(text) {
        return true;
    }
    serde_json::from_str::<Value>(text).is_ok_and(|message| Request::deserialize(message).is_ok())
}

/// The usual message, told without building it: a request or notification as it should be, without escapes
/// that could be half a surrogate pair.
fn is_plain(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Plain<'a> {
        jsonrpc: &'a str,
        #[serde(borrow)]
        method: &'a str,
        #[serde(rename = "id")]
        _id: Option<u32>,
        #[serde(rename = "params")]
        _params: Option<IgnoredAny>,
    }
    !text.contains("\\ud")
        && !text.contains("\\uD")
        && serde_json::from_str::<Plain<'_>>(text)
            .is_ok_and(|plain| plain.jsonrpc == "2.0" && !plain.method.is_empty())
}

/// Half surrogates become replacement characters, as they do in every text that is written to a file.
fn mended(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let (piece, taken) = match (code_unit(rest), rest.get(6..).and_then(code_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&rest[..12], 12),
            (Some(0xd800..=0xdfff), _) => ("\\ufffd", 6),
            _ => {
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                (&rest[..taken], taken)
            }
        };
        shown.push_str(piece);
        rest = &rest[taken..];
    }
    shown.push_str(rest);
    shown
}

/// The code unit that an escape at the start of a text names.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// Sends `input` in pieces of `n_bytes`, and compares what is handed over.
    async fn check_reframed(input: &[u8], expected: &str) {
        for n_bytes in [1, 7, input.len()] {
            let (mut pipe, reader) = tokio::io::duplex(16);
            let input = input.to_vec();
            tokio::spawn(async move {
                for piece in input.chunks(n_bytes) {
                    if pipe.write_all(piece).await.is_err() {
                        return;
                    }
                }
            });
            let mut frames = String::new();
            let _ = Reframed::new(reader, Texts::default()).read_to_string(&mut frames).await;
            assert_eq!(frames, expected);
        }
    }

    const GOOD: &str = r#"{"jsonrpc":"2.0","method":"a","params":{"text":"\ud83e\udd80 \\ud800"}}"#;

    #[tokio::test]
    async fn any_headers_in_any_pieces_become_the_one_header() {
        let odd = format!(
            "X-More: 1\r\ncontent-type: application/vscode-jsonrpc\r\ncontent-length:{}\r\n\r\n{GOOD}",
            GOOD.len()
        );
        check_reframed(format!("{odd}{}", frame(GOOD)).as_bytes(), &frame(GOOD).repeat(2)).await;
    }

    #[tokio::test]
    async fn half_surrogates_are_mended_and_whole_ones_stay() {
        let broken =
            r#"{"jsonrpc":"2.0","method":"a","params":"\ud83e\udd80\ud800\udc00\udc00\ud800"}"#;
        let mended =
            r#"{"jsonrpc":"2.0","method":"a","params":"\ud83e\udd80\ud800\udc00\ufffd\ufffd"}"#;
        check_reframed(frame(broken).as_bytes(), &frame(mended)).await;
    }

    #[tokio::test]
    async fn messages_that_nobody_can_read_are_dropped() {
        let mut input = Vec::new();
        for body in
            ["{x}", "[]", "3", r#"{"jsonrpc":"1.0","method":"a"}"#, r#"{"jsonrpc":"2.0","id":1.5}"#]
        {
            input.extend_from_slice(frame(body).as_bytes());
        }
        input.extend_from_slice(frame(GOOD).as_bytes());
        check_reframed(&input, &frame(GOOD)).await;
    }

    #[tokio::test]
    async fn what_is_no_lsp_at_all_ends_the_connection() {
        check_reframed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "").await;
        check_reframed(&[b'x'; 9000], "").await;
        check_reframed(b"Content-Length: 99999999999999\r\n\r\n", "").await;
    }
}
