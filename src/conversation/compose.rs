//! Makes the request for a window: what of a conversation is sent when not all of it fits.

use std::fmt::Write as _;

use super::{Message, Request, Role, ToolSpec};
use crate::model::{Arguments, estimated_tokens};
use crate::rules::Rules;

/// What the model is told when it has tools.
const WITH_TOOLS: &str = include_str!("../prompts/templates/system_tools.md");
/// Results of tools shorter than this are not worth leaving out.
const MIN_LEFT_OUT: usize = 200;

/// A piece of a file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Its name, and where in the file it stands.
    pub title: String,
    /// The language's id; empty when unknown.
    pub language: String,
    /// The text.
    pub text: String,
}

/// A conversation on its way to a model.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) system: String,
    pub(super) messages: Vec<Message>,
    /// Index of the user's message that is being answered.
    pub(super) current: usize,
    /// Goes with that message.
    pub(super) context: Vec<Excerpt>,
    /// Go with all of them.
    pub(super) rules: Rules,
}

impl Talk {
    /// The request: the newest turns that fit, beginning with the user; within the turn that is being
    /// answered the oldest results of tools give way.
    pub(super) fn request(&self, window: usize, tools: &[ToolSpec]) -> Request {
        // A quarter of the window is left for the answer.
        let most = window - window / 4;
        let mut messages = self.messages.clone();
        messages[self.current] = self.current_message(window);
        let mut request = Request {
            system: self.system(window, tools),
            messages: if tools.is_empty() { without_calls(messages) } else { messages },
            tools: tools.to_vec(),
            ..Request::default()
        };
        while request.estimated_tokens() > most {
            if let Some(n_messages) = oldest_turn(&request.messages) {
                request.messages.drain(..n_messages);
            } else if !leave_out_oldest_result(&mut request.messages) {
                break;
            }
        }
        request
    }

    fn system(&self, window: usize, tools: &[ToolSpec]) -> String {
        let system = match (self.system.is_empty(), tools.is_empty()) {
            (_, true) => self.system.clone(),
            (true, false) => WITH_TOOLS.trim().to_owned(),
            (false, false) => format!("{}\n{}", self.system, WITH_TOOLS.trim()),
        };
        self.rules.after(&system, window)
    }

    /// The user's words with the excerpts before them, which get at most half of a window.
    pub(super) fn current_message(&self, window: usize) -> Message {
        let message = &self.messages[self.current];
        if self.context.is_empty() {
            return message.clone();
        }
        let room = (window / 2).saturating_sub(estimated_tokens(message.text.len()));
        // Tokens are 3.2 bytes long, see `estimated_tokens`.
        let level = level(&self.context, room.saturating_mul(16) / 5);
        let mut text = String::new();
        for excerpt in &self.context {
            excerpt.write(level, &mut text);
        }
        text.push_str(&message.text);
        Message { text, ..message.clone() }
    }
}

/// The most bytes of each excerpt: short ones stay whole, and the long ones share what is left.
fn level(excerpts: &[Excerpt], room: usize) -> usize {
    let mut lengths: Vec<usize> = excerpts.iter().map(|excerpt| excerpt.text.len()).collect();
    lengths.sort_unstable();
    let mut left = room;
    for (n_before, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - n_before);
        if *length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}

impl Excerpt {
    /// Writes at most so many bytes of it, in whole lines, into a block that it cannot leave.
    fn write(&self, most_bytes: usize, out: &mut String) {
        let (shown, n_left_out) = first_lines(&self.text, most_bytes);
        let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let mark = "`".repeat((longest + 1).max(3));
        let Self { title, language, .. } = self;
        let end = if shown.is_empty() || shown.ends_with('\n') { "" } else { "\n" };
        _ = write!(out, "{title}:\n{mark}{language}\n{shown}{end}{mark}\n");
        if n_left_out > 0 {
            _ = writeln!(out, "({n_left_out} more lines are left out here)");
        }
        out.push('\n');
    }
}

/// The first lines of a text, and how many are missing.
fn first_lines(text: &str, most_bytes: usize) -> (&str, usize) {
    if text.len() <= most_bytes {
        return (text, 0);
    }
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if end + line.len() > most_bytes {
            break;
        }
        end += line.len();
    }
    (&text[..end], text[end..].lines().count())
}

/// How many messages the oldest turn has, if it is not the one that is being answered.
pub(super) fn oldest_turn(messages: &[Message]) -> Option<usize> {
    messages.iter().skip(1).position(|message| message.role == Role::User).map(|n| n + 1)
}

/// Takes the text out of the oldest result of a tool. Returns whether there was one.
fn leave_out_oldest_result(messages: &mut [Message]) -> bool {
    // The newest is what the model waits for.
    let n_messages = messages.len().saturating_sub(1);
    let oldest = messages[..n_messages]
        .iter_mut()
        .find(|message| message.role == Role::Tool && message.text.len() > MIN_LEFT_OUT);
    let Some(message) = oldest else { return false };
    "[left out: the conversation is too long for this model; call the tool again if need be]"
        .clone_into(&mut message.text);
    true
}

