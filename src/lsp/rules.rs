//! Asks the user, once, whether the rules of a project are to be used.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tower_lsp::lsp_types::request::ShowMessageRequest;
use tower_lsp::lsp_types::{MessageActionItem, MessageType, ShowMessageRequestParams};

use crate::assistant::Assistant;
use crate::rules::{Rules, Unallowed, Unused};

use super::answers;
use super::messages::{Message, prefixed};
use super::requests::ask;
use super::session::Session;

/// How long a question to the user stays valid.
const PATIENCE: Duration = Duration::from_mins(10);

const USE: &str = "Use them";
const SHOW: &str = "Show";
const NOT_NOW: &str = "Not now";

/// Looks whether there are rules that the user has not decided about, and asks. Returns at once: a job does not wait
/// for it, and goes without them.
pub(super) fn ask_about(
    session: &Arc<Session>,
    assistant: &Arc<Assistant>,
    file: Option<PathBuf>,
    workspace: Vec<PathBuf>,
) {
    let (session, assistant) = (session.clone(), assistant.clone());
    tokio::spawn(async move {
        match read(&assistant, file, workspace).await.unused {
            None => {}
            Some(unused) if !is_news(&session, &unused) => {}
            Some(Unused::NotAllowed(rules)) if session.state.abilities().message_actions => {
                question(&session, &assistant, rules).await;
            }
            // Whoever allowed them before believes that they are used.
            Some(Unused::NotAllowed(rules)) if rules.has_changed => {
                let text = Unused::NotAllowed(rules).to_string();
                session.show(Message::warning(&text)).await;
            }
            Some(unused @ Unused::NotAllowed(_)) => tracing::warn!("{unused}"),
            Some(unused @ Unused::Refused { .. }) => {
                session.show(Message::warning(&unused.to_string())).await;
            }
        }
    });
}

/// The rules for work on a file, read on a thread where nobody waits.
pub(super) async fn read(
    assistant: &Arc<Assistant>,
    file: Option<PathBuf>,
    workspace: Vec<PathBuf>,
) -> Rules {
    let assistant = assistant.clone();
    let read = move || assistant.rules(file.as_deref(), &workspace);
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// Whether this has not been said in this session, of this content.
fn is_news(session: &Session, unused: &Unused) -> bool {
    let key = match unused {
        Unused::NotAllowed(rules) => format!("{} {}", rules.path.display(), rules.digest),
        Unused::Refused { reason } => reason.clone(),
    };
    session.state.write(|inner| inner.warned.insert(key))
}

async fn question(session: &Session, assistant: &Arc<Assistant>, rules: Unallowed) {
    loop {
        let answer = answer(session, &rules).await;
        match answer.as_deref() {
            Some(USE) => {
                allow(session, assistant, rules).await;
                return;
            }
            // Then the question comes again.
            Some(SHOW) => {
                if !answers::open(session, &rules.path).await {
                    session.tell(answers::where_it_is(&rules.path)).await;
                }
            }
            _ => return,
        }
    }
}

async fn answer(session: &Session, rules: &Unallowed) -> Option<String> {
    let item =
        |title: &str| MessageActionItem { title: title.to_owned(), properties: HashMap::new() };
    let params = ShowMessageRequestParams {
        typ: MessageType::INFO,
        message: prefixed(&rules.question()),
        actions: Some([USE, SHOW, NOT_NOW].map(item).into()),
    };
    let asked = ask::<ShowMessageRequest>(&session.client, params, PATIENCE).await;
    asked.ok().flatten().map(|item| item.title)
}

async fn allow(session: &Session, assistant: &Arc<Assistant>, rules: Unallowed) {
    let assistant = assistant.clone();
    let allowed = tokio::task::spawn_blocking(move || assistant.allow_rules(&rules)).await;
    let failed = match allowed {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    session.show(Message::error_text(&format!("this could not be noted: {failed}"))).await;
}
