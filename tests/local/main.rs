//! The local engine, managed by the built program; a script stands in for llama.cpp's server, and nothing else.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chain;
mod crashes;
mod home;
mod hub;
mod hugging_face;
mod images;
mod setup;
mod sharing;
