//! Shows Markdown on a terminal while it comes: headings, bold, code and bullets get a style, the text stays.
//!
//! What a line is can be told from its first characters, so these are held back and the rest is shown as it
//! comes. Links and images are left as they are written: nothing here can be clicked or fetched.

use super::terminal;

const BOLD: &str = "\x1b[1m";
const HEADING: &str = "\x1b[1;4m";
const CODE: &str = "\x1b[36m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Markdown {
    line: Line,
    /// Sign and length of the mark that opened a code block.
    fence: Option<(char, usize)>,
    is_bold: bool,
    /// Length of the run of backticks that opened a code span.
    span: Option<usize>,
    /// A run of `*` or backticks that is not over yet.
    run: String,
    /// A style was set in this line.
    is_styled: bool,
}

/// Where in a line we are.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// At its beginning; these characters do not tell yet what it is.
    Start(String),
    /// In a heading.
    Heading,
    /// In running text.
    Prose,
    /// In a code block.
    Code,
}

impl Default for Line {
    fn default() -> Self {
        Self::Start(String::new())
    }
}

impl Markdown {
    /// What the terminal is to show for the next piece of text.
    pub(super) fn push(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        for c in terminal::harmless(text).chars() {
            self.take(c, &mut out);
        }
        out
    }

    /// The rest, with all styles ended. The next text begins anew.
    pub(super) fn finish(&mut self) -> String {
        let mut out = String::new();
        if let Line::Start(held) = std::mem::take(&mut self.line) {
            out.push_str(&held);
        }
        self.end_run(&mut out);
        if self.is_styled {
            out.push_str(RESET);
        }
        *self = Self::default();
        out
    }

    fn take(&mut self, c: char, out: &mut String) {
        match &mut self.line {
            Line::Start(held) => {
                held.push(c);
                let held = std::mem::take(held);
                self.begin(held, out);
            }
            Line::Prose if c != '\n' => self.inline(c, out),
            Line::Heading | Line::Code | Line::Prose => {
                if c == '\n' {
                    self.end_line(out);
                } else {
                    out.push(c);
                }
            }
        }
    }

    /// Decides what a line is that begins with `held`, if that can be told already.
    fn begin(&mut self, held: String, out: &mut String) {
        let is_whole = held.ends_with('\n');
        let content = held.trim_start_matches(' ').trim_end_matches('\n');
        let mark = content.chars().next().filter(|c| matches!(c, '`' | '~'));
        let length = mark.map_or(0, |mark| content.len() - content.trim_start_matches(mark).len());
        match self.fence {
            Some((open, least)) => {
                let may_close = mark.is_none_or(|mark| mark == open)
                    && content.trim_start_matches(open).trim().is_empty();
                if is_whole && may_close && mark.is_some() && length >= least {
                    self.fence = None;
                    self.styled(DIM, &held, out);
                } else if is_whole || !may_close {
                    self.code_line(&held, is_whole, out);
                } else {
                    self.line = Line::Start(held);
                }
            }
            None if length >= 3 => {
                if is_whole {
                    self.fence = mark.map(|mark| (mark, length));
                    self.styled(DIM, &held, out);
                } else {
                    self.line = Line::Start(held);
                }
            }
            None => self.begin_prose(held, is_whole, out),
        }
    }

    fn begin_prose(&mut self, held: String, is_whole: bool, out: &mut String) {
        let content = held.trim_start_matches(' ');
        let n_hashes = content.len() - content.trim_start_matches('#').len();
        let is_open = !is_whole
            && (content.is_empty()
                || matches!(content, "-" | "*" | "+" | "`" | "``" | "~" | "~~")
                || n_hashes == content.len() && n_hashes <= 6);
        if is_open {
            self.line = Line::Start(held);
        } else if (1..=6).contains(&n_hashes) && content[n_hashes..].starts_with(' ') {
            self.set(HEADING, out);
            out.push_str(content[n_hashes..].trim_start());
            self.line = Line::Heading;
            if is_whole {
                self.end_line(out);
            }
        } else {
            self.line = Line::Prose;
            let indent = held.len() - content.len();
            let bullet = ["- ", "* ", "+ "].iter().any(|bullet| content.starts_with(bullet));
            let rest = if bullet {
                out.push_str(&held[..indent]);
                out.push('•');
                &content[1..]
            } else {
                &held
            };
            for c in rest.chars() {
                if c == '\n' {
                    self.end_line(out);
                } else {
                    self.inline(c, out);
                }
            }
        }
    }

    fn code_line(&mut self, held: &str, is_whole: bool, out: &mut String) {
        self.set(CODE, out);
        out.push_str(held.trim_end_matches('\n'));
        self.line = Line::Code;
        if is_whole {
            self.end_line(out);
        }
    }

