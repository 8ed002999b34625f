//! Loads the configuration: reads every layer, takes out what must not count, merges, resolves.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;

use super::check::check;
use super::environment::Environment;
use super::layers;
use super::merge::overlay;
use super::narrow::{Owner, Standing, narrow};
use super::problem::{ConfigError, Warning};
use super::reference::SCHEMA;
use super::resolve;
use super::settings::Settings;
use super::tree::{self, Node, Origin, Source};
use super::trust::{Project, TrustStore};

/// What the configuration is loaded from.
#[derive(Clone, Debug, Default)]
pub struct LoadInputs {
    /// Variables and folders of the process.
    pub environment: Arc<Environment>,
    /// `--config`.
    pub explicit_file: Option<PathBuf>,
    /// Roots of the workspace; the first one's file counts most.
    pub workspace: Vec<PathBuf>,
    /// What the editor sent: the section `arawn`.
    pub editor: Option<Json>,
    /// `--backend`.
    pub backend: Option<String>,
    /// `--model`.
    pub model: Option<String>,
}

/// A loaded configuration.
pub struct Loaded {
    /// What the program runs with.
    pub settings: Settings,
    /// What is ignored or unwise, each once.
    pub warnings: Vec<Warning>,
    /// Files and folders whose change makes another configuration, whether they exist or not.
    pub files: Vec<PathBuf>,
    /// Every value in force and where it was written.
    pub entries: Vec<Entry>,
}

