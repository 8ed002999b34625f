//! Packs what a model is shown beside the selection into a budget, the most useful first.

use super::structure::Structure;
use super::window::{Surroundings, surroundings};
use crate::model::estimated_tokens;
use crate::text::{CharIdx, CharRange, Snapshot, without_invisible};

/// Small models lose the thread of long rules.
const MOST_FOR_RULES: usize = 2560;
/// Tokens for the declarations around the selection.
const MOST_FOR_ENCLOSING: usize = 160;
/// Lines up to here count more than imports and outline.
const NEAREST: usize = 1200;
/// Tokens for imports.
const MOST_FOR_IMPORTS: usize = 320;
/// Tokens for the outline.
const MOST_FOR_OUTLINE: usize = 800;

/// What there is to show.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The document.
    pub snapshot: &'a Snapshot,
    /// The selected part.
    pub range: CharRange,
    /// What a parser knows of it.
    pub structure: &'a Structure,
    /// The rules of the user and the project.
    pub rules: &'a str,
    /// When the outline is wanted.
    pub outline: OutlineWish,
}

/// When an outline is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlineWish {
    /// Where not the whole file is shown.
    WhereLinesAreMissing,
    /// In any case: the template names it.
    Always,
}

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// The rules, cut where they are long.
    pub rules: String,
    /// Imports, a line each; empty where all lines are shown.
    pub imports: String,
    /// Declarations, a line each, indented by depth.
    pub outline: String,
    /// The declarations around the selection whose first lines are not among the lines around.
    pub enclosing: String,
    /// The lines around the selection.
    pub around: Surroundings,
}

/// Packs for so many tokens: rules, declarations around the selection, nearest lines, imports, outline, further
/// lines.
pub fn pack(sources: &Sources<'_>, n_tokens: usize) -> Packed {
    let Sources { snapshot, range, structure, .. } = *sources;
    let mut left = n_tokens;
    let rules = cut_to_fit(sources.rules, MOST_FOR_RULES.min(n_tokens / 3));
    left = left.saturating_sub(cost(&rules));
    let mut packed = Packed { rules, ..Packed::default() };

    let everything = surroundings(snapshot, range, left);
    if everything.is_whole {
        packed.around = everything;
        if sources.outline == OutlineWish::Always {
            packed.outline = outline(structure, MOST_FOR_OUTLINE.min(left));
        }
        return packed;
    }
    let for_headers = MOST_FOR_ENCLOSING.min(left / 8);
    let all_headers = headers(structure, CharIdx(usize::MAX), for_headers);
    left = left.saturating_sub(cost(&all_headers));
    let mut for_structure = match sources.outline {
        OutlineWish::Always => left / 2,
        OutlineWish::WhereLinesAreMissing => left.saturating_sub(NEAREST),
    };
    packed.imports = imports(structure, MOST_FOR_IMPORTS.min(for_structure));
    for_structure -= cost(&packed.imports).min(for_structure);
    packed.outline = outline(structure, MOST_FOR_OUTLINE.min(for_structure));
    left = left.saturating_sub(cost(&packed.imports) + cost(&packed.outline));
    packed.around = surroundings(snapshot, range, left);
    // What the lines show already is not shown again: a model that is told so too often writes it itself.
    packed.enclosing = headers(structure, packed.around.starts_at, for_headers);
    packed
}

fn cost(text: &str) -> usize {
    estimated_tokens(text.len())
}

