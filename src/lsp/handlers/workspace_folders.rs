//! `workspace/didChangeWorkspaceFolders`.

use std::path::PathBuf;

use tower_lsp::lsp_types::{DidChangeWorkspaceFoldersParams, WorkspaceFolder};

use crate::lsp::convert;
use crate::lsp::session::Session;

/// Takes the new roots, each of which may have a project file.
pub(in crate::lsp) fn did_change_workspace_folders(
    session: &Session,
    params: &DidChangeWorkspaceFoldersParams,
) {
    let paths = |folders: &[WorkspaceFolder]| -> Vec<PathBuf> {
        folders.iter().filter_map(|folder| convert::path_of(&folder.uri)).collect()
    };
    session.state.change_workspace(&paths(&params.event.added), &paths(&params.event.removed));
    session.reload.notify_one();
}
