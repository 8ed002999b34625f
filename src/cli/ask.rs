//! `arawn ask`: one question, one answer, streamed to stdout.

use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::{
    Interruptible, Session, block_on, note, output_failed, print_report, result, tell_of_rules,
    terminal, workspace_here,
};
use crate::assistant::Assistant;
use crate::gate::Origin;
use crate::model::{Message, Request, ToolCall};
use crate::report::{Kind, Report};
use crate::router::{Answer, Choice, Failure, Progress};
use crate::tools::{Sight, words};

#[derive(Debug, clap::Args)]
pub(super) struct AskArguments {
    /// The question; what is piped into stdin is added to it
    prompt: Vec<String>,
    /// Let the model read files of this workspace, with read-only tools
    #[arg(long)]
    tools: bool,
    /// Show the model a PNG, JPEG, GIF or WebP file; may be given several times
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The text as it comes
    Text,
    /// One object at the end
    Json,
}

pub(super) fn run(arguments: &AskArguments, session: &Session) -> Result<ExitCode, Report> {
    let prompt = prompt_of(&arguments.prompt, arguments.images.len())?;
    let workspace = workspace_here(&session.environment);
    let assistant = session.assistant(workspace.clone())?;
    let read = |path: &PathBuf| assistant.read_image(path, &workspace);
    let images = arguments.images.iter().map(read).collect::<Result<Vec<_>, _>>();
    let images = images.map_err(|problem| Report::from(&problem))?;
    tell_of_rules(&assistant, None, &workspace);
    let question = Question {
        request: Request {
            messages: vec![Message { images, ..Message::user(prompt) }],
            ..Request::default()
        },
        // The gate is asked about them again by the router, beside everything else.
        origin: Origin { files: arguments.images.clone(), workspace },
        choice: session.globals.choice(),
        sight: arguments.tools.then(Sight::default),
        assistant,
    };
    let ended = block_on(async {
        Ok(match arguments.format {
            Format::Text => ask_streaming(&question).await,
            Format::Json => ask_quietly(&question).await,
        })
    })?;
    Ok(match ended {
        Interruptible::Interrupted => ExitCode::from(130),
        Interruptible::Finished(answer) => match arguments.format {
            Format::Text => end_text(answer),
            Format::Json => end_json(&answer)?,
        },
    })
}

/// The words of the command line, with stdin after them where something is piped in.
fn prompt_of(words: &[String], n_images: usize) -> Result<String, Report> {
    let mut prompt = words.join(" ");
    if !io::stdin().is_terminal() {
        let mut piped = String::new();
        io::stdin().read_to_string(&mut piped).map_err(|error| {
            Report::new(Kind::Usage, "cannot read stdin as text").because(error.to_string())
        })?;
        if !piped.trim().is_empty() {
            if !prompt.is_empty() {
                prompt.push_str("\n\n");
            }
            prompt.push_str(&piped);
        }
    }
    if prompt.trim().is_empty() && n_images > 0 {
        let what = if n_images == 1 { "this image" } else { "these images" };
        return Ok(format!("Describe {what}."));
    }
    if prompt.trim().is_empty() {
        let hint = "write it behind `ask`: `arawn ask \"what is a monad?\"`, or pipe it in";
        return Err(Report::new(Kind::Usage, "no question was asked").with_hint(hint));
    }
    Ok(prompt)
}

/// What is asked, and of whom.
struct Question {
    assistant: Assistant,
    request: Request,
    origin: Origin,
    choice: Choice,
    /// What the model may look at.
    sight: Option<Sight>,
}

impl Question {
    async fn answer(
        &self,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let Self { assistant, request, choice, .. } = self;
        let origin = self.origin.clone();
        match self.sight.clone() {
            None => assistant.ask_about(request, origin, choice, watch).await,
            Some(sight) => assistant.ask_with_tools(request, choice, origin, sight, watch).await,
        }
    }
}

/// Asks without showing anything; the calls of tools that were run stand before those that were not.
async fn ask_quietly(question: &Question) -> Result<Answer, Box<Failure>> {
    let mut ran: Vec<ToolCall> = Vec::new();
    let mut watch = |progress: Progress<'_>| match progress {
        Progress::ToolCall(call) => ran.push(call.clone()),
        Progress::WithoutTools { backend, model } => {
            note(&words::without_tools(backend, model));
        }
        _ => {}
    };
    let answer = question.answer(&mut watch).await?;
    ran.extend(answer.tool_calls);
    Ok(Answer { tool_calls: ran, ..answer })
}

