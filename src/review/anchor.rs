//! Finds the line that a finding is about.

use ropey::Rope;

use crate::text::{CharIdx, CharRange, line_end};

/// How much alike a quote and a line must be: small slips of a copy, not another line.
const ALIKE: f64 = 0.85;

/// How long a line must be for that: of short ones a single character makes another.
const LONG: usize = 12;

/// How long a quote must be to count as part of a line: `)` is part of too many.
const PART: usize = 4;

/// The line that a finding quotes, counts, or names, searched in `within`; without its white space at both ends.
pub(super) fn place(
    text: &Rope,
    within: CharRange,
    quote: Option<&str>,
    counted: Option<usize>,
    message: &str,
) -> Option<CharRange> {
    let first = text.char_to_line(within.start().0.min(text.len_chars()));
    let last = text.char_to_line(within.end().0.min(text.len_chars()));
    let lines: Vec<(usize, String)> = (first..=last)
        .map(|line_idx| (line_idx, squeezed(&line_of(text, line_idx))))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let near = |line_idx: usize| {
        // Of several lines that read the same, the one nearest to where the model believes it is.
        counted.map_or(line_idx, |counted| {
            let from_file = line_idx.abs_diff(counted.saturating_sub(1));
            let from_selection = line_idx.abs_diff(first + counted.saturating_sub(1));
            from_file.min(from_selection)
        })
    };
    let quoted = quote.and_then(|quote| by_quote(&lines, quote, near));
    let named = || by_quote_in_message(&lines, message, near);
    let numbered = || {
        // A count without a quote is believed only where it can be nothing but the file's own.
        let line_idx = counted?.checked_sub(1)?;
        lines.iter().find(|(idx, _)| *idx == line_idx).map(|(idx, _)| *idx)
    };
    let line_idx = match quote {
        Some(_) => quoted.or_else(named)?,
        None => named().or_else(numbered)?,
    };
    Some(trimmed(text, line_idx))
}

/// The line of a quote: the same, or the one it is a part of, or the one it is a slip of.
fn by_quote(
    lines: &[(usize, String)],
    quote: &str,
    near: impl Fn(usize) -> usize,
) -> Option<usize> {
    // Of a quote of several lines the first that says something counts.
    let wanted = quote.lines().map(squeezed).find(|line| line.len() > 1)?;
    let nearest = |is_it: &dyn Fn(&str) -> bool| {
        let found = lines.iter().filter(|(_, line)| is_it(line));
        found.map(|(idx, _)| *idx).min_by_key(|idx| near(*idx))
    };
    nearest(&|line| line == wanted)
        .or_else(|| {
            let is_part = |line: &str| wanted.len() >= PART && line.contains(&wanted);
            nearest(&is_part)
        })
        .or_else(|| {
            let holds = |line: &str| line.len() >= 2 * PART && wanted.contains(line);
            nearest(&holds)
        })
        .or_else(|| {
            let likeness = |line: &str| strsim::normalized_levenshtein(line, &wanted);
            // Of lines that are as much alike the first: the last of the greatest, backwards.
            let best = lines.iter().rev().map(|(idx, line)| (likeness(line), *idx));
            let (likeness, idx) = best.max_by(|a, b| a.0.total_cmp(&b.0))?;
            (likeness >= ALIKE && wanted.len() >= LONG).then_some(idx)
        })
}

/// The line of a piece of code that the message itself names, if it stands in one line only.
fn by_quote_in_message(
    lines: &[(usize, String)],
    message: &str,
    near: impl Fn(usize) -> usize + Copy,
) -> Option<usize> {
    message.split('`').skip(1).step_by(2).map(squeezed).filter(|code| code.len() >= PART).find_map(
        |code| {
            let n_lines = lines.iter().filter(|(_, line)| line.contains(&code)).count();
            (n_lines == 1).then(|| by_quote(lines, &code, near)).flatten()
        },
    )
}

fn line_of(text: &Rope, line_idx: usize) -> String {
    text.slice(text.line_to_char(line_idx)..line_end(text, line_idx).0).to_string()
}

/// A line without white space, which copies lose and win.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect()
}

fn trimmed(text: &Rope, line_idx: usize) -> CharRange {
    let line = line_of(text, line_idx);
    let start = text.line_to_char(line_idx);
    let n_before = line.chars().take_while(|c| c.is_whitespace()).count();
    let n_chars = line.trim().chars().count();
    CharRange::new(CharIdx(start + n_before), CharIdx(start + n_before + n_chars))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn a() {\n    let x = read(path).unwrap();\n    use_it(x);\n}\nfn b() {\n    let x = read(path).unwrap();\n}\n";

    fn check_line(quote: Option<&str>, counted: Option<usize>, message: &str, line: Option<usize>) {
        let text = Rope::from_str(CODE);
        let all = CharRange::new(CharIdx(0), CharIdx(text.len_chars()));
        let found = place(&text, all, quote, counted, message);
        assert_eq!(
            found.map(|range| text.char_to_line(range.start().0) + 1),
            line,
            "{quote:?} {counted:?} {message:?}"
        );
    }

    #[test]
    fn quotes_are_found_with_the_slips_that_models_make() {
        check_line(Some("use_it(x);"), None, "", Some(3));
        check_line(Some("  use_it( x ) ;"), None, "", Some(3));
        check_line(Some("let x = read(path).unwrap()"), None, "", Some(2));
        check_line(Some("let x = read(path).unwrap()"), Some(6), "", Some(6));
        check_line(Some("use_it(x); // and more"), None, "", Some(3));
        check_line(Some("let x = read(pat).unwrap();"), None, "", Some(2));
    }

    #[test]
    fn a_quote_that_is_nowhere_is_not_helped_by_a_count() {
        check_line(Some("std::process::exit(1)"), Some(3), "", None);
        check_line(Some("}"), None, "", None);
        check_line(Some("fn c() {"), None, "", None);
    }

    #[test]
    fn without_a_quote_a_name_in_the_message_or_a_count_will_do() {
        check_line(None, None, "`use_it(x)` may fail", Some(3));
        check_line(None, None, "`unwrap()` panics", None);
        check_line(None, Some(6), "panics", Some(6));
        check_line(None, Some(60), "panics", None);
        check_line(None, None, "everything is bad", None);
    }
}
