//! Asks once more after an answer that cannot be used, with the reason and the model's own answer.

use serde::Serialize;

use super::render::render;
use crate::actions::Output;
use crate::model::{Message, Request, Role, TooLong, estimated_tokens};

const ASK_AGAIN: &str = include_str!("templates/ask_again.md");

/// What was wrong with an answer.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The answer, as a message of the conversation.
    pub answer: Message,
    /// What is wrong with it, for the end of a sentence.
    pub reason: String,
    /// The line it is about.
    pub line: Option<String>,
    /// Where the answer was to go.
    pub output: Output,
}

#[derive(Serialize)]
struct Values<'a> {
    is_first_message: bool,
    reason: &'a str,
    line: Option<&'a str>,
    output: &'static str,
}

/// The request that was answered, followed by the answer and what is wrong with it.
///
/// `compose` makes the request that was answered, for a window of so many tokens. An answer that would take
/// more than a third of the window is left out: it is the code that must be seen.
pub fn ask_again(
    rejected: &Rejected,
    window_tokens: usize,
    compose: impl Fn(usize) -> Result<Request, TooLong>,
) -> Result<Request, TooLong> {
    let n_answer = estimated_tokens(rejected.answer.text.len());
    let shows_answer = !rejected.answer.text.trim().is_empty() && n_answer <= window_tokens / 3;
    let values = Values {
        is_first_message: !shows_answer,
        reason: &rejected.reason,
        line: rejected.line.as_deref().filter(|line| !line.trim().is_empty()),
        output: rejected.output.as_str(),
    };
    let plain = |_| format!("Your answer was not used: {}. Answer once more.", rejected.reason);
    let correction = render(ASK_AGAIN, &values).unwrap_or_else(plain);
    let correction = correction.trim();
    let n_shown = if shows_answer { n_answer } else { 0 };
    let n_more = n_shown + estimated_tokens(correction.len() + 64);
    let mut request = compose(window_tokens)?;
    // As it was, where there is room for both: then a server has all of it in its cache.
    if request.estimated_tokens() + n_more + n_answer > window_tokens {
        request = compose(window_tokens.saturating_sub(n_more))?;
    }
    // What is wrong can only be said in words.
    request.infill = None;
    if shows_answer {
        request.messages.push(rejected.answer.clone());
        request.messages.push(Message::user(correction));
    } else {
        // Some servers refuse an empty message, and some two of the user's in a row.
        match request.messages.last_mut().filter(|last| last.role == Role::User) {
            Some(last) => last.text = format!("{}\n\n{correction}", last.text),
            None => request.messages.push(Message::user(correction)),
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(answer: &str) -> Rejected {
        Rejected {
            answer: Message::assistant(answer),
            reason: "the answer leaves out parts of the code".to_owned(),
            line: Some("// ...".to_owned()),
            output: Output::Replace,
        }
    }

    /// The request, and the windows for which it was asked for.
    fn again(answer: &str, window: usize) -> (Request, Vec<usize>) {
        let windows = std::cell::RefCell::new(Vec::new());
        let request = ask_again(&rejected(answer), window, |window| {
            windows.borrow_mut().push(window);
            Ok(Request::of_user("x".repeat(1000)))
        });
        (request.unwrap(), windows.into_inner())
    }

    #[test]
    fn the_answer_stands_between_question_and_reason() {
        let (request, windows) = again("```\nfn f() {\n// ...\n}\n```", 8192);
        let roles: Vec<Role> = request.messages.iter().map(|it| it.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
        let text = &request.messages[2].text;
        assert!(text.starts_with("Your answer was not used: the answer leaves out parts of the code.\n\nIt is about this line:\n\n```\n// ...\n```\n\nAnswer once more"), "{text}");
        assert!(text.ends_with("and nothing else."), "{text}");
        assert_eq!(windows, [8192], "the question stays as it was");
    }

    #[test]
    fn a_small_window_gets_a_smaller_question() {
        let (request, windows) = again(&"y".repeat(400), 500);
        assert_eq!(request.messages.len(), 3);
        assert!(windows.len() == 2 && windows[1] < 400, "{windows:?}");
    }

    #[test]
    fn an_answer_that_is_empty_or_endless_is_left_out() {
        for answer in [" \n", &"y".repeat(20_000)] {
            let (request, _) = again(answer, 8192);
            assert_eq!(request.messages.len(), 1);
            let text = &request.messages[0].text;
            assert!(
                text.contains("xxx\n\nYou were asked this before, and your answer was not used: ")
            );
        }
    }
}
