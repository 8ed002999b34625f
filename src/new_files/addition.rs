//! New tests for a file of tests that is there already.

use super::in_module;

/// The text that goes to the end of `existing` so that it holds `new` too.
///
/// `None` where a second text of that kind cannot simply follow the first: a language with one class a file.
pub fn addition(existing: &str, new: &str, language: &str) -> Option<String> {
    let line_break = if existing.contains("\r\n") { "\r\n" } else { "\n" };
    let new = new.replace("\r\n", "\n");
    let kept = match language {
        "python" => without_known(existing, &new, &["import ", "from "]),
        "javascript" | "javascriptreact" | "typescript" | "typescriptreact" => {
            without_known(existing, &new, &["import ", "const ", "\"use strict\"", "'use strict'"])
        }
        "ruby" => without_known(existing, &new, &["require", "# frozen_string_literal"]),
        "c" | "cpp" if !new.contains("int main(") => without_known(existing, &new, &["#include"]),
        "lua" | "shellscript" => without_known(existing, &new, &["local ", "#!"]),
        "go" => go(existing, &new)?,
        "rust" => in_module::inside(&new, existing, "").ok()?,
        _ => return None,
    };
    let kept = kept.trim_matches('\n');
    if kept.is_empty() {
        return None;
    }
    let gap = match existing {
        "" => "",
        _ if existing.ends_with("\n\n") || existing.ends_with("\r\n\r\n") => "",
        _ if existing.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    Some(format!("{gap}{kept}\n").replace('\n', line_break))
}

/// The new text without its first lines of this kind that the file has, word for word.
fn without_known(existing: &str, new: &str, heads: &[&str]) -> String {
    let known: Vec<&str> = existing.lines().map(str::trim_end).collect();
    let is_known = |line: &str| {
        heads.iter().any(|head| line.starts_with(head)) && known.contains(&line.trim_end())
    };
    new.lines().filter(|line| !is_known(line)).fold(String::new(), |text, line| text + line + "\n")
}

/// Go has its imports at the top alone, so there may be none that the file lacks.
fn go(existing: &str, new: &str) -> Option<String> {
    let mut kept = String::new();
    let mut is_in_imports = false;
    for line in new.lines() {
        let code = line.trim();
        if code.starts_with("package ") {
            continue;
        }
        let import = if is_in_imports { Some(code) } else { code.strip_prefix("import ") };
        let Some(import) = import else {
            kept.push_str(line);
            kept.push('\n');
            continue;
        };
        if import == "(" || import == ")" {
            is_in_imports = import == "(";
            continue;
        }
        if !import.is_empty() && !existing.lines().any(|line| line.trim().ends_with(import)) {
            return None;
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_that_are_there_are_not_repeated() {
        let existing = "import unittest\r\nfrom shapes import area\r\n\r\nclass A(unittest.TestCase):\r\n    pass\r\n";
        let new = "import unittest\nfrom shapes import area, mean\n\nclass B(unittest.TestCase):\n    pass\n";
        assert_eq!(
            addition(existing, new, "python").unwrap(),
            "\r\nfrom shapes import area, mean\r\n\r\nclass B(unittest.TestCase):\r\n    pass\r\n"
        );
    }

    #[test]
    fn go_is_added_only_where_its_imports_are_there() {
        let existing = "package p\n\nimport (\n\t\"testing\"\n)\n\nfunc TestA(t *testing.T) {}\n";
        let new = "package p\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) {}\n";
        assert_eq!(addition(existing, new, "go").unwrap(), "\nfunc TestB(t *testing.T) {}\n");
        let needs = new.replace("\"testing\"", "\"strings\"");
        assert_eq!(addition(existing, &needs, "go"), None);
    }

    #[test]
    fn what_has_one_class_a_file_is_not_added() {
        assert_eq!(addition("class ATest {}\n", "class ATest {}\n", "java"), None);
    }
}
