//! `outline`: what a file declares, as its parser tells, or where there is none by the first words of lines.

use std::fmt::Write as _;
use std::path::Path;

use ropey::Rope;
use serde_json::{Value, json};

use super::{Clock, Files, Found, Tool, ToolError, arguments, counted, shortened};
use crate::syntax::{Parsed, Symbol, outline};
use crate::text::language_of;

/// Most declarations of one call.
const MAX_DECLARATIONS: usize = 250;
/// Most characters of a line.
const MAX_LINE: usize = 160;

/// Words that may stand before the word that declares.
const MODIFIERS: [&str; 30] = [
    "pub",
    "export",
    "default",
    "declare",
    "public",
    "private",
    "protected",
    "internal",
    "static",
    "final",
    "abstract",
    "async",
    "unsafe",
    "extern",
    "const",
    "override",
    "virtual",
    "inline",
    "sealed",
    "partial",
    "open",
    "data",
    "suspend",
    "local",
    "constexpr",
    "synchronized",
    "readonly",
    "fileprivate",
    "template",
    "native",
];

/// Words that declare.
const DECLARING: [&str; 34] = [
    "fn",
    "struct",
    "enum",
    "trait",
    "impl",
    "mod",
    "union",
    "macro_rules!",
    "class",
    "def",
    "function",
    "interface",
    "type",
    "namespace",
    "func",
    "package",
    "module",
    "protocol",
    "extension",
    "object",
    "record",
    "sub",
    "proc",
    "defmodule",
    "defp",
    "defmacro",
    "typedef",
    "fun",
    "function*",
    "actor",
    "contract",
    "resource",
    "CREATE",
    "create",
];

#[derive(Debug)]
pub(super) struct Outline;

impl Tool for Outline {
    fn name(&self) -> &'static str {
        "outline"
    }

    fn description(&self) -> &'static str {
        "Shows what a file declares (functions, types, headings) with line numbers, without the bodies."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {"path": {"type": "string", "description": "File, relative to the workspace"}},
            "required": ["path"]
        })
    }

    fn run(&self, files: &Files, arguments: &Value, _clock: &Clock) -> Result<Found, ToolError> {
        let path = files.file(arguments::required(arguments, "path")?)?;
        let content = files.text(&path)?;
        let declarations = declarations(&content, path.absolute());
        let mut text = String::new();
        for (line_number, line) in declarations.iter().take(MAX_DECLARATIONS) {
            _ = writeln!(text, "{line_number:>5}\t{line}");
        }
        if declarations.len() > MAX_DECLARATIONS {
            text.push_str("[there are more]\n");
        }
        if declarations.is_empty() {
            text.push_str("[no declarations found; use read_file]\n");
        }
        let summary = counted(declarations.len(), "declaration");
        Ok(Found { text, summary, files: vec![path.absolute().to_owned()] })
    }
}

/// Line numbers from 1, and the declarations, indented by depth.
fn declarations(content: &str, path: &Path) -> Vec<(usize, String)> {
    let text = Rope::from_str(content);
    match Parsed::of(&text, language_of(path)) {
        Some(parsed) => {
            let symbols = outline(&parsed).symbols.into_iter();
            symbols.map(|symbol| shown(&text, &symbol)).collect()
        }
        None => by_first_words(content, is_markdown(path)),
    }
}

fn shown(text: &Rope, symbol: &Symbol) -> (usize, String) {
    let line_number = text.char_to_line(symbol.at.0) + 1;
    let indent = "  ".repeat(symbol.depth);
    (line_number, shortened(&format!("{indent}{}", symbol.signature), MAX_LINE))
}

fn is_markdown(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    ["md", "markdown", "rst"].iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// Line numbers from 1, and the lines with their indentation.
fn by_first_words(content: &str, is_markdown: bool) -> Vec<(usize, String)> {
    let mut is_in_fence = false;
    let mut found = Vec::new();
    for (line_idx, line) in content.lines().enumerate() {
        if is_markdown && line.trim_start().starts_with("```") {
            is_in_fence = !is_in_fence;
        }
        let declares = if is_markdown { !is_in_fence && is_heading(line) } else { declares(line) };
        if declares {
            let line = line.trim_end().trim_end_matches(['{', ':']).trim_end();
            found.push((line_idx + 1, shortened(line, MAX_LINE)));
        }
    }
    found
}

fn is_heading(line: &str) -> bool {
    let text = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - text.len())) && text.starts_with(' ')
}

fn declares(line: &str) -> bool {
    let mut words = line.split_whitespace().peekable();
    let mut has_modifier = false;
    while let Some(word) = words.next() {
        // `pub(crate)`, `export default`, `extern "C"`.
        let bare = word.split(['(', '<']).next().unwrap_or(word);
        if DECLARING.contains(&bare) {
            return words.peek().is_some() || has_modifier;
        }
        // A constant that is a function: `const f = (x) => ...`.
        if matches!(word, "const" | "let" | "var") && line.contains("=>") && line.contains('=') {
            return indent_of(line) == 0 || has_modifier;
        }
        if !MODIFIERS.contains(&bare) && !word.starts_with('"') {
            return false;
        }
        has_modifier = true;
    }
    false
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, is_markdown: bool, want: &[&str]) {
        let found = by_first_words(content, is_markdown);
        let got: Vec<String> = found.iter().map(|(n, line)| format!("{n} {line}")).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn declarations_of_common_languages_are_found() {
        check(
            "use std::fmt;\npub(crate) fn f(x: u8) -> u8 {\n    let fnord = x;\n}\nimpl<T> A<T> {\n    pub async fn g() {}\n}\n",
            false,
            &["2 pub(crate) fn f(x: u8) -> u8", "5 impl<T> A<T>", "6     pub async fn g() {}"],
        );
        check(
            "class A(B):\n    def f(self):\n        return define(x)\n",
            false,
            &["1 class A(B)", "2     def f(self)"],
        );
        check(
            "export default class X {\n}\nexport const f = (a) => a;\nfunc (s *S) Do() error {\ntype T struct {\n",
            false,
            &[
                "1 export default class X",
                "3 export const f = (a) => a;",
                "4 func (s *S) Do() error",
                "5 type T struct",
            ],
        );
    }

    #[cfg(feature = "syntax")]
    #[test]
    fn a_parser_tells_what_a_file_declares_where_there_is_one() {
        let content = "// fn no() {}\nimpl A {\n    fn f(\n        x: u8,\n    ) {\n    }\n}\n";
        let got = declarations(content, Path::new("a.rs"));
        assert_eq!(got, [(2, "impl A".to_owned()), (3, "  fn f( x: u8, )".to_owned())]);
        let got = declarations("object A {\n", Path::new("a.scala"));
        assert_eq!(got, [(1, "object A".to_owned())]);
    }

    #[test]
    fn headings_are_the_outline_of_markdown() {
        check("# A\ntext\n## B\n```\n# no heading\n```\n#hash\n", true, &["1 # A", "3 ## B"]);
    }
}
