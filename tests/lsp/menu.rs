//! What is offered, and when nothing is.

use serde_json::{Value, json};

use crate::setup::{Bench, URI, able, range};
use crate::test_server::TestServer;

const CODE: &str = "fn f() {\n    let x: i32 = \"\";\n}\n// ai: rename f\nfn h() {}\n";

async fn opened(bench: &Bench, capabilities: Value) -> TestServer {
    let mut server = bench.server(capabilities).await;
    server.open(URI, "rust", CODE).await;
    server
}

async fn offers(server: &mut TestServer, range: Value, context: Value) -> Value {
    let params = json!({ "textDocument": { "uri": URI }, "range": range, "context": context });
    server.call("textDocument/codeAction", params).await
}

fn titles(offers: &Value) -> Vec<&str> {
    offers.as_array().unwrap().iter().map(|offer| offer["title"].as_str().unwrap()).collect()
}

fn complaint() -> Value {
    json!({
        "range": range(1, 17, 1, 19), "severity": 1, "source": "rustc", "code": "E0308",
        "message": "mismatched types\nexpected `i32`, found `&str`, and much more that no menu has room for",
    })
}

#[tokio::test]
async fn a_selection_is_offered_the_actions_as_commands() {
    let bench = Bench::new().await;
    let mut server = opened(&bench, able()).await;
    let offers = offers(&mut server, range(0, 0, 2, 1), json!({ "diagnostics": [] })).await;
    let titles = titles(&offers);
    assert!(
        titles.contains(&"Arawn: Explain") && titles.contains(&"Arawn: Refactor"),
        "{titles:?}"
    );
    assert!(titles.iter().all(|title| title.starts_with("Arawn: ")), "{titles:?}");
    for offer in offers.as_array().unwrap() {
        let kind = offer["kind"].as_str().unwrap();
        let is_ours = kind.starts_with("arawn.") || kind.starts_with("refactor.rewrite.arawn.");
        assert!(is_ours || kind == "quickfix", "{kind}");
        assert_eq!(offer["command"]["command"], "arawn.run");
        assert_eq!(offer["command"]["arguments"][0]["range"], range(0, 0, 2, 1));
        assert!(offer.get("edit").is_none() && offer.get("isPreferred").is_none(), "{offer}");
    }
    server.close().await;
}

#[tokio::test]
async fn a_diagnostic_under_the_cursor_is_offered_a_fix_of_its_lines() {
    let bench = Bench::new().await;
    let mut server = opened(&bench, able()).await;
    let context = json!({ "diagnostics": [complaint()], "triggerKind": 2 });
    let offers = offers(&mut server, range(1, 18, 1, 18), context).await;
    assert_eq!(
        titles(&offers),
        ["Arawn: Fix: mismatched types expected `i32`, found `&str`, and much more…"]
    );
    assert_eq!(offers[0]["kind"], "quickfix");
    assert_eq!(offers[0]["diagnostics"][0]["code"], "E0308");
    let argument = &offers[0]["command"]["arguments"][0];
    assert_eq!(argument["action"], "fix");
    assert_eq!(argument["range"], range(1, 0, 1, 20));
    assert_eq!(argument["diagnostics"][0]["source"], "rustc");
    server.close().await;
}

#[tokio::test]
async fn without_selection_or_diagnostic_there_is_nothing() {
    let bench = Bench::new().await;
    let mut server = opened(&bench, able()).await;
    let cursor = range(1, 4, 1, 4);
    let nothing = offers(&mut server, cursor.clone(), json!({ "diagnostics": [] })).await;
    assert_eq!(nothing, json!([]));
    // A diagnostic elsewhere on the line is not under the cursor.
    let nothing = offers(&mut server, cursor, json!({ "diagnostics": [complaint()] })).await;
    assert_eq!(nothing, json!([]));
    // The editor asks by itself on every movement: not even a selection is an answer to that.
    let context = json!({ "diagnostics": [], "triggerKind": 2 });
    assert_eq!(offers(&mut server, range(0, 0, 2, 1), context).await, json!([]));
    server.close().await;
}

