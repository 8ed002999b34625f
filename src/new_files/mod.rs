//! Where new text goes that is no part of the selection: tests by the language's habit, other files beside.
//!
//! Looks at folders, and writes nothing.

mod addition;
mod habit;
mod in_module;
mod inside;

use std::path::{Path, PathBuf};

use crate::actions::Action;
use crate::edits::{self, Target, Unusable};
use crate::model::Task;
use crate::text::{CharIdx, CharRange, Snapshot};

pub use addition::addition;
pub use inside::{NotThere, check};

/// Where the text of an action goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// Into the document itself, as tests of these languages do.
    Within(Within),
    /// Into a file, which may be there already.
    File(PathBuf),
    /// The document has no file, so nothing is beside it.
    Nowhere,
}

/// A place in the document itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    at: CharIdx,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Inside Rust's `mod tests`, whose lines begin with this.
    RustModule { indent: String },
    /// At the end of a Rust file that has no such module.
    RustFile,
    /// At the end of the file.
    End,
}

/// Decides where the text of an action will go.
pub fn home(action: &Action, snapshot: &Snapshot, workspace: &[PathBuf]) -> Home {
    let path = snapshot.path.as_deref();
    if action.task != Task::Test {
        return path.map_or(Home::Nowhere, |path| Home::File(beside(action, path)));
    }
    let end = CharIdx(snapshot.text.len_chars());
    match &*snapshot.language {
        "rust" => match in_module::tests_module(&snapshot.text) {
            Some((at, indent)) => Home::Within(Within { at, kind: Kind::RustModule { indent } }),
            None if in_module::is_elsewhere(&snapshot.text) => {
                path.map_or(Home::Nowhere, |path| Home::File(habit::rust_tests(path)))
            }
            // Tests of a crate in its `tests` folder need no module.
            None if path.is_some_and(|path| habit::is_in_folder(path, "tests")) => {
                Home::Within(Within { at: end, kind: Kind::End })
            }
            None => Home::Within(Within { at: end, kind: Kind::RustFile }),
        },
        "zig" | "d" => Home::Within(Within { at: end, kind: Kind::End }),
        language => match path {
            None => Home::Nowhere,
            Some(path) if habit::is_test(path) => Home::Within(Within { at: end, kind: Kind::End }),
            Some(path) => Home::File(habit::test_file(path, language, workspace)),
        },
    }
}

impl Home {
    /// What the model must know of the place, as words behind the action's own.
    pub fn brief(&self, language: &str) -> String {
        match self {
            Self::Within(Within { kind: Kind::RustModule { .. }, .. }) => {
                "The file has a test module already. Write only the new `#[test]` functions that go into it, without the `mod` around them, under names that are not taken.".to_owned()
            }
            Self::Within(Within { kind: Kind::RustFile, .. }) => {
                "Write one `#[cfg(test)] mod tests` with `use super::*;` and the `#[test]` functions in it. It goes to the end of this file.".to_owned()
            }
            Self::Within(Within { kind: Kind::End, .. }) => {
                "Write only the new tests. They go to the end of this file.".to_owned()
            }
            Self::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let name: String =
                    name.chars().filter(|c| !c.is_control() && !"{}`%#".contains(*c)).collect();
                let also = match language {
                    "go" => " It belongs to the same package.",
                    "rust" => " It is the module `tests` of the file above, without a `mod` around it.",
                    "python" | "javascript" | "typescript" | "javascriptreact"
                    | "typescriptreact" => " Import what it uses from the file above.",
                    _ => "",
                };
                format!("Write a whole new file with everything that it must import. Its name is `{name}`.{also}")
            }
            Self::Nowhere => "Write a whole new file with everything that it must import.".to_owned(),
        }
    }
}

/// A file's name and text, or a change of the document: what an answer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum New {
    /// Text at a place of the document.
    Text {
        /// An empty range.
        range: CharRange,
        /// What is inserted there.
        text: String,
    },
    /// A file of its own.
    File {
        /// Where.
        path: PathBuf,
        /// All of it.
        text: String,
    },
    /// Code without a place.
    Code(String),
}

