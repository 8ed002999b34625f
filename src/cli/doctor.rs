//! `arawn doctor`: what works, what does not, and what to do about it.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use super::{Interruptible, Session, block_on, fold, output_failed, terminal, workspace_here};
use crate::doctor::{self, Depth, Finding, Level};
use crate::report::Report;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code: that of the worst problem, 0 without one; warnings are none.\n  \
    3 configuration, 4 credentials, 5 backend or network, 6 privacy rule, 1 anything else"
)]
pub(super) struct DoctorArguments {
    /// Print one array of objects {area, level, message, hint}
    #[arg(long)]
    json: bool,
    /// Also ask every model for a word, which takes longer and may cost something
    #[arg(long)]
    deep: bool,
}

pub(super) fn run(
    arguments: &DoctorArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let inputs = session.inputs(workspace_here(&session.environment));
    let depth = if arguments.deep { Depth::Deep } else { Depth::Usual };
    let examined = block_on(async {
        let mut sign = terminal::SignOfLife::new();
        let examining = doctor::examine(&inputs, depth);
        tokio::pin!(examining);
        loop {
            tokio::select! {
                findings = &mut examining => break Ok(findings),
                () = tokio::time::sleep(terminal::BEAT) => sign.beat("examining"),
            }
        }
    })?;
    let Interruptible::Finished(findings) = examined else { return Ok(ExitCode::from(130)) };
    let text = if arguments.json {
        json(&findings)
    } else {
        text(&findings, is_colorful(session), fold::width(&io::stdout()))
    };
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| output_failed(&e))?;
    Ok(ExitCode::from(doctor::exit_code(&findings)))
}

/// Where the text of a finding begins, behind the word that tells how bad it is.
const COLUMN: usize = 8;

fn is_colorful(session: &Session) -> bool {
    io::stdout().is_terminal()
        && session.environment.var("NO_COLOR").is_none()
        && session.environment.var("TERM") != Some("dumb")
}

fn json(findings: &[Finding]) -> String {
    let json = serde_json::to_string_pretty(findings);
    json.expect("findings are plain text") + "\n"
}

/// A line for each finding, its next step behind an arrow; on a terminal, folded, and the next step below.
fn text(findings: &[Finding], is_colorful: bool, width: Option<usize>) -> String {
    let line = |finding: &Finding| {
        let Finding { area, level, message, hint } = finding;
        let word = format!("{:7}", level.as_str());
        let line = terminal::harmless(&format!("{word} {area}: {message}")).into_owned();
        let hint = hint.as_ref().map(|hint| terminal::harmless(&format!("-> {hint}")).into_owned());
        let line = match (width, hint) {
            (None, None) => line,
            (None, Some(hint)) => format!("{line} {hint}"),
            (Some(width), None) => fold::line(&line, width, COLUMN),
            (Some(width), Some(hint)) => {
                let hint = fold::line(&format!("{:COLUMN$}{hint}", ""), width, COLUMN + 3);
                format!("{}\n{hint}", fold::line(&line, width, COLUMN))
            }
        };
        let color = match level {
            Level::Ok => 32,
            Level::Warning => 33,
            Level::Problem(_) => 31,
        };
        match line.strip_prefix(&word) {
            Some(rest) if is_colorful => format!("\x1b[{color}m{word}\x1b[0m{rest}\n"),
            _ => format!("{line}\n"),
        }
    };
    findings.iter().map(line).collect()
}
