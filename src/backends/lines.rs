//! Cuts a byte stream into lines, whatever the network's chunks are; decodes only whole lines.

/// Longest line that is accepted, as in Ollama's own client.
pub(crate) const MAX_LINE: usize = 8 * 1024 * 1024;

/// A line was longer than [`MAX_LINE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Which bytes end a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// LF only: JSON may hold a bare CR as white space.
    Lf,
    /// LF, CR, or CRLF, as server-sent events allow.
    Any,
}

/// The splitter. Bytes that are not UTF-8 become U+FFFD once the line is whole.
#[derive(Debug)]
pub(crate) struct Lines {
    ends: Ends,
    pending: Vec<u8>,
    max: usize,
    at_start: bool,
    after_cr: bool,
}

impl Lines {
    /// A splitter at the start of a stream.
    pub(crate) fn new(ends: Ends) -> Self {
        Self { ends, pending: Vec::new(), max: MAX_LINE, at_start: true, after_cr: false }
    }

    /// Takes a chunk and appends the lines it completes.
    pub(crate) fn push(&mut self, chunk: &[u8], out: &mut Vec<String>) -> Result<(), TooLong> {
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            // A CRLF may be cut between its halves: the CR has ended the line, the LF adds none.
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|&byte| self.is_end(byte)) else {
                return self.keep(rest);
            };
            self.keep(&rest[..end])?;
            self.after_cr = rest[end] == b'\r';
            out.push(self.take());
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    /// The last line, if the stream ended without a line end.
    pub(crate) fn finish(&mut self) -> Option<String> {
        (!self.pending.is_empty()).then(|| self.take())
    }

    fn is_end(&self, byte: u8) -> bool {
        byte == b'\n' || (byte == b'\r' && self.ends == Ends::Any)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.pending.len() + bytes.len() > self.max {
            return Err(TooLong);
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.pending);
        let line: &[u8] = if std::mem::take(&mut self.at_start) {
            bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)
        } else {
            &bytes
        };
        String::from_utf8_lossy(line).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(ends: Ends, text: &[u8], size: usize) -> Vec<String> {
        let mut lines = Lines::new(ends);
        let mut out = Vec::new();
        for chunk in text.chunks(size) {
            lines.push(chunk, &mut out).unwrap();
        }
        out.extend(lines.finish());
        out
    }

    #[test]
    fn all_line_ends_are_found_wherever_chunks_are_cut() {
        let text = "\u{feff}a\r\nb\rc\n\r\n\u{2028}é\u{85}\r\rlast".as_bytes();
        for size in 1..text.len() {
            assert_eq!(
                split(Ends::Any, text, size),
                ["a", "b", "c", "", "\u{2028}é\u{85}", "", "last"],
                "chunks of {size}"
            );
        }
    }

    #[test]
    fn a_bare_cr_ends_no_json_line() {
        assert_eq!(split(Ends::Lf, b"{\r\"a\":1}\r\n{}", 2), ["{\r\"a\":1}\r", "{}"]);
    }

    #[test]
    fn invalid_bytes_become_replacement_characters() {
        assert_eq!(split(Ends::Any, b"a\xffb\xe2\x82\n", 1), ["a\u{fffd}b\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines::new(Ends::Any);
        lines.max = 10;
        let mut out = Vec::new();
        assert_eq!(lines.push(b"0123456789", &mut out), Ok(()));
        assert_eq!(lines.push(b"x", &mut out), Err(TooLong));
    }
}
