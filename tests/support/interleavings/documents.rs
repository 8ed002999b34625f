//! Documents of every shape, and selections in them.

use std::ops::Range;

use fastrand::Rng;

/// Lines as they occur, many of them alike, so that a region can be mistaken for another.
const LINES: [&str; 22] = [
    "",
    "",
    "}",
    "}",
    "    }",
    "fn add(a: i32, b: i32) -> i32 {",
    "    return a + b;",
    "    return a + b;",
    "\treturn a + b;",
    "    if a > b {",
    "        total += a * 2;",
    "\t\ttotal += b;",
    "\t  let mixed = 1;",
    "    let crab = \"🦀🦀\"; let n = 1;",
    "𐐀𐐀 = é + e\u{301};",
    "    // na\u{308}ive 👩‍👩‍👧 words",
    "let x = 1;   ",
    "    ",
    "use std::fmt;",
    "x",
    "// a comment that goes on for a while, as comments do",
    "    call(one, two, three);",
];

/// A document.
pub(crate) fn document(rng: &mut Rng) -> String {
    let n_lines = match rng.u8(..20) {
        0 => return String::new(),
        1 => 40 + rng.usize(..40),
        2 => 1,
        _ => 2 + rng.usize(..12),
    };
    let breaks: &[&str] = match rng.u8(..10) {
        0..5 => &["\n"],
        5..8 => &["\r\n"],
        8 => &["\n", "\r\n", "\n", "\r"],
        _ => &["\r"],
    };
    let mut text = String::new();
    if rng.u8(..8) == 0 {
        text.push('\u{feff}');
    }
    for line_idx in 0..n_lines {
        if rng.u8(..150) == 0 {
            text.push_str(&"long 🦀 ".repeat(100 + rng.usize(..300)));
        }
        text.push_str(LINES[rng.usize(..LINES.len())]);
        if line_idx + 1 < n_lines || rng.u8(..4) > 0 {
            text.push_str(breaks[rng.usize(..breaks.len())]);
        }
    }
    text
}

/// Where the lines begin, and the end of the text.
fn line_starts(chars: &[char]) -> Vec<usize> {
    let mut starts = vec![0];
    for (idx, c) in chars.iter().enumerate() {
        if *c == '\n' || (*c == '\r' && chars.get(idx + 1) != Some(&'\n')) {
            starts.push(idx + 1);
        }
    }
    if starts.last() != Some(&chars.len()) {
        starts.push(chars.len());
    }
    starts
}

/// A selection, in characters.
pub(crate) fn selection(rng: &mut Rng, text: &str) -> Range<usize> {
    let chars: Vec<char> = text.chars().collect();
    let starts = line_starts(&chars);
    let boundary = |idx: usize| {
        let cuts = idx > 0 && chars.get(idx - 1) == Some(&'\r') && chars.get(idx) == Some(&'\n');
        idx - usize::from(cuts)
    };
    let line = |rng: &mut Rng| starts[rng.usize(..starts.len())];
    let any = |rng: &mut Rng| boundary(rng.usize(..=chars.len()));
    let (a, b) = match rng.u8(..20) {
        0..10 => (line(rng), line(rng)),
        10..13 => (any(rng), any(rng)),
        13..16 => {
            let at = any(rng);
            (at, boundary((at + 1 + rng.usize(..12)).min(chars.len())))
        }
        16 => (0, chars.len()),
        17 => (0, any(rng)),
        18 => (any(rng), chars.len()),
        _ => {
            let at = any(rng);
            (at, at)
        }
    };
    a.min(b)..a.max(b)
}
