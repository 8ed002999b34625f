//! What is left of a layer that came with a repository: it may narrow what the user allows, nothing else.
//!
//! The rule is a list of what is let through; a key that nobody thought of is ignored.

use std::collections::{BTreeMap, BTreeSet};

use super::local;
use super::problem::Warning;
use super::tree::{Node, Source, Value};
use crate::model::Task;

/// What the user's own layers allow others to choose from.
pub(super) struct Owner {
    chain: Vec<String>,
    tasks: BTreeMap<Task, Vec<String>>,
    defined: BTreeSet<String>,
    models: BTreeSet<String>,
}

/// How far a layer is trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A project that the user could trust.
    Untrusted,
    /// A project that the user trusts as it is now.
    Trusted,
    /// Settings of the editor: nobody can tell which of them a repository brought along.
    Editor,
}

impl Owner {
    /// Reads off the merged layers of the user.
    pub(super) fn of(user: &Node) -> Self {
        let chain = chain_at(user, &["llm"]);
        let tasks = Task::ALL.map(|task| {
            let own = chain_at(user, &["tasks", task.as_str()]);
            (task, chain.iter().cloned().chain(own).collect::<Vec<_>>())
        });
        let tables = user.at(&["backends"]).and_then(Node::table).into_iter().flatten();
        let written = tables.filter(|(_, node)| {
            node.leaves().iter().any(|(_, leaf)| *leaf.origin.source != Source::Default)
        });
        let tasks = BTreeMap::from(tasks);
        let chained = tasks.values().flatten().cloned();
        let defined = written.map(|(name, _)| name.clone()).chain(chained).collect();
        let leaves = user.leaves();
        let models = leaves
            .iter()
            .filter(|(path, _)| path.last().is_some_and(|key| key == "model"))
            .filter_map(|(_, node)| node.leaf()?.as_str().map(str::to_owned))
            .collect();
        Self { chain, tasks, defined, models }
    }

