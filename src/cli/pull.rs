//! `arawn models pull`: fetching a model, with a bar on a terminal and plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{Interruptible, Session, block_on, models, note, output_failed, terminal::harmless};
use crate::assistant::Assistant;
use crate::backends::Pulling;
use crate::config::Dialect;
use crate::model::{BackendName, ErrorClass};
use crate::report::{Kind, Report};
use crate::router::Cause;

/// How often the bar is drawn anew when nothing comes.
const TICK: Duration = Duration::from_millis(200);

pub(super) fn run(
    model: &str,
    as_json: bool,
    assistant: &Assistant,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let backend = backend_to_ask(assistant, session)?;
    let mut shown = Shown::new(model, as_json);
    let ended = block_on(async {
        let mut watch = |pulling: Pulling| shown.show(&pulling);
        Ok(assistant.pull(&backend, model, &mut watch).await)
    })?;
    shown.clear();
    match ended {
        Interruptible::Interrupted => {
            note("stopped; the same command goes on where this one stopped");
            Ok(ExitCode::from(130))
        }
        Interruptible::Finished(Ok(())) => {
            let line = if as_json {
                json!({"status": "success", "backend": backend, "model": model}).to_string()
            } else {
                format!("{model} is ready on backend \"{backend}\"")
            };
            writeln!(out, "{}", harmless(&line)).map_err(|error| output_failed(&error))?;
            Ok(ExitCode::SUCCESS)
        }
        Interruptible::Finished(Err(cause)) => {
            let report = report_of(&cause, model);
            if as_json {
                let error = json!({"class": cause.class(), "message": report.message,
                    "causes": report.causes, "hint": report.hint});
                let line =
                    json!({"status": "failed", "backend": backend, "model": model, "error": error});
                writeln!(out, "{line}").map_err(|error| output_failed(&error))?;
            }
            Err(report)
        }
    }
}

/// The backend of `--backend`, else the first of the chains that is an Ollama, else the one of that name.
fn backend_to_ask(assistant: &Assistant, session: &Session) -> Result<BackendName, Report> {
    let settings = assistant.settings();
    let is_ollama = |name: &BackendName| {
        settings.backend(name).is_some_and(|backend| backend.dialect == Dialect::Ollama)
    };
    if let Some(name) = &session.globals.backend {
        return Ok(name.clone());
    }
    let usual = BackendName::new("ollama");
    let mut names = models::backends_to_list(assistant, session);
    names.push(usual);
    names.into_iter().find(is_ollama).ok_or_else(|| {
        Report::new(Kind::Usage, "no backend of yours is an Ollama, and only Ollama fetches models")
    })
}

/// The usual report, without advice to do what was just tried.
fn report_of(cause: &Cause, model: &str) -> Report {
    let report = Report::from(cause);
    let Cause::Model(error) = cause else { return report };
    match error.class {
        ErrorClass::ModelNotAvailable => Report { checks: Vec::new(), ..report }
            .with_hint(format!("look \"{model}\" up at https://ollama.com/library")),
        ErrorClass::Truncated | ErrorClass::IdleTimeout | ErrorClass::Server => {
            report.with_hint("run the command again: it goes on where this one stopped")
        }
        ErrorClass::Unsupported => report.with_hint("name an Ollama with `--backend`"),
        _ => report,
    }
}

/// What the user sees of a pull.
#[derive(Debug)]
enum Shown {
    /// A bar on a terminal.
    Bar { bar: ProgressBar, parts: Parts },
    /// Lines on stderr: each status once, and each tenth of a part.
    Lines { last: String },
    /// Every line as an object on stdout.
    Json,
}

