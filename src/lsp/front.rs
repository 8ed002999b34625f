//! The front door: every message from the client passes it, in wire order, before tower-lsp sees it.
//!
//! tower-lsp 0.20 polls all handlers on the one task that also reads the input and writes the output, at most
//! four at a time by default. For a server whose requests take seconds that is fatal in seven ways, all of them
//! measured against the real crate:
//!
//! - Four slow requests stop everything: a `didChange`, a fifth request and, worst, the `$/cancelRequest` that
//!   would end one of the four all wait in the queue. With some hundred messages behind them the reader stops
//!   and the editor blocks in its own write.
//! - A panic in one handler unwinds through the shared task and ends the server.
//! - `exit` does not end `serve` while the client keeps its end of the pipe open, as Helix does.
//! - `exit` right behind `shutdown` cancels the `shutdown`, which then answers with an error.
//! - `"params": null`, which some clients send with `shutdown`, is refused as invalid.
//! - The order of `didChange` is an accident of first polls.
//! - `initialize` is refused as a whole when a client announces a value that the closed enums of lsp-types
//!   0.94 do not know, and what the types do not know is lost.
//!
//! So [`FrontDoor`] wraps the service. [`tower_service::Service::call`] runs on the reader, synchronously,
//! message by message; there it
//!
//! 1. drops `params: null`, and puts large texts back that travelled beside their message (`texts`);
//! 2. keeps the raw parameters of `initialize` for the handler, and hands the typed layer empty ones;
//! 3. polls the handler's future once, at once. The synchronous head of every handler (apply the change, take
//!    the snapshot, register the job) has then run in wire order whatever else is open, and `$/cancelRequest`
//!    takes effect immediately;
//! 4. spawns what is still pending, and hands tower-lsp a future over the task's handle. Work runs in parallel
//!    and never starves the reader. Cancelling still works: the abort handle lives inside the spawned future;
//!    aborting drops the handler, and with it whatever the handler held;
//! 5. turns a panic into an error answer;
//! 6. notes `shutdown` and `exit`; [`super::input::UntilEnd`] then ends the input, so that `serve` writes what
//!    is left to write and returns.
//!
//! The price: the head of every handler runs on the reader and must be short. No file is read there (but for
//! the configuration, once, in `initialize`) and nothing waits for a lock that is held over an await.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Id, Request, Response};
use tower_service::Service;

use super::input::End;
use super::texts::Texts;

/// See the module.
pub(super) struct FrontDoor<S> {
    inner: S,
    end: Arc<End>,
    greeting: Arc<OnceLock<Value>>,
    texts: Texts,
}

impl<S> FrontDoor<S> {
    /// Puts the door before a service. `greeting` receives the raw parameters of `initialize`.
    pub(super) fn new(
        inner: S,
        end: Arc<End>,
        greeting: Arc<OnceLock<Value>>,
        texts: Texts,
    ) -> Self {
        Self { inner, end, greeting, texts }
    }

    fn tidy(&self, request: Request) -> Request {
        let (method, id, params) = request.into_parts();
        let params = params.filter(|params| !params.is_null());
        let params = if method == "initialize" {
            // Only the first counts; tower-lsp refuses a second by itself.
            let _ = self.greeting.set(params.unwrap_or_default());
            Some(json!({ "capabilities": {} }))
        } else {
            params.map(|mut params| {
                self.texts.put_back(&mut params);
                params
            })
        };
        let mut tidied = Request::build(method);
        if let Some(params) = params {
            tidied = tidied.params(params);
        }
        if let Some(id) = id {
            tidied = tidied.id(id);
        }
        tidied.finish()
    }

    fn note_end(&self, request: &Request) {
        match request.method() {
            "shutdown" => self.end.note_shutdown(),
            "exit" => self.end.note_exit(),
            _ => {}
        }
    }
}

