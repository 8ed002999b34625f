//! `arawn` alone on a terminal: what is set up, and the three next steps.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use super::config::print;
use super::{Interruptible, Session, block_on, fold, terminal, workspace_here};
use crate::config::Environment;
use crate::doctor::{self, Checked, Condition, Overview};
use crate::report::Report;

pub(super) fn run(session: &Session, out: &mut dyn Write) -> Result<ExitCode, Report> {
    let inputs = session.inputs(workspace_here(&session.environment));
    match block_on(async { Ok(doctor::overview(&inputs).await) })? {
        Interruptible::Finished(overview) => {
            let text = text(&overview, &session.environment);
            let text = terminal::harmless(&text);
            print(out, &fold::text(&text, fold::width(&std::io::stdout())))
                .map(|()| ExitCode::SUCCESS)
        }
        Interruptible::Interrupted => Ok(ExitCode::from(130)),
    }
}

fn text(overview: &Overview, environment: &Environment) -> String {
    let mut text =
        format!("arawn {}: an AI assistant for every editor\n\n", env!("CARGO_PKG_VERSION"));
    let mut row = |name: &str, words: &str| {
        let _ = writeln!(text, "  {name:<9} {words}");
    };
    if let Some(report) = &overview.broken {
        row("config", &format!("cannot be read: {}", report.message));
    } else if overview.files.is_empty() {
        row("config", "no file yet; what is built in counts");
    } else {
        row("config", &overview.files.join(", "));
    }
    let first = overview.checked.iter().position(|one| one.condition.would_answer());
    for (idx, one) in overview.checked.iter().enumerate() {
        let name = match (idx, first) {
            (idx, Some(first)) if idx == first => "answers",
            (0, _) => "first",
            _ => "then",
        };
        row(name, &of_link(one));
    }
    if !overview.checked.is_empty() && first.is_none() {
        row("", "nobody answers now");
    }
    let editors: Vec<String> = overview
        .editors
        .iter()
        .map(|found| match &found.set_up_in {
            Some(path) => format!("{} (set up in {})", found.editor.name, environment.shown(path)),
            None => format!("{} (not set up)", found.editor.name),
        })
        .collect();
    if editors.is_empty() {
        row(
            "editors",
            "none that arawn knows is on PATH; any with an LSP client can start `arawn lsp`",
        );
    } else {
        row("editors", &editors.join(", "));
    }
    text.push_str("\nNext:\n");
    let width = overview.next_steps.iter().map(|(command, _)| command.chars().count()).max();
    let width = width.unwrap_or_default();
    for (command, what) in &overview.next_steps {
        let _ = writeln!(text, "  {command:width$}   {what}");
    }
    text.push_str("\n`arawn --help` lists all commands.\n");
    text
}

/// A backend, its model, and how it does.
fn of_link(one: &Checked) -> String {
    let who = match &one.model {
        Some(model) => format!("{} ({model})", one.link.backend),
        None => one.link.backend.to_string(),
    };
    match &one.condition {
        Condition::Ready(_) => who,
        Condition::OnDemand => format!("{who}, started when it is needed"),
        Condition::Unsure(_) => format!("{who}, as far as it tells"),
        Condition::Lacks(_) => format!("{who}: answers, but does not have the model"),
        Condition::Failed(report) => format!("{who}: {}", report.message),
        Condition::Late(_) => format!("{who}: does not answer at once"),
        Condition::Forbidden => format!("{who}: a cloud service, which `[privacy]` forbids"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{LoadInputs, write_starter};

    async fn shown(config: &str) -> String {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), []);
        if !config.is_empty() {
            write_starter(&home.path().join(".config/arawn/arawn.toml"), config).unwrap();
        }
        let inputs =
            LoadInputs { environment: Arc::new(environment.clone()), ..LoadInputs::default() };
        text(&doctor::overview(&inputs).await, &environment)
    }

    #[tokio::test]
    async fn a_dead_server_is_named_and_the_next_steps_need_none() {
        let text = shown("[backends.ollama]\nbase_url = \"http://127.0.0.1:9\"\n").await;
        let expected = "  config    ~/.config/arawn/arawn.toml\n  \
             first     ollama (codellama): Cannot connect to Ollama at http://127.0.0.1:9\n            \
             nobody answers now\n";
        assert!(text.contains(expected), "{text}");
        let step = "Next:\n  arawn local setup   brings a model that needs no server and no key\n";
        assert!(text.contains(step), "{text}");
        assert!(!text.contains("config init"), "{text}");
    }

    #[tokio::test]
    async fn a_broken_file_is_the_first_thing_to_mend() {
        let text = shown("[llm\n").await;
        assert!(text.contains("config    cannot be read: "), "{text}");
        assert!(text.contains("  arawn config check"), "{text}");
    }
}
