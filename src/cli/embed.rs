//! `arawn embed`: vectors of texts, or of the lines of stdin.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::Mutex;

use super::{
    Interruptible, Session, block_on, output_failed, terminal::SignOfLife, workspace_here,
};
use crate::assistant::Assistant;
use crate::embeddings::Embeddings;
use crate::gate::Origin;
use crate::report::{Kind, Report};

#[derive(Debug, clap::Args)]
pub(super) struct EmbedArguments {
    /// The texts; without any, the lines of stdin
    texts: Vec<String>,
    /// How to print the vectors
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A vector a line, numbers separated by blanks
    Text,
    /// One object with backend, model, dimension and all vectors
    Json,
}

pub(super) fn run(arguments: &EmbedArguments, session: &Session) -> Result<ExitCode, Report> {
    let texts = texts_of(&arguments.texts)?;
    let workspace = workspace_here(&session.environment);
    let assistant = session.assistant(workspace.clone())?;
    let origin = Origin { files: Vec::new(), workspace };
    match block_on(embed(&assistant, &texts, session, &origin))? {
        Interruptible::Interrupted => Ok(ExitCode::from(130)),
        Interruptible::Finished(embeddings) => {
            print(&embeddings, arguments.format).map_err(|error| output_failed(&error))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The texts of the command line, else the lines of stdin.
fn texts_of(words: &[String]) -> Result<Vec<String>, Report> {
    if !words.is_empty() {
        return Ok(words.to_vec());
    }
    let hint = "write them behind `embed`, or pipe them in, one a line";
    let nothing = || Report::new(Kind::Usage, "there is no text to embed").with_hint(hint);
    if io::stdin().is_terminal() {
        return Err(nothing());
    }
    let mut piped = String::new();
    io::stdin().read_to_string(&mut piped).map_err(|error| {
        Report::new(Kind::Usage, "cannot read stdin as text").because(error.to_string())
    })?;
    let lines: Vec<String> = piped.lines().map(str::to_owned).collect();
    if let Some(idx) = lines.iter().position(|line| line.trim().is_empty()) {
        // A line left out would put every later vector beside the wrong line.
        let message = format!("line {} of stdin is empty and has no vector", idx + 1);
        return Err(Report::new(Kind::Usage, message).with_hint("leave empty lines out: `grep .`"));
    }
    if lines.is_empty() { Err(nothing()) } else { Ok(lines) }
}

async fn embed(
    assistant: &Assistant,
    texts: &[String],
    session: &Session,
    origin: &Origin,
) -> Result<Embeddings, Report> {
    let life = Mutex::new((SignOfLife::new(), 0));
    let lock = || life.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let choice = session.globals.choice();
    let mut watch = |n_done: usize| lock().1 = n_done;
    let work = assistant.embed(texts, &choice, origin, &mut watch);
    tokio::pin!(work);
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(120));
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = beat.tick() => {
                let mut life = lock();
                let what = format!("{} of {} texts", life.1, texts.len());
                life.0.beat(&what);
            }
        }
    };
    lock().0.clear();
    result.map_err(|error| Report::from(&error))
}

fn print(embeddings: &Embeddings, format: Format) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match format {
        Format::Json => {
            // The type itself and not a tree of values: those would write 0.1 as 0.10000000149.
            serde_json::to_writer(&mut out, embeddings)?;
            writeln!(out)?;
        }
        Format::Text => {
            let mut line = String::new();
            for vector in &embeddings.embeddings {
                line.clear();
                for number in vector {
                    let gap = if line.is_empty() { "" } else { " " };
                    // Writing to a string does not fail.
                    let _ = write!(line, "{gap}{number}");
                }
                writeln!(out, "{line}")?;
            }
        }
    }
    out.flush()
}
