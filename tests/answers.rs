//! What becomes of model answers: one file a case in `tests/data/answers`, named after what it shows.
//!
//! A file has sections that begin with `//- NAME OPTIONS`: `document LANGUAGE` with the selection between
//! two `$0`, `answer`, and `expected` (the document afterwards) or `refused VARIANT`. What stands before the
//! first section says what the case is about. `crlf` and `cr` give a document those line breaks, `chomp`
//! takes away its final one; `before`, `after` and `continue` on the answer say where it goes, else it
//! replaces the selection. `\u{XXXX}` is that character. `caution REASON` says why the edit is only proposed.

use std::path::Path;

use arawn::edits::{
    Declared, Findings, MayChange, Proposed, Side, Target, Unusable, Verdict, continuation,
    insertion, look_at, replacement, smallest_changes,
};
use arawn::syntax::Parsed;
use arawn::text::{CharIdx, CharRange, Snapshot};
use ropey::Rope;

#[derive(Debug, Default)]
struct Case {
    language: String,
    document: String,
    answer: String,
    place: String,
    expected: Option<String>,
    refused: Option<String>,
    caution: Option<String>,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case = Self::default();
        for section in format!("\n{text}").split("\n//- ").skip(1) {
            let (header, body) = section.split_once('\n').unwrap_or((section, ""));
            let mut words = header.split_whitespace();
            let name = words.next().unwrap_or_default();
            let options: Vec<&str> = words.collect();
            let has = |option: &str| options.contains(&option);
            let mut body = unescape(body);
            if !body.is_empty() && !has("chomp") {
                body.push('\n');
            }
            if has("crlf") {
                body = body.replace('\n', "\r\n");
            } else if has("cr") {
                body = body.replace('\n', "\r");
            }
            match name {
                "document" => {
                    case.language = options.first().copied().unwrap_or_default().into();
                    case.document = body;
                }
                "answer" => {
                    case.place = options.first().copied().unwrap_or("replace").into();
                    case.answer = body;
                }
                "expected" => case.expected = Some(body),
                "refused" => case.refused = options.first().map(|word| (*word).to_owned()),
                "caution" => case.caution = Some(options.join(" ")),
                other => panic!("unknown section {other}"),
            }
        }
        case
    }

    fn parts(&self) -> (String, String, String) {
        let parts: Vec<&str> = self.document.split("$0").collect();
        assert_eq!(parts.len(), 3, "a document has two $0");
        (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned())
    }

    /// What stands in the selection's place, and the document with it, through the changes that an editor would be sent.
    fn replaced(&self, answer: &str) -> Result<(String, String), Unusable> {
        let (before, selection, after) = self.parts();
        let target = Target {
            selection: &selection,
            before: &before,
            after: &after,
            language: &self.language,
        };
        let new = match self.place.as_str() {
            "replace" => replacement(answer, &target)?,
            "before" => insertion(answer, &target, Side::Before)? + &selection,
            "after" => selection.clone() + &insertion(answer, &target, Side::After)?,
            "continue" => selection.clone() + &continuation(answer, &target)?,
            other => panic!("unknown place {other}"),
        };
        let mut text = Rope::from_str(&[before.as_str(), &selection, &after].concat());
        let offset = CharIdx(before.chars().count());
        for change in smallest_changes(&selection, &new, offset).iter().rev() {
            change.apply(&mut text);
        }
        let text = text.to_string();
        assert_eq!(text, [before.as_str(), &new, &after].concat(), "the changes make the new text");
        Ok((new, text))
    }

    fn applied(&self, answer: &str) -> Result<String, Unusable> {
        self.replaced(answer).map(|(_, text)| text)
    }

    /// Why the edit must not go into the document by itself, by the looks that need no grammar.
    fn cautioned(&self) -> Option<String> {
        self.found(false)?.faults.into_iter().next().map(|fault| fault.reason)
    }

    /// What the looks find; with a grammar also whether something is declared no more.
    fn found(&self, by_grammar: bool) -> Option<Findings> {
        let (new, _) = self.replaced(&self.answer).ok()?;
        let (before, selection, after) = self.parts();
        let start = CharIdx(before.chars().count());
        let range = CharRange::new(start, CharIdx(start.0 + selection.chars().count()));
        let snapshot =
            Snapshot::of_text(&[before, selection, after].concat(), &self.language, None);
        let parsed = Parsed::of(&snapshot.text, &snapshot.language).filter(|_| by_grammar);
        Some(look_at(&Proposed {
            snapshot: &snapshot,
            range,
            text: &new,
            parsed: parsed.as_ref(),
            may_change: MayChange::Everything,
            declared: Declared::Stays { asked: "" },
            protection: None,
        }))
    }
}

