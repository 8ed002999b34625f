//! What a parser does not understand of a text, measured so that two texts can be compared.
//!
//! A count alone can be fooled: one brace too few may be one error that swallows half the file. So the text
//! that an error covers counts too, outside the place that was edited, where both texts are the same.

use std::ops::Range;

use tree_sitter::Node;

use super::Parsed;
use super::walk::{Next, touching};
use crate::text::{CharIdx, CharRange};

/// What never stands alone.
const LONE_MARKS: [&str; 10] = ["{", "}", "(", ")", "[", "]", "\"", "'", "`", "/*"];

/// Something a parser does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where it begins.
    pub at: CharIdx,
    /// What the grammar misses there (`}`); `None` where something stands that it cannot place.
    pub missing: Option<String>,
}

/// How well a parser understands a text, seen from one place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// How many things it does not understand.
    pub n_flaws: usize,
    /// How many bytes outside the place stand in something it does not understand.
    pub n_lost_bytes: usize,
    /// How many brackets and quotes stand there alone.
    pub n_lone_marks: usize,
    /// What is wrong at the place itself, though the grammar takes it.
    pub n_oddities: usize,
}

impl Health {
    /// Whether a text is understood less well than it was before an edit of that place.
    pub fn is_worse_than(&self, before: &Self) -> bool {
        self.n_flaws > before.n_flaws
            || self.n_lost_bytes > before.n_lost_bytes
            || self.n_lone_marks > before.n_lone_marks
            || self.n_oddities > before.n_oddities
    }
}

impl Parsed {
    /// What the parser does not understand, in the order of the text. Subtrees without a flaw are passed over.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        self.each_flaw(|node| flaws.push(self.flaw_of(&node)));
        flaws
    }

    /// How well the text is understood, where `place` is what an edit replaced or brought.
    pub fn health(&self, place: CharRange) -> Health {
        let place = self.bytes_of(place);
        let mut health = Health { n_oddities: self.oddities(&place).len(), ..Health::default() };
        let mut covered_to = 0;
        self.each_flaw(|node| {
            health.n_flaws += 1;
            if !node.is_error() {
                return;
            }
            let is_mark = |child: &Node<'_>| LONE_MARKS.contains(&child.kind());
            health.n_lone_marks += node.children(&mut node.walk()).filter(is_mark).count();
            // An error inside an error covers nothing more.
            let span = node.start_byte().max(covered_to)..node.end_byte();
            health.n_lost_bytes += outside(&span, &place);
            covered_to = covered_to.max(span.end);
        });
        health
    }

    /// The flaw that says most about an edit of `place`: the first one in it, else the first of all.
    pub fn flaw_at(&self, place: CharRange) -> Option<Flaw> {
        let mut flaws = self.flaws();
        flaws.extend(self.oddities(&self.bytes_of(place)).iter().map(|node| self.flaw_of(node)));
        let inside =
            flaws.iter().find(|flaw| place.start() <= flaw.at && flaw.at <= place.end()).cloned();
        inside.or_else(|| flaws.into_iter().next())
    }

    fn each_flaw<'tree>(&'tree self, mut see: impl FnMut(Node<'tree>)) {
        if !self.tree().root_node().has_error() {
            return;
        }
        let everything = 0..self.text().len_bytes();
        touching(self.tree(), &everything, |node, _| {
            if node.is_error() || node.is_missing() {
                see(node);
            }
            if node.has_error() { Next::Into } else { Next::Past }
        });
    }

    fn flaw_of(&self, node: &Node<'_>) -> Flaw {
        let at = CharIdx(self.text().byte_to_char(node.start_byte()));
        Flaw { at, missing: node.is_missing().then(|| node.kind().to_owned()) }
    }

    /// What a grammar takes at a place although the language does not: it is written to go on, not to judge.
    fn oddities(&self, place: &Range<usize>) -> Vec<Node<'_>> {
        let find: fn(&Node<'_>) -> bool = match self.grammar().name {
            "python" => |node| matches!(node.kind(), "block" | "module"),
            "markdown" => |node| node.kind() == "fenced_code_block",
            _ => return Vec::new(),
        };
        let mut odd = Vec::new();
        // An empty block stands at the end of the line before.
        let place = self.with_blanks(place);
        touching(self.tree(), &place, |node, _| {
            if find(&node) {
                match node.kind() {
                    "fenced_code_block" => odd.extend(open_fence(node)),
                    _ => odd.extend(odd_python(node, &place)),
                }
            }
            Next::Into
        });
        odd
    }
}

