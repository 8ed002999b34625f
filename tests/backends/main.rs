//! Backends, router and gate against a scripted server on loopback.

#[path = "../support/upstream.rs"]
mod upstream;

mod failures;
mod gate;
mod one_way;
mod requests;
mod routing;
mod setup;