impl<S> Service<Request> for FrontDoor<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Option<Response>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // After `exit` the inner service is not ready any more; what still comes is answered here.
        if self.end.is_reached() { Poll::Ready(Ok(())) } else { self.inner.poll_ready(context) }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = request.id().cloned();
        if self.end.is_reached() {
            return ready(Ok(id.map(|id| Response::from_error(id, Error::invalid_request()))))
                .boxed();
        }
        let request = self.tidy(request);
        self.note_end(&request);
        let mut handler = AssertUnwindSafe(self.inner.call(request)).catch_unwind().boxed();
        match (&mut handler).now_or_never() {
            Some(Ok(done)) => ready(done).boxed(),
            Some(Err(_panic)) => ready(Ok(internal_error(id))).boxed(),
            None => {
                let task = tokio::spawn(handler);
                async move {
                    match task.await {
                        Ok(Ok(done)) => done,
                        Ok(Err(_)) | Err(_) => Ok(internal_error(id)),
                    }
                }
                .boxed()
            }
        }
    }
}

fn internal_error(id: Option<Id>) -> Option<Response> {
    tracing::error!("a handler panicked");
    id.map(|id| Response::from_error(id, Error::internal_error()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Notify;

    use super::*;

    /// Answers by method: panics at once, panics later, waits for ever, or echoes the parameters.
    #[derive(Clone, Default)]
    struct Inner {
        called: Arc<Mutex<Vec<String>>>,
        never: Arc<Notify>,
    }

    impl Service<Request> for Inner {
        type Response = Option<Response>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<'static, Result<Option<Response>, Self::Error>>;

        fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request) -> Self::Future {
            let inner = self.clone();
            async move {
                let (method, id, params) = request.into_parts();
                inner.called.lock().unwrap().push(method.to_string());
                match &*method {
                    "panic" => panic!("at once"),
                    "panic later" => {
                        tokio::task::yield_now().await;
                        panic!("later");
                    }
                    "wait" => inner.never.notified().await,
                    _ => {}
                }
                Ok(id.map(|id| Response::from_ok(id, params.unwrap_or_else(|| json!("no params")))))
            }
            .boxed()
        }
    }

    fn door() -> (FrontDoor<Inner>, Inner, Arc<End>) {
        let (inner, end) = (Inner::default(), Arc::new(End::default()));
        (FrontDoor::new(inner.clone(), end.clone(), Arc::default(), Texts::default()), inner, end)
    }

    fn request(method: &'static str, params: Value) -> Request {
        Request::build(method).params(params).id(1).finish()
    }

    #[tokio::test]
    async fn a_panic_is_an_error_answer_and_the_next_request_is_served() {
        let (mut door, _, _) = door();
        for method in ["panic", "panic later"] {
            let answer = door.call(request(method, json!({}))).await.unwrap().unwrap();
            assert_eq!(answer.error().unwrap().code.code(), -32603);
        }
        let answer = door.call(request("echo", json!({ "a": 1 }))).await.unwrap().unwrap();
        assert_eq!(answer.result(), Some(&json!({ "a": 1 })));
    }

    #[tokio::test]
    async fn the_head_of_every_handler_runs_at_the_call() {
        let (mut door, inner, _) = door();
        let _never_polled: Vec<_> =
            (0..100).map(|_| door.call(request("wait", json!({})))).collect();
        let _neither = door.call(request("echo", json!({})));
        assert_eq!(inner.called.lock().unwrap().len(), 101);
    }

    #[tokio::test]
    async fn null_params_are_no_params() {
        let (mut door, _, _) = door();
        let answer = door.call(request("echo", Value::Null)).await.unwrap().unwrap();
        assert_eq!(answer.result(), Some(&json!("no params")));
    }

    #[tokio::test]
    async fn after_exit_requests_are_refused_and_notifications_ignored() {
        let (mut door, inner, end) = door();
        door.call(request("shutdown", Value::Null)).await.unwrap();
        door.call(Request::build("exit").finish()).await.unwrap();
        assert!(end.is_reached() && end.was_shut_down());
        let answer = door.call(request("echo", json!({}))).await.unwrap().unwrap();
        assert!(answer.is_error());
        assert_eq!(door.call(Request::build("echo").finish()).await, Ok(None));
        assert_eq!(inner.called.lock().unwrap().len(), 2);
    }
}
