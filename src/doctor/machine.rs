//! What is to be said of this machine: the state folder, the keyring, proxies, ignore files, editors.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ignore::gitignore::GitignoreBuilder;

use super::{Finding, Level};
use crate::config::{self, Environment, LoadInputs, Settings};
use crate::editors;
use crate::gate;
use crate::report::{Kind, Report};
use crate::secrets::{self, KeyReference};

/// How long the keyring is waited for: it may be asking the user something.
const KEYRING_PATIENCE: Duration = Duration::from_secs(3);

/// Ignore files of other assistants, whose rules a user may believe to count.
const FOREIGN_IGNORE_FILES: [&str; 7] = [
    ".cursorignore",
    ".copilotignore",
    ".codeiumignore",
    ".aiderignore",
    ".geminiignore",
    ".continueignore",
    ".aiexclude",
];

/// All but the keyring. Blocks: reads and tries files.
pub(super) fn findings(inputs: &LoadInputs, settings: Option<&Settings>) -> Vec<Finding> {
    let environment = &inputs.environment;
    let mut findings = vec![state_folder(environment)];
    findings.extend(listening(environment));
    findings.extend(proxies(environment));
    for root in &inputs.workspace {
        findings.extend(ignore_files(root, environment, settings));
    }
    findings.extend(editors(environment));
    findings
}

/// Whether answers, logs and trust can be kept.
fn state_folder(environment: &Environment) -> Finding {
    const AREA: &str = "state folder";
    let Some(folder) = environment.state_folder() else {
        return Finding::problem(AREA, Kind::Config, "there is no home folder")
            .with_hint("set HOME, or XDG_STATE_HOME");
    };
    let shown = environment.shown(&folder);
    if let Err(error) = try_to_write(&folder) {
        let reason = config::io_reason(&error);
        return Finding::problem(AREA, Kind::Work, format!("cannot write to {shown}: {reason}"))
            .with_hint(format!(
                "make {shown} a folder of yours, or set XDG_STATE_HOME to one that can be written"
            ));
    }
    if secrets::is_open_to_others(&folder) {
        return Finding::warning(AREA, format!("others may look into {shown}"))
            .with_hint(format!("`chmod 700 {shown}`"));
    }
    Finding::ok(AREA, format!("{shown} can be written"))
}

fn try_to_write(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".doctor-{:016x}", fastrand::u64(..)));
    config::write_private(&probe, b"")?;
    fs::remove_file(&probe)
}

/// Ollama listens to the whole network where its variable says so, and it asks nobody for a key.
fn listening(environment: &Environment) -> Option<Finding> {
    let value = environment.var("OLLAMA_HOST")?;
    let host = value.split_once("://").map_or(value, |(_, rest)| rest).trim_matches(['"', '\'']);
    let is_open = ["0.0.0.0", "[::]", "::", "*"].iter().any(|all| {
        host.strip_prefix(all).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    is_open.then(|| {
        Finding::warning(
            "backend ollama",
            format!(
                "$OLLAMA_HOST is {value}: an Ollama started with it answers to the whole network"
            ),
        )
        .with_hint("`export OLLAMA_HOST=127.0.0.1`, and start Ollama anew")
    })
}

/// Which way requests to other machines go.
fn proxies(environment: &Environment) -> Option<Finding> {
    let set = |name: &str| {
        let value =
            environment.var(name).or_else(|| environment.var(&name.to_ascii_lowercase()))?;
        Some(format!("{name}={}", without_password(value)))
    };
    let proxies: Vec<String> =
        ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].iter().filter_map(|name| set(name)).collect();
    if proxies.is_empty() {
        return None;
    }
    let except = set("NO_PROXY").map(|list| format!(", except {list}")).unwrap_or_default();
    let message = format!(
        "other machines are asked by way of {}{except}; this machine directly",
        proxies.join(", ")
    );
    Some(Finding::ok("proxy", message))
}

fn without_password(proxy: &str) -> String {
    match proxy.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
            format!("{}{host}", scheme.unwrap_or_default())
        }
        None => proxy.to_owned(),
    }
}

/// Which rules keep files of the workspace here.
fn ignore_files(
    root: &Path,
    environment: &Environment,
    settings: Option<&Settings>,
) -> Vec<Finding> {
    const AREA: &str = "privacy";
    let mut findings = Vec::new();
    let (mut obeyed, mut broken) = (Vec::new(), Vec::new());
    for name in gate::IGNORE_FILES {
        let path = root.join(name);
        if !path.is_file() {
            continue;
        }
        obeyed.push(name.to_owned());
        let error = GitignoreBuilder::new(root).add(&path);
        broken.extend(error.map(|error| (path, error.to_string())));
    }
    let n_patterns = settings.map_or(0, |settings| settings.privacy.ignore.len());
    if n_patterns > 0 {
        obeyed.push(format!("`[privacy] ignore` ({n_patterns})"));
    }
    let root_shown = environment.shown(root);
    let rules = if obeyed.is_empty() {
        "only what looks like a secret stays here by itself".to_owned()
    } else {
        format!("obeyed: {}, and the built-in rules for secret files", obeyed.join(", "))
    };
    findings.push(Finding::ok(AREA, format!("{root_shown}: {rules}")));
    for (path, error) in broken {
        let message =
            format!("{} has a line that means nothing: {error}", environment.shown(&path));
        findings
            .push(Finding::warning(AREA, message).with_hint("correct the line; the others count"));
    }
    for name in FOREIGN_IGNORE_FILES {
        if root.join(name).is_file() {
            findings.push(
                Finding::warning(
                    AREA,
                    format!("{name} of {root_shown} is another assistant's and is not obeyed"),
                )
                .with_hint(format!("`cp {name} .aiignore`, if its rules are to count here")),
            );
        }
    }
    findings
}

