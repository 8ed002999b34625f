//! Sends an answer to the client while it comes, joined to one message per 30 ms.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tower_lsp::Client;
use tower_lsp::lsp_types::{Range, Url};

use crate::model::{BackendName, Usage};

use super::ext::{StreamKind, StreamNotification, StreamParams, ToolParams};
use super::jobs::JobId;
use super::neutral;
use super::run::ErrorText;
use super::session::Session;

/// The least time between two messages of text. The first piece goes out at once.
const JOIN: Duration = Duration::from_millis(30);

/// Something to tell about a job.
#[derive(Debug)]
pub(super) enum Piece {
    /// It began.
    Begin { title: String, uri: Url, range: Range },
    /// A turn of a conversation began.
    BeginTurn { title: String, conversation_id: String },
    /// A tool is run for the model, or has been.
    Tool(ToolParams),
    /// This backend is asked now.
    Asking { backend: BackendName, model: String },
    /// It said something.
    Text(String),
    /// It was given up.
    Restart { reason: ErrorText },
    /// It is done.
    End { usage: Usage },
    /// The job ended without an answer.
    Error { error: ErrorText },
}

/// The way to the client's stream; does nothing for clients without the extension.
#[derive(Debug)]
pub(super) struct Stream {
    pieces: Option<mpsc::UnboundedSender<Piece>>,
    task: Option<JoinHandle<()>>,
}

impl Stream {
    /// Opens the stream of a job.
    pub(super) fn open(session: &Session, job: JobId) -> Self {
        if !session.state.abilities().extension {
            return Self { pieces: None, task: None };
        }
        let (pieces, received) = mpsc::unbounded_channel();
        let writer = Writer {
            client: session.client.clone(),
            job,
            seq: 0,
            backend: None,
            model: None,
            text: String::new(),
            next_text: Instant::now(),
        };
        Self { pieces: Some(pieces), task: Some(tokio::spawn(writer.run(received))) }
    }

    /// Sends a piece.
    pub(super) fn send(&self, piece: Piece) {
        if let Some(pieces) = &self.pieces {
            // The writer lives as long as we do.
            let _ = pieces.send(piece);
        }
    }

    /// Waits until everything has been handed to the client.
    pub(super) async fn close(self) {
        drop(self.pieces);
        if let Some(task) = self.task {
            let _ = task.await;
        }
    }
}

struct Writer {
    client: Client,
    job: JobId,
    seq: u64,
    backend: Option<BackendName>,
    model: Option<String>,
    text: String,
    next_text: Instant,
}

impl Writer {
    async fn run(mut self, mut pieces: mpsc::UnboundedReceiver<Piece>) {
        loop {
            let next = if self.text.is_empty() {
                pieces.recv().await
            } else {
                match timeout_at(self.next_text, pieces.recv()).await {
                    Ok(next) => next,
                    Err(_elapsed) => {
                        self.flush().await;
                        continue;
                    }
                }
            };
            match next {
                Some(Piece::Text(text)) => self.text.push_str(&neutral::visible(&text)),
                Some(piece) => {
                    self.flush().await;
                    self.write(piece).await;
                }
                None => return self.flush().await,
            }
        }
    }

    async fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let params = StreamParams { text: Some(text), ..self.params(StreamKind::Text) };
        self.client.send_notification::<StreamNotification>(params).await;
        self.next_text = Instant::now() + JOIN;
    }

    async fn write(&mut self, piece: Piece) {
        let params = match piece {
            Piece::Begin { title, uri, range } => StreamParams {
                title: Some(title),
                uri: Some(uri),
                range: Some(range),
                ..self.params(StreamKind::Begin)
            },
            Piece::BeginTurn { title, conversation_id } => StreamParams {
                title: Some(title),
                conversation_id: Some(conversation_id),
                ..self.params(StreamKind::Begin)
            },
            Piece::Tool(tool) => StreamParams { tool: Some(tool), ..self.params(StreamKind::Tool) },
            Piece::Asking { backend, model } => {
                (self.backend, self.model) = (Some(backend), Some(model));
                return;
            }
            Piece::Text(text) => StreamParams { text: Some(text), ..self.params(StreamKind::Text) },
            Piece::Restart { reason } => {
                StreamParams { error: Some(reason), ..self.params(StreamKind::Restart) }
            }
            Piece::End { usage } => {
                StreamParams { usage: Some(usage), ..self.params(StreamKind::End) }
            }
            Piece::Error { error } => {
                StreamParams { error: Some(error), ..self.params(StreamKind::Error) }
            }
        };
        self.client.send_notification::<StreamNotification>(params).await;
    }

    fn params(&mut self, kind: StreamKind) -> StreamParams {
        let seq = self.seq;
        self.seq += 1;
        StreamParams {
            job_id: self.job,
            seq,
            kind,
            text: None,
            title: None,
            uri: None,
            range: None,
            backend: self.backend.clone(),
            model: self.model.clone(),
            conversation_id: None,
            tool: None,
            usage: None,
            error: None,
        }
    }
}
