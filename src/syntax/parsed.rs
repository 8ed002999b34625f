//! A text as a tree, kept up to date by small steps.

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use ropey::Rope;
use tree_sitter::{InputEdit, ParseOptions, Parser, Point, Tree};

use super::walk::{Next, touching};
use super::{Grammar, grammar};
use crate::text::{Change, CharIdx, CharRange};

/// A parser that needs longer than this is stopped; a generated file must not hold up an edit.
const PATIENCE: Duration = Duration::from_millis(500);

/// A text and its tree.
#[derive(Clone, Debug)]
pub struct Parsed {
    grammar: Grammar,
    text: Rope,
    tree: Tree,
}

impl Parsed {
    /// Parses a text. `None` for a language we carry no grammar for, and for a text that takes too long.
    ///
    /// Takes about a tenth of a microsecond a byte, so it does not belong on the keystroke path.
    pub fn of(text: &Rope, language: &str) -> Option<Self> {
        let grammar = grammar(language)?;
        let tree = parse(&grammar, text, None)?;
        Some(Self { grammar, text: text.clone(), tree })
    }

    /// The same after some changes, each in the coordinates of the text before it; parses only what they touch.
    pub fn after(&self, changes: &[Change]) -> Option<Self> {
        let (mut text, mut tree) = (self.text.clone(), self.tree.clone());
        for change in changes {
            let (start, end) = (change.range.start().0, change.range.end().0);
            let start_byte = text.char_to_byte(start);
            let old_end_byte = text.char_to_byte(end);
            let (start_position, old_end_position) = (point(&text, start), point(&text, end));
            change.apply(&mut text);
            let new_end = start + change.text.chars().count();
            tree.edit(&InputEdit {
                start_byte,
                old_end_byte,
                new_end_byte: start_byte + change.text.len(),
                start_position,
                old_end_position,
                new_end_position: point(&text, new_end),
            });
        }
        let tree = parse(&self.grammar, &text, Some(&tree))?;
        Some(Self { grammar: self.grammar.clone(), text, tree })
    }

    /// The top-level declarations that a change touches, after it, as a text of their own; and where in it the
    /// new text stands.
    ///
    /// Parsing on from an old tree takes longer the more stands behind the change (in Python nearly as long as
    /// anew). Where these few declarations are right by themselves, the whole is as right as it was. `None` where
    /// that cannot be said: they were not right before, they are most of the text, or the language has things
    /// that nothing need close.
    pub fn fragment_after(&self, change: &Change) -> Option<(Self, CharRange)> {
        const CLOSES_EVERYTHING: [&str; 10] = [
            "rust",
            "python",
            "javascript",
            "typescript",
            "tsx",
            "go",
            "c",
            "cpp",
            "java",
            "csharp",
        ];
        let root = self.tree.root_node();
        if !CLOSES_EVERYTHING.contains(&self.grammar.name) || root.is_error() {
            return None;
        }
        let place = self.bytes_of(change.range);
        let near = self.with_blanks(&place);
        let mut bytes = place;
        let mut are_right = true;
        touching(&self.tree, &near, |node, depth| {
            if depth == 0 {
                return Next::Into;
            }
            bytes = bytes.start.min(node.start_byte())..bytes.end.max(node.end_byte());
            are_right &= !node.has_error() && !node.is_missing();
            Next::Past
        });
        if !are_right || bytes.len() * 2 > self.text.len_bytes() {
            return None;
        }
        let n_before = self.text.byte_to_char(bytes.start);
        let start = CharIdx(change.range.start().0 - n_before);
        let end = CharIdx(change.range.end().0 - n_before);
        let mut text = Rope::from_str(&self.text.byte_slice(bytes).to_string());
        Change { range: CharRange::new(start, end), text: change.text.clone() }.apply(&mut text);
        let tree = parse(&self.grammar, &text, None)?;
        let place = CharRange::new(start, CharIdx(start.0 + change.text.chars().count()));
        Some((Self { grammar: self.grammar.clone(), text, tree }, place))
    }

    /// A place with the white space around it.
    pub(super) fn with_blanks(&self, place: &Range<usize>) -> Range<usize> {
        let is_blank = |byte: &u8| byte.is_ascii_whitespace();
        let before = self.text.bytes_at(place.start).reversed().take_while(is_blank).count();
        let behind = self.text.bytes_at(place.end).take_while(is_blank).count();
        place.start - before..place.end + behind
    }

    /// The grammar that read it.
    pub fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    /// The text.
    pub fn text(&self) -> &Rope {
        &self.text
    }

    /// The tree, for other questions of this module.
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The bytes of some characters.
    pub(super) fn bytes_of(&self, range: CharRange) -> Range<usize> {
        let n_chars = self.text.len_chars();
        let byte = |idx: CharIdx| self.text.char_to_byte(idx.0.min(n_chars));
        byte(range.start())..byte(range.end())
    }
}

/// Rows end at line feeds alone: that is how the parser counts, and not how the rope does.
fn point(text: &Rope, char_idx: usize) -> Point {
    let mut point = Point { row: 0, column: 0 };
    for chunk in text.slice(..char_idx).chunks() {
        match chunk.rfind('\n') {
            None => point.column += chunk.len(),
            Some(last) => {
                point.row += chunk.bytes().filter(|&byte| byte == b'\n').count();
                point.column = chunk.len() - last - 1;
            }
        }
    }
    point
}

fn parse(grammar: &Grammar, text: &Rope, old: Option<&Tree>) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar.language).ok()?;
    let began = Instant::now();
    let mut patience = |_: &tree_sitter::ParseState| {
        if began.elapsed() > PATIENCE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut patience);
    let mut chunk = |byte: usize, _: Point| -> &[u8] {
        if byte >= text.len_bytes() {
            return &[];
        }
        let (chunk, start, _, _) = text.chunk_at_byte(byte);
        &chunk.as_bytes()[byte - start..]
    };
    parser.parse_with_options(&mut chunk, old, Some(options))
}

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests {
    use super::*;

    fn parsed(text: &str, language: &str) -> Parsed {
        Parsed::of(&Rope::from_str(text), language).unwrap()
    }

    #[test]
    fn flaws_are_counted_and_placed() {
        assert_eq!(parsed("fn f() {}\n", "rust").flaws(), []);
        let flaws = parsed("fn f() { let x = ; }\n", "rust").flaws();
        assert_eq!(flaws.len(), 1, "{flaws:?}");
        let flaws = parsed("fn f() {\n", "rust").flaws();
        assert_eq!(flaws.len(), 1, "{flaws:?}");
        assert!(Parsed::of(&Rope::from_str("x"), "cobol").is_none());
    }

    #[test]
    fn a_change_gives_what_parsing_anew_gives() {
        let before = parsed("fn f() {\r\n    «𐐀»;\r\n}\r\nfn g() {}\r\n", "rust");
        let range = |start, end| CharRange::new(CharIdx(start), CharIdx(end));
        let changes = [
            Change { range: range(14, 17), text: "let x = 1".to_owned() },
            Change { range: range(0, 0), text: "// ä𐐀\r".to_owned() },
        ];
        let after = before.after(&changes).unwrap();
        let anew = Parsed::of(after.text(), "rust").unwrap();
        assert_eq!(after.flaws(), anew.flaws());
        assert_eq!(after.tree().root_node().to_sexp(), anew.tree().root_node().to_sexp());
    }
}
