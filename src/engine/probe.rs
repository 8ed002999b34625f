//! Asks the engine whether it is well. Carries nothing of the user's, and goes nowhere but to our own engine.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::channel::{self, Address};

/// Patience with an answer that is made of memory.
const LIMIT: Duration = Duration::from_secs(5);
/// Most bytes that are read.
const MAX_ANSWER: u64 = 64 * 1024;

/// How an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It takes requests.
    Ready,
    /// It is there, and loads its model.
    Loading,
    /// It does not listen, or does not answer.
    Silent,
}

/// Asks for the engine's health.
pub(super) async fn health(address: &Address) -> Health {
    match timeout(LIMIT, get(address, "/health")).await {
        Ok(Ok((200, _))) => Health::Ready,
        Ok(Ok(_)) => Health::Loading,
        _ => Health::Silent,
    }
}

/// The file that the engine has loaded, as it tells it.
pub(super) async fn model_path(address: &Address) -> Option<String> {
    let (status, body) = timeout(LIMIT, get(address, "/props")).await.ok()?.ok()?;
    let body: serde_json::Value = serde_json::from_slice(&body).ok().filter(|_| status == 200)?;
    Some(body.get("model_path")?.as_str()?.to_owned())
}

async fn get(address: &Address, path: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut wire = channel::connect(address).await?;
    let key = address.key().map(|key| format!("Authorization: Bearer {key}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{}Connection: close\r\n\r\n",
        key.unwrap_or_default()
    );
    wire.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    wire.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    let split = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let split = split.ok_or(io::ErrorKind::InvalidData)?;
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
    let status = status.and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, answer.split_off(split + 4)))
}
