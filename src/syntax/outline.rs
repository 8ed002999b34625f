//! What a file declares: its functions, types, headings and entries, and what it brings in.

use std::ops::Range;

use tree_sitter::Node;

use super::Parsed;
use super::kinds::{Kinds, Spot, kinds};
use crate::text::{CharIdx, CharRange};

/// More than these say nothing any more: a generated file, or data.
const MAX_SYMBOLS: usize = 1000;
/// Levels of entries of a data file that are told.
const MAX_ENTRY_DEPTH: usize = 2;
/// Most characters of a signature.
const MAX_SIGNATURE: usize = 160;

/// What sort of thing has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// A function, method or macro.
    Function,
    /// A class, struct, enum, trait, interface, or an implementation of one.
    Type,
    /// A module or namespace.
    Module,
    /// A constant, or a name that a function is bound to.
    Value,
    /// A heading of a text, with the section below it.
    Heading,
    /// A key of a data file, an element of a page, a rule of a style sheet.
    Entry,
}

/// A thing that a file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// What sort of thing.
    pub kind: SymbolKind,
    /// Its name, as written.
    pub name: String,
    /// What stands before its body, in one line.
    pub signature: String,
    /// Where that begins.
    pub at: CharIdx,
    /// All of it.
    pub range: CharRange,
    /// In how many others it stands.
    pub depth: usize,
}

/// What a file declares and brings in, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// What it declares; what is local to a function is left out.
    pub symbols: Vec<Symbol>,
    /// Its imports, a line each.
    pub imports: Vec<Import>,
}

/// Something a file brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// As written, in one line.
    pub line: String,
    /// Where it stands.
    pub range: CharRange,
}

/// The outline of a text.
pub fn outline(parsed: &Parsed) -> Outline {
    outline_touching(parsed, &(0..usize::MAX))
}

/// The part of the outline that begins at a place.
pub fn outline_of(parsed: &Parsed, place: CharRange) -> Outline {
    let mut outline = outline_around(parsed, place);
    let begins_there = |at: CharIdx| place.start() <= at && at < place.end();
    outline.symbols.retain(|symbol| begins_there(symbol.at));
    outline.imports.retain(|import| begins_there(import.range.start()));
    outline
}

/// The part of the outline that touches a place: what begins there, and what that stands in.
pub fn outline_around(parsed: &Parsed, place: CharRange) -> Outline {
    outline_touching(parsed, &parsed.bytes_of(place))
}

/// The outline of the parts of a text that touch some bytes.
fn outline_touching(parsed: &Parsed, bytes: &Range<usize>) -> Outline {
    let reader = Reader::of(parsed);
    let mut outline = Outline::default();
    let mut ends: Vec<usize> = Vec::new();
    let mut cursor = parsed.tree().walk();
    let mut above: Vec<Node<'_>> = Vec::new();
    loop {
        let node = cursor.node();
        let spot = Spot::new(node, &above);
        while ends.last().is_some_and(|&end| end <= node.start_byte()) {
            ends.pop();
        }
        let mut descends = node.named_child_count() > 0;
        if node.end_byte() < bytes.start || node.start_byte() > bytes.end {
            descends = false;
        } else if reader.is_import(node) {
            let line = reader.one_line(node.start_byte(), node.end_byte());
            outline.imports.push(Import { line, range: reader.range(node) });
            descends = false;
        } else if let Some((kind, name)) = reader.symbol(spot) {
            let depth = ends.len();
            if kind != SymbolKind::Entry || depth < MAX_ENTRY_DEPTH {
                let signature = reader.signature(spot, kind);
                let range = reader.range(spot.whole());
                let at = reader.signature_start(spot);
                outline.symbols.push(Symbol { kind, name, signature, at, range, depth });
            }
            ends.push(node.end_byte());
            // What is local to a function is nobody else's business.
            descends &= !matches!(kind, SymbolKind::Function | SymbolKind::Value)
                && (kind != SymbolKind::Entry || depth + 1 < MAX_ENTRY_DEPTH);
        }
        if outline.symbols.len() >= MAX_SYMBOLS {
            return outline;
        }
        if descends && cursor.goto_first_child() {
            above.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            above.pop();
            if !cursor.goto_parent() {
                return outline;
            }
        }
    }
}

