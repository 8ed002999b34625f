//! `translate`: into a language that people speak the text is replaced; into a programming language it is shown.

use std::sync::Arc;

use super::{Action, Output};

/// The prompt for a programming language.
const INTO_CODE: &str = include_str!("builtin/translate_code.md");

/// The id of the action that this is about.
const TRANSLATE: &str = "translate";

/// Names of programming languages, as users write them, in lower case.
const PROGRAMMING: [&str; 66] = [
    "ada",
    "assembly",
    "awk",
    "bash",
    "basic",
    "c",
    "c#",
    "c++",
    "clojure",
    "cobol",
    "cpp",
    "crystal",
    "csharp",
    "css",
    "cuda",
    "d",
    "dart",
    "delphi",
    "elixir",
    "elm",
    "erlang",
    "f#",
    "fish",
    "forth",
    "fortran",
    "fsharp",
    "gleam",
    "go",
    "golang",
    "groovy",
    "haskell",
    "html",
    "java",
    "javascript",
    "js",
    "julia",
    "kotlin",
    "lisp",
    "lua",
    "matlab",
    "nim",
    "node.js",
    "objective-c",
    "ocaml",
    "odin",
    "pascal",
    "perl",
    "php",
    "powershell",
    "prolog",
    "python",
    "python3",
    "r",
    "racket",
    "ruby",
    "rust",
    "scala",
    "scheme",
    "shell",
    "sql",
    "swift",
    "typescript",
    "ts",
    "vim script",
    "wasm",
    "zig",
];

/// The action as it is to be run with this input.
///
/// Foreign code never takes the place of the selection: it could not be compiled there, and the original would
/// be needed beside it. A prompt of the user's own is kept, and so is another output.
pub fn settled(action: &Arc<Action>, input: Option<&str>) -> Arc<Action> {
    let language = input.unwrap_or_default().trim().to_lowercase();
    let language = ["to ", "into ", "in "]
        .iter()
        .find_map(|word| language.strip_prefix(word))
        .unwrap_or(&language)
        .trim_end_matches(['.', '!'])
        .trim();
    let is_concerned = action.id == TRANSLATE && action.output == Output::Replace;
    if !is_concerned || !PROGRAMMING.contains(&language) {
        return action.clone();
    }
    let mut settled = Action::clone(action);
    settled.output = Output::Answer;
    if settled.template == built_in() {
        INTO_CODE.trim().clone_into(&mut settled.template);
    }
    Arc::new(settled)
}

fn built_in() -> String {
    let text = include_str!("builtin/translate.md");
    super::front_matter::split(text).map(|parts| parts.body.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Catalog;

    #[test]
    fn a_programming_language_is_shown_and_a_spoken_one_replaces() {
        let (catalog, _) = Catalog::gather(&[], &[]);
        let translate = catalog.find("translate").unwrap();
        for input in ["Rust", " into C++. ", "golang"] {
            let settled = settled(translate, Some(input));
            assert_eq!(settled.output, Output::Answer, "{input}");
            assert!(settled.template.contains("programming language"), "{input}");
        }
        for input in ["German", "simplified Chinese", "the language of a ruby dealer", ""] {
            assert_eq!(&settled(translate, Some(input)), translate, "{input}");
        }
        let edit = catalog.find("edit").unwrap();
        assert_eq!(&settled(edit, Some("rust")), edit);
    }
}
