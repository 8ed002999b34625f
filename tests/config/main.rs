//! The configuration as a user meets it: files in, settings and messages out.

mod home;
mod hostile;
mod layers;
mod messages;
mod reference;
mod trust;
mod watch;
