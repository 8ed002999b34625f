//! Where a text that fills a gap has left it: models that fill in the middle often go on past their end.

/// What stands around a gap, as far as it tells where the gap's block ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapEdge {
    /// Indentation of the gap's line; `None` where the gap begins the line.
    own: Option<usize>,
    /// Whether that line opens a block, so that what fills the gap is deeper.
    opens: bool,
    /// Whether code follows the gap on its own line.
    has_tail: bool,
    /// The first line after the gap's own that is not blank.
    next: Option<String>,
}

/// A tab counts as so many spaces.
const TAB: usize = 4;

impl GapEdge {
    /// The edge of the gap between two texts.
    pub fn of(before: &str, after: &str) -> Self {
        let line = &before[before.rfind('\n').map_or(0, |idx| idx + 1)..];
        let (tail, rest) = after.split_once('\n').unwrap_or((after, ""));
        let next = rest.lines().find(|line| !line.trim().is_empty());
        Self {
            own: (!line.is_empty()).then(|| width(line)),
            opens: line.trim_end().ends_with(['{', '(', '[', ':']),
            has_tail: !tail.trim().is_empty(),
            next: next.map(|line| line.trim_end().to_owned()),
        }
    }

    /// The line with which the text after the gap shows that the gap's block is over, with the line break before
    /// it: whoever writes it has left the gap.
    pub fn stop(&self) -> Option<String> {
        let next = self.next.as_ref().filter(|_| !self.has_tail)?;
        let is_further_left =
            self.own.is_some_and(|own| width(next) < own + usize::from(self.opens));
        (is_further_left && closes(next) || says_enough(next)).then(|| format!("\n{next}"))
    }

    /// Where `filling` has left the gap: the start of the first line that repeats the line after it, or that is
    /// further left than the gap's block may be.
    pub fn left_at(&self, filling: &str) -> Option<usize> {
        let mut start = 0;
        let mut own = self.own.map(|own| own + usize::from(self.opens));
        for line in filling.split_inclusive('\n') {
            let at = start;
            start += line.len();
            // The first line may go on with the gap's own.
            let is_part = at == 0 && self.own.is_some();
            if is_part || line.trim().is_empty() {
                continue;
            }
            let block = *own.get_or_insert_with(|| width(line));
            let has_left = (at > 0 && self.is_next(line)) || self.is_outside(line, block);
            if has_left && !in_long_string(&filling[..at]) {
                return Some(at);
            }
        }
        None
    }

    fn is_next(&self, line: &str) -> bool {
        self.next.as_ref().is_some_and(|next| says_enough(next) && line.trim_end() == next)
    }

    /// Whether a line of the filling stands outside of a block of this indentation.
    fn is_outside(&self, line: &str, block: usize) -> bool {
        if line.starts_with('#') && !line.starts_with("# ") && !line.starts_with("#[") {
            // Directives of a preprocessor stand at the margin wherever they are.
            return false;
        }
        let at = width(line);
        let next = self.next.as_deref().filter(|_| !self.has_tail);
        match next.map(|next| (width(next), closes(next))) {
            // The block goes on after the gap.
            Some((next_at, _)) if next_at >= block => at < block,
            // It ends right after the gap, or there: then its end is not to be written a second time.
            Some((next_at, ends_there)) => at <= next_at && (ends_there || !closes(line)),
            None if self.has_tail => at < block.saturating_sub(usize::from(self.opens)),
            None => at == 0 && block > 0 && !closes(line),
        }
    }
}

fn width(line: &str) -> usize {
    let indent = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    indent.map(|c| if c == '\t' { TAB } else { 1 }).sum()
}

