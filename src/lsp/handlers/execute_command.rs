//! `workspace/executeCommand` and `window/workDoneProgress/cancel`.

use std::sync::Arc;

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{ExecuteCommandParams, WorkDoneProgressCancelParams};

use crate::lsp::session::Session;
use crate::lsp::{commands, progress};

/// Runs one of our commands. An unknown one is refused without a word to the user, who did not ask for it.
pub(in crate::lsp) async fn execute_command(
    session: &Arc<Session>,
    params: ExecuteCommandParams,
) -> Result<Option<Value>> {
    let argument = commands::only_argument(params.arguments);
    match params.command.as_str() {
        commands::RUN => commands::run(session, &argument?).await,
        commands::CHAT => commands::chat(session, &argument?).await,
        commands::CANCEL => commands::cancel(session, &argument?),
        commands::PROPOSAL => commands::proposal(session, &argument?).await,
        commands::BACKEND => commands::backend(session, &argument?).await,
        commands::STATUS => commands::status(session).await,
        commands::LAST_REQUEST => commands::last_request(session).await,
        unknown => Err(Error::invalid_params(format!("unknown command \"{unknown}\""))),
    }
}

/// Cancels the job whose progress it is.
pub(in crate::lsp) fn work_done_progress_cancel(
    session: &Session,
    params: &WorkDoneProgressCancelParams,
) {
    if let Some(job) = progress::job_of(&params.token) {
        session.state.read(|inner| inner.jobs.cancel(Some(job)));
    }
}
