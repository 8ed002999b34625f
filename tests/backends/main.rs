//! Backends, router and gate against a scripted server on loopback.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../support/upstream.rs"]
mod upstream;

mod anthropic;
mod failures;
mod filling;
mod gate;
mod images;
mod one_way;
mod requests;
mod routing;
mod setup;
