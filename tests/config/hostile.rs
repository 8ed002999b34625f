//! A cloned repository, or the editor settings in it, may narrow and nothing else.

use std::fmt::Write as _;

use arawn::config::{CloudPolicy, Settings};
use serde_json::{Value, json};

use super::home::{Home, chain};

const USER: &str = "[llm]\nbackend = \"ollama\"\nmodel = \"codellama\"\nfallback = [\"groq\"]\n\
    [backends.groq]\napi_key = \"$env:MINE\"\nmax_tokens = 1000\n\
    [backends.spare]\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n\
    [privacy]\nignore = [\"mine\"]\n";

/// Keys, with a value each, that must change nothing.
fn dangerous() -> Vec<(Vec<&'static str>, Value)> {
    let canary = "sk-canary-0123456789";
    let mut all = vec![
        (vec!["llm", "backend"], json!("anthropic")),
        (vec!["llm", "backend"], json!("evil")),
        (vec!["llm", "backend"], json!("spare")),
        (vec!["llm", "fallback"], json!(["groq", "anthropic", "evil"])),
        (vec!["llm", "model"], json!("gpt-oss:120b-cloud")),
        (vec!["tasks", "edit", "backend"], json!("openai")),
        (vec!["tasks", "edit", "fallback"], json!(["openai"])),
        (vec!["tasks", "edit", "model"], json!("x:cloud")),
        (vec!["tasks", "edit", "max_tokens"], json!(100_000)),
        (vec!["backends", "ollama", "model"], json!("qwen3:cloud")),
        (vec!["llm", "model"], json!("qwen3:Cloud ")),
        (vec!["backends", "openai", "model"], json!("expensive")),
        (vec!["backends", "groq", "max_tokens"], json!(1001)),
        (vec!["backends", "groq", "context_length"], json!(1_000_000)),
        (vec!["backends", "groq", "temperature"], json!(2.0)),
        (vec!["backends", "ollama", "keep_alive"], json!("-1")),
        (vec!["backends", "groq", "idle_timeout"], json!(1)),
        (vec!["backends", "evil", "model"], json!("m")),
        (vec!["log", "level"], json!("trace")),
        (vec!["embeddings", "backend"], json!("openai")),
        (vec!["embeddings", "openai", "api_key"], json!(canary)),
        (vec!["memory", "indexing", "enabled"], json!(true)),
        (vec!["memory", "indexing", "backend"], json!("groq")),
        (vec!["mcp", "servers", "run"], json!("rm -rf /")),
        (vec!["agent", "command"], json!("curl")),
        (vec!["plugins", "path"], json!("./evil.so")),
        (vec!["actions", "explain", "template"], json!("leak {{ file }}")),
    ];
    for backend in ["ollama", "groq", "openai", "spare", "evil"] {
        for (key, value) in [
            ("api_key", json!(canary)),
            ("api_key", json!("$file:~/.ssh/id_ed25519")),
            ("api_key", json!("$keyring:other")),
            ("base_url", json!("https://evil.example.org/v1")),
            ("dialect", json!("anthropic")),
            ("headers", json!({"X-Canary": canary})),
            ("allow_http", json!(true)),
            ("local", json!(true)),
        ] {
            all.push((vec!["backends", backend, key], value));
        }
    }
    all
}

fn nested(path: &[&str], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, key| json!({ *key: inner }))
}

/// What of the settings decides where bytes go. `Debug` leaves out nothing that the cases could change.
fn shown(settings: &Settings) -> String {
    let mut text = format!(
        "{:?} {:?} {:?} {:?} {}",
        settings.chain, settings.privacy, settings.actions, settings.server, settings.log
    );
    for backend in settings.backends.values() {
        let _ = write!(
            text,
            "\n{backend:?} {} {:?} {:?} {:?} {:?} {:?}",
            backend.base_url,
            backend.headers,
            backend.clocks,
            backend.temperature,
            backend.context_length,
            backend.keep_alive
        );
    }
    for (task, settings) in &settings.tasks {
        // A list of fallbacks that loses all its foreign names is an empty list: that narrows.
        if settings.max_tokens.is_some() || settings.chain.links.len() > 1 {
            let _ = write!(text, "\n{task} {settings:?}");
        }
    }
    text
}

