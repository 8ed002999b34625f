//! A language client that does nothing but talk: LSP frames over the pipes of a child process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next_id: i64,
    responses: HashMap<i64, Value>,
    versions: HashMap<String, i32>,
    _home: tempfile::TempDir,
}

impl Client {
    /// Starts the server with a private home and this config.
    pub(crate) fn spawn(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("arawn.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_arawn"))
            .args(["lsp", "--config"])
            .arg(&file)
            .env_clear()
            .env("HOME", home.path())
            .env("XDG_STATE_HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            stdin,
            stdout,
            next_id: 0,
            responses: HashMap::new(),
            versions: HashMap::new(),
            _home: home,
        }
    }

    pub(crate) fn started(config: &str) -> Self {
        let mut client = Self::spawn(config);
        client.initialize();
        client
    }

    pub(crate) fn initialize(&mut self) {
        let id = self.request(
            "initialize",
            &json!({"processId": null, "rootUri": null, "capabilities": {
                "general": {"positionEncodings": ["utf-8", "utf-16"]},
                "workspace": {"applyEdit": true, "workspaceEdit": {"documentChanges": true}},
                "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}}}
            }}),
        );
        self.response(id);
        self.notify("initialized", &json!({}));
    }

    fn write(&mut self, message: &Value) {
        let body = message.to_string();
        let stdin = self.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn notify(&mut self, method: &str, params: &Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    pub(crate) fn request(&mut self, method: &str, params: &Value) -> i64 {
        self.next_id += 1;
        self.write(
            &json!({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}),
        );
        self.next_id
    }

    fn read(&mut self) -> Value {
        let mut len = 0;
        loop {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).unwrap() > 0, "the server closed its output");
            if line == "\r\n" {
                break;
            }
            if let Some(n) = line.strip_prefix("Content-Length: ") {
                len = n.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; len];
        self.stdout.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Reads until the answer to a request; requests of the server are answered with null.
    pub(crate) fn raw_response(&mut self, id: i64) -> Value {
        loop {
            if let Some(response) = self.responses.remove(&id) {
                return response;
            }
            let message = self.read();
            self.take(message);
        }
    }

    fn take(&mut self, message: Value) {
        if message.get("method").is_none() {
            self.responses.insert(message["id"].as_i64().unwrap(), message);
        } else if message.get("id").is_some() {
            self.write(&json!({"jsonrpc": "2.0", "id": message["id"], "result": null}));
        }
    }

    pub(crate) fn response(&mut self, id: i64) -> Value {
        let response = self.raw_response(id);
        assert!(response.get("error").is_none(), "{response}");
        response["result"].clone()
    }

    pub(crate) fn open(&mut self, uri: &str, text: &str) {
        self.open_as(uri, "rust", text);
    }

    pub(crate) fn open_as(&mut self, uri: &str, language: &str, text: &str) {
        self.versions.insert(uri.to_owned(), 1);
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", &json!({"textDocument": document}));
    }

    pub(crate) fn change(
        &mut self,
        uri: &str,
        version: i32,
        start: (u32, u32),
        end: (u32, u32),
        text: &str,
    ) {
        self.versions.insert(uri.to_owned(), version);
        let change = json!({"range": range(start, end), "text": text});
        let document = json!({"uri": uri, "version": version});
        self.notify(
            "textDocument/didChange",
            &json!({"textDocument": document, "contentChanges": [change]}),
        );
    }

    pub(crate) fn code_actions(&mut self, uri: &str, first: u32, last: u32) -> Value {
        let id = self.request(
            "textDocument/codeAction",
            &json!({"textDocument": {"uri": uri}, "range": range((first, 0), (last, 0)), "context": {"diagnostics": []}}),
        );
        self.response(id)
    }

    pub(crate) fn run_action(
        &mut self,
        action: &str,
        uri: &str,
        start: (u32, u32),
        end: (u32, u32),
        more: &Value,
    ) -> i64 {
        let mut argument =
            json!({"action": action, "textDocument": {"uri": uri}, "range": range(start, end)});
        for (key, value) in more.as_object().unwrap() {
            argument[key] = value.clone();
        }
        self.request(
            "workspace/executeCommand",
            &json!({"command": "arawn.run", "arguments": [argument]}),
        )
    }

    /// Waits for `workspace/applyEdit`, applies it as an editor does, and says when it came.
    pub(crate) fn answer_apply_edit(&mut self) -> Instant {
        loop {
            let message = self.read();
            let at = Instant::now();
            if message["method"] != "workspace/applyEdit" {
                self.take(message);
                continue;
            }
            let change = &message["params"]["edit"]["documentChanges"][0];
            let uri = change["textDocument"]["uri"].as_str().unwrap().to_owned();
            // From the end on, so that each range is still that of the text before.
            let edits = change["edits"].as_array().unwrap().iter().rev();
            let content: Vec<Value> = edits
                .map(|edit| json!({"range": edit["range"], "text": edit["newText"]}))
                .collect();
            let version = self.versions[&uri] + 1;
            self.versions.insert(uri.clone(), version);
            let document = json!({"uri": uri, "version": version});
            self.notify(
                "textDocument/didChange",
                &json!({"textDocument": document, "contentChanges": content}),
            );
            self.write(
                &json!({"jsonrpc": "2.0", "id": message["id"], "result": {"applied": true}}),
            );
            return at;
        }
    }

    /// Puts back a text, as the user's undo would.
    pub(crate) fn put_back(&mut self, uri: &str, text: &str) {
        let version = self.versions[uri] + 1;
        self.versions.insert(uri.to_owned(), version);
        let document = json!({"uri": uri, "version": version});
        let content = json!({"text": text});
        self.notify(
            "textDocument/didChange",
            &json!({"textDocument": document, "contentChanges": [content]}),
        );
    }

    /// Resident memory of the server in MB (10^6 bytes); Linux only.
    pub(crate) fn resident_megabytes(&mut self) -> f64 {
        let status = Path::new("/proc").join(self.child.id().to_string()).join("status");
        let text = std::fs::read_to_string(status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("VmRSS: 0 kB");
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes * 1024.0 / 1e6
    }

    pub(crate) fn end(mut self) {
        let id = self.request("shutdown", &Value::Null);
        self.response(id);
        self.notify("exit", &Value::Null);
        self.stdin.take();
        self.child.wait().unwrap();
    }
}

fn range(start: (u32, u32), end: (u32, u32)) -> Value {
    json!({"start": {"line": start.0, "character": start.1}, "end": {"line": end.0, "character": end.1}})
}
