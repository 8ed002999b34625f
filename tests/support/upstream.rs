//! A scripted model server on loopback: it plays exchanges in order, in exactly the given pieces.
//!
//! It records what it was asked, fails on a call too many and on a script that was not used up, and can
//! tell when the client closed its socket. Questions about models (`/models`, `/api/show`, `/api/tags`,
//! ...) are answered apart from the script.
//!
//! ```ignore
//! let upstream = Upstream::start([Exchange::openai_text(&["Hel", "lo"])]).await;
//! // ... point a backend at upstream.url(), do the work ...
//! assert_eq!(upstream.request(0).await.path, "/v1/chat/completions");
//! upstream.finish();
//! ```
#![allow(dead_code, unreachable_pub, reason = "each test target uses its own part of this file")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Longest wait for anything in a test.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, `POST`.
    pub method: String,
    /// With query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the request's body is JSON")
    }
}

/// Lets a waiting exchange go on.
#[derive(Clone, Debug)]
pub struct Signal(Arc<watch::Sender<bool>>);

impl Default for Signal {
    fn default() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }
}

impl Signal {
    /// Fires; also exchanges that wait later go on at once.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }

    async fn fired(&self) {
        let mut receiver = self.0.subscribe();
        let _ = receiver.wait_for(|fired| *fired).await;
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// These bytes as they are.
    Raw(Vec<u8>),
    /// One chunk of a chunked body.
    Chunk(Vec<u8>),
    /// Until the signal, or the client's close.
    Wait(Signal),
    /// Until the client's close.
    Stall,
    /// The connection is reset.
    Reset,
    /// The connection is closed.
    Close,
}

/// One request and its scripted answer.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    steps: Vec<Step>,
    is_chunked: bool,
}

impl Exchange {
    /// An answer with this head, then chunks as they are added. `head` is status line and headers, one a
    /// line: `"200 OK\ncontent-type: text/event-stream"`.
    pub fn head(head: &str) -> Self {
        let head = head.trim().replace('\n', "\r\n");
        let head = format!("HTTP/1.1 {head}\r\ntransfer-encoding: chunked\r\n\r\n");
        Self { steps: vec![Step::Raw(head.into_bytes())], is_chunked: true }
    }

    /// A stream of server-sent events, still empty.
    pub fn sse() -> Self {
        Self::head("200 OK\ncontent-type: text/event-stream")
    }

    /// A stream of JSON lines, still empty.
    pub fn ndjson() -> Self {
        Self::head("200 OK\ncontent-type: application/x-ndjson")
    }

    /// A whole answer of JSON: `status` is `"429 Too Many Requests\nretry-after: 1"`.
    pub fn json(status: &str, body: &str) -> Self {
        Self::head(&format!("{status}\ncontent-type: application/json")).send(body)
    }

    /// Nothing at all, until steps are added: not even a head.
    pub fn silent() -> Self {
        Self::default()
    }

    /// A complete answer in the openai dialect, one chunk a piece.
    pub fn openai_text(pieces: &[&str]) -> Self {
        pieces
            .iter()
            .fold(Self::sse(), |exchange, piece| exchange.send(openai_chunk(piece)))
            .send(openai_end())
    }

    /// A complete answer in the anthropic dialect, one delta a piece.
    pub fn anthropic_text(pieces: &[&str]) -> Self {
        pieces
            .iter()
            .fold(Self::sse().send(anthropic_start()), |exchange, piece| {
                exchange.send(anthropic_delta(piece))
            })
            .send(anthropic_end("end_turn"))
    }

    /// A complete answer in the ollama dialect, one line a piece.
    pub fn ollama_text(pieces: &[&str]) -> Self {
        pieces
            .iter()
            .fold(Self::ndjson(), |exchange, piece| exchange.send(ollama_line(piece)))
            .send(ollama_end())
    }

    /// A complete filling of llama.cpp's server, one chunk a piece.
    pub fn infill_text(pieces: &[&str]) -> Self {
        pieces
            .iter()
            .fold(Self::sse(), |exchange, piece| exchange.send(infill_chunk(piece)))
            .send(infill_end("eos"))
    }

    /// A complete answer of Ollama's `/api/generate`, one line a piece.
    pub fn generate_text(pieces: &[&str]) -> Self {
        pieces
            .iter()
            .fold(Self::ndjson(), |exchange, piece| exchange.send(generate_line(piece)))
            .send(generate_end("stop"))
    }

    /// Sends a piece.
    #[must_use]
    pub fn send(mut self, piece: impl AsRef<[u8]>) -> Self {
        let piece = piece.as_ref().to_vec();
        self.steps.push(if self.is_chunked { Step::Chunk(piece) } else { Step::Raw(piece) });
        self
    }

    /// Waits for a signal of the test.
    #[must_use]
    pub fn wait(mut self, signal: &Signal) -> Self {
        self.steps.push(Step::Wait(signal.clone()));
        self
    }

