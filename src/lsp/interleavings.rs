//! The property test of edits: random documents, selections, answers, typing and clients, against the very code
//! that brings an answer into a document, with a clock of its own. `docs/edits.md` tells how to run it in full.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::{FutureExt, Sink, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::lsp_types::Url;
use tower_lsp::{ClientSocket, Loopback, LspService};
use tower_service::Service;

use crate::assistant::{Assistant, Finished, Job, Outcome};
use crate::config::{self, Environment, LoadInputs};
use crate::model::{BackendName, StopReason, Usage};
use crate::report::{Kind, Report};
use crate::router::{Answer, Choice};
use crate::text::{CharIdx, CharRange};

use super::run::{self, JobResult, Order, Ticket, To};
use super::server::Server;
use super::session::Session;
use super::settings::NotLoaded;
use super::{Limits, ServeOptions};

#[path = "../../tests/support/interleavings/mod.rs"]
mod world;

use world::{Editor, End, Fitted, Scenario, Story, URI, Wire, fit, fly, judge, play, shrunk};

/// How many interleavings run where nobody asks for more.
const N_USUAL: u64 = 12_000;

/// No job may take longer, by the clock of the test.
const LONGEST: Duration = Duration::from_mins(2);

type Answers = Arc<Mutex<<ClientSocket as Loopback>::ResponseSink>>;

/// The way to a server without the pipes in between.
struct Direct {
    service: LspService<Server>,
    answers: Answers,
}

impl Direct {
    fn call(&mut self, request: Request) {
        let called = self.service.call(request).now_or_never();
        assert!(matches!(called, Some(Ok(_))), "it is done before anything else is looked at");
    }
}

impl Wire for Direct {
    async fn tell(&mut self, method: &'static str, params: Value) {
        self.call(Request::build(method).params(params).finish());
    }

    async fn answer(&mut self, request: &Value, answer: Result<Value, Value>) {
        let id = Id::Number(request["id"].as_i64().unwrap());
        let answer = answer.map_err(|error| Error {
            code: ErrorCode::InternalError,
            message: error["message"].as_str().unwrap().to_owned().into(),
            data: None,
        });
        respond(&self.answers, Response::from_parts(id, answer));
    }

