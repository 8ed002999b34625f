//! Code fences in Markdown, as models really write them.

use super::prose;

/// A fence of backticks longer than any run of them in `texts`, at least three.
pub fn fence_longer_than(texts: &[&str]) -> String {
    let longest = texts.iter().map(|text| longest_run(text)).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A line that opens or closes a code block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence<'a> {
    /// Backtick or tilde.
    pub(super) mark: char,
    /// How many of them.
    pub(super) len: usize,
    /// White space before it, in characters.
    pub(super) indent: usize,
    /// What follows it, trimmed: the language.
    pub(super) info: &'a str,
}

impl<'a> Fence<'a> {
    /// Reads a line as a fence.
    pub(super) fn of_line(line: &'a str) -> Option<Self> {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let len = text.chars().take_while(|c| *c == mark).count();
        let info = text[len..].trim();
        // Backticks in the rest: inline code that happens to begin the line.
        if len < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        Some(Self { mark, len, indent: line.chars().count() - text.chars().count(), info })
    }

    /// Whether this line closes the block that `opener` opened.
    pub(super) fn closes(&self, opener: &Self) -> bool {
        // Deeper ones belong to the code: a fence in a docstring.
        self.mark == opener.mark
            && self.len >= opener.len
            && self.info.is_empty()
            && self.indent <= opener.indent + 3
    }

    /// Whether this line, inside the block of `opener`, opens a block in the block: documentation in code.
    fn nests_in(&self, opener: &Self) -> bool {
        self.mark == opener.mark
            && self.len == opener.len
            && !self.info.is_empty()
            && self.indent <= opener.indent + 3
    }

    /// Whether a sentence is glued to the fence that closes the block of `opener`.
    fn closes_before_talk(&self, opener: &Self) -> bool {
        let closer = Self { info: "", ..*self };
        self.info.contains(' ') && prose::is_sentence(self.info) && closer.closes(opener)
    }

    /// The language the block says it is in, lower case.
    fn tag(&self) -> String {
        let word = self.info.trim_start_matches(['{', '.']);
        let end =
            word.find(|c: char| c.is_whitespace() || ",{}:".contains(c)).unwrap_or(word.len());
        word[..end].to_lowercase()
    }
}

/// A code block of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Language tag, lower case, may be empty.
    pub(super) tag: String,
    /// Length of its fence.
    pub(super) fence_len: usize,
    /// The lines between the fences.
    pub(super) lines: Vec<String>,
}

impl Block {
    fn of(fence: &Fence<'_>) -> Self {
        Self { tag: fence.tag(), fence_len: fence.len, lines: Vec::new() }
    }
}

/// An answer taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Code blocks in order.
    pub(super) blocks: Vec<Block>,
    /// The lines outside of them.
    pub(super) prose: Vec<String>,
    /// Whether the last block was never closed.
    pub(super) unclosed: bool,
    /// Whether that block is nothing but a last bare fence: the end of a block that was never opened.
    pub(super) ends_unopened: bool,
}

impl Parts {
    /// Ends a block with the answer. Some models glue the fence to the last line of code.
    fn close_at_end(&mut self, opener: &Fence<'_>, mut block: Block, depth: usize) {
        let n_filled = block.lines.iter().rposition(|line| !line.trim().is_empty());
        let Some(last) = n_filled.and_then(|idx| block.lines.get_mut(idx)).filter(|_| depth == 0)
        else {
            self.unclosed = true;
            self.ends_unopened = block.lines.iter().all(|line| line.trim().is_empty())
                && opener.info.is_empty()
                && self.blocks.is_empty();
            return;
        };
        let fence = opener.mark.to_string().repeat(opener.len);
        let code = last.trim_end().strip_suffix(&fence).filter(|code| !code.ends_with(opener.mark));
        match code.map(|code| code.trim_end().to_owned()) {
            // Behind the sign of a comment it is a fence in documentation.
            Some(code)
                if code.chars().any(char::is_alphanumeric)
                    || code.ends_with(['}', ')', ']', ';']) =>
            {
                *last = code;
                self.blocks.push(block);
            }
            _ => self.unclosed = true,
        }
    }
}

/// Takes an answer (line feeds only) apart at its fences.
pub(super) fn split(answer: &str) -> Parts {
    let mut parts = Parts::default();
    let mut open: Option<(Fence<'_>, Block, usize)> = None;
    for line in answer.split('\n') {
        let fence = Fence::of_line(line);
        match (open.take(), fence) {
            (None, Some(fence)) => open = Some((fence, Block::of(&fence), 0)),
            (None, None) => match fence_behind_talk(line) {
                Some((talk, fence)) => {
                    parts.prose.push(talk.to_owned());
                    open = Some((fence, Block::of(&fence), 0));
                }
                None => parts.prose.push(line.to_owned()),
            },
            (Some((opener, block, 0)), Some(fence)) if fence.closes(&opener) => {
                parts.blocks.push(block);
            }
            (Some((opener, block, 0)), Some(fence)) if fence.closes_before_talk(&opener) => {
                parts.blocks.push(block);
                parts.prose.push(fence.info.to_owned());
            }
            (Some((opener, mut block, depth)), fence) => {
                block.lines.push(without_indent(line, opener.indent));
                let depth = match fence {
                    Some(fence) if fence.nests_in(&opener) => depth + 1,
                    Some(fence) if fence.closes(&opener) => depth - 1,
                    _ => depth,
                };
                open = Some((opener, block, depth));
            }
        }
    }
    if let Some((opener, block, depth)) = open {
        parts.close_at_end(&opener, block, depth);
    }
    parts
}

/// A sentence with a fence at its end that opens a block: `Here it is: ```rust`.
fn fence_behind_talk(line: &str) -> Option<(&str, Fence<'_>)> {
    let start = line.find("```").filter(|&start| start > 0)?;
    let (talk, rest) = line.split_at(start);
    let fence = Fence::of_line(rest)?;
    let is_tag = fence.info.chars().all(|c| c.is_alphanumeric() || "+#-_".contains(c));
    let is_talk =
        talk.trim_end().ends_with(':') && (prose::is_sentence(talk) || prose::is_chatter(talk));
    (is_tag && is_talk).then_some((talk, fence))
}

/// Takes away up to `n_chars` of white space: an indented block's lines are indented with it.
fn without_indent(line: &str, n_chars: usize) -> String {
    let n_taken = line.chars().take(n_chars).take_while(|c| matches!(c, ' ' | '\t')).count();
    line.chars().skip(n_taken).collect()
}

/// The longest fence that begins a line of a text; 0 if none does.
pub(super) fn longest_in(text: &str) -> usize {
    text.lines().filter_map(Fence::of_line).map(|fence| fence.len).max().unwrap_or(0)
}
