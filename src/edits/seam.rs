//! How code that goes on from an unfinished line is joined to it: in the same word, after a space, or below.

use super::{Target, indent, prose};

/// What comes between a line and the code that goes on from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seam {
    /// Nothing.
    Tight,
    /// A space.
    Space,
    /// A line break.
    LineBreak,
}

/// What comments begin with.
const COMMENTS: [&str; 5] = ["//", "#", "--", "/*", "<!--"];
/// Words that begin a statement or an item in the languages that have them, and go on no expression.
const STARTS: [&str; 12] = [
    "def ",
    "class ",
    "fn ",
    "pub ",
    "function ",
    "func ",
    "struct ",
    "impl ",
    "enum ",
    "import ",
    "return ",
    "@",
];
/// Words after which the same line goes on with another.
const LEADING: &[&str] = &[
    "return",
    "let",
    "const",
    "var",
    "val",
    "in",
    "new",
    "await",
    "yield",
    "import",
    "from",
    "and",
    "or",
    "not",
    "fn",
    "def",
    "func",
    "function",
    "fun",
    "class",
    "struct",
    "enum",
    "trait",
    "impl",
    "interface",
    "type",
    "pub",
    "public",
    "private",
    "protected",
    "static",
    "final",
    "abstract",
    "async",
    "mut",
    "export",
    "default",
    "extends",
    "implements",
    "package",
    "namespace",
    "mod",
    "use",
    "using",
    "if",
    "elif",
    "else",
    "while",
    "for",
    "match",
    "case",
    "when",
    "unless",
    "until",
    "where",
    "with",
    "as",
    "is",
    "of",
    "throw",
    "raise",
    "del",
    "assert",
    "void",
    "int",
    "long",
    "float",
    "double",
    "char",
    "bool",
    "unsigned",
    "typeof",
    "delete",
    "goto",
    "lambda",
    "select",
    "join",
    "update",
    "insert",
    "set",
    "echo",
    "local",
];
/// Words that go on a line after another.
const FOLLOWING: &[&str] = &[
    "if",
    "else",
    "in",
    "as",
    "is",
    "and",
    "or",
    "not",
    "for",
    "of",
    "from",
    "instanceof",
    "where",
    "then",
    "do",
    "with",
    "extends",
    "implements",
    "unless",
];
/// Words that are whole as they are.
const WHOLE: &[&str] = &[
    "true",
    "false",
    "null",
    "nil",
    "undefined",
    "True",
    "False",
    "None",
    "self",
    "this",
    "super",
    "break",
    "continue",
    "pass",
];
/// Languages whose statements are words in a row.
const WORDY: &[&str] =
    &["", "shellscript", "bash", "sh", "zsh", "fish", "sql", "dockerfile", "make"];

/// What comes between the line `here`, which is not blank, and code that repeats nothing of it.
pub(super) fn between(here: &str, first: &str, target: &Target<'_>) -> Seam {
    if begins_line(here, first) {
        return Seam::LineBreak;
    }
    match (last_word(here), first_word(first)) {
        ("", _) | (_, "") => space(here, first),
        (left, right) => between_words(here, left, right, target),
    }
}

/// A space where code that goes on inside of a line would run into it.
pub(super) fn space(here: &str, first: &str) -> Seam {
    let runs_on = first.starts_with(|c: char| c.is_alphanumeric() || "\"'([{&*!-".contains(c));
    let wants_more =
        here.ends_with(['=', ',', '>', '+', '|', '&']) || EXPECTING.contains(&last_word(here));
    if runs_on && wants_more { Seam::Space } else { Seam::Tight }
}

/// Of the leading words those that an expression comes after, which may begin with a bracket or a quote.
const EXPECTING: [&str; 13] = [
    "return", "let", "const", "var", "in", "new", "await", "yield", "import", "from", "and", "or",
    "not",
];

