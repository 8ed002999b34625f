//! Whether an edit keeps what it was not asked to take away.

use super::syntax::{fragment_or_whole, unknown};
use super::{Fault, Found, Proposed};
use crate::syntax::{Parsed, SymbolKind, outline_of};
use crate::text::{CharIdx, CharRange};

/// What an edit may do to the functions, types, modules and constants that stand in its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared<'a> {
    /// They may go, or get other names.
    MayGo,
    /// They may, but not in favor of what the file declares elsewhere already.
    NotForOthers,
    /// At least one of them stays, unless what was asked names one: then it may be about the name.
    Stays {
        /// What the user and the compiler say.
        asked: &'a str,
    },
}

/// Whether nothing that stood there is declared any more: then the answer is about something else.
pub(super) fn kept(edit: &Proposed<'_>, asked: &str) -> Found {
    let Some(before) = edit.parsed else { return unknown(edit) };
    let names = declared(before, edit.range);
    let Some(first) = names.first() else { return Found::Nothing };
    if names.iter().any(|name| is_bound(edit.text, name) || words(asked).any(|word| word == name)) {
        return Found::Nothing;
    }
    let Some((after, place)) = fragment_or_whole(edit) else { return unknown(edit) };
    let imports = outline_of(&after, place).imports;
    let stay = declared(&after, place);
    let brings_in = |name: &str| imports.iter().any(|it| words(&it.line).any(|word| word == name));
    if names.iter().any(|name| stay.contains(name) || brings_in(name)) {
        return Found::Nothing;
    }
    Found::Fault(Fault::of_answer(format!("the answer no longer declares `{first}`"), None))
}

/// Whether nothing that stood there is declared any more, and all that is declared instead stands elsewhere in the
/// file: then the answer is about another part of it.
pub(super) fn not_for_others(edit: &Proposed<'_>) -> Found {
    let Some(before) = edit.parsed else { return unknown(edit) };
    let names = declared(before, edit.range);
    let Some(first) = names.first() else { return Found::Nothing };
    if names.iter().any(|name| is_bound(edit.text, name)) {
        return Found::Nothing;
    }
    let Some((after, place)) = fragment_or_whole(edit) else { return unknown(edit) };
    let new = declared(&after, place);
    let whole = CharRange::new(CharIdx(0), CharIdx(before.text().len_chars()));
    let elsewhere: Vec<String> =
        declared(before, whole).into_iter().filter(|name| !names.contains(name)).collect();
    match new.first() {
        Some(other) if new.iter().all(|name| elsewhere.contains(name)) => {
            Found::Fault(Fault::of_answer(
                format!(
                    "the answer declares `{other}`, which the file has already, and no longer `{first}`"
                ),
                None,
            ))
        }
        _ => Found::Nothing,
    }
}

/// The names of what is declared at a place, without their parameters of types.
fn declared(parsed: &Parsed, place: CharRange) -> Vec<String> {
    let symbols = outline_of(parsed, place).symbols;
    let is_code = |kind| !matches!(kind, SymbolKind::Heading | SymbolKind::Entry);
    let name = |name: &str| name.split('<').next().unwrap_or(name).trim_end().to_owned();
    symbols.iter().filter(|it| is_code(it.kind)).map(|it| name(&it.name)).collect()
}