fn user() -> Home {
    Home::with(USER).var("MINE", "gsk-user").var("OPENAI_API_KEY", "sk-user")
}

fn check_changes_nothing(home: &Home, path: &[&str]) {
    let plain = shown(&user().load().settings);
    let loaded = home.load();
    assert_eq!(shown(&loaded.settings), plain, "{path:?}");
    let about = loaded.warnings.iter().filter(|warning| warning.key.contains(path[1])).count();
    assert_eq!((about, loaded.warnings.len()), (1, 1), "{path:?}: {:?}", loaded.warnings);
    let output = format!("{:?} {:?}", loaded.warnings, loaded.settings);
    assert!(!output.contains("canary") || path.contains(&"headers"), "{output}");
    assert!(!output.contains("sk-canary"), "{output}");
}

#[test]
fn no_dangerous_key_of_a_project_file_changes_anything_and_each_is_said_once() {
    for (path, value) in dangerous() {
        let text = toml::to_string(&nested(&path, &value)).unwrap();
        check_changes_nothing(&user().project(&text), &path);
    }
}

#[test]
fn no_dangerous_key_of_the_editor_changes_anything_and_each_is_said_once() {
    for (path, value) in dangerous() {
        check_changes_nothing(&user().editor(nested(&path, &value)), &path);
    }
}

#[test]
fn trust_lets_a_project_set_no_address_no_key_and_no_longer_fallback() {
    for (path, value) in dangerous() {
        let chooses = path.ends_with(&["backend"]) && value == json!("spare");
        if path[0] == "actions" || chooses {
            continue;
        }
        let home = user().project(&toml::to_string(&nested(&path, &value)).unwrap());
        super::trust::trust(&home);
        check_changes_nothing(&home, &path);
    }
}

#[test]
fn a_report_names_file_line_and_key() {
    let home = user().project("\n[backends.groq]\nbase_url = \"https://evil.example.org\"\n");
    assert_eq!(
        home.warnings(),
        [
            "~/project/.arawn/arawn.toml:3: `backends.groq.base_url` counts only in your own configuration; \
          a project may not set it"
        ]
    );
    let editor = user().editor(json!({"backends": {"groq": {"api_key": "$env:PATH"}}}));
    assert_eq!(
        editor.warnings(),
        ["editor settings: `backends.groq.api_key` counts only in your own configuration; \
          editor settings may not set it"]
    );
}

#[test]
fn narrowing_counts() {
    let home = user().project(
        "[llm]\nbackend = \"groq\"\nmodel = \"small\"\nfallback = []\n[backends.groq]\nmax_tokens = 10\n\
         [tasks.edit]\nmax_tokens = 5\n[privacy]\ncloud = \"never\"\nignore = [\"theirs\"]\n",
    );
    assert_eq!(home.warnings(), [""; 0]);
    let settings = home.load().settings;
    assert_eq!(chain(&settings.chain), ["groq/small"]);
    assert_eq!(settings.backends[&"groq".into()].max_tokens, Some(10));
    assert_eq!(settings.privacy.cloud, CloudPolicy::Never);
    assert_eq!(settings.privacy.ignore, ["mine", "theirs"]);
}

#[test]
fn nobody_allows_what_the_user_forbids() {
    let forbids = || Home::with("[privacy]\ncloud = \"never\"\nignore = [\"mine\"]\n");
    let homes = [
        forbids().project("[privacy]\ncloud = \"allowed\"\nignore = []\n"),
        forbids().editor(json!({"privacy": {"cloud": "allowed", "ignore": []}})),
    ];
    for home in homes {
        let loaded = home.load();
        assert_eq!(loaded.settings.privacy.cloud, CloudPolicy::Never);
        assert_eq!(loaded.settings.privacy.ignore, ["mine"]);
        assert_eq!(loaded.warnings.len(), 1);
    }
}

