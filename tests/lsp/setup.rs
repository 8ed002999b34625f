//! What the tests are made of: settings by hand, a private state folder, an editor that keeps a text.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arawn::config::{
    BackendSettings, Chain, Clocks, CloudPolicy, Dialect, Environment, Link, Place,
    PrivacySettings, Provider, Settings,
};
use arawn::lsp::{Limits, Loaded, Loader, ServeOptions};
use arawn::model::BackendName;
use serde_json::{Value, json};

use crate::model::Model;
use crate::test_server::TestServer;

pub(crate) const URI: &str = "untitled:Untitled-1";

/// What VS Code and Helix can do, as far as it matters.
pub(crate) fn able() -> Value {
    json!({
        "general": { "positionEncodings": ["utf-16"] },
        "workspace": { "applyEdit": true, "workspaceEdit": { "documentChanges": true } },
        "textDocument": { "codeAction": { "codeActionLiteralSupport": {} } },
        "window": { "workDoneProgress": true, "showDocument": { "support": true } },
    })
}

/// A client that can do next to nothing, like ALE.
pub(crate) fn bare() -> Value {
    json!({ "textDocument": { "codeAction": { "codeActionLiteralSupport": {} } } })
}

pub(crate) fn backend(name: &str, url: &str, place: Place) -> Arc<BackendSettings> {
    Arc::new(BackendSettings {
        name: BackendName::new(name),
        dialect: Dialect::Ollama,
        provider: Provider::Ollama,
        base_url: url.parse().unwrap(),
        base_url_text: url.to_owned(),
        model: Some("codellama".to_owned()),
        max_tokens: None,
        temperature: None,
        api_key: None,
        headers: BTreeMap::new(),
        place,
        clocks: Clocks::for_place(place),
        context_length: Some(8192),
        keep_alive: None,
        engine: None,
    })
}

pub(crate) fn settings(backends: &[Arc<BackendSettings>], state_folder: PathBuf) -> Settings {
    let links = backends.iter().map(|it| Link { backend: it.name.clone(), model: None }).collect();
    Settings {
        backends: backends.iter().map(|it| (it.name.clone(), it.clone())).collect(),
        chain: Chain { links },
        tasks: BTreeMap::new(),
        privacy: PrivacySettings { cloud: CloudPolicy::Allowed, ignore: Vec::new() },
        edits: arawn::config::EditSettings::default(),
        actions: Vec::new(),
        action_folders: Vec::new(),
        embeddings: arawn::config::EmbeddingSettings::default(),
        environment: Arc::new(Environment::of(&state_folder, [])),
        local: Arc::default(),
        server: arawn::config::ServerSettings::default(),
        state_folder,
        unusable: BTreeMap::new(),
        log: "warn".to_owned(),
    }
}

/// A model server, a private state folder, and the settings that go with them.
pub(crate) struct Bench {
    pub(crate) model: Model,
    pub(crate) state: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self { model: Model::start().await, state: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&[backend("ollama", &self.model.url, Place::Local)], self.state.path().into())
    }

    pub(crate) fn options(&self) -> ServeOptions {
        options(self.settings())
    }

    pub(crate) async fn server(&self, capabilities: Value) -> TestServer {
        TestServer::greeted(self.options(), capabilities).await
    }

    /// The names of the answers that were written.
    pub(crate) fn answers(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.state.path().join("answers")) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

pub(crate) fn options(settings: Settings) -> ServeOptions {
    options_with(Arc::new(move |_| {
        Ok(Loaded { settings: settings.clone(), warnings: Vec::new(), files: Vec::new() })
    }))
}

pub(crate) fn options_with(loader: Loader) -> ServeOptions {
    ServeOptions { loader, watch: None, limits: quick() }
}

/// Limits for clients that never answer, so that a test of them does not take long.
pub(crate) fn quick() -> Limits {
    Limits { client_answer: Duration::from_secs(5), parent_check: Duration::from_millis(10) }
}

/// The argument of `arawn.run`.
pub(crate) fn run(action: &str, range: impl Into<Value>) -> Value {
    let range: Value = range.into();
    json!({ "action": action, "textDocument": { "uri": URI }, "range": range })
}

pub(crate) fn range(start_line: u32, start: u32, end_line: u32, end: u32) -> Value {
    json!({
        "start": { "line": start_line, "character": start },
        "end": { "line": end_line, "character": end },
    })
}

/// Text as an editor keeps it, edited by LSP ranges. Counts by itself, not with the code under test.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    pub(crate) text: String,
    pub(crate) encoding: &'static str,
}

impl Buffer {
    pub(crate) fn new(text: &str, encoding: &'static str) -> Self {
        Self { text: text.to_owned(), encoding }
    }

    /// The byte a position names.
    fn byte(&self, position: &Value) -> usize {
        let (mut line, mut byte_idx) = (position["line"].as_u64().unwrap(), 0);
        while line > 0 {
            let rest = &self.text[byte_idx..];
            let at = rest.find(['\n', '\r']).expect("the line is there");
            byte_idx += at + if rest[at..].starts_with("\r\n") { 2 } else { 1 };
            line -= 1;
        }
        let mut column = position["character"].as_u64().unwrap();
        for c in self.text[byte_idx..].chars() {
            if column == 0 || c == '\n' || c == '\r' {
                break;
            }
            column -= u64::try_from(match self.encoding {
                "utf-8" => c.len_utf8(),
                "utf-16" => c.len_utf16(),
                _ => 1,
            })
            .unwrap();
            byte_idx += c.len_utf8();
        }
        byte_idx
    }

    /// The position of a byte.
    pub(crate) fn position(&self, byte_idx: usize) -> Value {
        let before = self.text[..byte_idx].replace("\r\n", "\n").replace('\r', "\n");
        let last = before.rsplit('\n').next().unwrap();
        let column = match self.encoding {
            "utf-8" => last.len(),
            "utf-16" => last.encode_utf16().count(),
            _ => last.chars().count(),
        };
        json!({ "line": before.matches('\n').count(), "character": column })
    }

    pub(crate) fn replace(&mut self, range: &Value, text: &str) {
        let span = self.byte(&range["start"])..self.byte(&range["end"]);
        self.text.replace_range(span, text);
    }

    /// Takes a workspace edit; all its ranges are in the text before it. Returns the version it was made for.
    pub(crate) fn take(&mut self, edit: &Value) -> Option<i64> {
        let (edits, version) = match edit.get("documentChanges") {
            Some(changes) => {
                assert_eq!(changes[0]["textDocument"]["uri"], URI);
                (&changes[0]["edits"], changes[0]["textDocument"]["version"].as_i64())
            }
            None => (&edit["changes"][URI], None),
        };
        for edit in edits.as_array().unwrap().iter().rev() {
            self.replace(&edit["range"], edit["newText"].as_str().unwrap());
        }
        version
    }
}