/// One value in force. No `Debug`: it may be a key.
pub struct Entry {
    /// The key, in its parts.
    pub path: Vec<String>,
    /// The value.
    pub value: toml::Value,
    /// Where it was written.
    pub origin: Origin,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("settings", &self.settings)
            .field("warnings", &self.warnings)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Loads the configuration.
pub fn load(inputs: &LoadInputs) -> Result<Loaded, ConfigError> {
    let environment = &inputs.environment;
    let mut warnings = Vec::new();
    let mut merged = layers::built_in();
    overlay(&mut merged, layers::of_ollama_host(environment));

    let user_files = layers::user_files(environment, inputs.explicit_file.as_deref());
    for path in &user_files.paths {
        let Some(text) = layers::read(path)? else {
            if let Some(named_by) = user_files.named_by {
                return Err(ConfigError::Missing { path: path.clone(), named_by });
            }
            continue;
        };
        let mut layer = tree::from_toml(&text, path, Source::User(path.clone()))?;
        check(&mut layer, &SCHEMA, &mut warnings);
        overlay(&mut merged, layer);
    }

    let top = top_layers(inputs);
    let mut user = merged.clone();
    for layer in top.clone() {
        overlay(&mut user, layer);
    }
    let owner = Owner::of(&user);
    let mut action_folders: Vec<PathBuf> =
        environment.config_folder().map(|folder| folder.join("actions")).into_iter().collect();

    let store = TrustStore::open(environment)?;
    let projects = projects(inputs, &user_files.paths)?;
    for project in &projects {
        let standing = standing(project, &store, &mut warnings);
        if standing == Standing::Trusted {
            action_folders.push(project.action_folder());
        }
        let Some((path, text)) = &project.file else { continue };
        let mut layer = tree::from_toml(text, path, Source::Project(path.clone()))?;
        check(&mut layer, &SCHEMA, &mut warnings);
        let layer = narrow(&layer, &owner, &merged, standing, &mut warnings);
        overlay(&mut merged, layer);
    }
    if let Some(json) = &inputs.editor {
        let layer = editor_layer(json, &mut warnings);
        let layer = narrow(&layer, &owner, &merged, Standing::Editor, &mut warnings);
        overlay(&mut merged, layer);
    }
    for layer in top {
        overlay(&mut merged, layer);
    }

    let mut files = watched(inputs, &user_files.paths, &action_folders);
    let settings = resolve::settings(&merged, environment, action_folders, &mut warnings)?;
    files.push(settings.local.record_file());
    let mut seen = std::collections::HashSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    Ok(Loaded { settings, warnings, files, entries: entries(&merged) })
}

/// The layers above every file.
fn top_layers(inputs: &LoadInputs) -> [Node; 2] {
    let flags = layers::of_flags(inputs.backend.as_deref(), inputs.model.as_deref());
    [layers::of_variables(&inputs.environment), flags]
}

/// The projects of the workspace, the first root last, so that its values win. The home folder is none:
/// its `.arawn/arawn.toml` is the user's own.
fn projects(inputs: &LoadInputs, user_files: &[PathBuf]) -> Result<Vec<Project>, ConfigError> {
    let own: Vec<PathBuf> = user_files.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let home = inputs.environment.home.as_ref().and_then(|home| home.canonicalize().ok());
    let roots = inputs.workspace.iter().rev();
    let projects = roots.map(|root| Project::read(root)).collect::<Result<Vec<_>, _>>()?;
    let is_own = |project: &Project| {
        home.as_ref() == Some(&project.root)
            || project.file.as_ref().is_some_and(|(path, _)| own.contains(path))
    };
    Ok(projects.into_iter().filter(|project| !is_own(project)).collect())
}

fn standing(project: &Project, store: &TrustStore, warnings: &mut Vec<Warning>) -> Standing {
    let at = |path: &Path| Origin::new(Source::Project(path.to_owned())).to_string();
    for path in &project.refused {
        let message = "is not read: it is a symbolic link or no file".to_owned();
        warnings.push(Warning {
            origin: at(&project.root),
            key: path.display().to_string(),
            message,
        });
    }
    if store.trusted_before(project) {
        let message = "is trusted no longer, because its files have changed; look at them and run `arawn trust` again";
        warnings.push(Warning {
            origin: at(&project.root),
            key: ".arawn".to_owned(),
            message: message.to_owned(),
        });
    }
    if store.trusts(project) { Standing::Trusted } else { Standing::Untrusted }
}

/// Keys of the editors' own settings that are not meant for the server.
const EDITOR_OWN_KEYS: [&str; 5] = ["server", "trace", "path", "env", "enable"];

fn editor_layer(json: &Json, warnings: &mut Vec<Warning>) -> Node {
    // Some clients send the whole of their settings, some the section alone.
    let mut layer = tree::from_json(json.get("arawn").unwrap_or(json));
    for key in EDITOR_OWN_KEYS {
        layer.remove(&[key]);
    }
    check(&mut layer, &SCHEMA, warnings);
    layer
}

fn watched(
    inputs: &LoadInputs,
    user_files: &[PathBuf],
    action_folders: &[PathBuf],
) -> Vec<PathBuf> {
    let projects = inputs.workspace.iter().map(|root| root.join(".arawn/arawn.toml"));
    let trust = TrustStore::path(&inputs.environment);
    let all = user_files.iter().cloned().chain(projects).chain(trust);
    all.chain(action_folders.iter().cloned()).collect()
}

fn entries(merged: &Node) -> Vec<Entry> {
    let leaves = merged.leaves().into_iter();
    leaves
        .filter_map(|(path, node)| {
            Some(Entry { path, value: node.leaf()?.clone(), origin: node.origin.clone() })
        })
        .collect()
}

/// The files a configuration may lie in, lowest layer first, whether they exist or not.
pub fn candidate_files(inputs: &LoadInputs) -> Vec<PathBuf> {
    let user = layers::user_files(&inputs.environment, inputs.explicit_file.as_deref()).paths;
    let projects = inputs.workspace.iter().rev().map(|root| root.join(".arawn/arawn.toml"));
    let mut files = user;
    for path in projects {
        if !files.contains(&path) {
            files.push(path);
        }
    }
    files
}

/// The root of the project that a folder lies in: the nearest folder upwards with `.arawn/arawn.toml` or
/// `.git`, below the home folder; else the folder itself.
pub fn workspace_root(folder: &Path, environment: &Environment) -> PathBuf {
    let is_home = |folder: &&Path| environment.home.as_deref() == Some(*folder);
    let marked = |folder: &&Path| {
        [".arawn/arawn.toml", ".git"].iter().any(|mark| folder.join(mark).exists())
    };
    let mut upwards = folder.ancestors().take_while(|folder| !is_home(folder));
    upwards.find(marked).unwrap_or(folder).to_owned()
}