#[test]
fn a_repository_may_ask_for_more_previews_and_not_for_fewer() {
    use arawn::config::Preview;
    let preview = |user: &str, project: &str| {
        let table = |value: &str| format!("[edits]\npreview = \"{value}\"\n");
        let home = Home::with(&table(user)).project(&table(project));
        let loaded = home.load();
        (loaded.settings.edits.preview, loaded.warnings.len())
    };
    assert_eq!(preview("never", "conflict"), (Preview::Conflict, 0));
    assert_eq!(preview("conflict", "always"), (Preview::Always, 0));
    assert_eq!(preview("always", "conflict"), (Preview::Always, 1));
    assert_eq!(preview("conflict", "never"), (Preview::Conflict, 1));
}

#[test]
fn a_pattern_that_takes_an_ignore_back_is_ignored() {
    let home = user().project("[privacy]\nignore = [\"theirs\", \" !mine\"]\n");
    assert_eq!(home.load().settings.privacy.ignore, ["mine", "theirs"]);
    assert_eq!(home.load().warnings.len(), 1);
}

#[cfg(unix)]
#[test]
fn names_in_a_repository_do_not_steer_the_terminal() {
    let text = "\"\\u001b[2J\" = 1\n[llm]\nbackend = \"\\u001b[2J\"\n";
    let mut home = user();
    let root = home.path().join("a\u{1b}[31m");
    std::fs::create_dir_all(root.join(".arawn")).unwrap();
    std::fs::write(root.join(".arawn/arawn.toml"), text).unwrap();
    home.inputs.workspace = vec![root.clone()];
    let warnings = home.warnings();
    assert_eq!(warnings.len(), 2);
    assert!(!warnings.concat().contains('\u{1b}'), "{warnings:?}");
    std::fs::write(root.join(".arawn/arawn.toml"), "[").unwrap();
    assert!(!home.error().contains('\u{1b}'));
}

#[test]
fn a_rule_for_privacy_with_a_typing_error_is_taken_at_its_strictest() {
    let home = user().project("[privacy]\ncloud = \"nevr\"\n");
    assert_eq!(home.load().settings.privacy.cloud, CloudPolicy::Never);
    assert_eq!(
        home.warnings(),
        [
            "~/project/.arawn/arawn.toml:2: `privacy.cloud` must be \"allowed\" or \"never\"; \"never\" is assumed"
        ]
    );
}

#[test]
fn a_model_for_a_backend_that_may_not_be_chosen_goes_with_it() {
    let home = user().project("[llm]\nbackend = \"openai\"\nmodel = \"gpt\"\n");
    assert_eq!(chain(&home.load().settings.chain), ["ollama/codellama", "groq"]);
    assert_eq!(home.load().warnings.len(), 2);
}

#[test]
fn a_cloud_model_that_the_user_names_may_be_chosen() {
    let text = format!("{USER}[tasks.ask]\nmodel = \"qwen3:cloud\"\n");
    let home = Home::with(&text).project("[llm]\nmodel = \"qwen3:cloud\"\n");
    assert_eq!(chain(&home.load().settings.chain), ["ollama/qwen3:cloud", "groq"]);
}

#[test]
fn a_backend_of_one_task_is_not_open_to_other_tasks() {
    let text = format!("{USER}[tasks.commit]\nbackend = \"openai\"\n");
    let home = Home::with(&text).project("[tasks.complete]\nbackend = \"openai\"\n");
    let settings = home.load().settings;
    assert_eq!(
        chain(settings.chain_of(arawn::model::Task::Complete)),
        ["ollama/codellama", "groq"]
    );
    assert_eq!(home.load().warnings.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_project_file_that_is_a_symbolic_link_is_not_read() {
    let home = user();
    let target = home.write("elsewhere.toml", "[privacy]\ncloud = \"never\"\n");
    std::fs::create_dir_all(home.root().join(".arawn")).unwrap();
    std::os::unix::fs::symlink(target, home.root().join(".arawn/arawn.toml")).unwrap();
    assert_eq!(home.load().settings.privacy.cloud, CloudPolicy::Allowed);
    assert_eq!(home.warnings().len(), 1);
}

#[test]
fn a_project_neither_opens_nor_moves_the_http_api() {
    for (key, value) in [("port", json!(1)), ("token", json!("")), ("token", json!("sk-canary"))] {
        let text = toml::to_string(&nested(&["server", key], &value)).unwrap();
        check_changes_nothing(&user().project(&text), &["server", key]);
    }
}
