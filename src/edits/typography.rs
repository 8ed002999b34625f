//! Puts right what passed through a word processor or a web page: entities, hard spaces, curled quotes.
//!
//! Only where the document has none of them near the place, and only outside of strings and comments.

use super::envelope::is_markup;
use super::{Target, prose};

/// Entities and what they stand for; the ampersand last, so that nothing is decoded twice.
const ENTITIES: &[(&str, &str)] = &[
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&apos;", "'"),
    ("&nbsp;", " "),
    ("&amp;", "&"),
];

/// Cleans the lines of an answer. `known` is the text of the document around the place.
pub(super) fn clean(lines: &mut [String], target: &Target<'_>, known: &str) {
    if prose::is_prose_language(target.language) {
        return;
    }
    if !is_markup(target.language) && !ENTITIES.iter().any(|(entity, _)| known.contains(entity)) {
        decode_entities(lines);
    }
    if !known.contains('\u{A0}') {
        for line in lines.iter_mut().filter(|line| line.contains('\u{A0}')) {
            *line =
                outside_strings(
                    line,
                    quotes(target.language),
                    |c| {
                        if c == '\u{A0}' { ' ' } else { c }
                    },
                );
        }
    }
    if !known.contains(['“', '”', '‘', '’']) {
        straighten(lines);
    }
}

/// Decodes entities where the answer as a whole was encoded: no bare `<` or `&` is left in it.
fn decode_entities(lines: &mut [String]) {
    let text = lines.join("\n");
    let plain = ENTITIES.iter().fold(text.clone(), |text, (entity, _)| text.replace(entity, ""));
    let is_encoded = !plain.contains(['<', '&'])
        && lines.iter().any(|line| ENTITIES.iter().any(|(entity, _)| is_outside(line, entity)));
    if !is_encoded {
        return;
    }
    for line in lines.iter_mut() {
        *line = ENTITIES.iter().fold(line.clone(), |text, (entity, c)| text.replace(entity, c));
    }
}

/// Whether a mark stands in a line outside of quotes.
fn is_outside(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(idx, _)| {
        let before = &line[..idx];
        ['"', '\'', '`'].iter().all(|quote| before.matches(*quote).count() % 2 == 0)
    })
}

/// What strings stand between. In some languages a single quote is also something else.
fn quotes(language: &str) -> &'static [char] {
    match language {
        "python" | "javascript" | "typescript" | "javascriptreact" | "typescriptreact" | "ruby"
        | "php" | "lua" | "sql" | "shellscript" | "perl" | "css" | "yaml" => &['"', '`', '\''],
        _ => &['"', '`'],
    }
}

/// Rewrites the characters of a line that stand in no straight quotes.
fn outside_strings(line: &str, quotes: &[char], rewrite: impl Fn(char) -> char) -> String {
    let mut quote = None;
    let mut escaped = false;
    line.chars()
        .map(|c| {
            if let Some(open) = quote {
                if c == open && !escaped {
                    quote = None;
                }
                escaped = c == '\\' && !escaped;
                return c;
            }
            if quotes.contains(&c) {
                quote = Some(c);
            }
            rewrite(c)
        })
        .collect()
}

/// Straightens curled quotes that stand where a string begins or ends.
fn straighten(lines: &mut [String]) {
    let curled = |line: &String| line.contains(['“', '”', '‘', '’']);
    let mut in_long_string = false;
    for line in lines.iter_mut() {
        let n_marks = line.matches("\"\"\"").count() + line.matches("'''").count();
        let was_inside = in_long_string;
        in_long_string ^= n_marks % 2 == 1;
        let is_text = was_inside || n_marks > 0 || is_comment(line) || prose::is_sentence(line);
        if is_text || !curled(line) || line.contains(['"', '`']) {
            continue;
        }
        let (code, comment) = split_comment(line);
        *line = straightened(code) + comment;
    }
}

fn straightened(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let is_letter = |idx: Option<usize>| {
        idx.and_then(|idx| chars.get(idx)).is_some_and(|c| c.is_alphanumeric())
    };
    let straight = |(idx, c): (usize, &char)| match c {
        '“' | '”' => '"',
        // Between letters it is an apostrophe in somebody's text.
        '’' if is_letter(idx.checked_sub(1)) && is_letter(Some(idx + 1)) => '’',
        '‘' | '’' => '\'',
        c => *c,
    };
    chars.iter().enumerate().map(straight).collect()
}

fn is_comment(line: &str) -> bool {
    ["//", "#", "/*", "*", "--", ";", "%", "<!--"]
        .iter()
        .any(|sign| line.trim_start().starts_with(sign))
}

/// A line before and from its trailing comment.
fn split_comment(line: &str) -> (&str, &str) {
    let start = [" //", " # ", " -- "].iter().filter_map(|sign| line.find(sign)).min();
    line.split_at(start.unwrap_or(line.len()))
}
