//! The files that tools may see: those of the workspace, without what is ignored, secret, huge or binary.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::WalkBuilder;

use super::path::{self, Root, WorkspacePath};
use super::{Clock, Finding, Sight, ToolError};
use crate::config::Settings;
use crate::gate::Gate;

/// Largest file that is read.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Folders below folders that are walked into.
const MAX_DEPTH: usize = 40;

/// See the module.
#[derive(Debug)]
pub(super) struct Files {
    gate: Arc<Gate>,
    settings: Arc<Settings>,
    roots: Vec<Root>,
    workspace: Vec<PathBuf>,
    sight: Sight,
}

impl Files {
    pub(super) fn new(
        gate: Arc<Gate>,
        settings: Arc<Settings>,
        workspace: &[PathBuf],
        sight: Sight,
    ) -> Self {
        let roots = path::roots(workspace);
        Self { gate, settings, roots, workspace: workspace.to_vec(), sight }
    }

    /// What compilers found, if the front tells.
    pub(super) fn findings(&self) -> Option<&[Finding]> {
        self.sight.findings.as_deref()
    }

    /// A file that a model means, if it may see it.
    pub(super) fn file(&self, requested: &str) -> Result<WorkspacePath, ToolError> {
        let path = path::resolve(&self.roots, requested)?;
        if !is_file(&path) {
            let reason = "it is a folder; use `list_files`".to_owned();
            return Err(ToolError::Unreadable { path: path.shown().to_owned(), reason });
        }
        self.permit(path)
    }

    /// A file or folder that a model means.
    pub(super) fn entry(&self, requested: &str) -> Result<WorkspacePath, ToolError> {
        let path = path::resolve(&self.roots, requested)?;
        if is_file(&path) { self.permit(path) } else { Ok(path) }
    }

    /// A file that the user named by its whole path.
    pub(super) fn named_by_user(&self, path: &Path) -> Result<WorkspacePath, ToolError> {
        self.permit(path::found(&self.roots, path)?)
    }

    /// Whether anything is said of a file that the tools may see.
    pub(super) fn shown(&self, path: &Path) -> Option<WorkspacePath> {
        self.named_by_user(path).ok()
    }

    /// The one permission check of all tools.
    fn permit(&self, path: WorkspacePath) -> Result<WorkspacePath, ToolError> {
        match self.gate.check_file(&self.settings, path.absolute(), &self.workspace) {
            Ok(()) => Ok(path),
            Err(crate::gate::Refusal::FileExcluded { reason, .. }) => {
                let path = PathBuf::from(path.shown());
                Err(crate::gate::Refusal::FileExcluded { path, reason }.into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The text of a file: the editor's if it is open there, else that on disk.
    pub(super) fn text(&self, path: &WorkspacePath) -> Result<String, ToolError> {
        let open = self.sight.documents.iter().find(|document| {
            let file = document.path.as_deref();
            file.is_some_and(|file| {
                file == path.absolute()
                    || file.canonicalize().is_ok_and(|file| file == path.absolute())
            })
        });
        match open {
            Some(document) => Ok(document.text.to_string()),
            None => read(path),
        }
    }

    /// Visits the files below a folder, or the one file, in the order of their names.
    pub(super) fn walk(
        &self,
        start: &WorkspacePath,
        clock: &Clock,
        visit: &mut dyn FnMut(WorkspacePath) -> ControlFlow<()>,
    ) -> Result<(), ToolError> {
        let starts: Vec<&Path> = if start.shown() == "." && self.roots.len() > 1 {
            self.roots.iter().map(Root::path).collect()
        } else {
            vec![start.absolute()]
        };
        for start in starts {
            if self.walk_one(start, clock, visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn walk_one(
        &self,
        start: &Path,
        clock: &Clock,
        visit: &mut dyn FnMut(WorkspacePath) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ToolError> {
        // `.gitignore` is obeyed here to keep out of large folders; the gate has the last word on each file.
        let walk = WalkBuilder::new(start)
            .hidden(false)
            .parents(false)
            .require_git(false)
            .git_global(false)
            .follow_links(false)
            .max_depth(Some(MAX_DEPTH))
            .sort_by_file_name(Ord::cmp)
            .filter_entry(|entry| {
                entry.depth() == 0
                    || entry.file_name().to_str().is_some_and(|name| !path::is_internal(name))
            })
            .build();
        for entry in walk {
            if clock.is_over() {
                return Err(ToolError::TimedOut);
            }
            let Ok(entry) = entry else { continue };
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Some(path) = self.shown(entry.path()) else { continue };
            if visit(path).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn is_file(path: &WorkspacePath) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// The text on disk.
fn read(path: &WorkspacePath) -> Result<String, ToolError> {
    let unreadable =
        |reason: String| ToolError::Unreadable { path: path.shown().to_owned(), reason };
    let file = path.open().map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    // The size that a file claims may be wrong, or change.
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(unreadable(format!("it is larger than {} MB", MAX_FILE / 1024 / 1024)));
    }
    if bytes.contains(&0) {
        return Err(unreadable("it is no text".to_owned()));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}
