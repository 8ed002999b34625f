//! `read_file`: the lines of one file, numbered.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Clock, Files, Found, MAX_RESULT, Tool, ToolError, arguments, counted, shortened};

/// Most lines of one call.
const MAX_LINES: usize = 400;
/// Most characters of a line.
const MAX_LINE: usize = 1000;

#[derive(Debug)]
pub(super) struct ReadFile;

impl Tool for ReadFile {
    fn name(&self) -> &'static str {
        "read_file"
    }

    fn description(&self) -> &'static str {
        "Reads a text file of the workspace. Lines are shown with their numbers. Long files come in parts: \
         ask again with start_line."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "File, relative to the workspace"},
                "start_line": {"type": "integer", "description": "First line, from 1"},
                "end_line": {"type": "integer", "description": "Last line"}
            },
            "required": ["path"]
        })
    }

    fn run(&self, files: &Files, arguments: &Value, _clock: &Clock) -> Result<Found, ToolError> {
        let path = files.file(arguments::required(arguments, "path")?)?;
        let start = arguments::number(arguments, "start_line")?.unwrap_or(1);
        let end = arguments::number(arguments, "end_line")?.unwrap_or(usize::MAX);
        if end < start {
            let text = "`end_line` lies before `start_line`".to_owned();
            return Err(ToolError::BadArguments(text));
        }
        let content = files.text(&path)?;
        let n_lines = content.lines().count();
        if n_lines > 0 && start > n_lines {
            let text = format!("\"{}\" has only {}", path.shown(), counted(n_lines, "line"));
            return Err(ToolError::BadArguments(text));
        }
        let wanted = (end.min(n_lines) + 1).saturating_sub(start);
        let mut text = String::new();
        let mut n_shown = 0;
        for (line_idx, line) in content.lines().enumerate().skip(start - 1).take(wanted) {
            // Room is left for the line that tells about the rest.
            if n_shown == MAX_LINES || text.len() + line.len().min(MAX_LINE) > MAX_RESULT - 200 {
                break;
            }
            _ = writeln!(text, "{:>5}\t{}", line_idx + 1, shortened(line, MAX_LINE));
            n_shown += 1;
        }
        let last = start + n_shown;
        if n_shown < wanted {
            _ = writeln!(
                text,
                "[lines {start} to {} of {n_lines}; go on with start_line {last}]",
                last - 1
            );
        }
        if text.is_empty() {
            text.push_str("[the file is empty]\n");
        }
        let summary = counted(n_shown, "line");
        Ok(Found { text, summary, files: vec![path.absolute().to_owned()] })
    }
}
