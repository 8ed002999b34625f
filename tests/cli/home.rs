//! A private home and working folder for one test, and the program run in it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The key that must be seen nowhere.
pub(crate) const CANARY: &str = "sk-canary-0123456789abcdef0123456789";

pub(crate) struct Home {
    folder: TempDir,
    vars: Vec<(String, String)>,
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Home {
    /// A home with this user config, and a project in `work/` with its own `.git`.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self { folder, vars: vec![("CANARY_KEY".to_owned(), CANARY.to_owned())] };
        home.write("config/arawn/arawn.toml", config);
        fs::create_dir_all(home.work().join(".git")).unwrap();
        home
    }

    /// A home whose only backend is an Ollama at that address.
    pub(crate) fn with_ollama(url: &str) -> Self {
        Self::new(&format!(
            "[llm]\nbackend = \"ollama\"\nmodel = \"m\"\n[backends.ollama]\nbase_url = \"{url}\"\n"
        ))
    }

    /// The same home with one more variable.
    #[must_use]
    pub(crate) fn with_var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file below the home.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The program with these arguments, in the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arawn"));
        let home = self.folder.path();
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            // The keyring of whoever runs the tests is not asked.
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", home.join("no-bus").display()))
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end, off the runtime's threads.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_stdin(arguments, None).await
    }

    pub(crate) async fn run_with_stdin(&self, arguments: &[&str], stdin: Option<&str>) -> Ran {
        let mut command = self.command(arguments);
        let stdin = stdin.map(str::to_owned);
        let output = tokio::task::spawn_blocking(move || {
            if stdin.is_some() {
                command.stdin(Stdio::piped());
            }
            let mut child = command.spawn().unwrap();
            if let Some(text) = stdin {
                child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            }
            child.wait_with_output().unwrap()
        })
        .await
        .unwrap();
        let ran = Ran {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
        };
        assert!(
            !ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY),
            "the key is in the output: {ran:?}"
        );
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }
}
