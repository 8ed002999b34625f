//! `arawn chat`: a conversation in the terminal.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::chat_command::{self, ChatCommand, HELP};
use super::line_editor::{LineEditor, Read};
use super::screen::Screen;
use super::{Interruptible, Session, note, print_report, tell_of_rules, workspace_here};
use crate::assistant::Assistant;
use crate::config::Environment;
use crate::conversation::{Conversation, Turn};
use crate::gate::Origin;
use crate::model::{BackendName, Image, Role, StopReason, Task};
use crate::report::{Kind, Report};
use crate::router::{Answer, Choice, Failure};
use crate::tools::Sight;

#[derive(Debug, clap::Args)]
pub(super) struct ChatArguments {
    /// Let the model read files of this workspace, with read-only tools
    #[arg(long)]
    tools: bool,
}

pub(super) fn run(arguments: &ChatArguments, session: &Session) -> Result<ExitCode, Report> {
    let workspace = workspace_here(&session.environment);
    let mut chat = Chat {
        assistant: session.assistant(workspace.clone())?,
        runtime: super::runtime()?,
        conversation: Conversation::default(),
        choice: session.globals.choice(),
        uses_tools: arguments.tools,
        images: Vec::new(),
        workspace,
        environment: session.environment.clone(),
    };
    if let Some(backend) = &chat.choice.backend {
        chat.known_backend(backend.as_str())?;
    }
    tell_of_rules(&chat.assistant, None, &chat.workspace);
    if io::stdin().is_terminal() { chat.talk() } else { chat.answer_stdin() }
}

/// A conversation on the terminal.
struct Chat {
    assistant: Assistant,
    /// One for the whole conversation: connections live in it.
    runtime: Runtime,
    conversation: Conversation,
    choice: Choice,
    uses_tools: bool,
    /// Images that go with the next message, and their files.
    images: Vec<(PathBuf, Image)>,
    workspace: Vec<PathBuf>,
    environment: Arc<Environment>,
}

