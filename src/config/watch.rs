//! Watches configuration files and tells when they changed.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// Editors write a file in several steps; what comes within this time is one change.
const QUIET: Duration = Duration::from_millis(100);

/// A file that is written without a pause is reported after this time all the same.
const LONGEST: Duration = Duration::from_secs(1);

/// Watches files until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    stop: Sender<Message>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.stop.send(Message::Stop);
    }
}

enum Message {
    Event(notify::Event),
    Stop,
}

/// Calls `on_change`, on a thread of its own, after one of the files or something in one of the folders
/// changed, appeared or went away.
pub fn watch(
    files: &[PathBuf],
    on_change: impl Fn() + Send + 'static,
) -> Result<Watcher, notify::Error> {
    let (sender, receiver) = channel();
    let stop = sender.clone();
    let watcher = notify::recommended_watcher(move |event: Result<notify::Event, _>| {
        if let Ok(event) = event {
            let _ = sender.send(Message::Event(event));
        }
    })?;
    let mut target = Watched { watcher, files: with_targets(files), folders: Vec::new() };
    target.follow();
    std::thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || run(&receiver, &mut target, &on_change))
        .map_err(notify::Error::io)?;
    Ok(Watcher { stop })
}

/// Dotfile managers make the file a symbolic link; then it is the target that changes.
fn with_targets(files: &[PathBuf]) -> Vec<PathBuf> {
    let targets = files.iter().filter_map(|path| path.canonicalize().ok());
    let mut all: Vec<PathBuf> = files.iter().cloned().chain(targets).collect();
    all.sort();
    all.dedup();
    all
}

struct Watched {
    watcher: RecommendedWatcher,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Watched {
    /// Watches folders, not files: editors put a new file in place of the old one. Where a folder does not
    /// exist yet, the nearest one above it tells when it comes.
    fn follow(&mut self) {
        let mut folders: Vec<PathBuf> =
            self.files.iter().filter_map(|path| nearest_folder(path)).collect();
        folders.sort();
        folders.dedup();
        for gone in self.folders.iter().filter(|folder| !folders.contains(folder)) {
            let _ = self.watcher.unwatch(gone);
        }
        for folder in &folders {
            // Again for known ones too: a folder of the same name may have taken the place of the old one.
            let _ = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        }
        self.folders = folders;
    }

    fn concerns(&self, event: &notify::Event) -> bool {
        // Reading the files, as a reload does, is no change.
        !matches!(event.kind, EventKind::Access(_))
            && event.paths.iter().any(|changed| {
                self.files.iter().any(|file| changed.starts_with(file) || file.starts_with(changed))
            })
    }
}

fn nearest_folder(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    path.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned)
}

fn run(receiver: &Receiver<Message>, watched: &mut Watched, on_change: &impl Fn()) {
    while let Ok(Message::Event(event)) = receiver.recv() {
        if !watched.concerns(&event) {
            continue;
        }
        let first = Instant::now();
        let mut until = first + QUIET;
        loop {
            match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Message::Event(event)) if watched.concerns(&event) => {
                    until = (Instant::now() + QUIET).min(first + LONGEST);
                }
                Ok(Message::Event(_)) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        watched.follow();
        on_change();
    }
}