/// Takes the new text out of an answer and fits it to its home.
pub fn made(
    answer: &str,
    action: &Action,
    snapshot: &Snapshot,
    home: &Home,
) -> Result<New, Unusable> {
    let target = Target { selection: "", before: "", after: "", language: &snapshot.language };
    let code = edits::replacement(answer, &target)?.replace("\r\n", "\n");
    let code = code.trim_matches('\n').to_owned() + "\n";
    // An action of the user's own may be there to move code out of its file.
    let is_new = action.id == "test" && !matches!(home, Home::Within(_));
    if is_new && edits::only_repeats(&code, &snapshot.text.to_string()) {
        return Err(Unusable::Echo);
    }
    let line_break = line_break(snapshot);
    let styled = |text: String| {
        if line_break == "\n" { text } else { text.replace('\n', line_break) }
    };
    Ok(match home {
        Home::Within(within) => {
            let text = snapshot.text.to_string();
            let new = match &within.kind {
                Kind::RustModule { indent } => in_module::inside(&code, &text, indent)?,
                Kind::RustFile => in_module::whole(&code, &text)?,
                Kind::End => code,
            };
            let before = snapshot.text.slice(..within.at.0).to_string();
            let lead = gap(&before);
            New::Text {
                range: CharRange::new(within.at, within.at),
                text: styled(format!("{lead}{new}")),
            }
        }
        Home::File(path) => New::File { path: path.clone(), text: styled(code) },
        Home::Nowhere => New::Code(code),
    })
}

/// What must stand between a text and a new paragraph of it.
fn gap(before: &str) -> &'static str {
    let before = before.replace("\r\n", "\n").replace('\r', "\n");
    let opens_block = before.trim_end().ends_with('{');
    if before.trim().is_empty()
        || before.ends_with("\n\n")
        || (opens_block && before.ends_with('\n'))
    {
        ""
    } else if before.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    }
}

fn line_break(snapshot: &Snapshot) -> &'static str {
    let first = snapshot.text.get_line(0).map(|line| line.to_string()).unwrap_or_default();
    if first.ends_with("\r\n") { "\r\n" } else { "\n" }
}

