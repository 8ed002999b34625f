//! Whether an edit keeps what it was not asked to take away.

use super::bound::{is_bound, words};
use super::syntax::{fragment_or_whole, unknown};
use super::{Fault, Found, Proposed};
use crate::edits::indent;
use crate::syntax::{Parsed, Symbol, SymbolKind, outline, outline_around, outline_of};
use crate::text::{CharIdx, CharRange};

/// What an edit may do to the functions, types, modules and constants that stand in its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared<'a> {
    /// They may go, or get other names.
    MayGo,
    /// They may, but not in favor of what is declared beside them already, unless what was asked names that.
    NotForOthers {
        /// What the user and the compiler say.
        asked: &'a str,
    },
    /// At least one of them stays, unless what was asked names one: then it may be about the name.
    Stays {
        /// What the user and the compiler say.
        asked: &'a str,
    },
}

/// Whether nothing that stood there is declared any more: then the answer is about something else.
pub(super) fn kept(edit: &Proposed<'_>, asked: &str) -> Found {
    let Some(before) = edit.parsed else { return unknown(edit) };
    let old = declared(before, edit.range);
    let Some(first) = old.first() else { return Found::Nothing };
    if are_bound(edit, &old) || old.iter().any(|old| old.is_named_in(asked)) {
        return Found::Nothing;
    }
    let Some((after, place)) = fragment_or_whole(edit) else { return unknown(edit) };
    let imports = outline_of(&after, place).imports;
    let new = declared(&after, place);
    let stays = |old: &Declaration| {
        new.iter().any(|new| old.is(new))
            || imports.iter().any(|it| words(&it.line).any(|word| word == old.name))
    };
    if old.iter().any(stays) {
        return Found::Nothing;
    }
    let first = &first.name;
    Found::Fault(Fault::of_answer(format!("the answer no longer declares `{first}`"), None))
}

/// Whether nothing that stood there is declared any more, and all that is declared instead stands beside it
/// already: then the answer is about another part of the file.
pub(super) fn not_for_others(edit: &Proposed<'_>, asked: &str) -> Found {
    let Some(before) = edit.parsed else { return unknown(edit) };
    let old = declared(before, edit.range);
    let Some(first) = old.first() else { return Found::Nothing };
    if are_bound(edit, &old) {
        return Found::Nothing;
    }
    let Some((after, place)) = fragment_or_whole(edit) else { return unknown(edit) };
    let new = declared(&after, place);
    let elsewhere = Declaration::all(&outline(before).symbols);
    let is_elsewhere = |new: &Declaration| {
        let is_there = |it: &Declaration| it.name == new.name && it.of == new.of;
        !old.iter().any(|old| old.is(new)) && elsewhere.iter().any(is_there)
    };
    let is_asked_for = new.iter().any(|new| new.is_named_in(asked));
    match new.first() {
        Some(other) if new.iter().all(is_elsewhere) && !is_asked_for => {
            let (first, other) = (&first.name, &other.name);
            let reason = format!(
                "the answer declares `{other}`, which the file has already, and no longer `{first}`"
            );
            Found::Fault(Fault::of_answer(reason, None))
        }
        _ => Found::Nothing,
    }
}

/// Whether one of these names is given to something else in their place.
fn are_bound(edit: &Proposed<'_>, old: &[Declaration]) -> bool {
    let text = &edit.snapshot.text;
    let line_of = |at: CharIdx| text.char_to_line(at.0.min(text.len_chars()));
    let start = edit.range.start();
    let lead = text.slice(text.line_to_char(line_of(start))..start.0).to_string();
    old.iter().any(|old| {
        let line = text.line(line_of(old.at)).to_string();
        is_bound(edit.text, &lead, indent::of(&line), &old.name)
    })
}

/// A name, and what it belongs to.
#[derive(Clone, Debug)]
struct Declaration {
    name: String,
    of: Option<String>,
    at: CharIdx,
}