    /// A whole line in one style.
    fn styled(&mut self, style: &str, line: &str, out: &mut String) {
        self.set(style, out);
        out.push_str(line.trim_end_matches('\n'));
        self.line = Line::Prose;
        self.end_line(out);
    }

    fn inline(&mut self, c: char, out: &mut String) {
        if !self.run.is_empty() && !self.run.starts_with(c) {
            self.end_run(out);
        }
        if matches!(c, '*' | '`') {
            self.run.push(c);
        } else {
            out.push(c);
        }
    }

    /// Gives a run of `*` or backticks its meaning.
    fn end_run(&mut self, out: &mut String) {
        let run = std::mem::take(&mut self.run);
        match (run.chars().next(), self.span) {
            (Some('`'), None) => {
                self.span = Some(run.len());
                self.set(CODE, out);
            }
            (Some('`'), Some(length)) if length == run.len() => {
                self.span = None;
                out.push_str(RESET);
                if self.is_bold {
                    self.set(BOLD, out);
                }
            }
            (Some('*'), None) if run.len() == 2 => {
                self.is_bold = !self.is_bold;
                let style = if self.is_bold { BOLD } else { RESET };
                self.set(style, out);
            }
            _ => out.push_str(&run),
        }
    }

    fn set(&mut self, style: &str, out: &mut String) {
        out.push_str(style);
        self.is_styled = true;
    }

    /// Styles do not go over lines: an answer that never closes one spoils one line at most.
    fn end_line(&mut self, out: &mut String) {
        self.end_run(out);
        if std::mem::take(&mut self.is_styled) {
            out.push_str(RESET);
        }
        out.push('\n');
        (self.is_bold, self.span) = (false, None);
        self.line = Line::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The styles as words in brackets; the same however the text is cut into pieces.
    fn check(text: &str, want: &str) {
        let shown = |pieces: &mut dyn Iterator<Item = String>| {
            let mut markdown = Markdown::default();
            let mut out: String = pieces.map(|piece| markdown.push(&piece)).collect();
            out.push_str(&markdown.finish());
            let styles = [(HEADING, "<h>"), (BOLD, "<b>"), (CODE, "<c>"), (DIM, "<d>")];
            let named = styles.iter().fold(out, |out, (style, name)| out.replace(style, name));
            let mut tidy = named.replace(RESET, "</>");
            // Whether a style is ended once or twice makes no difference to the eye.
            while tidy.contains("</></>") {
                tidy = tidy.replace("</></>", "</>");
            }
            tidy.replace("\n</>", "\n").trim_end_matches("</>").to_owned()
        };
        assert_eq!(shown(&mut std::iter::once(text.to_owned())), want);
        let by_char = shown(&mut text.chars().map(String::from));
        let plain = |text: &str| text.replace("</>", "");
        assert_eq!(plain(&by_char), plain(want), "in single characters");
    }

    #[test]
    fn headings_bold_and_code_are_styled() {
        check(
            "# Title\nplain **bold** `code` 2 * 3\n",
            "<h>Title</>\nplain <b>bold</> <c>code</> 2 * 3</>\n",
        );
        check("- one\n  * two\n1. three\n", "• one\n  • two\n1. three\n");
        check("#hash and #1\n", "#hash and #1\n");
        check("**all `of` it**\n", "<b>all <c>of</><b> it</>\n");
    }

    #[test]
    fn code_blocks_are_shown_as_written() {
        check(
            "```rust\nlet a = **b; // # no\n  `x`\n```\nafter\n",
            "<d>```rust</>\n<c>let a = **b; // # no</>\n<c>  `x`</>\n<d>```</>\nafter\n",
        );
        check("````\n```\n````\nx", "<d>````</>\n<c>```</>\n<d>````</>\nx");
    }

    #[test]
    fn an_unclosed_style_ends_with_its_line() {
        check("a ** b\nc\n", "a <b> b</>\nc\n");
        check("``` not closed\nx", "<d>``` not closed</>\n<c>x");
    }

    #[test]
    fn escape_sequences_of_the_model_are_not_obeyed() {
        let shown = Markdown::default().push("\x1b]0;title\x07 x\n");
        assert!(shown.starts_with("\\u{1b}]0;title\\u{7} x"), "{shown}");
    }

    #[test]
    fn prose_is_shown_before_its_line_is_over() {
        let mut markdown = Markdown::default();
        assert_eq!(markdown.push("Hel"), "Hel");
        assert_eq!(markdown.push("lo"), "lo");
    }
}
