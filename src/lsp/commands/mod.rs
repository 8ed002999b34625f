//! The commands of `workspace/executeCommand`, one file each.

mod argument;
mod backend;
mod cancel;
mod chat;
mod last_request;
mod run;
mod status;

pub(super) use argument::only_argument;
pub(super) use backend::backend;
pub(super) use cancel::cancel;
pub(super) use chat::chat;
pub(super) use last_request::last_request;
pub(super) use run::{refused, run};
pub(super) use status::status;

/// Runs an action.
pub(super) const RUN: &str = "arawn.run";
/// Says something in a conversation.
pub(super) const CHAT: &str = "arawn.chat";
/// Cancels jobs.
pub(super) const CANCEL: &str = "arawn.cancel";
/// Chooses the backend of this session.
pub(super) const BACKEND: &str = "arawn.backend";
/// Tells how arawn is doing.
pub(super) const STATUS: &str = "arawn.status";
/// Shows what was sent last.
pub(super) const LAST_REQUEST: &str = "arawn.lastRequest";

/// All of them. Neovim refuses what is not announced.
pub(super) const ALL: [&str; 6] = [RUN, CHAT, CANCEL, BACKEND, STATUS, LAST_REQUEST];
