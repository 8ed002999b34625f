//! The built binary serving on a free port, and a client that can send what no library would.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The key and the token that must be seen nowhere.
pub(crate) const CANARY: &str = "sk-canary-0123456789abcdef0123456789";

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Serve {
    child: Child,
    pub(crate) port: u16,
    folder: TempDir,
    /// Kept open, so that a write to it does not fail.
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let stderr = fs::read_to_string(self.stderr_path()).unwrap_or_default();
        if !std::thread::panicking() {
            assert!(!stderr.contains(CANARY) && !stderr.contains("panicked"), "{stderr}");
        }
    }
}

/// A command in a private home with this config.
pub(crate) fn command(folder: &TempDir, config: &str, arguments: &[&str]) -> Command {
    let home = folder.path();
    fs::create_dir_all(home.join("work/.git")).unwrap();
    fs::create_dir_all(home.join("config/arawn")).unwrap();
    fs::write(home.join("config/arawn/arawn.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_arawn"));
    command
        .args(arguments)
        .current_dir(home.join("work"))
        .env_clear()
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("CANARY_KEY", CANARY)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Serve {
    /// Serves with this config; the line on stdout says where.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_with(config, &[]).await
    }

    pub(crate) async fn start_with(config: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = [&["serve", "--port", "0"], arguments].concat();
        let mut command = command(&folder, config, &arguments);
        command.stderr(fs::File::create(folder.path().join("stderr")).unwrap());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let port = line.trim().strip_prefix("listening on http://127.0.0.1:");
            let port = port.unwrap_or_else(|| {
                let stderr = fs::read_to_string(folder.path().join("stderr")).unwrap();
                panic!("no address in {line:?}: {stderr}")
            });
            Self { port: port.parse().unwrap(), child, folder, _stdout: stdout }
        })
        .await
        .unwrap()
    }

    fn stderr_path(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.stderr_path()).unwrap()
    }

    /// Puts another user config in place of the first.
    pub(crate) fn write_config(&self, config: &str) {
        self.write("config/arawn/arawn.toml", config);
    }

    /// Writes a file below the private home.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Sends a signal by name and waits for the end; gives the exit code.
    #[cfg(unix)]
    pub(crate) async fn end_with(mut self, signal: &str) -> i32 {
        self.signal(signal);
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code().unwrap_or(-1))
            .await
            .unwrap()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Sends these bytes on a connection of their own.
    pub(crate) async fn send(&self, bytes: &str) -> Connection {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        Connection { stream, unread: Vec::new() }
    }

    /// Sends a request with these header lines besides those every client sends.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Connection {
        let (port, len) = (self.port, body.len());
        let host = if headers.to_lowercase().contains("host:") {
            String::new()
        } else {
            format!("Host: 127.0.0.1:{port}\r\n")
        };
        let length = if method == "GET" && body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {len}\r\n")
        };
        self.send(&format!("{method} {path} HTTP/1.1\r\n{host}{length}{headers}\r\n{body}")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", "").await.answer().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, "", "").await.answer().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Connection {
        self.request("POST", path, "Content-Type: application/json\r\n", &body.to_string()).await
    }

    /// One message to `/api/v1/chat`.
    pub(crate) async fn chat(&self, body: &Value) -> Answer {
        self.post("/api/v1/chat", body).await.answer().await
    }

    /// One message to `/api/v1/chat/stream`; its events.
    pub(crate) async fn stream(&self, body: &Value) -> Events {
        let connection = self.post("/api/v1/chat/stream", body).await;
        connection.events().await
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Status and code of an error that has message and hint.
    pub(crate) fn error(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert!(!error["message"].as_str().unwrap().is_empty(), "{self:?}");
        assert!(!error["hint"].as_str().unwrap().is_empty(), "{self:?}");
        (self.status, error["code"].as_str().unwrap().to_owned())
    }
}

impl Connection {
    async fn read_more(&mut self) -> bool {
        let read = tokio::time::timeout(DEADLINE, self.stream.read_buf(&mut self.unread)).await;
        matches!(read.expect("nothing came in time"), Ok(n) if n > 0)
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            assert!(self.read_more().await, "the body broke off");
        }
        self.unread.drain(..len).collect()
    }

    async fn head(&mut self) -> (u16, String) {
        let mut head = self.line().await.expect("no answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        loop {
            let line = self.line().await.expect("the head broke off");
            if line.is_empty() {
                return (status, head);
            }
            head.push('\n');
            head.push_str(&line);
        }
    }

    /// The next chunk of a chunked body; `None` at its proper end.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let len = self.line().await.expect("the body broke off");
        let len = usize::from_str_radix(&len, 16).unwrap();
        let chunk = self.exactly(len).await;
        assert_eq!(self.exactly(2).await, b"\r\n");
        (len > 0).then_some(chunk)
    }

    /// Reads the whole answer.
    pub(crate) async fn answer(mut self) -> Answer {
        let (status, head) = self.head().await;
        let mut answer = Answer { status, head, body: String::new() };
        assert_eq!(answer.header("access-control-allow-origin"), None, "{answer:?}");
        let mut body = Vec::new();
        if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
        } else if let Some(len) = answer.header("content-length") {
            body = self.exactly(len.parse().unwrap()).await;
        }
        answer.body = String::from_utf8(body).unwrap();
        assert!(!answer.body.contains(CANARY), "the key is in the answer: {answer:?}");
        answer
    }

    /// Reads the head of a stream of events.
    pub(crate) async fn events(mut self) -> Events {
        let (status, head) = self.head().await;
        assert_eq!(status, 200, "{head} {}", String::from_utf8_lossy(&self.unread));
        assert!(head.contains("text/event-stream"), "{head}");
        Events { connection: self, text: String::new() }
    }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    connection: Connection,
    text: String,
}

impl Events {
    /// The next event with its data; `None` at the proper end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let Some((event, data)) = block.trim_end().split_once('\n') else {
                    assert!(block.starts_with(':'), "{block:?}");
                    continue;
                };
                let event = event.strip_prefix("event: ").unwrap().to_owned();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                return Some((event, data));
            }
            let chunk = self.connection.chunk().await?;
            self.text.push_str(&String::from_utf8(chunk).unwrap());
        }
    }

    /// All events that are left, each as `event data`.
    pub(crate) async fn rest(&mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }

    /// The next event, which is a text.
    pub(crate) async fn text(&mut self) -> String {
        let (event, data) = self.next().await.expect("the stream is over");
        assert_eq!(event, "text", "{data}");
        data["text"].as_str().unwrap().to_owned()
    }

    /// The next event, which names the session.
    pub(crate) async fn session(&mut self) -> String {
        let (event, data) = self.next().await.expect("the stream is over");
        assert_eq!(event, "session", "{data}");
        data["session_id"].as_str().unwrap().to_owned()
    }
}

/// A config whose chain is these backends, all of the openai dialect, with model `m-NAME`.
pub(crate) fn config(backends: &[(&str, &str)]) -> String {
    let names: Vec<&str> = backends.iter().map(|(name, _)| *name).collect();
    let mut config =
        format!("[llm]\nbackend = {}\nfallback = {}\n", json!(names[0]), json!(names[1..]));
    for (name, url) in backends {
        let rest = format!("base_url = \"{url}/v1\"\nmodel = \"m-{name}\"\n");
        config.extend([format!("[backends.{name}]\ndialect = \"openai\"\n"), rest]);
    }
    config
}
