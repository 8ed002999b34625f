//! Layers: what wins, what is inherited, what the documentation's samples mean.

use std::path::Path;
use std::time::Duration;

use arawn::config::{CloudPolicy, Dialect, Place, Provider, Source};
use arawn::model::Task;
use serde_json::json;

use super::home::{Home, chain};

#[test]
fn without_a_word_of_the_user_it_is_ollama_with_codellama_and_no_cloud() {
    let loaded = Home::new().var("ANTHROPIC_API_KEY", "sk-ant").load();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let settings = loaded.settings;
    assert_eq!(chain(&settings.chain), ["ollama"]);
    let ollama = &settings.backends[&"ollama".into()];
    assert_eq!(ollama.model.as_deref(), Some("codellama"));
    assert_eq!(ollama.base_url_text, "http://localhost:11434");
    assert_eq!((ollama.dialect, ollama.place), (Dialect::Ollama, Place::Local));
    assert_eq!(ollama.clocks.first_byte, Duration::from_mins(5));
    assert_eq!(settings.privacy.cloud, CloudPolicy::Allowed);
}

#[test]
fn the_samples_of_the_documentation_load_as_they_stand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config");
    for name in ["anthropic", "openai", "embeddings", "groq", "ollama", "multiple", "everything"] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let loaded = Home::with(&text).load();
        assert!(loaded.warnings.is_empty(), "{name}: {:?}", loaded.warnings);
    }
}

#[test]
fn the_large_sample_means_what_it_says() {
    let text = include_str!("../data/config/everything.toml");
    let settings = Home::with(text).load().settings;
    assert_eq!(chain(&settings.chain), ["ollama/codellama", "groq", "anthropic"]);
    assert_eq!(
        chain(settings.chain_of(Task::Complete)),
        ["ollama/codellama:7b-code", "groq", "anthropic"]
    );
    assert_eq!(chain(settings.chain_of(Task::Edit)), chain(&settings.chain));
    let work = &settings.backends[&"work".into()];
    assert_eq!(
        (work.dialect, work.provider, work.place),
        (Dialect::Openai, Provider::Other, Place::Local)
    );
    assert_eq!(work.base_url.as_str(), "http://127.0.0.1:8000/v1");
    let anthropic = &settings.backends[&"anthropic".into()];
    assert_eq!(anthropic.api_key.as_ref().unwrap().to_string(), "$keyring:anthropic_api_key");
    assert_eq!(anthropic.max_tokens, Some(4096));
}

#[test]
fn tables_of_sibling_pages_load_without_a_word() {
    let text = "[server]\nport = 8080\n[server.auth]\nenabled = true\n[mcp]\nx = 1\n[agent]\nmax = 3\n\
                [workstreams]\n[logging]\nlevel = \"info\"\n[plugins]\n[memory.recall]\nlimit = 5\n";
    assert_eq!(Home::with(text).warnings(), [""; 0]);
}

#[test]
fn files_are_merged_key_by_key_and_the_later_one_wins() {
    let home = Home::with("[backends.groq]\napi_key = \"$env:MINE\"\nmodel = \"a\"\n");
    home.write(".arawn/arawn.toml", "[backends.groq]\nmodel = \"b\"\n");
    let loaded = home.load();
    let groq = &loaded.settings.backends[&"groq".into()];
    assert_eq!(groq.model.as_deref(), Some("b"));
    assert_eq!(groq.api_key.as_ref().unwrap().to_string(), "$env:MINE");
    let entry =
        |key: &str| loaded.entries.iter().find(|entry| entry.path.join(".") == key).unwrap();
    assert_eq!(
        *entry("backends.groq.model").origin.source,
        Source::User(home.path().join(".arawn/arawn.toml"))
    );
    assert_eq!(entry("backends.groq.model").origin.line, Some(2));
    assert_eq!(*entry("backends.groq.base_url").origin.source, Source::Default);
}

#[test]
fn the_key_in_the_user_file_and_the_model_in_the_project_file_both_hold() {
    let user = "[llm]\nbackend = \"groq\"\n[backends.groq]\napi_key = \"$env:MINE\"\n";
    let home = Home::with(user).project("[backends.groq]\nmodel = \"b\"\n");
    let settings = home.load().settings;
    let groq = &settings.backends[&"groq".into()];
    assert_eq!(groq.model.as_deref(), Some("b"));
    assert_eq!(groq.api_key.as_ref().unwrap().to_string(), "$env:MINE");
}

#[test]
fn variables_win_over_files_and_flags_over_variables() {
    let mut home = Home::with("[llm]\nbackend = \"groq\"\nmodel = \"file\"\n")
        .var("ARAWN_BACKEND", "openai")
        .var("ARAWN_MODEL", "variable")
        .var("ARAWN_LOG", "debug");
    let settings = home.load().settings;
    assert_eq!(chain(&settings.chain), ["openai/variable"]);
    assert_eq!(settings.log, "debug");
    home.inputs.model = Some("flag".to_owned());
    assert_eq!(chain(&home.load().settings.chain), ["openai/flag"]);
}

