//! Rust's tests, which live in a module of the file they test.

use ropey::Rope;

use crate::edits::Unusable;
use crate::text::CharIdx;

/// The place for another test in the file's test module (before its closing brace), and its lines' indentation.
///
/// Found by the layout that `rustfmt` gives every file. Where a file is laid out otherwise, there is none, and
/// what comes of that is looked at like every edit.
pub(super) fn tests_module(text: &Rope) -> Option<(CharIdx, String)> {
    let lines: Vec<String> = text.lines().map(|line| line.to_string()).collect();
    let opening = (0..lines.len()).rev().find(|&idx| {
        !lines[idx].starts_with(char::is_whitespace)
            && opens_module(&lines[idx])
            && is_for_tests(&lines[..idx])
    })?;
    let closing = (opening + 1..lines.len()).find(|&idx| lines[idx].starts_with('}'))?;
    let first = lines[opening + 1..closing].iter().find(|line| !line.trim().is_empty());
    let indent = first.map_or("    ", |line| &line[..line.len() - line.trim_start().len()]);
    Some((CharIdx(text.line_to_char(closing)), indent.to_owned()))
}

/// Whether the file says that its tests are in a file of their own.
pub(super) fn is_elsewhere(text: &Rope) -> bool {
    let lines: Vec<String> = text.lines().map(|line| line.to_string()).collect();
    (0..lines.len()).any(|idx| lines[idx].trim() == "mod tests;" && is_for_tests(&lines[..idx]))
}

/// A whole module of what a model wrote.
pub(super) fn whole(code: &str, text: &str) -> Result<String, Unusable> {
    let inner = tests_of(code, text)?;
    let unit = if text.contains("\n\t") { "\t" } else { "    " };
    let mut module = String::from("#[cfg(test)]\nmod tests {\n");
    if !inner.lines().any(|line| line.trim() == USE_SUPER) {
        module.push_str(unit);
        module.push_str(USE_SUPER);
        module.push_str("\n\n");
    }
    module.push_str(&indented(&inner, unit));
    module.push_str("}\n");
    Ok(module)
}

/// The tests alone, for the module that `text` has.
pub(super) fn inside(code: &str, text: &str, indent: &str) -> Result<String, Unusable> {
    let inner = tests_of(code, text)?;
    let known: Vec<&str> = text.lines().map(str::trim).collect();
    let new: Vec<&str> = inner
        .lines()
        .filter(|line| !(line.starts_with("use ") && known.contains(&line.trim())))
        .collect();
    let new = new.join("\n");
    Ok(indented(new.trim_matches('\n'), indent))
}

const USE_SUPER: &str = "use super::*;";

fn opens_module(line: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.starts_with("mod ") && line.ends_with('{')
}

/// Whether the attributes right above a line bind it to tests.
fn is_for_tests(above: &[String]) -> bool {
    above
        .iter()
        .rev()
        .map(|line| line.trim())
        .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
        .any(|line| line.starts_with("#[cfg(") && line.contains("test"))
}

/// The tests in a model's code, without the module around them and without what the file has already.
fn tests_of(code: &str, text: &str) -> Result<String, Unusable> {
    let lines: Vec<&str> = code.lines().collect();
    let inner = module_content(&lines).unwrap_or_else(|| without_repetition(&lines));
    if !inner.iter().any(|line| is_test_attribute(line)) {
        return Err(Unusable::NoCode);
    }
    Ok(with_free_names(&inner, text))
}

/// The lines of the module of tests, if the code is one or holds one.
fn module_content(lines: &[&str]) -> Option<Vec<String>> {
    let opening = lines.iter().position(|line| opens_module(line) && line.contains("test"))?;
    let lead = &lines[opening][..lines[opening].len() - lines[opening].trim_start().len()];
    let closing = (opening + 1..lines.len())
        .find(|&idx| lines[idx].strip_prefix(lead).is_some_and(|rest| rest.starts_with('}')))?;
    let content = &lines[opening + 1..closing];
    let depth = |line: &&&str| line.len() - line.trim_start().len();
    let common = content.iter().filter(|line| !line.trim().is_empty());
    let common = common.map(|line| depth(&line)).min().unwrap_or(0);
    Some(content.iter().map(|line| line.get(common..).unwrap_or_default().to_owned()).collect())
}

/// The code from its first test on, with what it imports; before it stands the code under test, repeated.
fn without_repetition(lines: &[&str]) -> Vec<String> {
    let first = lines.iter().position(|line| is_test_attribute(line)).unwrap_or(0);
    let imports = lines[..first].iter().filter(|line| line.starts_with("use "));
    let mut kept: Vec<String> = imports.map(|line| (*line).to_owned()).collect();
    if !kept.is_empty() {
        kept.push(String::new());
    }
    kept.extend(lines[first..].iter().map(|line| (*line).to_owned()));
    kept
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[") && !line.starts_with("#[cfg") && line.contains("test")
}

/// The lines with each test under a name that the file does not have yet.
fn with_free_names(lines: &[String], text: &str) -> String {
    let mut renamed = Vec::with_capacity(lines.len());
    let is_taken = |name: &str| text.contains(&format!("fn {name}("));
    let mut is_test = false;
    for line in lines {
        let is_attribute = line.trim_start().starts_with("#[");
        let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        match name {
            Some((name, _)) if is_test && !is_attribute && is_taken(name) => {
                let free = (2..1000).map(|n| format!("{name}_{n}")).find(|free| !is_taken(free));
                let free = free.unwrap_or_else(|| name.to_owned());
                renamed.push(line.replacen(&format!("fn {name}("), &format!("fn {free}("), 1));
            }
            _ => renamed.push(line.clone()),
        }
        is_test = is_test_attribute(line) || (is_test && is_attribute);
    }
    renamed.join("\n").trim_matches('\n').to_owned()
}

fn indented(text: &str, indent: &str) -> String {
    let mut result = String::new();
    for line in text.lines() {
        if !line.trim().is_empty() {
            result.push_str(indent);
            result.push_str(line);
        }
        result.push('\n');
    }
    result
}
