//! `arawn chat` and `arawn ask --tools`, with the tools they give to a model.

use serde_json::{Value, json};

use crate::home::Home;
use crate::upstream::{Exchange, Upstream, ollama_end, ollama_line};

/// An answer that calls tools, in the ollama dialect.
fn calling(text: &str, calls: &[(&str, Value)]) -> Exchange {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(name, arguments)| json!({"function": {"name": name, "arguments": arguments}}))
        .collect();
    let message = json!({"role": "assistant", "content": text, "tool_calls": calls});
    let line = json!({"model": "m", "message": message, "done": false});
    Exchange::ndjson().send(format!("{line}\n")).send(ollama_end())
}

/// A call in the openai dialect, its arguments as they are written here.
fn openai_call(arguments: &str) -> Exchange {
    let call =
        json!({"index": 0, "id": "c1", "function": {"name": "read_file", "arguments": arguments}});
    let chunk =
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    Exchange::sse().send(format!("data: {chunk}\n\ndata: {end}\n\ndata: [DONE]\n\n"))
}

fn with_openai(url: &str) -> Home {
    Home::new(&format!(
        "[llm]\nbackend = \"work\"\n[backends.work]\ndialect = \"openai\"\nbase_url = \"{url}/v1\"\nmodel = \"w\"\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_run_in_order_and_shown_and_their_results_go_back() {
    let upstream = Upstream::start([
        calling(
            "Let me look.",
            &[("list_files", json!({})), ("read_file", json!({"path": "src/a.rs"}))],
        ),
        Exchange::ollama_text(&["It declares ", "f."]),
    ])
    .await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/src/a.rs", "fn f() {}\n");
    let ran = home.run(&["ask", "--tools", "what is in a.rs?"]).await;
    assert_eq!(ran.stdout, "Let me look.\n\nIt declares f.\n");
    assert_eq!(ran.stderr, "[list_files: 1 file]\n[read_file src/a.rs: 1 line]\n");
    let first = upstream.request(0).await.json();
    let names: Vec<&str> = first["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["read_file", "list_files", "search_text", "outline"]);
    let messages = upstream.request(1).await.json()["messages"].clone();
    let roles: Vec<&str> =
        messages.as_array().unwrap().iter().map(|it| it["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
    assert_eq!(messages[2]["tool_calls"][1]["function"]["arguments"]["path"], "src/a.rs");
    assert_eq!(messages[3]["content"], "src/a.rs\n");
    assert_eq!(messages[4]["content"], "    1\tfn f() {}\n");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_no_tool_is_offered_and_none_is_run() {
    let upstream = Upstream::start([calling("", &[("read_file", json!({"path": "a.rs"}))])]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.rs", "fn f() {}\n");
    let ran = home.run(&["ask", "--format", "json", "x"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["tool_calls"][0]["name"], "read_file");
    assert!(upstream.request(0).await.json().get("tools").is_none());
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_are_no_json_go_back_to_the_model_and_are_not_run() {
    let upstream = Upstream::start([
        openai_call("{\"path\": \"a.rs"),
        openai_call("{\"path\": \"a.rs\"}"),
        Exchange::openai_text(&["done"]),
    ])
    .await;
    let home = with_openai(&upstream.url());
    home.write("work/a.rs", "fn f() {}\n");
    let ran = home.run(&["ask", "--tools", "--format", "json", "x"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&result["text"], &result["reason"]), (&json!("done"), &json!("stop")));
    assert_eq!(result["tool_calls"][0]["arguments"], Value::Null);
    assert_eq!(result["tool_calls"][0]["arguments_raw"], "{\"path\": \"a.rs");
    assert_eq!(result["tool_calls"][1]["arguments"]["path"], "a.rs");
    let messages = upstream.request(1).await.json()["messages"].clone();
    assert_eq!(messages[3]["role"], "tool");
    assert_eq!(messages[3]["tool_call_id"], "c1");
    let told = messages[3]["content"].as_str().unwrap();
    assert!(told.starts_with("error: the arguments are not valid JSON"), "{told}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sixteen_rounds_no_more_calls_are_run() {
    let rounds = (0..17).map(|_| calling("", &[("list_files", json!({}))]));
    let upstream = Upstream::start(rounds).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["ask", "--tools", "--format", "json", "x"]).await;
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["reason"], "tool_calls");
    assert_eq!(result["usage"]["input_tokens"], 17 * 11);
    let last = upstream.request(16).await.json()["messages"].clone();
    let last = last.as_array().unwrap().last().unwrap();
    assert!(last["content"].as_str().unwrap().ends_with("[no more calls are run: answer now]"));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_tools_is_named_and_answers_without() {
    let upstream = Upstream::start([Exchange::ollama_text(&["an answer"])]).await;
    upstream.route("/api/show", "200 OK", r#"{"capabilities":["completion"],"model_info":{}}"#);
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["ask", "--tools", "x"]).await;
    assert_eq!(ran.stdout, "an answer\n");
    assert_eq!(
        ran.stderr,
        "note: model \"m\" of backend \"ollama\" does not support tools and answers without them\n"
    );
    assert!(upstream.request(0).await.json().get("tools").is_none());
    upstream.finish();

    let refusing = Exchange::json(
        "400 Bad Request",
        r#"{"error":{"message":"registry.ollama.ai/library/w does not support tools"}}"#,
    );
    let upstream = Upstream::start([refusing, Exchange::openai_text(&["an answer"])]).await;
    let ran = with_openai(&upstream.url()).run(&["ask", "--tools", "x"]).await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("an answer\n", 0), "{ran:?}");
    assert!(ran.stderr.contains("does not support tools"), "{ran:?}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_or_outside_reaches_the_model_whatever_it_asks_for() {
    let asked = [
        ".env",
        "../config/arawn/arawn.toml",
        "/etc/passwd",
        "/proc/self/environ",
        "link",
        ".git/config",
        "build/x",
    ];
    let calls: Vec<(&str, Value)> =
        asked.iter().map(|path| ("read_file", json!({"path": path}))).collect();
    let search = ("search_text", json!({"pattern": "CANARY|root:"}));
    let calls: Vec<(&str, Value)> = calls.into_iter().chain([search]).collect();
    let upstream = Upstream::start([calling("", &calls), Exchange::ollama_text(&["no"])]).await;
    let home = Home::with_ollama(&upstream.url());
    for name in ["work/.env", "outside", "work/.git/config", "work/build/x"] {
        home.write(name, "CANARY\n");
    }
    home.write("work/.gitignore", "build/\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("../outside", home.work().join("link")).unwrap();
    let ran = home.run(&["ask", "--tools", "x"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let request = upstream.request(1).await;
    let results = request.json()["messages"].clone();
    let results: Vec<&Value> =
        results.as_array().unwrap().iter().filter(|it| it["role"] == "tool").collect();
    assert_eq!(results.len(), 8);
    for result in &results[..7] {
        assert!(result["content"].as_str().unwrap().starts_with("error: "), "{result}");
    }
    assert_eq!(results[7]["content"], "[nothing matches]\n");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_piped_into_chat_is_one_message() {
    let upstream = Upstream::start([Exchange::ollama_text(&["# An ", "answer"])]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run_with_stdin(&["chat"], Some("two\nlines\n")).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.code), ("# An answer\n", "", 0));
    assert_eq!(upstream.request(0).await.json()["messages"][1]["content"], "two\nlines\n");
    upstream.finish();
    let nothing = home.run_with_stdin(&["chat"], Some("")).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
    let unknown = home.run_with_stdin(&["chat", "--backend", "nobody"], Some("x")).await;
    assert!(unknown.stderr.starts_with("Error: unknown backend \"nobody\""), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_dies_in_chat_is_followed_by_a_visible_restart() {
    let first =
        Upstream::start([Exchange::ndjson().send(ollama_line("the first half")).reset()]).await;
    let second = Upstream::start([Exchange::openai_text(&["a whole answer"])]).await;
    let home = Home::new(&format!(
        "[llm]\nbackend = \"ollama\"\nfallback = [\"work\"]\n[backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\n\
         [backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"w\"\n",
        first.url(),
        second.url()
    ));
    let ran = home.run_with_stdin(&["chat"], Some("x")).await;
    assert_eq!(ran.stdout, "the first half\n[restarted on work (w)]\n\na whole answer\n");
    assert!(ran.stderr.contains("backend \"ollama\" was given up"), "{ran:?}");
    assert_eq!(ran.code, 0);
}

/// The program on a terminal of its own, by `script` of util-linux.
#[cfg(target_os = "linux")]
mod on_a_terminal {
    use std::io::{Read as _, Write as _};
    use std::process::{Child, ChildStdin, Stdio};
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::upstream::Signal;

    struct Terminal {
        child: Child,
        keyboard: ChildStdin,
        screen: Arc<(Mutex<String>, Condvar)>,
    }

    impl Terminal {
        fn start(home: &Home, arguments: &[&str]) -> Self {
            let inner = home.command(arguments);
            let program = inner.get_program().to_string_lossy().into_owned();
            // With a shell between, Ctrl-C would reach that too.
            let line = ["exec".to_owned(), program]
                .into_iter()
                .chain(inner.get_args().map(|it| it.to_string_lossy().into_owned()))
                .collect::<Vec<_>>()
                .join(" ");
            let mut command = std::process::Command::new("script");
            command.args(["-qefc", &line, "/dev/null"]).env_clear().env("TERM", "xterm");
            command.env("SHELL", "/bin/sh").env("PATH", "/usr/bin:/bin");
            for (name, value) in inner.get_envs() {
                if let Some(value) = value {
                    command.env(name, value);
                }
            }
            command.current_dir(home.work()).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let keyboard = child.stdin.take().unwrap();
            let mut output = child.stdout.take().unwrap();
            let screen: Arc<(Mutex<String>, Condvar)> = Arc::default();
            let shared = screen.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = output.read(&mut buffer) {
                    shared.0.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
                    shared.1.notify_all();
                }
            });
            Self { child, keyboard, screen }
        }

        fn types(&mut self, text: &str) {
            self.keyboard.write_all(text.as_bytes()).unwrap();
            self.keyboard.flush().unwrap();
        }

        /// Waits until the screen has shown this since the last look, and gives what it has shown.
        fn shows(&self, what: &str) -> String {
            let (screen, changed) = &*self.screen;
            let lacks = |screen: &mut String| !screen.contains(what);
            let limit = Duration::from_secs(20);
            let (mut screen, waited) =
                changed.wait_timeout_while(screen.lock().unwrap(), limit, lacks).unwrap();
            assert!(!waited.timed_out(), "no {what:?} on the screen:\n{screen}");
            let end = screen.find(what).unwrap() + what.len();
            screen.drain(..end).collect()
        }

        fn ended(mut self) -> i32 {
            let (sender, ended) = std::sync::mpsc::channel();
            let id = self.child.id();
            std::thread::spawn(move || sender.send(self.child.wait().unwrap().code().unwrap()));
            ended.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| {
                let _ = std::process::Command::new("kill").arg(id.to_string()).status();
                panic!("the program did not end")
            })
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_conversation_with_commands_and_several_lines() {
        let upstream = Upstream::start([
            Exchange::ollama_text(&["# Tit", "le\nuse **this**"]),
            Exchange::openai_text(&["from the other"]),
        ])
        .await;
        let home = Home::new(&format!(
            "[llm]\nbackend = \"ollama\"\nmodel = \"m\"\n[backends.ollama]\nbase_url = \"{url}\"\n\
             [backends.work]\ndialect = \"openai\"\nbase_url = \"{url}/v1\"\nmodel = \"w\"\n",
            url = upstream.url()
        ));
        home.write("work/a.png", crate::images::png());
        let saved = tokio::task::spawn_blocking(move || {
            let mut terminal = Terminal::start(&home, &["chat"]);
            terminal.shows("asking ollama (m). /help lists the commands");
            terminal.types("hello \\\rthere\r");
            terminal.shows("\x1b[1;4mTitle");
            terminal.shows("use \x1b[1mthis\x1b[0m");
            terminal.shows("[ollama (m), 11 tokens in, 7 out]");
            terminal.types("/backend work\r");
            terminal.shows("asking work (w)");
            terminal.types("/modle x\r");
            terminal.shows("did you mean /model?");
            terminal.types("/image absent.png\r");
            terminal.shows("cannot read the image");
            terminal.types("/image a.png\r");
            terminal.shows("[a.png, 1 x 1, goes with the next message]");
            terminal.types("again\r");
            terminal.shows("from the other");
            terminal.shows("[work (w), 11 tokens in, 7 out]");
            terminal.types("/save talk.md\r");
            terminal.shows("[saved to ");
            // Before the prompt the terminal itself would take Ctrl-D for an end of its own.
            terminal.shows("> ");
            terminal.types("\x04");
            assert_eq!(terminal.ended(), 0);
            home.read("work/talk.md")
        })
        .await
        .unwrap();
        let second = upstream.request(1).await.json()["messages"].clone();
        assert_eq!(second[1]["content"], "hello \nthere");
        assert_eq!(second[2]["content"], "# Title\nuse **this**");
        assert_eq!(second[3]["content"][0]["type"], "image_url");
        assert_eq!(second[3]["content"][1]["text"], "again");
        assert_eq!(
            saved,
            "## You\n\nhello \nthere\n\n## Answer\n\n# Title\nuse **this**\n\n## You\n\nagain\n\n## Answer\n\nfrom the other\n\n"
        );
        upstream.finish();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ctrl_c_stops_the_answer_and_not_the_program() {
        let upstream = Upstream::start([
            Exchange::ndjson().send(ollama_line("half\n")).wait(&Signal::default()),
            Exchange::ollama_text(&["whole"]),
        ])
        .await;
        let home = Home::with_ollama(&upstream.url());
        let mut terminal = Terminal::start(&home, &["chat"]);
        terminal.shows("> ");
        terminal.types("one\r");
        upstream.request(0).await;
        let mut terminal = tokio::task::spawn_blocking(move || {
            terminal.shows("half");
            // The terminal throws away what is about to be shown when it makes a signal of this, so what is
            // said of the stop may be lost on the way to us: the closed socket tells instead.
            terminal.types("\x03");
            terminal
        })
        .await
        .unwrap();
        upstream.closed(0).await;
        let code = tokio::task::spawn_blocking(move || {
            terminal.types("two\r");
            terminal.shows("whole");
            terminal.shows("7 out]");
            terminal.shows("> ");
            terminal.types("\x03");
            terminal.shows("(Ctrl-D or /quit leaves)");
            terminal.types("/quit\r");
            terminal.ended()
        })
        .await
        .unwrap();
        assert_eq!(code, 0);
        let messages = upstream.request(1).await.json()["messages"].clone();
        assert_eq!(messages.as_array().unwrap().len(), 2, "{messages}");
        assert_eq!(messages[1]["content"], "two");
        upstream.finish();
    }
}
