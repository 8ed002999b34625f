//! A client for the real language server over in-memory pipes: matches answers by id, has a deadline for every
//! wait, and fails when it is dropped with messages unread or the server still running.

use std::collections::VecDeque;
use std::time::Duration;

use arawn::lsp::{ExitStatus, ServeOptions, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The longest any wait may take. Waits end when what they wait for comes; this is for failures alone.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct TestServer {
    input: Option<DuplexStream>,
    messages: mpsc::UnboundedReceiver<Value>,
    unread: VecDeque<Value>,
    serving: Option<JoinHandle<ExitStatus>>,
    next_id: i64,
    /// Whether requests for a progress token are granted without further ado.
    pub(crate) grants_progress: bool,
    /// Every `$/progress` value that came, in order. They need not be waited for.
    pub(crate) progress: Vec<Value>,
    /// The answer to `initialize`.
    pub(crate) capabilities: Value,
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

impl TestServer {
    /// Starts a server that has not been greeted yet.
    pub(crate) fn start(options: ServeOptions) -> Self {
        let (input, server_input) = tokio::io::duplex(1 << 16);
        let (server_output, output) = tokio::io::duplex(1 << 16);
        let (sender, messages) = mpsc::unbounded_channel();
        tokio::spawn(read_messages(output, sender));
        let serving = tokio::spawn(serve(server_input, server_output, options));
        Self {
            input: Some(input),
            messages,
            unread: VecDeque::new(),
            serving: Some(serving),
            next_id: 0,
            grants_progress: true,
            progress: Vec::new(),
            capabilities: Value::Null,
        }
    }

    /// Starts a server and greets it with these client capabilities.
    pub(crate) async fn greeted(options: ServeOptions, capabilities: Value) -> Self {
        Self::greeted_with(
            options,
            json!({ "processId": null, "rootUri": null, "capabilities": capabilities }),
        )
        .await
    }

    /// Starts a server and greets it with these parameters of `initialize`.
    pub(crate) async fn greeted_with(options: ServeOptions, params: Value) -> Self {
        let mut server = Self::start(options);
        server.capabilities = server.call("initialize", params).await["capabilities"].take();
        server.notify("initialized", json!({})).await;
        server
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the pipe is open");
        within("writing to the server", input.write_all(bytes)).await.unwrap();
    }

    /// Sends any message.
    pub(crate) async fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Sends a request and returns its id.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    /// Waits for the answer to a request: result, or error.
    pub(crate) async fn answer(&mut self, id: i64) -> Result<Value, Value> {
        let is_it = |message: &Value| message["id"] == id && message.get("method").is_none();
        let mut message = self.find(&format!("the answer to request {id}"), is_it).await;
        match message.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(message["result"].take()),
        }
    }

    /// Sends a request and waits for its result.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params).await;
        self.answer(id).await.unwrap_or_else(|error| panic!("{method} failed: {error}"))
    }

    /// Runs a command and waits for its result.
    pub(crate) async fn command(&mut self, name: &str, argument: Value) -> Value {
        self.call("workspace/executeCommand", json!({ "command": name, "arguments": [argument] }))
            .await
    }

    /// Runs a command that is refused, and returns the error's message.
    pub(crate) async fn refusal(&mut self, name: &str, argument: Value) -> String {
        let params = json!({ "command": name, "arguments": [argument] });
        let id = self.request("workspace/executeCommand", params).await;
        let error = self.answer(id).await.expect_err("the command is refused");
        error["message"].as_str().unwrap().to_owned()
    }

    /// Waits for a notification or request of the server.
    pub(crate) async fn wait_for(&mut self, method: &str) -> Value {
        self.find(method, |message| message["method"] == method).await
    }

    /// Waits for `window/showMessage` and returns its text.
    pub(crate) async fn shown(&mut self) -> String {
        let message = self.wait_for("window/showMessage").await;
        message["params"]["message"].as_str().unwrap().to_owned()
    }

    /// Answers a request of the server.
    pub(crate) async fn reply(&mut self, request: &Value, result: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).await;
    }

    /// Waits until a job's progress has ended, and returns the sentence.
    pub(crate) async fn progress_end(&mut self) -> String {
        loop {
            if let Some(end) = self.progress.iter().find(|value| value["kind"] == "end") {
                return end["message"].as_str().unwrap_or("").to_owned();
            }
            let message = self.next("the end of the progress").await;
            self.unread.extend(message);
        }
    }

    /// Waits until the server has said at least one more thing.
    pub(crate) async fn idle(&mut self) {
        // A request is answered after everything that came before it has been looked at.
        self.call("codeAction/resolve", json!({ "title": "idle" })).await;
    }

    /// Opens a document.
    pub(crate) async fn open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
    }

    /// Sends content changes.
    pub(crate) async fn change(&mut self, uri: &str, version: i64, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.notify("textDocument/didChange", params).await;
    }

    /// Closes the pipe to the server, as an editor that dies does.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits for the server to end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let serving = self.serving.take().expect("the server has been started");
        within("the end of the server", serving).await.expect("the server did not panic")
    }

    /// The next message that is not progress.
    pub(crate) async fn receive(&mut self) -> Value {
        self.find("any message", |_| true).await
    }

    /// Answers a request of the server with an error.
    pub(crate) async fn reply_error(&mut self, request: &Value) {
        let error = json!({ "code": -32603, "message": "the client is\nconfused" });
        self.send(&json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })).await;
    }

    /// Ends the session as the protocol wants it; nothing may be left unread.
    pub(crate) async fn close(self) {
        let unread = self.close_and_listen().await;
        assert!(unread.is_empty(), "messages were left unread: {unread:#?}");
    }

    /// Ends the session as the protocol wants it. Returns what was left unread.
    pub(crate) async fn close_and_listen(mut self) -> Vec<Value> {
        let id = self.request("shutdown", Value::Null).await;
        assert_eq!(self.answer(id).await, Ok(Value::Null));
        self.notify("exit", Value::Null).await;
        assert_eq!(self.ended().await, ExitStatus::Clean);
        while let Some(message) = self.messages.recv().await {
            self.keep(message);
        }
        self.unread.drain(..).collect()
    }

    async fn find(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.unread.iter().position(&is_it) {
            return self.unread.remove(at).expect("it is there");
        }
        loop {
            match self.next(what).await {
                Some(message) if is_it(&message) => return message,
                message => self.unread.extend(message),
            }
        }
    }

    /// Reads one message. Progress is noted and its tokens are granted; then there is nothing to return.
    async fn next(&mut self, what: &str) -> Option<Value> {
        let received = within(what, self.messages.recv()).await;
        let message = received.unwrap_or_else(|| panic!("the server ended before {what}"));
        if message["method"] == "window/workDoneProgress/create" && self.grants_progress {
            self.reply(&message, Value::Null).await;
            return None;
        }
        self.keep(message);
        self.unread.pop_back()
    }

    fn keep(&mut self, message: Value) {
        if message["method"] == "$/progress" {
            self.progress.push(message["params"]["value"].clone());
        } else {
            self.unread.push_back(message);
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let is_ended = self.serving.is_none() || std::thread::panicking();
        assert!(is_ended, "the server was not ended");
    }
}

async fn read_messages(output: DuplexStream, sender: mpsc::UnboundedSender<Value>) {
    let mut output = BufReader::new(output);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(number) = line.trim().strip_prefix("Content-Length: ") {
                length = number.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        if output.read_exact(&mut body).await.is_err() {
            return;
        }
        if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
            return;
        }
    }
}
