//! `arawn config init` without a terminal: flags, and what is there.

use crate::home::Home;
use crate::upstream::Upstream;

/// A home without a configuration file, whose Ollama is at that address.
fn fresh(ollama: &str) -> Home {
    let home = Home::new("").with_var("OLLAMA_HOST", ollama);
    std::fs::remove_file(home.path("config/arawn/arawn.toml")).unwrap();
    home
}

const FILE: &str = "config/arawn/arawn.toml";

fn read(home: &Home) -> toml::Table {
    home.read(FILE).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_flags_it_writes_comments_alone_and_never_over_a_file() {
    let home = fresh("http://127.0.0.1:9");
    let ran = home.run(&["config", "init"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(read(&home).is_empty());
    let again = home.run(&["config", "init", "--yes"]).await;
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("exists already") && again.stderr.contains("--force"),
        "{again:?}"
    );
    assert!(read(&home).is_empty());
    // A file that cannot be read is no obstacle to its own replacement.
    home.write(FILE, "[llm\n");
    let forced = home.run(&["config", "init", "--force", "--yes"]).await;
    assert_eq!(forced.code, 0, "{forced:?}");
    assert_eq!(read(&home)["llm"]["backend"].as_str(), Some("ollama"));
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_takes_the_server_that_answers_and_a_model_it_really_has() {
    let upstream = Upstream::start([]).await;
    let tags = r#"{"models":[{"name":"nomic-embed-text:latest","capabilities":["embedding"]},{"name":"llama3:8b"},
        {"name":"qwen2.5-coder:7b"}]}"#;
    upstream.route("/api/tags", "200 OK", tags);
    let home = fresh(&upstream.url());
    let ran = home.run(&["config", "init", "--yes"]).await;
    assert_eq!(ran.stdout, format!("wrote {}\n", home.path(FILE).display()), "{ran:?}");
    let table = read(&home);
    assert_eq!(table["llm"]["backend"].as_str(), Some("ollama"));
    assert_eq!(table["llm"]["model"].as_str(), Some("qwen2.5-coder:7b"));
    assert_eq!(table.len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(home.path(FILE).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let checked = home.run(&["config", "check"]).await;
    assert_eq!(checked.stdout, "no problems\n", "{checked:?}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_answer_all_questions_and_keys_stay_out_of_the_file() {
    let home = fresh("http://127.0.0.1:9").with_var("GROQ_API_KEY", "gsk_0123456789abcdef0123");
    let arguments = [
        "config",
        "init",
        "--backend",
        "ollama",
        "--model",
        "codellama",
        "--fallback",
        "groq,anthropic",
        "--editor",
        "neovim",
    ];
    let ran = home.run(&arguments).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = home.read(FILE);
    let table = read(&home);
    let fallback: Vec<&str> = table["llm"]["fallback"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|name| name.as_str())
        .collect();
    assert_eq!(fallback, ["groq", "anthropic"]);
    assert_eq!(table["backends"]["groq"]["api_key"].as_str(), Some("$env:GROQ_API_KEY"));
    assert_eq!(
        table["backends"]["anthropic"]["api_key"].as_str(),
        Some("$keyring:anthropic_api_key")
    );
    assert!(!text.contains("gsk_"), "{text}");
    for step in ["`arawn secret set anthropic_api_key`", "`ollama serve`", "`arawn doctor`"] {
        assert!(ran.stderr.contains(step), "{step}: {ran:?}");
    }
    let editor = home.path("config/nvim/plugin/arawn.lua");
    assert!(ran.stdout.ends_with(&format!("wrote {}\n", editor.display())), "{ran:?}");
    assert!(home.read("config/nvim/plugin/arawn.lua").contains("vim.lsp.enable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_writes_nothing() {
    for arguments in [
        ["config", "init", "--backend", "olama"],
        ["config", "init", "--fallback", "grok"],
        ["config", "init", "--editor", "ed"],
    ] {
        let home = fresh("http://127.0.0.1:9");
        let ran = home.run(&arguments).await;
        assert_eq!((ran.stdout.as_str(), ran.code), ("", 2), "{ran:?}");
        assert!(ran.stderr.contains("Hint: known are: "), "{ran:?}");
        assert!(!home.path(FILE).exists());
    }
}