    /// Sends nothing more and waits until the client gives up.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.steps.push(Step::Stall);
        self
    }

    /// Resets the connection.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self
    }

    /// Closes the connection without the end of the body.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.steps.push(Step::Close);
        self
    }
}

/// A chunk of the openai dialect with a piece of text.
pub fn openai_chunk(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// The end of an answer of the openai dialect: reason, usage, `[DONE]`.
pub fn openai_end() -> String {
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
     data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}\n\n\
     data: [DONE]\n\n"
        .to_owned()
}

/// An event of the anthropic dialect; its name is its `type`.
pub fn anthropic_event(data: &serde_json::Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
}

/// The begin of an answer of the anthropic dialect, with a block of text opened.
pub fn anthropic_start() -> String {
    let start = serde_json::json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
        "role": "assistant", "content": [], "usage": {"input_tokens": 11, "output_tokens": 1}}});
    let block = serde_json::json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}});
    anthropic_event(&start) + &anthropic_event(&block)
}

/// A piece of text of the anthropic dialect.
pub fn anthropic_delta(text: &str) -> String {
    anthropic_event(&serde_json::json!({"type": "content_block_delta", "index": 0,
        "delta": {"type": "text_delta", "text": text}}))
}

/// The end of an answer of the anthropic dialect: reason, usage, end sign.
pub fn anthropic_end(stop_reason: &str) -> String {
    let block = serde_json::json!({"type": "content_block_stop", "index": 0});
    let delta = serde_json::json!({"type": "message_delta", "delta": {"stop_reason": stop_reason},
        "usage": {"output_tokens": 7}});
    let stop = serde_json::json!({"type": "message_stop"});
    anthropic_event(&block) + &anthropic_event(&delta) + &anthropic_event(&stop)
}

/// A line of the ollama dialect with a piece of text.
pub fn ollama_line(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        "{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":{text}}},\"done\":false}}\n"
    )
}

/// The last line of the ollama dialect.
pub fn ollama_end() -> String {
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\
     \"prompt_eval_count\":11,\"eval_count\":7}\n"
        .to_owned()
}

/// A chunk of a filling by llama.cpp's server.
pub fn infill_chunk(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        "data: {{\"index\":0,\"content\":{text},\"tokens\":[1],\"stop\":false,\"id_slot\":-1,\
         \"tokens_predicted\":3,\"tokens_evaluated\":11}}\n\n"
    )
}

/// The last chunk of a filling: `stop_type` is `eos`, `word` or `limit`.
pub fn infill_end(stop_type: &str) -> String {
    format!(
        "data: {{\"index\":0,\"content\":\"\",\"tokens\":[],\"stop\":true,\"tokens_predicted\":7,\
         \"tokens_evaluated\":11,\"truncated\":false,\"stop_type\":\"{stop_type}\",\"timings\":{{\"cache_n\":4}}}}\n\n"
    )
}

/// A line of Ollama's `/api/generate`.
pub fn generate_line(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!("{{\"model\":\"m\",\"response\":{text},\"done\":false}}\n")
}

/// The last line of Ollama's `/api/generate`.
pub fn generate_end(reason: &str) -> String {
    format!(
        "{{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"{reason}\",\"context\":[1,2],\
         \"prompt_eval_count\":11,\"eval_count\":7}}\n"
    )
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Exchange>,
    requests: Vec<Recorded>,
    lookups: Vec<Recorded>,
    closed: Vec<bool>,
    n_connections: usize,
    complaints: Vec<String>,
    routes: BTreeMap<String, (String, String)>,
    scripted: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        result
    }
}

/// The server; gone when dropped.
#[derive(Debug)]
pub struct Upstream {
    port: u16,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Starts a server that plays these exchanges in order.
    pub async fn start(script: impl IntoIterator<Item = Exchange>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        shared.change(|state| state.script = script.into_iter().collect());
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { port, shared, task }
    }

    /// Adds an exchange to the end of the script.
    pub fn then(&self, exchange: Exchange) {
        self.shared.change(|state| state.script.push_back(exchange));
    }

    /// Answers a question about models, any number of times: path without query, status, body.
    pub fn route(&self, path: &str, status: &str, body: &str) {
        self.shared.change(|state| {
            state.routes.insert(path.to_owned(), (status.to_owned(), body.to_owned()))
        });
    }

