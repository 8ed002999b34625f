//! The rounds of one turn: ask, run the tools that the model calls, ask again with their results.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::compose::Talk;
use super::{
    Answer, Assistant, Failure, Message, Order, Progress, Request, Role, Tools, Usage, add_files,
};
use crate::model::{ErrorClass, StopReason, ToolCall, ToolResultOf};
use crate::router::{Cause, FellBack};

/// Most rounds of calls in one turn.
const MAX_ROUNDS: usize = 16;
/// Most calls that are run in one round.
const MAX_CALLS: usize = 16;

/// One turn on its way.
pub(super) struct Rounds<'a> {
    assistant: &'a Assistant,
    order: Order,
    talk: Talk,
    tools: Option<Tools>,
    /// The window that the latest request was made for.
    window: Arc<Mutex<usize>>,
}

/// What adds up over the rounds.
#[derive(Default)]
struct Sum {
    texts: Vec<String>,
    usage: Usage,
    fell_back: Vec<FellBack>,
    remarks: Vec<String>,
}

impl Assistant {
    /// A turn that has not begun.
    pub(super) fn rounds(&self, order: Order, talk: Talk, tools: Option<Tools>) -> Rounds<'_> {
        Rounds { assistant: self, order, talk, tools, window: Arc::default() }
    }
}

impl Rounds<'_> {
    /// Asks until the model calls no more tools. The whole answer is added to the talk.
    pub(super) async fn run(
        &mut self,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let mut sum = Sum::default();
        let mut n_rounds = 0;
        loop {
            let answer = match self.ask(watch).await {
                Err(failure) => return Err(sum.failed(failure)),
                Ok(answer) => answer,
            };
            sum.add(&answer);
            let goes_on =
                self.tools.is_some() && !answer.tool_calls.is_empty() && n_rounds < MAX_ROUNDS;
            // Calls that nobody runs have no results, so they must not stand in the conversation.
            let has_open_calls = !goes_on && !answer.tool_calls.is_empty();
            self.talk.messages.push(if has_open_calls {
                Message::assistant(answer.text.clone())
            } else {
                answer.to_message()
            });
            if !goes_on {
                return Ok(sum.whole(answer));
            }
            n_rounds += 1;
            self.run_calls(&answer.tool_calls, n_rounds, watch).await;
        }
    }

    /// Messages and files, once the turn is over.
    pub(super) fn into_history(self) -> (Vec<Message>, Vec<PathBuf>) {
        let window = *self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut talk = self.talk;
        talk.messages[talk.current] = talk.current_message(window);
        (talk.messages, self.order.origin.files)
    }

    /// One request; a second one without tools where the model knows none.
    async fn ask(
        &mut self,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let failure = match self.ask_once(watch).await {
            Err(failure) if self.tools.is_some() && is_about_tools(&failure) => failure,
            result => return result,
        };
        let (backend, model) = (failure.backend.as_ref(), failure.model.as_deref());
        watch(Progress::WithoutTools { backend, model });
        self.tools = None;
        self.ask_once(watch).await
    }

    async fn ask_once(
        &self,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Box<Failure>> {
        let specs = self.tools.as_ref().map(Tools::specs).unwrap_or_default();
        let (talk, used) = (self.talk.clone(), self.window.clone());
        let compose = move |window: usize| -> Result<Request, _> {
            *used.lock().unwrap_or_else(PoisonError::into_inner) = window;
            Ok(talk.request(window, &specs))
        };
        self.assistant.route(&self.order, &compose, watch).await
    }

    /// Runs calls one after the other and adds their results in the same order.
    async fn run_calls(
        &mut self,
        calls: &[ToolCall],
        n_rounds: usize,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) {
        let Some(tools) = self.tools.clone() else { return };
        for (call_idx, call) in calls.iter().enumerate() {
            watch(Progress::ToolCall(call));
            let (mut text, summary, worked) = if call_idx < MAX_CALLS {
                let outcome = tools.run(call).await;
                add_files(&mut self.order.origin.files, &outcome.files);
                (outcome.text, outcome.summary, outcome.worked)
            } else {
                let error = format!("only {MAX_CALLS} calls are run at once");
                (format!("error: {error}; call again"), error, false)
            };
            watch(Progress::ToolResult { call, summary: &summary, worked });
            if n_rounds == MAX_ROUNDS && call_idx + 1 == calls.len() {
                text.push_str("\n[no more calls are run: answer now]");
            }
            let of = ToolResultOf { id: call.id.clone(), name: call.name.clone() };
            let result = Message::user(text);
            let result = Message { role: Role::Tool, result_of: Some(of), ..result };
            self.talk.messages.push(result);
        }
    }
}

/// Whether the model, or its server, knows no tools. Images can be what is not supported, too.
fn is_about_tools(failure: &Failure) -> bool {
    let Cause::Model(error) = &failure.cause else { return false };
    error.class == ErrorClass::Unsupported
        && !error.partial
        && error.message.to_ascii_lowercase().contains("tool")
}

impl Sum {
    fn add(&mut self, answer: &Answer) {
        if !answer.text.trim().is_empty() {
            self.texts.push(answer.text.clone());
        }
        self.usage = self.usage.plus(answer.usage);
        self.add_fell_back(&answer.fell_back);
        for remark in &answer.remarks {
            if !self.remarks.contains(remark) {
                self.remarks.push(remark.clone());
            }
        }
    }

    fn add_fell_back(&mut self, more: &[FellBack]) {
        for fell_back in more {
            if !self.fell_back.contains(fell_back) {
                self.fell_back.push(fell_back.clone());
            }
        }
    }

    fn whole(self, last: Answer) -> Answer {
        // A server that ends with "stop" after calls has still made calls that nobody ran.
        let reason = if last.tool_calls.is_empty() { last.reason } else { StopReason::ToolCalls };
        let Self { texts, usage, fell_back, mut remarks } = self;
        let says_more = !last.remarks.is_empty();
        let whole = Answer { text: texts.join("\n\n"), usage, fell_back, reason, ..last };
        remarks.extend(whole.ending().filter(|_| !says_more).map(str::to_owned));
        Answer { remarks, ..whole }
    }

    fn failed(mut self, failure: Box<Failure>) -> Box<Failure> {
        self.add_fell_back(&failure.fell_back);
        Box::new(Failure { fell_back: self.fell_back, ..*failure })
    }
}
