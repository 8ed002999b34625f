//! `arawn doctor` in set-ups that are broken, each in its own way: it names the cause in one line, and the next
//! step in the same.

use serde_json::Value;

use crate::home::Home;
use crate::upstream::{Exchange, Upstream};

/// Where nothing listens.
const NOBODY: &str = "http://127.0.0.1:9";

/// The findings of a run, and its exit code.
struct Examined {
    findings: Vec<Value>,
    code: i32,
}

impl Examined {
    async fn of(home: &Home) -> Self {
        Self::with(home, &["doctor", "--json"]).await
    }

    async fn with(home: &Home, arguments: &[&str]) -> Self {
        let ran = home.run(arguments).await;
        let Value::Array(findings) = serde_json::from_str(&ran.stdout).unwrap() else {
            panic!("no array: {ran:?}")
        };
        Self { findings, code: ran.code }
    }

    /// The finding of an area and level whose message holds these words; its hint.
    #[track_caller]
    fn has(&self, area: &str, level: &str, words: &str) -> String {
        let found = self.findings.iter().find(|finding| {
            finding["area"] == area
                && finding["level"] == level
                && finding["message"].as_str().unwrap().contains(words)
        });
        let found =
            found.unwrap_or_else(|| panic!("no {level} {area} {words}: {:#?}", self.findings));
        found["hint"].as_str().unwrap_or_default().to_owned()
    }

    /// Every problem has its next step, and every finding is one line.
    fn is_well_formed(&self) {
        for finding in &self.findings {
            let (message, hint) = (finding["message"].as_str().unwrap(), &finding["hint"]);
            assert!(!message.contains('\n') && !message.is_empty(), "{finding}");
            assert!(finding["level"] == "ok" || hint.is_string(), "no next step: {finding}");
        }
    }
}

