//! What clients and supervisor say to each other: a line of JSON each way, and a connection that is held.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::channel::{Address, Wire};

/// Longest line.
const MAX_LINE: u64 = 16 * 1024;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Want {
    /// To send a request; as long as the connection stands, the engine is in use.
    Use,
    /// To be counted as a client; as long as the connection stands, the engine waits for the next request.
    Hold,
    /// The engine, also without a client, until it was idle for long.
    Keep,
    /// Its end.
    Stop,
}

/// The first line of a client.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Hello {
    /// What it wants.
    pub(super) want: Want,
    /// How it would start the engine; `None` where that does not matter to it.
    pub(super) fingerprint: Option<String>,
    /// The key of the address, where it has one.
    pub(super) key: Option<String>,
}

/// A line of the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// The model is being loaded.
    Starting,
    /// The engine takes requests.
    Ready {
        /// Where.
        address: Address,
        /// The engine's process.
        pid: u32,
    },
    /// The engine could not be started.
    Failed {
        /// Why.
        reason: String,
    },
    /// The engine was started in another way, has nothing to do, and ends now.
    Outdated,
    /// It ends, as was asked.
    Stopping,
}

/// One side of a connection.
#[derive(Debug)]
pub(super) struct Line {
    wire: BufReader<Box<dyn Wire>>,
}

impl Line {
    /// Over a connection.
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire: BufReader::new(wire) }
    }

    /// Says something.
    pub(super) async fn say(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.wire.write_all(&line).await?;
        self.wire.flush().await
    }

    /// Hears the next line; `None` at the end.
    pub(super) async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        (&mut self.wire).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }

    /// Waits until the other side is gone.
    pub(super) async fn gone(&mut self) {
        let mut rest = [0; 256];
        while matches!(self.wire.read(&mut rest).await, Ok(1..)) {}
    }
}
