//! Lays one layer over another, key by key.

use std::collections::BTreeMap;

use super::tree::{Node, Value};

/// Lays `over` onto `base`.
pub(super) fn overlay(base: &mut Node, over: Node) {
    drop_foreign_models(base, &over);
    let patterns = joined_ignores(base, &over);
    merge(base, over);
    if let Some(patterns) = patterns {
        base.put(&IGNORE, patterns);
    }
}

const IGNORE: [&str; 2] = ["privacy", "ignore"];

fn merge(base: &mut Node, over: Node) {
    match (&mut base.value, over.value) {
        (Value::Table(base), Value::Table(over)) => {
            for (key, node) in over {
                match base.get_mut(&key) {
                    Some(below) => merge(below, node),
                    None => drop(base.insert(key, node)),
                }
            }
        }
        (_, value) => *base = Node { value, origin: over.origin },
    }
}

/// A model was written for the backend that was in force in its layer. Where a higher layer chooses another
/// backend and no model, the model of the lower layer must not be asked for there.
fn drop_foreign_models(base: &mut Node, over: &Node) {
    let changes = |base: &Node, path: &[&str]| {
        over.text_at(path).is_some_and(|name| base.text_at(path) != Some(name))
    };
    let llm_changes = changes(base, &["llm", "backend"]);
    let tasks: Vec<String> = base
        .at(&["tasks"])
        .and_then(Node::table)
        .map(BTreeMap::keys)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    for task in tasks {
        let path = ["tasks", &task, "backend"];
        let inherits = base.text_at(&path).is_none() && over.text_at(&path).is_none();
        if changes(base, &path) || (inherits && llm_changes) {
            base.remove(&["tasks", &task, "model"]);
        }
    }
    if llm_changes {
        base.remove(&["llm", "model"]);
    }
}

/// Files that one layer keeps back, no other layer sends: the lists add up.
fn joined_ignores(base: &Node, over: &Node) -> Option<Node> {
    let above = over.at(&IGNORE)?;
    let below = base.at(&IGNORE)?.leaf()?.as_array()?;
    let added = above.leaf()?.as_array()?.iter().filter(|pattern| !below.contains(pattern));
    let all = below.iter().chain(added).cloned().collect();
    let origin = if below.is_empty() { &above.origin } else { &base.at(&IGNORE)?.origin };
    Some(Node { value: Value::Leaf(toml::Value::Array(all)), origin: origin.clone() })
}
