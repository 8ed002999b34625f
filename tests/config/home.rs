//! A home folder, a project and an environment of their own for each test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arawn::config::{self, ConfigError, Environment, LoadInputs, Loaded};
use tempfile::TempDir;

/// A home folder with a project in it.
pub(crate) struct Home {
    folder: TempDir,
    vars: Vec<(String, String)>,
    /// What `load` gets besides the environment.
    pub(crate) inputs: LoadInputs,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        std::fs::create_dir_all(&project).unwrap();
        let inputs = LoadInputs { workspace: vec![project], ..LoadInputs::default() };
        Self { folder, vars: Vec::new(), inputs }
    }

    /// A home whose user file is this.
    pub(crate) fn with(user: &str) -> Self {
        let home = Self::new();
        home.write(".config/arawn/arawn.toml", user);
        home
    }

    pub(crate) fn project(self, text: &str) -> Self {
        self.write("project/.arawn/arawn.toml", text);
        self
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn editor(mut self, json: serde_json::Value) -> Self {
        self.inputs.editor = Some(json);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path().join("project")
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn environment(&self) -> Arc<Environment> {
        let vars = self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Arc::new(Environment::of(self.path(), vars))
    }

    pub(crate) fn try_load(&self) -> Result<Loaded, ConfigError> {
        config::load(&LoadInputs { environment: self.environment(), ..self.inputs.clone() })
    }

    pub(crate) fn load(&self) -> Loaded {
        self.try_load().unwrap_or_else(|error| panic!("{error} ({:?})", error.hint()))
    }

    /// The message of an error, with the home folder as `~`.
    pub(crate) fn error(&self) -> String {
        self.tidy(&self.try_load().expect_err("an error").to_string())
    }

    /// All warnings, with the home folder as `~`.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.load().warnings.iter().map(|warning| self.tidy(&warning.to_string())).collect()
    }

    fn tidy(&self, text: &str) -> String {
        let real = self.path().canonicalize().unwrap();
        let text = text.replace(&real.display().to_string(), "~");
        text.replace(&self.path().display().to_string(), "~").replace('\\', "/")
    }
}

/// The chain of a task, or of `[llm]`, as `backend/model` of its links.
pub(crate) fn chain(chain: &config::Chain) -> Vec<String> {
    let link = |link: &config::Link| match &link.model {
        Some(model) => format!("{}/{model}", link.backend),
        None => link.backend.to_string(),
    };
    chain.links.iter().map(link).collect()
}
