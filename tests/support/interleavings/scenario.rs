//! Everything that happens, said beforehand.

use std::ops::Range;

use fastrand::Rng;

use super::buffer::Units;
use super::{answers, documents};

/// A whole story. The same seed makes the same one.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) document: String,
    /// What the user selected, in characters.
    pub(crate) selection: Range<usize>,
    pub(crate) output: Output,
    pub(crate) answer: String,
    pub(crate) client: Client,
    /// What happens while the model writes.
    pub(crate) before: Vec<Step>,
    /// What happens around each edit that arawn sends; the last serves for all further ones.
    pub(crate) flights: Vec<Flight>,
    /// What happens after the job.
    pub(crate) after: Vec<Step>,
}

/// What is done with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Replace,
    Before,
    After,
    Continue,
}

/// How a client is made.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) units: Units,
    /// Whether it takes `documentChanges`.
    pub(crate) document_changes: bool,
    /// Whether it refuses an edit for another version than its own.
    pub(crate) checks_versions: bool,
    /// Whether it tells of changes only a moment later, as Neovim does.
    pub(crate) is_late: bool,
    /// The one line break it allows, if it allows but one.
    pub(crate) line_break: Option<&'static str>,
    /// How it tells of an edit it took.
    pub(crate) tells: Tells,
}

/// How a client tells of an edit it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// One event for each part, from the last to the first.
    FromTheEnd,
    /// One event for each part, from the first to the last, each in the text after the one before.
    FromTheStart,
    /// The whole text.
    Whole,
    /// One event from the first to the last difference.
    Span,
}

/// One thing the user or the editor does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `n` characters at a place become `text`.
    Type { at: Spot, n: usize, text: &'static str },
    /// Several of these in one notification.
    Batch(Vec<Step>),
    /// A formatter goes over the text.
    Format { whole: bool, way: Format },
    /// The user takes the last change back.
    Undo,
    /// And has it again.
    Redo,
    /// A late client tells now.
    Flush,
    /// Time passes, in milliseconds.
    Wait(u16),
    /// The document is closed, and opened again; the text on disk may be another.
    Reopen { other_text: bool, other_language: bool },
    /// It is closed and stays so.
    Close,
    /// The user changes something and then changes it back.
    ThereAndBack { at: Spot, text: &'static str },
}

/// Where something is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// At this share of the document, in 256ths.
    Anywhere(u8),
    /// At this share of the region.
    Inside(u8),
    /// So many characters before the region's start.
    BeforeStart(u8),
    /// So many characters behind the region's end.
    BehindEnd(u8),
    /// At the start of the document.
    First,
    /// At its end.
    Last,
}

/// What a formatter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Spaces at line ends go.
    Trim,
    /// Tabs become spaces.
    Tabs,
    /// Two blank lines become one, and the last line is ended.
    Blank,
}

/// What happens around one edit of arawn's.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// Before the client looks at it.
    pub(crate) before: Vec<Step>,
    pub(crate) take: Take,
    /// Between taking and answering.
    pub(crate) between: Vec<Step>,
    pub(crate) says: Says,
    /// Whether the answer leaves before the change does.
    pub(crate) answers_first: bool,
}

/// What a client does with an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// Applies it, if it does not find it stale.
    Apply,
    /// Does not.
    Refuse,
}

/// What a client says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Truth,
    Yes,
    No,
    Error,
    Nothing,
    /// The truth, when nobody waits for it any more.
    TooLate,
    Twice,
}

const TYPED: [&str; 14] = [
    "",
    "",
    "x",
    "typed",
    "🦀",
    "\n",
    "\r\n",
    "    ",
    "}\n",
    "// mine\n",
    "\u{301}",
    "\t",
    "a\nb",
    "return a + b;",
];

