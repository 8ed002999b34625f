//! Walks the part of a tree that touches a place.

use std::ops::Range;

use tree_sitter::{Node, Tree};

/// What a walk does with the children of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// They are walked too.
    Into,
    /// They are passed over.
    Past,
}

/// Shows every node that touches `bytes`, parents first, with its depth. Touching at an end counts.
pub(super) fn touching<'tree>(
    tree: &'tree Tree,
    bytes: &Range<usize>,
    mut see: impl FnMut(Node<'tree>, usize) -> Next,
) {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let is_behind = node.start_byte() > bytes.end;
        let touches = !is_behind && node.end_byte() >= bytes.start;
        if touches
            && see(node, cursor.depth() as usize) == Next::Into
            && cursor.goto_first_child_for_byte(bytes.start.saturating_sub(1)).is_some()
        {
            continue;
        }
        // What comes after a node behind the place is behind it too.
        let mut is_done = is_behind;
        while is_done || !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            is_done = false;
        }
    }
}