    /// Every backend that the user asks for anything.
    fn all_chained(&self) -> Vec<String> {
        let mut names = self.chain.clone();
        names.extend(self.tasks.values().flatten().cloned());
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// The backends a table may name.
    fn chain_for(&self, table: &[String]) -> &[String] {
        let task = table.get(1).and_then(|name| Task::from_name(name));
        task.and_then(|task| self.tasks.get(&task)).unwrap_or(&self.chain)
    }

    fn may_choose(&self, name: &str, chain: &[String], standing: Standing) -> Result<(), String> {
        if chain.iter().any(|own| own == name) {
            return Ok(());
        }
        match (standing, self.defined.contains(name)) {
            (Standing::Trusted, true) => Ok(()),
            (Standing::Untrusted, true) => Err(format!(
                "chooses {name:?}, which is not in your own chain ({}); it is ignored unless you run `arawn trust`",
                chain.join(", ")
            )),
            _ => Err(format!(
                "chooses {name:?}, which is not in your own chain ({}); it is ignored",
                chain.join(", ")
            )),
        }
    }

    /// Ollama runs models with these names in its own cloud: only the user may send code there.
    fn may_ask(&self, model: &str) -> Result<(), String> {
        let name = model.trim().to_ascii_lowercase();
        let is_cloud = name.ends_with(":cloud") || name.ends_with("-cloud");
        if is_cloud && !self.models.contains(model) {
            return Err("names a cloud model that is not in your own configuration; it is ignored"
                .to_owned());
        }
        Ok(())
    }
}

/// First choice and fallbacks of a table, as far as written.
///
/// The local engine belongs to every chain: it sends nothing anywhere, and what it is, only the user says.
fn chain_at(user: &Node, table: &[&str]) -> Vec<String> {
    let key = |name| table.iter().copied().chain([name]).collect::<Vec<_>>();
    let first = user.text_at(&key("backend")).map(str::to_owned);
    let rest = user.at(&key("fallback")).and_then(Node::leaf).and_then(toml::Value::as_array);
    let rest = rest.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
    let local = local::BACKEND.to_owned();
    let is_managed = user.at(&["backends", local::BACKEND, "base_url"]).is_none();
    first.into_iter().chain(rest).chain(is_managed.then_some(local)).collect()
}

/// Takes out of a layer whatever does not narrow `current`, and says so.
pub(super) fn narrow(
    layer: &Node,
    owner: &Owner,
    current: &Node,
    standing: Standing,
    warnings: &mut Vec<Warning>,
) -> Node {
    let mut kept = Node { value: Value::Table(BTreeMap::new()), origin: layer.origin.clone() };
    for (path, node) in layer.leaves() {
        let mut leaf = node.clone();
        match judge(&path, &mut leaf, layer, owner, current, standing) {
            Ok(None) => kept.put(&path, leaf),
            Ok(Some(remark)) => {
                warnings.push(Warning::new(&node.origin, &path, remark));
                kept.put(&path, leaf);
            }
            Err(reason) => warnings.push(Warning::new(&node.origin, &path, reason)),
        }
    }
    kept
}

/// Decides about one value: kept, kept with a remark (and possibly cut down), or ignored for a reason.
fn judge(
    path: &[String],
    leaf: &mut Node,
    layer: &Node,
    owner: &Owner,
    current: &Node,
    standing: Standing,
) -> Result<Option<String>, String> {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    match keys.as_slice() {
        ["llm", "backend"] | ["tasks", _, "backend"] => {
            let name = text(leaf);
            owner.may_choose(name, owner.chain_for(path), standing).map(|()| None)
        }
        ["llm", "fallback"] | ["tasks", _, "fallback"] => {
            Ok(cut_fallback(leaf, owner.chain_for(path)))
        }
        ["llm" | "tasks", .., "model"] => {
            if let Some(name) = layer.text_at(&beside(&keys, "backend"))
                && owner.may_choose(name, owner.chain_for(path), standing).is_err()
            {
                return Err(format!("is meant for {name:?}; it is ignored too"));
            }
            owner.may_ask(text(leaf)).map(|()| None)
        }
        ["backends", name, "model"] => {
            owner.may_choose(name, &owner.all_chained(), standing)?;
            owner.may_ask(text(leaf)).map(|()| None)
        }
        ["backends", name, "max_tokens" | "context_length"] => {
            owner.may_choose(name, &owner.all_chained(), standing)?;
            let limit = current.integer_at(&keys);
            // Without a value of the user's the context length is chosen to fit the machine.
            let limit = if keys[2] == "context_length" { limit.or(Some(0)) } else { limit };
            lowers(leaf, limit).map(|()| None)
        }
        ["tasks", _, "max_tokens"] => {
            let least_of_backends = || {
                let names = owner.chain_for(path).iter();
                names.filter_map(|name| current.integer_at(&["backends", name, "max_tokens"])).min()
            };
            lowers(leaf, current.integer_at(&keys).or_else(least_of_backends)).map(|()| None)
        }
        ["privacy", "cloud"]
            if text(leaf) == "never" || current.text_at(&keys) == Some(text(leaf)) =>
        {
            Ok(None)
        }
        ["privacy", "cloud"] => {
            Err("cannot allow what you have forbidden; it is ignored".to_owned())
        }
        ["privacy", "ignore"] => Ok(cut_negations(leaf)),
        ["edits", "preview"]
            if caution(text(leaf)) >= caution(current.text_at(&keys).unwrap_or("conflict")) =>
        {
            Ok(None)
        }
        ["edits", "preview"] => {
            Err("cannot show you less than you asked for; it is ignored".to_owned())
        }
        ["edits", "reask"] if leaf.leaf().and_then(toml::Value::as_bool) == Some(false) => Ok(None),
        ["$schema"] => Ok(None),
        ["memory", "indexing", "enabled"]
            if leaf.leaf().and_then(toml::Value::as_bool) == Some(false) =>
        {
            Ok(None)
        }
        ["actions", ..] if standing == Standing::Trusted => Ok(None),
        ["actions", ..] if standing == Standing::Untrusted => {
            Err("is ignored unless you run `arawn trust`".to_owned())
        }
        _ => {
            Err(format!("counts only in your own configuration; {} may not set it", foreign(leaf)))
        }
    }
}

fn text(leaf: &Node) -> &str {
    leaf.leaf().and_then(toml::Value::as_str).unwrap_or_default()
}

/// How much is shown before it is done, by the value of `edits.preview`.
fn caution(preview: &str) -> usize {
    ["never", "conflict", "always"].iter().position(|value| *value == preview).unwrap_or_default()
}

fn beside<'a>(keys: &[&'a str], other: &'a str) -> Vec<&'a str> {
    keys[..keys.len() - 1].iter().copied().chain([other]).collect()
}

fn foreign(leaf: &Node) -> &'static str {
    match *leaf.origin.source {
        Source::Editor => "editor settings",
        _ => "a project",
    }
}

/// Leaves of a list of fallbacks those of the user's own chain.
fn cut_fallback(leaf: &mut Node, chain: &[String]) -> Option<String> {
    let Value::Leaf(toml::Value::Array(names)) = &mut leaf.value else { return None };
    let mut dropped = Vec::new();
    names.retain(|name| {
        let name = name.as_str().unwrap_or_default();
        let is_own = chain.iter().any(|own| own == name);
        if !is_own {
            dropped.push(format!("{name:?}"));
        }
        is_own
    });
    (!dropped.is_empty()).then(|| {
        let own = chain.join(", ");
        format!(
            "names {}, which is not in your own chain ({own}); it is ignored",
            dropped.join(", ")
        )
    })
}

/// A pattern with `!` would send what the user keeps back.
fn cut_negations(leaf: &mut Node) -> Option<String> {
    let Value::Leaf(toml::Value::Array(patterns)) = &mut leaf.value else { return None };
    let n_patterns = patterns.len();
    patterns.retain(|pattern| !pattern.as_str().unwrap_or_default().trim_start().starts_with('!'));
    (patterns.len() < n_patterns)
        .then(|| "can only add to what you keep back; patterns with `!` are ignored".to_owned())
}

fn lowers(leaf: &Node, limit: Option<i64>) -> Result<(), String> {
    let value = leaf.leaf().and_then(toml::Value::as_integer).unwrap_or(i64::MAX);
    match limit {
        Some(limit) if value > limit => {
            Err(format!("can only lower your own limit; {} may not raise it", foreign(leaf)))
        }
        _ => Ok(()),
    }
}
