//! A scripted Ollama on loopback: what it answers depends on the model's name, and it notes when.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) enum Seen {
    /// A whole request for an answer was read.
    Request,
    /// The first token went out; nothing more will.
    Holding,
    /// The last line went out.
    LastSent,
    /// The client closed the connection of a held answer.
    ClientClosed,
}

pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Mutex<Receiver<(Instant, Seen)>>,
    n_connections: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = channel();
        let n_connections = Arc::new(AtomicUsize::new(0));
        let counter = n_connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::Relaxed);
                let sender = sender.clone();
                thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { address, seen: Mutex::new(receiver), n_connections }
    }

    pub(crate) fn config(&self, model: &str) -> String {
        let address = self.address;
        format!(
            "[llm]\nbackend = \"ollama\"\n[backends.ollama]\nbase_url = \"http://{address}\"\nmodel = \"{model}\"\n"
        )
    }

    pub(crate) fn n_connections(&self) -> usize {
        self.n_connections.load(Ordering::Relaxed)
    }

    /// When the next such thing was seen; others before it are passed over.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Seen) -> bool) -> Instant {
        let seen = self.seen.lock().unwrap();
        loop {
            let (at, what) =
                seen.recv_timeout(Duration::from_secs(20)).expect("nothing was seen for 20 s");
            if wanted(&what) {
                return at;
            }
        }
    }

    /// Reads `n` streams of 1,000 tokens at once with nothing but sockets.
    pub(crate) fn read_bare(&self, n: usize) {
        let readers: Vec<_> = (0..n)
            .map(|_| {
                let address = self.address;
                thread::spawn(move || {
                    let body = r#"{"model":"thousand","messages":[]}"#;
                    let mut stream = TcpStream::connect(address).unwrap();
                    let head = "POST /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
                    write!(stream, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
                    let mut all = Vec::new();
                    stream.read_to_end(&mut all).unwrap();
                    assert!(all.len() > 10_000);
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
    }
}

fn serve(mut stream: TcpStream, seen: &Sender<(Instant, Seen)>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((path, body, is_last)) = read_request(&mut reader) {
        let note = |what: Seen| {
            let _ = seen.send((Instant::now(), what));
        };
        if path != "/api/chat" {
            let show = r#"{"capabilities":["completion"],"model_info":{"general.architecture":"llama","llama.context_length":16384}}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
            if write!(stream, "{head} {}\r\n\r\n{show}", show.len()).is_err() {
                return;
            }
            continue;
        }
        note(Seen::Request);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        if body.contains(r#""model":"hold""#) {
            let _ = stream.write_all(&chunk(&line("```\\nlet")));
            note(Seen::Holding);
            let mut rest = Vec::new();
            let _ = reader.read_to_end(&mut rest);
            note(Seen::ClientClosed);
            return;
        }
        if body.contains(r#""model":"thousand""#) {
            for _ in 0..1000 {
                if stream.write_all(&chunk(&line("tok "))).is_err() {
                    return;
                }
            }
        } else {
            let _ = stream.write_all(&chunk(&line("```rust\\n")));
            let _ = stream.write_all(&chunk(&line("let y = 2;\\n```")));
        }
        let n_tokens = if body.contains(r#""model":"thousand""#) { 1000 } else { 2 };
        let done = format!(
            r#"{{"model":"m","message":{{"role":"assistant","content":""}},"done":true,"done_reason":"stop","prompt_eval_count":{n_prompt},"eval_count":{n_tokens}}}"#,
            n_prompt = body.len() / 3
        );
        let mut last = chunk(&format!("{done}\n"));
        last.extend_from_slice(b"0\r\n\r\n");
        let _ = stream.write_all(&last);
        note(Seen::LastSent);
        if is_last {
            return;
        }
    }
}

fn line(content: &str) -> String {
    format!(
        "{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":\"{content}\"}},\"done\":false}}\n"
    )
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, bool)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut len, mut is_last) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|n| *n > 0)?;
        if header == "\r\n" {
            break;
        }
        is_last |= header.eq_ignore_ascii_case("connection: close\r\n");
        if let Some(n) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = n.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8_lossy(&body).into_owned(), is_last))
}
