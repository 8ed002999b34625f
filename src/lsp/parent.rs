//! Notices that the editor's process is gone, for editors that die without closing the pipe.

use std::time::Duration;

use super::session::Session;

/// Returns when the process that started the session no longer runs; never where that cannot be told.
pub(super) async fn gone(session: &Session, check_every: Duration) {
    let Some(process_id) = session.client_process().await else {
        return std::future::pending().await;
    };
    let Some(sign) = Sign::of(process_id) else {
        return std::future::pending().await;
    };
    while sign.is_there() {
        tokio::time::sleep(check_every).await;
    }
    tracing::info!("process {process_id} of the client is gone");
}

/// By what the process is seen to live.
///
/// Chosen once, from what is true at the start: a client in another container gives an id that means nothing
/// here, and must not end the server.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// It is our parent; when it dies we get another one.
    #[cfg(unix)]
    Parent(u32),
    /// It has an entry in the process table.
    #[cfg(target_os = "linux")]
    Table(u32),
}

impl Sign {
    #[cfg(unix)]
    fn of(process_id: u32) -> Option<Self> {
        if std::os::unix::process::parent_id() == process_id {
            return Some(Self::Parent(process_id));
        }
        #[cfg(target_os = "linux")]
        if Self::Table(process_id).is_there() {
            return Some(Self::Table(process_id));
        }
        None
    }

    #[cfg(not(unix))]
    fn of(_process_id: u32) -> Option<Self> {
        None
    }

    fn is_there(self) -> bool {
        match self {
            #[cfg(unix)]
            Self::Parent(process_id) => std::os::unix::process::parent_id() == process_id,
            #[cfg(target_os = "linux")]
            Self::Table(process_id) => {
                std::path::Path::new(&format!("/proc/{process_id}")).exists()
            }
        }
    }
}