fn groq(url: &str, key: &str) -> String {
    format!(
        "[llm]\nbackend = \"groq\"\n[backends.groq]\nbase_url = \"{url}\"\nmodel = \"m\"\napi_key = \"{key}\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_every_line_says_so() {
    let upstream = Upstream::start([]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["doctor"]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stdout.lines().all(|line| line.starts_with("ok      ")), "{ran:?}");
    let backend = format!(
        "ok      backend ollama: answers at {} (version 0.17.1), and has \"m\" (16384 tokens, completion, tools, insert)\n",
        upstream.url()
    );
    assert!(ran.stdout.contains(&backend), "{ran:?}");
    assert!(ran.stdout.contains("ok      config: reads ~/config/arawn/arawn.toml\n"), "{ran:?}");
    assert!(ran.stdout.contains("ok      chain: ollama (m)\n"), "{ran:?}");
    // Nothing that is billed was sent.
    assert!(upstream.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_1_no_ollama() {
    let examined = Examined::of(&Home::with_ollama(NOBODY)).await;
    let hint =
        examined.has("backend ollama", "problem", &format!("Cannot connect to Ollama at {NOBODY}"));
    assert!(hint.contains("`ollama serve`"), "{hint}");
    let hint = examined.has("chain", "problem", "nobody answers now");
    assert!(hint.contains("`arawn local setup`"), "{hint}");
    assert_eq!(examined.code, 5);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_2_an_ollama_without_the_model() {
    let upstream = Upstream::start([]).await;
    upstream.route("/api/tags", "200 OK", r#"{"models":[{"name":"qwen2.5-coder:7b"}]}"#);
    let examined = Examined::of(&Home::with_ollama(&upstream.url())).await;
    let hint = examined.has("backend ollama", "problem", "does not have the model \"m\"");
    assert_eq!(
        hint,
        "`ollama pull m`, or set `model` of \"ollama\" to one it has: qwen2.5-coder:7b"
    );
    assert_eq!(examined.code, 5);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_3_an_old_ollama_with_known_holes() {
    let upstream = Upstream::start([]).await;
    upstream.route("/api/version", "200 OK", r#"{"version":"0.9.6"}"#);
    let examined = Examined::of(&Home::with_ollama(&upstream.url())).await;
    let hint =
        examined.has("backend ollama", "warning", "Ollama 0.9.6 has known holes: CVE-2026-7482");
    assert_eq!(hint, "update Ollama to 0.17.1 or newer");
    assert_eq!(examined.code, 0, "it works all the same");
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_4_a_wrong_key() {
    let upstream = Upstream::start([]).await;
    upstream.route(
        "/v1/models",
        "401 Unauthorized",
        r#"{"error":{"message":"Invalid API Key","code":"invalid_api_key"}}"#,
    );
    let examined = Examined::of(&Home::new(&groq(&upstream.url(), "$env:CANARY_KEY"))).await;
    let hint =
        examined.has("backend groq", "problem", "Authentication failed for backend \"groq\"");
    assert!(hint.contains("`arawn secret set groq_api_key`"), "{hint}");
    assert_eq!(examined.code, 4);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_5_a_variable_that_is_not_set() {
    let upstream = Upstream::start([]).await;
    let examined = Examined::of(&Home::new(&groq(&upstream.url(), "$env:MY_GROQ_KEY"))).await;
    let hint =
        examined.has("backend groq", "problem", "Environment variable \"MY_GROQ_KEY\" not set");
    assert!(hint.contains("export MY_GROQ_KEY="), "{hint}");
    assert_eq!(examined.code, 4);
    assert_eq!(upstream.n_connections(), 0, "without its key a backend is not asked");
    examined.is_well_formed();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn broken_6_no_keyring() {
    let examined = Examined::of(&Home::new(&groq(NOBODY, "$keyring:groq_api_key"))).await;
    for area in ["keyring", "backend groq"] {
        let hint = examined.has(area, "problem", "Keyring backend not available");
        assert!(hint.contains("`$env:VARIABLE`"), "{hint}");
    }
    assert_eq!(examined.code, 4);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_7_a_file_that_is_not_toml() {
    let examined = Examined::of(&Home::new("[llm]\nbackend = \"ollama\n")).await;
    let hint = examined.has("config", "problem", "arawn.toml:2:");
    assert!(hint.contains("`arawn config check`"), "{hint}");
    assert_eq!(examined.code, 3);
    // What does not hang on the file is examined all the same.
    examined.has("state folder", "ok", "can be written");
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_8_a_key_that_nobody_knows() {
    let upstream = Upstream::start([]).await;
    let home = Home::new(&format!(
        "[llm]\nmodle = \"m\"\n[backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\n",
        upstream.url()
    ));
    let examined = Examined::of(&home).await;
    let hint = examined.has(
        "config",
        "warning",
        "arawn.toml:2: `llm.modle` is not known; did you mean `llm.model`?",
    );
    assert_eq!(hint, "correct the name, or remove the line");
    assert_eq!(examined.code, 0);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_9_plain_http_to_another_machine() {
    // The name cannot be resolved, and it is not tried: there is no complaint about it.
    let table = "[backends.lab]\ndialect = \"openai\"\nbase_url = \"http://models.example/v1\"\nmodel = \"m\"\n";
    let alone = Examined::of(&Home::new(&format!("[llm]\nbackend = \"lab\"\n{table}"))).await;
    alone.has("config", "problem", "would send code and key to models.example unencrypted");
    assert_eq!(alone.code, 3);
    alone.is_well_formed();

    let upstream = Upstream::start([]).await;
    let ollama = format!("[backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\n", upstream.url());
    let second =
        Examined::of(&Home::new(&format!("[llm]\nfallback = [\"lab\"]\n{table}{ollama}"))).await;
    let hint =
        second.has("config", "warning", "would send code and key to models.example unencrypted");
    assert!(hint.contains("`allow_http = true`"), "{hint}");
    assert_eq!(second.code, 0);
    let text = format!("{:?}", second.findings);
    assert!(!text.contains("Cannot connect"), "{text}");
    second.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_10_something_else_listens_at_the_port() {
    let cut_off = Exchange::silent().send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{\"mod",
    );
    let garbage = Exchange::silent().send("220 smtp.example ready\r\n");
    let page = Exchange::head("200 OK\ncontent-type: text/html").send("<title>Sign in</title>");
    let other = Exchange::json("200 OK", r#"{"hello":"world"}"#);
    for (answer, words) in [
        (cut_off, "What answers at"),
        (garbage, "The answer of backend \"ollama\" was cut off"),
        (page, "What answers at"),
        (other, "What answers at"),
    ] {
        let upstream = Upstream::start([answer]).await;
        upstream.unroute("/api/tags");
        let examined = Examined::of(&Home::with_ollama(&upstream.url())).await;
        examined.has("backend ollama", "problem", words);
        assert_eq!(examined.code, 5);
        examined.is_well_formed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_11_a_server_that_takes_connections_and_says_nothing() {
    let upstream = Upstream::start([Exchange::silent().stall()]).await;
    upstream.unroute("/api/tags");
    let since = std::time::Instant::now();
    let examined = Examined::of(&Home::with_ollama(&upstream.url())).await;
    assert!(
        since.elapsed() < std::time::Duration::from_secs(20),
        "a dead host must not hold it up"
    );
    examined.has("backend ollama", "problem", "");
    assert_eq!(examined.code, 5);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_12_a_state_folder_that_cannot_be_written() {
    let upstream = Upstream::start([]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("state", "a file stands in the way");
    let examined = Examined::of(&home).await;
    let hint = examined.has("state folder", "problem", "cannot write to ~/state/arawn: ");
    assert!(hint.contains("XDG_STATE_HOME"), "{hint}");
    assert_eq!(examined.code, 1);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_13_the_model_of_the_local_engine_is_gone() {
    let home = Home::with_ollama(NOBODY);
    let gone = home.path("models/small.gguf");
    let engine = std::env::current_exe().unwrap();
    home.write(
        "config/arawn/arawn.toml",
        format!(
            "[backends.ollama]\nbase_url = \"{NOBODY}\"\n[local]\nengine = {engine:?}\nmodel = {gone:?}\n"
        ),
    );
    let examined = Examined::of(&home).await;
    let hint = examined.has("local engine", "problem", "small.gguf");
    assert!(hint.contains("`arawn local setup`"), "{hint}");
    assert_eq!(examined.code, 5);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_with_a_living_one_behind_it_is_a_warning() {
    let upstream = Upstream::start([]).await;
    let home = Home::new(&format!(
        "[llm]\nfallback = [\"work\"]\n[backends.ollama]\nbase_url = \"{NOBODY}\"\n\
         [backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"m\"\n",
        upstream.url()
    ));
    let examined = Examined::of(&home).await;
    examined.has("backend ollama", "warning", "Cannot connect");
    examined.has("backend work", "ok", "and has \"m\"");
    examined.has("chain", "warning", "ollama (codellama), then work (m); now work answers");
    assert_eq!(examined.code, 0);
    examined.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_deep_look_sends_a_prompt() {
    let upstream = Upstream::start([Exchange::ollama_text(&["rea", "dy"])]).await;
    let home = Home::with_ollama(&upstream.url());
    let examined = Examined::with(&home, &["doctor", "--deep", "--json"]).await;
    examined.has("backend ollama", "ok", "\"m\" answered: first token after ");
    assert_eq!(examined.code, 0);
    assert_eq!(upstream.request(0).await.json()["options"]["num_predict"], 16);
    upstream.finish();
    let upstream = Upstream::start([Exchange::json(
        "500 Internal Server Error",
        r#"{"error":"out of memory"}"#,
    )])
    .await;
    let home = Home::with_ollama(&upstream.url());
    for _ in 0..3 {
        upstream.then(Exchange::json("500 Internal Server Error", r#"{"error":"out of memory"}"#));
    }
    let examined = Examined::with(&home, &["doctor", "--deep", "--json"]).await;
    examined.has("backend ollama", "problem", "out of memory");
    assert_eq!(examined.code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_is_forbidden_is_not_asked() {
    let upstream = Upstream::start([]).await;
    let home = Home::new(&format!(
        "[llm]\nfallback = [\"groq\"]\n[privacy]\ncloud = \"never\"\n[backends.groq]\napi_key = \"$env:CANARY_KEY\"\n\
         [backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\n",
        upstream.url()
    ));
    let examined = Examined::of(&home).await;
    examined.has("backend groq", "warning", "`[privacy] cloud = \"never\"` forbids");
    assert_eq!(examined.code, 0);
    examined.is_well_formed();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn editors_on_the_path_are_found_and_looked_into() {
    use std::os::unix::fs::PermissionsExt as _;
    let upstream = Upstream::start([]).await;
    let home = Home::with_ollama(&upstream.url());
    for program in ["nvim", "hx"] {
        let path = home.write(&format!("bin/{program}"), "");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let bin = home.path("bin").display().to_string();
    let home = home.with_var("PATH", bin);
    let before = Examined::of(&home).await;
    assert_eq!(before.has("editor helix", "warning", "~/bin/hx is here"), "`arawn setup helix`");
    home.write("config/nvim/init.lua", "vim.lsp.enable('arawn')");
    let after = Examined::of(&home).await;
    after.has("editor neovim", "ok", "arawn is set up in ~/config/nvim/init.lua");
    assert_eq!(after.has("editor helix", "ok", "not set up"), "`arawn setup helix`");
    after.is_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_engine_that_is_named_but_not_set_up_is_said_so() {
    let upstream = Upstream::start([]).await;
    let home = Home::new(&format!(
        "[llm]\nfallback = [\"local\"]\n[backends.ollama]\nbase_url = \"{}\"\nmodel = \"m\"\n",
        upstream.url()
    ));
    let examined = Examined::of(&home).await;
    let hint =
        examined.has("config", "warning", "arawn.toml:2: `llm.fallback` names \"local\", and");
    assert!(hint.starts_with("`arawn local setup`"), "{hint}");
    assert_eq!(examined.code, 0);
    examined.is_well_formed();
}
