//! Frames server-sent events out of bytes.

use super::lines::{Ends, Lines, MAX_LINE, TooLong};

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The `event:` field; empty if there was none.
    pub(crate) event: String,
    /// The `data:` fields, joined by line feeds.
    pub(crate) data: String,
    /// The `error:` field, which llama.cpp sent until September 2025.
    pub(crate) error: Option<String>,
}

/// The framer.
#[derive(Debug)]
pub(crate) struct Sse {
    lines: Lines,
    open: Frame,
    has_data: bool,
}

impl Default for Sse {
    fn default() -> Self {
        Self::new()
    }
}

impl Sse {
    /// A framer at the start of a stream.
    pub(crate) fn new() -> Self {
        Self { lines: Lines::new(Ends::Any), open: Frame::default(), has_data: false }
    }

    /// Takes a chunk and appends the events it completes.
    pub(crate) fn push(&mut self, chunk: &[u8], out: &mut Vec<Frame>) -> Result<(), TooLong> {
        let mut lines = Vec::new();
        let result = self.lines.push(chunk, &mut lines);
        for line in lines {
            self.line(&line, out)?;
        }
        result
    }

    /// The last event, also where the blank line after it is missing.
    pub(crate) fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), TooLong> {
        if let Some(line) = self.lines.finish() {
            self.line(&line, out)?;
        }
        self.close(out);
        Ok(())
    }

    fn line(&mut self, line: &str, out: &mut Vec<Frame>) -> Result<(), TooLong> {
        if line.is_empty() {
            self.close(out);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.data(value)?,
            "event" => value.clone_into(&mut self.open.event),
            "error" => self.open.error = Some(value.to_owned()),
            // Comments have an empty field name; `id` and `retry` are for reconnecting, which never happens.
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, value: &str) -> Result<(), TooLong> {
        if self.open.data.len() + value.len() > MAX_LINE {
            return Err(TooLong);
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.open.data.push('\n');
        }
        self.open.data.push_str(value);
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<Frame>) {
        let frame = std::mem::take(&mut self.open);
        if std::mem::take(&mut self.has_data) || frame.error.is_some() {
            out.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str, size: usize) -> Vec<Frame> {
        let mut sse = Sse::new();
        let mut out = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            sse.push(chunk, &mut out).unwrap();
        }
        sse.finish(&mut out).unwrap();
        out
    }

    fn data(text: &str) -> Frame {
        Frame { data: text.to_owned(), ..Frame::default() }
    }

    #[test]
    fn every_chunking_gives_the_same_events() {
        let text = "\u{feff}: hello\r\nid: 1\ndata:a\ndata: b\n\nevent: error\rdata:  {\"x\":\"é\"}\r\rretry: 5\n\n\
                    error: {\"code\":500}\n\ndata\n\ndata: last";
        let want = vec![
            data("a\nb"),
            Frame { event: "error".into(), ..data(" {\"x\":\"é\"}") },
            Frame { error: Some("{\"code\":500}".into()), ..Frame::default() },
            data(""),
            data("last"),
        ];
        for size in 1..=text.len() {
            assert_eq!(frames(text, size), want, "chunks of {size}");
        }
    }

    #[test]
    fn an_event_name_alone_is_no_event() {
        assert_eq!(frames("event: ping\n\ndata: x\n\n", 4), [data("x")]);
    }
}
