//! Runs one turn of a session, and tells what happens meanwhile.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::State;
use super::error::ApiError;
use super::sessions::Session;
use super::wire::ChatRequest;
use crate::conversation;
use crate::model::BackendName;
use crate::router::{Answer, FellBack, Progress};

/// What happens before the end.
#[derive(Debug)]
pub(super) enum Happening {
    /// Another turn of the session runs; this one waits for it.
    Queued,
    /// A backend is asked now.
    Asking,
    /// A piece of the answer.
    Text(String),
    /// All text so far is void: its backend was given up and this one begins anew.
    Restart {
        /// Who answers now.
        backend: BackendName,
        /// With which model.
        model: String,
        /// Whose text is void.
        gave_up: FellBack,
    },
}

/// The next thing of a turn.
#[derive(Debug)]
pub(super) enum Step {
    /// Something happened.
    Happened(Happening),
    /// It is over.
    Ended(Box<Result<Answer, ApiError>>),
}

/// A running turn. It works only while it is asked for its next step, so a caller that reads slowly slows the backend
/// down and nothing piles up; dropping it closes the upstream socket.
pub(super) struct Turn {
    happenings: UnboundedReceiver<Happening>,
    work: Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send>>,
    ended: Option<Result<Answer, ApiError>>,
    _place: OwnedSemaphorePermit,
}

impl Turn {
    /// Starts a turn of a session, unless too many run already.
    pub(super) fn start(
        state: &Arc<State>,
        session: &Arc<Session>,
        request: ChatRequest,
    ) -> Result<Self, ApiError> {
        let place = state.turns.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
        let (sender, happenings) = unbounded_channel();
        let turn = conversation::Turn {
            choice: request.choice(&state.choice),
            message: request.message,
            ..conversation::Turn::default()
        };
        let work = run(state.clone(), session.clone(), turn, sender);
        Ok(Self { happenings, work: Box::pin(work), ended: None, _place: place })
    }

    /// The next step. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Step {
        if self.ended.is_none() {
            tokio::select! {
                biased;
                Some(happening) = self.happenings.recv() => return Step::Happened(happening),
                ended = &mut self.work => self.ended = Some(ended),
            }
        }
        // What was told with the last word comes before the end.
        match (self.happenings.try_recv(), self.ended.take()) {
            (Ok(happening), ended) => {
                self.ended = ended;
                Step::Happened(happening)
            }
            (Err(_), Some(ended)) => Step::Ended(Box::new(ended)),
            (Err(_), None) => Step::Ended(Box::new(Err(ApiError::stopping()))),
        }
    }

    /// Something that has happened already, without waiting.
    pub(super) fn ready(&mut self) -> Option<Happening> {
        self.happenings.try_recv().ok()
    }

    /// The end, whatever happens before.
    pub(super) async fn end(mut self) -> Result<Answer, ApiError> {
        loop {
            if let Step::Ended(ended) = self.next().await {
                return *ended;
            }
        }
    }
}

async fn run(
    state: Arc<State>,
    session: Arc<Session>,
    turn: conversation::Turn,
    sender: UnboundedSender<Happening>,
) -> Result<Answer, ApiError> {
    tokio::select! {
        biased;
        () = session.closed.cancelled() => {
            Err(if state.stop.is_cancelled() { ApiError::stopping() } else { ApiError::deleted() })
        }
        said = say(&state, &session, turn, &sender) => said,
    }
}

/// Waits for the session's turn and talks.
async fn say(
    state: &State,
    session: &Session,
    turn: conversation::Turn,
    sender: &UnboundedSender<Happening>,
) -> Result<Answer, ApiError> {
    let tell = |happening: Happening| {
        // Nobody listens any more: then nobody polls this either.
        let _ = sender.send(happening);
    };
    let _turn = if let Ok(turn) = session.turn.try_lock() {
        turn
    } else {
        tell(Happening::Queued);
        session.turn.lock().await
    };
    let mut conversation = session.conversation();
    let mut is_shown = false;
    let mut void: Option<FellBack> = None;
    let mut watch = |progress: Progress<'_>| match progress {
        Progress::Asking { backend, model } => match void.take() {
            Some(gave_up) => {
                is_shown = false;
                let (backend, model) = (backend.clone(), model.to_owned());
                tell(Happening::Restart { backend, model, gave_up });
            }
            None => tell(Happening::Asking),
        },
        Progress::Text(text) => {
            is_shown = true;
            tell(Happening::Text(text.to_owned()));
        }
        Progress::Reasoning(_)
        | Progress::WithoutTools { .. }
        | Progress::AskedAgain { .. }
        | Progress::ToolCall(_)
        | Progress::ToolResult { .. } => {}
        Progress::FellBack(fell_back) => {
            if is_shown && void.is_none() {
                void = Some(fell_back.clone());
            }
        }
    };
    let said = state.assistant.say(&mut conversation, turn, &mut watch).await;
    let answer = said.map_err(|failure| ApiError::from(&*failure))?;
    session.advance(conversation, &answer);
    Ok(answer)
}
