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
    /// The line break after that line, if there is one.
    next_break: &'static str,
    /// What ends the string over several lines that the gap is in.
    string: Option<&'static str>,
    /// Whether blocks are in braces here, so that words with a colon are labels.
    has_braces: bool,
}

/// Reads a filling line by line, each of them once, for the one that has left the gap.
#[derive(Clone, Debug)]
pub struct GapReader {
    edge: GapEdge,
    /// Indentation of the gap's block, once it is known.
    block: Option<usize>,
    strings: LongStrings,
    has_begun: bool,
}

/// A tab counts as so many spaces.
const TAB: usize = 4;

impl GapEdge {
    /// The edge of the gap between two texts.
    pub fn of(before: &str, after: &str) -> Self {
        let line = &before[before.rfind('\n').map_or(0, |idx| idx + 1)..];
        let (tail, rest) = after.split_once('\n').unwrap_or((after, ""));
        let next = rest.split_inclusive('\n').find(|line| !line.trim().is_empty());
        let mut strings = LongStrings::default();
        strings.read(before);
        let is_ended = |mark: &&str| after.matches(*mark).count() % 2 == 1;
        let mut lines = before.lines().chain(after.lines());
        Self {
            own: (!line.is_empty()).then(|| width(line)),
            opens: line.trim_end().ends_with(['{', '(', '[', ':']),
            has_tail: !tail.trim().is_empty(),
            next: next.map(|line| line.trim_end().to_owned()),
            next_break: if next.is_some_and(|line| line.ends_with('\n')) { "\n" } else { "" },
            // A lone mark in a comment begins no string.
            string: strings.open.filter(is_ended),
            has_braces: lines.any(|line| line.trim_end().ends_with('{')),
        }
    }

    /// The line with which the text after the gap shows that the gap's block is over, with the line breaks around
    /// it: whoever writes it has left the gap, and not who writes a longer one.
    pub fn stop(&self) -> Option<String> {
        let next = self.next.as_ref().filter(|_| !self.has_tail)?;
        let is_further_left =
            self.own.is_some_and(|own| width(next) < own + usize::from(self.opens));
        (is_further_left && closes(next) || says_enough(next))
            .then(|| format!("\n{next}{}", self.next_break))
    }

    /// Where `filling` has left the gap: the start of the first line that repeats the line after it, or that is
    /// further left than the gap's block may be.
    pub fn left_at(&self, filling: &str) -> Option<usize> {
        let (mut reader, mut start) = (GapReader::new(self.clone()), 0);
        for line in filling.split_inclusive('\n') {
            if reader.has_left(line) {
                return Some(start);
            }
            start += line.len();
        }
        None
    }

    fn is_next(&self, line: &str) -> bool {
        self.is_like_next(line) && says_enough(line)
    }

    fn is_like_next(&self, line: &str) -> bool {
        self.next.as_ref().is_some_and(|next| line.trim_end() == next)
    }

    /// Whether a line may stand at the margin wherever it is: a directive of a preprocessor, or a label.
    fn is_free(&self, line: &str) -> bool {
        let is_directive =
            line.starts_with('#') && !line.starts_with("# ") && !line.starts_with("#[");
        let is_at_own = self.opens && self.own == Some(width(line));
        is_directive || self.has_braces && is_label(line) || is_at_own && is_of_block_above(line)
    }

