//! Processes by number and start time: a number alone may by now be that of another program.

/// A process that was seen to run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: u32,
    /// When it started, in whatever way the system tells it.
    started: Option<String>,
}

impl Process {
    /// The process of a number, as it is now.
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, started: started(pid) }
    }

    /// Whether that very process runs.
    pub(super) fn is_alive(&self) -> bool {
        self.started.is_some() && started(self.pid) == self.started
    }

    /// Asks it to end.
    pub(super) fn ask_to_end(&self) {
        if self.is_alive() {
            signal(self.pid, Signal::End);
        }
    }

    /// Ends it, whatever it does.
    pub(super) fn kill(&self) {
        if self.is_alive() {
            signal(self.pid, Signal::Kill);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Signal {
    End,
    Kill,
}

#[cfg(unix)]
fn signal(pid: u32, signal: Signal) {
    let signal = match signal {
        Signal::End => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in this moment, which is what was wanted.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

#[cfg(not(unix))]
fn signal(pid: u32, _signal: Signal) {
    let pid = pid.to_string();
    let mut command = std::process::Command::new("taskkill");
    let _ = command.args(["/F", "/T", "/PID", &pid]).output();
}

/// When a process started; `None` if it does not run. One that ended and was not yet waited for does not.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, also parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let is_over = matches!(fields.first(), Some(&("Z" | "X")));
    (!is_over).then(|| fields.get(19).map(|&field| field.to_owned()))?
}

#[cfg(all(unix, not(target_os = "linux")))]
fn started(pid: u32) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let (state, start) = line.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

#[cfg(not(unix))]
fn started(pid: u32) -> Option<String> {
    let filter = format!("PID eq {pid}");
    let output = std::process::Command::new("tasklist")
        .args(["/NH", "/FO", "CSV", "/FI", &filter])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    // The name of the program is all that is told without further rights.
    line.starts_with('"').then(|| line.split(',').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_that_started_at_another_time_is_not() {
        let own = Process::of(std::process::id());
        assert!(own.is_alive());
        let earlier = Process { started: Some("another time".to_owned()), ..own };
        assert!(!earlier.is_alive());
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_ended_is_not_alive_even_if_nobody_waited_for_it() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id());
        assert!(process.is_alive());
        process.kill();
        while process.is_alive() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
