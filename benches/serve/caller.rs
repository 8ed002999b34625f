//! A caller of the HTTP API that does nothing but read: sockets and lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

/// The built binary, serving.
pub(crate) struct Serve {
    child: Child,
    port: u16,
    _stdout: BufReader<ChildStdout>,
    _home: tempfile::TempDir,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer as it came.
pub(crate) struct Streamed {
    pub(crate) text: String,
    pub(crate) output_tokens: u64,
    pub(crate) first_text: Instant,
}

impl Serve {
    pub(crate) fn start(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("arawn.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_arawn"))
            .args(["serve", "--port", "0", "--config"])
            .arg(&file)
            .env_clear()
            .env("HOME", home.path())
            .env("XDG_STATE_HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port, _stdout: stdout, _home: home }
    }

    /// Says something and reads the stream to its end.
    pub(crate) fn stream(&self) -> Streamed {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = "{\"message\":\"go\"}";
        write!(
            stream,
            "POST /api/v1/chat/stream HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0, "no answer");
        }
        let mut events = BufReader::new(Chunks { inner: reader, left: 0 });
        let mut streamed =
            Streamed { text: String::new(), output_tokens: 0, first_text: Instant::now() };
        let mut event = String::new();
        loop {
            line.clear();
            assert!(events.read_line(&mut line).unwrap() > 0, "the stream broke off");
            if let Some(name) = line.strip_prefix("event: ") {
                name.trim_end().clone_into(&mut event);
            }
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let data: Value = serde_json::from_str(data).unwrap();
            match event.as_str() {
                "text" => {
                    if streamed.text.is_empty() {
                        streamed.first_text = Instant::now();
                    }
                    streamed.text.push_str(data["text"].as_str().unwrap());
                }
                "done" => {
                    streamed.output_tokens = data["usage"]["output_tokens"].as_u64().unwrap();
                    return streamed;
                }
                "session" => {}
                other => panic!("{other}: {data}"),
            }
        }
    }

    pub(crate) fn resident_megabytes(&self) -> f64 {
        self.status("VmRSS:")
    }

    pub(crate) fn most_resident_megabytes(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let kilobytes = status.ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with(name))?.to_owned();
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        });
        kilobytes.unwrap_or(f64::NAN) / 1024.0
    }
}

/// The body of a chunked answer.
struct Chunks {
    inner: BufReader<TcpStream>,
    left: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut line = String::new();
            self.inner.read_line(&mut line)?;
            self.left = usize::from_str_radix(line.trim(), 16).unwrap_or_default();
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = buffer.len().min(self.left);
        let n_bytes = self.inner.read(&mut buffer[..most])?;
        self.left -= n_bytes;
        if self.left == 0 {
            self.inner.read_line(&mut String::new())?;
        }
        Ok(n_bytes)
    }
}