/// The same conversation in words alone, for a model that knows no tools.
fn without_calls(messages: Vec<Message>) -> Vec<Message> {
    let mut plain: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        let told = match message.role {
            Role::Tool => {
                let name = message.result_of.as_ref().map_or("a tool", |of| of.name.as_str());
                Message::user(format!("Result of {name}:\n{}", message.text))
            }
            Role::Assistant if !message.tool_calls.is_empty() => {
                let mut text = message.text;
                for call in &message.tool_calls {
                    let arguments = match &call.arguments {
                        Arguments::Json(value) => value.to_string(),
                        Arguments::Raw(text) => text.clone(),
                    };
                    _ = write!(text, "\n(I looked with {} {arguments}.)", call.name);
                }
                Message::assistant(text.trim_start())
            }
            _ => message,
        };
        // Several of a kind in a row are one: some models insist on turns that alternate.
        match plain.last_mut() {
            Some(last) if last.role == told.role && told.role == Role::User => {
                last.text.push_str("\n\n");
                last.text.push_str(&told.text);
            }
            _ => plain.push(told),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ToolCall, ToolResultOf};
    use serde_json::json;

    fn talk(n_turns: usize) -> Talk {
        let mut messages: Vec<Message> = (0..n_turns)
            .flat_map(|n| {
                [
                    Message::user(format!("{n} {}", "q".repeat(400))),
                    Message::assistant("a".repeat(400)),
                ]
            })
            .collect();
        messages.push(Message::user("last"));
        Talk {
            system: String::new(),
            current: messages.len() - 1,
            messages,
            context: Vec::new(),
            rules: Rules::default(),
        }
    }

    fn called(talk: &mut Talk, n: usize, result: &str) {
        let call = ToolCall {
            id: format!("c{n}"),
            name: "read_file".to_owned(),
            arguments: Arguments::Json(json!({"path": "a"})),
        };
        let of = ToolResultOf { id: call.id.clone(), name: call.name.clone() };
        talk.messages.push(Message { tool_calls: vec![call], ..Message::assistant("") });
        let result = Message::user(result);
        talk.messages.push(Message { role: Role::Tool, result_of: Some(of), ..result });
    }

    fn tools() -> Vec<ToolSpec> {
        let parameters = json!({"type": "object"});
        vec![ToolSpec { name: "read_file".into(), description: String::new(), parameters }]
    }

    #[test]
    fn a_long_conversation_loses_its_oldest_turns_first() {
        let request = talk(50).request(2048, &[]);
        assert!(request.estimated_tokens() <= 1536);
        assert_eq!(request.messages[0].role, Role::User);
        assert_eq!(request.messages.last().unwrap().text, "last");
        assert!(request.messages.len() > 3);
    }

    #[test]
    fn the_last_message_is_sent_even_when_it_is_too_long() {
        let mut talk = talk(0);
        talk.messages[0].text = "x".repeat(100_000);
        assert_eq!(talk.request(2048, &[]).messages.len(), 1);
    }

    #[test]
    fn old_results_give_way_before_the_question_and_the_newest_result() {
        let mut talk = talk(3);
        for n in 0..4 {
            called(&mut talk, n, &"r".repeat(3000));
        }
        let request = talk.request(4096, &tools());
        assert!(request.estimated_tokens() <= 3072);
        assert_eq!(request.messages[0].text, "last");
        assert_eq!(request.messages.len(), 9, "calls and results stay in pairs");
        assert!(request.messages[2].text.starts_with("[left out"));
        assert_eq!(request.messages[8].text.len(), 3000);
    }

    #[test]
    fn without_tools_earlier_calls_are_told_in_words() {
        let mut talk = talk(0);
        called(&mut talk, 0, "fn f() {}");
        talk.messages.push(Message::assistant("It has f."));
        talk.messages.push(Message::user("and now?"));
        talk.current = talk.messages.len() - 1;
        let request = talk.request(8192, &[]);
        let told: Vec<(Role, &str)> =
            request.messages.iter().map(|it| (it.role, it.text.as_str())).collect();
        assert_eq!(
            told,
            [
                (Role::User, "last"),
                (Role::Assistant, "(I looked with read_file {\"path\":\"a\"}.)"),
                (Role::User, "Result of read_file:\nfn f() {}"),
                (Role::Assistant, "It has f."),
                (Role::User, "and now?"),
            ]
        );
        assert!(request.messages.iter().all(|message| message.tool_calls.is_empty()));
    }

    #[test]
    fn excerpts_share_half_of_the_window_and_cannot_leave_their_block() {
        let mut talk = talk(0);
        let excerpt = |title: &str, text: String| Excerpt {
            title: title.to_owned(),
            language: "md".to_owned(),
            text,
        };
        talk.context =
            vec![excerpt("a.md", "```\nx\n".to_owned()), excerpt("b.md", "line\n".repeat(4000))];
        let request = talk.request(2048, &[]);
        let text = &request.messages[0].text;
        assert!(request.estimated_tokens() <= 1536, "{}", request.estimated_tokens());
        assert!(text.starts_with("a.md:\n````md\n"), "{text}");
        assert!(text.contains("more lines are left out here"));
        assert!(text.ends_with("\n\nlast"));
        let whole = talk.request(100_000, &[]);
        assert!(whole.messages[0].text.contains("```\nx\n````\n\nb.md:"));
    }
}
