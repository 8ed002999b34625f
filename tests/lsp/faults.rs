//! Clients that do what no client should: whatever they do, no text is spoilt, every job ends, and nothing is
//! told that is not so.

use std::time::Duration;

use arawn::lsp::ExitStatus;
use serde_json::{Value, json};

use crate::edits::{CODE, SIMPLER, SIMPLIFIED};
use crate::setup::{Bench, Buffer, URI, able, bare, options, range, run};
use crate::test_server::TestServer;

/// What happens while the model writes.
#[derive(Clone, Copy)]
enum Meanwhile {
    Nothing,
    /// The document is closed.
    Closes,
    /// It is closed and opened again, in another language.
    Reopens,
    /// Changes whose ranges lie beyond the text or end before they start, and versions that go backwards.
    SendsStaleRanges,
    /// Messages that are none.
    TalksNonsense,
}

/// What the client does with an edit.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// Takes it, tells of it and says so.
    Takes,
    /// Says no.
    Refuses,
    /// Answers with an error.
    Fails,
    /// Nothing at all.
    Ignores,
    /// Takes it and tells of it, and never answers.
    TakesInSilence,
    /// Takes it and tells of it, and says no.
    TakesAndDenies,
    /// Takes it, and tells of it and answers only when the server waits no longer.
    TakesLate,
    /// Takes it and answers twice.
    AnswersTwice,
    /// Has a new first line by then, of which the server does not know, and takes the edit for what it is.
    TakesForNewerText,
    /// Has a new first line by then, and finds the first edit stale; takes the second.
    FindsStale,
    /// The user types in the region meanwhile, and every edit for older text is stale.
    TypesInside,
    /// The user deletes everything meanwhile.
    DeletesAll,
    /// Closes the document instead.
    Closes,
}

/// What the client does with every other request.
#[derive(Clone, Copy, PartialEq)]
enum Else {
    Answers,
    Fails,
    Ignores,
}

/// How the text looks in the end.
#[derive(Clone, Copy)]
enum Text {
    /// As the user left it.
    Users,
    /// As the user left it, with the edit in it.
    Edited,
    /// The client itself has spoilt it, and the user must be told.
    Astray,
}

struct Case {
    name: &'static str,
    abilities: fn() -> Value,
    meanwhile: Meanwhile,
    does: Does,
    otherwise: Else,
    statuses: &'static [&'static str],
    text: Text,
}

const NOT_APPLIED: &[&str] = &["proposed", "shown"];
const APPLIED: &[&str] = &["applied"];

/// A client that is well-behaved but for what it does with an edit.
const fn doing(
    name: &'static str,
    does: Does,
    statuses: &'static [&'static str],
    text: Text,
) -> Case {
    let (abilities, meanwhile) = (able as fn() -> Value, Meanwhile::Nothing);
    Case { name, abilities, meanwhile, does, otherwise: Else::Answers, statuses, text }
}

fn cases() -> Vec<Case> {
    let meanwhile = |name, meanwhile, statuses, text| Case {
        meanwhile,
        ..doing(name, Does::Takes, statuses, text)
    };
    let otherwise = |name, does, otherwise, statuses, text| Case {
        otherwise,
        ..doing(name, does, statuses, text)
    };
    vec![
        doing("refuses", Does::Refuses, NOT_APPLIED, Text::Users),
        doing("fails", Does::Fails, NOT_APPLIED, Text::Users),
        doing("never answers", Does::Ignores, NOT_APPLIED, Text::Users),
        doing("takes in silence", Does::TakesInSilence, APPLIED, Text::Edited),
        doing("takes and denies it", Does::TakesAndDenies, APPLIED, Text::Edited),
        doing("answers late", Does::TakesLate, NOT_APPLIED, Text::Edited),
        doing("answers twice", Does::AnswersTwice, APPLIED, Text::Edited),
        doing("finds the edit stale", Does::FindsStale, APPLIED, Text::Edited),
        doing("ignores versions", Does::TakesForNewerText, APPLIED, Text::Astray),
        Case {
            abilities: bare,
            ..doing("knows no versions", Does::TakesForNewerText, APPLIED, Text::Astray)
        },
        doing("types in the region in flight", Does::TypesInside, NOT_APPLIED, Text::Users),
        doing("deletes everything in flight", Does::DeletesAll, NOT_APPLIED, Text::Users),
        doing("closes in flight", Does::Closes, NOT_APPLIED, Text::Users),
        meanwhile("closes", Meanwhile::Closes, NOT_APPLIED, Text::Users),
        meanwhile("reopens as python", Meanwhile::Reopens, APPLIED, Text::Edited),
        meanwhile("sends stale ranges", Meanwhile::SendsStaleRanges, APPLIED, Text::Edited),
        meanwhile("talks nonsense", Meanwhile::TalksNonsense, APPLIED, Text::Edited),
        otherwise("takes, fails else", Does::Takes, Else::Fails, APPLIED, Text::Edited),
        otherwise("fails everything", Does::Fails, Else::Fails, NOT_APPLIED, Text::Users),
        otherwise("takes, ignores else", Does::Takes, Else::Ignores, APPLIED, Text::Edited),
        otherwise("ignores everything", Does::Ignores, Else::Ignores, NOT_APPLIED, Text::Users),
    ]
}

