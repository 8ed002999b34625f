//! Brings the indentation of an answer to that of the place it goes to.
//!
//! Lines are shifted together, by one amount: strings over several lines make anything cleverer a risk.

/// What a document indents with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Tabs.
    Tabs,
    /// That many spaces a level.
    Spaces(usize),
}

/// The white space a line begins with.
pub(super) fn of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// What the lines of a document are indented with; `None` where they do not tell.
pub(super) fn style<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Style> {
    let (mut n_tabs, mut n_spaces, mut last) = (0_usize, 0_usize, 0_usize);
    let mut steps = [0_usize; 9];
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let indent = of(line);
        n_tabs += usize::from(indent.starts_with('\t'));
        let width = indent.len();
        // One space is the gutter of a block comment.
        if indent.starts_with(' ') && width > 1 {
            n_spaces += 1;
        }
        let step = width.abs_diff(last);
        if !indent.contains('\t') && step < steps.len() {
            steps[step] += 1;
        }
        last = width;
    }
    if n_tabs == 0 && n_spaces == 0 {
        return None;
    }
    if n_tabs > n_spaces {
        return Some(Style::Tabs);
    }
    let most = steps[2..].iter().copied().max().unwrap_or(0);
    let unit = (2..steps.len()).find(|&step| most > 0 && steps[step] == most).unwrap_or(4);
    Some(Style::Spaces(unit))
}

/// Whether some lines are indented with tabs and some with spaces.
pub(super) fn is_mixed<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let indents: Vec<&str> = lines.map(of).collect();
    indents.iter().any(|indent| indent.starts_with('\t'))
        && indents.iter().any(|indent| indent.starts_with("  "))
}

/// Rewrites indentation in the document's style, where a line has none of it yet.
pub(super) fn restyle(lines: &mut [String], style: Style) {
    let tabbed = lines.iter().any(|line| of(line).starts_with('\t'));
    match style {
        Style::Tabs if !tabbed => {
            let Some(Style::Spaces(unit)) = self::style(lines.iter().map(String::as_str)) else {
                return;
            };
            for line in lines.iter_mut() {
                let width = of(line).len();
                // What is less than a level aligns and stays.
                *line = "\t".repeat(width / unit) + &" ".repeat(width % unit) + &line[width..];
            }
        }
        Style::Spaces(unit) if tabbed => {
            for line in lines.iter_mut() {
                let indent = of(line);
                let rest = &line[indent.len()..];
                *line = indent.replace('\t', &" ".repeat(unit)) + rest;
            }
        }
        _ => {}
    }
}

/// The lines of the selection by which an answer finds its place.
pub(super) struct Model<'a> {
    /// Indentation of the first line, what stands before the selection included.
    pub(super) first: &'a str,
    /// The selection's lines that are not blank, the first one with its whole indentation.
    pub(super) lines: &'a [String],
}

/// Shifts lines so that the first one is indented as the selection's first line.
pub(super) fn shift(lines: &mut [String], model: &Model<'_>) {
    let Some(first) = lines.iter().position(|line| !line.trim().is_empty()) else { return };
    let have = of(&lines[first]).to_owned();
    let keeps_rest =
        have.len() < model.first.len() && only_first_is_off(&lines[first..], &have, model);
    let (low, high) = if keeps_rest { (first, first + 1) } else { (0, lines.len()) };
    for line in &mut lines[low..high] {
        if line.trim().is_empty() || stands_as_before(line, model) {
            continue;
        }
        *line = shifted(line, &have, model.first);
    }
}

fn shifted(line: &str, have: &str, want: &str) -> String {
    if let Some(more) = want.strip_prefix(have) {
        return more.to_owned() + line;
    }
    let indent = of(line);
    let rest = &line[indent.len()..];
    if let Some(less) = have.strip_prefix(want) {
        let kept = indent.len().saturating_sub(less.len());
        return indent[..kept].to_owned() + rest;
    }
    want.to_owned() + indent.strip_prefix(have).unwrap_or_default() + rest
}

/// A line further left than the first, exactly as the selection has it: the body of a long string.
fn stands_as_before(line: &str, model: &Model<'_>) -> bool {
    of(line).len() < model.first.len() && model.lines.iter().skip(1).any(|own| own == line)
}

/// Whether only the first line lost its indentation, as when an answer was trimmed.
///
/// Lines that are the same in both texts decide; without them, the lines next to the first one do.
fn only_first_is_off(lines: &[String], have: &str, model: &Model<'_>) -> bool {
    let rest: Vec<&String> = lines.iter().skip(1).filter(|line| !line.trim().is_empty()).collect();
    let own_rest = model.lines.get(1..).unwrap_or_default();
    if rest.is_empty() {
        return true;
    }
    let (mut in_place, mut moved) = (0, 0);
    let gap = model.first.len() - have.len();
    for line in &rest {
        let alike = own_rest.iter().filter(|own| own.trim() == line.trim());
        let indents: Vec<usize> = alike.map(|own| of(own).len()).collect();
        let is_deep = of(line).len() >= model.first.len();
        in_place += usize::from(is_deep && indents.contains(&of(line).len()));
        moved += usize::from(indents.contains(&(of(line).len() + gap)));
    }
    if in_place != moved {
        return in_place > moved;
    }
    let least = |lines: &mut dyn Iterator<Item = &String>| lines.map(|line| of(line).len()).min();
    match (least(&mut rest.iter().copied()), least(&mut own_rest.iter())) {
        (Some(now), Some(was)) => now == was && now != was.saturating_sub(gap),
        // One selected line became several: they stand where it stood, unless the first one opens a block.
        (Some(now), None) => now == model.first.len() && !leads_on(&lines[0], rest[0]),
        _ => false,
    }
}

/// Whether a line is expected to be followed by a deeper one.
fn leads_on(line: &str, next: &str) -> bool {
    opens_block(line)
        || line.trim_end().ends_with(['=', ',', '\\', '+', '|', '&', '>'])
        || next.trim_start().starts_with(['.', '+', '|', '&', '?', ')', '}', ']', '=', ','])
}

/// Whether a line opens a block that the next line is inside of.
pub(super) fn opens_block(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(['{', '(', '[', ':'])
        || [" do", " then", "=>", " begin"].iter().any(|end| line.ends_with(end))
}

/// Shifts all lines by the distance between two indentations.
pub(super) fn shift_all(lines: &mut [String], have: &str, want: &str) {
    for line in lines.iter_mut().filter(|line| !line.trim().is_empty()) {
        *line = shifted(line, have, want);
    }
}
