//! The local engine: llama.cpp's own server, found or installed, started when a job needs it, shared by all
//! windows of a user, and ended when nobody uses it.
//!
//! Nothing of it runs inside this process: a supervisor (this program, started once more) holds the lock,
//! owns the engine and ends it. Knows no front and sends no prompt: that is the backends' work.

mod status;

pub use status::{ModelFound, Problem, Running, Status, status};