/// The client of a case.
struct Client {
    server: TestServer,
    buffer: Buffer,
    version: i64,
    n_edits: usize,
    /// Requests to be answered when nobody waits any more.
    late: Vec<Value>,
    said: Vec<String>,
}

impl Client {
    async fn tells(&mut self) {
        self.version += 1;
        self.server.change(URI, self.version, json!([{ "text": self.buffer.text }])).await;
    }

    async fn answers(&mut self, request: &Value, applied: bool) {
        self.server.reply(request, json!({ "applied": applied })).await;
    }

    async fn closes(&mut self) {
        let params = json!({ "textDocument": { "uri": URI } });
        self.server.notify("textDocument/didClose", params).await;
    }

    async fn meanwhile(&mut self, what: Meanwhile) {
        match what {
            Meanwhile::Nothing => {}
            Meanwhile::Closes => self.closes().await,
            Meanwhile::Reopens => {
                self.closes().await;
                self.server.open(URI, "python", &self.buffer.text).await;
                self.version = 1;
            }
            Meanwhile::SendsStaleRanges => {
                let events = json!([
                    { "range": range(99, 0, 99, 7), "text": "// end\n" },
                    { "range": range(0, 7, 0, 3), "text": "tail" },
                    { "range": range(1, 900, 1, 999), "text": " // far" },
                ]);
                self.server.change(URI, -7, events).await;
                self.buffer.text.push_str("// end\n");
                self.buffer.replace(&range(0, 3, 0, 7), "tail");
                self.buffer.replace(&range(1, 900, 1, 999), " // far");
                self.version = -7;
            }
            Meanwhile::TalksNonsense => self.nonsense().await,
        }
    }

    async fn nonsense(&mut self) {
        for body in [
            "{x}",
            "[]",
            "null",
            "{\"jsonrpc\":\"2.0\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":4711,\"result\":null}",
            "{\"jsonrpc\":\"2.0\",\"id\":\"none\",\"error\":{\"code\":1,\"message\":\"\"}}",
        ] {
            let head = format!("Content-Length: {}\r\n\r\n", body.len());
            self.server.write((head + body).as_bytes()).await;
        }
        let changes = json!([{ "range": range(0, 0, 0, 1), "text": "x" }]);
        self.server.change("untitled:never-opened", 2, changes).await;
        let document = json!({ "uri": URI, "version": "two" });
        let params = json!({ "textDocument": document, "contentChanges": 7 });
        self.server.notify("textDocument/didChange", params).await;
        self.server.notify("$/unheardOf", json!([1])).await;
    }

    /// What the user does while the first edit is under way.
    async fn gets_in_the_way(&mut self, does: Does) {
        match does {
            Does::TypesInside => self.buffer.replace(&range(2, 11, 2, 16), "b * a"),
            Does::DeletesAll => self.buffer.text.clear(),
            Does::Closes => return self.closes().await,
            _ => return,
        }
        self.tells().await;
    }

    async fn edit(&mut self, does: Does, request: &Value) {
        self.n_edits += 1;
        let is_first = self.n_edits == 1;
        let edit = &request["params"]["edit"];
        match does {
            Does::Refuses | Does::TypesInside | Does::DeletesAll | Does::Closes => {
                if is_first {
                    self.gets_in_the_way(does).await;
                }
                self.answers(request, false).await;
            }
            Does::Fails => self.server.reply_error(request).await,
            Does::Ignores => {}
            Does::FindsStale if is_first => {
                self.buffer.replace(&range(0, 0, 0, 0), "//\n");
                self.tells().await;
                self.answers(request, false).await;
            }
            Does::TakesForNewerText => {
                self.buffer.replace(&range(0, 0, 0, 0), "//\n");
                self.buffer.take(edit);
                self.answers(request, true).await;
                self.tells().await;
            }
            Does::TakesLate => {
                self.buffer.take(edit);
                self.late.push(request.clone());
            }
            Does::Takes
            | Does::FindsStale
            | Does::TakesInSilence
            | Does::TakesAndDenies
            | Does::AnswersTwice => {
                self.buffer.take(edit);
                self.tells().await;
                if does != Does::TakesInSilence {
                    self.answers(request, does != Does::TakesAndDenies).await;
                }
                if does == Does::AnswersTwice {
                    self.answers(request, true).await;
                }
            }
        }
    }

