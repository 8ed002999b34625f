//! What a terminal may be shown: text without control sequences, and a sign of life while waiting.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::text::with_names;

/// Waits longer than this show a sign of life.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two pictures of the sign of life.
pub(crate) const BEAT: Duration = Duration::from_millis(120);

/// Makes control characters visible, so that no answer or file name can steer the terminal.
///
/// Line breaks and tabs stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\r' => {}
            c if is_harmful(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The same, and what nobody would see by its name.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    match harmless(text) {
        Cow::Borrowed(text) => with_names(text),
        Cow::Owned(text) => Cow::Owned(with_names(&text).into_owned()),
    }
}

/// A line on stderr that tells that something goes on; silent where stderr is no terminal.
#[derive(Debug)]
pub(crate) struct SignOfLife {
    since: Instant,
    last: Option<Instant>,
    beats: usize,
    shown: bool,
    enabled: bool,
}

impl SignOfLife {
    /// Starts the wait.
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            last: None,
            beats: 0,
            shown: false,
            enabled: io::stderr().is_terminal(),
        }
    }

    /// Shows the sign if the wait is long enough; `what` says what is waited for.
    pub(crate) fn beat(&mut self, what: &str) {
        const PICTURES: [char; 4] = ['|', '/', '-', '\\'];
        let waited = self.since.elapsed();
        if !self.enabled || waited < PATIENCE || self.last.is_some_and(|last| last.elapsed() < BEAT)
        {
            return;
        }
        self.last = Some(Instant::now());
        self.beats += 1;
        self.shown = true;
        let picture = PICTURES[self.beats % PICTURES.len()];
        let mut stderr = io::stderr();
        let _ =
            write!(stderr, "\r\x1b[K{picture} {} ({:.0} s)", harmless(what), waited.as_secs_f32());
        let _ = stderr.flush();
    }

    /// Removes the sign; text follows.
    pub(crate) fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let mut stderr = io::stderr();
            let _ = write!(stderr, "\r\x1b[K");
            let _ = stderr.flush();
        }
    }
}

impl Drop for SignOfLife {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{harmless, visible};

    #[test]
    fn what_nobody_would_see_is_shown_by_its_name() {
        assert_eq!(visible("a\x1b\u{202E}b\u{200B}\r\n"), "a\\u{1b}<U+202E>b<U+200B>\n");
        assert_eq!(visible("plain 👩\u{200D}💻\n"), "plain 👩\u{200D}💻\n");
    }

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        assert_eq!(harmless("a\x1b]52;c;aGk=\x07b\r\n\tc"), "a\\u{1b}]52;c;aGk=\\u{7}b\n\tc");
        assert_eq!(harmless("plain ünïcode\n"), "plain ünïcode\n");
    }
}