    async fn wait(&mut self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    fn too_late(&self) -> u64 {
        12_000
    }
}

fn respond(answers: &Answers, response: Response) {
    let mut answers = answers.lock().unwrap();
    Pin::new(&mut *answers).start_send(response).unwrap();
}

/// An edit that arawn sent, and the text it was made for.
struct Sent {
    request: Value,
    planned_on: Option<String>,
}

/// What the server says, sorted.
#[derive(Default)]
struct Said {
    shown: Mutex<Vec<String>>,
}

/// Listens to the server: edits go on to the editor, questions get a short answer at once.
async fn listen(
    mut requests: <ClientSocket as Loopback>::RequestStream,
    answers: Answers,
    session: Arc<Session>,
    edits: mpsc::UnboundedSender<Sent>,
    said: Arc<Said>,
) {
    let uri: Url = URI.parse().unwrap();
    while let Some(request) = requests.next().await {
        match (request.method(), request.id()) {
            ("workspace/applyEdit", _) => {
                let text = session.state.snapshot(&uri).map(|it| it.text.to_string());
                let request = serde_json::to_value(&request).unwrap();
                let _ = edits.send(Sent { request, planned_on: text });
            }
            ("window/showMessage" | "window/showMessageRequest", id) => {
                let params = request.params().unwrap();
                let text = params["message"].as_str().unwrap().to_owned();
                said.shown.lock().unwrap().push(text);
                if let Some(id) = id {
                    respond(&answers, Response::from_parts(id.clone(), Ok(Value::Null)));
                }
            }
            ("window/showDocument", Some(id)) => {
                let response = Response::from_parts(id.clone(), Ok(json!({ "success": true })));
                respond(&answers, response);
            }
            (_, Some(id)) => respond(&answers, Response::from_parts(id.clone(), Ok(Value::Null))),
            _ => {}
        }
    }
}

/// The core, one for all. Nothing can be written: its state folder would lie below a file.
fn assistant() -> Arc<Assistant> {
    static ASSISTANT: OnceLock<Arc<Assistant>> = OnceLock::new();
    let make = || {
        let environment = Arc::new(Environment::of(&std::env::current_exe().unwrap(), []));
        let inputs = LoadInputs { environment, ..LoadInputs::default() };
        Arc::new(Assistant::new(config::load(&inputs).unwrap().settings))
    };
    ASSISTANT.get_or_init(make).clone()
}

/// A server that has been greeted.
fn greeted(scenario: &Scenario) -> (Arc<Session>, LspService<Server>, ClientSocket) {
    let greeting = json!({ "processId": null, "rootUri": null, "capabilities": {
        "general": { "positionEncodings": [scenario.client.units.name()] },
        "workspace": {
            "applyEdit": true,
            "workspaceEdit": { "documentChanges": scenario.client.document_changes },
        },
    } });
    let options = ServeOptions {
        loader: Arc::new(|_| {
            let report = Report::new(Kind::Config, "not asked for");
            Err(Box::new(NotLoaded { report, files: Vec::new() }))
        }),
        watch: None,
        limits: Limits::default(),
    };
    let raw = Arc::new(OnceLock::from(greeting));
    let (mut service, socket) = LspService::build(|client| Server {
        session: Arc::new(Session::new(client, raw.clone(), options)),
    })
    .finish();
    let session = service.inner().session.clone();
    let request = Request::build("initialize").params(json!({ "capabilities": {} })).id(0).finish();
    service.call(request).now_or_never().unwrap().unwrap();
    session.state.write(|inner| inner.assistant = Some(assistant()));
    (session, service, socket)
}

fn finished(scenario: &Scenario, fitted: &Fitted) -> Finished {
    let answer = Answer {
        text: scenario.answer.clone(),
        tool_calls: Vec::new(),
        reason: StopReason::Stop,
        usage: Usage::default(),
        backend: BackendName::new("ollama"),
        model: "model".to_owned(),
        fell_back: Vec::new(),
        remarks: Vec::new(),
        is_filling: false,
        provider_parts: None,
    };
    let range = CharRange::new(CharIdx(fitted.range.start), CharIdx(fitted.range.end));
    let here: String =
        scenario.document.chars().skip(fitted.range.start).take(fitted.range.len()).collect();
    let result = if here == fitted.text {
        Outcome::Unchanged
    } else {
        Outcome::Edit { range, text: fitted.text.clone(), caution: None }
    };
    Finished { answer, result, checks: Vec::new(), asked_again: None }
}

fn order(scenario: &Scenario, session: &Session) -> Order {
    let uri: Url = URI.parse().unwrap();
    let assistant = assistant();
    let (start, end) = (scenario.selection.start, scenario.selection.end);
    let job = Job {
        action: assistant.catalog().find("refactor").unwrap().clone(),
        snapshot: session.state.snapshot(&uri).unwrap(),
        range: CharRange::new(CharIdx(start), CharIdx(end)),
        complaints: Vec::new(),
        input: None,
        choice: Choice::default(),
        workspace: Vec::new(),
    };
    Order { assistant, job, uri, preview: false, errors: To::User, answers: To::User }
}

/// One story, from the opening of the document to long after the job's end.
async fn story(scenario: &Scenario, fitted: &Fitted) -> Result<Story, String> {
    let uri: Url = URI.parse().unwrap();
    let (session, service, socket) = greeted(scenario);
    let (requests, answers) = socket.split();
    let answers = Arc::new(Mutex::new(answers));
    let (sender, mut edits) = mpsc::unbounded_channel();
    let said = Arc::new(Said::default());
    let listening =
        tokio::spawn(listen(requests, answers.clone(), session.clone(), sender, said.clone()));
    let mut wire = Direct { service, answers };
    let mut editor = Editor::new(scenario, fitted.range.clone());
    wire.tell("textDocument/didOpen", editor.opened()).await;

    let order = order(scenario, &session);
    let ticket = Ticket::draw(&session, &uri, "Refactor");
    play(&mut editor, &mut wire, &scenario.before).await;
    let finished = finished(scenario, fitted);
    let mut job = {
        let session = session.clone();
        tokio::spawn(async move { run::deliver(&session, ticket.id, &order, finished).await })
    };
    let mut n_flights = 0;
    let playing = async {
        loop {
            tokio::select! {
                biased;
                Some(sent) = edits.recv() => {
                    let flight = scenario.flight(n_flights);
                    n_flights += 1;
                    let planned_on = sent.planned_on.as_deref();
                    fly(&mut editor, &mut wire, &sent.request, planned_on, &flight).await;
                }
                result = &mut job => return result.map_err(|error| format!("a panic: {error}")),
            }
        }
    };
    let result: JobResult =
        tokio::time::timeout(LONGEST, playing).await.map_err(|_| "the job does not end")??;
    play(&mut editor, &mut wire, &scenario.after).await;
    settle(&mut editor, &mut wire, &session).await?;
    listening.abort();
    if edits.try_recv().is_ok() {
        return Err("an edit was sent after the job's end".to_owned());
    }
    let status = serde_json::to_value(result.status).unwrap();
    let shown = said.shown.lock().unwrap().clone();
    let end = End { status: status.as_str().unwrap().to_owned(), message: result.message, shown };
    judge(scenario, fitted, &editor, &end)
}

/// Lets time pass until nothing goes on any more; then editor and server have the same text.
async fn settle(editor: &mut Editor, wire: &mut Direct, session: &Session) -> Result<(), String> {
    wire.wait(1000).await;
    editor.flush();
    for (method, params) in editor.outgoing() {
        wire.tell(method, params).await;
    }
    wire.wait(5000).await;
    let uri: Url = URI.parse().unwrap();
    let known = session.state.snapshot(&uri).map(|it| it.text.to_string());
    if known == editor.text() {
        Ok(())
    } else {
        Err(format!("the editor has {:?}, the server {known:?}", editor.text()))
    }
}

/// Plays a scenario on a clock of its own; a panic is a failure like any other.
fn played(scenario: &Scenario) -> Result<Story, String> {
    let Ok(fitted) = fit(scenario) else { return Ok(Story::NoEdit) };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap();
    let playing = AssertUnwindSafe(|| runtime.block_on(story(scenario, &fitted)));
    catch_unwind(playing).unwrap_or_else(|_| Err("a panic".to_owned()))
}

fn variable(name: &str) -> Option<u64> {
    let value = Environment::capture().var(name)?.to_owned();
    Some(value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// How many failures are enough.
const ENOUGH: usize = 1000;

/// What many stories came to.
#[derive(Default)]
struct Tally {
    stories: BTreeMap<Story, u64>,
    failures: Vec<(u64, String)>,
}

/// Plays the scenarios of many seeds on all processors, until enough have failed.
fn played_all(first: u64, n: u64) -> Tally {
    let next = AtomicU64::new(first);
    let tally = Mutex::new(Tally::default());
    let work = || {
        let mut stories: BTreeMap<Story, u64> = BTreeMap::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + n || tally.lock().unwrap().failures.len() >= ENOUGH {
                break;
            }
            match played(&Scenario::of(seed)) {
                Ok(story) => *stories.entry(story).or_default() += 1,
                Err(error) => tally.lock().unwrap().failures.push((seed, error)),
            }
        }
        for (story, count) in stories {
            *tally.lock().unwrap().stories.entry(story).or_default() += count;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap()
}

#[test]
fn random_interleavings_lose_nothing_and_are_told_as_they_are() {
    let first = variable("ARAWN_SEED").unwrap_or(1);
    let n = variable("ARAWN_INTERLEAVINGS").unwrap_or(N_USUAL);
    let started = std::time::Instant::now();
    let Tally { stories, failures } = played_all(first, n);
    if let Some((seed, _)) = failures.first() {
        for (seed, error) in &failures {
            let kind = error.lines().next().unwrap_or_default();
            let client = Scenario::of(*seed).client;
            eprintln!("seed {seed}: {kind} [{client:?}]");
        }
        let small = shrunk(Scenario::of(*seed), |scenario| played(scenario).is_err());
        let error = played(&small).expect_err("it failed before");
        panic!(
            "{error}\n\nARAWN_SEED={seed} ARAWN_INTERLEAVINGS=1, made smaller:\n{small:#?}\n{:?}",
            fit(&small)
        );
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("seeds {first} to {}: {stories:?} in {seconds:.1} s", first + n - 1);
    assert!(n < N_USUAL || stories.len() >= 6, "every kind of end is reached: {stories:?}");
}