    /// Plays along until request `id` is answered.
    async fn plays(&mut self, case: &Case, id: i64) -> Value {
        loop {
            let message = self.server.receive().await;
            match message["method"].as_str() {
                None if message["id"] == id => return message["result"].clone(),
                Some("workspace/applyEdit") => self.edit(case.does, &message).await,
                Some("window/showMessage" | "window/showMessageRequest") => {
                    self.said.push(message["params"]["message"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
            let is_other = message["method"] != "workspace/applyEdit";
            if is_other && message.get("id").is_some() && message.get("method").is_some() {
                match case.otherwise {
                    Else::Answers => self.server.reply(&message, Value::Null).await,
                    Else::Fails => self.server.reply_error(&message).await,
                    Else::Ignores => {}
                }
            }
        }
    }

    /// Holds result and text against what the case says, and what was said.
    async fn is_as_expected(&mut self, case: &Case, result: &Value) {
        let status = self.server.command("arawn.status", Value::Null).await;
        assert_eq!(status["jobs"], json!([]), "{}: no job is left", case.name);
        let told = result["status"].as_str().unwrap();
        assert!(case.statuses.contains(&told), "{}: {result}", case.name);
        let has_edit = self.buffer.text.contains(SIMPLIFIED_LINE);
        match case.text {
            Text::Users => assert!(!has_edit, "{}: {}", case.name, self.buffer.text),
            Text::Edited => {
                let lines = self.buffer.text.matches(SIMPLIFIED_LINE).count();
                assert_eq!(lines, 1, "{}: {}", case.name, self.buffer.text);
            }
            Text::Astray => {}
        }
        self.said.push(result["message"].as_str().unwrap().to_owned());
        if matches!(case.text, Text::Astray) {
            // It is said as soon as the client's next text shows it.
            let owns_up = |text: &String| text.contains("look whether it is right");
            while !self.said.iter().any(owns_up) {
                let message = self.server.receive().await;
                self.said.extend(message["params"]["message"].as_str().map(str::to_owned));
            }
        }
    }
}

async fn check(case: &Case) {
    let mut bench = Bench::new().await;
    let mut options = options(bench.settings());
    options.limits.client_answer = Duration::from_millis(100);
    let mut server = TestServer::greeted(options, (case.abilities)()).await;
    server.grants_progress = case.otherwise == Else::Answers;
    server.open(URI, "rust", CODE).await;
    let mut argument = run("refactor", range(2, 0, 2, 17));
    argument["wait"] = json!(true);
    let params = json!({ "command": "arawn.run", "arguments": [argument] });
    let id = server.request("workspace/executeCommand", params).await;
    let mut call = bench.model.call().await;
    let buffer = Buffer::new(CODE, "utf-16");
    let (late, said) = (Vec::new(), Vec::new());
    let mut client = Client { server, buffer, version: 1, n_edits: 0, late, said };
    client.meanwhile(case.meanwhile).await;
    client.server.idle().await;
    call.say(SIMPLER).await;
    call.done().await;
    let result = client.plays(case, id).await;

    for request in std::mem::take(&mut client.late) {
        client.tells().await;
        client.answers(&request, true).await;
    }
    client.is_as_expected(case, &result).await;
    client.server.close_and_listen().await;
}

const ORIGINAL_LINE: &str = "    return a + b;\n";
const SIMPLIFIED_LINE: &str = "    a + b\n";

#[tokio::test]
async fn no_client_can_spoil_a_text_or_keep_a_job_from_ending() {
    assert!(CODE.contains(ORIGINAL_LINE) && SIMPLIFIED.contains(SIMPLIFIED_LINE));
    let checks = cases().into_iter().map(|case| tokio::spawn(async move { check(&case).await }));
    for checked in checks.collect::<Vec<_>>() {
        checked.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_exits_in_the_middle_of_a_job_ends_it() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("refactor", range(2, 0, 2, 17))).await;
    let mut call = bench.model.call().await;
    call.say("```rust\n").await;
    server.notify("exit", Value::Null).await;
    call.closed().await;
    assert_eq!(server.ended().await, ExitStatus::Abrupt);
}

#[tokio::test]
async fn a_client_that_dies_with_an_edit_in_its_hands_ends_the_server() {
    let mut bench = Bench::new().await;
    let mut server = bench.server(able()).await;
    server.open(URI, "rust", CODE).await;
    server.command("arawn.run", run("refactor", range(2, 0, 2, 17))).await;
    bench.model.says(SIMPLER).await;
    server.wait_for("workspace/applyEdit").await;
    server.hang_up();
    assert_eq!(server.ended().await, ExitStatus::Abrupt);
}
