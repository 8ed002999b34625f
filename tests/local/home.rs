//! A private home with an engine that is a script, and the program run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) struct Home {
    folder: TempDir,
    vars: Vec<(String, String)>,
}

/// A GGUF file of nothing but a head.
pub(crate) fn model_bytes(entries: &[(&str, &str)]) -> Vec<u8> {
    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend((entries.len() as u64).to_le_bytes());
    for (key, value) in entries {
        text(&mut bytes, key);
        if let Ok(number) = value.parse::<u32>() {
            bytes.extend(4_u32.to_le_bytes());
            bytes.extend(number.to_le_bytes());
        } else {
            bytes.extend(8_u32.to_le_bytes());
            text(&mut bytes, value);
        }
    }
    bytes
}

impl Home {
    /// A home whose config names the engine and a model; `local` goes into `[local]`.
    pub(crate) fn new(local: &str) -> Self {
        let home = Self::empty();
        let engine = home.write("engine/llama-server", include_str!("fake_engine.py"));
        fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
        home.write("models/tiny.gguf", model_bytes(&[("general.architecture", "llama")]));
        home.write(
            "config/arawn/arawn.toml",
            format!(
                "[llm]\nbackend = \"local\"\n[local]\nengine = \"~/engine/llama-server\"\n\
                 model = \"~/models/tiny.gguf\"\n{local}\n"
            ),
        );
        home
    }

    /// A home with nothing set up.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self { folder, vars: Vec::new() };
        fs::create_dir_all(home.path("work/.git")).unwrap();
        home
    }

    /// Sets a variable for every run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.vars.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Tells the script what to do.
    pub(crate) fn behave(&self, how: &str) {
        self.write("engine/behave", how);
    }

    /// The script does what it usually does from now on.
    pub(crate) fn behave_well(&self) {
        fs::remove_file(self.path("engine/behave")).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arawn"));
        command
            .args(arguments)
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", programs())
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("OPENAI_API_KEY", "sk-canary-0123456789abcdef")
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end: output, errors, code.
    pub(crate) fn run(&self, arguments: &[&str]) -> (String, String, i32) {
        told(&self.command(arguments).output().unwrap())
    }

    /// Asks a question; the answer of the script is "from PID".
    pub(crate) fn ask(&self) -> u32 {
        let (out, err, code) = self.run(&["ask", "who?"]);
        assert_eq!(code, 0, "{out} {err}");
        pid_in(&out)
    }

    /// Starts the program and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// The lines that the script wrote down.
    pub(crate) fn noted(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path("engine").join(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// `arawn local status --json`.
    pub(crate) fn status(&self) -> Value {
        let (out, err, code) = self.run(&["local", "status", "--json"]);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }

    /// Engine and supervisor that run.
    pub(crate) fn running(&self) -> Option<(u32, u32)> {
        let status = self.status();
        let running = status["running"].as_array().unwrap().first()?;
        let number = |name: &str| u32::try_from(running[name].as_u64().unwrap()).unwrap();
        Some((number("pid"), number("supervisor")))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // An engine of a test that failed must not outlive it.
        let _ = self.command(&["local", "stop"]).output();
    }
}

pub(crate) fn told(output: &Output) -> (String, String, i32) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (out, err, output.status.code().unwrap_or(-1))
}

pub(crate) fn pid_in(answer: &str) -> u32 {
    answer.trim().rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or_else(|| {
        panic!("no process in {answer:?}");
    })
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::yield_now();
    }
}

/// Whether a process runs; one that ended and was not waited for does not.
pub(crate) fn runs(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// Ends a process as `kill -9` does.
pub(crate) fn kill(pid: u32) {
    let done = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(done.success());
}

/// The mode of a file or folder.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// PATH of this machine: Python is found by it.
#[expect(clippy::disallowed_methods, reason = "a test is run by a user, with the user's programs")]
pub(crate) fn programs() -> String {
    std::env::var("PATH").unwrap()
}