    /// Whether a line of the filling stands outside of a block of this indentation.
    fn is_outside(&self, line: &str, block: usize) -> bool {
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

impl GapReader {
    /// A reader at the start of a filling.
    pub fn new(edge: GapEdge) -> Self {
        let block = edge.own.map(|own| own + usize::from(edge.opens));
        let strings = LongStrings { open: edge.string, n_ended: 0 };
        Self { edge, block, strings, has_begun: false }
    }

    /// Whether the next line of the filling has left the gap.
    pub fn has_left(&mut self, line: &str) -> bool {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let was_in_string = self.strings.open.is_some();
        let was_in_own = self.edge.string.is_some() && self.strings.n_ended == 0;
        self.strings.read(line);
        // The first line may go on with the gap's own.
        let is_part = is_first && self.edge.own.is_some();
        if is_part || line.trim().is_empty() {
            return false;
        }
        let is_next = !is_first && self.edge.is_next(line);
        if was_in_own {
            // The line after the gap is in the same string, or ends it.
            let is_end = self.strings.n_ended > 0 && self.edge.is_like_next(line);
            return is_next || is_end;
        }
        if was_in_string || self.edge.is_free(line) {
            return is_next && !was_in_string;
        }
        let block = *self.block.get_or_insert_with(|| width(line));
        is_next || self.edge.is_outside(line, block)
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

/// Whether a line is a label, to which statements jump.
fn is_label(line: &str) -> bool {
    let (name, rest) = line.trim().split_once(':').unwrap_or_default();
    let rest = rest.trim_start();
    let is_alone = [";", "//", "/*"].iter().any(|end| rest.starts_with(end)) || rest.is_empty();
    let is_word = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_word && is_alone && !["else", "try", "except", "finally", "default"].contains(&name)
}

/// Whether a line stands in the block of the line above with that one's indentation: a branch of a `switch`, as Go
/// has it, or an item of a list in YAML.
fn is_of_block_above(line: &str) -> bool {
    let line = line.trim_start();
    let is_default =
        line.strip_prefix("default").is_some_and(|it| it.trim_start().starts_with(':'));
    is_default || ["case ", "- "].iter().any(|begin| line.starts_with(begin))
}

/// The strings over several lines in a text, as far as it has been read.
#[derive(Clone, Copy, Debug, Default)]
struct LongStrings {
    /// What ends the one that is open.
    open: Option<&'static str>,
    n_ended: usize,
}

impl LongStrings {
    const MARKS: [&str; 3] = ["\"\"\"", "'''", "`"];

    /// Reads on. A mark does not lie over two pieces, as none lies over two lines.
    fn read(&mut self, text: &str) {
        let mut at = 0;
        while let Some(n_bytes) = text[at..].find(['"', '\'', '`']) {
            at += n_bytes;
            let Some(mark) = Self::MARKS.into_iter().find(|mark| text[at..].starts_with(mark))
            else {
                at += 1;
                continue;
            };
            let end = at + mark.len();
            // As a character a backtick begins nothing.
            let is_quoted = ["'", "\""]
                .iter()
                .any(|quote| text[..at].ends_with(quote) && text[end..].starts_with(quote));
            match self.open {
                None if !is_quoted => self.open = Some(mark),
                Some(open) if open == mark => {
                    self.open = None;
                    self.n_ended += 1;
                }
                _ => {}
            }
            at = end;
        }
    }
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
    fn branches_and_items_may_stand_as_far_left_as_what_they_are_in() {
        let branches = "\n\tcase 1:\n\t\ta()\n\tdefault:\n\t\tb()\n";
        check_left("func f() {\n\tswitch x {$0\n\t}\n}\n", branches, branches);
        let items = "\n  - name: a\n    image: b\n";
        check_left("spec:\n  containers:$0\n  restartPolicy: Never\n", items, items);
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
        assert_eq!(stop(METHOD).as_deref(), Some("\n    }\n"));
        assert_eq!(stop(BODY).as_deref(), Some("\ndef g():\n"));
        let sum = stop("def f():\n    a = 0\n    $0\n    total += 1\n");
        assert_eq!(sum.as_deref(), Some("\n    total += 1\n"), "`total += 10` is another");
        assert_eq!(stop("f(\n    $0\n)").as_deref(), Some("\n)"), "nothing comes after");
        assert_eq!(stop("fn f() {\n    $0\n    }\n"), None, "it may be an inner end");
        assert_eq!(stop("f($0);\nlast_call();\n"), None, "the line goes on");
        assert_eq!(stop("x$0"), None);
    }

    #[test]
    fn labels_stand_at_the_margin_where_blocks_are_in_braces() {
        let marked = "func f() {\n\t$0\n}\n";
        let text = "x := 1\nLoop:\n\tfor {\n\t\tbreak Loop\n\t}\n";
        check_left(marked, text, text);
        check_left(marked, &format!("{text}}}\n\nfunc g() {{\n"), text);
        let text = "goto done;\ndone: // in any case\n    x();\n";
        check_left("int f(void) {\n    $0\n    return 0;\n}\n", text, text);
        check_left(
            "int f(void)\n{\n$0\n}\n",
            &format!("done:\n    x();\n{}", "}\n"),
            "done:\n    x();\n",
        );
        let marked = "int f(void) {\n    $0\ndone:\n    return 0;\n}\n";
        check_left(marked, "goto done;\ndone:\n    x();\n", "goto done;\n");
        check_left("a:\n  $0\nb:\n  c: 1\n", "d: 1\ne:\n  f: 1\n", "d: 1\n");
        check_left("x = {}\nif x:\n    $0\n", "y = {\n    }\nelse:\n    z\n", "y = {\n    }\n");
    }

    #[test]
    fn a_gap_inside_a_string_is_left_where_the_string_ends_as_it_does_already() {
        let template = "const s = `\n  $0\n`;\n";
        check_left(template, "hello\nworld\n", "hello\nworld\n");
        check_left(template, "hello\nworld\n`;\nf();\n", "hello\nworld\n");
        let docs = "def f():\n    \"\"\"Says\n    $0\n    the word.\n    \"\"\"\n";
        check_left(docs, "what\nit is\n    the word.\n", "what\nit is\n");
        check_left("// a ` alone\nfn f() {\n    $0\n}\n", "x();\n}\n", "x();\n");
        check_left("const C: char = '`';\nfn f() {\n    $0\n}\n// `\n", "x();\n}\n", "x();\n");
    }

    #[test]
    fn a_string_of_many_lines_is_read_line_by_line() {
        let text = format!("let s = `\n{}", "a\n".repeat(80_000));
        check_left(
            "function f() {\n    $0\n}\n",
            &format!("{text}`;\n}}\n"),
            &format!("{text}`;\n"),
        );
        let marks = "`a` ".repeat(80_000);
        check_left("function f() {\n    $0\n}\n", &format!("{marks}\n}}\n"), &format!("{marks}\n"));
    }
}
