//! How code that goes on from an unfinished line is joined to it: in the same word, after a space, or below.

use super::keywords::{APART, COMMANDS, EXPECTING, FOLLOWING, LEADING, NAMING, WHOLE, WORDY};
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
/// What comes between the line `here`, which is not blank, and code that repeats nothing of it.
pub(super) fn between(here: &str, first: &str, target: &Target<'_>) -> Seam {
    if begins_line(here, first) {
        return Seam::LineBreak;
    }
    let (left, right) = (last_word(here), first_word(first));
    if left.is_empty() || right.is_empty() {
        return space(here, first);
    }
    Pair { here, first, left, right, target }.seam()
}

/// A space where code that goes on inside of a line would run into it.
fn space(here: &str, first: &str) -> Seam {
    let runs_on = first.starts_with(|c: char| c.is_alphanumeric() || "\"'([{&*!-".contains(c));
    let left = last_word(here);
    let is_expecting = EXPECTING.contains(&left) && !is_member(here, left);
    let wants_more = here.ends_with(['=', ',', '>', '+', '|', '&']) || is_expecting;
    if runs_on && wants_more { Seam::Space } else { Seam::Tight }
}

/// The last word of a line and the first one of what goes on from it, between which nothing stands so far.
struct Pair<'a> {
    here: &'a str,
    first: &'a str,
    left: &'a str,
    right: &'a str,
    target: &'a Target<'a>,
}

impl Pair<'_> {
    /// Whether the word goes on or another begins, as far as the words of the document tell.
    fn seam(&self) -> Seam {
        let Self { here, left, right, target, .. } = *self;
        let is_prose = prose::is_prose_language(target.language);
        let (leads, follows) = (self.is_of(LEADING, left), self.is_of(FOLLOWING, right));
        let is_name = !is_prose && self.is_name();
        let is_left_known = !(is_name && self.is_camel()) && self.is_left_known(leads);
        let is_right_known = stands_in(target, right, 0);
        let is_whole_known = stands_in(target, &[left, right].concat(), 0);
        let is_reserved = NAMING.contains(&left) || APART.contains(&left);
        if self.is_snake() && !is_prose && !is_right_known && (is_name || !is_reserved) {
            return Seam::Tight;
        }
        // One letter more makes a word of comments of `return`.
        let is_part = is_whole_known && !is_right_known && right.len() > 1;
        if leads && !is_name && !is_part {
            return Seam::Space;
        }
        let stands_alone = is_left_known || is_prose || !is_whole_known && self.has_operand();
        if follows && stands_alone {
            return Seam::Space;
        }
        let goes_on = is_whole_known
            || !(is_prose
                || !is_name && (WHOLE.contains(&left) || is_shouted_after(left, right))
                || is_left_known
                || is_right_known && !follows);
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

    /// Whether a word is one of these, which only SQL writes in capitals too.
    fn is_of(&self, words: &[&str], word: &str) -> bool {
        words.contains(&word)
            || self.target.language == "sql" && words.contains(&word.to_lowercase().as_str())
    }

    /// Whether the left word is a name, or the start of one, whatever the languages mean by it.
    fn is_name(&self) -> bool {
        let left = self.left;
        let front = &self.here[..self.here.len() - left.len()];
        let is_given = NAMING.contains(&last_word(front.trim_end()))
            && !(NAMING.contains(&left) || APART.contains(&left));
        let is_command =
            COMMANDS.contains(&left) && !WORDY.contains(&self.target.language) && self.is_camel();
        is_member(self.here, left) || is_command || is_given && (self.is_camel() || self.is_snake())
    }

    /// Whether the left word is one elsewhere too. Once it stands right here.
    fn is_left_known(&self, leads: bool) -> bool {
        // Of a member that is called like a word of the languages, that word tells nothing.
        if leads { self.is_known_member() } else { stands_in(self.target, self.left, 1) }
    }

    fn is_known_member(&self) -> bool {
        let is_of_path = |c: char| is_of_word(c) || matches!(c, '.' | ':' | '>');
        let paths = texts(self.target).flat_map(|text| text.split(move |c: char| !is_of_path(c)));
        let members = paths.flat_map(|path| path.split(['.', ':', '>']).skip(1));
        members.filter(|member| *member == self.left).nth(1).is_some()
    }

    /// Whether the two look as in `is_empty`.
    fn is_snake(&self) -> bool {
        self.right.starts_with('_') && self.right.len() > 1
    }

    /// Whether the two look as in `indexOf`.
    fn is_camel(&self) -> bool {
        self.left.ends_with(|c: char| c.is_lowercase() || c.is_numeric())
            && self.right.starts_with(char::is_uppercase)
    }

    /// Whether the right word goes on as one between two values does: `if y`, and not `do()` or `in = 1`.
    fn has_operand(&self) -> bool {
        let rest = &self.first[self.right.len()..];
        let is_whole = rest.is_empty() || rest.starts_with([' ', '\t', ':', '{', '\\']);
        let is_operated_on = rest.trim_start().starts_with(|c: char| "=+/%<>.,;)|?".contains(c));
        self.target.language == "sql" || is_whole && !is_operated_on
    }
}

/// Whether the last word of a line names a member of what stands before it.
fn is_member(here: &str, left: &str) -> bool {
    let front = &here[..here.len() - left.len()];
    let is_dot = front.ends_with('.') && !front.ends_with("..");
    is_dot || ["::", "->", "$"].iter().any(|sign| front.ends_with(sign))
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
    let words = texts(target).flat_map(|text| text.split(|c: char| !is_of_word(c)));
    words.filter(|known| *known == word).nth(n_times).is_some()
}