impl Declaration {
    /// The code among the symbols of an outline.
    fn all(symbols: &[Symbol]) -> Vec<Self> {
        let mut above: Vec<&Symbol> = Vec::new();
        let mut all = Vec::new();
        for symbol in symbols {
            above.retain(|it| it.depth < symbol.depth && symbol.at < it.range.end());
            let of = above.last().map(|it| without_parameters(&it.name));
            above.push(symbol);
            if !matches!(symbol.kind, SymbolKind::Heading | SymbolKind::Entry) {
                let name = without_parameters(&symbol.name);
                all.push(Self { name, of: of.or_else(|| receiver(symbol)), at: symbol.at });
            }
        }
        all
    }

    /// Whether both are about the same thing, however each language lets one say to what it belongs.
    fn is(&self, other: &Self) -> bool {
        let (plain, full) = (self.plain_name(), self.full_name());
        let (other_plain, other_full) = (other.plain_name(), other.full_name());
        plain == other_plain || plain == other_full || full == other_plain
    }

    fn is_named_in(&self, asked: &str) -> bool {
        let plain = self.plain_name();
        let name = plain.rsplit('.').next().unwrap_or_default();
        words(asked).any(|word| word == name)
    }

    /// `M.f` for `M:f`, `A::f`, `A.prototype.f` and `exports.M.f`.
    fn plain_name(&self) -> String {
        let mut name = self.name.replace("::", ".").replace(':', ".").replace(".prototype.", ".");
        for prefix in ["module.", "exports.", "this."] {
            if let Some(rest) = name.strip_prefix(prefix) {
                name = rest.to_owned();
            }
        }
        name
    }

    fn full_name(&self) -> String {
        let name = self.plain_name();
        self.of.as_ref().map_or_else(|| name.clone(), |of| format!("{of}.{name}"))
    }
}

/// What is declared at a place.
fn declared(parsed: &Parsed, place: CharRange) -> Vec<Declaration> {
    let mut all = Declaration::all(&outline_around(parsed, place).symbols);
    all.retain(|it| place.start() <= it.at && it.at < place.end());
    all
}

fn without_parameters(name: &str) -> String {
    name.split('<').next().unwrap_or(name).trim_end().to_owned()
}

