//! The engine's own words, kept in a file that cannot grow without end.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::folder::Folder;

/// Most bytes of the file; at that size it becomes the old one, and a new one begins.
const MAX_BYTES: u64 = 1 << 20;
/// Most characters of a line that are kept.
const MAX_LINE: usize = 4096;
/// Lines that are remembered for telling why an engine ended.
const REMEMBERED: usize = 40;

/// The log of one engine.
#[derive(Clone, Debug)]
pub(super) struct Log {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: Option<File>,
    n_bytes: u64,
    last: VecDeque<String>,
}

impl Log {
    /// Goes on with the file at its end.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = if path.exists() {
            OpenOptions::new().append(true).open(path)?
        } else {
            Folder::fresh_file(path)?
        };
        let n_bytes = file.metadata()?.len();
        let inner =
            Inner { path: path.to_owned(), file: Some(file), n_bytes, last: VecDeque::new() };
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }

    /// Takes a line.
    pub(super) fn line(&self, line: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.line(line);
    }

    /// Takes every line that comes, until the end.
    pub(super) async fn follow(self, from: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line).await, Ok(1..)) {
            self.line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    }

    /// What the last lines tell of a failure: those marked as errors, those that complain, else the very last.
    pub(super) fn complaint(&self) -> String {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let complains = |line: &&String| {
            // `build_info: b0-unknown` is no complaint.
            if matches!(level(line), Some("I" | "D")) {
                return false;
            }
            let line = line.to_lowercase();
            ["error", "failed", "cannot", "unable", "invalid", "not found", "no such", "unknown"]
                .iter()
                .any(|word| line.contains(word))
        };
        let mut marked = inner.last.iter().filter(|line| level(line) == Some("E"));
        let told =
            marked.next().or_else(|| inner.last.iter().find(complains)).or(inner.last.back());
        told.map(|line| without_prefix(line).chars().take(300).collect()).unwrap_or_default()
    }

    /// Forgets what was remembered, not what is written.
    pub(super) fn begin(&self, what: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last.clear();
        inner.line(what);
        inner.last.clear();
    }
}

impl Inner {
    fn line(&mut self, line: &str) {
        let line: String = line.chars().take(MAX_LINE).collect();
        if self.n_bytes > MAX_BYTES {
            // A log that cannot be written is no reason to end an engine.
            let _ = fs::rename(&self.path, self.path.with_extension("log.old"));
            self.file = Folder::fresh_file(&self.path).ok();
            self.n_bytes = 0;
        }
        if let Some(file) = &mut self.file {
            let _ = writeln!(file, "{line}");
        }
        self.n_bytes += line.len() as u64 + 1;
        if line.trim().is_empty() {
            return;
        }
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

/// llama.cpp begins its lines with a clock, a letter and the place in its source.
fn without_prefix(line: &str) -> &str {
    let Some(rest) = after_clock(line) else { return line.trim() };
    rest.split_once(": ").map_or(rest, |(_, message)| message).trim()
}

/// The letter: `E` for an error, `W`, `I`, `D`.
fn level(line: &str) -> Option<&str> {
    Some(after_clock(line)?.split_once(' ')?.0)
}

fn after_clock(line: &str) -> Option<&str> {
    let is_clock =
        |word: &str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let (clock, rest) = line.trim().split_once(' ')?;
    is_clock(clock).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(&folder.path().join("engine.log")).unwrap();
        (folder, log)
    }

    #[test]
    fn the_first_complaint_is_the_reason_and_loses_its_clock() {
        let (_folder, log) = log();
        log.line("0.00.004.733 I srv    load_model: loading model 'x.gguf'");
        log.line("0.00.005.000 E llama_model_load: error loading model: not a GGUF file");
        log.line("0.00.005.100 E srv    load_model: failed to load model");
        assert_eq!(log.complaint(), "error loading model: not a GGUF file");
    }

    /// The engine of the package has no build number: every failure was told as `build_info: b0-unknown`.
    #[test]
    fn what_is_said_in_passing_is_not_the_reason() {
        let (_folder, log) = log();
        log.line("0.00.001.886 I srv          init: build_info: b0-unknown");
        log.line("0.00.542.126 E mtmd_init_from_file: error: mismatch between text model (n_embd = 576) and mmproj (n_embd = 960)");
        log.line("hint: you may be using wrong mmproj");
        log.line("0.00.542.140 E srv    load_model: failed to load multimodal model, 'x.gguf'");
        assert_eq!(
            log.complaint(),
            "error: mismatch between text model (n_embd = 576) and mmproj (n_embd = 960)"
        );
    }

    #[test]
    fn the_file_stays_small() {
        let (folder, log) = log();
        for _ in 0..700 {
            log.line(&"x".repeat(5000));
        }
        let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(size("engine.log") <= MAX_BYTES + 5000);
        assert!(size("engine.log.old") <= MAX_BYTES + 5000);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, _log) = log();
        let mode = fs::metadata(folder.path().join("engine.log")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
