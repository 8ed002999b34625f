//! Ties the engine to the life of its supervisor, and becomes the engine.

use std::convert::Infallible;
use std::io;
use std::process::Command;

/// Becomes the engine. On Linux the system ends it when `parent`, which started this process, ends in any way.
///
/// Elsewhere the next supervisor finds an engine that was left behind by its record.
pub fn tether(parent: u32, command: &[String]) -> io::Result<Infallible> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before that.
        let own = getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
        if own != Some(parent) {
            return Err(io::Error::other("the supervisor is gone"));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut command = Command::new(program);
    command.args(arguments);
    become_it(command)
}

#[cfg(unix)]
fn become_it(mut command: Command) -> io::Result<Infallible> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> io::Result<Infallible> {
    let status = command.status()?;
    Err(io::Error::other(format!("the engine ended: {status}")))
}
