//! An edit that the client was given: whether it has got to its place, and what else happened there.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use ropey::Rope;
use tower_lsp::lsp_types::Url;

use crate::edits::Region;
use crate::text::{Change, CharIdx, CharRange, Shift};

use super::Bell;
use super::pieces::Pieces;

/// As many bytes of an edit, found in a change, are more than chance.
const TELLING: usize = 8;

/// Whether the client tells of an edit of more parts in several messages is not looked at.
const MOST_PARTS: usize = 64;

/// One replacement of an edit, wherever it lands.
#[derive(Debug)]
struct Part {
    /// Where it begins in the text that the edit was made for.
    at: Spot,
    /// What it replaces, in bytes of what stood in the place.
    replaced: Range<usize>,
    n_removed: usize,
    text: String,
    /// Characters taken out and put in, a `\r\n` as one.
    n_taken: usize,
    n_added: usize,
    /// The client has told of such a change.
    is_seen: bool,
    /// It has told of one at just this place, together with the last one.
    is_again: bool,
}

/// A line and a character of it, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    line_idx: usize,
    char_idx: usize,
}

/// What happened to the place of an edit besides the edit.
#[derive(Debug, Default)]
pub(super) struct Crossed {
    /// Somebody else changed the place, as far as it is known: the client tells of its edits part by part.
    pub(super) surely: bool,
    /// Changes of the place came in a message of their own, and are not what some parts of the edit make.
    pub(super) apart: bool,
    /// Some of what was put in since the edit was sent was replaced again.
    pub(super) wrote_over: bool,
    /// What was put in, in the text as it is now.
    put_in: Vec<CharRange>,
}

/// What is known of the changes that came together with the last one.
#[derive(Debug, Default)]
struct Message {
    /// One of them was in the place.
    is_in_place: bool,
    /// One of the last event's was, and is no part of the edit.
    is_strange: bool,
    /// The event that is being told is a part of the edit, or all of it.
    is_edit: bool,
    /// Whether a second landing is among them, after the bell rang.
    comes_late: Option<Late>,
}

/// A second landing of an edit, after the user had done what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Late {
    /// By chance somebody may have typed just this.
    Maybe,
    Surely,
}

/// Whether the bell of an edit has rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    No,
    /// For one of the changes that came together with the last one.
    Now,
    Before,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Edit {
    /// The document.
    pub(super) uri: Url,
    /// The whole text before it.
    before: Rope,
    /// The whole text after it.
    whole: Rope,
    /// What stood in the place.
    original: String,
    /// The place it is for, in the text as it is now.
    region: Region,
    /// What is to stand there.
    text: String,
    /// What it is made of.
    parts: Vec<Part>,
    rung: Rung,
    message: Message,
    /// The events that came together with the last one.
    pieces: Pieces,
    /// What else happened to its place.
    pub(super) crossed: Crossed,
    /// Whether it changes more than line breaks.
    is_of_words: bool,
    /// Gone when nobody waits any more.
    pub(super) bell: Weak<Bell>,
}

impl Edit {
    /// An edit of `before`, which makes `whole` of it; `text` is to stand in `place`.
    pub(super) fn new(
        uri: Url,
        before: &Rope,
        whole: Rope,
        place: CharRange,
        text: String,
        changes: Vec<Change>,
        bell: &Arc<Bell>,
    ) -> Self {
        let original = before.slice(place.chars()).to_string();
        let is_of_words = !same_lines(original.chars(), text.chars());
        Self {
            uri,
            before: before.clone(),
            whole,
            original,
            region: Region::new(place).taking_in(),
            text,
            parts: changes.into_iter().map(|it| Part::of(it, place, before)).collect(),
            rung: Rung::No,
            message: Message::default(),
            pieces: Pieces::default(),
            crossed: Crossed::default(),
            is_of_words,
            bell: Arc::downgrade(bell),
        }
    }

