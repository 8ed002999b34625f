//! An editor with one document open, which does what a scenario says.

use std::ops::Range;

use serde_json::{Value, json};

use super::buffer::{Buffer, Cell, Origin};
use super::landing::Landing;
use super::scenario::{Client, Format, Scenario, Spot, Step, Take, Tells, normal};

pub(crate) const URI: &str = "untitled:Untitled-1";

/// One replacement, in the text before it.
#[derive(Clone, Debug)]
struct Replaced {
    at: usize,
    removed: Vec<Cell>,
    inserted: Vec<Cell>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Editor {
    client: Client,
    buffer: Buffer,
    version: i64,
    is_open: bool,
    language: &'static str,
    /// The text when the job began.
    document: String,
    /// The region of the job, in characters of that text.
    region: Range<usize>,
    undo: Vec<Vec<Replaced>>,
    redo: Vec<Vec<Replaced>>,
    /// Changes that a late client has not told of yet.
    unsent: Vec<Value>,
    outbox: Vec<(&'static str, Value)>,
    /// The text as the server knows it.
    told: String,
    /// Whether a whole text was sent, or another text opened: where a region then lies may be a guess.
    pub(crate) is_ambiguous: bool,
    /// The edits of arawn's that it took.
    pub(crate) landings: Vec<Landing>,
    /// All the texts that it told of.
    texts: Vec<String>,
}

impl Editor {
    pub(crate) fn new(scenario: &Scenario, region: Range<usize>) -> Self {
        Self {
            client: scenario.client.clone(),
            buffer: Buffer::new(&scenario.document),
            version: 1,
            is_open: true,
            language: "plaintext",
            document: scenario.document.clone(),
            region,
            undo: Vec::new(),
            redo: Vec::new(),
            unsent: Vec::new(),
            outbox: Vec::new(),
            told: scenario.document.clone(),
            is_ambiguous: false,
            landings: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Whether the user has written, at some time, what the answer would have.
    pub(crate) fn once_held(&self, text: &str) -> bool {
        let lines = |text: &str| normal(text, "\n");
        self.texts.iter().any(|it| lines(it).contains(&lines(text)))
    }

    /// The text, if the document is open.
    pub(crate) fn text(&self) -> Option<String> {
        self.is_open.then(|| self.buffer.text())
    }

    /// The text that the server knows, once the outbox has gone.
    pub(crate) fn told(&self) -> &str {
        &self.told
    }

    /// A range of the text as the client writes it.
    pub(crate) fn lsp_range(&self, range: &Range<usize>) -> Value {
        self.buffer.range(range, self.client.units)
    }

    pub(crate) fn is_late(&self) -> bool {
        self.client.is_late
    }

    /// The parameters of `didOpen`.
    pub(crate) fn opened(&self) -> Value {
        json!({ "textDocument": {
            "uri": URI, "languageId": self.language, "version": self.version, "text": self.buffer.text(),
        } })
    }

    /// The notifications that are ready to go.
    pub(crate) fn outgoing(&mut self) -> Vec<(&'static str, Value)> {
        std::mem::take(&mut self.outbox)
    }

    /// Does one thing.
    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Wait(_) => {}
            Step::Flush => self.flush(),
            Step::Reopen { other_text, other_language } => {
                self.reopen(*other_text, *other_language);
            }
            _ if !self.is_open => {}
            Step::Type { at, n, text } => {
                let event = self.types(*at, *n, text);
                self.changed(vec![event]);
            }
            Step::Batch(steps) => {
                let mut events = Vec::new();
                for step in steps {
                    if let Step::Type { at, n, text } = step {
                        events.push(self.types(*at, *n, text));
                    }
                }
                self.changed(events);
            }
            Step::ThereAndBack { at, text } => {
                let there = self.types(*at, 3, text);
                self.changed(vec![there]);
                self.take_back();
            }
            Step::Format { whole, way } => self.format(*whole, *way),
            Step::Undo => self.take_back(),
            Step::Redo => self.have_again(),
            Step::Close => {
                self.flush();
                self.is_open = false;
                self.outbox
                    .push(("textDocument/didClose", json!({ "textDocument": { "uri": URI } })));
            }
        }
    }

    /// A late client tells of what has changed.
    pub(crate) fn flush(&mut self) {
        if !self.unsent.is_empty() && self.is_open {
            let events = std::mem::take(&mut self.unsent);
            self.version += 1;
            self.told = self.buffer.text();
            self.texts.push(self.told.clone());
            let document = json!({ "uri": URI, "version": self.version });
            let params = json!({ "textDocument": document, "contentChanges": events });
            self.outbox.push(("textDocument/didChange", params));
        }
    }

    fn changed(&mut self, events: Vec<Value>) {
        self.unsent.extend(events);
        if !self.client.is_late {
            self.flush();
        }
    }

    fn reopen(&mut self, other_text: bool, other_language: bool) {
        if self.is_open {
            self.step(&Step::Close);
        }
        if other_text {
            let at = self.buffer.boundary(self.buffer.len() / 2);
            self.buffer.replace(at..at, "other", Origin::User);
            self.is_ambiguous = true;
        }
        if other_language {
            self.language = "python";
        }
        (self.is_open, self.version) = (true, 1);
        self.undo.clear();
        self.redo.clear();
        self.told = self.buffer.text();
        let opened = self.opened();
        self.outbox.push(("textDocument/didOpen", opened));
    }

    /// The user replaces `n` characters at a place. Returns the event.
    fn types(&mut self, at: Spot, n: usize, text: &str) -> Value {
        let start = self.buffer.boundary(self.spot(at));
        let mut end = (start + n).min(self.buffer.len());
        while !self.buffer.is_boundary(end) {
            end += 1;
        }
        let text = self.client.line_break.map_or(text.to_owned(), |it| normal(text, it));
        self.redo.clear();
        let (event, replaced) = self.replace(start..end, &text, Origin::User);
        self.undo.push(vec![replaced]);
        event
    }

    fn spot(&self, at: Spot) -> usize {
        let (len, core) = (self.buffer.len(), self.core());
        match at {
            Spot::Anywhere(share) => len * usize::from(share) / 255,
            Spot::Inside(share) => core.start + core.len() * usize::from(share) / 255,
            Spot::BeforeStart(n) => core.start.saturating_sub(usize::from(n)),
            Spot::BehindEnd(n) => (core.end + usize::from(n)).min(len),
            Spot::First => 0,
            Spot::Last => len,
        }
    }

    /// From the first to the last character of the region that is left.
    fn core(&self) -> Range<usize> {
        core_of(&self.buffer.cells, &self.region)
    }

    fn replace(&mut self, range: Range<usize>, text: &str, origin: Origin) -> (Value, Replaced) {
        let event = json!({ "range": self.buffer.range(&range, self.client.units), "text": text });
        let removed = self.buffer.cells[range.clone()].to_vec();
        let inserted: Vec<Cell> = text.chars().map(|c| Cell { c, origin }).collect();
        self.buffer.cells.splice(range.clone(), inserted.iter().copied());
        (event, Replaced { at: range.start, removed, inserted })
    }

    fn take_back(&mut self) {
        let Some(mut group) = self.undo.pop() else { return };
        let mut events = Vec::new();
        for replaced in group.iter_mut().rev() {
            events.push(self.put(replaced.at, replaced.inserted.len(), &replaced.removed));
        }
        self.redo.push(group);
        self.changed(events);
    }

    fn have_again(&mut self) {
        let Some(group) = self.redo.pop() else { return };
        let mut events = Vec::new();
        for replaced in &group {
            events.push(self.put(replaced.at, replaced.removed.len(), &replaced.inserted));
        }
        self.undo.push(group);
        self.changed(events);
    }

    /// Puts known characters in the place of `len` others. The range a client sends never cuts a CRLF.
    fn put(&mut self, at: usize, len: usize, cells: &[Cell]) -> Value {
        let (mut start, mut end) = (at, at + len);
        let mut after = self.buffer.clone();
        after.cells.splice(start..end, cells.iter().copied());
        while !self.buffer.is_boundary(start) || !after.is_boundary(start) {
            start -= 1;
        }
        let grown = cells.len();
        while !self.buffer.is_boundary(end) || !after.is_boundary(end + grown - len) {
            end += 1;
        }
        let range = self.buffer.range(&(start..end), self.client.units);
        let text = super::buffer::text_of(&after.cells[start..end + grown - len]);
        self.buffer = after;
        json!({ "range": range, "text": text })
    }

    fn format(&mut self, whole: bool, way: Format) {
        let mut parts = way.parts(&self.buffer.text());
        parts.reverse();
        let mut events = Vec::new();
        let mut group = Vec::new();
        for (range, text) in parts {
            let text = self.client.line_break.map_or(text.clone(), |it| normal(&text, it));
            let (event, replaced) = self.replace(range, &text, Origin::User);
            events.push(event);
            group.push(replaced);
        }
        if events.is_empty() {
            return;
        }
        self.redo.clear();
        self.undo.push(group);
        if whole || self.buffer.text().replace("\r\n", "").contains('\r') {
            self.is_ambiguous = true;
            events = vec![json!({ "text": self.buffer.text() })];
        }
        self.changed(events);
    }

    /// Takes an edit of arawn's, as its client would, or does not. Returns whether it did.
    ///
    /// `planned_on` is the text the edit was made for, as far as that is known.
    pub(crate) fn take(&mut self, edit: &Value, planned_on: Option<&str>, take: Take) -> bool {
        let (edits, version) = match edit.get("documentChanges") {
            Some(changes) => (&changes[0]["edits"], changes[0]["textDocument"]["version"].as_i64()),
            None => (&edit["changes"][URI], None),
        };
        let is_stale = self.client.checks_versions && version.is_some_and(|it| it != self.version);
        if take == Take::Refuse || is_stale || !self.is_open {
            return false;
        }
        let edits = edits.as_array().cloned().unwrap_or_default();
        let mut landing = Landing::of(&self.buffer, &edits, &self.client, planned_on, &self.region);
        landing.is_as_it_was = self.buffer.text() == self.document;
        self.land(&landing.edits);
        landing.after = self.buffer.text();
        self.landings.push(landing);
        true
    }

    /// Does what an edit says, as one step for undo, and tells of it.
    fn land(&mut self, edits: &[(Range<usize>, String)]) {
        let mut events = Vec::new();
        let mut group = Vec::new();
        let before = self.buffer.clone();
        for (range, text) in edits.iter().rev() {
            let (event, replaced) = self.replace(range.clone(), text, Origin::Arawn);
            events.push(event);
            group.push(replaced);
        }
        // A lone `\r` may become half of a CRLF between two events, and then the next has no position to name.
        let has_lone_cr = before.text().replace("\r\n", "").contains('\r');
        let events = match self.client.tells {
            Tells::FromTheEnd | Tells::FromTheStart if has_lone_cr && !edits.is_empty() => {
                vec![span(&before, edits, &self.client)]
            }
            Tells::FromTheEnd => events,
            Tells::FromTheStart => from_the_start(before, edits, &self.client),
            Tells::Span => vec![span(&before, edits, &self.client)],
            Tells::Whole => {
                self.is_ambiguous = true;
                vec![json!({ "text": self.buffer.text() })]
            }
        };
        self.redo.clear();
        self.undo.push(group);
        if !edits.is_empty() {
            self.changed(events);
        }
    }
}

fn from_the_start(
    mut buffer: Buffer,
    edits: &[(Range<usize>, String)],
    client: &Client,
) -> Vec<Value> {
    let (mut grown, mut shrunk) = (0, 0);
    let mut events = Vec::new();
    for (range, text) in edits {
        let range = range.start + grown - shrunk..range.end + grown - shrunk;
        events.push(json!({ "range": buffer.range(&range, client.units), "text": text }));
        grown += text.chars().count();
        shrunk += range.len();
        buffer.replace(range, text, Origin::Arawn);
    }
    events
}

fn span(before: &Buffer, edits: &[(Range<usize>, String)], client: &Client) -> Value {
    let (Some((first, _)), Some((last, _))) = (edits.first(), edits.last()) else {
        return Value::Null;
    };
    let (mut text, mut at) = (String::new(), first.start);
    for (range, new) in edits {
        text.push_str(&super::buffer::text_of(&before.cells[at..range.start]));
        text.push_str(new);
        at = range.end;
    }
    json!({ "range": before.range(&(first.start..last.end), client.units), "text": text })
}

/// From the first to the last character of a region that is left; an empty range where it was, if none is.
pub(super) fn core_of(cells: &[Cell], region: &Range<usize>) -> Range<usize> {
    let is_of_region =
        |cell: &Cell| matches!(cell.origin, Origin::Document(idx) if region.contains(&idx));
    let first = cells.iter().position(is_of_region);
    let last = cells.iter().rposition(is_of_region);
    if let (Some(first), Some(last)) = (first, last) {
        return first..last + 1;
    }
    let at = bounds_of(cells, region).start;
    at..at
}

/// From behind the last character before a region to the first behind it.
pub(super) fn bounds_of(cells: &[Cell], region: &Range<usize>) -> Range<usize> {
    let is_before =
        |cell: &Cell| matches!(cell.origin, Origin::Document(idx) if idx < region.start);
    let is_behind = |cell: &Cell| matches!(cell.origin, Origin::Document(idx) if idx >= region.end);
    let start = cells.iter().rposition(is_before).map_or(0, |idx| idx + 1);
    start..cells.iter().position(is_behind).unwrap_or(cells.len()).max(start)
}

impl Format {
    /// What it replaces, ascending.
    fn parts(self, text: &str) -> Vec<(Range<usize>, String)> {
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Vec::new();
        match self {
            Self::Trim => {
                let mut idx = 0;
                while idx < chars.len() {
                    let end = (idx..chars.len())
                        .find(|at| !matches!(chars[*at], ' ' | '\t'))
                        .unwrap_or(chars.len());
                    if end > idx && matches!(chars.get(end), None | Some('\n' | '\r')) {
                        parts.push((idx..end, String::new()));
                    }
                    idx = end + 1;
                }
            }
            Self::Tabs => {
                let tabs = (0..chars.len()).filter(|idx| chars[*idx] == '\t');
                parts.extend(tabs.map(|idx| (idx..idx + 1, "    ".to_owned())));
            }
            Self::Blank => {
                let double = (2..chars.len()).filter(|idx| chars[idx - 2..=*idx] == ['\n'; 3]);
                parts.extend(double.map(|idx| (idx..idx + 1, String::new())));
                if chars.last().is_some_and(|c| !matches!(c, '\n' | '\r')) {
                    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
                    parts.push((chars.len()..chars.len(), line_break.to_owned()));
                }
            }
        }
        parts
    }
}
