//! Runs one call: sends the request, feeds the decoder, and yields events until exactly one end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use super::body::{self, Body};
use super::endpoint::Endpoint;
use super::fault::{Ending, Fault, Piece};
use super::{Asked, Call, Decoder, Inner, translator, vision, words};
use crate::config::BackendSettings;
use crate::gate::Errand;
use crate::model::{ErrorClass, Event, ProviderParts};

/// How long usage is waited for after a reason to stop was given.
const SETTLED_LIMIT: Duration = Duration::from_secs(1);

/// The events of a call.
pub(super) fn events(inner: Arc<Inner>, call: Call) -> BoxStream<'static, Event> {
    let who =
        Who { backend: call.backend.clone(), model: call.model.clone(), key: call.key.clone() };
    let run = Run {
        inner,
        who,
        phase: Phase::Start(Box::new(call)),
        queue: VecDeque::new(),
        partial: false,
    };
    // Everything is in the state of the stream: dropping it drops the body, which closes the socket.
    unfold(run, |mut run| async move {
        loop {
            if let Some(event) = run.queue.pop_front() {
                return Some((event, run));
            }
            if matches!(run.phase, Phase::Over) {
                return None;
            }
            run.advance().await;
        }
    })
    .boxed()
}

/// Who is asked, for failures.
struct Who {
    backend: Arc<BackendSettings>,
    model: String,
    key: Option<SecretString>,
}

struct Run {
    inner: Arc<Inner>,
    who: Who,
    phase: Phase,
    queue: VecDeque<Event>,
    partial: bool,
}

enum Phase {
    Start(Box<Call>),
    Reading(Box<Reading>),
    Over,
}

struct Reading {
    body: Body,
    decoder: Box<dyn Decoder>,
    settled_by: Option<Instant>,
}

impl Run {
    async fn advance(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Start(call) => match start(&self.inner, *call).await {
                Ok(reading) => self.phase = Phase::Reading(Box::new(reading)),
                Err(fault) => self.fail(fault),
            },
            Phase::Reading(mut reading) => {
                let pieces = reading.next().await;
                self.take(pieces, *reading);
            }
            Phase::Over => {}
        }
    }

    /// Turns pieces into events; the first end is the last event.
    fn take(&mut self, pieces: Vec<Piece>, reading: Reading) {
        for piece in pieces {
            self.partial |=
                matches!(piece, Piece::Text(_) | Piece::Reasoning(_) | Piece::ToolCall(_));
            let event = match piece {
                Piece::Text(text) => Event::Text(text),
                Piece::Reasoning(text) => Event::Reasoning(text),
                Piece::ToolCall(call) => Event::ToolCall(call),
                Piece::Usage(usage) => Event::Usage(usage),
                Piece::Remark(text) => Event::Remark(words::clean(&text, self.who.key.as_ref())),
                Piece::Parts(json) => Event::Parts(ProviderParts {
                    backend: self.who.backend.name.clone(),
                    model: self.who.model.clone(),
                    json,
                }),
                Piece::Done(reason) => {
                    self.queue.push_back(Event::Done { reason });
                    reading.body.release();
                    return;
                }
                Piece::Failed(fault) => {
                    let status = Some(reading.body.status());
                    let request_id =
                        reading.body.request_id().map(str::to_owned).or(fault.request_id.clone());
                    return self.fail(Fault { status, request_id, ..fault });
                }
            };
            self.queue.push_back(event);
        }
        self.phase = Phase::Reading(Box::new(reading));
    }

    fn fail(&mut self, fault: Fault) {
        let Who { backend, model, key } = &self.who;
        let error = fault.into_error(backend, model, key.as_ref(), self.partial);
        self.queue.push_back(Event::Failed(Box::new(error)));
    }
}

async fn start(inner: &Inner, call: Call) -> Result<Reading, Fault> {
    let translator = translator(call.backend.dialect);
    let Errand::Prompt(task) = call.pass.errand else {
        return Err(Fault::new(ErrorClass::Unsupported, "this pass lets no prompt through"));
    };
    let info = inner.describe(&call.backend, &call.model, call.key.as_ref()).await?;
    let request =
        vision::prepared(call.request, &call.backend, &call.model, info.as_deref()).await?;
    let asked = Asked {
        backend: &call.backend,
        model: &call.model,
        request: &request,
        task,
        window: translator.window(&call.backend, info.as_deref()),
        info: info.as_deref(),
    };
    let prompt = translator.prompt(&asked);
    let decoder = translator.decoder(&asked);
    let endpoint = Endpoint::new(&call.backend, call.key.as_ref());
    let body = inner.http.send(&endpoint, call.pass, prompt).await?;
    Ok(Reading { body, decoder, settled_by: None })
}

impl Reading {
    async fn next(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let read = match self.settled_by {
            None => self.body.next().await,
            // The model is done; a server that neither ends nor closes its stream is not waited for.
            Some(by) => timeout_at(by, self.body.next()).await.unwrap_or(body::Piece::End),
        };
        match read {
            body::Piece::Bytes(bytes) => self.decoder.push(&bytes, &mut pieces),
            body::Piece::End => self.decoder.end(Ending::Closed, &mut pieces),
            body::Piece::Broken(reason) => self.decoder.end(Ending::Broken(reason), &mut pieces),
            body::Piece::Late(class) => {
                let message = match class {
                    ErrorClass::IdleTimeout => "nothing more came",
                    _ => "it connected, but sent nothing",
                };
                pieces.push(Piece::Failed(Fault::new(class, message)));
            }
        }
        if self.settled_by.is_none() && self.decoder.is_settled() {
            self.settled_by = Some(Instant::now() + SETTLED_LIMIT);
        }
        pieces
    }
}
