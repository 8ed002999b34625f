//! Reads the configuration at start and whenever it changed, and keeps the last good one.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use crate::assistant::Assistant;

use super::messages::Message;
use super::notes;
use super::session::Session;

/// Reads the configuration now. Returns what the user must be told.
///
/// Blocks: in `initialize` nothing else is going on yet; later it runs on a thread of its own.
pub(super) fn load(session: &Session) -> Vec<Message> {
    let layer = session.state.read(|inner| inner.editor.clone());
    let (messages, files) = match (session.loader)(&layer) {
        Ok(loaded) => {
            if let Some(assistant) = session.state.read(|inner| inner.assistant.clone()) {
                assistant.reload(loaded.settings);
            } else {
                let assistant = Arc::new(Assistant::new(loaded.settings));
                session.state.write(|inner| inner.assistant = Some(assistant));
            }
            let messages = session.state.write(|inner| {
                inner.config_error = None;
                let fresh = loaded.warnings.into_iter();
                let broken = inner.assistant.iter().flat_map(|it| it.action_problems().to_vec());
                let fresh = fresh.chain(broken.collect::<Vec<_>>());
                fresh.filter(|warning| inner.warned.insert(warning.clone())).collect::<Vec<_>>()
            });
            (messages.iter().map(|text| Message::warning(text)).collect(), loaded.files)
        }
        Err(broken) => {
            let is_news = session.state.write(|inner| {
                let is_news = inner.config_error.as_ref() != Some(&broken.report);
                inner.config_error = Some(broken.report.clone());
                is_news
            });
            (is_news.then(|| Message::error(&broken.report)).into_iter().collect(), broken.files)
        }
    };
    watch(session, files);
    messages
}

/// Watches the files the configuration came from, unless they are watched already.
fn watch(session: &Session, files: Vec<PathBuf>) {
    session.state.write(|inner| inner.config_files.clone_from(&files));
    let Some(watch) = &session.watch else { return };
    let mut watching = session.watching.lock().unwrap_or_else(PoisonError::into_inner);
    if watching.as_ref().is_some_and(|(watched, _)| *watched == files) {
        return;
    }
    let reload = session.reload.clone();
    let guard = watch(&files, Box::new(move || reload.notify_one()));
    *watching = guard.map(|guard| (files, guard));
}

/// Reads the configuration again each time somebody rings for it.
pub(super) async fn whenever_asked(session: Arc<Session>) {
    loop {
        session.reload.notified().await;
        let reading = session.clone();
        match tokio::task::spawn_blocking(move || load(&reading)).await {
            Ok(messages) => session.show_all(messages).await,
            Err(error) => tracing::error!("reading the configuration failed: {error}"),
        }
        notes::status(&session).await;
    }
}