fn texts<'a>(target: &Target<'a>) -> impl Iterator<Item = &'a str> {
    [target.before, target.selection, target.after].into_iter()
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
        check_joined("markdown", "a word$0", "_or two_", "a word _or two_");
        check_joined("markdown", "A quick brown$0", "fox jumps.", "A quick brown fox jumps.");
    }

    /// Checks that nothing comes between a line's end and an answer.
    fn check_tight(language: &str, here: &str, answer: &str) {
        check_joined(language, &format!("{here}$0\n"), answer, &format!("{here}{answer}"));
    }

    #[test]
    fn a_member_goes_on_though_it_looks_like_a_word_of_the_language() {
        check_tight("rust", "    if v.is", "_empty() {");
        check_tight("rust", "    let s = name.as", "_str();");
        check_tight("rust", "    let n = text.char", "s().count();");
        check_tight("rust", "    for x in v.in", "to_iter() {");
        check_tight("rust", "    let s = Vec::new", "();");
        check_tight("rust", "    let s = String::from", "(\"x\");");
        check_tight("javascript", "const i = arr.index", "Of(x);");
        check_tight("javascript", "items?.for", "Each(f);");
        check_tight("javascript", "String.from", "CharCode(1);");
        check_tight("javascript", "parent.insert", "Before(a, b);");
        check_tight("javascript", "item.set", "Name('x');");
        check_tight("javascript", "el.inner", "HTML = '';");
        check_tight("java", "obj.update", "User(u);");
        check_tight("go", "x := strings.New", "Reader(s)");
        check_tight("cpp", "    p->is", "Open();");
        check_tight("php", "    $new", "User->save();");
        check_joined("javascript", "const a = [...new$0", "Set(b)];", "const a = [...new Set(b)];");
    }

    #[test]
    fn what_the_document_says_with_words_of_the_language_is_no_sign_about_members() {
        let known = "x = a is b\ny = a is c\nindex = 1\nindex = index\n";
        for (here, answer) in [("if v.is", "_empty():"), ("a.index", "Of(x)")] {
            let expected = [known, here, answer].concat();
            check_joined("python", &format!("{known}{here}$0\n"), answer, &expected);
        }
        let known = "a = self.type\nb = self.type$0";
        let expected = "a = self.type\nb = self.type\nprint(a)";
        check_joined("python", known, "print(a)", expected);
    }

    #[test]
    fn a_name_that_is_being_given_goes_on() {
        check_tight("rust", "    fn is", "_empty(&self) -> bool {");
        check_tight("javascript", "const is", "Open = true;");
        check_tight("javascript", "const [count, set", "Count] = useState(0);");
        check_tight("python", "if is", "_empty(x):");
        check_joined("rust", "let$0", "_x = 1;", "let _x = 1;");
        check_joined("rust", "let mut$0", "_x = 1;", "let mut _x = 1;");
        check_joined("python", "    def$0", "_f(self):", "    def _f(self):");
        check_joined("python", "    return$0", "_x", "    return _x");
        check_joined("c", "const int$0", "_x = 1;", "const int _x = 1;");
        check_joined("javascript", "const e = new$0", "Error();", "const e = new Error();");
        check_joined(
            "javascript",
            "export default class extends$0",
            "Base {",
            "export default class extends Base {",
        );
    }

    #[test]
    fn a_word_between_two_values_is_told_from_the_end_of_another() {
        check_tight("python", "    un", "do()");
        check_tight("python", "    plug", "in = 3");
        check_joined("python", "x = self.a$0", "if y else 2", "x = self.a if y else 2");
        check_joined("python", "[x.name$0", "for x in y]", "[x.name for x in y]");
        check_joined("rust", "let x = y.n$0", "as u32;", "let x = y.n as u32;");
        check_joined("rust", "let x = Y$0", "else {", "let x = Y else {");
        check_joined("shellscript", "for x in *$0", "; do", "for x in *; do");
        check_joined("python", "x = is$0", "a", "x = is a");
        let known = "import builtin\nx = built$0";
        check_joined("python", known, "in", "import builtin\nx = builtin");
        let known = "if isinstance(a, b):\n    pass\nif is$0";
        let expected = "if isinstance(a, b):\n    pass\nif isinstance(c, b):";
        check_joined("python", known, "instance(c, b):", expected);
        let noted = "// Returns s, so it returns.\nfn f() { return$0";
        let expected = "// Returns s, so it returns.\nfn f() { return s }";
        check_joined("rust", noted, "s }", expected);
    }

    #[test]
    fn words_in_capitals_are_words_of_the_language_in_sql_alone() {
        check_joined("sql", "SELECT name$0", "FROM people", "SELECT name FROM people");
        check_joined("sql", "SELECT$0", "Name FROM people", "SELECT Name FROM people");
        check_joined("sql", "WHERE id$0", "IN (1, 2)", "WHERE id IN (1, 2)");
        check_tight("javascript", "const x = sum", "Of(y);");
    }

    #[test]
    fn a_line_that_is_repeated_shows_how_it_goes_on() {
        let check = |here: &str, answer: &str| {
            check_joined(
                "rust",
                &format!("fn f() {{\n{here}$0\n"),
                answer,
                &format!("fn f() {{\n{answer}"),
            );
        };
        check("    for x in v.in", "    for x in v.into_iter() {");
        check("    x.not", "    x.notify()");
        check("    y = self.const", "    y = self.constraints");
        check("    return", "    return x;");
        check("    let x =", "    let x = 1;");
    }
}
