//! The built program as a user runs it: private home, loopback only, exact output and exit codes.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/upstream.rs"]
mod upstream;

mod ask;
mod bad_input;
mod chat;
mod checks;
mod commit;
mod doctor;
mod embed;
mod filling;
mod home;
mod images;
mod init;
mod models;
mod places;
mod privacy;
mod rules;
mod run;
mod setup;
mod tools;
