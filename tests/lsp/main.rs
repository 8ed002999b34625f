//! The language server, end to end: the real front door over in-memory pipes, a scripted model on loopback.

#[path = "../support/test_server.rs"]
mod test_server;

mod cancel;
mod config;
mod edits;
mod extension;
mod lifecycle;
mod menu;
mod model;
mod reporting;
mod setup;
mod sync;
