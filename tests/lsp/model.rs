//! A model server on loopback that answers in Ollama's words, each piece when the test says so.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::test_server::within;

pub(crate) struct Model {
    pub(crate) url: String,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// One request for an answer.
pub(crate) struct Call {
    /// Where it went.
    pub(crate) path: String,
    /// The request's body.
    pub(crate) body: Value,
    /// The same, as it came.
    pub(crate) bytes: Vec<u8>,
    socket: TcpStream,
}

impl Model {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, sender.clone()));
            }
        });
        Self { url, calls }
    }

    /// The address of a server that is not there.
    pub(crate) async fn absent() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    /// Waits for the next request for an answer.
    pub(crate) async fn call(&mut self) -> Call {
        within("a request to the model", self.calls.recv()).await.unwrap()
    }

    /// Answers the next request.
    pub(crate) async fn says(&mut self, text: &str) {
        let mut call = self.call().await;
        call.say(text).await;
        call.done().await;
    }
}

impl Call {
    /// Sends a piece of the answer.
    pub(crate) async fn say(&mut self, text: &str) {
        self.line(&json!({ "message": { "role": "assistant", "content": text }, "done": false }))
            .await;
    }

    /// Sends a piece of what fills a gap.
    pub(crate) async fn fill(&mut self, text: &str) {
        self.line(&json!({ "response": text, "done": false })).await;
    }

    /// Calls tools.
    pub(crate) async fn call_tools(&mut self, calls: &[(&str, Value)]) {
        let calls: Vec<Value> = calls
            .iter()
            .map(
                |(name, arguments)| json!({ "function": { "name": name, "arguments": arguments } }),
            )
            .collect();
        let message = json!({ "role": "assistant", "content": "", "tool_calls": calls });
        self.line(&json!({ "message": message, "done": false })).await;
    }

    /// Ends the answer.
    pub(crate) async fn done(self) {
        self.done_for("stop").await;
    }

    /// Ends the answer for a reason of Ollama's.
    pub(crate) async fn done_for(mut self, reason: &str) {
        let end = json!({
            "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": reason, "eval_count": 3,
        });
        self.line(&end).await;
        self.socket.write_all(b"0\r\n\r\n").await.unwrap();
        let _ = self.socket.shutdown().await;
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn closed(mut self) {
        let mut buffer = [0; 64];
        within("the closing of the socket", async {
            while !matches!(self.socket.read(&mut buffer).await, Ok(0) | Err(_)) {}
        })
        .await;
    }

    async fn line(&mut self, value: &Value) {
        let line = format!("{value}\n");
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        self.socket.write_all(chunk.as_bytes()).await.unwrap();
        self.socket.flush().await.unwrap();
    }
}

/// Serves one connection until it asks for an answer, or closes.
async fn answer(mut socket: TcpStream, calls: mpsc::UnboundedSender<Call>) {
    let mut received = Vec::new();
    while let Some((path, body)) = read_request(&mut socket, &mut received).await {
        if path == "/api/chat" || path == "/api/generate" {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\
                        transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
            if socket.write_all(head.as_bytes()).await.is_ok() {
                let _ = calls.send(Call {
                    path,
                    body: serde_json::from_slice(&body).unwrap(),
                    bytes: body,
                    socket,
                });
            }
            return;
        }
        let names = |name: &str| String::from_utf8_lossy(&body).contains(name);
        let sight = if names("llava") { "vision" } else { "" };
        let filling = if names("coder") { "insert" } else { "" };
        let abilities = ["completion", "tools", sight, filling];
        let answer = json!({ "capabilities": abilities, "model_info": {}, "models": [] });
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if socket.write_all(head.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(socket: &mut TcpStream, received: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        if let Some(at) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..at]).to_lowercase();
            let length = head
                .split("content-length:")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().trim().parse::<usize>().unwrap());
            if received.len() >= at + 4 + length {
                let path = head.split(' ').nth(1).unwrap().to_owned();
                let body = received[at + 4..at + 4 + length].to_vec();
                received.drain(..at + 4 + length);
                return Some((path, body));
            }
        }
        if socket.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}
