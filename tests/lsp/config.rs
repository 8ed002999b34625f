//! How the configuration comes in, changes, and breaks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arawn::config::Place;
use arawn::lsp::{EditorLayer, Loaded, NotLoaded, OnChange, ServeOptions};
use arawn::report::{Kind, Report};
use serde_json::{Value, json};

use crate::setup::{Bench, URI, able, backend, bare, options_with, quick, range, run, settings};
use crate::test_server::TestServer;

/// A loader that remembers what it was given and says what the test tells it to say.
#[derive(Clone, Default)]
struct Files {
    layers: Arc<Mutex<Vec<EditorLayer>>>,
    broken: Arc<Mutex<Option<Report>>>,
    warnings: Arc<Mutex<Vec<String>>>,
    on_change: Arc<Mutex<Option<OnChange>>>,
}

impl Files {
    fn options(&self, bench: &Bench) -> ServeOptions {
        let (files, settings) = (self.clone(), bench.settings());
        let watching = self.clone();
        ServeOptions {
            loader: Arc::new(move |layer| {
                files.layers.lock().unwrap().push(layer.clone());
                let paths = vec![PathBuf::from("/home/user/arawn.toml")];
                match files.broken.lock().unwrap().clone() {
                    Some(report) => Err(Box::new(NotLoaded { report, files: paths })),
                    None => Ok(Loaded {
                        settings: settings.clone(),
                        warnings: files.warnings.lock().unwrap().clone(),
                        files: paths,
                    }),
                }
            }),
            watch: Some(Arc::new(move |files, on_change| {
                assert_eq!(files, [PathBuf::from("/home/user/arawn.toml")]);
                *watching.on_change.lock().unwrap() = Some(on_change);
                Some(Box::new(()))
            })),
            limits: quick(),
        }
    }

    fn is_broken(&self, message: &str) {
        let report = Report::new(Kind::Config, message).with_hint("mend it");
        *self.broken.lock().unwrap() = Some(report);
    }

    fn is_mended(&self) {
        *self.broken.lock().unwrap() = None;
    }

    /// What the watcher does when a file was written.
    fn changed(&self) {
        self.on_change.lock().unwrap().as_ref().expect("the files are watched")();
    }

    fn last_layer(&self) -> EditorLayer {
        self.layers.lock().unwrap().last().unwrap().clone()
    }
}

#[tokio::test]
async fn the_editors_settings_go_through_the_loader_alone() {
    let bench = Bench::new().await;
    let files = Files::default();
    let hostile = json!({ "backends": { "ollama": { "base_url": "http://evil.example" } } });
    let params = json!({
        "processId": null,
        "capabilities": {},
        "initializationOptions": hostile,
        "workspaceFolders": [{ "uri": "file:///work/a", "name": "a" }, { "uri": "untitled:b", "name": "b" }],
    });
    let server = TestServer::greeted_with(files.options(&bench), params).await;
    let layer = files.last_layer();
    assert_eq!(layer.options, Some(hostile));
    assert_eq!(layer.workspace, [PathBuf::from("/work/a")]);
    server.close().await;
}

#[tokio::test]
async fn settings_are_pulled_and_pulled_again_when_they_change() {
    let bench = Bench::new().await;
    let files = Files::default();
    let capabilities = json!({
        "workspace": { "configuration": true, "didChangeConfiguration": { "dynamicRegistration": true } },
        "experimental": { "arawn": true },
    });
    let mut server = TestServer::greeted(files.options(&bench), capabilities).await;
    server.wait_for("arawn/status").await;
    let registration = server.wait_for("client/registerCapability").await;
    server.reply(&registration, Value::Null).await;
    for settings in [json!({ "llm": { "model": "a" } }), json!({ "llm": { "model": "b" } })] {
        let request = server.wait_for("workspace/configuration").await;
        assert_eq!(request["params"]["items"], json!([{ "section": "arawn" }]));
        server.reply(&request, json!([settings])).await;
        // The status is told after every reload.
        server.wait_for("arawn/status").await;
        assert_eq!(files.last_layer().options, Some(settings));
        server.notify("workspace/didChangeConfiguration", json!({ "settings": null })).await;
    }
    let request = server.wait_for("workspace/configuration").await;
    server.reply(&request, json!([null])).await;
    server.close().await;
}

#[tokio::test]
async fn settings_pushed_by_a_simple_client_are_taken() {
    let bench = Bench::new().await;
    let files = Files::default();
    let capabilities = json!({ "experimental": { "arawn": {} } });
    let mut server = TestServer::greeted(files.options(&bench), capabilities).await;
    server.wait_for("arawn/status").await;
    let pushed = json!({ "settings": { "arawn": { "llm": { "model": "c" } } } });
    server.notify("workspace/didChangeConfiguration", pushed).await;
    server.wait_for("arawn/status").await;
    assert_eq!(files.last_layer().options, Some(json!({ "llm": { "model": "c" } })));
    let event = json!({ "added": [{ "uri": "file:///new", "name": "new" }], "removed": [] });
    server.notify("workspace/didChangeWorkspaceFolders", json!({ "event": event })).await;
    server.wait_for("arawn/status").await;
    assert_eq!(files.last_layer().workspace, [PathBuf::from("/new")]);
    server.close().await;
}

