//! Properties of text: changes against a plain string, positions there and back, whole-text differences.

use arawn::text::{
    Change, CharIdx, CharRange, Encoding, Position, Shift, changes_between, from_position,
    line_end, to_position, whole_text_changes,
};
use proptest::prelude::*;
use ropey::Rope;

/// Text of the pieces that go wrong: every line break, tabs, astral characters, combining marks, a BOM.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c ]{1,4}",
        2 => Just("\n".to_owned()),
        2 => Just("\r\n".to_owned()),
        1 => Just("\r".to_owned()),
        1 => Just("\t".to_owned()),
        1 => Just("😀".to_owned()),
        1 => Just("e\u{301}".to_owned()),
        1 => Just("👩\u{200D}💻".to_owned()),
        1 => Just("ä".to_owned()),
        1 => Just("\u{FEFF}".to_owned()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, prop::sample::Index, String)>> {
    prop::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), text()),
        0..12,
    )
}

fn change_in(
    n_chars: usize,
    a: prop::sample::Index,
    b: prop::sample::Index,
    text: String,
) -> Change {
    let (a, b) = (a.index(n_chars + 1), b.index(n_chars + 1));
    Change { range: CharRange::new(CharIdx(a), CharIdx(b)), text }
}

fn apply_to_string(change: &Change, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let range = change.range.chars();
    let mut new: String = chars[..range.start].iter().collect();
    new.push_str(&change.text);
    new.extend(&chars[range.end..]);
    new
}

fn apply_ascending(old: &str, changes: &[Change]) -> String {
    changes.iter().rev().fold(old.to_owned(), |text, change| apply_to_string(change, &text))
}

fn cuts_line_break(text: &str, idx: usize) -> bool {
    let chars: Vec<char> = text.chars().collect();
    idx > 0 && chars[idx - 1] == '\r' && chars.get(idx) == Some(&'\n')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_edits_equal_those_of_a_plain_string(start in text(), edits in edits()) {
        let (mut rope, mut model) = (Rope::from_str(&start), start);
        for (a, b, text) in edits {
            let change = change_in(model.chars().count(), a, b, text);
            model = apply_to_string(&change, &model);
            change.apply(&mut rope);
            prop_assert_eq!(rope.to_string(), model.as_str());
        }
    }

    #[test]
    fn every_position_goes_there_and_back(text in text()) {
        let rope = Rope::from_str(&text);
        for idx in 0..=rope.len_chars() {
            if cuts_line_break(&text, idx) {
                continue;
            }
            for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
                let position = to_position(&rope, CharIdx(idx), encoding);
                prop_assert_eq!(from_position(&rope, position, encoding), CharIdx(idx));
            }
        }
    }

    #[test]
    fn any_position_is_inside_the_text(text in text(), line in 0_u32..30, column in 0_u32..60) {
        let rope = Rope::from_str(&text);
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let idx = from_position(&rope, Position { line, column }, encoding);
            prop_assert!(idx.0 <= rope.len_chars());
            if (line as usize) < rope.len_lines() {
                prop_assert!(idx <= line_end(&rope, line as usize));
                let back = to_position(&rope, idx, encoding);
                prop_assert!(back.line == line && back.column <= column);
            }
        }
    }

    #[test]
    fn a_whole_text_arrives_as_changes_that_make_it(old in text(), new in text()) {
        let mut rope = Rope::from_str(&old);
        for change in whole_text_changes(&rope.clone(), &new) {
            change.apply(&mut rope);
        }
        prop_assert_eq!(rope.to_string(), new);
    }

    #[test]
    fn a_local_edit_sent_as_whole_text_changes_nothing_else(
        before in text(), old in text(), new in text(), after in text()
    ) {
        // Lines that stand nowhere else: without them an insertion among equal lines has several right places.
        let whole = |middle: &str| format!("{before}\n<begin>\n{middle}\n<end>\n{after}");
        let (old, new) = (whole(&old), whole(&new));
        let (n_before, n_after) = (before.chars().count(), after.chars().count());
        let rope = Rope::from_str(&old);
        for change in whole_text_changes(&rope, &new) {
            prop_assert!(change.range.start().0 >= n_before, "{:?}", change);
            prop_assert!(change.range.end().0 <= rope.len_chars() - n_after, "{:?}", change);
        }
    }

    #[test]
    fn changes_between_are_ascending_and_keep_line_breaks_whole(old in text(), new in text(), offset in 0_usize..9) {
        let changes = changes_between(&old, &new, CharIdx(offset));
        let at_zero = changes_between(&old, &new, CharIdx(0));
        prop_assert_eq!(apply_ascending(&old, &at_zero), new);
        for (change, zero) in changes.iter().zip(&at_zero) {
            prop_assert_eq!(change.range.start().0, zero.range.start().0 + offset);
            prop_assert!(!cuts_line_break(&old, zero.range.start().0), "{:?}", zero);
            prop_assert!(!cuts_line_break(&old, zero.range.end().0), "{:?}", zero);
        }
        for pair in at_zero.windows(2) {
            prop_assert!(pair[0].range.end() <= pair[1].range.start());
        }
    }

    #[test]
    fn mapping_keeps_the_character_and_the_order(
        text in text(), a: prop::sample::Index, b: prop::sample::Index, insert in text()
    ) {
        let change = change_in(text.chars().count(), a, b, insert);
        let old: Vec<char> = text.chars().collect();
        let new: Vec<char> = apply_to_string(&change, &text).chars().collect();
        for shift in [Shift::Before, Shift::After] {
            let mut last = CharIdx(0);
            for idx in 0..=old.len() {
                let mapped = change.map(CharIdx(idx), shift);
                prop_assert!(mapped >= last && mapped.0 <= new.len());
                last = mapped;
            }
        }
        for idx in (0..old.len()).filter(|idx| !change.range.chars().contains(idx)) {
            prop_assert_eq!(new[change.map(CharIdx(idx), Shift::After).0], old[idx]);
        }
    }
}

