//! `arawn config init`: writes a configuration file, by four questions at most or by flags.
//!
//! Nothing is written before the last answer, so that Ctrl-C leaves nothing behind.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::config::{print, work};
use super::offers::{self, Offer};
use super::questions::{Halt, Questions};
use super::{Interruptible, Session, block_on, note, workspace_here};
use crate::backends::ModelInfo;
use crate::config::{self, Choices, ConfigError, LoadInputs, Settings};
use crate::editors::{self, Editor};
use crate::model::BackendName;
use crate::report::Report;

/// Models that are offered by number.
const OFFERED_MODELS: usize = 15;

/// Arguments of `arawn config init`; `--backend` and `--model` are among the global ones.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct InitArguments {
    /// Write the project's file `.arawn/arawn.toml`, not the user's
    #[arg(long)]
    pub(super) project: bool,
    /// Overwrite a file that is there
    #[arg(long)]
    pub(super) force: bool,
    /// Backends to try next, in this order
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) fallback: Option<Vec<String>>,
    /// Also set up this editor, where that takes no more than a file of our own
    #[arg(long, value_name = "NAME")]
    pub(super) editor: Option<String>,
    /// Ask nothing: take what is there
    #[arg(long)]
    pub(super) yes: bool,
}

/// What is to be written.
struct Plan {
    choices: Choices,
    editor: Option<&'static Editor>,
    next_steps: Vec<String>,
}

/// Writes the commented starter without asking anything, for `--project` and for callers without a terminal.
pub(super) fn write_plain(
    arguments: &InitArguments,
    inputs: &LoadInputs,
) -> Result<String, Report> {
    let path = target(arguments, inputs)?;
    let written = if arguments.project {
        write_for_everybody(&path, config::PROJECT_STARTER)
    } else {
        config::write_starter(&path, config::STARTER)
    };
    written.map_err(|error| not_written(&path, &error))?;
    Ok(format!("wrote {}\n", path.display()))
}

/// The file to write, if it may be written.
fn target(arguments: &InitArguments, inputs: &LoadInputs) -> Result<PathBuf, Report> {
    let path = if arguments.project {
        inputs.workspace.first().map(|root| root.join(".arawn/arawn.toml"))
    } else {
        config::candidate_files(inputs).into_iter().next()
    };
    let path = path.ok_or(ConfigError::NoHome)?;
    if path.exists() && !arguments.force {
        let message = format!("\"{}\" exists already", path.display());
        return Err(
            work(message).with_hint("edit it, or overwrite it with `arawn config init --force`")
        );
    }
    Ok(path)
}

fn not_written(path: &Path, error: &io::Error) -> Report {
    work(format!("cannot write \"{}\": {error}", path.display()))
}

