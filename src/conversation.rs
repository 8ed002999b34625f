//! Conversations: messages that belong together, whoever answers each of them.
//!
//! A conversation survives a change of backend between turns: what it keeps is neutral, and parts that only
//! one provider understands go back to that provider alone.

use std::sync::Arc;

use crate::gate::Origin;
use crate::model::{Message, Request, Task};
use crate::router::{Answer, Choice, Failure, Order, Progress};

use crate::assistant::Assistant;

/// Messages so far, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// What was said; begins with the user.
    pub messages: Vec<Message>,
}

impl Conversation {
    /// How much text it holds.
    pub fn byte_len(&self) -> usize {
        self.messages.iter().map(|message| message.text.len()).sum()
    }

    /// Forgets the oldest turns until the rest is no longer than this; the newest turn stays.
    pub fn forget_beyond(&mut self, most_bytes: usize) {
        while self.byte_len() > most_bytes {
            let n_messages = next_turn(&self.messages);
            if n_messages + 1 >= self.messages.len() {
                return;
            }
            self.messages.drain(..n_messages);
        }
    }
}

/// What the user says next.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The words.
    pub message: String,
    /// Backend and model, if the user chose for this turn.
    pub choice: Choice,
    /// Files whose text is in the message, and the workspace they lie in.
    pub origin: Origin,
}

/// How the assistant is told to talk.
const SYSTEM: &str = include_str!("prompts/templates/system_chat.md");

impl Assistant {
    /// Says something in a conversation and gets the answer. Both are added to it when the answer is whole;
    /// a turn that fails or is dropped leaves the conversation as it was.
    pub async fn say(
        &self,
        conversation: &mut Conversation,
        turn: Turn,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let Turn { message, choice, origin } = turn;
        let mut messages = conversation.messages.clone();
        messages.push(Message::user(message));
        let order = Order { settings: self.settings(), task: Task::Chat, choice, origin };
        let shared = Arc::new(messages);
        let compose = {
            let messages = shared.clone();
            move |window: usize| Ok(request_of(&messages, window))
        };
        let answer = self.route(&order, &compose, watch).await?;
        let mut messages = Arc::unwrap_or_clone(shared);
        messages.push(Message::assistant(answer.text.clone()));
        conversation.messages = messages;
        Ok(answer)
    }
}

/// The request for a window: the newest messages that fit, beginning with one of the user's.
fn request_of(messages: &[Message], window: usize) -> Request {
    let mut request = Request {
        system: SYSTEM.trim().to_owned(),
        messages: messages.to_vec(),
        ..Request::default()
    };
    // A quarter of the window is left for the answer.
    let most = window - window / 4;
    while request.estimated_tokens() > most && request.messages.len() > 1 {
        request.messages.drain(..next_turn(&request.messages));
    }
    request
}

/// How many messages the oldest turn has: up to the next message of the user.
fn next_turn(messages: &[Message]) -> usize {
    use crate::model::Role;
    messages
        .iter()
        .skip(1)
        .position(|message| message.role == Role::User)
        .map_or(messages.len() - 1, |n| n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn talk(n_turns: usize) -> Vec<Message> {
        let mut messages: Vec<Message> = (0..n_turns)
            .flat_map(|n| {
                [
                    Message::user(format!("{n} {}", "q".repeat(400))),
                    Message::assistant("a".repeat(400)),
                ]
            })
            .collect();
        messages.push(Message::user("last"));
        messages
    }

    #[test]
    fn a_long_conversation_loses_its_oldest_turns_first() {
        let request = request_of(&talk(50), 2048);
        assert!(request.estimated_tokens() <= 1536);
        assert_eq!(request.messages[0].role, Role::User);
        assert_eq!(request.messages.last().unwrap().text, "last");
        assert!(request.messages.len() > 3);
    }

    #[test]
    fn the_last_message_is_sent_even_when_it_is_too_long() {
        let request = request_of(&[Message::user("x".repeat(100_000))], 2048);
        assert_eq!(request.messages.len(), 1);
    }
}
