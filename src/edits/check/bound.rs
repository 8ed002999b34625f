//! Whether a text gives a name to something in ways that no outline tells: `const f = memo(...)`.

use crate::edits::indent;

/// Words right before a name that is declared.
pub(super) const DECLARE: [&str; 13] = [
    "alias",
    "class",
    "const",
    "def",
    "enum",
    "fn",
    "func",
    "function",
    "interface",
    "let",
    "struct",
    "type",
    "var",
];
/// Beginnings of statements that declare or hand on a list of names.
const LISTS: [&str; 8] =
    ["export {", "export type {", "const {", "let {", "var {", "const [", "let [", "var ["];
/// Methods of Ruby that make methods, whose names stand behind them.
const MAKERS: [&str; 12] = [
    "alias_method",
    "attr",
    "attr_accessor",
    "attr_reader",
    "attr_writer",
    "cattr_accessor",
    "class_attribute",
    "def_delegator",
    "def_delegators",
    "define_method",
    "define_singleton_method",
    "delegate",
];

/// What comments begin with.
const COMMENTS: [&str; 4] = ["//", "#", "--", "/*"];

/// Whether a text gives this name to something, in a statement that is indented like this.
///
/// `lead` is what stands before the text in its first line. What is deeper is local to something else.
pub(super) fn is_bound(text: &str, lead: &str, level: &str, name: &str) -> bool {
    // Ruby names a method that assigns with its sign.
    let name = name.strip_suffix('=').unwrap_or(name);
    statements(text, lead, level).any(|statement| binds(statement, name))
}

/// The parts of a text that begin at a line with this indentation.
fn statements<'a>(
    text: &'a str,
    lead: &'a str,
    level: &'a str,
) -> impl Iterator<Item = &'a str> + 'a {
    let (mut rest, mut is_first) = (text, true);
    let mut line = move || {
        let end = rest.find('\n').map_or(rest.len(), |idx| idx + 1);
        let (line, behind) = rest.split_at_checked(end).filter(|(line, _)| !line.is_empty())?;
        rest = behind;
        let is_at_level = match std::mem::take(&mut is_first) {
            false => indent::of(line) == level,
            true if !lead.trim().is_empty() => indent::of(lead) == level,
            true => level.strip_prefix(lead) == Some(indent::of(line)),
        };
        Some((line.len(), is_at_level && !line.trim().is_empty()))
    };
    let mut at = 0;
    let mut begun = None;
    std::iter::from_fn(move || {
        loop {
            let Some((n_bytes, begins)) = line() else {
                return begun.take().map(|start| &text[start..]);
            };
            let start = at;
            at += n_bytes;
            if begins && let Some(statement) = begun.replace(start).map(|from| &text[from..start]) {
                return Some(statement);
            }
        }
    })
}

/// Whether a statement gives something this name.
fn binds(statement: &str, name: &str) -> bool {
    let statement = statement.trim_start();
    // What is commented out, as it was asked for, is still there.
    let code = COMMENTS.iter().find_map(|sign| statement.strip_prefix(sign));
    let (statement, is_comment) = (code.unwrap_or(statement).trim_start(), code.is_some());
    let is_list = LISTS.iter().any(|start| statement.starts_with(start));
    let makes = statement.split(|c| !is_of_word(c)).next().is_some_and(|it| MAKERS.contains(&it));
    let mut head = Head::default();
    let mut n_read = 0;
    statement.match_indices(name).any(|(at, _)| {
        head.read(&statement[n_read..at]);
        n_read = at;
        let (before, behind) = (&statement[..at], &statement[at + name.len()..]);
        if before.ends_with(is_of_word) || behind.starts_with(is_of_word) {
            return false;
        }
        let next = behind.trim_start();
        let is_given = next.starts_with('=')
            && !["==", "=>", "=~"].iter().any(|sign| next.starts_with(sign))
            || before.is_empty() && is_annotated(next);
        let is_declared = || DECLARE.contains(&last_word(before));
        if is_comment {
            return head.is_plain && is_declared() && next.starts_with(['(', '<', '{', ':']);
        }
        head.depth == 0 && head.is_plain && (is_given || is_declared())
            || is_list && head.depth == 1 && !head.is_given && !next.starts_with("as ")
            || makes && head.n_lines == 0 && before.ends_with([':', '"', '\''])
    })
}

/// Whether what follows a name is a type and then a value.
fn is_annotated(next: &str) -> bool {
    let line = next.lines().next().unwrap_or_default();
    line.starts_with(':') && !line.starts_with("::") && line.contains(" = ")
}

