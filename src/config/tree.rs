//! A tree of configuration values in which every value knows where it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::ConfigError;

/// A layer of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Built into the program.
    Default,
    /// A file of the user's own.
    User(PathBuf),
    /// A file of the project.
    Project(PathBuf),
    /// What the editor sent.
    Editor,
    /// An environment variable.
    Variable(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Source {
    /// Whether the layer may have come with a cloned repository.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Project(_) | Self::Editor)
    }
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The layer.
    pub source: Arc<Source>,
    /// The line in the layer's file, from 1.
    pub line: Option<usize>,
}

impl Origin {
    pub(super) fn new(source: Source) -> Self {
        Self { source: Arc::new(source), line: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.source {
            Source::Default => f.write_str("built in"),
            Source::User(path) | Source::Project(path) => {
                f.write_str(&printable(path))?;
                self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
            }
            Source::Editor => f.write_str("editor settings"),
            Source::Variable(name) => write!(f, "environment variable {name}"),
            Source::Flag(name) => f.write_str(name),
        }
    }
}

/// A path for messages: names in a cloned repository must not steer the terminal.
pub(super) fn printable(path: &Path) -> String {
    let escaped =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    path.to_string_lossy().chars().map(escaped).collect()
}

/// A value and its origin. No `Debug`: a key may be inside.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A table, or anything else.
#[derive(Clone)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    Leaf(toml::Value),
}

impl Node {
    /// An empty table.
    pub(super) fn empty(source: Source) -> Self {
        Self { value: Value::Table(BTreeMap::new()), origin: Origin::new(source) }
    }

    /// The value at a path.
    pub(super) fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<&Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match &self.value {
            Value::Table(table) => table.get(first.as_ref())?.at(rest),
            Value::Leaf(_) => None,
        }
    }

    /// The string at a path.
    pub(super) fn text_at<S: AsRef<str>>(&self, path: &[S]) -> Option<&str> {
        self.at(path)?.leaf()?.as_str()
    }

    /// The integer at a path.
    pub(super) fn integer_at<S: AsRef<str>>(&self, path: &[S]) -> Option<i64> {
        self.at(path)?.leaf()?.as_integer()
    }

    /// The value, if it is no table.
    pub(super) fn leaf(&self) -> Option<&toml::Value> {
        match &self.value {
            Value::Leaf(leaf) => Some(leaf),
            Value::Table(_) => None,
        }
    }

    /// The table, if it is one.
    pub(super) fn table(&self) -> Option<&BTreeMap<String, Node>> {
        match &self.value {
            Value::Table(table) => Some(table),
            Value::Leaf(_) => None,
        }
    }

    /// The table; a leaf is made an empty one.
    pub(super) fn table_mut(&mut self) -> &mut BTreeMap<String, Node> {
        if let Value::Leaf(_) = self.value {
            self.value = Value::Table(BTreeMap::new());
        }
        let Value::Table(table) = &mut self.value else { unreachable!("made a table above") };
        table
    }

    /// Puts a leaf at a path; tables on the way are made.
    pub(super) fn put<S: AsRef<str>>(&mut self, path: &[S], leaf: Node) {
        match path {
            [] => *self = leaf,
            [first, rest @ ..] => {
                let origin = self.origin.clone();
                let fresh = || Node { value: Value::Table(BTreeMap::new()), origin };
                self.table_mut()
                    .entry(first.as_ref().to_owned())
                    .or_insert_with(fresh)
                    .put(rest, leaf);
            }
        }
    }

    /// Removes the value at a path.
    pub(super) fn remove<S: AsRef<str>>(&mut self, path: &[S]) -> Option<Node> {
        let Value::Table(table) = &mut self.value else { return None };
        match path {
            [] => None,
            [last] => table.remove(last.as_ref()),
            [first, rest @ ..] => table.get_mut(first.as_ref())?.remove(rest),
        }
    }

    /// All values that are no tables, with their paths, in order of the keys.
    pub(super) fn leaves(&self) -> Vec<(Vec<String>, &Node)> {
        let Value::Table(table) = &self.value else { return vec![(Vec::new(), self)] };
        table.iter().flat_map(|(key, node)| prefixed(key, node)).collect()
    }

    /// The values without their origins.
    pub(super) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Leaf(leaf) => leaf.clone(),
            Value::Table(table) => toml::Value::Table(
                table.iter().map(|(key, node)| (key.clone(), node.to_toml())).collect(),
            ),
        }
    }
}

fn prefixed<'a>(key: &str, node: &'a Node) -> Vec<(Vec<String>, &'a Node)> {
    let mut leaves = node.leaves();
    for (path, _) in &mut leaves {
        path.insert(0, key.to_owned());
    }
    leaves
}

/// Parses a file.
pub(super) fn from_toml(text: &str, path: &Path, source: Source) -> Result<Node, ConfigError> {
    let lines = Lines::of(text);
    let root = DeTable::parse(text).map_err(|error| {
        let (line, column) = lines.position(text, error.span().map_or(0, |span| span.start));
        // `Display` of the error quotes the line, which may hold a key; its message alone does not.
        ConfigError::Syntax {
            path: path.to_owned(),
            line,
            column,
            message: one_line(error.message()),
        }
    })?;
    let origin = Origin::new(source);
    Ok(table_node(root.into_inner(), origin.clone(), &lines, &origin))
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

fn table_node(table: DeTable<'_>, at: Origin, lines: &Lines, origin: &Origin) -> Node {
    let entries = table.into_iter().filter_map(|(key, value)| {
        let line = lines.line(key.span().start);
        let at = Origin { source: origin.source.clone(), line: Some(line) };
        Some((key.into_inner().into_owned(), value_node(value, at, lines, origin)?))
    });
    Node { value: Value::Table(entries.collect()), origin: at }
}

fn value_node(
    value: Spanned<DeValue<'_>>,
    at: Origin,
    lines: &Lines,
    origin: &Origin,
) -> Option<Node> {
    if value.get_ref().is_table() {
        let DeValue::Table(table) = value.into_inner() else { return None };
        return Some(table_node(table, at, lines, origin));
    }
    let leaf = toml::Value::deserialize(ValueDeserializer::from(value)).ok()?;
    Some(Node { value: Value::Leaf(leaf), origin: at })
}

/// Makes a tree of what an editor sent. `null` and `""` are how editors write "not set".
pub(super) fn from_json(json: &serde_json::Value) -> Node {
    let origin = Origin::new(Source::Editor);
    json_node(json, &origin).unwrap_or_else(|| Node::empty(Source::Editor))
}

fn json_node(json: &serde_json::Value, origin: &Origin) -> Option<Node> {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => return None,
        Json::String(text) if text.is_empty() => return None,
        Json::Object(object) => {
            let mut table = Node { value: Value::Table(BTreeMap::new()), origin: origin.clone() };
            for (key, json) in object {
                // Some editors keep `llm.backend` as one key.
                let path: Vec<&str> = key.split('.').collect();
                if let Some(node) = json_node(json, origin) {
                    table.put(&path, node);
                }
            }
            table.value
        }
        other => Value::Leaf(toml::Value::try_from(other).ok()?),
    };
    Some(Node { value, origin: origin.clone() })
}

/// Where the lines of a text begin.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let after_breaks =
            text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The line of a byte, from 1.
    fn line(&self, byte_idx: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte_idx)
    }

    /// Line and column in characters, both from 1.
    fn position(&self, text: &str, byte_idx: usize) -> (usize, usize) {
        let line = self.line(byte_idx);
        let start = self.starts[line - 1];
        (line, text.get(start..byte_idx).map_or(0, |before| before.chars().count()) + 1)
    }
}