impl Scenario {
    /// The story of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let client = client(rng);
        let mut document = documents::document(rng);
        if let Some(line_break) = client.line_break {
            document = normal(&document, line_break);
        }
        let selection = documents::selection(rng, &document);
        let output = match rng.u8(..10) {
            0 => Output::Before,
            1 => Output::After,
            2 => Output::Continue,
            _ => Output::Replace,
        };
        let selected: String =
            document.chars().skip(selection.start).take(selection.len()).collect();
        let answer = answers::answer(rng, &selected);
        let is_calm = rng.u8(..4) == 0;
        let n_before = if is_calm { 0 } else { rng.usize(..5) };
        let before = steps(rng, n_before);
        let n_flights = 1 + rng.usize(..2);
        let is_true = rng.u8(..3) > 0;
        let flights = (0..n_flights).map(|_| flight(rng, is_true)).collect();
        let n_after = rng.usize(..3);
        let after = steps(rng, n_after);
        Self { document, selection, output, answer, client, before, flights, after }
    }

    /// What happens around the nth edit.
    pub(crate) fn flight(&self, nth: usize) -> Flight {
        self.flights[nth.min(self.flights.len() - 1)].clone()
    }

    /// Whether nobody lies, is late, forgets, or begins anew with the versions while an edit is under way.
    pub(crate) fn is_true(&self) -> bool {
        let reopens = |step: &Step| matches!(step, Step::Reopen { .. });
        self.client.checks_versions
            && self.client.document_changes
            && !self.client.is_late
            && self.flights.iter().all(|it| it.take == Take::Apply && it.says == Says::Truth)
            && !self.flights.iter().any(|it| it.before.iter().any(reopens))
    }
}

/// Text with one kind of line break.
pub(crate) fn normal(text: &str, line_break: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', line_break)
}

fn client(rng: &mut Rng) -> Client {
    let units = [Units::Utf16, Units::Utf16, Units::Utf8, Units::Utf32][rng.usize(..4)];
    let document_changes = rng.u8(..4) > 0;
    Client {
        units,
        document_changes,
        checks_versions: document_changes && rng.u8(..5) > 0,
        is_late: rng.u8(..5) == 0,
        line_break: [None, None, Some("\n"), Some("\r\n")][rng.usize(..4)],
        tells: [Tells::FromTheEnd, Tells::FromTheStart, Tells::Whole, Tells::Span][rng.usize(..4)],
    }
}

fn flight(rng: &mut Rng, is_true: bool) -> Flight {
    let n_before = if rng.u8(..3) == 0 { 1 + rng.usize(..2) } else { 0 };
    let n_between = if rng.u8(..4) == 0 { 1 + rng.usize(..2) } else { 0 };
    let take = if !is_true && rng.u8(..4) == 0 { Take::Refuse } else { Take::Apply };
    let lies =
        [Says::Truth, Says::Yes, Says::No, Says::Error, Says::Nothing, Says::TooLate, Says::Twice];
    let says = if is_true { Says::Truth } else { lies[rng.usize(..lies.len())] };
    let (before, between) = (steps(rng, n_before), steps(rng, n_between));
    Flight { before, take, between, says, answers_first: rng.u8(..4) == 0 }
}

fn steps(rng: &mut Rng, n: usize) -> Vec<Step> {
    (0..n).map(|_| step(rng)).collect()
}

fn step(rng: &mut Rng) -> Step {
    match rng.u8(..40) {
        0..22 => typing(rng),
        22..26 => {
            let n = 2 + rng.usize(..3);
            Step::Batch((0..n).map(|_| typing(rng)).collect())
        }
        26..29 => Step::Format {
            whole: rng.bool(),
            way: [Format::Trim, Format::Tabs, Format::Blank][rng.usize(..3)],
        },
        29..32 => Step::Undo,
        32 => Step::Redo,
        33..35 => Step::Flush,
        35 => Step::Wait([1, 100, 200, 700][rng.usize(..4)]),
        36 => Step::Reopen { other_text: rng.bool(), other_language: rng.u8(..3) == 0 },
        37 if rng.u8(..3) == 0 => Step::Close,
        _ => Step::ThereAndBack { at: spot(rng), text: TYPED[rng.usize(2..TYPED.len())] },
    }
}

fn typing(rng: &mut Rng) -> Step {
    let n = if rng.u8(..3) == 0 { 1 + rng.usize(..9) } else { 0 };
    Step::Type { at: spot(rng), n, text: TYPED[rng.usize(..TYPED.len())] }
}

fn spot(rng: &mut Rng) -> Spot {
    match rng.u8(..14) {
        0..3 => Spot::Anywhere(rng.u8(..)),
        3..7 => Spot::Inside(rng.u8(..)),
        7..9 => Spot::BeforeStart(rng.u8(..4)),
        9..11 => Spot::BehindEnd(rng.u8(..4)),
        11 => Spot::First,
        12 => Spot::Last,
        _ => Spot::BeforeStart(rng.u8(..60)),
    }
}
