//! A scripted Ollama on loopback: whoever starts it decides what it answers to which conversation.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What is answered to the messages of a request.
pub(crate) type Script = dyn Fn(&[Value]) -> String + Send + Sync;

pub(crate) struct Upstream {
    address: SocketAddr,
    last_token: Arc<Mutex<Instant>>,
}

impl Upstream {
    /// Starts a server that holds back the last token of every answer for a while.
    pub(crate) fn start(hold: Duration, script: Arc<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let last_token = Arc::new(Mutex::new(Instant::now()));
        let noted = last_token.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, noted) = (script.clone(), noted.clone());
                thread::spawn(move || serve(stream, hold, &*script, &noted));
            }
        });
        Self { address, last_token }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// When the last token of the last answer was about to go out.
    pub(crate) fn last_token(&self) -> Instant {
        *self.last_token.lock().unwrap()
    }
}

fn serve(mut stream: TcpStream, hold: Duration, script: &Script, last_token: &Mutex<Instant>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((path, body)) = read_request(&mut reader) {
        let written = if path == "/api/chat" {
            let request: Value = serde_json::from_slice(&body).unwrap();
            let answer = script(request["messages"].as_array().unwrap());
            write_answer(&mut stream, &answer, body.len() / 3, hold, last_token)
        } else {
            let show = json!({
                "capabilities": ["completion"],
                "model_info": { "general.architecture": "llama", "llama.context_length": 65536 },
            });
            let show = show.to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
            write!(stream, "{head} {}\r\n\r\n{show}", show.len())
        };
        if written.is_err() {
            return;
        }
    }
}

fn write_answer(
    stream: &mut TcpStream,
    answer: &str,
    n_prompt: usize,
    hold: Duration,
    last_token: &Mutex<Instant>,
) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    let tokens: Vec<&str> = answer.split_inclusive([' ', '\n']).collect();
    let (last, first) = tokens.split_last().unwrap();
    for token in first {
        stream.write_all(&line(token))?;
    }
    thread::park_timeout(hold);
    let end = json!({
        "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop",
        "prompt_eval_count": n_prompt, "eval_count": tokens.len(),
    });
    *last_token.lock().unwrap() = Instant::now();
    let mut bytes = line(last);
    bytes.extend(chunk(&format!("{end}\n")));
    bytes.extend_from_slice(b"0\r\n\r\n");
    stream.write_all(&bytes)
}

fn line(token: &str) -> Vec<u8> {
    let message = json!({ "role": "assistant", "content": token });
    chunk(&format!("{}\n", json!({ "message": message, "done": false })))
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut len = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|n| *n > 0)?;
        if header == "\r\n" {
            break;
        }
        if let Some(n) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = n.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}
