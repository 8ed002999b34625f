//! One engine for all windows of a user, and none when nobody needs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, kill, mode, pid_in, runs, wait_until};

/// An editor's window: a language server.
struct Window {
    child: Child,
    from: BufReader<ChildStdout>,
    n_sent: u32,
}

impl Window {
    fn open(home: &Home) -> Self {
        let mut child = home.command(&["lsp"]).stdin(Stdio::piped()).spawn().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut window = Self { child, from, n_sent: 0 };
        let params = json!({"processId": null, "rootUri": null, "capabilities": {}});
        window.request("initialize", &params);
        window.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
        window
    }

    /// Says something and reads the script's answer.
    fn ask(&mut self) -> u32 {
        let params = json!({"command": "arawn.chat", "arguments": [{"message": "who?"}]});
        let answer = self.request("workspace/executeCommand", &params);
        pid_in(answer["result"]["response"].as_str().unwrap_or_else(|| panic!("{answer}")))
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let stdin = self.child.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    }

    /// Sends a request and reads up to its answer; questions of the server are answered with nothing.
    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.n_sent += 1;
        let id = self.n_sent;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.read();
            match (message.get("method"), message.get("id")) {
                (None, Some(answered)) if *answered == id => return message,
                (Some(_), Some(asked)) => {
                    let reply = json!({"jsonrpc": "2.0", "id": asked, "result": null});
                    self.send(&reply);
                }
                _ => {}
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim().split_once(": ") {
                Some(("Content-Length", told)) => length = told.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn kill(mut self) {
        kill(self.child.id());
        self.child.wait().unwrap();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn three_windows_share_one_engine_and_it_ends_with_the_last() {
    let home = Home::new("linger_seconds = 0");
    let mut windows: Vec<Window> = (0..3).map(|_| Window::open(&home)).collect();
    let pids: Vec<u32> = windows.iter_mut().map(Window::ask).collect();
    assert_eq!(pids, [pids[0]; 3]);
    assert_eq!(home.noted("starts").len(), 1);
    // Killed, not closed: nobody says goodbye.
    let last = windows.pop().unwrap();
    for window in windows {
        window.kill();
    }
    assert!(runs(pids[0]), "one window is still there");
    last.kill();
    wait_until("the engine's end", || !runs(pids[0]));
    wait_until("the supervisor's end", || home.running().is_none());
}

#[test]
fn many_who_start_at_once_start_one() {
    let home = Home::new("");
    home.behave("slow");
    let children: Vec<Child> = (0..6).map(|_| home.spawn(&["ask", "who?"])).collect();
    wait_until("a start", || !home.noted("starts").is_empty());
    home.behave_well();
    let answers = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        pid_in(&String::from_utf8_lossy(&output.stdout))
    });
    let pids: Vec<u32> = answers.collect();
    assert_eq!(pids, [pids[0]; 6]);
    assert_eq!(home.noted("starts").len(), 1);
}

#[test]
fn the_next_command_finds_the_engine_ready() {
    let home = Home::new("linger_seconds = 60");
    assert_eq!(home.ask(), home.ask());
    assert_eq!(home.noted("starts").len(), 1);
}

#[test]
fn an_engine_that_was_idle_for_long_ends_though_a_window_is_open() {
    let home = Home::new("idle_minutes = 0.005");
    let mut window = Window::open(&home);
    let pid = window.ask();
    wait_until("the end", || !runs(pid));
    assert_ne!(window.ask(), pid, "and the next question starts another");
}

#[test]
fn an_engine_that_was_started_by_hand_stays_and_stops_by_hand() {
    let home = Home::new("linger_seconds = 0");
    let (out, err, code) = home.run(&["local", "start"]);
    assert_eq!(code, 0, "{err}");
    let (pid, _) = home.running().unwrap();
    assert_eq!(out, format!("the engine runs with tiny (process {pid})\n"));
    assert_eq!(home.ask(), pid);
    let (out, ..) = home.run(&["local", "stop"]);
    assert_eq!(out, "ended the engine with tiny\n");
    assert!(!runs(pid));
    assert_eq!(home.run(&["local", "stop"]).0, "no engine was running\n");
}

#[test]
fn it_listens_where_nobody_else_comes_and_sees_no_key() {
    let home = Home::new("threads = 3\ngpu_layers = 0\nargs = [\"--flash-attn\", \"on\"]");
    home.ask();
    let start = home.noted("starts").remove(0);
    let arguments: Vec<&str> =
        start["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    for pair in
        [["-t", "3"], ["-ngl", "0"], ["--flash-attn", "on"], ["--alias", "tiny"], ["-c", "8192"]]
    {
        assert!(arguments.windows(2).any(|words| words == pair), "{pair:?} in {arguments:?}");
    }
    assert!(arguments.contains(&"--jinja"));
    let socket = arguments[arguments.iter().position(|word| *word == "--host").unwrap() + 1];
    let folder = std::path::Path::new(socket).parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    assert_eq!(mode(&folder.join("engine.log")), 0o600);
    assert_eq!(mode(&folder.join("running.json")), 0o600);
    let variables = start["variables"].to_string();
    assert!(!variables.contains("OPENAI_API_KEY"), "{variables}");
}

#[test]
fn where_a_path_is_too_long_for_a_socket_there_is_a_port_behind_a_key() {
    let mut home = Home::new("");
    let deep = home.path(&"d".repeat(100));
    home.set("XDG_STATE_HOME", deep.to_str().unwrap());
    let pid = home.ask();
    let status = home.status();
    let address = status["running"][0]["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let start = home.noted("starts").remove(0);
    assert!(!start["argv"].to_string().contains("api-key"), "a key stands in the arguments");
    assert_eq!(home.ask(), pid);
}

#[test]
fn another_configuration_starts_the_engine_anew() {
    let home = Home::new("linger_seconds = 60");
    let first = home.ask();
    let text = std::fs::read_to_string(home.path("config/arawn/arawn.toml")).unwrap();
    home.write("config/arawn/arawn.toml", format!("{text}context = 1024\n"));
    let second = home.ask();
    assert_ne!(first, second);
    assert!(!runs(first), "and the old one is gone");
}
