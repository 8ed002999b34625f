//! A hub of models on loopback, in the manner of Hugging Face, whose downloads go as badly as a test says.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Which headers of a question a download heeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heeds {
    /// `Range`, and `If-Range` as the standard has it.
    Both,
    /// `Range`, whatever `If-Range` says.
    RangeAlone,
    /// The whole file comes, whatever was asked for.
    Neither,
}

/// How one download goes.
#[derive(Clone, Debug)]
pub(crate) struct Download {
    /// The file as it is at that time, with its `ETag` in quotes.
    pub(crate) file: (Vec<u8>, &'static str),
    /// The connection ends after so many bytes of the body.
    pub(crate) cut_after: Option<usize>,
    /// What it heeds.
    pub(crate) heeds: Heeds,
}

/// The `Range` and `If-Range` of a question for a file.
pub(crate) type Asked = (Option<String>, Option<String>);

/// The hub; every download beyond those of its script is refused.
pub(crate) struct Hub {
    /// Its address, as `HF_ENDPOINT` takes it.
    pub(crate) url: String,
    script: Arc<Mutex<VecDeque<Download>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Hub {
    pub(crate) fn start(downloads: impl IntoIterator<Item = Download>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(downloads.into_iter().collect()));
        let hub = Self { url, script, asked: Arc::default() };
        let (script, asked) = (hub.script.clone(), hub.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &script, &asked);
            }
        });
        hub
    }

    /// What was asked so far; fails where a download of the script did not come about.
    #[track_caller]
    pub(crate) fn asked(&self) -> Vec<Asked> {
        assert!(self.script.lock().unwrap().is_empty(), "too few downloads");
        self.asked.lock().unwrap().clone()
    }
}

fn answer(stream: &mut TcpStream, script: &Mutex<VecDeque<Download>>, asked: &Mutex<Vec<Asked>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        headers.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let path = first.split(' ').nth(1).unwrap_or_default();
    // The real one sends every download elsewhere, and what was asked has to go along.
    if path.contains("/resolve/main/") {
        let head = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
        return stream.write_all(head.as_bytes()).unwrap();
    }
    if path.starts_with("/api/models/") {
        let list = r#"{"siblings":[{"rfilename":"m.gguf"},{"rfilename":"README.md"}]}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", list.len());
        return stream.write_all((head + list).as_bytes()).unwrap();
    }
    let (range, if_range) = (header("Range"), header("If-Range"));
    asked.lock().unwrap().push((range.clone(), if_range.clone()));
    let Some(download) = script.lock().unwrap().pop_front() else {
        let head = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        return stream.write_all(head.as_bytes()).unwrap();
    };
    // What the other end does not want any more, it does not read.
    let _ = stream.write_all(&download.answer(range.as_deref(), if_range.as_deref()));
}

impl Download {
    fn answer(&self, range: Option<&str>, if_range: Option<&str>) -> Vec<u8> {
        let (bytes, etag) = &self.file;
        let heeds_range = match self.heeds {
            Heeds::Both => if_range.is_none_or(|mark| mark == *etag),
            Heeds::RangeAlone => true,
            Heeds::Neither => false,
        };
        let start = range.filter(|_| heeds_range).map(|range| {
            let start = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
            start.unwrap().parse::<usize>().unwrap()
        });
        let length = bytes.len();
        let (status, place, start) = match start {
            None => ("200 OK", String::new(), 0),
            Some(start) if start >= length => (
                "416 Range Not Satisfiable",
                format!("Content-Range: bytes */{length}\r\n"),
                length,
            ),
            Some(start) => (
                "206 Partial Content",
                format!("Content-Range: bytes {start}-{}/{length}\r\n", length - 1),
                start,
            ),
        };
        let body = &bytes[start..];
        let head = format!(
            "HTTP/1.1 {status}\r\nETag: {etag}\r\n{place}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let n_sent = self.cut_after.unwrap_or(body.len()).min(body.len());
        [head.as_bytes(), &body[..n_sent]].concat()
    }
}
