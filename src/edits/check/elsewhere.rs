//! Whether code is put together from what stands elsewhere in the file.
//!
//! Small models repeat a whole file but for the part that they were to write. People copy on purpose too: what
//! begins with a name of its own is no repetition, whatever stands in it.

use std::collections::HashSet;

use super::bound::{DECLARE, words};
use super::{Fault, Found, Proposed};
use crate::edits::complete::are_comments;
use crate::edits::echo::{is_substantial, lines};
use crate::edits::indent;

/// Fewer lines than this may stand somewhere else by chance.
const N_TELLING: usize = 6;

/// Words of a declaration that are not its name.
const OF_HEADS: [&str; 24] = [
    "abstract",
    "async",
    "default",
    "export",
    "extends",
    "extern",
    "final",
    "for",
    "impl",
    "implements",
    "internal",
    "local",
    "mod",
    "module",
    "namespace",
    "private",
    "protected",
    "pub",
    "public",
    "record",
    "static",
    "trait",
    "unsafe",
    "void",
];

/// Whether an edit only repeats other parts of the file, in place of code of which it keeps nothing.
pub(super) fn not_only(edit: &Proposed<'_>, old: &str) -> Found {
    let Some(repeats) = Repetition::in_code(edit.text) else { return Found::Nothing };
    let keeps = |line: &str| is_substantial(line) && repeats.all.contains(line.trim());
    if old.is_empty() || lines(old).any(keeps) {
        return Found::Nothing;
    }
    let text = &edit.snapshot.text;
    let before = text.slice(..edit.range.start().0).to_string();
    let after = text.slice(edit.range.end().0..).to_string();
    let around = [before.as_str(), after.as_str()];
    let new = repeats.new_lines(around);
    let n_new = repeats.said.iter().filter(|line| new.contains(*line)).count();
    let is_repeated = if says_nothing(old) {
        n_new == 0
    } else {
        n_new * 10 <= repeats.said.len() && !has_new_head(edit.text, old, &new, around)
    };
    if is_repeated {
        let reason = "the answer only repeats other parts of the file";
        Found::Fault(Fault::of_answer(reason, None))
    } else {
        Found::Nothing
    }
}

/// Whether code for a new file only repeats the document that it is about.
pub fn only_repeats(code: &str, document: &str) -> bool {
    Repetition::in_code(code).is_some_and(|it| {
        let new = it.new_lines([document, ""]);
        it.said.iter().filter(|line| new.contains(*line)).count() * 10 <= it.said.len()
    })
}

/// Code that says enough to tell where it is from.
struct Repetition<'a> {
    all: HashSet<&'a str>,
    /// The lines that say something.
    said: Vec<&'a str>,
}

impl<'a> Repetition<'a> {
    fn in_code(code: &'a str) -> Option<Self> {
        let all = || lines(code).map(str::trim).filter(|line| !line.is_empty());
        let said: Vec<&str> = all().filter(|line| is_substantial(line)).collect();
        (said.len() >= N_TELLING).then(|| Self { all: all().collect(), said })
    }

    /// The lines that these texts do not have.
    fn new_lines(&self, around: [&str; 2]) -> HashSet<&'a str> {
        let mut new = self.all.clone();
        for line in around.into_iter().flat_map(lines) {
            new.remove(line.trim());
        }
        new
    }
}

/// Whether a text asks to be replaced: nothing but comments, and what stands for code that is not there yet.
fn says_nothing(text: &str) -> bool {
    const PLACEHOLDERS: [&str; 6] =
        ["TODO", "FIXME", "todo!(", "unimplemented!(", "NotImplemented", "not implemented"];
    let is_placeholder = |line: &str| {
        let code =
            [" #", " //"].iter().fold(line, |line, sign| line.split(sign).next().unwrap_or(line));
        let code = code.trim().trim_end_matches(';');
        matches!(code, "pass" | "..." | "end" | "return")
            || !code.contains(char::is_alphanumeric)
            || PLACEHOLDERS.iter().any(|word| line.contains(word))
    };
    // Signs alone may open or close a comment.
    let is_mark = |line: &str| ["/*", "*", "<!--", "--"].iter().any(|sign| line.starts_with(sign));
    let lines = lines(text).map(str::trim);
    let said = lines.filter(|line| is_mark(line) || !is_placeholder(line));
    are_comments(&said.map(str::to_owned).collect::<Vec<_>>())
}

/// Whether what is new in the code begins something of a name that the file has nowhere else.
fn has_new_head(code: &str, old: &str, new: &HashSet<&str>, around: [&str; 2]) -> bool {
    let filled: Vec<&str> = lines(code).filter(|line| !line.trim().is_empty()).collect();
    let depth = |line: &str| indent::of(line).len();
    let margin = filled.iter().skip(1).map(|line| depth(line)).min().unwrap_or_default();
    let is_head = |idx: usize| {
        let line = filled[idx];
        let opens = line.trim_end().ends_with(['{', '(', '[', ':'])
            || filled.get(idx + 1).is_some_and(|next| depth(next) > depth(line));
        let declares = || words(line).any(|word| DECLARE.contains(&word));
        opens && (idx == 0 || depth(line) <= margin || declares())
    };
    let heads = (0..filled.len()).filter(|&idx| is_head(idx)).map(|idx| filled[idx]);
    let heads: Vec<&str> = heads.filter(|line| new.contains(line.trim())).collect();
    let old_name =
        lines(old).find(|line| !line.trim().is_empty()).and_then(|line| names(line).next());
    let mut unknown: HashSet<&str> = heads.iter().flat_map(|line| names(line)).collect();
    if heads.iter().any(|line| old_name.is_some() && names(line).next() == old_name) {
        return true;
    }
    for word in around.into_iter().flat_map(words) {
        unknown.remove(word);
    }
    !unknown.is_empty()
}

