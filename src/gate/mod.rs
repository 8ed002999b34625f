//! The gate: the only place through which bytes leave for a model.
//!
//! A [`Pass`] can be made nowhere else, and `backends/http.rs` sends no prompt without one.

mod ignored;
mod secret_files;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::config::{BackendSettings, CloudPolicy, Dialect, Place, Settings};
use crate::model::{BackendName, Task};
use ignored::IgnoreRules;
pub use ignored::KINDS as IGNORE_FILES;

/// Which files' content a request carries, and in which workspace they lie.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Files whose text is in the prompt.
    pub files: Vec<PathBuf>,
    /// Roots of the workspace, for ignore files.
    pub workspace: Vec<PathBuf>,
}

/// Why a request must not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `[privacy] cloud = "never"`, and the backend or model is a cloud one.
    #[error(
        "backend \"{backend}\" is a cloud service, and `[privacy] cloud = \"never\"` forbids those"
    )]
    CloudForbidden {
        /// The backend.
        backend: BackendName,
    },
    /// The file is ignored or secret.
    #[error("\"{}\" never leaves this machine: {reason}", path.display())]
    FileExcluded {
        /// The file.
        path: PathBuf,
        /// The rule that matched and where it stands.
        reason: String,
    },
}

/// What something leaves for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A prompt, for a task.
    Prompt(Task),
    /// Texts that become vectors.
    Embedding,
}

impl From<Task> for Errand {
    fn from(task: Task) -> Self {
        Self::Prompt(task)
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt(task) => task.fmt(f),
            Self::Embedding => f.write_str("embedding"),
        }
    }
}

/// What was sent last, for `arawn.lastRequest`. Holds no key: headers are not kept.
#[derive(Clone, Debug)]
pub struct LastRequest {
    /// When.
    pub at: SystemTime,
    /// To which backend.
    pub backend: BackendName,
    /// Which model was asked.
    pub model: String,
    /// What for.
    pub errand: Errand,
    /// Address without query.
    pub url: String,
    /// The exact body.
    pub body: Vec<u8>,
}

/// The gate's memory.
#[derive(Debug, Default)]
pub struct Gate {
    rules: IgnoreRules,
    last: Arc<Mutex<Option<Arc<LastRequest>>>>,
}

/// Proof that the gate let one request through; records what is sent with it.
#[derive(Debug)]
pub struct Pass {
    pub(crate) backend: BackendName,
    pub(crate) model: String,
    pub(crate) errand: Errand,
    last: Arc<Mutex<Option<Arc<LastRequest>>>>,
}

impl Gate {
    /// A gate that has let nothing through yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a request through, or says why not. The only way to get a [`Pass`].
    pub fn clear(
        &self,
        settings: &Settings,
        backend: &BackendSettings,
        model: &str,
        errand: impl Into<Errand>,
        origin: &Origin,
    ) -> Result<Pass, Refusal> {
        for file in &origin.files {
            self.check_file(settings, file, &origin.workspace)?;
        }
        if settings.privacy.cloud == CloudPolicy::Never && is_cloud(backend, model) {
            return Err(Refusal::CloudForbidden { backend: backend.name.clone() });
        }
        Ok(Pass {
            backend: backend.name.clone(),
            model: model.to_owned(),
            errand: errand.into(),
            last: self.last.clone(),
        })
    }

    /// Whether a file's text may leave, whoever is asked; for telling the user before a job is begun.
    pub fn check_file(
        &self,
        settings: &Settings,
        file: &Path,
        workspace: &[PathBuf],
    ) -> Result<(), Refusal> {
        let written = ignored::absolute(file);
        let resolved = ignored::resolved(&written);
        let mut roots: Vec<PathBuf> =
            workspace.iter().map(|root| ignored::absolute(root)).collect();
        let resolved_roots: Vec<PathBuf> =
            roots.iter().filter_map(|root| ignored::resolved(root)).collect();
        roots.extend(resolved_roots);
        // A link with a harmless name may lead to a secret, and a secret name to anything.
        let names =
            std::iter::once(&written).chain(resolved.as_ref().filter(|path| **path != written));
        for path in names {
            let reason = secret_files::rule(path)
                .map(|rule| format!("a secret file by the built-in rule `{rule}`"))
                .or_else(|| self.rules.rule(path, &roots, &settings.privacy.ignore));
            if let Some(reason) = reason {
                return Err(Refusal::FileExcluded { path: file.to_owned(), reason });
            }
        }
        Ok(())
    }

    /// The request sent last, from any task and front.
    pub fn last_request(&self) -> Option<Arc<LastRequest>> {
        lock(&self.last).clone()
    }
}

/// A request that was remembered, and what was remembered before it.
#[derive(Debug)]
pub(crate) struct Recorded {
    own: Arc<LastRequest>,
    before: Option<Arc<LastRequest>>,
    last: Arc<Mutex<Option<Arc<LastRequest>>>>,
}

impl Pass {
    /// Remembers what is sent with this pass, which is used up by that.
    pub(crate) fn record(self, url: String, body: &[u8]) -> Recorded {
        let own = Arc::new(LastRequest {
            at: SystemTime::now(),
            backend: self.backend,
            model: self.model,
            errand: self.errand,
            url,
            body: body.to_vec(),
        });
        let before = lock(&self.last).replace(own.clone());
        Recorded { own, before, last: self.last }
    }
}

impl Recorded {
    /// Forgets the request again: no connection was made, so nothing left.
    pub(crate) fn take_back(self) {
        let mut last = lock(&self.last);
        if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &self.own)) {
            *last = self.before;
        }
    }
}

fn lock(last: &Mutex<Option<Arc<LastRequest>>>) -> MutexGuard<'_, Option<Arc<LastRequest>>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a request would leave for a cloud service. Ollama runs some models in its own cloud and tells
/// so by their names alone.
pub fn is_cloud(backend: &BackendSettings, model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    let tag = model.rsplit_once(':').map_or("", |(_, tag)| tag);
    let is_cloud_tag = tag == "cloud" || tag.ends_with("-cloud");
    let is_cloud_name = backend.dialect == Dialect::Ollama && model.ends_with("-cloud");
    backend.place == Place::Cloud || is_cloud_tag || is_cloud_name
}
