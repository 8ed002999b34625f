//! The one way to send a request to the client.

use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::lsp_types::request::Request;

/// Why the client gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoResult {
    /// It answered with an error.
    #[error("{0}")]
    Refused(String),
    /// It did not answer in time. Some clients never answer.
    #[error("the editor did not answer")]
    TimedOut,
}

/// Asks the client, and waits for at most `limit`.
///
/// The request lives in a task of its own. If it lived in the caller's future, a caller that is cancelled or
/// runs into a timeout would drop the receiver of the answer, and tower-lsp 0.20 panics on an answer that
/// nobody waits for; that panic ends the server.
pub(super) async fn ask<R>(
    client: &Client,
    params: R::Params,
    limit: Duration,
) -> Result<R::Result, NoResult>
where
    R: Request + 'static,
    R::Params: Send + 'static,
    R::Result: Send + 'static,
{
    let client = client.clone();
    let answer = tokio::spawn(async move { client.send_request::<R>(params).await });
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(Ok(result))) => Ok(result),
        Ok(Ok(Err(error))) => Err(NoResult::Refused(error.message.into_owned())),
        Ok(Err(_task_ended)) => Err(NoResult::Refused("the connection is closing".to_owned())),
        Err(_elapsed) => Err(NoResult::TimedOut),
    }
}
