//! From the filling of a gap to the text that goes into it: the model goes on in the text itself, so it stays as it
//! is, but for what shows that the model went on too far.

use super::fence::Fence;
use super::fit::{Habits, lead};
use super::leftovers;
use super::prose::is_prose_language;
use super::{Target, Unusable, echo, elision, extract};
use crate::model::GapEdge;

/// How a filling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The model was done.
    ByItself,
    /// It was cut at a limit: what had left the gap by then is whole, anything else is not.
    AtLimit,
}

/// Fits the filling of the gap at the selection's end, to be inserted there.
pub fn filling(text: &str, ended: Ended, target: &Target<'_>) -> Result<String, Unusable> {
    let known = extract::known_text(target);
    let is_code = !is_prose_language(target.language);
    let before = [target.before, target.selection].concat();
    let before = leftovers::with_line_feeds(&before);
    let after = leftovers::with_line_feeds(target.after);
    let run = leftovers::without_marks(text, &known);
    let (mut text, mut is_whole) = (run.text.clone(), run.ended);
    if is_code {
        for end in [left_at(&text, &before, &after), fence_at(&text)].into_iter().flatten() {
            if end < text.len() {
                text.truncate(end);
                is_whole = true;
            }
        }
    }
    if ended == Ended::AtLimit && !is_whole {
        return Err(Unusable::CutOff);
    }
    let text = joined(&text, &before, &after);
    if text.trim().is_empty() {
        return Err(if run.text.contains("```") { Unusable::NoCode } else { Unusable::Empty });
    }
    let text = styled(&text, target);
    let lines: Vec<String> = echo::lines(&text).map(str::to_owned).collect();
    if let Some(line) = elision::find(&lines, target.selection, target.language) {
        return Err(Unusable::Elided { line: line.chars().take(60).collect() });
    }
    Ok(text)
}

fn left_at(text: &str, before: &str, after: &str) -> Option<usize> {
    GapEdge::of(before, after).left_at(text)
}

