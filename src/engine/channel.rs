//! Where engine and supervisor listen: on a Unix socket of the user's own, else on loopback behind a key.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// Longest path of a socket that every system takes.
const MAX_SOCKET_PATH: usize = 100;

/// Where somebody listens.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Address {
    /// A Unix socket in a folder that only the user may enter.
    Socket(PathBuf),
    /// A port on loopback; whoever comes must know the key.
    Loopback {
        /// The port.
        port: u16,
        /// The key.
        key: String,
    },
}

impl Address {
    /// For people; without the key.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Loopback { port, .. } => format!("127.0.0.1:{port}"),
        }
    }

    /// The key that whoever comes must show.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Socket(_) => None,
            Self::Loopback { key, .. } => Some(key),
        }
    }

    /// A socket in a folder, or a free port where a socket cannot be.
    pub(super) async fn free(folder: &Path, name: &str, kind: Kind) -> io::Result<Self> {
        let path = folder.join(name);
        if cfg!(unix) && kind == Kind::SocketIfPossible && fits(&path) {
            return Ok(Self::Socket(path));
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        Ok(Self::Loopback { port, key: random_key()? })
    }
}

/// What an address may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A socket where the system has them and the path is short enough.
    SocketIfPossible,
    /// A port.
    Port,
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= MAX_SOCKET_PATH
}

/// A key that nobody guesses.
fn random_key() -> io::Result<String> {
    let mut bytes = [0_u8; 24];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(super::hex(&bytes))
}

/// A connection, whatever carries it.
pub(super) trait Wire:
    AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug
{
}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> Wire for T {}

/// Connects.
pub(super) async fn connect(address: &Address) -> io::Result<Box<dyn Wire>> {
    match address {
        #[cfg(unix)]
        Address::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Address::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
        Address::Loopback { port, .. } => {
            Ok(Box::new(TcpStream::connect(("127.0.0.1", *port)).await?))
        }
    }
}

/// Listens.
#[derive(Debug)]
pub(super) enum Listener {
    /// On a socket.
    #[cfg(unix)]
    Socket(UnixListener),
    /// On a port.
    Port(TcpListener),
}

impl Listener {
    /// Listens at an address that is free.
    pub(super) async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            #[cfg(unix)]
            Address::Socket(path) => Ok(Self::Socket(UnixListener::bind(path)?)),
            #[cfg(not(unix))]
            Address::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
            Address::Loopback { port, .. } => {
                Ok(Self::Port(TcpListener::bind(("127.0.0.1", *port)).await?))
            }
        }
    }

    /// The next one who comes.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Wire>> {
        match self {
            #[cfg(unix)]
            Self::Socket(listener) => Ok(Box::new(listener.accept().await?.0)),
            Self::Port(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}
