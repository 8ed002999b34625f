//! The folder of one engine: its lock, the record of what runs, and the log.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::channel::Address;
use super::process::Process;
use crate::config::write_private;

/// What runs, written down for those who want to use it, and for those who have to clear up after a crash.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Record {
    /// The name of the model.
    pub(super) model: String,
    /// The supervisor.
    pub(super) supervisor: Process,
    /// Where the supervisor listens.
    pub(super) control: Address,
    /// The engine, once it was started.
    pub(super) engine: Option<Process>,
    /// Where the engine listens.
    pub(super) address: Option<Address>,
}

/// The folder of one engine, below the state folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Held as long as a supervisor lives; the system lets go of it however the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Folder {
    /// The folder under a key.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// All folders there are.
    pub(super) fn all(state_folder: &Path) -> Vec<Self> {
        let entries = fs::read_dir(state_folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path.join("lock").is_file());
        paths.sort();
        paths.into_iter().map(Self::new).collect()
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder, for the user alone.
    pub(super) fn create(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path)
    }

    /// Takes the lock; `None` if a supervisor lives.
    pub(super) fn lock(&self) -> io::Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        private(&mut options);
        let file = options.open(self.path.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a supervisor lives. Changes nothing, and makes no file.
    pub(super) fn is_locked(&self) -> bool {
        let Ok(file) = OpenOptions::new().write(true).open(self.path.join("lock")) else {
            return false;
        };
        // Shared, so that two who look do not take each other for a supervisor.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// What was written down.
    pub(super) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.record_file()).ok()?).ok()
    }

    /// Writes it down.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        write_private(&self.record_file(), &serde_json::to_vec(record)?)
    }

    /// Removes record and sockets: nothing runs any more.
    pub(super) fn sweep(&self) {
        let _ = fs::remove_file(self.record_file());
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "sock") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn record_file(&self) -> PathBuf {
        self.path.join("running.json")
    }

    /// Where the engine's own words go.
    pub(super) fn log_file(&self) -> PathBuf {
        self.path.join("engine.log")
    }

    /// Where the supervisor says why it could not begin.
    pub(super) fn trouble_file(&self) -> PathBuf {
        self.path.join("trouble.log")
    }

    /// A file that only the user can read, empty.
    pub(super) fn fresh_file(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        private(&mut options);
        options.open(path)
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_and_others_see_it() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().join("a"));
        assert!(!folder.is_locked(), "no folder, no lock");
        folder.create().unwrap();
        let lock = folder.lock().unwrap().unwrap();
        assert!(folder.lock().unwrap().is_none());
        assert!(folder.is_locked());
        drop(lock);
        assert!(!folder.is_locked());
        assert!(folder.lock().unwrap().is_some());
    }
}