    /// An event begins, told in these words; `text` is still without it.
    pub(super) fn begin_event(&mut self, told: &Change, text: &Rope) {
        let (start, end) = (self.region.range.start(), self.region.range.end());
        let is_in_place = told.range.start() <= end && start <= told.range.end();
        let is_told = |part: &Part| {
            part.n_removed == told.range.len() && same_lines(part.text.chars(), told.text.chars())
        };
        let is_part = self.parts.iter().any(is_told);
        self.message.is_edit =
            is_part || self.is_like(told) || self.is_told_at_its_spot(told, text);
        self.pieces.follow(told, text, is_part, is_in_place);
    }

    /// Whether the events that came together with the last one lie over one another as no client tells of an edit.
    pub(super) fn lies_over(&self, text: &Rope) -> bool {
        self.pieces.overlap(text)
    }

    /// Follows a change of `text`, which is still without it.
    pub(super) fn follow(&mut self, change: &Change, text: &Rope) {
        if let Some(bell) = self.bell.upgrade() {
            bell.has_news.store(true, Ordering::Relaxed);
            if self.is_like(change) {
                bell.seems_taken.store(true, Ordering::Relaxed);
            }
            self.see(change, text);
        }
        self.note(change);
        self.region.touched = false;
        self.crossed.surely |= self.goes_beyond(change);
        self.region.follow(change);
        if self.region.touched {
            self.message.is_in_place = true;
            self.message.is_strange |= !self.is_part(&change.text);
            // What seemed to be the edit was the user's: the edit comes last in its message, or alone. What does
            // not look like it the user has typed afterwards.
            let is_late = self.rung == Rung::Now && self.message.is_edit;
            let comes_late = is_late.then_some(Late::Surely);
            self.message.comes_late = self.message.comes_late.max(comes_late);
        }
    }

    /// Whether it has rung.
    pub(super) fn has_rung(&self) -> bool {
        self.rung != Rung::No
    }

    /// Rings, unless it has done so.
    pub(super) fn ring(&mut self, has_crossed: bool) {
        let Some(bell) = self.bell.upgrade().filter(|_| self.rung == Rung::No) else { return };
        bell.has_crossed.store(has_crossed, Ordering::Relaxed);
        bell.arrived.notify_one();
        self.rung = Rung::Now;
        // What made it ring may have been the user's.
        self.parts.iter_mut().for_each(|part| part.is_again = false);
        if bell.seems_taken() {
            self.parts.iter_mut().for_each(|part| part.is_seen = true);
        }
    }

    /// An event is over.
    pub(super) fn end_event(&mut self, text: &Rope) {
        let is_strange = std::mem::take(&mut self.message.is_strange);
        self.crossed.surely |= is_strange && !self.is_in_place(text);
    }

    /// All events of a message are over.
    pub(super) fn end_message(&mut self, text: &Rope) {
        let message = std::mem::take(&mut self.message);
        self.pieces = Pieces::default();
        if message.is_in_place && self.rung == Rung::No && !self.crossed.apart {
            self.crossed.apart = !self.is_in_part(text);
        }
        self.parts.iter_mut().for_each(|part| part.is_again = false);
        // An edit that was taken back, or made again after that, has not come late.
        let is_known = *text == self.before || *text == self.whole;
        if let Some(bell) = self.bell.upgrade() {
            let is_there = self.has_rung() && (self.has_made(text) || self.is_in_place(text));
            bell.is_there.store(is_there, Ordering::Relaxed);
            if self.rung == Rung::Now {
                bell.was_one.store(self.crossed.put_in.len() == 1, Ordering::Relaxed);
            }
            if !is_known && message.comes_late.is_some() {
                bell.might_be_late.store(true, Ordering::Relaxed);
            }
            if !is_known && message.comes_late == Some(Late::Surely) {
                bell.came_late.store(true, Ordering::Relaxed);
            }
        }
        if self.rung == Rung::Now {
            self.rung = Rung::Before;
        }
    }

