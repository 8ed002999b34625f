//! What happens between an editor, its user and arawn, in every order that chance comes up with.
//!
//! A [`Scenario`] is made from a seed and says everything: document, selection, answer, what the user types
//! when, and how the client behaves. [`Editor`] is a client that plays it, and keeps of every character where it
//! comes from; [`judge`] holds what arawn did and said against that. Two drivers use it: one inside the crate,
//! with a clock of its own and a hundred thousand scenarios a minute, and one through the front door.

#![allow(dead_code, unused_imports, reason = "each driver uses its own part of this folder")]

mod answers;
mod buffer;
mod documents;
mod editor;
mod flight;
mod judge;
mod landing;
mod scenario;
mod shrink;

pub(crate) use {
    answers::{Fitted, fit},
    editor::{Editor, URI},
    flight::{Wire, fly, play},
    judge::{End, Story, judge},
    scenario::{Output, Says, Scenario, Step},
    shrink::shrunk,
};