/// Whether a line begins by ending a block.
fn closes(line: &str) -> bool {
    let line = line.trim_start();
    let is_word = |word: &&str| {
        line.strip_prefix(*word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    line.starts_with(['}', ')', ']'])
        || line.starts_with("</")
        || ["end", "fi", "done", "esac"].iter().any(is_word)
}

/// Whether a line says enough not to recur by chance, as `}` or `end` do.
fn says_enough(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= 4
}

/// Whether a text ends inside a string over several lines.
fn in_long_string(text: &str) -> bool {
    ["\"\"\"", "'''", "`"].iter().any(|mark| text.matches(mark).count() % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `marked` is a text with the gap at `$0`; `kept` is what of `filling` is still in the gap.
    fn check_left(marked: &str, filling: &str, kept: &str) {
        let (before, after) = marked.split_once("$0").unwrap();
        let at = GapEdge::of(before, after).left_at(filling);
        assert_eq!(&filling[..at.unwrap_or(filling.len())], kept, "{marked:?} + {filling:?}");
    }

    const METHOD: &str = "impl A {\n    fn f() {\n        $0\n    }\n\n    fn g() {}\n}\n";
    const BODY: &str = "def f():\n    $0\n\n\ndef g():\n    pass\n";

    #[test]
    fn who_writes_the_end_of_the_block_that_stands_there_has_left_the_gap() {
        check_left(METHOD, "x();\n        y();\n    }\n\n    fn h() {}", "x();\n        y();\n");
        check_left(
            METHOD,
            "if a {\n            b();\n        }\n    }\n}",
            "if a {\n            b();\n        }\n",
        );
        check_left("a = [\n    $0\n]\n", "1,\n    2,\n]\nb = 3\n", "1,\n    2,\n");
        check_left("if x\n  $0\nend\n", "y\nend\nz\n", "y\n");
    }

    #[test]
    fn who_writes_what_comes_after_the_block_has_left_the_gap() {
        check_left(BODY, "return 1\n\n\ndef h():\n    return 2\n", "return 1\n\n\n");
        check_left(BODY, "return 1\n\n\ndef g():\n    pass\n", "return 1\n\n\n");
        check_left(
            BODY,
            "if x:\n        return 1\n    return 2\n",
            "if x:\n        return 1\n    return 2\n",
        );
        check_left("def f():\n    $0", "return 1\n\nprint(f())\n", "return 1\n\n");
    }

    #[test]
    fn an_end_that_is_missing_after_the_gap_is_part_of_it() {
        check_left("fn f() {\n    $0\n\nfn g() {}\n", "x();\n}\n\nfn h() {}\n", "x();\n}\n\n");
        check_left("fn f() {\n    $0", "x();\n}\n", "x();\n}\n");
        check_left("<ul>\n    $0", "<li>a</li>\n</ul>\n", "<li>a</li>\n</ul>\n");
        check_left("fn f() {$0", "\n    x();\n}\n\nfn g() {}\n", "\n    x();\n}\n\n");
    }

    #[test]
    fn a_block_that_goes_on_is_not_left() {
        let marked = "fn f() {\n    $0\n    last_call();\n}\n";
        check_left(marked, "x();\n    y();\n", "x();\n    y();\n");
        check_left(marked, "x();\n}\n", "x();\n");
        check_left(marked, "x();\n    last_call();\n    z();\n", "x();\n");
        check_left("let x = f($0);\n", "\n    a,\n    b,\n", "\n    a,\n    b,\n");
    }

    #[test]
    fn at_the_start_of_a_line_the_first_line_tells_how_deep_the_gap_is() {
        check_left("fn f() {\n$0\n}\n", "    x();\n}\n", "    x();\n");
        check_left(
            "a\n\n$0\n",
            "def f():\n    pass\n\ndef g():\n    pass\n",
            "def f():\n    pass\n\ndef g():\n    pass\n",
        );
    }

    #[test]
    fn lines_of_a_long_string_and_of_a_preprocessor_stand_where_they_like() {
        check_left(
            BODY,
            "x = \"\"\"\nat the margin\n\"\"\"\n    y = 1\n",
            "x = \"\"\"\nat the margin\n\"\"\"\n    y = 1\n",
        );
        check_left(
            "void f() {\n    $0\n}\n",
            "a();\n#ifdef B\n    b();\n#endif\n",
            "a();\n#ifdef B\n    b();\n#endif\n",
        );
    }

    #[test]
    fn the_stop_is_what_shows_that_the_gap_is_over_and_nothing_less() {
        let stop = |marked: &str| {
            let (before, after) = marked.split_once("$0").unwrap();
            GapEdge::of(before, after).stop()
        };
        assert_eq!(stop(METHOD).as_deref(), Some("\n    }"));
        assert_eq!(stop(BODY).as_deref(), Some("\ndef g():"));
        assert_eq!(stop("fn f() {\n    $0\n    }\n"), None, "it may be an inner end");
        assert_eq!(stop("f($0);\nlast_call();\n"), None, "the line goes on");
        assert_eq!(stop("x$0"), None);
    }
}
