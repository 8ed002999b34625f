//! `arawn.cancel`: ends one job, or all.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};

use crate::lsp::commands::argument;
use crate::lsp::jobs::JobId;
use crate::lsp::session::Session;

/// Cancels. A job that is over already is no error: the user was a little late.
pub(in crate::lsp) fn cancel(session: &Session, argument: &Value) -> Result<Option<Value>> {
    let job =
        match argument::optional::<String>(argument, "jobId")? {
            None => None,
            Some(text) => Some(JobId::from_text(&text).ok_or_else(|| {
                Error::invalid_params(format!("\"{text}\" is not the id of a job"))
            })?),
        };
    let n_cancelled = session.state.read(|inner| inner.jobs.cancel(job));
    Ok(Some(json!({ "cancelled": n_cancelled })))
}