impl Shown {
    fn new(model: &str, as_json: bool) -> Self {
        if as_json {
            return Self::Json;
        }
        if !io::stderr().is_terminal() {
            return Self::Lines { last: String::new() };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(waiting_style());
        bar.set_prefix(harmless(model).into_owned());
        bar.enable_steady_tick(TICK);
        Self::Bar { bar, parts: Parts::default() }
    }

    fn show(&mut self, pulling: &Pulling) {
        match self {
            Self::Bar { bar, parts } => draw(bar, parts, pulling),
            Self::Lines { last } => {
                let line = plain(pulling);
                if !line.is_empty() && *last != line {
                    note(&line);
                    *last = line;
                }
            }
            Self::Json => {
                if let Some(object) = object(pulling) {
                    // stdout is held by the caller of the command; the lock counts entries of one thread,
                    // and this runs on that thread.
                    let _ = writeln!(io::stdout(), "{object}");
                }
            }
        }
    }

    fn clear(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, parts: &mut Parts, pulling: &Pulling) {
    match pulling {
        Pulling::Status(status) => bar.set_message(harmless(status).into_owned()),
        Pulling::Part { digest, total, completed } => {
            if bar.length().is_none() {
                bar.set_style(loading_style());
            }
            let is_new = parts.is_new(digest);
            let (total, completed) = parts.with(digest, *total, *completed);
            bar.set_length(total);
            bar.set_position(completed);
            if is_new {
                // What an earlier pull left there was not loaded now and is no measure of the speed. The
                // estimate takes note of the position with a tick, which only a bar without a ticker obeys.
                bar.disable_steady_tick();
                bar.tick();
                bar.reset_eta();
                bar.enable_steady_tick(TICK);
            }
        }
        Pulling::Done => {}
    }
}

fn waiting_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn loading_style() -> ProgressStyle {
    let template =
        "{prefix}  [{wide_bar}] {percent} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// All parts of a model as one: the large one comes first, and small ones follow.
#[derive(Debug, Default)]
struct Parts {
    parts: Vec<(String, u64, u64)>,
}

impl Parts {
    /// Whether nothing was heard of a part yet.
    fn is_new(&self, digest: &str) -> bool {
        self.parts.iter().all(|part| part.0 != digest)
    }

    /// Notes how far a part is; gives size and progress of all that are known.
    fn with(&mut self, digest: &str, total: u64, completed: u64) -> (u64, u64) {
        match self.parts.iter_mut().find(|part| part.0 == digest) {
            Some(part) => (part.1, part.2) = (total, completed),
            None => self.parts.push((digest.to_owned(), total, completed)),
        }
        self.parts
            .iter()
            .fold((0, 0), |(total, completed), part| (total + part.1, completed + part.2))
    }
}

/// A line for logs; the same for a whole tenth of a part.
fn plain(pulling: &Pulling) -> String {
    match pulling {
        Pulling::Status(status) => status.clone(),
        Pulling::Part { digest, total, completed } => {
            let tenth = u128::from(*completed) * 10 / u128::from((*total).max(1));
            let digest = digest.split_once(':').map_or(digest.as_str(), |(_, hash)| hash);
            let short: String = digest.chars().take(12).collect();
            format!("{short}: {} % of {} MB", tenth * 10, total / 1_000_000)
        }
        Pulling::Done => String::new(),
    }
}

fn object(pulling: &Pulling) -> Option<Value> {
    match pulling {
        Pulling::Status(status) => Some(json!({"status": status})),
        Pulling::Part { digest, total, completed } => Some(
            json!({"status": "pulling", "digest": digest, "total": total, "completed": completed}),
        ),
        Pulling::Done => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_a_repeated_one_counts_once() {
        let mut parts = Parts::default();
        assert_eq!(parts.with("a", 100, 0), (100, 0));
        assert_eq!(parts.with("a", 100, 60), (100, 60));
        assert_eq!(parts.with("b", 10, 10), (110, 70));
    }

    #[test]
    fn lines_change_only_with_every_tenth() {
        let part = |completed| {
            plain(&Pulling::Part {
                digest: "sha256:0123456789abcdef".to_owned(),
                total: 3_800_000_000,
                completed,
            })
        };
        assert_eq!(part(0), "0123456789ab: 0 % of 3800 MB");
        assert_eq!(part(400_000_000), part(700_000_000));
        assert_eq!(part(3_800_000_000), "0123456789ab: 100 % of 3800 MB");
    }
}
