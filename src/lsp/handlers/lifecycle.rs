//! `initialize`, `initialized`, `shutdown`.

use std::sync::Arc;

use tower_lsp::lsp_types::InitializeResult;

use crate::lsp::abilities::Greeting;
use crate::lsp::capabilities;
use crate::lsp::session::Session;
use crate::lsp::{first_start, notes, reload};

use super::configuration;

/// Gets to know the client and reads the configuration.
///
/// Does not await: until this has answered, tower-lsp reads nothing else.
pub(in crate::lsp) fn initialize(session: &Session) -> InitializeResult {
    let greeting = Greeting::from_raw(session.greeting());
    let (encoding, abilities) = (greeting.encoding, greeting.abilities);
    session.note_process(greeting.process_id);
    session.state.greet(greeting);
    let messages = reload::load(session);
    session.state.write(|inner| inner.to_say = messages);
    capabilities::initialize_result(encoding, abilities)
}

/// Says what had to wait for the handshake, and asks for the editor's settings.
pub(in crate::lsp) async fn initialized(session: &Arc<Session>) {
    let messages = session.state.write(|inner| std::mem::take(&mut inner.to_say));
    tokio::spawn(configuration::subscribe(session.clone()));
    tokio::spawn(first_start::greet(session.clone()));
    session.show_all(messages).await;
    notes::status(session).await;
}

/// Ends all work.
pub(in crate::lsp) fn shutdown(session: &Session) {
    session.state.cancel_all_jobs();
}
