//! One file a method of the protocol. What must happen in wire order happens before the first await.

mod code_action;
mod configuration;
mod documents;
mod execute_command;
mod lifecycle;
mod workspace_folders;

pub(super) use code_action::{code_action, code_lens};
pub(super) use configuration::did_change_configuration;
pub(super) use documents::{did_change, did_close, did_open, did_rename_files};
pub(super) use execute_command::{execute_command, work_done_progress_cancel};
pub(super) use lifecycle::{initialize, initialized, shutdown};
pub(super) use workspace_folders::did_change_workspace_folders;
