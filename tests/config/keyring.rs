//! The real keyring of a Linux desktop, on a bus of its own: what others store is found, and what is stored here
//! is found by others.

#![cfg(target_os = "linux")]

use std::process::Command;

use arawn::config::Environment;
use arawn::secrets::{self, KeyReference, SecretError};
use secrecy::ExposeSecret as _;

/// Set for the run inside the private session.
const INSIDE: &str = "ARAWN_TEST_INSIDE_KEYRING";

const TOOLS: [&str; 3] = ["dbus-run-session", "gnome-keyring-daemon", "secret-tool"];

fn resolve(name: &str) -> Result<String, SecretError> {
    let key = KeyReference::Keyring(name.to_owned()).resolve(&Environment::default())?;
    Ok(key.expose_secret().to_owned())
}

fn secret_tool(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check_both_ways() {
    secret_tool(
        "printf 'sk-theirs\\n' | secret-tool store --label=x service arawn username theirs",
    );
    assert_eq!(resolve("theirs"), Ok("sk-theirs".to_owned()));
    secrets::store("ours", &"sk-ours".into()).unwrap();
    assert_eq!(secret_tool("secret-tool lookup service arawn username ours"), "sk-ours");
    secrets::store("theirs", &"sk-new".into()).unwrap();
    assert_eq!(resolve("theirs"), Ok("sk-new".to_owned()));
    secrets::delete("ours").unwrap();
    assert_eq!(resolve("ours"), Err(SecretError::NotInKeyring("ours".to_owned())));
    assert_eq!(secrets::delete("ours"), Err(SecretError::NotInKeyring("ours".to_owned())));
}

#[test]
fn without_a_bus_the_keyring_is_not_available_and_the_hint_names_other_places() {
    const NAME: &str =
        "keyring::without_a_bus_the_keyring_is_not_available_and_the_hint_names_other_places";
    if std::env::vars().any(|(name, _)| name == INSIDE) {
        let error = resolve("any").unwrap_err();
        assert_eq!(error.to_string(), "Keyring backend not available");
        assert!(error.hint().contains("$env:VARIABLE"), "{}", error.hint());
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn keys_stored_with_the_systems_tools_are_found_and_the_other_way_round() {
    if std::env::vars().any(|(name, _)| name == INSIDE) {
        return check_both_ways();
    }
    let is_there = |tool: &&str| {
        Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .unwrap()
            .status
            .success()
    };
    if !TOOLS.iter().all(is_there) {
        eprintln!("not run: this needs {}", TOOLS.join(", "));
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let script = "printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null && \
                  exec \"$0\" --exact keyring::keys_stored_with_the_systems_tools_are_found_and_the_other_way_round --nocapture";
    let output = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}
