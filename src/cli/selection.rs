//! `FILE[:START[-END]]`: which part of which file an action works on.

use std::path::PathBuf;
use std::str::FromStr;

use ropey::Rope;

use crate::text::{CharIdx, CharRange, line_end};

/// A file, or stdin, and a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The file; `None` for stdin (`-`).
    pub(crate) path: Option<PathBuf>,
    /// First place, if the whole file is not meant.
    pub(crate) start: Option<Place>,
    /// Last place; a line is meant whole.
    pub(crate) end: Option<Place>,
}

/// `LINE` or `LINE:COL`, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: Option<usize>,
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (file, start, end) = split_range(text);
        if let (Some(start), Some(end)) = (start, end)
            && (end.line, end.column.unwrap_or(usize::MAX))
                < (start.line, start.column.unwrap_or(0))
        {
            return Err("the end lies before the start".to_owned());
        }
        if [start, end].iter().flatten().any(|place| place.line == 0 || place.column == Some(0)) {
            return Err("lines and columns count from 1".to_owned());
        }
        if file.is_empty() {
            return Err("no file is named".to_owned());
        }
        let path = (file != "-").then(|| PathBuf::from(file));
        Ok(Self { path, start, end })
    }
}

impl Selection {
    /// The characters meant; an error names what lies outside the text.
    pub(crate) fn range_in(&self, text: &Rope) -> Result<CharRange, String> {
        let Some(start) = self.start else {
            return Ok(CharRange::new(CharIdx(0), CharIdx(text.len_chars())));
        };
        let from = place_in(text, start, Bound::Start)?;
        let to = match (self.end, start.column) {
            (Some(end), _) => place_in(text, end, Bound::End)?,
            (None, Some(_)) => from,
            (None, None) => place_in(text, start, Bound::End)?,
        };
        Ok(CharRange::new(from, to))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Start,
    End,
}

fn place_in(text: &Rope, place: Place, bound: Bound) -> Result<CharIdx, String> {
    let n_lines = text.len_lines();
    let line_idx = place.line - 1;
    if line_idx >= n_lines {
        return Err(format!("line {} lies outside the file, which has {n_lines}", place.line));
    }
    let (start, end) = (text.line_to_char(line_idx), line_end(text, line_idx));
    match (place.column, bound) {
        (None, Bound::Start) => Ok(CharIdx(start)),
        (None, Bound::End) => Ok(end),
        (Some(column), _) => {
            let idx = start + column - 1;
            if idx > end.0 {
                return Err(format!("column {column} lies outside line {}", place.line));
            }
            Ok(CharIdx(idx))
        }
    }
}

/// Splits `FILE:START-END` from the right; a colon that is followed by no number belongs to the file.
fn split_range(text: &str) -> (&str, Option<Place>, Option<Place>) {
    if let Some((head, tail)) = text.rsplit_once('-')
        && let Some(end) = parse_place(tail)
        && let (file, Some(start), None) = split_start(head)
    {
        return (file, Some(start), Some(end));
    }
    split_start(text)
}

fn split_start(text: &str) -> (&str, Option<Place>, Option<Place>) {
    let Some((head, last)) = text.rsplit_once(':') else { return (text, None, None) };
    let Ok(number) = last.parse::<usize>() else { return (text, None, None) };
    if let Some((file, line)) = head.rsplit_once(':')
        && let Ok(line) = line.parse::<usize>()
    {
        return (file, Some(Place { line, column: Some(number) }), None);
    }
    (head, Some(Place { line: number, column: None }), None)
}

fn parse_place(text: &str) -> Option<Place> {
    match text.split_once(':') {
        Some((line, column)) => {
            Some(Place { line: line.parse().ok()?, column: Some(column.parse().ok()?) })
        }
        None => Some(Place { line: text.parse().ok()?, column: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, selected: &str) {
        let document = Rope::from_str("one\n  two\r\nthree");
        let range = text.parse::<Selection>().unwrap().range_in(&document).unwrap();
        assert_eq!(document.slice(range.chars()).to_string(), selected, "{text}");
    }

    #[test]
    fn lines_and_columns_select_what_they_say() {
        check("a.rs", "one\n  two\r\nthree");
        check("a.rs:2", "  two");
        check("a.rs:1-2", "one\n  two");
        check("a.rs:2:3-2:6", "two");
        check("a.rs:2:3-3", "two\r\nthree");
        check("a.rs:3:6", "");
    }

    #[test]
    fn colons_and_dashes_of_file_names_stay() {
        let selection: Selection = r"C:\x\my-file-2.rs:7-9".parse().unwrap();
        assert_eq!(selection.path, Some(PathBuf::from(r"C:\x\my-file-2.rs")));
        let plain: Selection = "dir/a-3".parse().unwrap();
        assert_eq!((plain.path, plain.start), (Some(PathBuf::from("dir/a-3")), None));
        assert_eq!("-".parse::<Selection>().unwrap().path, None);
    }

    #[test]
    fn places_outside_the_file_are_named() {
        let document = Rope::from_str("one\ntwo\n");
        let far: Selection = "a:9".parse().unwrap();
        assert_eq!(
            far.range_in(&document).unwrap_err(),
            "line 9 lies outside the file, which has 3"
        );
        let wide: Selection = "a:1:9".parse().unwrap();
        assert_eq!(wide.range_in(&document).unwrap_err(), "column 9 lies outside line 1");
        assert!("a:5-2".parse::<Selection>().is_err());
        assert!("a:0".parse::<Selection>().is_err());
    }
}
