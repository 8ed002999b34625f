//! Trust: given by the user, kept elsewhere, gone when the project's files change.

use arawn::config::{Project, TrustStore};
use serde_json::json;

use super::home::{Home, chain};

const USER: &str = "[llm]\nbackend = \"ollama\"\n[backends.groq]\napi_key = \"$env:MINE\"\n";
const PROJECT: &str =
    "[llm]\nbackend = \"groq\"\n[actions.ours]\ntemplate = \"Ours {{ selection }}\"\n";

pub(crate) fn trust(home: &Home) {
    let mut store = TrustStore::open(&home.environment()).unwrap();
    store.add(&Project::read(&home.root()).unwrap()).unwrap();
}

#[test]
fn a_trusted_project_chooses_among_all_backends_of_the_user_and_adds_actions() {
    let home = Home::with(USER).project(PROJECT);
    let before = home.load();
    assert_eq!(chain(&before.settings.chain), ["ollama"]);
    assert_eq!((before.settings.actions.len(), before.warnings.len()), (0, 2));
    assert!(before.warnings[0].to_string().contains("arawn trust"));

    trust(&home);
    let after = home.load();
    assert!(after.warnings.is_empty(), "{:?}", after.warnings);
    assert_eq!(chain(&after.settings.chain), ["groq"]);
    assert_eq!(after.settings.actions[0].id, "ours");
    let folder = home.root().canonicalize().unwrap().join(".arawn/actions");
    assert_eq!(after.settings.action_folders.last(), Some(&folder));
    assert_eq!(before.settings.action_folders.len(), 1);
}

#[test]
fn trust_ends_when_a_file_of_the_project_changes_and_that_is_said() {
    let changes: [fn(&Home); 3] = [
        |home| drop(home.write("project/.arawn/arawn.toml", &format!("{PROJECT}# more\n"))),
        |home| drop(home.write("project/.arawn/actions/new.md", "new")),
        |home| drop(home.write("project/.arawn/actions/one.md", "swapped")),
    ];
    for change in changes {
        let home = Home::with(USER).project(PROJECT);
        home.write("project/.arawn/actions/one.md", "one");
        trust(&home);
        assert_eq!(chain(&home.load().settings.chain), ["groq"]);
        change(&home);
        assert_eq!(chain(&home.load().settings.chain), ["ollama"]);
        assert!(home.warnings()[0].contains("is trusted no longer"), "{:?}", home.warnings());
    }
}

#[test]
fn trust_can_be_taken_back() {
    let home = Home::with(USER).project(PROJECT);
    trust(&home);
    let mut store = TrustStore::open(&home.environment()).unwrap();
    assert_eq!(store.remove(&home.root()).ok(), Some(true));
    assert_eq!(store.remove(&home.root()).ok(), Some(false));
    assert_eq!(chain(&home.load().settings.chain), ["ollama"]);
}

#[test]
fn trust_in_a_project_is_no_trust_in_the_editors_settings() {
    let home = Home::with(USER).project("").editor(json!({"llm": {"backend": "groq"}}));
    trust(&home);
    assert_eq!(chain(&home.load().settings.chain), ["ollama"]);
    assert_eq!(home.warnings().len(), 1);
}

#[test]
fn a_broken_list_trusts_nobody() {
    let home = Home::with(USER).project(PROJECT);
    trust(&home);
    home.write(".local/state/arawn/trust.json", "{broken");
    assert_eq!(chain(&home.load().settings.chain), ["ollama"]);
}

#[cfg(unix)]
#[test]
fn the_list_is_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with(USER).project(PROJECT);
    trust(&home);
    let file = home.path().join(".local/state/arawn/trust.json");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}
