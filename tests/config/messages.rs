//! What is said about a configuration that is not as it should be.

use proptest::strategy::Strategy;

use super::home::{Home, chain};

#[test]
fn a_broken_file_is_an_error_with_line_and_column_that_quotes_no_value() {
    let home = Home::with("[backends.groq]\nmodel = \"a\"\napi_key = \"sk-canary\n");
    let error = home.error();
    assert!(error.starts_with("~/.config/arawn/arawn.toml:3:"), "{error}");
    assert!(!error.contains("canary"), "{error}");
    let no_value = Home::with("[llm]\nbackend =\n");
    assert_eq!(
        no_value.error(),
        "~/.config/arawn/arawn.toml:2:10: string values must be quoted, expected literal string"
    );
    let project = Home::new().project("[llm\n");
    assert!(project.error().starts_with("~/project/.arawn/arawn.toml:1:"), "{}", project.error());
}

#[test]
fn a_file_that_is_no_text_is_an_error_with_its_place() {
    let home = Home::new();
    let path = home.write(".config/arawn/arawn.toml", "");
    std::fs::write(path, b"[llm]\nmodel = \"\xff\"\n").unwrap();
    assert_eq!(
        home.error(),
        "~/.config/arawn/arawn.toml:2:10: not UTF-8; expected a text file in UTF-8"
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let home = Home::with("\u{feff}[llm]\r\nmodel = \"x\"\r\nmodle = \"y\"\r\n");
    assert_eq!(chain(&home.load().settings.chain), ["ollama/x"]);
    assert_eq!(
        home.warnings(),
        ["~/.config/arawn/arawn.toml:3: `llm.modle` is not known; did you mean `llm.model`?"]
    );
}

#[test]
fn a_file_that_was_named_must_exist() {
    let mut home = Home::new();
    home.inputs.explicit_file = Some("absent.toml".into());
    assert_eq!(home.error(), "configuration file \"~/absent.toml\" does not exist");
    let by_variable = Home::new().var("ARAWN_CONFIG", "~/absent.toml");
    assert_eq!(by_variable.error(), "configuration file \"~/absent.toml\" does not exist");
    let hint = by_variable.try_load().unwrap_err().hint().unwrap();
    assert!(hint.contains("ARAWN_CONFIG"), "{hint}");
}

#[test]
fn unknown_keys_are_warned_about_with_the_nearest_name_and_the_rest_counts() {
    let home = Home::with(
        "[lmm]\nbackend = \"groq\"\n[llm]\nfalback = []\nmodel = \"x\"\n[backends.groq]\napi_kee = \"sk-canary\"\n\
         [tasks.complet]\nmodel = \"y\"\n[zzz]\na = 1\n",
    );
    assert_eq!(
        home.warnings(),
        [
            "~/.config/arawn/arawn.toml:7: `backends.groq.api_kee` is not known; did you mean `backends.groq.api_key`?",
            "~/.config/arawn/arawn.toml:4: `llm.falback` is not known; did you mean `llm.fallback`?",
            "~/.config/arawn/arawn.toml:1: `lmm` is not known; did you mean `llm`?",
            "~/.config/arawn/arawn.toml:8: `tasks.complet` is not known; did you mean `tasks.complete`?",
            "~/.config/arawn/arawn.toml:10: `zzz` is not known; it is ignored",
        ]
    );
    assert_eq!(chain(&home.load().settings.chain), ["ollama/x"]);
}

#[test]
fn wrong_values_are_named_with_what_is_expected_and_the_rest_counts() {
    let home = Home::with(
        "[llm]\nbackend = 5\nfallback = \"groq\"\nmodel = \"x\"\n[backends.groq]\nmax_tokens = -1\n\
         temperature = 3.0\nallow_http = \"yes\"\ndialect = \"open-ai\"\nmodel = \"kept\"\n[backends]\nopenai = 1\n",
    );
    assert_eq!(
        home.warnings(),
        [
            "~/.config/arawn/arawn.toml:8: `backends.groq.allow_http` must be true or false; it is ignored",
            "~/.config/arawn/arawn.toml:9: `backends.groq.dialect` must be one of \"anthropic\", \"openai\", \"ollama\"; it is ignored",
            "~/.config/arawn/arawn.toml:6: `backends.groq.max_tokens` must be a whole number, at least 1; it is ignored",
            "~/.config/arawn/arawn.toml:7: `backends.groq.temperature` must be a number from 0 to 2; it is ignored",
            "~/.config/arawn/arawn.toml:12: `backends.openai` must be a table; it is ignored",
            "~/.config/arawn/arawn.toml:2: `llm.backend` must be a string; it is ignored",
            "~/.config/arawn/arawn.toml:3: `llm.fallback` must be a list of strings; it is ignored",
        ]
    );
    let settings = home.load().settings;
    assert_eq!(chain(&settings.chain), ["ollama/x"]);
    assert_eq!(settings.backends[&"groq".into()].model.as_deref(), Some("kept"));
}

#[test]
fn an_unknown_first_choice_is_an_error_that_lists_the_names() {
    let home = Home::with("[llm]\nbackend = \"antropic\"\n");
    assert_eq!(
        home.error(),
        "~/.config/arawn/arawn.toml:2: `llm.backend` names unknown backend \"antropic\""
    );
    assert_eq!(
        home.try_load().unwrap_err().hint().unwrap(),
        "did you mean \"anthropic\"? Known backends: anthropic, groq, ollama, openai"
    );
    let task = Home::with("[tasks.edit]\nbackend = \"nope\"\n");
    assert_eq!(
        task.error(),
        "~/.config/arawn/arawn.toml:2: `tasks.edit.backend` names unknown backend \"nope\""
    );
    let variable = Home::new().var("ARAWN_BACKEND", "nope");
    assert_eq!(
        variable.error(),
        "environment variable ARAWN_BACKEND: `llm.backend` names unknown backend \"nope\""
    );
}

#[test]
fn an_unknown_fallback_is_left_out() {
    let home = Home::with("[llm]\nfallback = [\"grok\", \"openai\"]\n");
    assert_eq!(chain(&home.load().settings.chain), ["ollama", "openai"]);
    assert_eq!(
        home.warnings(),
        [
            "~/.config/arawn/arawn.toml:2: `llm.fallback` names unknown backend \"grok\"; it is ignored. \
          Did you mean \"groq\"? Known: anthropic, groq, ollama, openai"
        ]
    );
}

#[test]
fn a_backend_that_cannot_be_used_is_passed_over_with_its_reason() {
    let home = Home::with(
        "[llm]\nbackend = \"work\"\nfallback = [\"ollama\"]\n[backends.work]\nmodel = \"m\"\n\
         [backends.gpu]\ndialect = \"openai\"\nbase_url = \"localhost:8000\"\n\
         [backends.far]\ndialect = \"openai\"\nbase_url = \"http://far.example.org\"\n",
    );
    let loaded = home.load();
    assert_eq!(chain(&loaded.settings.chain), ["ollama"]);
    assert_eq!(
        home.warnings(),
        [
            "~/.config/arawn/arawn.toml:11: `backends.far.base_url` would send code and key to far.example.org \
             unencrypted; use https, or set `allow_http = true`",
            "~/.config/arawn/arawn.toml:8: `backends.gpu.base_url` needs a scheme, as in \"http://localhost:11434\"",
            "~/.config/arawn/arawn.toml:4: `backends.work` `dialect` must be set: anthropic, openai or ollama",
        ]
    );
    let written = loaded.settings.unusable.keys().filter(|name| name.as_str() != "local");
    assert_eq!(written.count(), 3);
    let alone = Home::with("[llm]\nbackend = \"work\"\n[backends.work]\nmodel = \"m\"\n");
    assert!(alone.error().contains("no backend of the chain can be used"), "{}", alone.error());
}

#[test]
fn a_literal_key_works_is_warned_about_and_never_shown() {
    let home = Home::with("[backends.groq]\napi_key = \"gsk_canary0123456789\"\n");
    let loaded = home.load();
    assert!(loaded.settings.backends[&"groq".into()].api_key.is_some());
    let warnings = home.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with(
            "~/.config/arawn/arawn.toml:2: `backends.groq.api_key` holds the key itself"
        )
    );
    assert!(!format!("{loaded:?} {warnings:?}").contains("canary"));
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_may_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with("[backends.groq]\napi_key = \"$file:~/key\"\n");
    let path = home.write("key", "gsk\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(home.warnings()[0].contains("which others may read"), "{:?}", home.warnings());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(home.warnings(), [""; 0]);
}

#[test]
fn an_unfinished_reference_makes_its_backend_unusable_and_no_other() {
    let home = Home::with("[backends.groq]\napi_key = \"$env:\"\n").var("GROQ_API_KEY", "gsk");
    assert_eq!(
        home.warnings(),
        ["~/.config/arawn/arawn.toml:2: `backends.groq.api_key` has nothing after the colon"]
    );
    let settings = home.load().settings;
    assert!(!settings.backends.contains_key(&"groq".into()));
    assert_eq!(chain(&settings.chain), ["ollama"]);
}

#[test]
fn headers_that_cannot_be_sent_are_left_out_without_their_values() {
    let home = Home::with(
        "[backends.groq.headers]\n\"bad name\" = \"canary\"\nHost = \"canary\"\nX-A = \"canary\\u0007\"\nX-B = \"ok\"\nX-C = \"$file:canary\"\n",
    );
    let warnings = home.warnings();
    assert_eq!(warnings.len(), 4);
    assert!(!format!("{warnings:?}").contains("canary"));
    let settings = home.load().settings;
    assert_eq!(settings.backends[&"groq".into()].headers.keys().collect::<Vec<_>>(), ["X-B"]);
}

#[test]
fn without_a_home_there_is_a_plain_error() {
    let mut environment = arawn::config::Environment::of(std::path::Path::new("/"), []);
    environment.home = None;
    let inputs =
        arawn::config::LoadInputs { environment: environment.into(), ..Default::default() };
    let error = arawn::config::load(&inputs).unwrap_err();
    assert_eq!(error.to_string(), "there is no home folder: HOME is not set");
}

/// Pieces of files, right and wrong.
const PIECES: [&str; 34] = [
    "[llm]\n",
    "[backends.x]\n",
    "[[backends]]\n",
    "[tasks]\n",
    "[tasks.edit]\n",
    "[privacy]\n",
    "backend",
    "model",
    "fallback",
    "ignore",
    "cloud",
    " = ",
    "\"x\"",
    "[\"x\"]",
    "{ a = 1 }",
    "1",
    "-1",
    "1.5",
    "nan",
    "1979-05-27",
    "true",
    "\n",
    ".",
    "[",
    "]",
    "\"",
    "'''",
    "#",
    "\u{0}",
    "\u{feff}",
    "é",
    "num_ctx = 3\n",
    "max_tokens",
    "99999999999999999999",
];

fn files() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..16)
        .prop_map(|pieces| pieces.concat())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_file_holds_there_are_settings_or_an_error(user in files(), project in files()) {
        let home = Home::with(&user).project(&project);
        if let Ok(loaded) = home.try_load() {
            proptest::prop_assert!(!loaded.settings.chain.links.is_empty());
        }
    }
}
