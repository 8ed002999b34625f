//! `arawn.lastRequest`: the exact bytes that were sent last.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::Url;

use crate::lsp::answers;
use crate::lsp::messages::{prefixed, sentence};
use crate::lsp::session::Session;

/// Writes the body of the last request to a private file and opens it.
pub(in crate::lsp) async fn last_request(session: &Session) -> Result<Option<Value>> {
    let assistant =
        session.state.assistant().map_err(|report| Error::invalid_params(sentence(&report)))?;
    let Some(last) = assistant.gate().last_request() else {
        session.tell(prefixed("nothing has been sent to a model yet")).await;
        return Ok(None);
    };
    let folder = assistant.settings().state_folder.clone();
    let name = "last-request.json".to_owned();
    let path = answers::write(folder, name, last.body.clone()).await.map_err(|error| {
        tracing::warn!("the last request could not be written: {error}");
        Error::internal_error()
    })?;
    if !answers::open(session, &path).await {
        session.tell(answers::where_it_is(&path)).await;
    }
    let seconds = last.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Some(json!({
        "uri": Url::from_file_path(&path).ok(),
        "backend": last.backend,
        "model": last.model,
        "task": last.errand.to_string(),
        "url": last.url,
        "bytes": last.body.len(),
        "at": seconds,
    })))
}
