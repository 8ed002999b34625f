//! Conversations: messages that belong together, whoever answers each of them.
//!
//! A conversation survives a change of backend between turns: what it keeps is neutral, and parts that only
//! one provider understands go back to that provider alone.

mod compose;
mod tool_loop;

use std::path::PathBuf;

use crate::assistant::Assistant;
use crate::gate::Origin;
use crate::model::{Image, Message, Request, Role, Task, ToolSpec, Usage};
use crate::router::{Answer, Choice, Failure, Order, Progress};
use crate::tools::{Sight, Tools};

pub use compose::Excerpt;
use compose::Talk;

/// Messages so far, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// What was said; begins with the user.
    pub messages: Vec<Message>,
    /// Files whose text is in the messages; the gate looks at them before every turn.
    pub files: Vec<PathBuf>,
}

impl Conversation {
    /// How much it holds, images too.
    pub fn byte_len(&self) -> usize {
        self.messages.iter().map(held_by).sum()
    }

    /// Forgets the oldest turns until the rest is no longer than this; the newest turn stays.
    pub fn forget_beyond(&mut self, most_bytes: usize) {
        while self.byte_len() > most_bytes {
            let is_users = |message: &Message| message.role == Role::User;
            let Some(n_messages) = self.messages.iter().skip(1).position(is_users) else { return };
            self.messages.drain(..=n_messages);
        }
    }
}

/// Bytes of a message. Calls of tools are counted roughly.
fn held_by(message: &Message) -> usize {
    let images: usize = message.images.iter().map(|image| image.data.len()).sum();
    message.text.len() + images + message.tool_calls.len() * 256
}

/// What the user says next.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The words.
    pub message: String,
    /// Images that go with them; their files are in `origin`.
    pub images: Vec<Image>,
    /// Backend and model, if the user chose for this turn.
    pub choice: Choice,
    /// Files whose text is in the message or in `context`, and the workspace they lie in.
    pub origin: Origin,
    /// Pieces of files that go with the words, shortened where the model's window is small.
    pub context: Vec<Excerpt>,
    /// What the model may look at with tools; `None` for no tools.
    pub sight: Option<Sight>,
}

/// How the assistant is told to talk.
const SYSTEM: &str = include_str!("../prompts/templates/system_chat.md");

impl Assistant {
    /// Says something in a conversation and gets the answer. Both are added to it when the answer is whole,
    /// with the calls of tools between them; a turn that fails or is dropped leaves the conversation as it was.
    ///
    /// The answer's text is that of all its rounds, its usage their sum; its `tool_calls` are those that were
    /// not run.
    pub async fn say(
        &self,
        conversation: &mut Conversation,
        turn: Turn,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let Turn { message, images, choice, mut origin, context, sight } = turn;
        add_files(&mut origin.files, &conversation.files);
        let tools = sight.map(|sight| self.tools(&origin.workspace, sight));
        let rules = self.rules_of_workspace(&origin);
        add_files(&mut origin.files, &rules.files);
        let order = Order { settings: self.settings(), task: Task::Chat, choice, origin };
        let mut messages = conversation.messages.clone();
        messages.push(Message { images, ..Message::user(message) });
        let talk = Talk {
            system: SYSTEM.trim().to_owned(),
            current: messages.len() - 1,
            messages,
            context,
            rules,
        };
        let mut rounds = self.rounds(order, talk, tools);
        let answer = rounds.run(watch).await?;
        let (messages, files) = rounds.into_history();
        conversation.messages = messages;
        add_files(&mut conversation.files, &files);
        Ok(answer)
    }

    /// One question, answered with the help of tools.
    pub async fn ask_with_tools(
        &self,
        request: &Request,
        choice: &Choice,
        mut origin: Origin,
        sight: Sight,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let tools = self.tools(&origin.workspace, sight);
        let rules = self.rules_of_workspace(&origin);
        add_files(&mut origin.files, &rules.files);
        let choice = choice.clone();
        let order = Order { settings: self.settings(), task: Task::Ask, choice, origin };
        let talk = Talk {
            system: request.system.clone(),
            messages: request.messages.clone(),
            current: request.messages.len().saturating_sub(1),
            context: Vec::new(),
            rules,
        };
        self.rounds(order, talk, Some(tools)).run(watch).await
    }
}

/// Adds files that are not in the list yet.
fn add_files(files: &mut Vec<PathBuf>, more: &[PathBuf]) {
    for file in more {
        if !files.contains(file) {
            files.push(file.clone());
        }
    }
}
