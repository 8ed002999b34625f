//! One client and everything the server has for it, shared by handlers and tasks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;
use tokio::sync::{Notify, SetOnce};
use tower_lsp::Client;
use tower_lsp::lsp_types::MessageType;

use super::messages::Message;
use super::settings::{Loader, WatchFiles, WatchGuard};
use super::state::State;
use super::{Limits, ServeOptions};

/// See the module. Mutable only through [`State`], which never locks over an await.
pub(super) struct Session {
    /// The way to the client.
    pub(super) client: Client,
    /// What is remembered.
    pub(super) state: State,
    /// Reads the configuration.
    pub(super) loader: Loader,
    /// Watches configuration files.
    pub(super) watch: Option<WatchFiles>,
    /// The watch in force, and what it watches.
    pub(super) watching: Mutex<Option<(Vec<PathBuf>, WatchGuard)>>,
    /// Rung when the configuration is to be read again: one slot, so only the newest call counts.
    pub(super) reload: Arc<Notify>,
    /// Rung when diagnostics of ours are to be published.
    pub(super) findings_due: Arc<Notify>,
    /// Time limits.
    pub(super) limits: Limits,
    greeting: Arc<OnceLock<Value>>,
    process_id: SetOnce<Option<u32>>,
}

impl Session {
    /// A session that has not been initialized yet.
    pub(super) fn new(
        client: Client,
        greeting: Arc<OnceLock<Value>>,
        options: ServeOptions,
    ) -> Self {
        Self {
            client,
            state: State::default(),
            loader: options.loader,
            watch: options.watch,
            watching: Mutex::default(),
            reload: Arc::default(),
            findings_due: Arc::default(),
            limits: options.limits,
            greeting,
            process_id: SetOnce::new(),
        }
    }

    /// The raw parameters of `initialize`.
    pub(super) fn greeting(&self) -> &Value {
        self.greeting.get().unwrap_or(&Value::Null)
    }

    /// Notes the client's process.
    pub(super) fn note_process(&self, process_id: Option<u32>) {
        // A second `initialize` never comes here.
        let _ = self.process_id.set(process_id);
    }

    /// The client's process, once it is known.
    pub(super) async fn client_process(&self) -> Option<u32> {
        *self.process_id.wait().await
    }

    /// Shows a message to the user. Only for what the user must see.
    pub(super) async fn show(&self, message: Message) {
        tracing::info!(kind = ?message.kind, "shown: {}", message.text);
        self.client.show_message(message.kind, message.text).await;
    }

    /// Shows several.
    pub(super) async fn show_all(&self, messages: Vec<Message>) {
        for message in messages {
            self.show(message).await;
        }
    }

    /// Shows a piece of news that is no trouble.
    pub(super) async fn tell(&self, text: impl Into<String>) {
        self.show(Message { kind: MessageType::INFO, text: text.into() }).await;
    }
}