async fn ask_streaming(question: &Question) -> Result<Answer, Box<Failure>> {
    let mut printer = Printer::new();
    let mut waiting = "waiting".to_owned();
    // The sign of life moves while nothing comes: the timer and the answer take turns on this task.
    let life = std::sync::Mutex::new(terminal::SignOfLife::new());
    let lock = || life.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let shared_waiting = std::sync::Mutex::new(std::mem::take(&mut waiting));
    let mut watch = |progress: Progress<'_>| match progress {
        Progress::Asking { backend, model } => {
            let text = format!("{backend} ({model}) is thinking");
            *shared_waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = text;
        }
        Progress::Text(text) => {
            lock().clear();
            printer.text(text);
        }
        // Only edits are asked for again.
        Progress::Reasoning(_) | Progress::AskedAgain { .. } => {}
        Progress::ToolCall(call) => {
            lock().clear();
            printer.pause();
            let text = words::called(call);
            *shared_waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = text;
        }
        Progress::ToolResult { call, summary, worked } => {
            lock().clear();
            note(&words::ran(call, summary, worked));
        }
        Progress::WithoutTools { backend, model } => {
            lock().clear();
            note(&words::without_tools(backend, model));
        }
        Progress::FellBack(fell_back) => {
            lock().clear();
            note(&format!("{fell_back}; trying the next backend"));
            printer.restart();
        }
    };
    let answer = question.answer(&mut watch);
    tokio::pin!(answer);
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(120));
    let ended = loop {
        tokio::select! {
            ended = &mut answer => break ended,
            _ = beat.tick() => {
                let what = shared_waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                lock().beat(&what);
            }
        }
    };
    lock().clear();
    ended
}

/// Streams an answer to stdout; text of two backends is kept apart.
#[derive(Debug)]
struct Printer {
    to_terminal: bool,
    /// What was printed since the last restart: whether any, and whether it ended with a line break.
    printed: Option<bool>,
}

impl Printer {
    fn new() -> Self {
        Self { to_terminal: io::stdout().is_terminal(), printed: None }
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.printed = Some(text.ends_with('\n'));
        let mut stdout = io::stdout().lock();
        let shown = if self.to_terminal { terminal::harmless(text) } else { text.into() };
        let _ = stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush());
    }

    /// Ends a text that another may follow: what is printed so far stays valid.
    fn pause(&mut self) {
        if let Some(ended_line) = self.printed.take() {
            let mut stdout = io::stdout().lock();
            let gap = if ended_line { "\n" } else { "\n\n" };
            let _ = stdout.write_all(gap.as_bytes()).and_then(|()| stdout.flush());
        }
    }

    fn restart(&mut self) {
        if let Some(ended_line) = self.printed.take() {
            let mut stdout = io::stdout().lock();
            let gap = if ended_line { "" } else { "\n" };
            let _ = writeln!(
                stdout,
                "{gap}\n[the answer above broke off; restarted on the next backend]\n"
            );
        }
    }
}

fn end_text(ended: Result<Answer, Box<Failure>>) -> ExitCode {
    match ended {
        Ok(answer) => {
            if !answer.text.ends_with('\n') {
                let _ = writeln!(io::stdout());
            }
            for call in &answer.tool_calls {
                note(&format!("the model asked for the tool `{}`, which was not run", call.name));
            }
            for remark in &answer.remarks {
                note(&format!("note: {remark}"));
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if !failure.partial_text.is_empty() {
                let _ = writeln!(io::stdout());
            }
            let report = Report::from(&*failure);
            print_report(&report);
            ExitCode::from(report.kind.exit_code())
        }
    }
}

fn end_json(ended: &Result<Answer, Box<Failure>>) -> Result<ExitCode, Report> {
    let (object, code) = match ended {
        Ok(answer) => (result::done(answer), 0),
        Err(failure) => (result::failed(failure), Report::from(&**failure).kind.exit_code()),
    };
    writeln!(io::stdout(), "{}", Value::Object(object)).map_err(|error| output_failed(&error))?;
    Ok(ExitCode::from(code))
}