/// How many bytes of a span lie outside a place.
fn outside(span: &Range<usize>, place: &Range<usize>) -> usize {
    let before = span.end.min(place.start).saturating_sub(span.start);
    let behind = span.end.saturating_sub(span.start.max(place.end));
    before + behind
}

/// The statements of a block of Python, at a place, that are not indented as its first one; the block itself
/// if it has none.
fn odd_python<'tree>(block: Node<'tree>, place: &Range<usize>) -> Vec<Node<'tree>> {
    let mut column = None;
    let mut last_row = None;
    let mut odd = Vec::new();
    for node in block.children(&mut block.walk()) {
        if node.is_named() && node.kind() != "comment" && !node.is_error() {
            let start = node.start_position();
            let wanted = *column.get_or_insert(start.column);
            let is_there = node.end_byte() >= place.start && node.start_byte() <= place.end;
            // Behind another statement on the same line anything goes.
            if is_there && start.column != wanted && last_row != Some(start.row) {
                odd.push(node);
            }
        }
        last_row = Some(node.end_position().row);
    }
    if column.is_none() && block.kind() == "block" {
        odd.push(block);
    }
    odd
}

/// A code block of Markdown that nothing closes: what follows is swallowed.
fn open_fence(block: Node<'_>) -> Option<Node<'_>> {
    let is_fence = |child: &Node<'_>| child.kind() == "fenced_code_block_delimiter";
    let n_fences = block.children(&mut block.walk()).filter(is_fence).count();
    (n_fences < 2).then_some(block)
}

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests {
    use super::*;
    use crate::text::Change;
    use ropey::Rope;

    /// Whether putting `new` between the two `$0` makes the text worse.
    fn worse(language: &str, marked: &str, new: &str) -> bool {
        let parts: Vec<&str> = marked.split("$0").collect();
        let n_chars = |text: &str| text.chars().count();
        let start = CharIdx(n_chars(parts[0]));
        let range = CharRange::new(start, CharIdx(start.0 + n_chars(parts[1])));
        let before = Parsed::of(&Rope::from_str(&parts.concat()), language).unwrap();
        let change = Change { range, text: new.to_owned() };
        let after = before.after(&[change]).unwrap();
        let now = CharRange::new(start, CharIdx(start.0 + n_chars(new)));
        after.health(now).is_worse_than(&before.health(range))
    }

    /// What the declarations around an edit say by themselves: that it is worse, that it is not, or nothing.
    fn worse_alone(language: &str, marked: &str, new: &str) -> Option<bool> {
        let filler = match language {
            "python" => "def filler():\n    return 1\n\n\n",
            _ => "int filler(int a) {\n  return a;\n}\n\n",
        };
        let text = filler.repeat(5) + marked + "\n" + &filler.repeat(5);
        let parts: Vec<&str> = text.split("$0").collect();
        let n_chars = |text: &str| text.chars().count();
        let start = CharIdx(n_chars(parts[0]));
        let range = CharRange::new(start, CharIdx(start.0 + n_chars(parts[1])));
        let before = Parsed::of(&Rope::from_str(&parts.concat()), language).unwrap();
        let change = Change { range, text: new.to_owned() };
        let alone = before.fragment_after(&change);
        alone.map(|(fragment, place)| fragment.health(place) != Health::default())
    }

    #[test]
    fn the_declarations_around_an_edit_say_whether_it_is_right() {
        let c = "int f(int a) {\n  $0return a;$0\n}\n";
        assert_eq!(worse_alone("c", c, "return a + 1;"), Some(false));
        assert_eq!(worse_alone("c", c, "return (a;"), Some(true));
        assert_eq!(worse_alone("c", c, "if (a) { return a;"), Some(true));
        assert_eq!(worse_alone("c", c, "return a; }"), Some(true));
        assert_eq!(worse_alone("c", c, "return a; /*"), Some(true));
        assert_eq!(worse_alone("c", "$0$0", "int g(void);\n"), Some(false));
        assert_eq!(worse_alone("c", "int f(int a) { $0return (a;$0 }", "return a;"), None);
        let python = "def f(a):\n$0    return a\n$0";
        assert_eq!(worse_alone("python", python, "    return a + 1\n"), Some(false));
        assert_eq!(worse_alone("python", python, "    x = 1\n  return x\n"), Some(true));
        assert_eq!(worse_alone("python", python, "    # nothing\n"), Some(true));
        assert_eq!(worse_alone("markdown", "$0a$0", "b"), None);
    }

    #[test]
    fn a_brace_too_few_or_too_many_is_worse() {
        let rust = "fn a() {}\n$0fn f() { g(1) }$0\nfn b() {}\n";
        assert!(!worse("rust", rust, "fn f() {\n    g(2)\n}"));
        assert!(worse("rust", rust, "fn f() {\n    g(2)\n"));
        assert!(worse("rust", rust, "fn f() { g(2) } }"));
        assert!(worse("rust", rust, "fn f() { g(2 }"));
        assert!(worse("typescript", "$0f(1);$0\ng();\n", "f(\"1);"));
    }

    #[test]
    fn a_text_that_was_broken_may_stay_so_and_get_better() {
        let broken = "fn a( {}\n$0fn f() { let x = ; }$0\nfn b() {}\n";
        assert!(!worse("rust", broken, "fn f() { let x = 1; }"));
        assert!(!worse("rust", broken, "fn f() { let y = ; }"));
        assert!(worse("rust", broken, "fn f() { let y = ; "));
    }

    #[test]
    fn one_error_that_swallows_the_rest_is_worse_than_a_small_one() {
        let rest = "fn b() { c(); d(); }\n".repeat(40);
        let marked = format!("$0fn f() {{ let x = ; }}$0\n{rest}");
        assert!(worse("rust", &marked, "fn f() { let s = \"x; }"));
        assert!(worse("rust", &marked, "fn f() { if x { }"));
    }

    #[test]
    fn indentation_and_empty_bodies_of_python_are_looked_at() {
        let python = "def a():\n$0    x = 1\n    return x\n$0\n\ndef b():\n    pass\n";
        assert!(!worse(
            "python",
            python,
            "    x = 2\n    # why\n    if x:\n        y()\n    return x\n"
        ));
        assert!(worse("python", python, "    x = 2\n  return x\n"));
        assert!(worse("python", python, "    x = 2\n      return x\n"));
        assert!(worse("python", python, "    x = 2\n    if x:\n    return x\n"));
        assert!(worse("python", python, "    # nothing\n"));
        assert!(!worse("python", "$0x = 1; y = 2$0\n", "x = 1; y = 3"));
    }

    #[test]
    fn an_open_fence_in_markdown_is_worse() {
        let markdown = "# A\n\n$0text$0\n\nmore\n";
        assert!(!worse("markdown", markdown, "```sh\nls\n```"));
        assert!(worse("markdown", markdown, "```sh\nls\n"));
    }

    #[test]
    fn part_of_an_expression_may_be_edited() {
        assert!(!worse("rust", "fn f() { let x = a + $0b * c$0; }\n", "(b * c).abs()"));
        assert!(worse("rust", "fn f() { let x = a + $0b * c$0; }\n", "(b * c"));
        assert!(!worse("typescriptreact", "const a = <p>{$0x$0}</p>;\n", "x.map(y => <b>{y}</b>)"));
    }
}