/// The first lines of a text within so many tokens, and a word about what is missing.
pub fn cut_to_fit(text: &str, n_tokens: usize) -> String {
    let text = text.trim_end();
    if cost(text) <= n_tokens {
        return text.to_owned();
    }
    let mut shown = String::new();
    let n_lines = text.lines().count();
    for (n_shown, line) in text.lines().enumerate() {
        let note = format!("[{} more lines are left out]", n_lines - n_shown);
        if cost(&shown) + cost(line) + cost(&note) + 2 > n_tokens {
            // Without a whole line there is nothing to leave out from.
            return if n_shown == 0 { String::new() } else { shown + &note };
        }
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// As many lines as fit; what comes first in the file comes first here, so that the front does not change.
fn listed(lines: impl Iterator<Item = String>, n_tokens: usize) -> String {
    let mut list = String::new();
    for line in lines {
        let line = without_invisible(&line);
        if estimated_tokens(list.len() + line.len() + 1) > n_tokens {
            if !list.is_empty() && estimated_tokens(list.len() + 4) <= n_tokens {
                list.push_str("…\n");
            }
            break;
        }
        list.push_str(&line);
        list.push('\n');
    }
    list
}

fn imports(structure: &Structure, n_tokens: usize) -> String {
    listed(structure.imports.iter().map(|import| import.line.clone()), n_tokens)
}

/// The outline, with fewer levels where all of them do not fit.
fn outline(structure: &Structure, n_tokens: usize) -> String {
    let deepest = structure.symbols.iter().map(|symbol| symbol.depth).max().unwrap_or(0);
    let lines_up_to = |depth: usize| {
        let shown = structure.symbols.iter().filter(move |symbol| symbol.depth <= depth);
        shown.map(|symbol| format!("{}{}", "  ".repeat(symbol.depth), symbol.signature))
    };
    let cost_up_to = |depth: usize| {
        estimated_tokens(lines_up_to(depth).map(|line| line.len() + 1).sum::<usize>())
    };
    let depth = (0..=deepest).rev().find(|&depth| cost_up_to(depth) <= n_tokens).unwrap_or(0);
    // Half a level says more than a level that says next to nothing.
    let leaves_room = depth < deepest && cost_up_to(depth) < n_tokens / 2;
    listed(lines_up_to(if leaves_room { depth + 1 } else { depth }), n_tokens)
}

/// The declarations around the selection that begin before a place, innermost kept where not all fit.
fn headers(structure: &Structure, shown_from: CharIdx, n_tokens: usize) -> String {
    let mut lines: Vec<String> = structure
        .enclosing
        .iter()
        .filter(|symbol| symbol.at < shown_from)
        .map(|symbol| without_invisible(&symbol.signature))
        .collect();
    while !lines.is_empty() && cost(&indented(&lines)) > n_tokens {
        lines.remove(0);
    }
    indented(&lines)
}

fn indented(lines: &[String]) -> String {
    let mut text = String::new();
    for (depth, line) in lines.iter().enumerate() {
        text.push_str(&"  ".repeat(depth));
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::syntax::Parsed;

    /// A file of many functions in an impl, the selection in the body of the one with this number.
    fn many(n_functions: usize, selected: usize) -> (Snapshot, CharRange) {
        let mut text = String::from("use std::fmt;\nuse std::io;\n\nimpl Thing {\n");
        let mut at = 0;
        for n in 0..n_functions {
            _ = writeln!(text, "    pub fn function_{n}(&self) -> usize {{");
            for line in 0..12 {
                _ = writeln!(text, "        let x_{line} = {line};");
            }
            if n == selected {
                at = text.chars().count();
            }
            text.push_str("        chosen();\n    }\n");
        }
        text.push_str("}\n");
        let range = CharRange::new(CharIdx(at), CharIdx(at + "        chosen();\n".len()));
        (Snapshot::of_text(&text, "rust", None), range)
    }

    fn packed(n_functions: usize, selected: usize, rules: &str, n_tokens: usize) -> Packed {
        let (snapshot, range) = many(n_functions, selected);
        let structure = Parsed::of(&snapshot.text, &snapshot.language)
            .map(|parsed| Structure::of(&parsed, range))
            .unwrap_or_default();
        let outline = OutlineWish::WhereLinesAreMissing;
        let sources = Sources { snapshot: &snapshot, range, structure: &structure, rules, outline };
        pack(&sources, n_tokens)
    }

    #[test]
    fn a_file_that_fits_is_shown_without_an_outline() {
        let packed = packed(3, 1, "Be kind.", 4000);
        assert!(packed.around.before.starts_with("use std::fmt;"));
        assert!(packed.around.after.ends_with("}\n"));
        assert_eq!((packed.rules.as_str(), packed.outline.as_str()), ("Be kind.", ""));
        assert_eq!((packed.imports.as_str(), packed.enclosing.as_str()), ("", ""));
        assert!(packed.around.unbroken.contains("        chosen();\n    }\n    pub fn function_2"));
    }

    #[test]
    fn a_long_file_is_shown_by_its_nearest_lines_and_its_outline() {
        let packed = packed(60, 30, "", 4000);
        assert_eq!(packed.imports, "use std::fmt;\nuse std::io;\n");
        assert!(packed.outline.starts_with("impl Thing\n  pub fn function_0(&self) -> usize\n"));
        assert!(packed.around.before.contains("fn function_30"));
        assert!(packed.around.unbroken.contains("let x_11 = 11;\n        chosen();\n    }\n"));
        // The function is shown, the impl around it is not.
        assert_eq!(packed.enclosing, "impl Thing\n");
    }

    #[test]
    fn where_little_fits_the_nearest_lines_come_before_imports_and_outline() {
        let packed = packed(60, 30, "", 300);
        assert_eq!((packed.imports.as_str(), packed.outline.as_str()), ("", ""));
        assert!(packed.around.before.contains("let x_11 = 11;"));
        assert!(packed.enclosing.starts_with("impl Thing\n"), "{}", packed.enclosing);
        let nothing = self::packed(60, 30, "", 0);
        assert_eq!(nothing, Packed { around: nothing.around.clone(), ..Packed::default() });
        assert_eq!((nothing.around.before.as_str(), nothing.around.after.as_str()), ("", ""));
    }

    #[test]
    fn long_rules_are_cut_at_a_line_and_say_so() {
        let rules = (0..2000).map(|n| format!("- Rule number {n}.\n")).collect::<Vec<_>>().concat();
        let packed = packed(60, 30, &rules, 6000);
        assert!(estimated_tokens(packed.rules.len()) <= 2000);
        assert!(packed.rules.starts_with("- Rule number 0.\n"));
        assert!(packed.rules.ends_with("more lines are left out]"), "{}", packed.rules);
        assert!(packed.around.before.contains("fn function_30"));
    }

    #[test]
    fn a_pack_keeps_within_its_budget() {
        let rules = "- A rule.\n".repeat(50);
        for n_tokens in (0..6000).step_by(97) {
            let packed = packed(60, 20, &rules, n_tokens);
            let Packed { rules, imports, outline, enclosing, around } = &packed;
            let selected =
                around.unbroken.len().saturating_sub(around.before.len() + around.after.len());
            let selected = " ".repeat(selected);
            let all =
                [rules, imports, outline, enclosing, &around.before, &around.after, &selected];
            let n_bytes: usize = all.iter().map(|text| text.len()).sum();
            assert!(estimated_tokens(n_bytes) <= n_tokens + 1, "{n_tokens}: {packed:?}");
        }
    }
}