/// Reads nodes with the words of their grammar.
pub(super) struct Reader<'a> {
    parsed: &'a Parsed,
    kinds: Kinds,
}

impl<'a> Reader<'a> {
    pub(super) fn of(parsed: &'a Parsed) -> Self {
        Self { parsed, kinds: kinds(parsed.grammar().name) }
    }

    /// What a node declares, and its name; `None` for a node that declares nothing.
    pub(super) fn symbol(&self, spot: Spot<'_, '_>) -> Option<(SymbolKind, String)> {
        let node = spot.node;
        if !node.is_named() {
            return None;
        }
        let (_, kind) = self.kinds.symbols.iter().find(|(name, _)| *name == node.kind())?;
        let (kind, name) = self.named(spot, *kind)?;
        let name = name.trim().trim_matches(['"', '\'']).to_owned();
        (!name.is_empty()).then_some((kind, name))
    }

    /// The name of a node that may declare something.
    fn named(&self, spot: Spot<'_, '_>, kind: SymbolKind) -> Option<(SymbolKind, String)> {
        let node = spot.node;
        let name = match node.kind() {
            "impl_item" => self.implementation(node),
            "variable_declarator"
            | "field_definition"
            | "public_field_definition"
            | "assignment_expression"
            | "assignment_statement" => {
                return self.bound(spot);
            }
            "function_definition" | "declaration" | "field_declaration" | "type_definition"
                if node.child_by_field_name("declarator").is_some() =>
            {
                self.declared(node, kind)
            }
            "declaration" | "field_declaration" => None,
            "struct_specifier" | "class_specifier" | "union_specifier" | "enum_specifier" => {
                node.child_by_field_name("body").and_then(|_| self.field(node, "name"))
            }
            "pair" | "block_mapping_pair" if node.child_by_field_name("key").is_some() => {
                self.field(node, "key")
            }
            "pair" => {
                // In TOML the tables tell enough; only keys before the first one stand alone.
                let at_top = spot.parent().is_some_and(|parent| parent.kind() == "document");
                at_top.then(|| self.first_child(node)).flatten()
            }
            "table" | "table_array_element" | "rule_set" | "keyframes_statement" => {
                self.first_child(node)
            }
            "media_statement" | "supports_statement" | "at_rule" => {
                Some(self.one_line(node.start_byte(), Self::body_start(node)?))
            }
            "section" | "setext_heading" => self.heading(node),
            "element" | "script_element" | "style_element" => self.element(node),
            "operator_declaration" => self.field(node, "operator"),
            _ => self.field(node, "name"),
        };
        name.map(|name| (kind, name))
    }

    fn field(&self, node: Node<'_>, field: &str) -> Option<String> {
        node.child_by_field_name(field).map(|name| self.text(name))
    }

    fn first_child(&self, node: Node<'_>) -> Option<String> {
        node.named_child(0).map(|child| self.one_line(child.start_byte(), child.end_byte()))
    }

    fn implementation(&self, node: Node<'_>) -> Option<String> {
        let of = self.field(node, "type")?;
        Some(match self.field(node, "trait") {
            Some(implemented) => format!("{implemented} for {of}"),
            None => of,
        })
    }

    /// A name that is bound to a function or a class, or exported.
    fn bound(&self, spot: Spot<'_, '_>) -> Option<(SymbolKind, String)> {
        let node = spot.node;
        let value = node.child_by_field_name("value").or(node.child_by_field_name("right"));
        let value = match value {
            Some(value) => value,
            None if node.kind() == "assignment_statement" => node
                .named_child(1)
                .filter(|list| list.kind() == "expression_list")?
                .named_child(0)?,
            None => return None,
        };
        let names = ["name", "property", "left"];
        let name = names.iter().find_map(|field| node.child_by_field_name(field));
        let name = name.or_else(|| node.named_child(0))?;
        let kind = match value.kind() {
            "arrow_function"
            | "function_expression"
            | "generator_function"
            | "function_definition"
            | "function" => SymbolKind::Function,
            "class" => SymbolKind::Type,
            _ if spot.whole().kind() == "export_statement" => SymbolKind::Value,
            _ => return None,
        };
        Some((kind, self.text(name)))
    }

