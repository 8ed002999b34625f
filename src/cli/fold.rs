//! Breaks long lines at words where they go to a terminal, and lets what goes on stand under its beginning.

use std::borrow::Cow;

/// In less room than this nothing looks well, and the terminal breaks the lines.
const NARROWEST: usize = 40;
/// A first column ends before this.
const FIRST_COLUMN: usize = 34;

/// How many characters a line of the terminal has; `None` where the output is none.
#[cfg(unix)]
pub(super) fn width(output: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(output).ok()?;
    Some(size.ws_col.into()).filter(|&width| width >= NARROWEST)
}

#[cfg(not(unix))]
pub(super) fn width<T>(_output: &T) -> Option<usize> {
    None
}

/// Every line of a text, folded; what goes on stands under the second column, where there are two.
pub(super) fn text(text: &str, width: Option<usize>) -> Cow<'_, str> {
    let Some(width) = width else { return Cow::Borrowed(text) };
    let folded = text.split('\n').map(|it| line(it, width, second_column(it)));
    Cow::Owned(folded.collect::<Vec<_>>().join("\n"))
}

/// A line, folded; what goes on stands in by `hang` characters. What is between backticks is kept together, so
/// that a command can be copied.
pub(super) fn line(line: &str, width: usize, hang: usize) -> String {
    let indent = line.len() - line.trim_start().len();
    let hang = if hang > width / 2 { indent + 4 } else { hang };
    let mut folded = String::new();
    let mut column = 0;
    for piece in pieces(line) {
        let length = piece.trim_end().chars().count();
        if column > hang && column + length > width {
            folded.truncate(folded.trim_end().len());
            folded.push('\n');
            folded.push_str(&" ".repeat(hang));
            column = hang;
        }
        folded.push_str(piece);
        column += piece.chars().count();
    }
    folded
}

/// Words with the spaces after them; a command between backticks is one.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut is_command) = (0, false);
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        is_command ^= c == '`';
        let next = chars.peek().map(|(_, c)| *c);
        if c == ' ' && !is_command && next != Some(' ') {
            pieces.push(&line[start..=at]);
            start = at + 1;
        }
    }
    pieces.push(&line[start..]);
    pieces
}

/// Where the second column begins, behind two spaces; else a little further in than the line.
fn second_column(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let head: String = line.chars().take(FIRST_COLUMN).collect();
    let gap = head.trim_end().rfind("  ").map(|at| at + 2);
    gap.filter(|&at| at > indent).map_or(indent + 2, |at| head[..at].chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: &str) {
        assert_eq!(text(given, Some(40)), expected);
    }

    #[test]
    fn what_goes_on_stands_under_the_second_column() {
        check(
            "  first     ollama: Cannot connect to it at home\n  editors   Vim",
            "  first     ollama: Cannot connect to it\n            at home\n  editors   Vim",
        );
        check(
            "SmolLM2 is very small: it shows that everything works",
            "SmolLM2 is very small: it shows that\n  everything works",
        );
    }

    #[test]
    fn a_command_is_not_broken() {
        check(
            "it answers when no other does, see `arawn local status`",
            "it answers when no other does, see\n  `arawn local status`",
        );
    }

    #[test]
    fn what_has_no_place_to_break_stays_whole() {
        let path = "/home/somebody/.local/share/arawn/local/models/a.gguf";
        check(path, path);
        check(&format!("into {path} and on"), &format!("into\n  {path}\n  and on"));
        check("", "");
    }

    #[test]
    fn what_goes_to_no_terminal_is_left_alone() {
        let long = "word ".repeat(40);
        assert_eq!(text(&long, None), long);
    }
}