    /// Whether the whole text is what was meant.
    pub(super) fn has_made(&self, text: &Rope) -> bool {
        self.whole.len_bytes() == text.len_bytes() && self.whole == *text
    }

    /// Whether a change has so much in common with a part of the edit that nobody typed it by chance.
    fn is_like(&self, change: &Change) -> bool {
        let is_in = |part: &str, whole: &str, n| part.len() >= n && whole.contains(part);
        self.parts.iter().any(|part| {
            is_in(part.text.trim(), &change.text, TELLING)
                || is_in(change.text.trim(), &part.text, 3 * TELLING)
        })
    }

    /// Whether an event is where the client would tell of the edit or a part of it, and puts in the same. What it
    /// takes out there may be something else by then.
    fn is_told_at_its_spot(&self, told: &Change, text: &Rope) -> bool {
        let spot = Spot::of(told.range, text);
        // A column within a character is taken for its start.
        let n_cut = text.get_char(told.range.start().0).map_or(0, |c| c.len_utf8() - 1);
        let is_at = |part: &Part| {
            let n_back = part.at.char_idx.checked_sub(spot.char_idx);
            part.at.line_idx == spot.line_idx && n_back.is_some_and(|n| n <= n_cut)
        };
        let is_part = |part: &Part| is_at(part) && same_lines(part.text.chars(), told.text.chars());
        let is_all = match self.parts.as_slice() {
            [first, .., last] => {
                is_at(first)
                    && !(first.text.is_empty() && last.text.is_empty())
                    && told.text.starts_with(&first.text)
                    && told.text.ends_with(&last.text)
            }
            _ => false,
        };
        is_all || self.parts.iter().any(is_part)
    }

    /// Whether a text is a part of the edit, or what is left of one where it agrees with what was there.
    fn is_part(&self, text: &str) -> bool {
        let is_rest = |part: &Part| text.len() >= TELLING && part.text.contains(text);
        self.parts.iter().any(|part| same_lines(part.text.chars(), text.chars()) || is_rest(part))
    }

    /// Whether the place holds what is there when some parts are, from the last to the first or the other way
    /// round: a client may tell of each in a message of its own.
    fn is_in_part(&self, text: &Rope) -> bool {
        let Some(now) = text.get_slice(self.region.range.chars()) else { return false };
        let n_parts = self.parts.len();
        if n_parts > MOST_PARTS {
            return false;
        }
        let n_now = with_line_feeds(now.chars()).count();
        let n_original = with_line_feeds(self.original.chars()).count();
        let is_with = |parts: &[Part]| {
            let added: usize = parts.iter().map(|part| part.n_added).sum();
            let removed: usize = parts.iter().map(|part| part.n_taken).sum();
            // Of another length it is soon known, and the place may be large.
            n_original + added == n_now + removed && same_lines(now.chars(), self.with_parts(parts))
        };
        (1..n_parts).any(|n| is_with(&self.parts[..n]) || is_with(&self.parts[n..]))
    }

    /// What stood in the place, with these parts of the edit.
    fn with_parts<'a>(&'a self, parts: &'a [Part]) -> impl Iterator<Item = char> + 'a {
        let mut at = 0;
        let up_to_part = parts.iter().flat_map(move |part| {
            let kept = &self.original[at.min(part.replaced.start)..part.replaced.start];
            at = part.replaced.end;
            kept.chars().chain(part.text.chars())
        });
        let rest = parts.last().map_or(0, |part| part.replaced.end);
        up_to_part.chain(self.original[rest..].chars())
    }

    /// Whether the place holds what was meant.
    pub(super) fn is_in_place(&self, text: &Rope) -> bool {
        text.get_slice(self.region.range.chars()).is_some_and(|now| {
            now == self.text.as_str() || self.is_alike(now.chars(), self.text.chars())
        })
    }