    /// The name in a declarator of C: below pointers, references, parameters.
    fn declared(&self, node: Node<'_>, kind: SymbolKind) -> Option<String> {
        let mut declarator = node.child_by_field_name("declarator")?;
        let mut has_parameters = false;
        loop {
            has_parameters |= declarator.kind() == "function_declarator";
            let inner = declarator.child_by_field_name("declarator").or_else(|| {
                let is_shell = declarator.kind().ends_with("_declarator");
                is_shell.then(|| declarator.named_child(0)).flatten()
            });
            match inner {
                Some(inner) => declarator = inner,
                None => break,
            }
        }
        (kind != SymbolKind::Function || has_parameters).then(|| self.text(declarator))
    }

    /// The heading that a section begins with. Underlined ones stand in the section before them.
    fn heading(&self, node: Node<'_>) -> Option<String> {
        let heading = if node.kind() == "section" { node.named_child(0)? } else { node };
        if !matches!(heading.kind(), "atx_heading" | "setext_heading") {
            return None;
        }
        self.field(heading, "heading_content")
    }

    /// An element that the reader of a page would name: one with an id, or a part of the page.
    fn element(&self, node: Node<'_>) -> Option<String> {
        const PARTS: [&str; 16] = [
            "title", "header", "nav", "main", "footer", "section", "article", "aside", "form",
            "dialog", "template", "h1", "h2", "h3", "script", "style",
        ];
        let tag = node.named_child(0)?;
        let name = tag.named_child(0).map(|name| self.text(name))?;
        let mut cursor = tag.walk();
        let id = tag
            .named_children(&mut cursor)
            .filter(|child| child.kind() == "attribute")
            .find_map(|attribute| {
                let text = self.text(attribute);
                let value = text.strip_prefix("id")?.trim_start().strip_prefix('=')?;
                Some(value.trim().trim_matches(['"', '\'']).to_owned())
            });
        match id {
            Some(id) => Some(format!("{name}#{id}")),
            None => PARTS.contains(&name.to_ascii_lowercase().as_str()).then_some(name),
        }
    }

    /// Whether a node brings something in.
    fn is_import(&self, node: Node<'_>) -> bool {
        if !node.is_named() || !self.kinds.imports.contains(&node.kind()) {
            return false;
        }
        match node.kind() {
            "call" => {
                let method = self.field(node, "method").unwrap_or_default();
                node.child_by_field_name("receiver").is_none()
                    && ["require", "require_relative", "include", "extend"]
                        .contains(&method.as_str())
            }
            "command" => {
                let name = self.field(node, "name").unwrap_or_default();
                ["source", "."].contains(&name.as_str())
            }
            "variable_declaration" => {
                let text = self.one_line(node.start_byte(), node.end_byte());
                text.contains("require") && !text.contains("function")
            }
            _ => true,
        }
    }

