//! `textDocument/codeAction` and `textDocument/codeLens`.

use tower_lsp::lsp_types::{CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams};

use crate::lsp::code_actions::Menu;
use crate::lsp::convert;
use crate::lsp::proposal_actions;
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
    let mut offers = session
        .state
        .read(|inner| proposal_actions::code_actions(inner, uri, params.range, &params.context));
    offers.extend(menu.offers(params.range, &params.context));
    offers
}

/// Shows what waits for the user, above its lines.
pub(in crate::lsp) fn code_lens(session: &Session, params: &CodeLensParams) -> Vec<CodeLens> {
    session.state.read(|inner| proposal_actions::code_lenses(inner, &params.text_document.uri))
}
