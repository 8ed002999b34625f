//! Properties of edits: nothing outside the region changes, and no answer makes the parser fail.

use arawn::edits::{Place, Region, Side, continuation, insertion, replacement, smallest_changes};
use arawn::text::{Change, CharIdx, CharRange, Snapshot};
use proptest::prelude::*;
use ropey::Rope;

fn document_piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("fn f() {".to_owned()),
        Just("    x = 1;".to_owned()),
        Just("\ty();".to_owned()),
        Just("}".to_owned()),
        Just("\"😀\"".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        Just("\u{FEFF}".to_owned()),
        Just("e\u{301}".to_owned()),
        Just("```".to_owned()),
        Just("  ".to_owned()),
    ]
}

fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(document_piece(), 0..20).prop_map(|pieces| pieces.concat())
}

/// Pieces of the shapes that answers have beside code.
const MARKS: &[&str] = &[
    "<<<<<<< SEARCH\n",
    "\n=======\n",
    "\n>>>>>>> REPLACE\n",
    "<old>",
    "</old><new>",
    "</new>",
    "\n*** Begin Patch\n",
    "\n*** End Patch\n",
    "\n@@\n",
    "\n-",
    "\n+",
    "\n ",
    "{\"code\": \"",
    "\"}",
    "\n12 | ",
    "\n13 | ",
    "\n1: ",
    "\n2→",
    "<answer>",
    "</answer>",
    "<CODE5711>",
    "'''\n",
    "[PYTHON]\n",
    "\n[/PYTHON]",
    "\\boxed{",
    "\n> ",
    "\n>>> ",
    "&lt;",
    "“",
    "’",
    "\u{A0}",
    "<|channel|>",
    "analysisX",
    "assistantfinal",
    "这段代码没有问题",
    "| a |\n|---|",
    "fn f() {\n",
    "// src/main.rs\n",
    "\"\"\"",
    "/*",
    "*/",
];