    /// What stands before the body, in one line.
    pub(super) fn signature(&self, spot: Spot<'_, '_>, kind: SymbolKind) -> String {
        let node = spot.node;
        let start = self.start(spot);
        match node.kind() {
            "section" => {
                return node.named_child(0).map(|heading| self.text(heading)).unwrap_or_default();
            }
            "setext_heading" => {
                return format!("# {}", self.heading(node).unwrap_or_default());
            }
            "table" | "table_array_element" => {
                return self.one_line(node.start_byte(), self.line_end(node.start_byte()));
            }
            _ => {}
        }
        let end = Self::body_start(node).unwrap_or_else(|| match kind {
            // The key alone; what a file of data holds is not told.
            SymbolKind::Entry => node.named_child(0).map_or(node.end_byte(), |key| key.end_byte()),
            _ if node.end_position().row - node.start_position().row < 3 => node.end_byte(),
            _ => self.line_end(node.start_byte()),
        });
        let mut signature = self.one_line(start, end.max(start));
        let ended = ["=>", "{", "=", ":", ";", ",", " end"]
            .iter()
            .find_map(|end| signature.strip_suffix(end).map(|rest| rest.trim_end().len()));
        signature.truncate(ended.unwrap_or(signature.len()));
        signature
    }

    /// Where the signature begins.
    pub(super) fn signature_start(&self, spot: Spot<'_, '_>) -> CharIdx {
        CharIdx(self.parsed.text().byte_to_char(self.start(spot)))
    }

    fn start(&self, spot: Spot<'_, '_>) -> usize {
        let whole = spot.whole();
        // Decorators are many and long, and the name comes after them.
        let of = if whole.kind() == "decorated_definition" { spot.node } else { whole };
        of.start_byte().min(self.parsed.text().len_bytes())
    }

    /// Where the body of a declaration begins.
    fn body_start(node: Node<'_>) -> Option<usize> {
        let value = ["value", "right"].iter().find_map(|field| node.child_by_field_name(field));
        // `static X: T = value`, but `const f = (x) => body`.
        let of_value = value.map(|value| {
            let body = value.child_by_field_name("body");
            body.map_or(value.start_byte(), |body| body.start_byte())
        });
        let body = ["body", "accessors"].iter().find_map(|field| node.child_by_field_name(field));
        // In Go the body is part of the type: `type S struct {`.
        let of_type = node
            .child_by_field_name("type")
            .filter(|_| node.kind() == "type_spec")
            .and_then(|of| {
                let mut cursor = of.walk();
                let list = |kind: &str| matches!(kind, "{" | "field_declaration_list");
                of.children(&mut cursor).find(|it| list(it.kind())).map(|it| it.start_byte())
            });
        let mut cursor = node.walk();
        let block = |kind: &str| {
            matches!(
                kind,
                "block" | "keyframe_block_list" | "declaration_list" | "macro_rule" | "enum_body"
            )
        };
        body.map(|body| body.start_byte()).or(of_value).or(of_type).or_else(|| {
            node.named_children(&mut cursor)
                .find(|child| block(child.kind()))
                .map(|it| it.start_byte())
        })
    }

    fn line_end(&self, byte: usize) -> usize {
        let text = self.parsed.text();
        let rest = text.byte_slice(byte..);
        let line = rest.chars().take_while(|c| !matches!(c, '\n' | '\r')).map(char::len_utf8);
        byte + line.sum::<usize>()
    }

    /// The characters of a node.
    pub(super) fn range(&self, node: Node<'_>) -> CharRange {
        let text = self.parsed.text();
        let at = |byte: usize| CharIdx(text.byte_to_char(byte.min(text.len_bytes())));
        CharRange::new(at(node.start_byte()), at(node.end_byte()))
    }

    fn text(&self, node: Node<'_>) -> String {
        self.one_line(node.start_byte(), node.end_byte())
    }

    /// A piece of the text, its white space as single blanks, and not too long.
    fn one_line(&self, start: usize, end: usize) -> String {
        let text = self.parsed.text();
        let piece = text.byte_slice(start..end.clamp(start, text.len_bytes()));
        let mut line = String::new();
        // Never a whole body: a broken file may have a declaration that goes on to its end.
        for c in piece.chars().take(MAX_SIGNATURE * 4) {
            match c {
                c if c.is_whitespace() => {
                    if !line.is_empty() && !line.ends_with(' ') {
                        line.push(' ');
                    }
                }
                c => line.push(c),
            }
        }
        let line = line.trim_end();
        match line.char_indices().nth(MAX_SIGNATURE) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line.to_owned(),
        }
    }
}
