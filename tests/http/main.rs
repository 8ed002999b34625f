//! `arawn serve` as programs and web pages meet it: the built binary, raw HTTP over loopback, scripted backends.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/upstream.rs"]
mod upstream;

mod chat;
mod document;
mod failures;
mod guard;
mod lifecycle;
mod serve;
mod sessions;
mod streaming;