/// The words of a head but for those that say what sort of thing it begins.
fn names(line: &str) -> impl Iterator<Item = &str> {
    words(line).filter(|word| !DECLARE.contains(word) && !OF_HEADS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::edited;
    use super::*;
    use crate::edits::check::{Declared, MayChange};

    const STRUCT: &str = "pub struct Config {\n    pub host_name: String,\n    pub port_number: u16,\n    pub user_name: String,\n    pub pass_word: String,\n    pub time_out: u64,\n    pub max_conn: u32,\n    pub min_conn: u32,\n    pub retry_count: u8,\n    pub log_level: String,\n}\n";
    const TEST: &str = "def test_add(client):\n    user = make_user(client)\n    cart = client.create_cart(user)\n    response = client.post('/cart', data=cart.payload())\n    assert response.status_code == 200\n    assert response.json()['ok'] is True\n    cart.refresh_from_db()\n    assert cart.owner == user\n    client.logout()\n    client.cleanup()\n    client.verify_logs()\n";
    const YAML: &str = "production:\n  image_name: shop\n  replica_count: 3\n  memory_limit: 512Mi\n  cpu_limit: 500m\n  health_path: /health\n  log_level: info\n  region_name: eu-west\n  time_zone: UTC\n  backup_plan: daily\n  max_surge: 25%\n";

    /// Whether `new` in place of `old` below `above` is told to be a repetition.
    fn is_told(language: &str, above: &str, old: &str, new: &str) -> bool {
        let marked = format!("{above}\n$0{old}$0\nend_of_file()\n");
        let found = edited(language, &marked, new, MayChange::Everything, Declared::MayGo);
        let check = found.checks.into_iter().find(|it| it.name == "echo").unwrap();
        check.detail.as_deref() == Some("the answer only repeats other parts of the file")
    }

    /// These were refused, so that the user had to copy by hand.
    #[test]
    fn a_copy_that_was_asked_for_goes_in() {
        let rust = STRUCT.replace("Config", "PartialConfig");
        assert!(!is_told("rust", STRUCT, "// ai: PartialConfig as Config\n", &rust));
        assert!(!is_told("rust", STRUCT, "struct PartialConfig;\n", &rust));
        let yaml = YAML.replace("production", "staging");
        assert!(!is_told("yaml", YAML, "# staging: as production\n", &yaml));
        assert!(!is_told("yaml", YAML, "staging: {}\n", &yaml));
        let (_, body) = TEST.split_once('\n').unwrap();
        let body = body.replace("client.post", "client.delete");
        let above = format!("{TEST}\n\ndef test_delete(client):");
        let todo = "    pass  # TODO like test_add, but delete\n";
        assert!(!is_told("python", &above, todo, &body));
        let test = TEST.replace("test_add", "test_remove");
        let old = "def test_remove(user, client):\n    return client.remove(user)\n";
        let calls = format!("{TEST}\nall = [test_add, test_remove]");
        assert!(!is_told("python", &calls, old, &test));
        // It keeps its own head.
        assert!(!is_told("python", TEST, "def test_remove(client):\n    check()\n", &test));
    }

    #[test]
    fn the_file_without_the_selection_is_told() {
        let old = "def mean(xs):\n    return sum(xs) / len(xs)\n";
        assert!(is_told("python", TEST, old, TEST));
        assert!(is_told("python", TEST, old, &TEST.replace("client.post", "client.put")));
        assert!(is_told("python", TEST, "# TODO: mean\n", TEST));
        assert!(is_told("rust", STRUCT, "fn f(it: u8) {}\n", &STRUCT.replace("pub s", "s")));
        assert!(!is_told("python", TEST, old, "    client.logout()\n    client.cleanup()\n"));
        assert!(!is_told("python", TEST, old, &TEST.replace("client", "api")));
        // Nothing is replaced where text is only added.
        assert!(!is_told("python", TEST, "", TEST));
    }

    #[test]
    fn what_stands_for_code_says_nothing() {
        for text in [
            "",
            "\n  \n",
            "// ai: like the one above\n",
            "# TODO\n",
            "#TODO: write it\n",
            "/* one\n   two */\n",
            "/**\n * One.\n */\n",
            "    pass\n",
            "    pass  # like the others\n",
            "    ...\n",
            "todo!()",
            "{\n    unimplemented!()\n}\n",
            "  raise NotImplementedError\nend\n",
            "throw new Error(\"not implemented\");",
            "\"\"\"Does it.\"\"\"\n",
        ] {
            assert!(says_nothing(text), "{text}");
        }
        for text in ["x = 1", "// one\nf();\n", "def f():\n    pass\n", "return x", "passed"] {
            assert!(!says_nothing(text), "{text}");
        }
    }
}
