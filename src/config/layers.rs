//! The layers below the project: what is built in, the user's files, variables and flags.

use std::path::{Path, PathBuf};

use super::endpoint;
use super::environment::Environment;
use super::problem::ConfigError;
use super::tree::{self, Node, Origin, Source, Value};

/// Largest file that is read as a configuration; far above any real one.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What is built in.
pub(super) fn built_in() -> Node {
    tree::from_toml(include_str!("default.toml"), Path::new("default.toml"), Source::Default)
        .expect("the built-in file is part of the program and read by every test")
}

/// The user's files, lowest first, and what named them if they must exist.
pub(super) struct UserFiles {
    pub(super) paths: Vec<PathBuf>,
    pub(super) named_by: Option<&'static str>,
}

/// `--config`, else `ARAWN_CONFIG`, else the files at their usual places.
pub(super) fn user_files(environment: &Environment, explicit: Option<&Path>) -> UserFiles {
    if let Some(path) = explicit {
        let path = environment.working_folder.join(path);
        return UserFiles { paths: vec![path], named_by: Some("--config") };
    }
    if let Some(path) = environment.var("ARAWN_CONFIG") {
        return UserFiles { paths: vec![environment.path(path)], named_by: Some("ARAWN_CONFIG") };
    }
    let xdg = environment.config_folder().map(|folder| folder.join("arawn.toml"));
    let home = environment.home.as_ref().map(|home| home.join(".arawn/arawn.toml"));
    UserFiles { paths: xdg.into_iter().chain(home).collect(), named_by: None }
}

/// Reads one file; `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(reason(&error))),
    };
    if metadata.is_dir() {
        return Err(unreadable("it is a folder".to_owned()));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(unreadable(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(reason(&error))),
    };
    text_of(bytes, path).map(Some)
}

/// The text of a file; where it is not UTF-8 the place of the first bad byte.
pub(super) fn text_of(bytes: Vec<u8>, path: &Path) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        let last = before.rsplit('\n').next().unwrap_or_default();
        ConfigError::Syntax {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: last.chars().count() + 1,
            message: "not UTF-8; expected a text file in UTF-8".to_owned(),
        }
    })
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// The system's words without the "(os error 13)".
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// The layer of `ARAWN_BACKEND`, `ARAWN_MODEL` and `ARAWN_LOG`.
pub(super) fn of_variables(environment: &Environment) -> Node {
    let mut layer = Node::empty(Source::Variable("ARAWN_*"));
    for (name, path) in [
        ("ARAWN_BACKEND", ["llm", "backend"]),
        ("ARAWN_MODEL", ["llm", "model"]),
        ("ARAWN_LOG", ["log", "level"]),
    ] {
        if let Some(value) = environment.var(name) {
            layer.put(&path, leaf(value, Source::Variable(name)));
        }
    }
    layer
}

/// Ollama's own variable takes the place of its built-in address; the user's files come above it.
pub(super) fn of_ollama_host(environment: &Environment) -> Node {
    let mut layer = Node::empty(Source::Variable("OLLAMA_HOST"));
    if let Some(address) = environment.var("OLLAMA_HOST").and_then(endpoint::from_ollama_host) {
        layer.put(
            &["backends", "ollama", "base_url"],
            leaf(&address, Source::Variable("OLLAMA_HOST")),
        );
    }
    layer
}

/// The layer of `--backend` and `--model`.
pub(super) fn of_flags(backend: Option<&str>, model: Option<&str>) -> Node {
    let mut layer = Node::empty(Source::Flag("flags"));
    if let Some(backend) = backend {
        layer.put(&["llm", "backend"], leaf(backend, Source::Flag("--backend")));
    }
    if let Some(model) = model {
        layer.put(&["llm", "model"], leaf(model, Source::Flag("--model")));
    }
    layer
}

fn leaf(text: &str, source: Source) -> Node {
    Node { value: Value::Leaf(text.into()), origin: Origin::new(source) }
}
