//! What begins with `/` in a chat.

use std::path::PathBuf;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChatCommand {
    /// Choose a backend; without a name: list them.
    Backend(Option<String>),
    /// Choose a model; without a name: say which.
    Model(Option<String>),
    /// Forget what was said.
    Clear,
    /// Let the model look at the workspace, or not; without a word: say which.
    Tools(Option<bool>),
    /// Show the model an image with the next message.
    Image(PathBuf),
    /// Write the conversation to a file.
    Save(PathBuf),
    /// Tell the commands.
    Help,
    /// Leave.
    Quit,
}

/// All names with what they take, in the order of the help.
pub(super) const HELP: [(&str, &str, &str); 8] = [
    ("/backend", "NAME", "ask this backend from now on (without NAME: list them)"),
    ("/model", "NAME", "ask this model from now on"),
    ("/tools", "on|off", "let the model read files of this workspace, or not"),
    ("/image", "FILE", "show a PNG, JPEG, GIF or WebP file with the next message"),
    ("/save", "FILE", "write the conversation to a new file, as Markdown"),
    ("/clear", "", "forget what was said"),
    ("/help", "", "this list"),
    ("/quit", "", "leave (also Ctrl-D)"),
];

impl ChatCommand {
    /// The command in a line; `None` for words that are meant for the model, such as `/usr/bin is ...`.
    pub(super) fn parse(line: &str) -> Option<Result<Self, String>> {
        let (name, rest) = match line.split_once(char::is_whitespace) {
            Some((name, rest)) => (name, rest.trim()),
            None => (line, ""),
        };
        let word = name.strip_prefix('/')?;
        if word.is_empty() || !word.chars().all(char::is_alphabetic) {
            return None;
        }
        Some(Self::of(word, rest))
    }

    fn of(word: &str, rest: &str) -> Result<Self, String> {
        let named = || Some(rest.to_owned()).filter(|name| !name.is_empty());
        Ok(match word {
            "backend" => Self::Backend(named()),
            "model" => Self::Model(named()),
            "clear" => Self::Clear,
            "tools" => Self::Tools(match rest {
                "" => None,
                "on" => Some(true),
                "off" => Some(false),
                other => return Err(format!("/tools takes `on` or `off`, not `{other}`")),
            }),
            "image" if rest.is_empty() => return Err("/image needs the name of a file".to_owned()),
            "image" => Self::Image(PathBuf::from(rest)),
            "save" if rest.is_empty() => return Err("/save needs the name of a file".to_owned()),
            "save" => Self::Save(PathBuf::from(rest)),
            "help" => Self::Help,
            "quit" | "exit" | "q" => Self::Quit,
            other => return Err(unknown(other)),
        })
    }
}

fn unknown(word: &str) -> String {
    let names = HELP.iter().map(|(name, ..)| name.trim_start_matches('/'));
    let nearest = names.min_by_key(|name| strsim::levenshtein(name, word)).unwrap_or("help");
    let hint = if strsim::levenshtein(nearest, word) <= 2 {
        format!("did you mean /{nearest}?")
    } else {
        "/help lists the commands".to_owned()
    };
    format!("there is no command /{word}; {hint} (a blank in front sends the line to the model)")
}

/// Whether more lines belong to a message: it ends in a backslash, or a code block is open.
pub(super) fn is_incomplete(input: &str) -> bool {
    let last = input.rsplit('\n').next().unwrap_or_default();
    let is_continued = last.ends_with('\\') && !last.ends_with("\\\\");
    let n_fences = input.lines().filter(|line| line.trim_start().starts_with("```")).count();
    is_continued || n_fences % 2 == 1
}

/// The message without the backslashes that continued its lines.
pub(super) fn message_of(input: &str) -> String {
    input.replace("\\\n", "\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_words_for_the_model() {
        let parse = ChatCommand::parse;
        assert_eq!(parse("/backend groq"), Some(Ok(ChatCommand::Backend(Some("groq".into())))));
        assert_eq!(parse("/backend"), Some(Ok(ChatCommand::Backend(None))));
        assert_eq!(parse("/tools on"), Some(Ok(ChatCommand::Tools(Some(true)))));
        assert_eq!(parse("/save a b.md"), Some(Ok(ChatCommand::Save("a b.md".into()))));
        for words in ["/usr/bin is what?", "hello", " /clear", "/ 2", "// a comment"] {
            assert_eq!(parse(words), None, "{words}");
        }
        assert!(parse("/modle x").unwrap().unwrap_err().contains("did you mean /model?"));
        assert!(parse("/save").unwrap().is_err());
        assert!(parse("/tools maybe").unwrap().is_err());
    }

    #[test]
    fn lines_go_on_after_a_backslash_and_in_an_open_block() {
        assert!(is_incomplete("one \\"));
        assert!(is_incomplete("see\n```rust\nfn f() {}"));
        assert!(!is_incomplete("see\n```rust\nfn f() {}\n```"));
        assert!(!is_incomplete("a path\\\\"));
        assert_eq!(message_of("one \\\ntwo\n"), "one \ntwo");
    }
}
