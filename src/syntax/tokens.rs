//! The words of a place without its comments, so that two texts can be compared but for these.

use std::ops::Range;

use tree_sitter::Node;

use super::Parsed;
use super::walk::{Next, touching};
use crate::text::{CharIdx, CharRange};

/// The words of a place that are not comments, each with how deep it stands.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
struct Token {
    depth: usize,
    text: String,
    at: CharIdx,
}

impl Tokens {
    /// Where these begin to differ from others; `None` where they are the same. Past the last one that is
    /// where the last one stands.
    pub fn first_difference(&self, other: &Self) -> Option<CharIdx> {
        let is_same = |a: &Token, b: &Token| a.depth == b.depth && a.text == b.text;
        let n_same =
            self.tokens.iter().zip(&other.tokens).take_while(|(a, b)| is_same(a, b)).count();
        if n_same == self.tokens.len() && n_same == other.tokens.len() {
            return None;
        }
        let token = self.tokens.get(n_same).or_else(|| self.tokens.last());
        Some(token.map_or(CharIdx(0), |token| token.at))
    }

    /// How many more brackets of a kind are opened than closed.
    pub fn surplus(&self, open: &str, close: &str) -> isize {
        let count = |wanted: &str| self.tokens.iter().filter(|it| it.text == wanted).count();
        count(open).cast_signed() - count(close).cast_signed()
    }
}

impl Parsed {
    /// The words at a place and right beside it. Documentation strings count as comments.
    pub fn tokens(&self, place: CharRange) -> Tokens {
        let mut tokens = Vec::new();
        touching(self.tree(), &self.bytes_of(place), |node, depth| {
            if node.kind().contains("comment") || self.is_documentation(node) {
                return Next::Past;
            }
            if node.child_count() == 0 {
                let text = self.text_of(node.byte_range());
                // Line breaks are words in some grammars, and comments bring their own.
                if !text.trim().is_empty() {
                    let at = CharIdx(self.text().byte_to_char(node.start_byte()));
                    tokens.push(Token { depth, text, at });
                }
            }
            Next::Into
        });
        Tokens { tokens }
    }

    /// Whether a node is a string of Python that stands alone, without anything to be worked out in it.
    fn is_documentation(&self, node: Node<'_>) -> bool {
        let is_plain = |string: Node<'_>| {
            let is_worked_out = |part: Node<'_>| part.kind() == "interpolation";
            string.kind() == "string" && !string.children(&mut string.walk()).any(is_worked_out)
        };
        self.grammar().name == "python"
            && node.kind() == "expression_statement"
            && node.child_count() == 1
            && node.child(0).is_some_and(is_plain)
    }

    fn text_of(&self, bytes: Range<usize>) -> String {
        self.text().byte_slice(bytes).to_string()
    }
}

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests {
    use super::*;
    use ropey::Rope;

    fn same(language: &str, a: &str, b: &str) -> bool {
        let tokens = |text: &str| {
            let parsed = Parsed::of(&Rope::from_str(text), language).unwrap();
            parsed.tokens(CharRange::new(CharIdx(0), CharIdx(text.chars().count())))
        };
        tokens(b).first_difference(&tokens(a)).is_none()
    }

    #[test]
    fn comments_make_no_difference_and_code_does() {
        let rust = "pub fn f(a: u8) -> u8 { a + 1 }\n";
        assert!(same(
            "rust",
            rust,
            "/// Adds one.\n///\n/// Never fails.\npub fn f(a: u8) -> u8 {\n    a + 1 // one\n}\n"
        ));
        assert!(!same("rust", rust, "/// Adds two.\npub fn f(a: u8) -> u8 { a + 2 }\n"));
        assert!(!same("rust", rust, "/// Adds.\npub fn f(a: u8) -> u8 { (a + 1) }\n"));
        assert!(same(
            "go",
            "func f() {\n\tg()\n\th()\n}\n",
            "// f does.\nfunc f() {\n\t// g\n\tg()\n\n\th() // h\n}\n"
        ));
        assert!(same(
            "typescript",
            "class A { b = 1 }\n",
            "/** A. */\nclass A {\n  /** b. */\n  b = 1\n}\n"
        ));
        assert!(same("java", "class A { int b; }\n", "/** A. */ class A { /** b. */ int b; }\n"));
    }

    #[test]
    fn documentation_strings_are_comments() {
        let python = "def f(a):\n    if a:\n        g()\n        h()\n";
        assert!(same(
            "python",
            python,
            "def f(a):\n    \"\"\"Does it.\n\n    Twice.\n    \"\"\"\n    if a:  # why\n        g()\n        h()\n"
        ));
        assert!(!same(
            "python",
            python,
            "def f(a):\n    \"\"\"Does it.\"\"\"\n    if a:\n        g()\n    h()\n"
        ));
        assert!(!same(
            "python",
            python,
            "def f(a):\n    f\"{g()}\"\n    if a:\n        g()\n        h()\n"
        ));
    }
}
