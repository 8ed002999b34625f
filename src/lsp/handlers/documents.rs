//! `textDocument/didOpen`, `didChange`, `didClose`, and `workspace/didRenameFiles`.

use tower_lsp::lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    RenameFilesParams, Url,
};

use crate::lsp::session::Session;

/// Takes the document in.
pub(in crate::lsp) fn did_open(session: &Session, params: DidOpenTextDocumentParams) {
    let document = params.text_document;
    session.state.open(document.uri, &document.text, document.version, &document.language_id);
    ring(session);
}

/// Applies the changes.
pub(in crate::lsp) fn did_change(session: &Session, params: DidChangeTextDocumentParams) {
    let document = params.text_document;
    if !session.state.change(&document.uri, document.version, params.content_changes) {
        tracing::warn!("a document that is not open was changed");
    }
    ring(session);
}

/// Forgets the document.
pub(in crate::lsp) fn did_close(session: &Session, params: &DidCloseTextDocumentParams) {
    session.state.close(&params.text_document.uri);
    ring(session);
}

/// Has the diagnostics published that what just happened made stale.
fn ring(session: &Session) {
    if session.state.read(|inner| inner.reviews.is_due()) {
        session.findings_due.notify_one();
    }
}

/// Lets what belongs to documents follow them to their new names.
pub(in crate::lsp) fn did_rename_files(session: &Session, params: &RenameFilesParams) {
    let parsed = |file: &tower_lsp::lsp_types::FileRename| {
        Some((Url::parse(&file.old_uri).ok()?, Url::parse(&file.new_uri).ok()?))
    };
    let renamed: Vec<(Url, Url)> = params.files.iter().filter_map(parsed).collect();
    session.state.rename(&renamed);
}
