//! Random interleavings through the front door: real messages, a scripted model, an editor that plays along.
//!
//! Few of them, beside the many that the crate plays inside against the same code with a clock of its own: here
//! the pipes, the door and the whole life of a job are in it too.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::interleavings::{
    Editor, End, Fitted, Output, Says, Scenario, Step, URI, Wire, fit, fly, judge, play,
};
use crate::setup::{Bench, options, run};
use crate::test_server::TestServer;

/// How many stories are played.
const N_STORIES: u64 = 150;

/// How many at a time.
const AT_A_TIME: usize = 24;

/// How long the server waits for an answer.
const PATIENCE: Duration = Duration::from_millis(600);

/// How long it may still find out that an edit went astray: longer than it waits for the client's next text.
const AFTERMATH: Duration = Duration::from_millis(900);

/// The way to the server.
struct Pipe {
    server: TestServer,
}

impl Wire for Pipe {
    async fn tell(&mut self, method: &'static str, params: Value) {
        self.server.notify(method, params).await;
    }

    async fn answer(&mut self, request: &Value, answer: Result<Value, Value>) {
        match answer {
            Ok(result) => self.server.reply(request, result).await,
            Err(_) => self.server.reply_error(request).await,
        }
    }

    async fn wait(&mut self, milliseconds: u64) {
        // The client is slow: that is what is tested.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    fn too_late(&self) -> u64 {
        u64::try_from(2 * PATIENCE.as_millis()).unwrap()
    }
}

fn abilities(scenario: &Scenario) -> Value {
    json!({
        "general": { "positionEncodings": [scenario.client.units.name()] },
        "workspace": {
            "applyEdit": true,
            "workspaceEdit": { "documentChanges": scenario.client.document_changes },
        },
    })
}

/// A scenario that can be told through the menu, with the edit that is to come of it.
fn playable(seed: u64) -> Option<(Scenario, Fitted)> {
    let scenario = Scenario::of(seed);
    let (selection, chars) = (scenario.selection.clone(), scenario.document.chars());
    let is_blank = chars.skip(selection.start).take(selection.len()).all(char::is_whitespace);
    let waits = |steps: &[Step]| steps.iter().any(|step| matches!(step, Step::Wait(_)));
    let is_slow = scenario
        .flights
        .iter()
        .any(|it| waits(&it.before) || waits(&it.between) || it.says == Says::TooLate);
    let is_fit = scenario.output == Output::Replace && !is_blank && !is_slow;
    let fitted = fit(&scenario).ok().filter(|_| is_fit)?;
    Some((scenario, fitted))
}

/// Plays along until request `id` is answered. Returns the result, and what was shown.
async fn plays(
    scenario: &Scenario,
    editor: &mut Editor,
    wire: &mut Pipe,
    id: i64,
) -> (Value, Vec<String>) {
    let mut shown = Vec::new();
    let mut n_flights = 0;
    loop {
        let message = wire.server.receive().await;
        shown.extend(message["params"]["message"].as_str().map(str::to_owned));
        match message["method"].as_str() {
            None if message["id"] == id => return (message["result"].clone(), shown),
            Some("workspace/applyEdit") => {
                let flight = scenario.flight(n_flights);
                // What is told after an answer crosses with an edit made because of it.
                let is_known = n_flights == 0
                    || !(editor.is_late() || scenario.flight(n_flights - 1).answers_first);
                n_flights += 1;
                let planned_on = is_known.then(|| editor.told().to_owned());
                fly(editor, wire, &message, planned_on.as_deref(), &flight).await;
            }
            Some(_) if message.get("id").is_some() => {
                wire.server.reply(&message, Value::Null).await;
            }
            _ => {}
        }
    }
}

async fn story(scenario: &Scenario, fitted: &Fitted) -> Result<(), String> {
    let mut bench = Bench::new().await;
    let mut options = options(bench.settings());
    options.limits.client_answer = PATIENCE;
    let server = TestServer::greeted(options, abilities(scenario)).await;
    let mut editor = Editor::new(scenario, fitted.range.clone());
    let mut wire = Pipe { server };
    wire.tell("textDocument/didOpen", editor.opened()).await;
    let mut argument = run("refactor", editor.lsp_range(&scenario.selection));
    argument["wait"] = json!(true);
    argument["textDocument"]["uri"] = json!(URI);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = wire.server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    play(&mut editor, &mut wire, &scenario.before).await;
    wire.server.idle().await;
    call.say(&scenario.answer).await;
    call.done().await;
    // A check may have the model asked once more.
    let (mut model, answer) = (bench.model, scenario.answer.clone());
    let answering = tokio::spawn(async move { model.says(&answer).await });

    let (result, mut shown) = plays(scenario, &mut editor, &mut wire, id).await;
    answering.abort();
    play(&mut editor, &mut wire, &scenario.after).await;
    tokio::time::sleep(AFTERMATH).await;
    wire.server.idle().await;
    let unread = wire.server.close_and_listen().await;
    shown.extend(unread.iter().filter_map(|it| Some(it["params"]["message"].as_str()?.to_owned())));
    let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
    let end = End { status: text("status"), message: text("message"), shown };
    judge(scenario, fitted, &editor, &end).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_interleavings_through_the_front_door_come_out_right() {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let playing: Vec<_> = (1..)
        .filter_map(|seed| Some((seed, playable(seed)?)))
        .take(usize::try_from(N_STORIES).unwrap())
        .map(|(seed, (scenario, fitted))| {
            let permits = permits.clone();
            let playing = tokio::spawn(async move {
                let _permit = permits.acquire().await;
                story(&scenario, &fitted).await
            });
            (seed, playing)
        })
        .collect();
    let mut failures = Vec::new();
    for (seed, playing) in playing {
        match playing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failures.push(format!("seed {seed}: {error}")),
            Err(panic) => failures.push(format!("seed {seed}: {panic}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