/// Where a model that was made for talk begins or ends a block.
fn fence_at(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") && Fence::of_line(line.trim_end()).is_some() {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// The filling without what the text after the gap has already: the rest of the line, or its line break.
fn joined(text: &str, before: &str, after: &str) -> String {
    let (here, tail) = (lead(before), after.split('\n').next().unwrap_or_default());
    if tail.trim().is_empty() {
        let end = text.trim_end();
        // At the end of a file there is no line break that would be a second one.
        let adds_break = after.is_empty() && text[end.len()..].contains('\n');
        return if adds_break { format!("{end}\n") } else { end.to_owned() };
    }
    let text = echo::without_tail(text, tail, "").unwrap_or(text);
    // A line of its own in front of a line that is there.
    let needs_break = here.is_empty()
        && tail.starts_with([' ', '\t', '}', ')', ']'])
        && !text.trim().is_empty()
        && !text.ends_with('\n');
    if needs_break { format!("{}\n", text.trim_end()) } else { text.to_owned() }
}

/// The filling with the document's line breaks, and its own lines indented with what the document has.
fn styled(text: &str, target: &Target<'_>) -> String {
    let habits = Habits::of(target);
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    habits.restyle(&mut lines[1..]);
    habits.join(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(language: &str, marked: &str, text: &str, ended: Ended) -> Result<String, Unusable> {
        let (before, after) = marked.split_once("$0").unwrap();
        filling(text, ended, &Target { selection: "", before, after, language })
    }

    fn check_filled(marked: &str, text: &str, expected: &str) {
        let filled = fit("rust", marked, text, Ended::ByItself);
        assert_eq!(filled.as_deref(), Ok(expected), "{marked:?} + {text:?}");
    }

    #[test]
    fn what_the_model_gives_stays_as_it_is() {
        check_filled("let total = count$0\n", "er + 1;", "er + 1;");
        check_filled("let total =$0\n", " 1;", " 1;");
        check_filled(
            "fn f() {\n    $0\n}\n",
            "if a {\n        b();\n    }",
            "if a {\n        b();\n    }",
        );
        check_filled("f($0)\n", "a, g(b)", "a, g(b)");
        check_filled("fn f() {\n$0}\n", "    x();\n", "    x();\n");
    }

    #[test]
    fn marks_of_training_end_the_text() {
        check_filled("let x = $0\n", "1;<|endoftext|>fn main", "1;");
        check_filled("let x = $0\n", "1; <EOT>", "1;");
        check_filled("let x = $0\n", "<|fim_middle|>1;<|fim_pad|><|fim_pad|>", "1;");
        check_filled("let x = $0\n", "1;<|fim_prefix|>let y", "1;");
        check_filled("const M: &str = \"<EOT>\";\nlet x = $0\n", "\"<EOT>\";", "\"<EOT>\";");
    }

    #[test]
    fn what_strikes_text_through_is_no_mark_where_there_are_tags() {
        let fit =
            |language: &str, marked: &str, text: &str| fit(language, marked, text, Ended::ByItself);
        let (marked, text) = ("<p>Was <s>10$0\n", "</s> now 8</p>");
        for language in ["html", "javascriptreact", "typescriptreact"] {
            assert_eq!(fit(language, marked, text).as_deref(), Ok(text), "{language}");
        }
        let component = "const a = <p>one</p>;\nconst b = <p>Was <s>10$0\n";
        assert_eq!(fit("javascript", component, text).as_deref(), Ok(text));
        assert_eq!(fit("javascript", "let x = $0\n", "1;</s>").as_deref(), Ok("1;"));
    }

    #[test]
    fn what_stands_after_the_gap_already_is_not_repeated() {
        check_filled("f($0);\n", "a, b);", "a, b");
        check_filled("let x = $0;\n", "1;", "1");
        check_filled("fn f() {\n    $0\n}\n", "x();\n}\n\nfn g() {}\n", "x();");
        check_filled("fn f() {\n    $0\n\n    last();\n}\n", "x();\n\n    last();\n", "x();");
        check_filled("a();\n$0\nb();\n", "c();\n", "c();");
    }

    #[test]
    fn a_line_in_front_of_another_gets_a_line_break() {
        check_filled("fn f() {\n$0}\n", "    x();", "    x();\n");
        check_filled("fn f() {\n$0    y();\n}\n", "    x();", "    x();\n");
    }

    #[test]
    fn line_breaks_and_tabs_are_those_of_the_document() {
        check_filled(
            "fn f() {\r\n\ta();\r\n\t$0\r\n}\r\n",
            "if b {\n        c();\n    }",
            "if b {\r\n\t\tc();\r\n\t}",
        );
    }

    #[test]
    fn a_cut_text_counts_only_where_it_had_left_the_gap() {
        let marked = "fn f() {\n    $0\n}\n";
        let fit = |text: &str| fit("rust", marked, text, Ended::AtLimit);
        assert_eq!(fit("x();\n}\n\nfn g() {\n    y").as_deref(), Ok("x();"));
        assert_eq!(fit("x();\n    y"), Err(Unusable::CutOff));
        assert_eq!(fit("x();<EOT>and on").as_deref(), Ok("x();"));
    }

    #[test]
    fn talk_is_no_filling() {
        let marked = "fn f() {\n    $0\n}\n";
        let fit = |text: &str| fit("rust", marked, text, Ended::ByItself);
        assert_eq!(fit("```rust\nx();\n```"), Err(Unusable::NoCode));
        assert_eq!(fit(" \n"), Err(Unusable::Empty));
        assert_eq!(fit("}\n"), Ok("}".to_owned()), "the syntax is looked at later");
        assert_eq!(fit("x();\n    ```\n\nThis calls x.").as_deref(), Ok("x();"));
        assert!(matches!(
            fit("x();\n    // ... rest of the code ...\n    y();"),
            Err(Unusable::Elided { .. })
        ));
    }

    #[test]
    fn prose_is_not_cut_by_its_indentation() {
        let text = "one\n- two\n\n```sh\nls\n```";
        let filled = fit("markdown", "- a\n  - $0\n- b\n", text, Ended::ByItself);
        assert_eq!(filled.as_deref(), Ok(text));
    }
}
