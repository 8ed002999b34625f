//! The end of a session, an input that ends with it even when the client keeps the pipe open, and an output
//! that a client may close at any time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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

/// A writer that ends the session when it breaks.
///
/// tower-lsp panics when its output fails while something is left to write; so nothing ever fails here.
pub(super) struct Unbreakable<W> {
    inner: W,
    end: Arc<End>,
    is_broken: bool,
}

impl<W> Unbreakable<W> {
    /// Wraps a writer.
    pub(super) fn new(inner: W, end: Arc<End>) -> Self {
        Self { inner, end, is_broken: false }
    }

    fn unless_broken<T>(&mut self, polled: Poll<io::Result<T>>, instead: T) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(Err(error)) => {
                tracing::info!("the client reads no more: {error}");
                self.is_broken = true;
                self.end.note_exit();
                Poll::Ready(Ok(instead))
            }
            polled => polled,
        }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Unbreakable<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.unless_broken(polled, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.unless_broken(polled, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.inner).poll_shutdown(context);
        self.unless_broken(polled, ())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_client_that_reads_no_more_ends_the_session_and_fails_nothing() {
        let (client, server) = tokio::io::duplex(16);
        drop(client);
        let end = Arc::new(End::default());
        let mut output = Unbreakable::new(server, end.clone());
        output.write_all(&[0; 64]).await.unwrap();
        output.flush().await.unwrap();
        assert!(end.is_reached() && !end.was_shut_down());
    }
}