/// Whether a text gives this name to something, in ways that no outline tells: `const f = memo(...)`.
fn is_bound(text: &str, name: &str) -> bool {
    const DECLARE: [&str; 12] = [
        "class",
        "const",
        "def",
        "enum",
        "fn",
        "func",
        "function",
        "interface",
        "let",
        "struct",
        "type",
        "var",
    ];
    text.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        let is_whole = !before.ends_with(is_of_word) && !behind.starts_with(is_of_word);
        let next = behind.trim_start();
        let is_given = next.starts_with('=') && !next.starts_with("==");
        is_whole
            && (is_given
                || words(before).last().is_some_and(|word| {
                    DECLARE.contains(&word) && before.trim_end().ends_with(word)
                }))
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_word(c)).filter(|word| !word.is_empty())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests {
    use super::super::tests::edited;
    use super::*;
    use crate::edits::check::{MayChange, Verdict};

    const METHOD: &str = "impl S {\n$0    /// Takes one.\n    pub fn take(&mut self) -> u8 {\n        self.a.unwrap()\n    }\n$0}\nfn g() {}\n";

    /// What is said of the names, where `asked` was asked for.
    fn told_of(language: &str, marked: &str, new: &str, asked: &str) -> Option<String> {
        let found = edited(language, marked, new, MayChange::Everything, Declared::Stays { asked });
        let check = found.checks.iter().find(|it| it.name == "declares").unwrap();
        assert_eq!(check.detail.is_some(), check.verdict != Verdict::Passed);
        check.detail.clone()
    }

    fn told(language: &str, marked: &str, new: &str) -> Option<String> {
        told_of(language, marked, new, "")
    }

    #[test]
    fn another_function_in_place_of_the_selected_one_is_told() {
        let new = "    fn main() {\n        let mut s = S::new();\n        s.take();\n    }\n";
        let why = "the answer no longer declares `take`";
        assert_eq!(told("rust", METHOD, new).as_deref(), Some(why));
        assert_eq!(told("rust", METHOD, "").as_deref(), Some(why));
        let python = "class A:\n$0    def f(self):\n        return 1\n$0    def g(self):\n        return 2\n";
        let why = "the answer no longer declares `f`";
        assert_eq!(told("python", python, "    print(A().f())\n").as_deref(), Some(why));
        // What a model of 1.5 billion parameters made of these when it was to refactor them.
        let python = "$0def mean_time(requests, path):\n    return 1\n$0";
        let why_mean = Some("the answer no longer declares `mean_time`");
        let new = "def average_time(requests, path):\n    return 1\n";
        assert_eq!(told("python", python, new).as_deref(), why_mean);
        let typescript =
            "$0export function discount(total: number): number {\n  return total;\n}$0\n";
        let why_discount = Some("the answer no longer declares `discount`");
        let new = "function applyDiscount(total: number): number {\n  return total;\n}";
        assert_eq!(told("typescript", typescript, new).as_deref(), why_discount);
        let typescript = "$0export const f = (x: number) => x + 1;$0\n";
        assert_eq!(told("typescript", typescript, "console.log(f(1));").as_deref(), Some(why));
    }

    #[test]
    fn what_stays_may_look_different() {
        for new in [
            "    pub fn take(&mut self) -> Option<u8> {\n        self.a\n    }\n",
            "    fn a(&self) -> u8 {\n        0\n    }\n    fn take(&mut self) -> u8 {\n        self.a()\n    }\n",
        ] {
            assert_eq!(told("rust", METHOD, new), None, "{new}");
        }
        let several = "$0fn a() {}\nfn b() {}$0\n";
        assert_eq!(told("rust", several, "fn first() {}\nfn b() {}"), None);
        assert_eq!(told("rust", several, "fn b() {}"), None);
        let generic = "$0struct A<T> { x: T }\nimpl<T> A<T> {}$0\n";
        assert_eq!(told("rust", generic, "impl A<u8> {}"), None);
        assert_eq!(told("rust", "$0fn f() -> u8 { 1 }$0\n", "use g::f;"), None);
        let typescript = "$0function f(x: number) { return x; }$0\n";
        assert_eq!(told("typescript", typescript, "const f = memo((x: number) => x);"), None);
        let python = "$0def f(x):\n    return g(x, 1)\n$0";
        assert_eq!(told("python", python, "f = partial(g, 1)\n"), None);
    }

    #[test]
    fn where_nothing_is_declared_nothing_is_missed() {
        let body = "fn f() {\n$0    let a = || 1;\n    fn local() {}\n$0}\n";
        assert_eq!(told("rust", body, "    let b = 2;\n"), None);
        assert_eq!(told("rust", "fn f(x: $0u8$0) {}\n", "u16"), None);
        assert_eq!(told("markdown", "$0# A\n\nb\n$0", "# C\n\nb\n"), None);
        assert_eq!(told("json", "$0{\"a\": 1}$0\n", "{\"b\": 1}"), None);
    }

    #[test]
    fn another_function_of_the_file_is_told_whatever_was_asked_for() {
        let told = |new: &str| {
            let python = "$0def mean(xs):\n    return 1\n$0\ndef main():\n    print(mean([]))\n";
            let found =
                edited("python", python, new, MayChange::Everything, Declared::NotForOthers);
            found.checks.iter().find(|it| it.name == "declares").unwrap().detail.clone()
        };
        let why = "the answer declares `main`, which the file has already, and no longer `mean`";
        assert_eq!(told("def main():\n    print(1)\n").as_deref(), Some(why));
        assert_eq!(told("def average(xs):\n    return 1\n"), None);
        assert_eq!(told("def mean(xs):\n    return main()\n"), None);
        assert_eq!(told("print(1)\n"), None);
    }

    #[test]
    fn who_is_asked_about_a_name_may_change_it() {
        let rust = "$0fn Bad() {}$0\nfn g() {}\n";
        let asked = "function `Bad` should have a snake case name";
        assert_eq!(told_of("rust", rust, "fn bad() {}", asked), None);
        assert!(told_of("rust", rust, "fn bad() {}", "Badly written").is_some());
    }

    #[test]
    fn broken_code_and_unknown_languages_are_not_judged() {
        let why = "the answer brings in a syntax error";
        assert_eq!(told("rust", METHOD, "    fn main() {\n").as_deref(), Some(why));
        assert_eq!(told("cobol", "$0x$0", "y").as_deref(), Some("no grammar for cobol"));
    }
}
