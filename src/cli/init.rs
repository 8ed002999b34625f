//! `arawn config init`: writes a configuration file, by four questions at most or by flags.
//!
//! Nothing is written before the last answer, so that Ctrl-C leaves nothing behind.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::config::{print, work};
use super::questions::{Asked, Questions};
use super::{Interruptible, Session, block_on, note, workspace_here};
use crate::assistant::Assistant;
use crate::backends::{ModelInfo, Probe, is_model};
use crate::config::{self, BackendSettings, Choices, ConfigError, LoadInputs, Place, Settings};
use crate::editors::{self, Editor};
use crate::model::BackendName;
use crate::report::{Kind, Report};

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
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
    fallback: Option<Vec<String>>,
    /// Also set up this editor, where that takes no more than a file of our own
    #[arg(long, value_name = "NAME")]
    editor: Option<String>,
    /// Ask nothing: take what is there
    #[arg(long)]
    yes: bool,
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
    let surveyed = block_on(async { Ok(survey(&settings).await) })?;
    let Interruptible::Finished(offers) = surveyed else { return Ok(ExitCode::from(130)) };
    let Asked::Answer(plan) = plan(arguments, session, &settings, &offers, questions.as_mut())?
    else {
        note("nothing was written");
        return Ok(ExitCode::from(130));
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

/// A backend that can be chosen, and what is known of it.
struct Offer {
    name: BackendName,
    /// What a server of this machine told, if it answered.
    probe: Option<Probe>,
    /// In a few words.
    state: String,
    /// Whether it would answer as it is.
    is_ready: bool,
}

/// Looks at every backend: those of this machine are asked, clouds are not.
async fn survey(settings: &Settings) -> Vec<Offer> {
    let assistant = Assistant::new(settings.clone());
    let all = settings.backends.values().map(|backend| offer(&assistant, backend));
    let mut offers = futures_util::future::join_all(all).await;
    let rank = |offer: &Offer| match (offer.is_ready, offer.name.as_str()) {
        (true, "ollama") => 0,
        (true, "local") => 1,
        (true, _) => 2,
        (false, "ollama") => 3,
        (false, _) => 4,
    };
    offers.sort_by_key(rank);
    offers
}

async fn offer(assistant: &Assistant, backend: &BackendSettings) -> Offer {
    let of = |state: String, is_ready, probe| Offer {
        name: backend.name.clone(),
        probe,
        state,
        is_ready,
    };
    if backend.engine.is_some() {
        let model = backend.model.clone().unwrap_or_default();
        return of(format!("on this machine, with {model}"), true, None);
    }
    if backend.place == Place::Cloud {
        let (state, is_ready) = match (&backend.api_key, backend.provider.key_variable()) {
            (Some(reference), _) => (format!("cloud, key from {reference}"), true),
            (None, Some(_)) => ("cloud, needs a key".to_owned(), false),
            (None, None) => ("cloud".to_owned(), false),
        };
        return of(state, is_ready, None);
    }
    let model = backend.model.clone().unwrap_or_default();
    let at = &backend.base_url_text;
    match tokio::time::timeout(PATIENCE, assistant.probe(backend, &model)).await {
        Ok(Ok(probe)) => {
            let n_models = probe.listed.as_ref().map_or(0, Vec::len);
            let models =
                if n_models == 1 { "1 model".to_owned() } else { format!("{n_models} models") };
            of(format!("answers at {at}, {models}"), n_models > 0, Some(probe))
        }
        Ok(Err(_)) | Err(_) => of(format!("does not answer at {at}"), false, None),
    }
}

/// Settles what to write: by flags, else by questions, else by what is there.
fn plan(
    arguments: &InitArguments,
    session: &Session,
    settings: &Settings,
    offers: &[Offer],
    mut questions: Option<&mut Questions>,
) -> Result<Asked<Plan>, Report> {
    let globals = &session.globals;
    let known = |name: &BackendName| known_backend(settings, name);
    let backend = match (&globals.backend, questions.as_deref_mut()) {
        (Some(name), _) => known(name)?,
        (None, Some(questions)) => {
            let lines: Vec<String> = offers
                .iter()
                .map(|offer| format!("{:<10} {}", offer.name.as_str(), offer.state))
                .collect();
            match questions.choose("Which backend is asked first?", &lines, 0)? {
                Asked::Answer(idx) => offers[idx].name.clone(),
                Asked::Stopped => return Ok(Asked::Stopped),
            }
        }
        (None, None) => offers.first().map_or_else(|| "ollama".into(), |offer| offer.name.clone()),
    };
    let Asked::Answer((model, mut next_steps)) =
        model(globals.model.as_deref(), &backend, settings, offers, questions.as_deref_mut())?
    else {
        return Ok(Asked::Stopped);
    };
    let fallback = match (&arguments.fallback, questions.as_deref_mut()) {
        (Some(names), _) => names_of(names.iter().map(String::as_str)),
        (None, Some(questions)) => {
            let others: Vec<&str> = settings
                .backends
                .keys()
                .map(BackendName::as_str)
                .filter(|name| *name != backend.as_str())
                .collect();
            let text = format!(
                "Who answers when {backend} cannot? Names in order ({}); Enter for nobody else",
                others.join(", ")
            );
            let is_known = |line: &str| match names_of(line.split([',', ' ']))
                .iter()
                .find(|name| settings.backend(name).is_none())
            {
                Some(name) => Err(format!("there is no backend \"{name}\"")),
                None => Ok(()),
            };
            match questions.text(&text, "", is_known)? {
                Asked::Answer(line) => names_of(line.split([',', ' '])),
                Asked::Stopped => return Ok(Asked::Stopped),
            }
        }
        (None, None) => Vec::new(),
    };
    let fallback = fallback
        .iter()
        .filter(|name| **name != backend)
        .map(known)
        .collect::<Result<Vec<_>, _>>()?;
    let Asked::Answer(editor) = editor(arguments, session, questions)? else {
        return Ok(Asked::Stopped);
    };
    let (keys, missing) = keys(settings, std::iter::once(&backend).chain(&fallback));
    next_steps.extend(missing);
    let choices = Choices { backend, model, fallback, keys };
    Ok(Asked::Answer(Plan { choices, editor, next_steps }))
}

fn names_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<BackendName> {
    names.map(str::trim).filter(|name| !name.is_empty()).map(BackendName::new).collect()
}

fn known_backend(settings: &Settings, name: &BackendName) -> Result<BackendName, Report> {
    if settings.backend(name).is_some() {
        return Ok(name.clone());
    }
    let known: Vec<&str> = settings.backends.keys().map(BackendName::as_str).collect();
    let report = Report::new(Kind::Usage, format!("unknown backend \"{name}\""));
    Err(match settings.unusable.get(name) {
        Some(reason) => report.because(reason.clone()),
        None => report.with_hint(format!("known are: {}", known.join(", "))),
    })
}

/// The model, and what is still to be done for it.
fn model(
    given: Option<&str>,
    backend: &BackendName,
    settings: &Settings,
    offers: &[Offer],
    questions: Option<&mut Questions>,
) -> Result<Asked<(Option<String>, Vec<String>)>, Report> {
    let own = settings.backend(backend).and_then(|backend| backend.model.clone());
    let listed = match offers
        .iter()
        .find(|offer| offer.name == *backend)
        .and_then(|offer| offer.probe.as_ref())
    {
        Some(probe) => probe.listed.clone().unwrap_or_default(),
        None => match listed_when_chosen(settings, backend)? {
            Asked::Answer(listed) => listed,
            Asked::Stopped => return Ok(Asked::Stopped),
        },
    };
    let writers: Vec<&ModelInfo> = listed.iter().filter(|info| writes(info)).collect();
    let usual = usual_model(&writers, own.as_deref());
    let chosen = match (given, questions) {
        (Some(model), _) => Some(model.to_owned()),
        (None, Some(questions)) if !writers.is_empty() => {
            let mut ids: Vec<String> =
                writers.iter().take(OFFERED_MODELS).map(|info| info.id.clone()).collect();
            if let Some(usual) = &usual {
                ids.retain(|id| id != usual);
                ids.insert(0, usual.clone());
            }
            match questions.choose_or_name(&format!("Which model of {backend}?"), &ids)? {
                Asked::Answer(model) => Some(model),
                Asked::Stopped => return Ok(Asked::Stopped),
            }
        }
        (None, Some(questions)) => {
            let usual = own.clone().unwrap_or_default();
            let text = format!("Which model of {backend}? It cannot be asked now what it has");
            match questions.text(&text, &usual, |_| Ok(()))? {
                Asked::Answer(line) => Some(line).filter(|line| !line.is_empty()),
                Asked::Stopped => return Ok(Asked::Stopped),
            }
        }
        (None, None) => usual.or(own),
    };
    let steps = steps_for_model(backend, settings, chosen.as_deref(), &listed);
    Ok(Asked::Answer((chosen, steps)))
}

/// The models of the local engine, or of a cloud that was chosen and whose key is there.
fn listed_when_chosen(
    settings: &Settings,
    name: &BackendName,
) -> Result<Asked<Vec<ModelInfo>>, Report> {
    let can_tell = settings.backend(name).is_some_and(|backend| {
        backend.engine.is_some() || (backend.place == Place::Cloud && backend.api_key.is_some())
    });
    if !can_tell {
        return Ok(Asked::Answer(Vec::new()));
    }
    let assistant = Assistant::new(settings.clone());
    let asked = block_on(async {
        let listed = tokio::time::timeout(PATIENCE, assistant.models(name)).await;
        Ok(listed.ok().and_then(Result::ok).unwrap_or_default())
    })?;
    Ok(match asked {
        Interruptible::Finished(listed) => Asked::Answer(listed),
        Interruptible::Interrupted => Asked::Stopped,
    })
}

/// Whether a model writes text; those for embeddings do not.
fn writes(info: &ModelInfo) -> bool {
    info.can("completion") == Some(true)
        || (info.can("embedding") != Some(true) && !info.id.contains("embed"))
}

/// The configured model if it is there, else one for code, else any.
fn usual_model(models: &[&ModelInfo], own: Option<&str>) -> Option<String> {
    let is_own = |info: &&&ModelInfo| own.is_some_and(|own| is_model(info, own));
    let is_for_code = |info: &&&ModelInfo| info.id.contains("code");
    let found =
        models.iter().find(is_own).or_else(|| models.iter().find(is_for_code)).or(models.first());
    found.map(
        |info| if is_own(&info) { own.unwrap_or(&info.id).to_owned() } else { info.id.clone() },
    )
}

fn steps_for_model(
    backend: &BackendName,
    settings: &Settings,
    model: Option<&str>,
    listed: &[ModelInfo],
) -> Vec<String> {
    let Some(model) = model else { return Vec::new() };
    let is_ollama = backend.as_str() == "ollama" && settings.backend(backend).is_some();
    let has_model = listed.iter().any(|info| is_model(info, model));
    match (is_ollama, has_model) {
        (true, false) if listed.is_empty() => vec![
            format!("`ollama serve`, then `ollama pull {model}`"),
            "or `arawn local setup`, which needs no server".to_owned(),
        ],
        (true, false) => vec![format!("`ollama pull {model}`")],
        _ => Vec::new(),
    }
}

/// Where the keys of the chosen backends are to be, and what is to be done for those that are nowhere yet.
fn keys<'a>(
    settings: &Settings,
    chosen: impl Iterator<Item = &'a BackendName>,
) -> (Vec<(BackendName, String)>, Vec<String>) {
    let (mut keys, mut steps) = (Vec::new(), Vec::new());
    for backend in chosen.filter_map(|name| settings.backend(name)) {
        let Some(variable) = backend.provider.key_variable() else { continue };
        let name = &backend.name;
        if settings.environment.var(variable).is_some() {
            keys.push((name.clone(), format!("$env:{variable}")));
        } else {
            keys.push((name.clone(), format!("$keyring:{name}_api_key")));
            steps.push(format!(
                "`arawn secret set {name}_api_key` stores the key of {name} in the keyring"
            ));
        }
    }
    (keys, steps)
}

/// The editor to set up too.
fn editor(
    arguments: &InitArguments,
    session: &Session,
    questions: Option<&mut Questions>,
) -> Result<Asked<Option<&'static Editor>>, Report> {
    if let Some(name) = &arguments.editor {
        if name == "none" {
            return Ok(Asked::Answer(None));
        }
        return super::setup::known(name).map(|editor| Asked::Answer(Some(editor)));
    }
    let found = editors::found(&session.environment);
    let Some(questions) = questions.filter(|_| !found.is_empty()) else {
        return Ok(Asked::Answer(None));
    };
    let mut lines: Vec<String> = found
        .iter()
        .map(|found| match &found.set_up_in {
            Some(_) => format!("{} (is set up)", found.editor.name),
            None => found.editor.name.to_owned(),
        })
        .collect();
    lines.push("none now".to_owned());
    let usual = found.iter().position(|found| found.set_up_in.is_none()).unwrap_or(found.len());
    Ok(match questions.choose("Which editor shall be set up?", &lines, usual)? {
        Asked::Answer(idx) => Asked::Answer(found.get(idx).map(|found| found.editor)),
        Asked::Stopped => Asked::Stopped,
    })
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
