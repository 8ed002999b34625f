//! `diagnostics`: what compilers and linters say in the editor.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Clock, Files, Found, Tool, ToolError, arguments, counted, shortened};

/// Most findings of one call.
const MAX_FINDINGS: usize = 100;
/// Most characters of a message.
const MAX_MESSAGE: usize = 600;

#[derive(Debug)]
pub(super) struct Diagnostics;

impl Tool for Diagnostics {
    fn name(&self) -> &'static str {
        "diagnostics"
    }

    fn description(&self) -> &'static str {
        "Shows the errors and warnings that the user's editor has told of, for all files or for one."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {"path": {"type": "string", "description": "File, relative to the workspace; all files without it"}}
        })
    }

    fn run(&self, files: &Files, arguments: &Value, _clock: &Clock) -> Result<Found, ToolError> {
        let only = arguments::text(arguments, "path")?.map(|path| files.file(path)).transpose()?;
        let mut found = Found::default();
        let mut n_shown = 0;
        for finding in files.findings().unwrap_or_default() {
            let Some(path) = files.shown(&finding.path) else { continue };
            if only.as_ref().is_some_and(|only| *only != path) || n_shown == MAX_FINDINGS {
                continue;
            }
            n_shown += 1;
            let source = finding.source.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            let message = shortened(&finding.message, MAX_MESSAGE).replace('\n', "\n    ");
            let (shown, line, severity) = (path.shown(), finding.line, &finding.severity);
            _ = writeln!(found.text, "{shown}:{line}: {severity}{source}: {message}");
            let file = path.absolute().to_owned();
            if !found.files.contains(&file) {
                found.files.push(file);
            }
        }
        if n_shown == 0 {
            found.text.push_str("[none known]\n");
        }
        found.summary = counted(n_shown, "diagnostic");
        Ok(found)
    }
}
