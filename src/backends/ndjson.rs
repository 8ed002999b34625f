//! Frames newline-delimited JSON out of bytes.

use super::lines::{Ends, Lines, TooLong};

/// The framer; yields lines that are not blank.
#[derive(Debug)]
pub(crate) struct Ndjson {
    lines: Lines,
}

impl Ndjson {
    /// A framer at the start of a stream.
    pub(crate) fn new() -> Self {
        Self { lines: Lines::new(Ends::Lf) }
    }

    /// Takes a chunk and appends the lines it completes.
    pub(crate) fn push(&mut self, chunk: &[u8], out: &mut Vec<String>) -> Result<(), TooLong> {
        let result = self.lines.push(chunk, out);
        out.retain(|line| !line.trim().is_empty());
        result
    }

    /// The last line, also where its line end is missing.
    pub(crate) fn finish(&mut self) -> Option<String> {
        self.lines.finish().filter(|line| !line.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_from_any_chunks() {
        let text = "{\"a\":\"é\"}\r\n\n{\"b\":1}".as_bytes();
        for size in 1..=text.len() {
            let mut framer = Ndjson::new();
            let mut out = Vec::new();
            for chunk in text.chunks(size) {
                framer.push(chunk, &mut out).unwrap();
            }
            out.extend(framer.finish());
            let trimmed: Vec<&str> = out.iter().map(|line| line.trim()).collect();
            assert_eq!(trimmed, ["{\"a\":\"é\"}", "{\"b\":1}"], "chunks of {size}");
        }
    }
}
