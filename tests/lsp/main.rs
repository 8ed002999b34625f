//! The language server, end to end: the real front door over in-memory pipes, a scripted model on loopback.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

#[path = "../support/interleavings/mod.rs"]
mod interleavings;
#[path = "../support/test_server.rs"]
mod test_server;

mod cancel;
mod chat;
mod checks;
mod config;
mod edits;
mod extension;
mod faults;
mod filling;
mod first_start;
mod interleaved;
mod lifecycle;
mod menu;
mod model;
mod places;
mod proposals;
mod reporting;
mod rules;
mod setup;
mod sync;
