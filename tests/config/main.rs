//! The configuration as a user meets it: files in, settings and messages out.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod home;
mod hostile;
mod keyring;
mod layers;
mod messages;
mod reference;
mod trust;
mod watch;
