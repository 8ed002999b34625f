//! The shortest answer to "how am I set up": who would answer now, which editors know arawn, what to do next.

use std::time::Duration;

use super::links::{Checked, Condition, check_chain};
use crate::assistant::Assistant;
use crate::config::{self, LoadInputs, Provider, Settings};
use crate::editors::{self, Found};
use crate::report::Report;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many next steps are shown.
const STEPS: usize = 3;

/// See the module.
#[derive(Debug)]
pub struct Overview {
    /// Why the configuration cannot be read.
    pub broken: Option<Report>,
    /// The configuration files there are.
    pub files: Vec<String>,
    /// The chain of `[llm]`.
    pub checked: Vec<Checked>,
    /// The editors on this machine.
    pub editors: Vec<Found>,
    /// The commands that fit next, each with what it does.
    pub next_steps: Vec<(String, String)>,
}

/// Looks around, quickly even where servers are dead.
pub async fn overview(inputs: &LoadInputs) -> Overview {
    let environment = &inputs.environment;
    let files = config::candidate_files(inputs);
    let files: Vec<String> =
        files.iter().filter(|path| path.exists()).map(|path| environment.shown(path)).collect();
    let editors = {
        let environment = environment.clone();
        tokio::task::spawn_blocking(move || editors::found(&environment))
    };
    let loaded = config::load(inputs);
    let checked = match &loaded {
        Ok(loaded) => check_chain(&Assistant::new(loaded.settings.clone()), PATIENCE).await,
        Err(_) => Vec::new(),
    };
    let editors = tokio::time::timeout(PATIENCE, editors).await;
    let editors = editors.ok().and_then(Result::ok).unwrap_or_default();
    let next_steps = if let Ok(loaded) = &loaded {
        next_steps(&loaded.settings, &checked, &files, &editors)
    } else {
        let step = |command: &str, what: &str| (command.to_owned(), what.to_owned());
        vec![
            step("arawn config check", "says what is wrong with the file"),
            step("arawn doctor", "looks at everything else"),
        ]
    };
    Overview { broken: loaded.err().map(Report::from), files, checked, editors, next_steps }
}

fn next_steps(
    settings: &Settings,
    checked: &[Checked],
    files: &[String],
    editors: &[Found],
) -> Vec<(String, String)> {
    let mut steps: Vec<(String, &str)> = Vec::new();
    let answers = checked.iter().any(|one| one.condition.would_answer());
    if !answers {
        let lacking = checked.iter().find(|one| {
            let backend = settings.backend(&one.link.backend);
            matches!(one.condition, Condition::Lacks(_))
                && backend.is_some_and(|backend| backend.provider == Provider::Ollama)
        });
        if let Some(model) = lacking.and_then(|one| one.model.as_ref()) {
            steps.push((format!("ollama pull {model}"), "fetches the model that is asked for"));
        }
        if !settings.local.is_set_up() {
            steps.push((
                "arawn local setup".to_owned(),
                "brings a model that needs no server and no key",
            ));
        }
    }
    if files.is_empty() {
        steps.push(("arawn config init".to_owned(), "chooses backend and model by four questions"));
    }
    let is_somewhere = editors.iter().any(|found| found.set_up_in.is_some());
    if let Some(found) = editors.first().filter(|_| !is_somewhere) {
        steps.push((format!("arawn setup {}", found.editor.id), "says what your editor needs"));
    }
    if answers {
        steps.push(("arawn run explain FILE:1-20".to_owned(), "explains these lines of a file"));
        steps.push(("arawn chat".to_owned(), "holds a conversation"));
    }
    steps.push(("arawn doctor".to_owned(), "says what works, what does not, and what to do"));
    steps.push(("arawn actions".to_owned(), "lists what can be done with code"));
    steps.truncate(STEPS);
    steps.into_iter().map(|(command, what)| (command, what.to_owned())).collect()
}