impl Chat {
    /// Reads and answers until the user leaves.
    fn talk(&mut self) -> Result<ExitCode, Report> {
        let settings = self.assistant.settings();
        let names = settings.backends.keys().map(ToString::to_string).collect();
        let mut editor = LineEditor::new(&settings.state_folder, names)?;
        note(&format!("{}. /help lists the commands, Ctrl-D leaves.", self.whom()));
        loop {
            let line = match editor.read("> ")? {
                Read::Line(line) => line,
                Read::Interrupted => {
                    note("(Ctrl-D or /quit leaves)");
                    continue;
                }
                Read::End => break,
            };
            match ChatCommand::parse(line.trim_end()) {
                Some(Ok(ChatCommand::Quit)) => break,
                Some(Ok(command)) => self.obey(&command),
                Some(Err(complaint)) => note(&complaint),
                None => {
                    let message = chat_command::message_of(&line);
                    if !message.is_empty() {
                        self.turn(message);
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What is piped in is one message.
    fn answer_stdin(&mut self) -> Result<ExitCode, Report> {
        let mut message = String::new();
        io::stdin().read_to_string(&mut message).map_err(|error| {
            Report::new(Kind::Usage, "cannot read stdin as text").because(error.to_string())
        })?;
        if message.trim().is_empty() {
            let hint = "start `arawn chat` in a terminal, or pipe a message in";
            return Err(Report::new(Kind::Usage, "nothing was said").with_hint(hint));
        }
        Ok(match self.say(message) {
            Interruptible::Interrupted => ExitCode::from(130),
            Interruptible::Finished(Ok(answer)) => {
                remark(&answer);
                ExitCode::SUCCESS
            }
            Interruptible::Finished(Err(failure)) => {
                let report = Report::from(&*failure);
                print_report(&report);
                ExitCode::from(report.kind.exit_code())
            }
        })
    }

    /// Says something and shows the answer. Ctrl-C stops the answer and not the program.
    fn turn(&mut self, message: String) {
        match self.say(message) {
            Interruptible::Interrupted => {
                note("[stopped; neither the question nor what came of the answer is kept]");
            }
            Interruptible::Finished(Ok(answer)) => {
                remark(&answer);
                Screen::new(&self.environment).meter(&answer);
            }
            Interruptible::Finished(Err(failure)) => print_report(&Report::from(&*failure)),
        }
    }

    fn say(&mut self, message: String) -> Interruptible<Result<Answer, Box<Failure>>> {
        let screen = Screen::new(&self.environment);
        let (files, images) = self.images.clone().into_iter().unzip();
        let origin = Origin { files, workspace: self.workspace.clone() };
        let sight = self.uses_tools.then(Sight::default);
        let choice = self.choice.clone();
        let turn = Turn { message, images, choice, origin, sight, ..Turn::default() };
        let mut watch = |progress: crate::router::Progress<'_>| screen.watch(&progress);
        let said = self.assistant.say(&mut self.conversation, turn, &mut watch);
        let ended = self.runtime.block_on(async {
            tokio::select! {
                answer = screen.wait_for(said) => Interruptible::Finished(answer),
                _ = tokio::signal::ctrl_c() => Interruptible::Interrupted,
            }
        });
        screen.end();
        if matches!(ended, Interruptible::Finished(Ok(_))) {
            self.images.clear();
        }
        ended
    }

    fn obey(&mut self, command: &ChatCommand) {
        match command {
            ChatCommand::Backend(Some(name)) => match self.known_backend(name) {
                Ok(backend) => {
                    // A model belongs to the backend it was chosen for.
                    self.choice = Choice { backend: Some(backend), model: None, ..self.choice };
                    note(&self.whom());
                }
                Err(report) => print_report(&report),
            },
            ChatCommand::Backend(None) => self.list_backends(),
            ChatCommand::Model(Some(name)) => {
                self.choice.model = Some(name.clone());
                note(&self.whom());
            }
            ChatCommand::Model(None) => note(&self.whom()),
            ChatCommand::Clear => {
                self.conversation = Conversation::default();
                self.images.clear();
                note("[forgotten; the next message begins a new conversation]");
            }
            ChatCommand::Tools(choice) => {
                self.uses_tools = choice.unwrap_or(self.uses_tools);
                note(if self.uses_tools {
                    "[the model may read files of this workspace]"
                } else {
                    "[the model sees what you write and nothing else]"
                });
            }
            ChatCommand::Image(file) => self.attach(file),
            ChatCommand::Save(file) => self.save(file),
            ChatCommand::Help => help(),
            ChatCommand::Quit => {}
        }
    }

    fn known_backend(&self, name: &str) -> Result<BackendName, Report> {
        let settings = self.assistant.settings();
        let backend = BackendName::new(name);
        if settings.backend(&backend).is_some() {
            return Ok(backend);
        }
        let known: Vec<&str> = settings.backends.keys().map(BackendName::as_str).collect();
        let hint = format!("known are: {}", known.join(", "));
        Err(Report::new(Kind::Usage, format!("unknown backend \"{name}\"")).with_hint(hint))
    }

    /// Who is asked next.
    fn whom(&self) -> String {
        let settings = self.assistant.settings();
        let first = settings.chain_of(Task::Chat).links.first();
        let link_model = first.and_then(|link| link.model.clone());
        let (backend, of_link) = match &self.choice.backend {
            Some(backend) => (Some(backend), None),
            None => (first.map(|link| &link.backend), link_model),
        };
        let own = backend.and_then(|name| settings.backend(name)?.model.clone());
        let model = self.choice.model.clone().or(of_link).or(own);
        let backend = backend.map_or("nobody", BackendName::as_str);
        format!("asking {backend} ({})", model.as_deref().unwrap_or("no model is set"))
    }

    fn list_backends(&self) {
        let settings = self.assistant.settings();
        for (name, backend) in &settings.backends {
            let model = backend.model.as_deref().unwrap_or("no model is set");
            note(&format!("{name} ({model})"));
        }
        note(&self.whom());
    }

    fn attach(&mut self, file: &Path) {
        let path = self.environment.working_folder.join(file);
        match self.assistant.read_image(&path, &self.workspace) {
            Ok(image) => {
                let (width, height) = (image.width, image.height);
                let file = file.display();
                note(&format!("[{file}, {width} x {height}, goes with the next message]"));
                self.images.push((path, image));
            }
            Err(problem) => print_report(&Report::from(&problem)),
        }
    }

    fn save(&self, file: &Path) {
        let path = self.environment.working_folder.join(file);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut out| out.write_all(self.as_markdown().as_bytes()));
        match written {
            Ok(()) => note(&format!("[saved to {}]", path.display())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let text =
                    format!("{} exists and stays as it is; name another file", path.display());
                note(&text);
            }
            Err(error) => note(&format!("cannot write {}: {error}", path.display())),
        }
    }

    fn as_markdown(&self) -> String {
        let mut text = String::new();
        for message in &self.conversation.messages {
            let who = match message.role {
                Role::User => "You",
                Role::Assistant => "Answer",
                // What tools showed stands in the user's own files.
                Role::Tool => continue,
            };
            if !message.text.trim().is_empty() {
                _ = write!(text, "## {who}\n\n{}\n\n", message.text.trim());
            }
        }
        text
    }
}

fn help() {
    for (name, takes, what) in HELP {
        note(&format!("{:<18} {what}", format!("{name} {takes}")));
    }
    note("A message goes on in the next line after a \\ at the end, or while a ``` block is open.");
    note("Ctrl-C stops an answer.");
}

/// What a user should know of an answer that did not end as usual.
fn remark(answer: &Answer) {
    for remark in &answer.remarks {
        note(&format!("note: {remark}"));
    }
    if answer.reason == StopReason::ToolCalls {
        note("note: the model called more tools, which were not run");
    }
}