#[tokio::test]
async fn a_configuration_that_breaks_is_said_once_and_the_last_good_one_stays() {
    let mut bench = Bench::new().await;
    let files = Files::default();
    *files.warnings.lock().unwrap() = vec!["unknown key `modle`".to_owned()];
    let mut server = TestServer::greeted(files.options(&bench), able()).await;
    assert_eq!(server.shown().await, "Arawn: unknown key `modle`");
    server.open(URI, "rust", "fn f() {}\n").await;
    files.is_broken("arawn.toml:3:1: expected a value");
    files.changed();
    assert_eq!(server.shown().await, "Arawn: arawn.toml:3:1: expected a value; mend it");
    files.changed();
    let mut argument = run("refactor", range(0, 0, 0, 9));
    argument["wait"] = json!(true);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says("```rust\nfn f() {}\n```").await;
    assert_eq!(server.answer(id).await.unwrap()["status"], "unchanged");
    files.is_mended();
    files.changed();
    server.idle().await;
    // Neither the warning nor the error comes a second time: nothing is left unread.
    server.close().await;
}

#[tokio::test]
async fn a_server_that_starts_with_a_broken_configuration_says_so_and_waits_for_the_mending() {
    let bench = Bench::new().await;
    let files = Files::default();
    files.is_broken("arawn.toml:1:1: expected a key");
    let mut capabilities = able();
    capabilities["experimental"] = json!({ "arawn": true });
    let mut server = TestServer::greeted(files.options(&bench), capabilities).await;
    assert_eq!(server.shown().await, "Arawn: arawn.toml:1:1: expected a key; mend it");
    assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], "error");
    server.open(URI, "rust", "fn f() {}\n").await;
    let refusal = server.refusal("arawn.run", run("refactor", range(0, 0, 0, 9))).await;
    assert_eq!(refusal, "Arawn: arawn.toml:1:1: expected a key; mend it");
    files.is_mended();
    files.changed();
    assert_eq!(server.wait_for("arawn/status").await["params"]["kind"], "ok");
    server.close().await;
}

#[tokio::test]
async fn the_backend_of_the_session_is_chosen_by_name_or_by_question() {
    let mut bench = Bench::new().await;
    let absent = crate::model::Model::absent().await;
    let backends = [
        backend("first", &absent, Place::Local),
        backend("second", &bench.model.url, Place::Local),
    ];
    let settings = settings(&backends, bench.state.path().into());
    let mut server = TestServer::greeted(crate::setup::options(settings), able()).await;
    server.open(URI, "rust", "fn f() {}\n").await;
    let refusal = server.refusal("arawn.backend", json!({ "backend": "third" })).await;
    assert_eq!(refusal, "unknown backend \"third\"; known are: first, second");
    let chosen = server.command("arawn.backend", json!({ "backend": "second" })).await;
    assert_eq!(chosen, json!({ "backend": "second" }));
    let mut argument = run("refactor", range(0, 0, 0, 9));
    argument["wait"] = json!(true);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    bench.model.says("```rust\nfn f() {}\n```").await;
    let result = server.answer(id).await.unwrap();
    assert_eq!(result["backend"], "second");
    assert_eq!(result.get("fell_back"), None);

    let asked = server.command("arawn.backend", Value::Null).await;
    assert_eq!(asked, json!({ "backend": "second" }));
    let question = server.wait_for("window/showMessageRequest").await;
    let titles = json!([{ "title": "first" }, { "title": "second" }, { "title": "as configured" }]);
    assert_eq!(question["params"]["actions"], titles);
    server.reply(&question, json!({ "title": "as configured" })).await;
    server.idle().await;
    loop {
        let status = server.command("arawn.status", Value::Null).await;
        server.shown().await;
        if status["backend"].is_null() {
            break;
        }
    }
    server.close().await;
}

#[tokio::test]
async fn a_panic_while_reading_the_configuration_leaves_the_server_working() {
    let bench = Bench::new().await;
    let (settings, n_reads) = (bench.settings(), Arc::new(Mutex::new(0)));
    let reads = n_reads.clone();
    let options = options_with(Arc::new(move |_| {
        let n_reads = {
            *reads.lock().unwrap() += 1;
            *reads.lock().unwrap()
        };
        assert!(n_reads != 2, "the second reading panics");
        Ok(Loaded { settings: settings.clone(), warnings: Vec::new(), files: Vec::new() })
    }));
    let mut server = TestServer::greeted(options, bare()).await;
    for expected in 2..4 {
        let settings = json!({ "settings": { "n": expected } });
        server.notify("workspace/didChangeConfiguration", settings).await;
        while *n_reads.lock().unwrap() < expected {
            server.idle().await;
        }
    }
    server.close().await;
}

#[tokio::test]
async fn a_broken_action_is_told_in_the_editor_once() {
    let bench = Bench::new().await;
    let mut settings = bench.settings();
    let fields =
        [("output".to_owned(), "replce".to_owned()), ("prompt".to_owned(), "x".to_owned())];
    let table = arawn::config::ActionSettings { id: "mine".to_owned(), fields: fields.into() };
    settings.actions = vec![table];
    let options = crate::setup::options(settings);
    let mut server = TestServer::greeted(options, json!({ "experimental": { "arawn": {} } })).await;
    let shown = server.shown().await;
    assert!(
        shown.contains("[actions.mine]") && shown.contains("expected one of replace"),
        "{shown}"
    );
    server.wait_for("arawn/status").await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            json!({ "settings": { "arawn": { "llm": {} } } }),
        )
        .await;
    server.wait_for("arawn/status").await;
    server.close().await;
}
