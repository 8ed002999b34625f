//! The language server, end to end: the real front door over in-memory pipes, a scripted model on loopback.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

#[path = "../support/test_server.rs"]
mod test_server;

mod cancel;
mod chat;
mod config;
mod edits;
mod extension;
mod first_start;
mod lifecycle;
mod menu;
mod model;
mod reporting;
mod setup;
mod sync;