fn unescape(text: &str) -> String {
    let mut pieces = text.split("\\u{");
    let mut done = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once('}').expect("\\u{XXXX}");
        done.push(
            u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a character"),
        );
        done.push_str(rest);
    }
    done
}

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/answers");
    let mut cases: Vec<(String, Case)> = std::fs::read_dir(folder)
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, Case::read(std::fs::read_to_string(&path).expect("text").trim_end_matches('\n')))
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

fn variant(unusable: &Unusable) -> String {
    let debug = format!("{unusable:?}");
    debug.split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// What is wrong with a case; `None` when all is well.
fn check_answer(case: &Case) -> Option<String> {
    let got = case.applied(&case.answer);
    let caution = case.cautioned();
    if caution != case.caution {
        return Some(format!("caution  {caution:?}\nexpected {:?}", case.caution));
    }
    match (&got, &case.expected, &case.refused) {
        (Ok(text), Some(expected), _) if text == expected => None,
        (Err(unusable), None, Some(refused)) if variant(unusable) == *refused => None,
        _ => Some(format!(
            "got      {got:?}\nexpected {:?}\nrefused  {:?}",
            case.expected, case.refused
        )),
    }
}

#[test]
fn answers_become_what_their_files_say() {
    let cases = cases();
    assert!(cases.len() >= 340, "only {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, case)| Some(format!("{name}:\n{}", check_answer(case)?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

/// Nearly all of them are right answers: what `declares` says of these would be a false alarm.
#[test]
fn right_answers_go_on_declaring_what_was_selected() {
    let mut n_looked_at = 0;
    let mut missed = Vec::new();
    let is_right = |case: &Case| case.place == "replace" && case.caution.is_none();
    for (name, case) in cases().iter().filter(|(_, case)| is_right(case)) {
        let Some(check) = case
            .found(true)
            .and_then(|found| found.checks.into_iter().find(|check| check.name == "declares"))
        else {
            continue;
        };
        n_looked_at += usize::from(check.verdict != Verdict::Skipped);
        if check.verdict == Verdict::Failed {
            missed.push((name.clone(), check.detail));
        }
    }
    assert_eq!(missed, []);
    assert!(!cfg!(feature = "syntax") || n_looked_at >= 150, "only {n_looked_at}");
}

#[test]
fn windows_line_breaks_change_nothing_else() {
    for (name, case) in cases() {
        if case.document.contains('\r') || !case.document.contains('\n') {
            continue;
        }
        let windows = |text: &String| text.replace('\n', "\r\n");
        let case = Case {
            document: windows(&case.document),
            expected: case.expected.as_ref().map(windows),
            answer: windows(&case.answer),
            ..case
        };
        assert_eq!(check_answer(&case), None, "{name}");
    }
}

/// What was cut, and why what came of it is right; `None` where it is not.
///
/// A cut answer is refused, or gives what the whole one gives, or leaves the document as it was. Else it was
/// cut behind a block that is closed, and what follows that block does not matter; or it has no block, and
/// then all that can be told is that it leaves no more brackets open than the text it replaces.
fn why_right(case: &Case, cut: &str, text: &str) -> Option<&'static str> {
    let (before, selection, after) = case.parts();
    if case.expected.as_deref() == Some(text) {
        return Some("whole");
    }
    if text == [before, selection, after].concat() {
        return Some("unchanged");
    }
    let ends_block =
        |line: &&str| line.trim_end().ends_with("```") || line.trim_end().ends_with("~~~");
    if let Some(fence) = cut.split_inclusive('\n').rfind(ends_block) {
        let end = cut.rfind(fence).unwrap_or_default() + fence.len();
        let same = case.applied(&cut[..end]).as_deref() == Ok(text);
        return same.then_some("closed");
    }
    let prose = ["markdown", "plaintext", "text"].contains(&case.language.as_str());
    let open = |text: &str| {
        ["()", "[]", "{}"].map(|pair| {
            let count = |idx: usize| text.matches(&pair[idx..=idx]).count();
            count(0) > count(1)
        })
    };
    let is_closed = || open(text).iter().zip(open(&case.document)).all(|(now, was)| !now || was);
    (prose || case.place == "continue" || is_closed()).then_some("without a block")
}

/// An answer that is cut anywhere inside its fence was once applied as far as it went.
#[test]
fn an_answer_cut_at_any_byte_is_refused_or_right() {
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        for (end, _) in case.answer.char_indices() {
            let cut = &case.answer[..end];
            if let Ok(text) = case.applied(cut)
                && why_right(&case, cut, &text).is_none()
            {
                wrong.push(format!("{name} cut at {end}: {cut:?} became {text:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Inside its fence, its tags or its JSON, no part of an answer passes for the whole.
#[test]
fn an_answer_cut_before_its_end_mark_is_not_applied() {
    let opens = [
        "```",
        "~~~",
        "<answer>",
        "<updated_code>",
        "<CODE5711>",
        "<document>",
        "{\"code\"",
        "<<<<<<< ",
        "*** Begin Patch",
    ];
    for (name, case) in cases() {
        let Some(mark) = opens.iter().find(|mark| case.answer.starts_with(**mark)) else {
            continue;
        };
        for (end, _) in case.answer.char_indices().skip(mark.len()) {
            let cut = &case.answer[..end];
            let ends = ["```", "~~~", "</", ">>>>>>> ", "*** End", "}"];
            if ends.iter().any(|end| cut[mark.len()..].contains(end)) {
                break;
            }
            let got = case.applied(cut);
            assert!(got.is_err(), "{name} cut at {end}: {got:?}");
        }
    }
}

/// One of each reason to refuse, as `docs/edits.md` shows it.
fn reasons() -> Vec<Unusable> {
    let all = vec![
        Unusable::Empty,
        Unusable::NoCode,
        Unusable::Refusal,
        Unusable::CutOff,
        Unusable::Elided { line: String::new() },
        Unusable::Ambiguous,
        Unusable::Echo,
        Unusable::Patch,
        Unusable::ToolCall,
        Unusable::OtherLanguage { language: "Python".to_owned() },
        Unusable::LineNumbers,
    ];
    // A new reason does not compile until it stands here, and so above.
    let known = |reason: &Unusable| match reason {
        Unusable::Empty
        | Unusable::NoCode
        | Unusable::Refusal
        | Unusable::CutOff
        | Unusable::Elided { .. }
        | Unusable::Ambiguous
        | Unusable::Echo
        | Unusable::Patch
        | Unusable::ToolCall
        | Unusable::OtherLanguage { .. }
        | Unusable::LineNumbers => true,
    };
    assert!(all.iter().all(known));
    all
}

/// The names of the cases that a line of the documentation links.
fn linked(line: &str) -> Vec<&str> {
    line.split("tests/data/answers/")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(".txt")?.0))
        .collect()
}

#[test]
fn the_documented_table_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/edits.md");
    let docs = std::fs::read_to_string(path).expect("the documentation");
    let cases = cases();
    let case = |name: &str| {
        let found = cases.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("docs/edits.md names {name}, which does not exist")).1
    };
    for name in docs.lines().flat_map(linked) {
        case(name);
    }
    for reason in reasons() {
        let row = docs.lines().find(|line| line.starts_with(&format!("| {reason} |")));
        let row = row.unwrap_or_else(|| panic!("docs/edits.md has no row for {reason:?}"));
        let names = linked(row);
        assert!(!names.is_empty(), "no case shows {reason:?}");
        for name in names {
            assert_eq!(case(name).refused, Some(variant(&reason)), "{name} in the row of {reason}");
        }
    }
    // What stands in the tables above is applied.
    let applied = docs.split("### Refused").next().unwrap_or_default();
    for name in applied.lines().flat_map(linked) {
        assert!(case(name).expected.is_some(), "{name} is not applied");
    }
}