    /// Answers questions at this path out of the script.
    pub fn unroute(&self, path: &str) {
        self.shared.change(|state| state.scripted.push(path.to_owned()));
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The scripted requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// The questions about models so far.
    pub fn lookups(&self) -> Vec<Recorded> {
        self.shared.state.lock().unwrap().lookups.clone()
    }

    /// Connections accepted so far.
    pub fn n_connections(&self) -> usize {
        self.shared.state.lock().unwrap().n_connections
    }

    /// The nth scripted request, once it is there.
    pub async fn request(&self, nth: usize) -> Recorded {
        self.until(&format!("request {nth}"), |state| state.requests.get(nth).cloned()).await
    }

    /// Waits until the client has closed the socket of the nth exchange before its end.
    pub async fn closed(&self, nth: usize) {
        self.until(&format!("close of exchange {nth}"), |state| {
            state.closed.get(nth).copied().unwrap_or(false).then_some(())
        })
        .await;
    }

    /// Ends the server and all its connections; nothing listens at its port afterwards.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Fails if the client called too often or not often enough.
    pub fn finish(self) {
        let state = self.shared.state.lock().unwrap();
        assert!(state.complaints.is_empty(), "upstream: {:?}", state.complaints);
        assert!(
            state.script.is_empty(),
            "upstream: {} exchanges were not used",
            state.script.len()
        );
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut(&State) -> Option<T>) -> T {
        let wait = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = look(&self.shared.state.lock().unwrap()) {
                    return found;
                }
                changed.await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, wait).await;
        found.unwrap_or_else(|_| {
            panic!(
                "upstream: no {what} within {DEADLINE:?}: {:?}",
                self.shared.state.lock().unwrap()
            )
        })
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.change(|state| state.n_connections += 1);
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream, shared.clone()));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    while let Some(request) = read_request(&mut stream).await {
        if let Some((status, body)) = routed(&request, &shared) {
            shared.change(|state| state.lookups.push(request));
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        let (nth, exchange) = shared.change(|state| {
            let exchange = state.script.pop_front();
            if exchange.is_none() {
                state
                    .complaints
                    .push(format!("a call too many: {} {}", request.method, request.path));
            }
            state.requests.push(request);
            state.closed.push(false);
            (state.requests.len() - 1, exchange)
        });
        let exchange = exchange.unwrap_or_else(|| {
            Exchange::json("500 Internal Server Error", "{\"error\":\"the script is over\"}")
        });
        let played = play(&mut stream, exchange).await;
        if played == Played::ClosedByClient {
            shared.change(|state| state.closed[nth] = true);
        }
        if played != Played::ToTheEnd {
            return;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Played {
    ToTheEnd,
    ClosedByClient,
    ClosedByUs,
}

async fn play(stream: &mut TcpStream, exchange: Exchange) -> Played {
    for step in exchange.steps {
        let sent = match step {
            Step::Raw(bytes) => stream.write_all(&bytes).await,
            // An empty chunk would be the end of the body.
            Step::Chunk(bytes) if bytes.is_empty() => Ok(()),
            Step::Chunk(bytes) => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(&bytes);
                chunk.extend_from_slice(b"\r\n");
                stream.write_all(&chunk).await
            }
            Step::Wait(signal) => tokio::select! {
                () = signal.fired() => Ok(()),
                () = client_close(stream) => return Played::ClosedByClient,
            },
            Step::Stall => {
                client_close(stream).await;
                return Played::ClosedByClient;
            }
            Step::Reset => {
                let _ = stream.set_zero_linger();
                return Played::ClosedByUs;
            }
            Step::Close => return Played::ClosedByUs,
        };
        if sent.is_err() {
            return Played::ClosedByClient;
        }
    }
    if exchange.is_chunked && stream.write_all(b"0\r\n\r\n").await.is_err() {
        return Played::ClosedByClient;
    }
    if exchange.is_chunked { Played::ToTheEnd } else { Played::ClosedByUs }
}

/// Returns when the client has closed its side.
async fn client_close(stream: &mut TcpStream) {
    let mut byte = [0; 1];
    // A client that waits for an answer sends nothing; whatever comes here is the end.
    let _ = stream.read(&mut byte).await;
}

fn routed(request: &Recorded, shared: &Shared) -> Option<(String, String)> {
    let path = request.path.split('?').next().unwrap_or_default();
    {
        let state = shared.state.lock().unwrap();
        if let Some(route) = state.routes.get(path) {
            return Some(route.clone());
        }
        if state.scripted.iter().any(|scripted| scripted == path) {
            return None;
        }
    }
    let body = match path {
        "/api/version" => r#"{"version":"0.17.1"}"#,
        "/api/tags" => r#"{"models":[{"name":"m:latest","model":"m:latest"}]}"#,
        "/api/ps" => r#"{"models":[]}"#,
        "/api/show" => {
            r#"{"capabilities":["completion","tools","insert"],"model_info":{"llama.context_length":16384}}"#
        }
        _ if path.ends_with("/models") => {
            r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#
        }
        // One model by its id, which only Anthropic has: nothing is known of it.
        _ if request.method == "GET" && path.contains("/models/") => {
            return Some(("404 Not Found".to_owned(), r#"{"error":"no such path"}"#.to_owned()));
        }
        _ => return None,
    };
    Some(("200 OK".to_owned(), body.to_owned()))
}

async fn read_request(stream: &mut TcpStream) -> Option<Recorded> {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_len]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body_len: usize =
        headers.get("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head_len);
    while body.len() < body_len {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Recorded { method, path, headers, body })
}
