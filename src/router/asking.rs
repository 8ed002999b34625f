//! One request to one link, and those with which a turn that the provider interrupted goes on.

use futures_util::StreamExt;
use secrecy::SecretString;

use super::attempt::error_of;
use super::breaker::Leave;
use super::pick::Picked;
use super::{Answer, Order, Progress, Router};
use crate::backends::Call;
use crate::gate::Refusal;
use crate::model::{ErrorClass, Event, ModelError, Request, StopReason, Usage};

/// How often a turn that was interrupted is sent back to go on.
const MAX_PAUSES: usize = 4;

/// One request of a link, with what does not change between repetitions.
pub(super) struct Asking<'a> {
    pub(super) order: &'a Order,
    pub(super) link: &'a Picked,
    pub(super) model: &'a str,
    pub(super) request: Request,
    /// What the reader of the answer should know of the request.
    pub(super) remarks: Vec<String>,
}

/// What was received before an answer failed.
pub(super) struct Broken {
    pub(super) error: Box<ModelError>,
    pub(super) partial_text: String,
}

impl Asking<'_> {
    /// Asks for a shorter answer from now on, and says so.
    pub(super) fn ask_for_at_most(&mut self, max_tokens: u32) {
        let before =
            self.request.max_tokens.map(|n| format!(" instead of {n}")).unwrap_or_default();
        self.remarks.push(format!(
            "backend \"{}\" takes no larger request a minute: the answer was limited to {max_tokens} tokens{before}",
            self.link.backend.name
        ));
        self.request.max_tokens = Some(max_tokens);
    }

    fn empty_answer(&self) -> Answer {
        Answer {
            text: String::new(),
            tool_calls: Vec::new(),
            reason: StopReason::Stop,
            usage: Usage::default(),
            backend: self.link.backend.name.clone(),
            model: self.model.to_owned(),
            fell_back: Vec::new(),
            remarks: self.remarks.clone(),
            is_filling: self.request.infill.is_some(),
            provider_parts: None,
        }
    }
}

impl Router {
    /// Asks, and goes on where the provider interrupted the turn.
    pub(super) async fn ask(
        &self,
        asking: &Asking<'_>,
        key: Option<SecretString>,
        leave: &Leave<'_>,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, Result<Broken, Refusal>> {
        let mut request = asking.request.clone();
        let mut whole = asking.empty_answer();
        for n_pauses in 0..=MAX_PAUSES {
            let before = whole.text.len();
            match self.ask_once(asking, &request, key.clone(), leave, watch, &mut whole).await? {
                Ok(()) if whole.reason.is_pause() && whole.provider_parts.is_some() => {
                    let mut turn = whole.to_message();
                    turn.text.drain(..before);
                    request.messages.push(turn);
                }
                Ok(()) => {
                    if n_pauses > 0 {
                        // They are those of the last piece alone, and the turn is more than that.
                        whole.provider_parts = None;
                    }
                    return Ok(whole);
                }
                Err(error) => {
                    let partial = error.partial || !whole.text.is_empty();
                    let error = Box::new(ModelError { partial, ..*error });
                    return Err(Ok(Broken { error, partial_text: whole.text }));
                }
            }
        }
        Ok(whole)
    }

    /// One request. The stream lives in this future: dropping it closes the socket.
    async fn ask_once(
        &self,
        asking: &Asking<'_>,
        request: &Request,
        key: Option<SecretString>,
        leave: &Leave<'_>,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
        answer: &mut Answer,
    ) -> Result<Result<(), Box<ModelError>>, Result<Broken, Refusal>> {
        let Asking { order, link, model, .. } = asking;
        let pass = self
            .gate
            .clear(&order.settings, &link.backend, model, order.task, &order.origin)
            .map_err(Err)?;
        let mut events = self.backends.stream(Call {
            backend: link.backend.clone(),
            model: (*model).to_owned(),
            key,
            request: request.clone(),
            pass,
        });
        let used_before = answer.usage;
        while let Some(event) = events.next().await {
            match event {
                Event::Text(piece) => {
                    watch(Progress::Text(&piece));
                    answer.text.push_str(&piece);
                }
                Event::Reasoning(piece) => watch(Progress::Reasoning(&piece)),
                Event::ToolCall(call) => answer.tool_calls.push(call),
                Event::Usage(told) => answer.usage = used_before.plus(told),
                Event::Remark(remark) => answer.remarks.push(remark),
                Event::Parts(parts) => answer.provider_parts = Some(parts),
                Event::Done { reason } => {
                    leave.alive();
                    answer.reason = reason;
                    return Ok(Ok(()));
                }
                Event::Failed(error) => return Ok(Err(error)),
            }
        }
        // Streams always end with an end; this is what a stream that did not would be worth.
        Ok(Err(Box::new(error_of(link, model, ErrorClass::Truncated))))
    }
}
