//! Fits code to its place: indentation, line breaks, and the white space at both ends of the selection.

use super::Target;
use super::echo;
use super::indent::{self, Model, Style};

/// As much of the neighbourhood as is looked at to learn the document's habits, in bytes.
const N_LOOKED_AT: usize = 64 * 1024;

/// What the document does around a place.
pub(super) struct Habits {
    /// Its line break.
    pub(super) line_break: &'static str,
    /// Its indentation; `None` where nothing is indented, or both ways in the selection itself.
    pub(super) style: Option<Style>,
}

impl Habits {
    pub(super) fn of(target: &Target<'_>) -> Self {
        let before = end_of(target.before, N_LOOKED_AT);
        let after = start_of(target.after, N_LOOKED_AT);
        let line_break = line_break(target.selection)
            .or_else(|| line_break(before))
            .or_else(|| line_break(after))
            .unwrap_or("\n");
        let own = indent::style(echo::lines(target.selection));
        let around =
            indent::style([before, target.selection, after].into_iter().flat_map(echo::lines));
        let style = match (own, around) {
            _ if indent::is_mixed(echo::lines(target.selection)) => None,
            // The unit of the whole neighborhood is surer than that of a few selected lines.
            (Some(Style::Spaces(_)), Some(Style::Spaces(unit))) => Some(Style::Spaces(unit)),
            (own, around) => own.or(around),
        };
        Self { line_break, style }
    }

    /// The lines with the document's line break between them.
    pub(super) fn join(&self, lines: &[String]) -> String {
        lines.join(self.line_break)
    }

    /// The white space of one level.
    pub(super) fn one_level(&self) -> String {
        match self.style {
            Some(Style::Tabs) => "\t".to_owned(),
            Some(Style::Spaces(unit)) => " ".repeat(unit),
            None => " ".repeat(4),
        }
    }

    /// Rewrites indentation as the document has it.
    pub(super) fn restyle(&self, lines: &mut [String]) {
        if let Some(style) = self.style {
            indent::restyle(lines, style);
        }
    }
}

/// The break that most lines of a text end with; `None` without any.
fn line_break(text: &str) -> Option<&'static str> {
    let n_crlf = text.matches("\r\n").count();
    let n_lf = text.matches('\n').count() - n_crlf;
    let n_cr = text.matches('\r').count() - n_crlf;
    match n_crlf.max(n_lf).max(n_cr) {
        0 => None,
        most if most == n_lf => Some("\n"),
        most if most == n_crlf => Some("\r\n"),
        _ => Some("\r"),
    }
}

/// The last bytes of a text, cut at a character.
pub(super) fn end_of(text: &str, n_bytes: usize) -> &str {
    let start = text.len().saturating_sub(n_bytes);
    &text[text.ceil_char_boundary(start)..]
}

/// The first bytes of a text, cut at a character.
pub(super) fn start_of(text: &str, n_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(n_bytes.min(text.len()))]
}

/// What stands on the selection's first line in front of it.
pub(super) fn lead(before: &str) -> &str {
    &before[before.rfind(['\n', '\r']).map_or(0, |idx| idx + 1)..]
}

/// The parts of a selection that an answer must give back as they were.
pub(super) struct Frame<'a> {
    /// Blank lines in front.
    head: &'a str,
    /// Indentation of the first line, what stands before the selection included.
    pub(super) indent: String,
    /// The final line break and blank lines, or spaces behind the last word.
    tail: &'a str,
    /// Code that stands before the selection on its first line.
    is_mid_line: bool,
    /// The selection's lines that are not blank, the first with its whole indentation.
    lines: Vec<String>,
}

impl<'a> Frame<'a> {
    pub(super) fn of(target: &Target<'a>) -> Self {
        let selection = target.selection;
        let lead = lead(target.before);
        let text_start = selection.len() - selection.trim_start().len();
        let is_blank = text_start == selection.len();
        let head_end = if is_blank { 0 } else { after_last_break(&selection[..text_start]) };
        let text_end = if is_blank { 0 } else { selection.trim_end().len() };
        let rest = &selection[text_end..];
        let tail = match (is_blank, rest.find(['\n', '\r'])) {
            (true, Some(_)) => &rest[before_last_break(rest)..],
            (false, Some(idx)) => &rest[idx..],
            (true, None) => "",
            (false, None) => rest,
        };
        let on_first_line = head_end == 0;
        let is_mid_line = on_first_line && !lead.trim().is_empty();
        let own = indent::of(&selection[head_end..]);
        let indent =
            if on_first_line && !is_mid_line { lead.to_owned() + own } else { own.to_owned() };
        let mut lines: Vec<String> = echo::lines(&selection[head_end..])
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.trim_end().to_owned())
            .collect();
        if let Some(first) = lines.first_mut() {
            *first = indent.clone() + first.trim_start();
        }
        Self { head: &selection[..head_end], indent, tail, is_mid_line, lines }
    }

    /// The lines, indented for this place.
    pub(super) fn indented(&self, mut code: Vec<String>, target: &Target<'_>) -> Vec<String> {
        if self.is_mid_line {
            self.indent_mid_line(&mut code, lead(target.before));
        } else {
            indent::shift(&mut code, &Model { first: &self.indent, lines: &self.lines });
        }
        code
    }

    /// The first line goes on from code; the others keep their distance to what they replace.
    fn indent_mid_line(&self, code: &mut [String], lead: &str) {
        let Some((first, rest)) = code.split_first_mut() else { return };
        *first = self.indent.clone() + first.trim_start();
        let least = |lines: &[String]| {
            let lines = lines.iter().filter(|line| !line.trim().is_empty());
            lines.map(|line| indent::of(line).to_owned()).min_by_key(String::len)
        };
        let Some(have) = least(rest) else { return };
        let want = match least(self.lines.get(1..).unwrap_or_default()) {
            Some(want) => want,
            None if have.is_empty() => indent::of(lead).to_owned(),
            None => return,
        };
        indent::shift_all(rest, &have, &want);
    }

    /// The replacement: the lines between the white space that the selection has at its ends.
    pub(super) fn around(&self, code: &[String], target: &Target<'_>, habits: &Habits) -> String {
        let joined = habits.join(code);
        let lead = lead(target.before);
        let shown = if self.head.is_empty() && !self.is_mid_line {
            // The white space before the selection is in the document already.
            joined.strip_prefix(lead).unwrap_or_else(|| joined.trim_start_matches([' ', '\t']))
        } else {
            &joined
        };
        [self.head, shown, self.tail].concat()
    }
}

fn after_last_break(text: &str) -> usize {
    text.rfind(['\n', '\r']).map_or(0, |idx| idx + 1)
}

/// Where the last line break of a text begins.
fn before_last_break(text: &str) -> usize {
    match text.rfind(['\n', '\r']) {
        Some(idx) if text[..idx].ends_with('\r') && text[idx..].starts_with('\n') => idx - 1,
        Some(idx) => idx,
        None => text.len(),
    }
}
