//! arawn: an AI assistant for every editor, over the Language Server Protocol.
//!
//! The modules stand in reading order: from what the user writes down (`config`), over the text and
//! the models, to the three fronts (`lsp`, `cli`, `http`). ARCHITECTURE.md tells the story.

// The tests inside share their simulated editor with those outside, and so its name for this crate.
#[cfg(test)]
extern crate self as arawn;

pub mod config;
pub mod secrets;

pub mod engine;

pub mod text;

pub mod syntax;

pub mod model;

pub mod images;

pub mod gate;

pub mod backends;

pub mod router;

pub mod edits;

pub mod context;

pub mod prompts;

pub mod actions;

pub mod tools;

pub mod review;

pub mod new_files;

pub mod commits;

pub mod assistant;

pub mod rules;

pub mod conversation;

pub mod embeddings;

pub mod report;

pub mod editors;

pub mod doctor;

pub mod cli;
pub mod http;
pub mod lsp;
