//! What the client told about itself in `initialize`, read from the raw JSON.
//!
//! The typed form of lsp-types 0.94 drops what it does not know and refuses values newer than itself.

use std::path::PathBuf;

use serde_json::Value;
use tower_lsp::lsp_types::Url;

use crate::text::Encoding;

use super::convert;

/// What the client can do, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact of the protocol")]
pub(super) struct Abilities {
    /// Versioned `documentChanges` in workspace edits.
    pub(super) document_changes: bool,
    /// Workspace edits that make files.
    pub(super) create_files: bool,
    /// Progress with tokens that the server made.
    pub(super) progress: bool,
    /// `window/showDocument`.
    pub(super) show_document: bool,
    /// `window/showMessageRequest`: messages with buttons.
    pub(super) ask_user: bool,
    /// `workspace/configuration`.
    pub(super) configuration: bool,
    /// Registering for `workspace/didChangeConfiguration`.
    pub(super) register_configuration: bool,
    /// Code actions as literals, with kinds; else only commands.
    pub(super) code_action_literals: bool,
    /// Buttons in messages.
    pub(super) message_actions: bool,
    /// Asks its user to confirm edits that need it.
    pub(super) confirms_edits: bool,
    /// Asks for code lenses anew when it is told to.
    pub(super) code_lens_refresh: bool,
    /// Our own notifications, see `docs/lsp-extensions.md`.
    pub(super) extension: bool,
}

impl Abilities {
    fn from_raw(capabilities: &Value) -> Self {
        let says = |pointer: &str| capabilities.pointer(pointer).is_some_and(|value| value == true);
        let has = |pointer: &str| {
            capabilities
                .pointer(pointer)
                .is_some_and(|value| !value.is_null() && value != &Value::Bool(false))
        };
        let edit = &capabilities["workspace"]["workspaceEdit"];
        let makes_files = edit["resourceOperations"]
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "create"));
        Self {
            create_files: makes_files && edit["documentChanges"] == true,
            document_changes: says("/workspace/workspaceEdit/documentChanges"),
            progress: says("/window/workDoneProgress"),
            show_document: says("/window/showDocument/support"),
            ask_user: has("/window/showMessage"),
            configuration: says("/workspace/configuration"),
            register_configuration: says("/workspace/didChangeConfiguration/dynamicRegistration"),
            code_action_literals: has("/textDocument/codeAction/codeActionLiteralSupport"),
            message_actions: has("/window/showMessage/messageActionItem"),
            confirms_edits: false,
            code_lens_refresh: says("/workspace/codeLens/refreshSupport"),
            extension: has("/experimental/arawn"),
        }
    }
}

/// A client as it introduced itself.
#[derive(Clone, Debug)]
pub(super) struct Greeting {
    /// What it can do.
    pub(super) abilities: Abilities,
    /// What its columns count.
    pub(super) encoding: Encoding,
    /// Roots of the workspace.
    pub(super) workspace: Vec<PathBuf>,
    /// Its `initializationOptions`.
    pub(super) options: Option<Value>,
    /// Its process.
    pub(super) process_id: Option<u32>,
}

impl Greeting {
    /// Reads the parameters of `initialize`; anything missing or odd is as if it were not there.
    pub(super) fn from_raw(params: &Value) -> Self {
        let capabilities = &params["capabilities"];
        let mut abilities = Abilities::from_raw(capabilities);
        let annotates =
            !capabilities["workspace"]["workspaceEdit"]["changeAnnotationSupport"].is_null();
        abilities.confirms_edits = annotates && is_known_to_confirm(&params["clientInfo"]["name"]);
        Self {
            abilities,
            encoding: encoding(&capabilities["general"]["positionEncodings"]),
            workspace: workspace(params),
            options: Some(params["initializationOptions"].clone()).filter(Value::is_object),
            process_id: params["processId"].as_u64().and_then(|id| u32::try_from(id).ok()),
        }
    }
}

/// Editors that show `needsConfirmation` to their user and wait. Others announce it too, and apply everything at
/// once: a label in their undo list is all they make of it.
const CONFIRMING: [&str; 5] =
    ["Visual Studio Code", "VSCodium", "code-server", "Cursor", "Windsurf"];

fn is_known_to_confirm(client: &Value) -> bool {
    client.as_str().is_some_and(|client| CONFIRMING.iter().any(|name| client.starts_with(name)))
}

/// utf-8 is what ropes count fastest, utf-16 is what every client must have; utf-32 only if it is all there is.
fn encoding(offered: &Value) -> Encoding {
    let offers = |name: &str| {
        offered
            .as_array()
            .is_some_and(|encodings| encodings.iter().any(|encoding| encoding == name))
    };
    if offers("utf-8") {
        Encoding::Utf8
    } else if offers("utf-32") && !offers("utf-16") {
        Encoding::Utf32
    } else {
        Encoding::Utf16
    }
}

fn workspace(params: &Value) -> Vec<PathBuf> {
    let path = |uri: &Value| {
        uri.as_str().and_then(|uri| Url::parse(uri).ok()).and_then(|uri| convert::path_of(&uri))
    };
    if let Some(folders) = params["workspaceFolders"].as_array() {
        return folders.iter().filter_map(|folder| path(&folder["uri"])).collect();
    }
    path(&params["rootUri"])
        .or_else(|| params["rootPath"].as_str().map(PathBuf::from))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn utf_8_wins_where_offered_and_utf_32_only_alone() {
        assert_eq!(encoding(&json!(["utf-32", "utf-8", "utf-16"])), Encoding::Utf8);
        assert_eq!(encoding(&json!(["utf-32", "utf-16"])), Encoding::Utf16);
        assert_eq!(encoding(&json!(["utf-32"])), Encoding::Utf32);
        assert_eq!(encoding(&json!(null)), Encoding::Utf16);
    }

    #[test]
    fn odd_parameters_are_as_if_absent() {
        let greeting = Greeting::from_raw(&json!({
            "processId": -1, "rootUri": "not a uri", "workspaceFolders": null,
            "initializationOptions": [1], "capabilities": { "window": 3, "experimental": { "arawn": false } },
        }));
        assert_eq!(greeting.abilities, Abilities::default());
        assert_eq!(greeting.workspace, Vec::<PathBuf>::new());
        assert_eq!(greeting.options, None);
        assert_eq!(greeting.process_id, None);
    }
}