#[tokio::test]
async fn only_is_obeyed_by_prefix() {
    let bench = Bench::new().await;
    let mut server = opened(&bench, able()).await;
    let selection = range(0, 0, 2, 1);
    let context = |only: &str| json!({ "diagnostics": [complaint()], "only": [only] });
    let kinds = |offers: &Value| -> Vec<String> {
        let offers = offers.as_array().unwrap().iter();
        offers.map(|offer| offer["kind"].as_str().unwrap().to_owned()).collect()
    };
    let quickfixes = offers(&mut server, selection.clone(), context("quickfix")).await;
    assert_eq!(kinds(&quickfixes), ["quickfix"]);
    let rewrites = offers(&mut server, selection.clone(), context("refactor")).await;
    assert!(!kinds(&rewrites).is_empty());
    assert!(kinds(&rewrites).iter().all(|kind| kind.starts_with("refactor.rewrite.arawn.")));
    let one = offers(&mut server, selection.clone(), context("arawn.explain")).await;
    assert_eq!(kinds(&one), ["arawn.explain"]);
    for only in ["source", "refactor.rewrite.arawnish", "refactor.extract"] {
        assert_eq!(
            offers(&mut server, selection.clone(), context(only)).await,
            json!([]),
            "{only}"
        );
    }
    // Our own kinds may be asked for without a selection; what the cursor is in is meant.
    let cursor = range(1, 4, 1, 4);
    let context = json!({ "diagnostics": [], "only": ["arawn.explain"] });
    let line = offers(&mut server, cursor.clone(), context).await;
    assert_eq!(line[0]["command"]["arguments"][0]["range"], range(0, 0, 2, 1));
    // A change is asked for where the cursor is: its line is meant.
    let context = json!({ "diagnostics": [], "only": ["refactor.rewrite.arawn.simplify"] });
    let line = offers(&mut server, cursor.clone(), context).await;
    assert_eq!(line[0]["command"]["arguments"][0]["range"], range(1, 0, 1, 20));
    let context = json!({ "diagnostics": [], "only": ["refactor"] });
    assert_eq!(offers(&mut server, cursor, context).await, json!([]));
    server.close().await;
}

#[tokio::test]
async fn what_needs_an_instruction_is_offered_only_where_the_text_holds_one() {
    let bench = Bench::new().await;
    let mut server = opened(&bench, able()).await;
    let context = json!({ "diagnostics": [] });
    let without = offers(&mut server, range(0, 0, 2, 1), context.clone()).await;
    assert!(!titles(&without).iter().any(|title| title.contains("Edit") || title.contains("Ask")));
    let with = offers(&mut server, range(4, 0, 4, 9), context).await;
    let ids: Vec<&str> = with
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| offer["command"]["arguments"][0]["action"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"edit") && !ids.contains(&"ask"), "{ids:?}");
    server.close().await;
}

#[tokio::test]
async fn a_client_without_literals_gets_bare_commands() {
    let bench = Bench::new().await;
    let mut server = opened(&bench, json!({})).await;
    let offers = offers(&mut server, range(0, 0, 2, 1), json!({ "diagnostics": [] })).await;
    assert_eq!(offers[0]["command"], "arawn.run");
    assert!(offers[0].get("kind").is_none());
    server.close().await;
}

#[tokio::test]
async fn documents_that_are_not_open_are_offered_nothing_and_resolving_changes_nothing() {
    let bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    let nothing = offers(&mut server, range(0, 0, 2, 1), json!({ "diagnostics": [] })).await;
    assert_eq!(nothing, json!([]));
    let action = json!({
        "title": "Arawn: Explain", "kind": "arawn.explain",
        "command": { "title": "x", "command": "arawn.run", "arguments": [{}] },
    });
    assert_eq!(server.call("codeAction/resolve", action.clone()).await, action);
    server.close().await;
}