/// What stands in a statement before a name; read on from one name to the next.
struct Head {
    /// Open brackets.
    depth: i32,
    /// Whether there are only words, brackets and types, as before a name that is declared.
    is_plain: bool,
    /// Whether there is a `=`.
    is_given: bool,
    n_lines: usize,
    last: char,
}

impl Default for Head {
    fn default() -> Self {
        Self { depth: 0, is_plain: true, is_given: false, n_lines: 0, last: ' ' }
    }
}

impl Head {
    fn read(&mut self, text: &str) {
        for (idx, c) in text.char_indices() {
            match c {
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth -= 1,
                '=' => self.is_given = true,
                '\n' => {
                    self.n_lines += 1;
                    self.is_plain &= self.depth > 0 || self.last == ',';
                }
                // What comes behind may be a statement in the same line.
                ';' if self.depth == 0 && self.n_lines == 0 => self.is_plain = true,
                ':' => self.is_plain &= self.last == ':' || text[idx + 1..].starts_with(':'),
                ' ' | '\t' | '\r' | ',' | '.' | '<' | '>' | '*' | '&' | '?' => {}
                _ => self.is_plain &= is_of_word(c),
            }
            if !c.is_whitespace() {
                self.last = c;
            }
        }
    }
}

/// The word that a text ends with, white space left out.
fn last_word(text: &str) -> &str {
    text.trim_end().rsplit(|c| !is_of_word(c)).next().unwrap_or_default()
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_word(c)).filter(|word| !word.is_empty())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_at_the_start_of_a_statement() {
        for text in [
            "f = partial(g, 1)\n",
            "x = 1\nf: Callable[[int], int] = partial(g, 1)\n",
            "const f = memo((x) => x);",
            "export const f: Memo = memo((x) => x);",
            "exports.f = f;",
            "a, f = pair()",
            "var a = 1; var f = 2;",
            "std::function<int(int)> f = g;",
            "pub(crate) const f: fn() = g;",
            "export { f } from './g'",
            "export {\n  e,\n  f,\n} from './g'",
            "export { default as f } from './g'",
            "const { f } = require('./g');",
            "attr_reader :e, :f",
            "define_method(:f) { 1 }",
            "define_method \"f\" do\nend",
            "alias f g",
            "# def f(x):\n#     return x\n",
            "/* fn f() {}\n*/",
            "alias_method :f, :g",
        ] {
            assert!(is_bound(text, "", "", "f"), "{text}");
        }
        assert!(is_bound("attr_writer :f\n", "", "", "f="));
    }

    #[test]
    fn to_mention_a_name_is_not_to_give_it() {
        for text in [
            "print(stats(f=1))",
            "def main():\n    f = 1\n",
            "def main(): f = 1",
            "def main():\n    g(); f = 1\n",
            "function main() {\n  const f = stats();\n}\n",
            "function main() { const f = stats(); }",
            "main()\n# f = 1\n",
            "// f = 1",
            "// The type f is gone.",
            "x == f == 1",
            "xs.map(f => f + 1)",
            "f => 1",
            "f(x)",
            "export { f as g } from './g'",
            "const { g } = { f: 1 };",
            "attr_reader :g, default: f",
            "raise :f",
            "if f: x = 1",
        ] {
            assert!(!is_bound(text, "", "", "f"), "{text}");
        }
    }

    #[test]
    fn a_statement_is_indented_as_the_declaration_was() {
        assert!(is_bound("    f = property(g)\n", "", "    ", "f"));
        assert!(is_bound("f = property(g)\n", "    ", "    ", "f"));
        assert!(is_bound("a = 1\n    f = property(g)\n", "    ", "    ", "f"));
        assert!(is_bound("const f = 1", "export ", "", "f"));
        assert!(!is_bound("    f = property(g)\n", "", "", "f"));
        assert!(!is_bound("f = property(g)\n", "", "    ", "f"));
        assert!(!is_bound("    x = 1\n        f = 1\n", "", "    ", "f"));
        assert_eq!(statements("a\n b\n\nc", "", "").collect::<Vec<_>>(), ["a\n b\n\n", "c"]);
    }

    /// Every mention walked all that stands before it: 4 s for 80 KB.
    #[test]
    fn many_mentions_are_read_once() {
        let start = std::time::Instant::now();
        for sign in ["f ", "f\n", "f;\n", "ff f "] {
            let text = sign.repeat(200_000);
            assert!(!is_bound(&text, "", "", "f"));
        }
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }
}
