//! The commands of `workspace/executeCommand`, one file each.

mod argument;
mod backend;
mod cancel;
mod chat;
mod last_request;
mod proposal;
mod run;
mod status;

pub(super) use argument::only_argument;
pub(super) use backend::backend;
pub(super) use cancel::cancel;
pub(super) use chat::chat;
pub(super) use last_request::last_request;
pub(super) use proposal::proposal;
pub(super) use run::{refused, run};
pub(super) use status::status;

/// Runs an action.
pub(super) const RUN: &str = "arawn.run";
/// Says something in a conversation.
pub(super) const CHAT: &str = "arawn.chat";
/// Cancels jobs.
pub(super) const CANCEL: &str = "arawn.cancel";
/// Lists, shows, applies and discards proposals.
pub(super) const PROPOSAL: &str = "arawn.proposal";
/// Chooses the backend of this session.
pub(super) const BACKEND: &str = "arawn.backend";
/// Tells how arawn is doing.
pub(super) const STATUS: &str = "arawn.status";
/// Shows what was sent last.
pub(super) const LAST_REQUEST: &str = "arawn.lastRequest";

/// All of them. Neovim refuses what is not announced.
pub(super) const ALL: [&str; 7] = [RUN, CHAT, CANCEL, PROPOSAL, BACKEND, STATUS, LAST_REQUEST];
