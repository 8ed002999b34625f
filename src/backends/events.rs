//! What all decoders of server-sent events have in common: framing, lines that are too long, and cut streams.

use super::fault::{Ending, Fault, Piece};
use super::lines::TooLong;
use super::sse::{Frame, Sse};
use crate::model::ErrorClass;

/// Bytes kept of an answer that may turn out to be no stream.
const MAX_HEAD: usize = 64 * 1024;

/// The events of an answer, and its first bytes until it is known to be a stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    sse: Sse,
    head: Vec<u8>,
    has_begun: bool,
}

/// Events that are whole, and whether what follows them is a line that is too long.
pub(super) type Framed = (Vec<Frame>, Result<(), TooLong>);

impl Events {
    /// Takes bytes, and gives the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Framed {
        if !self.has_begun && self.head.len() < MAX_HEAD {
            let room = MAX_HEAD - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let mut frames = Vec::new();
        let result = self.sse.push(bytes, &mut frames);
        (frames, result)
    }

    /// The event that the end of the bytes completes.
    pub(super) fn finish(&mut self) -> Framed {
        let mut frames = Vec::new();
        let result = self.sse.finish(&mut frames);
        (frames, result)
    }

    /// It is a stream: the first bytes are not needed any more.
    pub(super) fn begin(&mut self) {
        self.has_begun = true;
        self.head = Vec::new();
    }

    /// Whether it is known to be a stream.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The first bytes so far.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }
}

/// A decoder of events.
pub(super) trait OfEvents {
    /// The events it decodes.
    fn events(&self) -> &Events;

    /// Whether the answer has ended, one way or the other.
    fn is_over(&self) -> bool;

    /// Decodes an event.
    fn frame(&mut self, frame: &Frame, out: &mut Vec<Piece>);

    /// Ends the answer with a failure.
    fn fail(&mut self, fault: Fault, out: &mut Vec<Piece>);

    /// Decodes a body that held no event at all: JSON of its own, HTML, or nothing.
    fn no_stream(&mut self, out: &mut Vec<Piece>);

    /// Decodes events until the answer is over.
    fn take(&mut self, (frames, result): Framed, out: &mut Vec<Piece>) {
        for frame in &frames {
            if !self.is_over() {
                self.frame(frame, out);
            }
        }
        if result.is_err() && !self.is_over() {
            self.fail(Fault::new(ErrorClass::NotJson, "a line of more than 8 MiB"), out);
        }
    }

    /// Says what an answer is worth whose bytes ended before it did.
    fn cut(&mut self, ending: Ending, out: &mut Vec<Piece>) {
        match ending {
            Ending::Broken(reason) => self.fail(Fault::new(ErrorClass::Truncated, reason), out),
            Ending::Closed if self.events().has_begun() => {
                let message = "the stream ended without its end sign";
                self.fail(Fault::new(ErrorClass::Truncated, message), out);
            }
            Ending::Closed => self.no_stream(out),
        }
    }
}