#[test]
fn a_model_does_not_leak_to_a_backend_that_another_layer_chooses() {
    let user =
        "[llm]\nbackend = \"groq\"\nmodel = \"for-groq\"\n[tasks.ask]\nmodel = \"for-groq-too\"\n";
    let settings = Home::with(user).var("ARAWN_BACKEND", "openai").load().settings;
    assert_eq!(chain(&settings.chain), ["openai"]);
    assert_eq!(chain(settings.chain_of(Task::Ask)), ["openai"]);
    let same = Home::with(user).var("ARAWN_BACKEND", "groq").load().settings;
    assert_eq!(chain(&same.chain), ["groq/for-groq"]);
}

#[test]
fn a_task_takes_what_it_leaves_out_from_llm_but_no_model_of_another_backend() {
    let text = "[llm]\nbackend = \"groq\"\nmodel = \"m\"\nfallback = [\"openai\", \"groq\"]\n\
                [tasks.complete]\nbackend = \"ollama\"\n[tasks.commit]\nmodel = \"small\"\nmax_tokens = 100\n\
                [tasks.chat]\nfallback = []\n";
    let settings = Home::with(text).load().settings;
    assert_eq!(chain(&settings.chain), ["groq/m", "openai"]);
    assert_eq!(chain(settings.chain_of(Task::Complete)), ["ollama", "openai", "groq"]);
    assert_eq!(chain(settings.chain_of(Task::Commit)), ["groq/small", "openai"]);
    assert_eq!(chain(settings.chain_of(Task::Chat)), ["groq/m"]);
    assert_eq!(settings.tasks[&Task::Commit].max_tokens, Some(100));
}

#[test]
fn a_named_file_takes_the_place_of_the_users_files() {
    let mut home = Home::with("[llm]\nbackend = \"groq\"\n");
    home.write("other.toml", "[llm]\nmodel = \"x\"\n");
    home.inputs.explicit_file = Some("other.toml".into());
    assert_eq!(chain(&home.load().settings.chain), ["ollama/x"]);
    let by_variable = Home::with("[llm]\nbackend = \"groq\"\n").var("ARAWN_CONFIG", "~/other.toml");
    by_variable.write("other.toml", "[llm]\nmodel = \"y\"\n");
    assert_eq!(chain(&by_variable.load().settings.chain), ["ollama/y"]);
}

#[test]
fn the_editor_may_choose_and_its_empty_values_are_not_set() {
    let user = "[llm]\nbackend = \"ollama\"\nfallback = [\"groq\"]\n";
    let editor = json!({"llm": {"backend": "groq", "model": null}, "log": {"level": ""}, "server": {"path": "x"}});
    let home = Home::with(user).editor(editor);
    assert_eq!(chain(&home.load().settings.chain), ["groq"]);
    assert_eq!(home.warnings(), [""; 0]);
}

#[test]
fn the_editor_may_send_its_settings_whole_or_with_dotted_keys() {
    let user = "[llm]\nbackend = \"ollama\"\nfallback = [\"groq\"]\n";
    for editor in [
        json!({"arawn": {"llm": {"backend": "groq"}}}),
        json!({"llm.backend": "groq", "privacy": {}, "trace.server": "off"}),
    ] {
        let home = Home::with(user).editor(editor);
        assert_eq!(chain(&home.load().settings.chain), ["groq"]);
        assert_eq!(home.warnings(), [""; 0]);
    }
    for nonsense in [json!(null), json!(5), json!([1]), json!({"llm": 3, "": {"": 1}, "a..b": 2})] {
        assert_eq!(
            chain(&Home::with(user).editor(nonsense).load().settings.chain),
            ["ollama", "groq"]
        );
    }
}

#[test]
fn the_first_of_several_workspace_folders_counts_most_and_any_of_them_forbids_cloud() {
    let user = "[llm]\nbackend = \"ollama\"\nfallback = [\"groq\", \"openai\"]\n";
    let mut home = Home::with(user).project("[llm]\nbackend = \"groq\"\n");
    home.write(
        "second/.arawn/arawn.toml",
        "[llm]\nbackend = \"openai\"\n[privacy]\ncloud = \"never\"\nignore = [\"b\"]\n",
    );
    home.inputs.workspace.push(home.path().join("second"));
    let settings = home.load().settings;
    assert_eq!(chain(&settings.chain), ["groq", "openai"]);
    assert_eq!(settings.privacy.cloud, CloudPolicy::Never);
    assert_eq!(settings.privacy.ignore, ["b"]);
}

