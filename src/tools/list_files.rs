//! `list_files`: the names of files, without those that are ignored.

use std::ops::ControlFlow;

use ignore::overrides::OverrideBuilder;
use serde_json::{Value, json};

use super::{Clock, Files, Found, Tool, ToolError, arguments, counted};

/// Most names of one call.
const MAX_NAMES: usize = 300;

#[derive(Debug)]
pub(super) struct ListFiles;

impl Tool for ListFiles {
    fn name(&self) -> &'static str {
        "list_files"
    }

    fn description(&self) -> &'static str {
        "Lists the files of the workspace, or of a folder in it, with all folders below. Ignored files are left out."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Folder, relative to the workspace; the whole workspace without it"},
                "glob": {"type": "string", "description": "Only files that match, such as *.rs or src/**/*.ts"}
            }
        })
    }

    fn run(&self, files: &Files, arguments: &Value, clock: &Clock) -> Result<Found, ToolError> {
        let start = files.entry(arguments::text(arguments, "path")?.unwrap_or("."))?;
        let glob = Glob::new(arguments::text(arguments, "glob")?)?;
        let (mut text, mut n_shown, mut has_more) = (String::new(), 0, false);
        files.walk(&start, clock, &mut |path| {
            if !glob.matches(path.shown()) {
                return ControlFlow::Continue(());
            }
            if n_shown == MAX_NAMES {
                has_more = true;
                return ControlFlow::Break(());
            }
            n_shown += 1;
            text.push_str(path.shown());
            text.push('\n');
            ControlFlow::Continue(())
        })?;
        if has_more {
            text.push_str("[there are more; name a folder or a glob]\n");
        }
        if n_shown == 0 {
            text.push_str("[no files]\n");
        }
        let more = if has_more { ", and more" } else { "" };
        let summary = format!("{}{more}", counted(n_shown, "file"));
        Ok(Found { text, summary, files: Vec::new() })
    }
}

/// A pattern of file names, in the words of `.gitignore`.
#[derive(Debug)]
pub(super) struct Glob(Option<ignore::overrides::Override>);

impl Glob {
    pub(super) fn new(pattern: Option<&str>) -> Result<Self, ToolError> {
        let Some(pattern) = pattern else { return Ok(Self(None)) };
        let bad = |error: ignore::Error| {
            ToolError::BadArguments(format!("`glob` is not a pattern: {error}"))
        };
        // The paths that it is compared with are relative already.
        let mut builder = OverrideBuilder::new("");
        builder.add(pattern.trim_start_matches("./")).map_err(bad)?;
        Ok(Self(Some(builder.build().map_err(bad)?)))
    }

    pub(super) fn matches(&self, shown: &str) -> bool {
        self.0.as_ref().is_none_or(|glob| glob.matched(shown, false).is_whitelist())
    }
}