/// The file of an action of the user's own: as its front matter says, or named after action and document.
fn beside(action: &Action, path: &Path) -> PathBuf {
    let part = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let (stem, extension) = (part(path.file_stem()), part(path.extension()));
    let pattern = action.file.clone().unwrap_or_else(|| {
        let ending = if extension.is_empty() { "" } else { ".{extension}" };
        format!("{{stem}}.{}{ending}", action.id)
    });
    let name = pattern.replace("{stem}", &stem).replace("{extension}", &extension);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Catalog;

    fn rust(text: &str) -> Snapshot {
        Snapshot::of_text(text, "rust", Some(PathBuf::from("/w/src/lib.rs")))
    }

    fn test_action() -> std::sync::Arc<Action> {
        Catalog::gather(&[], &[]).0.find("test").unwrap().clone()
    }

    fn after(snapshot: &Snapshot, answer: &str) -> String {
        let home = home(&test_action(), snapshot, &[]);
        match made(answer, &test_action(), snapshot, &home).unwrap() {
            New::Text { range, text } => {
                let mut rope = snapshot.text.clone();
                rope.insert(range.start().0, &text);
                rope.to_string()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rust_tests_go_into_the_module_that_is_there() {
        let snapshot = rust(
            "pub fn one() -> u8 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn one_is_one() {\n        assert_eq!(one(), 1);\n    }\n}\n",
        );
        let answer = "```rust\n#[cfg(test)]\nmod tests {\n    use super::*;\n    use std::fmt;\n\n    #[test]\n    fn one_is_one() {\n        assert!(one() == 1);\n    }\n}\n```";
        assert_eq!(
            after(&snapshot, answer),
            "pub fn one() -> u8 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn one_is_one() {\n        assert_eq!(one(), 1);\n    }\n\n    use std::fmt;\n\n    #[test]\n    fn one_is_one_2() {\n        assert!(one() == 1);\n    }\n}\n"
        );
    }

    #[test]
    fn a_rust_file_without_tests_gets_a_module() {
        let snapshot = rust("pub fn one() -> u8 {\r\n    1\r\n}");
        let whole = "pub fn one() -> u8 {\r\n    1\r\n}\r\n\r\n#[cfg(test)]\r\nmod tests {\r\n    use super::*;\r\n\r\n    #[test]\r\n    fn it() {\r\n        assert_eq!(one(), 1);\r\n    }\r\n}\r\n";
        let bare = "```rust\n#[test]\nfn it() {\n    assert_eq!(one(), 1);\n}\n```";
        assert_eq!(after(&snapshot, bare), whole);
        let repeated = "```rust\npub fn one() -> u8 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn it() {\n        assert_eq!(one(), 1);\n    }\n}\n```";
        assert_eq!(after(&snapshot, repeated), whole);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_stays_there() {
        let snapshot = rust("mod a;\n\n#[cfg(test)]\nmod tests;\n");
        let home = home(&test_action(), &snapshot, &[]);
        assert_eq!(home, Home::File(PathBuf::from("/w/src/tests.rs")));
        let made =
            made("```rust\n#[test]\nfn it() {}\n```", &test_action(), &snapshot, &home).unwrap();
        let New::File { text, .. } = made else { panic!("{made:?}") };
        let existing = "use super::*;\n\n#[test]\nfn it() {}\n";
        assert_eq!(addition(existing, &text, "rust").unwrap(), "\n#[test]\nfn it_2() {}\n");
    }

    #[test]
    fn an_answer_without_a_test_is_refused() {
        let snapshot = rust("pub fn one() -> u8 {\n    1\n}\n");
        let home = home(&test_action(), &snapshot, &[]);
        let made =
            made("```rust\npub fn one() -> u8 {\n    2\n}\n```", &test_action(), &snapshot, &home);
        assert_eq!(made, Err(Unusable::NoCode));
    }

    /// A model of half a billion parameters gave the document back as its test.
    #[test]
    fn a_new_file_that_is_the_old_one_is_refused() {
        let text = "class Cart:\n    def __init__(self):\n        self.lines = []\n\n    def add(self, line):\n        self.lines.append(line)\n\n    def total(self):\n        return sum(self.lines)\n";
        let path = Some(PathBuf::from("/w/cart.py"));
        let snapshot = Snapshot::of_text(text, "python", path);
        let home = home(&test_action(), &snapshot, &[]);
        let made_by = |action: &Action, code: &str| {
            made(&format!("```python\n{code}```"), action, &snapshot, &home)
        };
        let made_of = |code: &str| made_by(&test_action(), code);
        // A class that is moved out of its file is the same there.
        let mut extract = Action::clone(&test_action());
        extract.id = "extract_class".to_owned();
        assert!(made_by(&extract, text).is_ok());
        assert_eq!(made_of(text), Err(Unusable::Echo));
        let tests = "from cart import Cart\n\n\ndef test_total():\n    cart = Cart()\n    cart.add(1)\n    cart.add(2)\n    assert cart.total() == 3\n    assert cart.lines == [1, 2]\n";
        assert!(made_of(tests).is_ok());
    }

    #[test]
    fn other_files_are_named_after_action_and_document() {
        let (catalog, _) = Catalog::gather(&[], &[]);
        let mut action = Action::clone(catalog.find("edit").unwrap());
        let path = Path::new("/w/a.b.py");
        assert_eq!(beside(&action, path), Path::new("/w/a.b.edit.py"));
        action.file = Some("{stem}.md".to_owned());
        assert_eq!(beside(&action, path), Path::new("/w/a.b.md"));
        action.file = None;
        assert_eq!(beside(&action, Path::new("/w/Makefile")), Path::new("/w/Makefile.edit"));
    }
}
