//! The end of a session, and an input that ends with it even when the client keeps the pipe open.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;

/// Whether and how the session has ended.
#[derive(Debug, Default)]
pub(super) struct End {
    shut_down: AtomicBool,
    reached: AtomicBool,
    notify: Notify,
}

impl End {
    /// The client has asked for `shutdown`.
    pub(super) fn note_shutdown(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
    }

    /// The client has said `exit`, or closed its end.
    pub(super) fn note_exit(&self) {
        self.reached.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Whether `shutdown` came before the end.
    pub(super) fn was_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::SeqCst)
    }

    /// Whether the end has come.
    pub(super) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::SeqCst)
    }

    /// Waits for the end. For one waiter.
    pub(super) async fn reached(&self) {
        while !self.is_reached() {
            self.notify.notified().await;
        }
    }
}

/// A reader that is at its end once the session is.
///
/// `exit` is noted on the task that reads, before it reads again, so nobody needs to be woken.
pub(super) struct UntilEnd<R> {
    inner: R,
    end: Arc<End>,
}

impl<R> UntilEnd<R> {
    /// Wraps a reader.
    pub(super) fn new(inner: R, end: Arc<End>) -> Self {
        Self { inner, end }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilEnd<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.is_reached() {
            return Poll::Ready(Ok(()));
        }
        let filled = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let is_over = match &polled {
            Poll::Ready(Ok(())) => buffer.filled().len() == filled,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if is_over {
            self.end.note_exit();
        }
        polled
    }
}