/// Whether a word goes on or another begins, as far as the words of the document tell.
fn between_words(here: &str, left: &str, right: &str, target: &Target<'_>) -> Seam {
    let is_one_of = |words: &[&str], word: &str| words.contains(&word.to_lowercase().as_str());
    if is_one_of(LEADING, left) || is_one_of(FOLLOWING, right) {
        return Seam::Space;
    }
    let both = [left, right].concat();
    let is_prose = prose::is_prose_language(target.language);
    let goes_on = stands_in(target, &both, 0)
        || !(is_prose
            || WHOLE.contains(&left)
            || is_shouted_after(left, right)
            // Once it stands right here.
            || stands_in(target, left, 1)
            || stands_in(target, right, 0));
    if goes_on {
        return Seam::Tight;
    }
    let is_declaration = here.chars().all(|c| is_of_word(c) || c.is_whitespace());
    if is_prose || is_declaration || WORDY.contains(&target.language) {
        Seam::Space
    } else {
        // No expression goes on with a second name.
        Seam::LineBreak
    }
}

/// Whether capitals follow a word that has none: a constant begins, while one capital goes on in camel case.
fn is_shouted_after(left: &str, right: &str) -> bool {
    let n_letters = right.chars().filter(|c| c.is_alphabetic()).count();
    n_letters > 1
        && !right.contains(char::is_lowercase)
        && left.ends_with(|c: char| c.is_lowercase())
}

/// Whether a word stands more than so many times around the place.
fn stands_in(target: &Target<'_>, word: &str, n_times: usize) -> bool {
    let texts = [target.before, target.selection, target.after];
    let words = texts.iter().flat_map(|text| text.split(|c: char| !is_of_word(c)));
    words.filter(|known| *known == word).nth(n_times).is_some()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c: char| !is_of_word(c)).next().unwrap_or_default()
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !is_of_word(c)).next().unwrap_or_default()
}

/// Whether code after an unfinished line begins on a line of its own.
fn begins_line(here: &str, first: &str) -> bool {
    let end = here.trim_end();
    let is_comment = COMMENTS.iter().any(|sign| here.trim_start().starts_with(sign));
    let is_open = end.ends_with(['=', '(', '[', ',', '+', '-', '*', '/', '.', '&', '|', '<', '>']);
    let starts_anew = COMMENTS.iter().chain(&STARTS).any(|word| first.starts_with(word));
    is_comment
        || starts_anew && !is_open
        || indent::opens_block(end) && !end.ends_with('(')
        || end.ends_with([';', '}'])
        || first.starts_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::super::continuation;
    use super::*;

    fn check_joined(language: &str, document: &str, answer: &str, expected: &str) {
        let (before, after) = document.split_once("$0").unwrap();
        let target = Target { selection: "", before, after, language };
        let text = continuation(&format!("```\n{answer}\n```"), &target).unwrap();
        assert_eq!([before, &text].concat(), expected, "{document:?} + {answer:?}");
    }

    #[test]
    fn a_word_goes_on_where_the_document_knows_the_whole_of_it_or_neither_part() {
        let document = "let counter = 1;\nlet x = coun$0\n";
        check_joined("rust", document, "ter + 1;", "let counter = 1;\nlet x = counter + 1;");
        check_joined("python", "def calc$0", "ulate(x):", "def calculate(x):");
        check_joined("typescript", "item.get$0", "Name()", "item.getName()");
        check_joined("rust", "let x1$0", "2 = 3;", "let x12 = 3;");
    }

    #[test]
    fn another_word_begins_where_either_part_is_known_as_one() {
        let document = "count = 1\ntotal = count$0\n";
        check_joined("python", document, "print(total)", "count = 1\ntotal = count\nprint(total)");
        let known = "FINISHED = 2\n\nstate = count$0\n";
        check_joined("python", known, "FINISHED", "FINISHED = 2\n\nstate = count\nFINISHED");
        check_joined("python", "    x = True$0", "show(x)", "    x = True\n    show(x)");
        check_joined("plaintext", "the count$0", "FINISHED", "the count FINISHED");
        check_joined("rust", "    count$0", "FINISHED", "    count FINISHED");
        check_joined(
            "sql",
            "select name, name from people$0",
            "people",
            "select name, name from people people",
        );
    }

    #[test]
    fn words_that_lead_to_another_are_followed_by_a_space() {
        check_joined("rust", "pub fn$0", "area() {}", "pub fn area() {}");
        check_joined("python", "x = 1$0", "if y else 2", "x = 1 if y else 2");
        check_joined(
            "java",
            "String name;\nString$0",
            "name2 = null;",
            "String name;\nString name2 = null;",
        );
        check_joined("markdown", "A quick brown$0", "fox jumps.", "A quick brown fox jumps.");
    }
}