#[test]
fn columns_count_what_the_encoding_counts() {
    let rope = Rope::from_str("a😀b\r\nä\rc\n");
    let at = |idx, encoding| {
        let position = to_position(&rope, CharIdx(idx), encoding);
        (position.line, position.column)
    };
    assert_eq!(at(2, Encoding::Utf8), (0, 5));
    assert_eq!(at(2, Encoding::Utf16), (0, 3));
    assert_eq!(at(2, Encoding::Utf32), (0, 2));
    assert_eq!(at(6, Encoding::Utf8), (1, 2));
    assert_eq!(at(7, Encoding::Utf16), (2, 0));
    assert_eq!(at(99, Encoding::Utf16), (3, 0));
}

#[test]
fn a_column_past_the_end_is_the_end_before_the_line_break() {
    let rope = Rope::from_str("ab\r\ncd");
    let idx = |line, column| from_position(&rope, Position { line, column }, Encoding::Utf16);
    assert_eq!(idx(0, 99), CharIdx(2));
    assert_eq!(idx(1, 99), CharIdx(6));
    assert_eq!(idx(9, 0), CharIdx(6));
}

#[test]
fn a_column_inside_a_character_is_its_start() {
    let rope = Rope::from_str("😀b");
    let at = |column, encoding| from_position(&rope, Position { line: 0, column }, encoding);
    assert_eq!(at(1, Encoding::Utf16), CharIdx(0));
    assert_eq!(at(3, Encoding::Utf8), CharIdx(0));
    assert_eq!(at(4, Encoding::Utf8), CharIdx(1));
}

/// A formatter that touches every line of a large file must not hold up the editor.
#[test]
fn a_large_whole_text_is_compared_without_quadratic_work() {
    let line = |idx: usize| format!("    let value_{idx} = compute({});\n", idx * 7919 % 104_729);
    let old: String = (0..40_000).map(line).collect();
    let new: String = (0..40_000).rev().map(|idx| line(idx).replace("    ", "\t")).collect();
    let mut rope = Rope::from_str(&old);
    for change in whole_text_changes(&rope.clone(), &new) {
        change.apply(&mut rope);
    }
    assert_eq!(rope, Rope::from_str(&new));
}

#[test]
fn a_formatter_that_makes_neighbors_equal_has_changed_the_lines_it_changed() {
    let old = Rope::from_str("x\n    a\n\ta\n    a\n\tb\n");
    let changes: Vec<_> = whole_text_changes(&old, "x\n    a\n    a\n    a\n    b\n")
        .iter()
        .map(|change| (change.range.start().0, change.range.end().0))
        .collect();
    assert_eq!(changes, [(17, 18), (8, 9)]);
}
