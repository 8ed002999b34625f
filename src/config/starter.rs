//! The files that a configuration starts from: comments for what is built in, values for what was chosen.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::private_file;
use super::problem::dotted;
use crate::model::BackendName;

/// Every line is a comment, so that the built-in values stay in force.
pub const STARTER: &str = include_str!("starter.toml");
/// The same for a project.
pub const PROJECT_STARTER: &str = include_str!("starter-project.toml");

/// What a user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Who is asked first.
    pub backend: BackendName,
    /// Its model; `None` for its own.
    pub model: Option<String>,
    /// Who is asked next.
    pub fallback: Vec<BackendName>,
    /// Where the keys of these backends are, as references; never the keys.
    pub keys: Vec<(BackendName, String)>,
}

impl Choices {
    /// The configuration file that says so, with the other possibilities as comments.
    pub fn to_toml(&self) -> String {
        let Self { backend, model, fallback, keys } = self;
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let list: Vec<String> = fallback.iter().map(|name| quoted(name.as_str())).collect();
        let mut lines = vec![(format!("backend = {}", quoted(backend.as_str())), "asked first")];
        lines.push(match model {
            Some(model) => {
                (format!("model = {}", quoted(model)), "in place of that backend's own model")
            }
            None => ("# model = \"...\"".to_owned(), "in place of that backend's own model"),
        });
        lines.push((
            format!("fallback = [{}]", list.join(", ")),
            "tried in this order when the first cannot answer",
        ));
        let mut text = String::from(
            "# Configuration of arawn, written by `arawn config init`. Change what you like; it counts at once.\n\
             # All keys: `arawn config schema --markdown`. What is in force and why: `arawn config show`.\n\n[llm]\n",
        );
        for (line, comment) in lines {
            let _ = writeln!(text, "{line:<36}# {comment}");
        }
        for (name, reference) in keys {
            let table = dotted(&["backends", name.as_str()]);
            let _ = writeln!(text, "\n[{table}]\napi_key = {}", quoted(reference));
        }
        let rest = STARTER.find("# Keys:").map_or("", |start| &STARTER[start..]);
        let _ = write!(
            text,
            "\n# What else there is. Remove the \"#\" in front of what you want to change.\n{rest}"
        );
        text
    }
}

/// Writes a user's file: it may come to hold a key and is the user's alone.
pub fn write_starter(path: &Path, text: &str) -> io::Result<()> {
    private_file::write(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_in_force_and_the_rest_is_comments() {
        let choices = Choices {
            backend: "my \"lab\"".into(),
            model: Some("m".to_owned()),
            fallback: vec!["groq".into()],
            keys: vec![("groq".into(), "$keyring:groq_api_key".to_owned())],
        };
        let text = choices.to_toml();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["llm"]["backend"].as_str(), Some("my \"lab\""));
        assert_eq!(table["llm"]["fallback"][0].as_str(), Some("groq"));
        assert_eq!(table["backends"]["groq"]["api_key"].as_str(), Some("$keyring:groq_api_key"));
        assert_eq!(table.len(), 2, "{text}");
        assert!(text.contains("# [privacy]"), "{text}");
    }
}
