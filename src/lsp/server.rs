//! The methods of the protocol that the server has, each in a file of its own under `handlers`.

use std::sync::Arc;

use serde_json::Value;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams,
    DidChangeConfigurationParams, DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    ExecuteCommandParams, InitializeParams, InitializeResult, InitializedParams, RenameFilesParams,
    WorkDoneProgressCancelParams,
};

use super::handlers;
use super::session::Session;

/// What tower-lsp calls.
pub(super) struct Server {
    /// The one session of this process.
    pub(super) session: Arc<Session>,
}

impl Server {
    /// `window/workDoneProgress/cancel`
    #[expect(clippy::unused_async, reason = "tower-lsp takes asynchronous methods only")]
    pub(super) async fn work_done_progress_cancel(&self, params: WorkDoneProgressCancelParams) {
        handlers::work_done_progress_cancel(&self.session, &params);
    }
}

// Every handler does its work before the first await, or spawns it: see `front`.
#[tower_lsp::async_trait]
impl LanguageServer for Server {
    async fn initialize(&self, _emptied: InitializeParams) -> Result<InitializeResult> {
        Ok(handlers::initialize(&self.session))
    }

    async fn initialized(&self, _params: InitializedParams) {
        handlers::initialized(&self.session).await;
    }

    async fn shutdown(&self) -> Result<()> {
        handlers::shutdown(&self.session);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        handlers::did_open(&self.session, params);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        handlers::did_change(&self.session, params);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        handlers::did_close(&self.session, &params);
    }

    async fn did_rename_files(&self, params: RenameFilesParams) {
        handlers::did_rename_files(&self.session, &params);
    }

    async fn did_save(&self, _params: DidSaveTextDocumentParams) {
        // The text is known from the changes. Announced because some clients send it anyway.
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        handlers::did_change_configuration(&self.session, params).await;
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        handlers::did_change_workspace_folders(&self.session, &params);
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(Some(handlers::code_action(&self.session, &params)))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(Some(handlers::code_lens(&self.session, &params)))
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        Ok(action)
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        handlers::execute_command(&self.session, params).await
    }
}
