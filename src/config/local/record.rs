//! What `arawn local setup` brought, written down.

use std::io;
use std::path::{Path, PathBuf};

use super::{EngineProgram, LocalModel};
use crate::config::private_file;

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Record {
    /// The engine.
    pub engine: Option<EngineProgram>,
    /// The models, the one that is used unless another is named first.
    pub models: Vec<LocalModel>,
}

/// Why the record cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what was set up is not known, because \"{}\" cannot be read: {reason}; run `arawn local setup`", path.display())]
pub struct RecordError {
    path: PathBuf,
    reason: String,
}

impl Record {
    /// The record's file.
    pub fn path(data_folder: &Path) -> PathBuf {
        data_folder.join("setup.json")
    }

    /// Reads it; nothing was set up where there is none.
    pub fn read(data_folder: &Path) -> Result<Self, RecordError> {
        let path = Self::path(data_folder);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(RecordError { path, reason: error.to_string() }),
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| RecordError { path, reason: error.to_string() })
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, data_folder: &Path) -> io::Result<()> {
        private_file::write(&Self::path(data_folder), &serde_json::to_vec_pretty(self)?)
    }

    /// Takes in a model and makes it the first one.
    pub fn put_first(&mut self, model: LocalModel) {
        self.models.retain(|known| known.name != model.name);
        self.models.insert(0, model);
    }
}