fn answer() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => document_piece(),
        1 => Just("\n```rust\n".to_owned()),
        1 => Just("\n```\n".to_owned()),
        1 => Just("\n~~~~ x\n".to_owned()),
        1 => Just("<think>".to_owned()),
        1 => Just("</think>".to_owned()),
        1 => Just("<|im_end|>".to_owned()),
        1 => Just("[/INST]".to_owned()),
        1 => Just("</s>".to_owned()),
        1 => Just("// ...".to_owned()),
        1 => Just("Here is the code:\n".to_owned()),
        1 => Just("I'm sorry, I can't.".to_owned()),
        1 => Just("@@ -1 +1 @@".to_owned()),
        1 => Just("`".to_owned()),
        4 => prop::sample::select(MARKS.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn place_in(text: &str, a: prop::sample::Index, b: prop::sample::Index) -> (Snapshot, CharRange) {
    let n_chars = text.chars().count() + 1;
    let range = CharRange::new(CharIdx(a.index(n_chars)), CharIdx(b.index(n_chars)));
    (Snapshot::of_text(text, "rust", None), range)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_outside_the_region_changes(
        text in document(), a: prop::sample::Index, b: prop::sample::Index, answer in answer(), fenced: bool
    ) {
        let (snapshot, range) = place_in(&text, a, b);
        let place = Place::of(&snapshot, range);
        let answer = if fenced { format!("``````\n{answer}\n``````") } else { answer };
        if let Ok(new) = replacement(&answer, &place.target()) {
            let mut after = snapshot.text.clone();
            let old = snapshot.text.slice(range.chars()).to_string();
            for change in smallest_changes(&old, &new, range.start()).iter().rev() {
                prop_assert!(change.range.start() >= range.start() && change.range.end() <= range.end());
                change.apply(&mut after);
            }
            let chars: Vec<char> = text.chars().collect();
            let head: String = chars[..range.start().0].iter().collect();
            let tail: String = chars[range.end().0..].iter().collect();
            prop_assert_eq!(after.to_string(), head + &new + &tail);
        }
    }

    #[test]
    fn the_code_that_is_there_already_is_given_back_as_it_is(
        lines in prop::collection::vec(0_usize..5, 1..6), spare in 0_usize..4
    ) {
        let indents = ["    ", "        ", "            "];
        let body: Vec<String> = lines.iter().enumerate()
            .map(|(idx, depth)| format!("{}step_{idx}();", indents[if idx == 0 { 0 } else { depth % 3 }]))
            .collect();
        let selection = body.join("\n") + "\n";
        let text = format!("fn outer_{spare}() {{\n{selection}}}\n");
        let start = text.find('\n').unwrap() + 1;
        let snapshot = Snapshot::of_text(&text, "rust", None);
        let range = CharRange::new(CharIdx(start), CharIdx(start + selection.len()));
        let place = Place::of(&snapshot, range);
        let dedented: Vec<&str> = body.iter().map(|line| &line[4..]).collect();
        for answer in [format!("```rust\n{selection}```"), format!("```\n{}\n```", dedented.join("\n"))] {
            let got = replacement(&answer, &place.target());
            prop_assert_eq!(got.as_deref(), Ok(selection.as_str()), "{}", answer);
        }
    }

    #[test]
    fn an_untouched_region_still_holds_the_same_text(
        text in document(), a: prop::sample::Index, b: prop::sample::Index,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), document()), 1..6)
    ) {
        let (snapshot, range) = place_in(&text, a, b);
        let selected = snapshot.text.slice(range.chars()).to_string();
        let mut now: Rope = snapshot.text.clone();
        let mut region = Region::new(range);
        for (a, b, text) in edits {
            let n_chars = now.len_chars() + 1;
            let range = CharRange::new(CharIdx(a.index(n_chars)), CharIdx(b.index(n_chars)));
            let change = Change { range, text };
            change.apply(&mut now);
            region.follow(&change);
            prop_assert!(region.range.end().0 <= now.len_chars());
            if !region.touched {
                prop_assert_eq!(now.slice(region.range.chars()).to_string(), selected.as_str());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_cut_anywhere_fails_hard(
        text in document(), a: prop::sample::Index, b: prop::sample::Index, answer in answer()
    ) {
        let (snapshot, range) = place_in(&text, a, b);
        let place = Place::of(&snapshot, range);
        for (end, _) in answer.char_indices().chain([(answer.len(), ' ')]) {
            let cut = &answer[..end];
            let _ = replacement(cut, &place.target());
            let _ = insertion(cut, &place.target(), Side::Before);
            let _ = insertion(cut, &place.target(), Side::After);
            let _ = continuation(cut, &place.target());
        }
    }
}

/// Both tools must read our patches, since `arawn run` prints them to be applied.
#[test]
fn a_patch_says_what_to_do() {
    let diff = arawn::edits::unified("a\r\nb\r\n", "a\r\nc\r\n", "x.txt");
    assert_eq!(diff, "--- a/x.txt\n+++ b/x.txt\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_of_the_selection_makes_what_it_says_or_nothing(
        lines in prop::collection::vec(0_usize..4, 2..8), at: prop::sample::Index, context in 0_usize..3
    ) {
        let names = ["alpha();", "beta();", "gamma();", "delta();"];
        let body: Vec<&str> = lines.iter().map(|idx| names[*idx]).collect();
        let selection = body.join("\n") + "\n";
        let text = format!("fn outer() {{\n{selection}}}\n");
        let snapshot = Snapshot::of_text(&text, "rust", None);
        let start = text.find('\n').unwrap() + 1;
        let range = CharRange::new(CharIdx(start), CharIdx(start + selection.len()));
        let place = Place::of(&snapshot, range);
        let at = at.index(body.len());
        let (low, high) = (at.saturating_sub(context), (at + context + 1).min(body.len()));
        let signed = |idx: usize| {
            let line = body[idx];
            if idx == at { format!("-{line}\n+changed();") } else { format!(" {line}") }
        };
        let hunk: Vec<String> = (low..high).map(signed).collect();
        let answer = format!("```diff\n{}\n```", hunk.join("\n"));
        let mut expected = body.clone();
        expected[at] = "changed();";
        let old = &body[low..high];
        let is_unique = body.windows(old.len()).filter(|window| *window == old).count() == 1;
        let got = replacement(&answer, &place.target()).ok();
        prop_assert_eq!(got, is_unique.then(|| expected.join("\n") + "\n"), "{}", answer);
    }
}
