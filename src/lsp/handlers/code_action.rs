//! `textDocument/codeAction`.

use tower_lsp::lsp_types::{CodeActionParams, CodeActionResponse};

use crate::lsp::code_actions::Menu;
use crate::lsp::convert;
use crate::lsp::session::Session;

/// Offers what fits; nothing for documents that are not open, or while there is no configuration.
pub(in crate::lsp) fn code_action(
    session: &Session,
    params: &CodeActionParams,
) -> CodeActionResponse {
    let uri = &params.text_document.uri;
    let (Some(snapshot), Ok(assistant)) = (session.state.snapshot(uri), session.state.assistant())
    else {
        return Vec::new();
    };
    let findings = convert::from_lsp_diagnostics(uri, &params.context.diagnostics);
    if !findings.is_empty() {
        session.state.note_findings(uri, findings);
    }
    let menu = Menu {
        catalog: &assistant.catalog(),
        uri,
        snapshot: &snapshot,
        encoding: session.state.encoding(),
        literals: session.state.abilities().code_action_literals,
    };
    menu.offers(params.range, &params.context)
}