fn write_for_everybody(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// Runs `arawn config init`.
pub(super) fn run(
    arguments: &InitArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let inputs = session.inputs(workspace_here(&session.environment));
    let may_ask = !arguments.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let globals = &session.globals;
    let has_choices = arguments.yes
        || arguments.fallback.is_some()
        || arguments.editor.is_some()
        || globals.backend.is_some()
        || globals.model.is_some();
    if arguments.project || !(may_ask || has_choices) {
        return print(out, &write_plain(arguments, &inputs)?).map(|()| ExitCode::SUCCESS);
    }
    let path = target(arguments, &inputs)?;
    let settings = settings_to_start_from(&inputs)?;
    let mut questions = may_ask.then(Questions::new).transpose()?;
    let surveyed = block_on(async { Ok(offers::survey(&settings).await) })?;
    let Interruptible::Finished(offers) = surveyed else { return Ok(ExitCode::from(130)) };
    let plan = match plan(arguments, session, &settings, &offers, questions.as_mut()) {
        Ok(plan) => plan,
        Err(Halt::Failed(report)) => return Err(report),
        Err(Halt::Stopped) => {
            note("nothing was written");
            return Ok(ExitCode::from(130));
        }
    };
    let text = plan.choices.to_toml();
    config::write_starter(&path, &text).map_err(|error| not_written(&path, &error))?;
    print(out, &format!("wrote {}\n", path.display()))?;
    let mut next_steps = plan.next_steps;
    if let Some(editor) = plan.editor {
        next_steps.extend(set_up(editor, session, out)?);
    }
    next_steps.push("`arawn doctor` says what works".to_owned());
    note("Next:");
    for step in next_steps {
        note(&format!("  {step}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings in force; a broken file, which is about to be replaced, does not count.
fn settings_to_start_from(inputs: &LoadInputs) -> Result<Settings, Report> {
    let loaded = config::load(inputs).or_else(|_| {
        let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
        let inputs = LoadInputs {
            explicit_file: Some(PathBuf::from(nothing)),
            workspace: Vec::new(),
            ..inputs.clone()
        };
        config::load(&inputs)
    })?;
    Ok(loaded.settings)
}

/// Settles what to write: by flags, else by questions, else by what is there.
fn plan(
    arguments: &InitArguments,
    session: &Session,
    settings: &Settings,
    offers: &[Offer],
    mut questions: Option<&mut Questions>,
) -> Result<Plan, Halt> {
    let globals = &session.globals;
    let backend = match (&globals.backend, questions.as_deref_mut()) {
        (Some(name), _) => offers::known(settings, name)?,
        (None, Some(questions)) => ask_for_backend(offers, questions)?,
        (None, None) => offers.first().map_or_else(|| "ollama".into(), |offer| offer.name.clone()),
    };
    let listed = offers::models_of(settings, &backend, offers)?;
    let usual = offers::usual_model(settings, &backend, &listed);
    let model = match (&globals.model, questions.as_deref_mut()) {
        (Some(model), _) => Some(model.clone()),
        (None, Some(questions)) => ask_for_model(&backend, usual, &listed, questions)?,
        (None, None) => usual,
    };
    // The local engine's first model is the one that was set up last, also the next time.
    let is_first = listed.first().is_some_and(|info| Some(&info.id) == model.as_ref());
    let is_local = settings.backend(&backend).is_some_and(|backend| backend.engine.is_some());
    let written = model.clone().filter(|_| !(is_local && is_first && globals.model.is_none()));
    let fallback = match (&arguments.fallback, questions.as_deref_mut()) {
        (Some(names), _) => names_of(names.iter().map(String::as_str)),
        (None, Some(questions)) => ask_for_fallback(settings, &backend, questions)?,
        (None, None) => Vec::new(),
    };
    let others = fallback.iter().filter(|name| **name != backend);
    let fallback =
        others.map(|name| offers::known(settings, name)).collect::<Result<Vec<_>, Report>>()?;
    let editor = match (arguments.editor.as_deref(), questions) {
        (Some("none"), _) | (None, None) => None,
        (Some(name), _) => Some(super::setup::known(name)?),
        (None, Some(questions)) => ask_for_editor(session, questions)?,
    };
    let mut next_steps = offers::steps_for_model(settings, &backend, model.as_deref(), &listed);
    let (keys, missing) = offers::keys(settings, std::iter::once(&backend).chain(&fallback));
    next_steps.extend(missing);
    Ok(Plan { choices: Choices { backend, model: written, fallback, keys }, editor, next_steps })
}

fn ask_for_backend(offers: &[Offer], questions: &mut Questions) -> Result<BackendName, Halt> {
    let lines = offers.iter().map(|offer| format!("{:<10} {}", offer.name.as_str(), offer.state));
    let lines: Vec<String> = lines.collect();
    let idx = questions.choose("Which backend is asked first?", &lines, 0)?;
    Ok(offers[idx].name.clone())
}

fn ask_for_model(
    backend: &BackendName,
    usual: Option<String>,
    listed: &[ModelInfo],
    questions: &mut Questions,
) -> Result<Option<String>, Halt> {
    if listed.is_empty() {
        let text = format!("Which model of {backend}? It cannot be asked now what it has");
        let line = questions.text(&text, &usual.unwrap_or_default(), |_| Ok(()))?;
        return Ok(Some(line).filter(|line| !line.is_empty()));
    }
    let mut ids: Vec<String> =
        listed.iter().take(OFFERED_MODELS).map(|info| info.id.clone()).collect();
    if let Some(usual) = usual {
        ids.retain(|id| *id != usual);
        ids.insert(0, usual);
    }
    questions.choose_or_name(&format!("Which model of {backend}?"), &ids).map(Some)
}

fn ask_for_fallback(
    settings: &Settings,
    backend: &BackendName,
    questions: &mut Questions,
) -> Result<Vec<BackendName>, Halt> {
    let names = |line: &str| names_of(line.split([',', ' ']));
    let all = settings.backends.keys().map(BackendName::as_str);
    let others: Vec<&str> = all.filter(|name| *name != backend.as_str()).collect();
    let text = format!(
        "Who answers when {backend} cannot? Names in order ({}); Enter for nobody else",
        others.join(", ")
    );
    let check = |line: &str| match names(line).iter().find(|name| settings.backend(name).is_none())
    {
        Some(name) => Err(format!("names of this list; there is no backend \"{name}\"")),
        None => Ok(()),
    };
    questions.text(&text, "", check).map(|line| names(&line))
}

fn ask_for_editor(
    session: &Session,
    questions: &mut Questions,
) -> Result<Option<&'static Editor>, Halt> {
    let found = editors::found(&session.environment);
    if found.is_empty() {
        return Ok(None);
    }
    let line = |found: &editors::Found| match &found.set_up_in {
        Some(_) => format!("{} (is set up)", found.editor.name),
        None => found.editor.name.to_owned(),
    };
    let lines: Vec<String> = found.iter().map(line).chain(["none now".to_owned()]).collect();
    let usual = found.iter().position(|found| found.set_up_in.is_none()).unwrap_or(found.len());
    let idx = questions.choose("Which editor shall be set up?", &lines, usual)?;
    Ok(found.get(idx).map(|found| found.editor))
}

fn names_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<BackendName> {
    names.map(str::trim).filter(|name| !name.is_empty()).map(BackendName::new).collect()
}

/// Sets an editor up where that takes no more than a file of ours; else the next step.
fn set_up(
    editor: &'static Editor,
    session: &Session,
    out: &mut dyn Write,
) -> Result<Option<String>, Report> {
    let guide = editors::guide(editor, &session.environment);
    if guide.is_own_file() && guide.write().is_ok() {
        let path = guide.path.unwrap_or_default();
        print(out, &format!("wrote {}\n", path.display()))?;
        return Ok(None);
    }
    Ok(Some(format!("`arawn setup {}` says what {} needs", editor.id, editor.name)))
}
