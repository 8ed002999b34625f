//! In what a place of a text stands: the function or type around it.

use tree_sitter::Node;

use super::Parsed;
use super::kinds::{Spot, is_wrapper, last_child};
use super::outline::{Reader, Symbol};
use crate::text::{CharIdx, CharRange};

/// Most nodes that stand around a declaration and belong to it.
const MAX_WRAPPERS: usize = 4;

/// The declarations that a range stands in, outermost first. What the range covers is not around it.
pub fn enclosing(parsed: &Parsed, range: CharRange) -> Vec<Symbol> {
    let text = parsed.text();
    // Blanks at the ends say nothing about where the rest stands.
    let (mut start, mut end) = clamped(parsed, range);
    while start < end && text.char(start).is_whitespace() {
        start += 1;
    }
    while end > start && text.char(end - 1).is_whitespace() {
        end -= 1;
    }
    let mut around = symbols_at(parsed, start, end);
    around.retain(|symbol| {
        let of = symbol.range.chars();
        of.start < start || end < of.end
    });
    number(around)
}

/// The declaration that a cursor is on: the innermost one, with its comments, attributes and decorators.
///
/// On the blanks before a declaration and on the comments above it, it is that one. `None` between declarations
/// and outside of all.
pub fn symbol_at(parsed: &Parsed, cursor: CharIdx) -> Option<Symbol> {
    let text = parsed.text();
    let cursor = cursor.0.min(text.len_chars());
    let line_start = text.line_to_char(text.char_to_line(cursor));
    let lead = text.slice(line_start..).chars().take_while(|c| matches!(c, ' ' | '\t')).count();
    let cursor = cursor.max(line_start + lead);
    let path = path(parsed, cursor, cursor);
    // A comment stands beside what it describes, not in it.
    if let Some(depth) = path.iter().position(|node| is_lead(node.kind())) {
        let mut next = path[depth];
        while is_lead(next.kind()) {
            let below = next.next_named_sibling().filter(|below| starts_at_once(next, *below));
            let Some(below) = below else { break };
            next = below;
        }
        if !is_lead(next.kind())
            && let Some(symbol) = symbol_of(&Reader::of(parsed), next, &path[..depth])
        {
            return Some(symbol);
        }
    }
    let innermost = symbols_at(parsed, cursor, cursor).pop();
    // Just behind its last character a declaration is still meant.
    innermost.or_else(|| {
        let before = cursor.checked_sub(1).filter(|&before| !text.char(before).is_whitespace())?;
        symbols_at(parsed, before, before).pop()
    })
}

/// The nodes around a place, from the root inward.
fn path(parsed: &Parsed, start: usize, end: usize) -> Vec<Node<'_>> {
    let text = parsed.text();
    let (start, end) = (text.char_to_byte(start), text.char_to_byte(end));
    let mut cursor = parsed.tree().walk();
    let mut path = vec![cursor.node()];
    while cursor.goto_first_child_for_byte(start).is_some() {
        let node = cursor.node();
        if node.start_byte() > start || node.end_byte() < end {
            break;
        }
        path.push(node);
    }
    path
}

/// The declarations around a place, outermost first, each with what stands above it and belongs to it.
fn symbols_at(parsed: &Parsed, start: usize, end: usize) -> Vec<Symbol> {
    let reader = Reader::of(parsed);
    let path = path(parsed, start, end);
    let mut around: Vec<Symbol> = Vec::new();
    for (depth, &node) in path.iter().enumerate() {
        if let Some(symbol) = symbol_of(&reader, node, &path[..depth])
            && around.last().is_none_or(|last| last.range != symbol.range)
        {
            around.push(symbol);
        }
    }
    number(around)
}

/// What a node declares, or the node that it wraps: `export`, `const` and decorators are outside of the node that
/// has the name.
fn symbol_of(reader: &Reader<'_>, node: Node<'_>, above: &[Node<'_>]) -> Option<Symbol> {
    if let Some(symbol) = symbol(reader, Spot::new(node, above)) {
        return Some(symbol);
    }
    let mut above: Vec<Node<'_>> = above[above.len().saturating_sub(MAX_WRAPPERS)..].to_vec();
    let mut inner = node;
    for _ in 0..MAX_WRAPPERS {
        if !is_wrapper(inner) {
            return None;
        }
        above.push(inner);
        inner = last_child(inner)?;
        let spot = Spot::new(inner, &above);
        if spot.whole().id() == inner.id() {
            return None;
        }
        if let Some(symbol) = symbol(reader, spot) {
            return Some(symbol);
        }
    }
    None
}

fn symbol(reader: &Reader<'_>, spot: Spot<'_, '_>) -> Option<Symbol> {
    let (kind, name) = reader.symbol(spot)?;
    let whole = spot.whole();
    let range = reader.range(whole);
    let mut first = whole;
    while let Some(before) = first.prev_sibling()
        && is_lead(before.kind())
        && starts_at_once(before, first)
        && starts_its_line(before)
    {
        first = before;
    }
    let range = CharRange::new(reader.range(first).start(), range.end());
    let (signature, at) = (reader.signature(spot, kind), reader.signature_start(spot));
    Some(Symbol { kind, name, signature, at, range, depth: 0 })
}

fn number(mut symbols: Vec<Symbol>) -> Vec<Symbol> {
    for (depth, symbol) in symbols.iter_mut().enumerate() {
        symbol.depth = depth;
    }
    symbols
}

/// Kinds of nodes that may stand above a declaration and belong to it.
fn is_lead(kind: &str) -> bool {
    matches!(
        kind,
        "comment" | "line_comment" | "block_comment" | "attribute_item" | "attribute_list"
    )
}

/// Whether one node begins on the line after the other, or on its own.
fn starts_at_once(before: Node<'_>, next: Node<'_>) -> bool {
    let end = before.end_position();
    // Some grammars count the line break as part of a comment.
    let last_row = if end.column == 0 { end.row.saturating_sub(1) } else { end.row };
    next.start_position().row <= last_row + 1
}

/// Whether a comment has its line for itself, so that it cannot be about what stands before it.
fn starts_its_line(comment: Node<'_>) -> bool {
    comment.prev_sibling().is_none_or(|before| {
        let end = before.end_position();
        end.row < comment.start_position().row || end.column == 0
    })
}

fn clamped(parsed: &Parsed, range: CharRange) -> (usize, usize) {
    let n_chars = parsed.text().len_chars();
    let range = range.chars();
    (range.start.min(n_chars), range.end.min(n_chars))
}