    /// Whether the whole text is what was meant but for its line breaks.
    pub(super) fn has_made_lines(&self, text: &Rope) -> bool {
        text.len_lines() == self.whole.len_lines()
            && self.is_alike(text.chars(), self.whole.chars())
    }

    fn is_alike(
        &self,
        text: impl Iterator<Item = char>,
        meant: impl Iterator<Item = char>,
    ) -> bool {
        self.is_of_words && same_lines(text, meant)
    }

    /// Whether a change replaces something of the place together with something outside.
    fn goes_beyond(&self, change: &Change) -> bool {
        let (start, end) = (self.region.range.start(), self.region.range.end());
        let (from, to) = (change.range.start(), change.range.end());
        (from < start && start < to) || (from < end && end < to)
    }

    /// Notes that a change of `text` may be a part of the edit, and whether it comes when all seemed to be done.
    fn see(&mut self, change: &Change, text: &Rope) {
        let unseen = self.parts.iter_mut().find(|part| !part.is_seen && part.is_like(change));
        let is_new = unseen.map(|part| part.is_seen = true).is_some();
        let spot = Spot::of(change.range, text);
        let is_first = !self.parts.iter().any(|part| part.is_again);
        let again = self.parts.iter_mut().find(|part| {
            // The place of the first of them that lands is that in the text that the edit was made for.
            !part.is_again && part.is_like(change) && (!is_first || part.at == spot)
        });
        let is_again = again.map(|part| part.is_again = true).is_some();
        let are_all_again = is_again && self.parts.iter().all(|part| part.is_again);
        let comes_late = match self.rung {
            Rung::No => None,
            _ if are_all_again => Some(Late::Surely),
            _ => is_new.then_some(Late::Maybe),
        };
        self.message.comes_late = self.message.comes_late.max(comes_late);
    }

    /// Notes what a change puts in, and whether it replaces what another put in.
    fn note(&mut self, change: &Change) {
        let (from, to) = (change.range.start(), change.range.end());
        let is_hit = |it: &CharRange| from < it.end() && it.start() < to;
        self.crossed.wrote_over |= self.crossed.put_in.iter().any(is_hit);
        for range in &mut self.crossed.put_in {
            let start = change.map(range.start(), Shift::After);
            *range = CharRange::new(start, change.map(range.end(), Shift::Before).max(start));
        }
        self.crossed
            .put_in
            .push(CharRange::new(from, CharIdx(from.0 + change.text.chars().count())));
    }
}

impl Spot {
    fn of(range: CharRange, text: &Rope) -> Self {
        let start = range.start().0.min(text.len_chars());
        let line_idx = text.char_to_line(start);
        Self { line_idx, char_idx: start - text.line_to_char(line_idx) }
    }
}

impl Part {
    fn of(change: Change, place: CharRange, before: &Rope) -> Self {
        let place_start = place.start().0;
        let place = before.slice(place.chars());
        let from = change.range.start().0.saturating_sub(place_start).min(place.len_chars());
        let to = (from + change.range.len()).min(place.len_chars());
        Self {
            at: Spot::of(change.range, before),
            replaced: place.char_to_byte(from)..place.char_to_byte(to),
            n_removed: change.range.len(),
            n_taken: with_line_feeds(place.slice(from..to).chars()).count(),
            n_added: with_line_feeds(change.text.chars()).count(),
            text: change.text,
            is_seen: false,
            is_again: false,
        }
    }

    fn is_like(&self, change: &Change) -> bool {
        self.n_removed == change.range.len() && self.text == change.text
    }
}

/// Whether texts are alike but for their line breaks: some clients allow one in a document and turn all others
/// into it.
fn same_lines(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> bool {
    with_line_feeds(one).eq(with_line_feeds(other))
}

/// Characters with `\n` in place of `\r\n`.
fn with_line_feeds(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let mut chars = chars.peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        if c == '\r' && chars.peek() == Some(&'\n') { chars.next() } else { Some(c) }
    })
}
