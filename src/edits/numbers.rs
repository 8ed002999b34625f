//! Takes away line numbers that a model put in front of its code, as file viewers do.

use super::{Target, Unusable, prose};

/// What stands between a number and its line.
const SEPARATORS: &[&str] = &[" | ", " |", "| ", "|", "→", "\t", ": ", ":"];

/// A line's number and what follows it.
struct Numbered<'a> {
    number: u64,
    separator: &'static str,
    rest: &'a str,
}

/// The lines without their numbers, where every line bears one and they count up by one.
///
/// Numbers that are there but do not count are refused: nobody can tell which of them is code.
pub(super) fn strip(lines: Vec<String>, target: &Target<'_>) -> Result<Vec<String>, Unusable> {
    let read: Vec<Option<Numbered<'_>>> = lines.iter().map(|line| number_of(line)).collect();
    let n_read = read.iter().flatten().count();
    let own = target.selection.lines().any(|line| number_of(line).is_some());
    if n_read == 0 || own {
        return Ok(lines);
    }
    // `1: a` is a mapping in some languages and a list in prose.
    let is_colon = |numbered: &Numbered<'_>| numbered.separator.starts_with(':');
    let means_itself =
        matches!(target.language, "yaml" | "toml" | "json" | "jsonc" | "csv" | "tsv")
            || prose::is_prose_language(target.language);
    // So are entries of a dictionary.
    let is_entry = |one: &Numbered<'_>| is_colon(one) && one.rest.trim_end().ends_with(',');
    if read.iter().flatten().any(is_entry) {
        return Ok(lines);
    }
    if means_itself && read.iter().flatten().any(|one| is_colon(one) || one.separator == "\t") {
        return Ok(lines);
    }
    if n_read == lines.len() && counts(&read) && (n_read > 1 || read.iter().flatten().all(is_sure))
    {
        let space = common_space(&read);
        let stripped = read.iter().flatten().map(|one| one.rest.get(space..).unwrap_or_default());
        return Ok(stripped.map(str::to_owned).collect());
    }
    let n_sure = read.iter().flatten().filter(|one| is_sure(one)).count();
    if n_sure * 2 > lines.len() { Err(Unusable::LineNumbers) } else { Ok(lines) }
}

fn number_of(line: &str) -> Option<Numbered<'_>> {
    let text = line.trim_start_matches(' ');
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(n_digits);
    let number = digits.parse().ok().filter(|_| n_digits <= 6)?;
    let rest = match rest {
        // The number alone: an empty line.
        "" => return Some(Numbered { number, separator: "", rest }),
        rest => rest,
    };
    let separator = SEPARATORS.iter().find(|separator| rest.starts_with(**separator))?;
    // One space belongs to the separator; more of them are indentation.
    Some(Numbered { number, separator, rest: &rest[separator.len()..] })
}

/// A separator that no language has behind a number.
fn is_sure(numbered: &Numbered<'_>) -> bool {
    numbered.separator.contains(['|', '→'])
}

/// Whether the numbers count up by one and stand before the same separator.
fn counts(read: &[Option<Numbered<'_>>]) -> bool {
    let numbers: Vec<&Numbered<'_>> = read.iter().flatten().collect();
    let mut marks = numbers.iter().map(|one| one.separator.trim()).filter(|mark| !mark.is_empty());
    let first = marks.next();
    let alike = marks.all(|mark| Some(mark) == first);
    let has_separator = numbers.iter().any(|one| !one.separator.is_empty());
    alike && has_separator && numbers.windows(2).all(|pair| pair[1].number == pair[0].number + 1)
}

/// One space that stands behind every separator, where the separator itself has none.
fn common_space(read: &[Option<Numbered<'_>>]) -> usize {
    let mut filled = read.iter().flatten().filter(|one| !one.rest.trim().is_empty());
    usize::from(filled.all(|one| {
        one.rest.starts_with(' ') && !one.separator.ends_with(' ') && one.separator != "\t"
    }))
}
