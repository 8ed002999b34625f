//! A turn as server-sent events: `session`, `text`, `restart`, then one of `done` and `error`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::State;
use super::error::ApiError;
use super::sessions::Session;
use super::turn::{Happening, Step, Turn};
use super::wire::ChatAnswer;

/// A stream that is silent this long sends a comment, so that nobody takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that are ready together go out together, up to this size.
const MAX_PIECE: usize = 16 << 10;

/// Answers with the events of a turn. Until a backend is asked nothing is sent, so that what fails before has
/// its own status.
pub(super) async fn respond(
    state: &Arc<State>,
    session: &Arc<Session>,
    mut turn: Turn,
) -> Result<Response, ApiError> {
    let first = match turn.next().await {
        Step::Ended(ended) => Step::Ended(Box::new(Ok((*ended)?))),
        happened @ Step::Happened(_) => happened,
    };
    state.sessions.keep(session);
    let run = Run {
        state: state.clone(),
        session: session.clone(),
        turn,
        first: Some(first),
        over: false,
    };
    let pieces = stream::unfold(run, |mut run| async move {
        let piece = run.piece().await?;
        Some((Ok::<String, Infallible>(piece), run))
    });
    let sse = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    Ok((sse, Body::from_stream(pieces)).into_response())
}

struct Run {
    state: Arc<State>,
    session: Arc<Session>,
    turn: Turn,
    /// What was waited for before the head went out.
    first: Option<Step>,
    over: bool,
}

impl Run {
    /// The next bytes; `None` after the end.
    async fn piece(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        let mut piece = String::new();
        let step = if let Some(first) = self.first.take() {
            write(&mut piece, "session", &json!({"session_id": self.session.id}));
            first
        } else {
            match tokio::time::timeout(KEEP_ALIVE, self.turn.next()).await {
                Ok(step) => step,
                Err(_) => return Some(": still working\n\n".to_owned()),
            }
        };
        self.take(step, &mut piece);
        while !self.over
            && piece.len() < MAX_PIECE
            && let Some(happening) = self.turn.ready()
        {
            write_happening(&mut piece, &happening);
        }
        // A piece without bytes would be an empty chunk; a comment does no harm.
        Some(if piece.is_empty() { ":\n\n".to_owned() } else { piece })
    }

    fn take(&mut self, step: Step, piece: &mut String) {
        match step {
            Step::Happened(happening) => write_happening(piece, &happening),
            Step::Ended(ended) => {
                self.over = true;
                self.state.sessions.keep(&self.session);
                match *ended {
                    Ok(answer) => {
                        let end = ChatAnswer::end(&self.session.id, &answer);
                        write(piece, "done", &json!(end));
                    }
                    Err(error) => write(piece, "error", &error.event_data()),
                }
            }
        }
    }
}

fn write_happening(piece: &mut String, happening: &Happening) {
    match happening {
        Happening::Queued | Happening::Asking => {}
        Happening::Text(text) => write(piece, "text", &json!({"text": text})),
        Happening::Restart { backend, model, gave_up } => {
            write(
                piece,
                "restart",
                &json!({"backend": backend, "model": model, "gave_up": gave_up}),
            );
        }
    }
}

/// Adds an event. JSON has no line breaks of its own, so one `data` line is enough.
fn write(piece: &mut String, event: &str, data: &Value) {
    for part in ["event: ", event, "\ndata: ", &data.to_string(), "\n\n"] {
        piece.push_str(part);
    }
}
