//! `search_text`: lines that match a regular expression, by the crates of ripgrep.

use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};
use serde_json::{Value, json};

use super::list_files::Glob;
use super::{Clock, Files, Found, MAX_RESULT, Tool, ToolError, arguments, counted, shortened};

/// Most matching lines of one call.
const MAX_MATCHES: usize = 100;
/// Most matching lines of one file.
const MAX_IN_FILE: usize = 20;
/// Most characters of a line.
const MAX_LINE: usize = 240;
/// Most bytes that a compiled expression may take.
const MAX_EXPRESSION: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct SearchText;

impl Tool for SearchText {
    fn name(&self) -> &'static str {
        "search_text"
    }

    fn description(&self) -> &'static str {
        "Finds lines that match a regular expression in the files of the workspace. Shows path, line number and line."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "pattern": {"type": "string", "description": "Regular expression (Rust's syntax, one line)"},
                "path": {"type": "string", "description": "Folder or file to search; the whole workspace without it"},
                "glob": {"type": "string", "description": "Only files that match, such as *.rs"},
                "ignore_case": {"type": "boolean"},
                "literal": {"type": "boolean", "description": "The pattern is plain text"}
            },
            "required": ["pattern"]
        })
    }

    fn run(&self, files: &Files, arguments: &Value, clock: &Clock) -> Result<Found, ToolError> {
        let pattern = arguments::required(arguments, "pattern")?;
        let matcher = RegexMatcherBuilder::new()
            .case_insensitive(arguments::flag(arguments, "ignore_case")?)
            .fixed_strings(arguments::flag(arguments, "literal")?)
            .line_terminator(Some(b'\n'))
            .size_limit(MAX_EXPRESSION)
            .build(pattern)
            .map_err(|error| {
                let text = format!("`pattern` is not a regular expression: {error}");
                ToolError::BadArguments(text)
            })?;
        let start = files.entry(arguments::text(arguments, "path")?.unwrap_or("."))?;
        let glob = Glob::new(arguments::text(arguments, "glob")?)?;
        let mut search = Search { matcher, found: Found::default(), n_matches: 0, is_full: false };
        files.walk(&start, clock, &mut |path| {
            if glob.matches(path.shown()) {
                search.look_into(files, &path, clock);
            }
            if search.is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(search.end())
    }
}

struct Search {
    matcher: RegexMatcher,
    found: Found,
    n_matches: usize,
    is_full: bool,
}

impl Search {
    fn look_into(&mut self, files: &Files, path: &super::path::WorkspacePath, clock: &Clock) {
        // What cannot be read has no matches: huge, binary, gone.
        let Ok(content) = files.text(path) else { return };
        let mut lines = Lines { shown: path.shown(), clock, text: String::new(), n_matches: 0 };
        let searched = searcher().search_slice(&self.matcher, content.as_bytes(), &mut lines);
        if searched.is_err() || lines.n_matches == 0 {
            return;
        }
        if self.found.text.len() + lines.text.len() > MAX_RESULT - 200 {
            self.is_full = true;
            return;
        }
        self.n_matches += lines.n_matches;
        self.found.text.push_str(&lines.text);
        self.found.files.push(path.absolute().to_owned());
        self.is_full = self.n_matches >= MAX_MATCHES;
    }

    fn end(mut self) -> Found {
        if self.is_full {
            self.found
                .text
                .push_str("[there are more; narrow the pattern, the path or the glob]\n");
        }
        if self.n_matches == 0 && !self.is_full {
            self.found.text.push_str("[nothing matches]\n");
        }
        let n_files = self.found.files.len();
        self.found.summary = match self.n_matches {
            0 => "nothing found".to_owned(),
            1 => "1 match".to_owned(),
            n => format!("{n} matches in {}", counted(n_files, "file")),
        };
        self.found
    }
}

fn searcher() -> Searcher {
    SearcherBuilder::new().line_number(true).binary_detection(BinaryDetection::quit(0)).build()
}

/// Takes the matches of one file.
struct Lines<'a> {
    shown: &'a str,
    clock: &'a Clock,
    text: String,
    n_matches: usize,
}

impl Sink for Lines<'_> {
    type Error = io::Error;

    fn matched(&mut self, _searcher: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        if self.n_matches == MAX_IN_FILE {
            _ = writeln!(self.text, "{}: [more in this file]", self.shown);
            return Ok(false);
        }
        let line = String::from_utf8_lossy(found.bytes());
        let line_number = found.line_number().unwrap_or_default();
        let line = shortened(line.trim_end(), MAX_LINE);
        _ = writeln!(self.text, "{}:{line_number}: {line}", self.shown);
        self.n_matches += 1;
        Ok(!self.clock.is_over())
    }
}