#[test]
fn ollama_host_counts_where_the_user_has_set_no_address() {
    let url = |home: Home| home.load().settings.backends[&"ollama".into()].base_url_text.clone();
    assert_eq!(url(Home::new().var("OLLAMA_HOST", "0.0.0.0:7777")), "http://127.0.0.1:7777");
    let set = Home::with("[backends.ollama]\nbase_url = \"http://localhost:1\"\n");
    assert_eq!(url(set.var("OLLAMA_HOST", "0.0.0.0:7777")), "http://localhost:1");
}

#[test]
fn ollama_host_on_another_machine_needs_the_users_word_for_plain_http() {
    let home = Home::new().var("OLLAMA_HOST", "gpu.lan");
    assert_eq!(
        home.error(),
        "`llm.backend`: no backend of the chain can be used: `backends.ollama.base_url` would send code and key \
         to gpu.lan unencrypted; use https, or set `allow_http = true`"
    );
    let other = Home::with("[llm]\nfallback = [\"groq\"]\n").var("OLLAMA_HOST", "gpu.lan");
    assert!(
        other.warnings()[0]
            .starts_with("environment variable OLLAMA_HOST: `backends.ollama.base_url`")
    );
    let allowed = Home::with("[backends.ollama]\nallow_http = true\nlocal = true\n")
        .var("OLLAMA_HOST", "gpu.lan");
    let settings = allowed.load().settings;
    assert_eq!(settings.backends[&"ollama".into()].place, Place::Local);
}

#[test]
fn a_well_known_variable_counts_without_an_api_key_and_only_if_it_is_set() {
    let key = |home: Home, name: &str| {
        let settings = home.load().settings;
        settings.backends[&name.into()].api_key.as_ref().map(ToString::to_string)
    };
    let set = || Home::new().var("GROQ_API_KEY", "gsk").var("OPENAI_API_KEY", " ");
    assert_eq!(key(set(), "groq").as_deref(), Some("$env:GROQ_API_KEY"));
    assert_eq!(key(set(), "openai"), None);
    assert_eq!(key(set(), "ollama"), None);
    let written =
        Home::with("[backends.groq]\napi_key = \"$env:OTHER\"\n").var("GROQ_API_KEY", "gsk");
    assert_eq!(key(written, "groq").as_deref(), Some("$env:OTHER"));
    let empty = Home::with("[backends.groq]\napi_key = \"\"\n").var("GROQ_API_KEY", "gsk");
    assert_eq!(key(empty, "groq").as_deref(), Some("$env:GROQ_API_KEY"));
}

#[test]
fn every_setting_of_a_backend_arrives() {
    let text = "[backends.work]\ndialect = \"openai\"\nbase_url = \"https://gw.example.org\"\nmodel = \"m\"\n\
                max_tokens = 7\ntemperature = 1\nallow_http = true\nlocal = true\nnum_ctx = 4096\n\
                keep_alive = \"10m\"\nconnect_timeout = 1\nfirst_byte_timeout = 2\nidle_timeout = 3\n\
                headers = { X-Team = \"$env:TEAM\", X-Plain = \"yes\" }\n";
    let home = Home::with(text).var("TEAM", "blue-canary");
    assert_eq!(home.warnings(), [""; 0]);
    let settings = home.load().settings;
    let work = &settings.backends[&"work".into()];
    assert_eq!(work.context_length, Some(4096));
    assert_eq!(work.temperature, Some(1.0));
    assert_eq!(work.keep_alive.as_deref(), Some("10m"));
    assert_eq!(work.headers["X-Team"], "blue-canary");
    assert_eq!(work.clocks.idle, Duration::from_secs(3));
    assert_eq!((work.place, work.base_url.as_str()), (Place::Local, "https://gw.example.org/v1"));
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn actions_of_the_user_are_taken_as_in_an_action_file() {
    let text = "[actions.shorten]\ntitle = \"Shorten\"\ntask = \"edit\"\noutput = \"replace\"\n\
                languages = [\"rust\", \"go\"]\ninput = true\ntemplate = \"Shorten {{ selection }}\"\n";
    let settings = Home::with(text).load().settings;
    let action = &settings.actions[0];
    assert_eq!(action.id, "shorten");
    assert_eq!(action.fields["languages"], "rust, go");
    assert_eq!(action.fields["input"], "true");
}

#[test]
fn a_token_that_cannot_be_read_is_no_missing_token() {
    for written in ["5", "\"$vault:x\"", "\"$env:\""] {
        let home = Home::with(&format!("[server]\ntoken = {written}\nport = 70000\n"));
        let loaded = home.load();
        assert!(loaded.settings.server.token.is_err(), "{written}");
        assert_eq!(loaded.settings.server.port, None);
    }
    let loaded = Home::with("[server]\ntoken = \"$env:MINE\"\nport = 0\n").load();
    let token = loaded.settings.server.token.unwrap().unwrap();
    assert_eq!((token.to_string().as_str(), loaded.settings.server.port), ("$env:MINE", Some(0)));
}
