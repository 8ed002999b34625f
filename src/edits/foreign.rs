//! Notices an answer that is code, but in another language than the document's.
//!
//! Small models tag everything as Python, so the tag alone says nothing: what the lines look like decides.

use super::envelope::same_language;
use super::{Target, Unusable};

/// Words that a line of a shell session begins with.
const COMMANDS: &[&str] = &[
    "$",
    "pip",
    "pip3",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "cargo",
    "rustup",
    "cd",
    "sudo",
    "apt",
    "apt-get",
    "brew",
    "git",
    "python",
    "python3",
    "node",
    "go",
    "make",
    "cmake",
    "mkdir",
    "curl",
    "wget",
    "ls",
    "docker",
    "pytest",
    "mvn",
    "gradle",
    "dotnet",
    "bundle",
    "gem",
    "composer",
    "chmod",
    "./gradlew",
    "source",
    "conda",
    "uv",
];

/// Refuses code that is plainly in another language than the document.
///
/// `tag` is the language its fence names, or empty.
pub(super) fn check(
    lines: &[String],
    tag: &str,
    target: &Target<'_>,
    known: &str,
) -> Result<(), Unusable> {
    let is_shell =
        |name: &str| matches!(name, "bash" | "sh" | "shell" | "console" | "zsh" | "shellscript");
    let filled: Vec<&str> =
        lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if is_shell(tag) && !is_shell(target.language) && !target.language.is_empty() {
        let is_command = |line: &&str| {
            line.starts_with("# ")
                || line.split_whitespace().next().is_some_and(|word| COMMANDS.contains(&word))
        };
        let own = target.selection.lines().map(str::trim).any(|line| is_command(&line));
        if filled.iter().all(is_command) && !own {
            return Err(Unusable::OtherLanguage { language: "a shell".to_owned() });
        }
    }
    let Some(own) = LANGUAGES.iter().find(|one| same_language(one.name, target.language)) else {
        return Ok(());
    };
    let has =
        |one: &Language, lines: &[&str]| lines.iter().any(|line| (one.is_typical)(line.trim()));
    if has(own, &filled) {
        return Ok(());
    }
    let known: Vec<&str> = known.lines().collect();
    for other in LANGUAGES.iter().filter(|one| one.name != own.name && !is_kin(one, own)) {
        let tagged = same_language(other.name, tag);
        // Without its tag the first line must show it.
        let looked_at = if tagged { filled.len() } else { filled.len().min(1) };
        if has(other, &filled[..looked_at]) && !has(other, &known) {
            return Err(Unusable::OtherLanguage { language: other.shown.to_owned() });
        }
    }
    Ok(())
}

/// A language and the lines that hardly any other language has.
struct Language {
    name: &'static str,
    shown: &'static str,
    is_typical: fn(&str) -> bool,
}

const LANGUAGES: &[Language] = &[
    Language { name: "python", shown: "Python", is_typical: is_python },
    Language { name: "rust", shown: "Rust", is_typical: is_rust },
    Language { name: "javascript", shown: "JavaScript", is_typical: is_javascript },
    Language { name: "typescript", shown: "TypeScript", is_typical: is_javascript },
    Language { name: "go", shown: "Go", is_typical: is_go },
    Language { name: "java", shown: "Java", is_typical: is_java },
    Language { name: "csharp", shown: "C#", is_typical: is_csharp },
    Language { name: "c", shown: "C", is_typical: is_c },
    Language { name: "cpp", shown: "C++", is_typical: is_c },
    Language { name: "ruby", shown: "Ruby", is_typical: is_ruby },
];

/// Languages that share their typical lines.
fn is_kin(one: &Language, other: &Language) -> bool {
    let pairs = [("javascript", "typescript"), ("c", "cpp")];
    pairs.iter().any(|(a, b)| (one.name, other.name) == (a, b) || (one.name, other.name) == (b, a))
}

fn is_python(line: &str) -> bool {
    let opens = ["def ", "async def ", "class ", "elif "].iter().any(|word| line.starts_with(word));
    // A signature over several lines ends in its parenthesis or a comma.
    let is_signature =
        line.ends_with([':', '(', ',']) || line.contains("):") || line.contains(") ->");
    opens && is_signature || line.starts_with("from ") && line.contains(" import ")
}

fn is_rust(line: &str) -> bool {
    ["fn ", "pub fn ", "pub(crate) fn ", "let mut ", "impl ", "impl<", "use std::", "#[derive("]
        .iter()
        .any(|word| line.starts_with(word))
        || line.contains("println!(")
}

fn is_javascript(line: &str) -> bool {
    ["function ", "async function ", "export default ", "export function ", "module.exports"]
        .iter()
        .any(|word| line.starts_with(word))
        || [" === ", " !== ", "console.log("].iter().any(|mark| line.contains(mark))
}

fn is_go(line: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ',' | ' ');
    let declares = line.split_once(" := ").is_some_and(|(names, _)| names.chars().all(is_name));
    line.starts_with("func ") && line.ends_with('{') && !line.contains(" -> ")
        || declares
        || line.contains("fmt.Print")
}

fn is_java(line: &str) -> bool {
    line.contains("System.out.") || line.starts_with("import java.")
}

fn is_csharp(line: &str) -> bool {
    line.contains("Console.WriteLine(") || line.starts_with("using System")
}

fn is_c(line: &str) -> bool {
    line.starts_with("#include <") || line.starts_with("#include \"")
}

fn is_ruby(line: &str) -> bool {
    let ends_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '?' | '!' | ')');
    line.starts_with("def ") && line.ends_with(ends_name) && !line.contains("):")
        || line.starts_with("puts ")
}
