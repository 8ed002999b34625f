//! What is to be said of the configuration and its layers.

use super::Finding;
use crate::config::{self, ConfigError, LoadInputs, Loaded, TrustStore, Warning};
use crate::report::Report;

const AREA: &str = "config";

/// The files that were read, what is wrong with them, and what a project may do.
pub(super) fn findings(inputs: &LoadInputs, loaded: &Result<Loaded, ConfigError>) -> Vec<Finding> {
    let mut findings = vec![files(inputs)];
    match loaded {
        Err(error) => findings.push(broken(error)),
        Ok(loaded) => findings.extend(loaded.warnings.iter().map(warning)),
    }
    findings.extend(project(inputs));
    findings
}

fn files(inputs: &LoadInputs) -> Finding {
    let environment = &inputs.environment;
    let all = config::candidate_files(inputs);
    let there = all.iter().filter(|path| path.exists());
    let there: Vec<String> = there.map(|path| environment.shown(path)).collect();
    if there.is_empty() {
        return Finding::ok(AREA, "there is no file, and what is built in counts")
            .with_hint("`arawn config init` writes one");
    }
    let mut layers = vec![format!("reads {}", there.join(", then "))];
    for name in ["ARAWN_BACKEND", "ARAWN_MODEL", "ARAWN_LOG", "OLLAMA_HOST"] {
        layers.extend(environment.var(name).map(|_| format!("${name}")));
    }
    Finding::ok(AREA, layers.join(", then "))
}

fn broken(error: &ConfigError) -> Finding {
    let report = Report::from(error.clone());
    let finding = Finding::of_report(AREA, &report);
    if finding.hint.is_some() {
        return finding;
    }
    finding.with_hint(match error {
        ConfigError::Unreadable { .. } => "make it readable, or move it away",
        _ => "correct it there; `arawn config check` looks again",
    })
}

fn warning(warning: &Warning) -> Finding {
    let message = &warning.message;
    let hint = if message.contains("did you mean") {
        "correct the name, or remove the line"
    } else if message.contains("is not known") {
        "remove the line; `arawn config schema --markdown` lists all keys"
    } else if message.contains("unencrypted") {
        "nothing is sent there until the address is https, or `allow_http = true` stands in that table"
    } else if message.contains("key itself") || message.contains("token itself") {
        "`arawn secret set NAME`, then write \"$keyring:NAME\" there"
    } else if message.contains("arawn local setup") {
        "`arawn local setup`, or take the name out"
    } else if message.contains("arawn trust") {
        "look at the files, then `arawn trust`"
    } else {
        "correct it there; `arawn config show` tells what counts in its place"
    };
    Finding::warning(AREA, warning.to_string()).with_hint(hint)
}

/// What the file of the project in which we stand may do.
fn project(inputs: &LoadInputs) -> Option<Finding> {
    let store = TrustStore::open(&inputs.environment).ok()?;
    let root = inputs.workspace.first()?;
    if inputs.environment.home.as_ref() == Some(root) {
        return None;
    }
    let path = root.join(".arawn/arawn.toml");
    if !path.is_file() {
        return None;
    }
    let project = config::Project::read(root).ok()?;
    let path = inputs.environment.shown(&path);
    Some(if store.trusts(&project) {
        Finding::ok("project", format!("{path} is trusted: it may choose among your backends"))
    } else {
        Finding::ok("project", format!("{path} is not trusted: it can only narrow"))
            .with_hint("`arawn trust` lets it choose among your backends and add actions")
    })
}