/// The type that a method of Go belongs to.
fn receiver(symbol: &Symbol) -> Option<String> {
    let (receiver, _) = symbol.signature.strip_prefix("func (")?.split_once(')')?;
    let named = receiver.split('[').next().unwrap_or(receiver);
    words(named).last().map(str::to_owned)
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

    fn told_of_others(language: &str, marked: &str, new: &str, asked: &str) -> Option<String> {
        let declared = Declared::NotForOthers { asked };
        let found = edited(language, marked, new, MayChange::Everything, declared);
        found.checks.iter().find(|it| it.name == "declares").unwrap().detail.clone()
    }

    #[test]
    fn another_function_of_the_file_is_told_unless_it_was_asked_for() {
        let told = |new: &str, asked: &str| {
            let python = "$0def mean(xs):\n    return 1\n$0\ndef main():\n    print(mean([]))\n";
            told_of_others("python", python, new, asked)
        };
        let why = "the answer declares `main`, which the file has already, and no longer `mean`";
        let main = "def main():\n    print(1)\n";
        assert_eq!(told(main, "make mean faster").as_deref(), Some(why));
        assert_eq!(told(main, "rename mean to main"), None);
        assert_eq!(told("def average(xs):\n    return 1\n", ""), None);
        assert_eq!(told("def mean(xs):\n    return main()\n", ""), None);
        assert_eq!(told("print(1)\n", ""), None);
        let local = "def main():\n    mean = 1\n    print(stats(mean=mean))\n";
        assert_eq!(told(local, "").as_deref(), Some(why));
    }

    /// A rename that was asked for was held back where another type has such a method.
    #[test]
    fn a_method_of_another_type_is_not_the_same() {
        let told = |language, marked, new| told_of_others(language, marked, new, "");
        let python = "class A:\n$0    def execute(self):\n        return 1\n$0\n\nclass B:\n    def run(self):\n        return 2\n";
        assert_eq!(told("python", python, "    def run(self):\n        return 1\n"), None);
        let rust = "struct A;\nimpl A {\n$0    fn size(&self) -> usize { 1 }\n$0}\nstruct B;\nimpl B {\n    fn len(&self) -> usize { 2 }\n}\n";
        assert_eq!(told("rust", rust, "    fn len(&self) -> usize { 1 }\n"), None);
        let typescript = "interface Shape { area(): number }\n\nclass Sq implements Shape {\n$0  size() { return 1; }\n$0}\n";
        assert_eq!(told("typescript", typescript, "  area() { return 1; }\n"), None);
        let go = "package a\n\n$0func (a A) Size() int { return 1 }\n$0\nfunc (b *B[T]) Len() int { return 2 }\n\nfunc (a *A) Cap() int { return 3 }\n";
        assert_eq!(told("go", go, "func (a A) Len() int { return 1 }\n"), None);
        assert!(told("go", go, "func (a A) Cap() int { return 3 }\n").is_some());
        let same = "class A:\n$0    def execute(self):\n        return 1\n$0\n    def run(self):\n        return 2\n";
        let why = "the answer declares `run`, which the file has already, and no longer `execute`";
        let told = told("python", same, "    def run(self):\n        return 2\n");
        assert_eq!(told.as_deref(), Some(why));
    }

    /// These were asked for again.
    #[test]
    fn who_says_it_in_another_way_keeps_the_name() {
        for (language, marked, new) in [
            ("ruby", "class A\n$0  def name\n    @name\n  end\n$0end\n", "  attr_reader :name\n"),
            (
                "ruby",
                "class A\n$0  def name=(it)\n    @name = it\n  end\n$0end\n",
                "  attr_writer :age, :name\n",
            ),
            (
                "ruby",
                "class A\n$0  def name\n    @name\n  end\n$0end\n",
                "  define_method(:name) { @name }\n",
            ),
            ("lua", "$0function M:f() return 1 end$0\n", "function M.f(self) return 1 end"),
            ("lua", "$0function M:f() return 1 end$0\n", "M.f = function(self) return 1 end"),
            ("javascript", "$0function f() { return 1; }$0\n", "export { f } from './g';"),
            ("javascript", "$0function f() { return 1; }$0\n", "const { f } = require('./g');"),
            (
                "javascript",
                "$0A.prototype.f = function () { return 1; };$0\n",
                "class A {\n  f() { return 1; }\n}",
            ),
            (
                "javascript",
                "$0exports.f = function () { return 1; };$0\n",
                "export function f() { return 1; }",
            ),
            (
                "cpp",
                "struct A { int f(); };\n$0int A::f() { return 1; }$0\n",
                "struct A {\n  int f() { return 1; }\n};",
            ),
        ] {
            assert_eq!(told(language, marked, new), None, "{new}");
        }
    }

    /// Another function passed for the selected one as soon as it mentioned its name before a `=`.
    #[test]
    fn an_argument_or_a_local_of_that_name_does_not_keep_it() {
        let python = "$0def mean(xs):\n    return 1\n$0\ndef main():\n    print(mean([]))\n";
        let why = Some("the answer no longer declares `mean`");
        for new in [
            "def main():\n    print(stats(mean=1))\n",
            "def main():\n    mean = 1\n    print(mean)\n",
        ] {
            assert_eq!(told("python", python, new).as_deref(), why, "{new}");
        }
        let typescript = "class A {\n$0  mean(): number {\n    return 1;\n  }\n$0}\n";
        let new = "  main() {\n    const mean = 1;\n    print(mean);\n  }\n";
        assert_eq!(told("typescript", typescript, new).as_deref(), why);
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
