//! The log: to stderr, since stdout belongs to results and to the protocol; its filter follows the configuration.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::{Environment, Settings};

/// The running log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    filter: reload::Handle<Targets, Registry>,
    /// `-v` was given; it counts more than the configuration.
    is_fixed: bool,
}

impl Log {
    /// Starts it with the filter that `-v` flags ask for.
    pub(crate) fn start(verbose: u8, environment: &Environment) -> Self {
        let filter = match verbose {
            0 => "warn",
            1 => "arawn=info,warn",
            _ => "arawn=debug,info",
        };
        let (filter, handle) = reload::Layer::new(parse(filter));
        let no_color = environment.var("NO_COLOR").is_some();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal() && !no_color)
            .with_filter(filter);
        // Fails only if a log runs already; that one goes on.
        let _ = tracing_subscriber::registry().with(lines).try_init();
        Self { filter: handle, is_fixed: verbose > 0 }
    }

    /// Takes over the filter of `[log] level` or `ARAWN_LOG`.
    pub(crate) fn follow(&self, settings: &Settings) {
        if !self.is_fixed {
            let filter = parse(&settings.log);
            // Fails only if the log is gone.
            let _ = self.filter.modify(|current| *current = filter);
        }
    }
}

/// A level, or `target=level` pairs; what cannot be read counts as `warn`.
fn parse(filter: &str) -> Targets {
    filter.parse().unwrap_or_else(|_| Targets::new().with_default(Level::WARN))
}