/// The editors that are here, and whether arawn is set up in one of them.
fn editors(environment: &Environment) -> Vec<Finding> {
    let found = editors::found(environment);
    if found.is_empty() {
        return vec![
            Finding::ok("editors", "none that arawn knows is on PATH")
                .with_hint("every editor with an LSP client can start `arawn lsp`"),
        ];
    }
    let is_somewhere = found.iter().any(|found| found.set_up_in.is_some());
    let of_one = |found: &editors::Found| {
        let area = format!("editor {}", found.editor.id);
        let program = environment.shown(&found.program);
        if let Some(path) = &found.set_up_in {
            let path = environment.shown(path);
            return Finding::ok(area, format!("{program} is here, and arawn is set up in {path}"));
        }
        let level = if is_somewhere { Level::Ok } else { Level::Warning };
        Finding::new(area, level, format!("{program} is here, and arawn is not set up in it"))
            .with_hint(format!("`arawn setup {}`", found.editor.id))
    };
    found.iter().map(of_one).collect()
}

/// Whether there is a keyring, which matters only where the configuration names it.
pub(super) async fn keyring(settings: Option<&Settings>) -> Finding {
    const AREA: &str = "keyring";
    let is_needed = settings.is_some_and(|settings| {
        let uses =
            |reference: &Option<KeyReference>| matches!(reference, Some(KeyReference::Keyring(_)));
        settings.backends.values().any(|backend| uses(&backend.api_key))
    });
    let checked = tokio::task::spawn_blocking(secrets::check_keyring);
    let report = match tokio::time::timeout(KEYRING_PATIENCE, checked).await {
        Ok(Ok(Ok(()))) => return Finding::ok(AREA, "can be asked"),
        Ok(Ok(Err(error))) => Report::from(&error),
        Ok(Err(_)) | Err(_) => Report::new(Kind::Credentials, "Keyring backend not available")
            .because("it does not answer")
            .with_hint("unlock the keyring, or use `$env:VARIABLE` or `$file:PATH`"),
    };
    if is_needed {
        return Finding::of_report(AREA, &report);
    }
    Finding::ok(AREA, "there is none, and your configuration needs none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path, vars: &[(&str, &str)]) -> Environment {
        Environment::of(home, vars.iter().copied())
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        let home = Path::new("/h");
        assert_eq!(proxies(&environment(home, &[])), None);
        let vars = [("https_proxy", "http://ann:canary@proxy:3128"), ("NO_PROXY", "gpu.lan")];
        let message = proxies(&environment(home, &vars)).unwrap().message;
        assert_eq!(
            message,
            "other machines are asked by way of HTTPS_PROXY=http://proxy:3128, except NO_PROXY=gpu.lan; \
             this machine directly"
        );
    }

    #[test]
    fn an_ollama_that_listens_to_everybody_is_warned_about() {
        let is_warned = |value: &str| {
            listening(&environment(Path::new("/h"), &[("OLLAMA_HOST", value)])).is_some()
        };
        for open in ["0.0.0.0", "0.0.0.0:11434", "http://0.0.0.0:1", "[::]:5"] {
            assert!(is_warned(open), "{open}");
        }
        for closed in ["127.0.0.1", "localhost:11434", "http://gpu:1", ":8080", "::1"] {
            assert!(!is_warned(closed), "{closed}");
        }
    }

    #[test]
    fn rules_of_other_assistants_are_told_from_those_that_count() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".gitignore"), "target\n").unwrap();
        fs::write(root.path().join(".aiignore"), "a/{b\n").unwrap();
        fs::write(root.path().join(".cursorignore"), "x\n").unwrap();
        let environment = environment(Path::new("/h"), &[]);
        let findings = ignore_files(root.path(), &environment, None);
        assert!(findings[0].message.contains("obeyed: .gitignore, .aiignore, and"), "{findings:?}");
        let warnings: Vec<&str> = findings[1..].iter().map(|it| it.message.as_str()).collect();
        assert!(warnings[0].contains(".aiignore has a line that means nothing"), "{warnings:?}");
        assert!(warnings[1].starts_with(".cursorignore of"), "{warnings:?}");
    }

    #[test]
    fn a_state_folder_that_is_a_file_is_a_problem() {
        let home = tempfile::tempdir().unwrap();
        let good = state_folder(&environment(home.path(), &[]));
        assert_eq!(
            (good.level, good.message.as_str()),
            (Level::Ok, "~/.local/state/arawn can be written")
        );
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let bad =
            state_folder(&environment(home.path(), &[("XDG_STATE_HOME", file.to_str().unwrap())]));
        assert_eq!(bad.level, Level::Problem(Kind::Work));
        assert!(bad.message.starts_with("cannot write to ~/file/arawn: "), "{bad:?}");
    }
}
