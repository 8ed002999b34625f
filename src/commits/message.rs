//! From a model's answer to a commit message as git wants it.

use crate::text::without_invisible;

/// How long a line may be.
const WIDTH: usize = 72;

/// Why an answer is no message.
const EMPTY: &str = "the answer holds no message";
/// What models do that are too small for the task.
const ECHO: &str = "the model repeated the difference instead of telling what it changes";

/// The message of an answer: a subject of at most 72 characters and a wrapped body; a reason where there is none.
pub(super) fn cleaned(answer: &str) -> Result<String, &'static str> {
    let answer = without_invisible(answer).replace("\r\n", "\n");
    let answer = without_thoughts(&answer);
    let lines = unfenced(answer);
    let told = lines.iter().take_while(|line| !is_of_difference(line));
    let told: Vec<String> = told.filter(|line| !is_status(line)).cloned().collect();
    let reason = if told.len() < lines.len() { ECHO } else { EMPTY };
    let lines = without_talk(&told);
    let mut lines = lines.into_iter().skip_while(|line| line.trim().is_empty());
    let subject = bare_subject(&lines.next().ok_or(reason)?);
    if subject.is_empty() {
        return Err(reason);
    }
    let says_again = |line: &String| bare_subject(line) == subject;
    let mut body: Vec<String> =
        lines.filter(|line| !says_again(line)).map(|line| line.trim_end().to_owned()).collect();
    let (subject, rest) = fitted(&subject);
    if let Some(rest) = rest {
        body.splice(0..0, [rest, String::new()]);
    }
    let body = wrapped(&body);
    Ok(if body.is_empty() { subject } else { format!("{subject}\n\n{body}") })
}

/// Whether a line can only come from the difference that the model was shown.
fn is_of_difference(line: &str) -> bool {
    ["diff --git ", "@@ -", "--- a/", "+++ b/"].iter().any(|mark| line.starts_with(mark))
}

/// Whether a line is one of the list of files that the model was shown: `M src/main.rs`.
fn is_status(line: &str) -> bool {
    let line = line.trim().trim_matches(['*', '`', '-', ' ', ':']);
    line.split_once(' ').is_some_and(|(kind, file)| {
        matches!(kind, "M" | "A" | "D" | "T") && !file.contains(' ') && file.contains(['.', '/'])
    })
}

fn without_thoughts(answer: &str) -> &str {
    let end = ["</think>", "</thinking>"]
        .iter()
        .filter_map(|mark| answer.rfind(mark).map(|at| at + mark.len()))
        .max();
    answer[end.unwrap_or(0)..].trim()
}

/// The lines in the fence, where the message is fenced; else all but the marks of fences.
fn unfenced(answer: &str) -> Vec<String> {
    let is_mark = |line: &str| line.trim_start().starts_with("```");
    let lines: Vec<&str> = answer.lines().collect();
    let first = lines.iter().position(|line| is_mark(line));
    let opens = first.filter(|&at| {
        let before = lines[..at].iter().rev().find(|line| !line.trim().is_empty());
        before.is_none_or(|line| line.trim_end().ends_with(':') || is_talk(line))
    });
    if let Some(at) = opens {
        let inner = lines[at + 1..].iter().take_while(|line| !is_mark(line));
        return inner.map(|line| (*line).to_owned()).collect();
    }
    lines.iter().filter(|line| !is_mark(line)).map(|line| (*line).to_owned()).collect()
}

/// Whether a line talks about the message.
fn is_talk(line: &str) -> bool {
    const HEADS: [&str; 12] = [
        "here is",
        "here's",
        "here are",
        "sure",
        "certainly",
        "okay",
        "of course",
        "let me know",
        "i hope",
        "feel free",
        "this commit message",
        "the commit message",
    ];
    let line = line.trim().trim_matches(['#', '*', '-', ' ']).to_lowercase();
    if matches!(
        line.trim_end_matches(':'),
        "commit message" | "commit" | "changes" | "changes made"
    ) {
        return true;
    }
    HEADS.iter().any(|head| {
        line.strip_prefix(head).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    }) || (line.starts_with("commit message") && line.ends_with(':'))
}

fn without_talk(lines: &[String]) -> Vec<String> {
    let is_blank = |line: &String| line.trim().is_empty();
    let start = lines.iter().position(|line| !is_blank(line) && !is_talk(line));
    let mut kept = lines[start.unwrap_or(lines.len())..].to_vec();
    // What follows the message is told in a paragraph of its own.
    let talk = (1..kept.len()).find(|&idx| is_blank(&kept[idx - 1]) && is_talk(&kept[idx]));
    if let Some(talk) = talk {
        kept.truncate(talk);
    }
    while kept.last().is_some_and(is_blank) {
        kept.pop();
    }
    kept
}

/// A subject without what models wrap it in.
fn bare_subject(line: &str) -> String {
    let mut line = line.trim().trim_start_matches(['#', '>', ' ']);
    line = line[bullet(line)..].trim_start_matches(['•', ' ']);
    for label in ["commit message:", "subject:", "title:", "**commit message:**", "**subject:**"] {
        if line.get(..label.len()).is_some_and(|head| head.eq_ignore_ascii_case(label)) {
            line = line[label.len()..].trim();
        }
    }
    for mark in ["**", "`", "\"", "'"] {
        if line.len() > 2 * mark.len()
            && let Some(inner) = line.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
        {
            line = inner.trim();
        }
    }
    let without_stop = line.strip_suffix('.').filter(|rest| !rest.ends_with('.'));
    without_stop.unwrap_or(line).to_owned()
}

/// A subject that fits, and the whole of it for the body where it had to be cut.
fn fitted(subject: &str) -> (String, Option<String>) {
    if subject.chars().count() <= WIDTH {
        return (subject.to_owned(), None);
    }
    let head: String = subject.chars().take(WIDTH + 1).collect();
    let clause = [". ", "; ", ", ", " - ", " – "].iter().filter_map(|mark| head.find(mark)).max();
    let clause = clause.filter(|&at| at >= WIDTH / 3);
    let word = head.char_indices().rfind(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
    let end = clause
        .or(word)
        .unwrap_or_else(|| head.char_indices().nth(WIDTH).map_or(head.len(), |(at, _)| at));
    (without_loose_end(&head[..end]).to_owned(), Some(format!("{subject}.")))
}

/// A cut subject without the small words at its end, which lead to what was cut.
fn without_loose_end(subject: &str) -> &str {
    const LEADING: [&str; 14] = [
        "a", "an", "and", "by", "for", "from", "in", "into", "of", "on", "or", "the", "to", "with",
    ];
    let mut kept = subject.trim_end();
    while let Some((rest, word)) = kept.rsplit_once(' ')
        && LEADING.contains(&word.to_lowercase().as_str())
    {
        kept = rest.trim_end();
    }
    kept
}

/// The body with lines that fit; lists, indented lines and paragraphs stay what they are.
fn wrapped(body: &[String]) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in body {
        let is_item = bullet(line) > 0;
        let is_own =
            line.trim().is_empty() || is_item || line.starts_with("    ") || is_trailer(line);
        let goes_on = paragraphs.last().is_some_and(|last| {
            !last.trim().is_empty() && !last.starts_with("    ") && !is_trailer(last)
        });
        match paragraphs.last_mut() {
            Some(last) if goes_on && !is_own => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => paragraphs.push(line.clone()),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        let is_blank = paragraph.trim().is_empty();
        if is_blank && lines.last().is_none_or(String::is_empty) {
            continue;
        }
        if is_blank || paragraph.starts_with("    ") || is_trailer(&paragraph) {
            lines.push(paragraph.trim_end().to_owned());
            continue;
        }
        lines.extend(folded(&paragraph));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    // Git takes such lines for its own remarks and drops them.
    let kept =
        lines.into_iter().map(|line| if line.starts_with('#') { format!(" {line}") } else { line });
    kept.collect::<Vec<_>>().join("\n")
}

/// `Signed-off-by: ...` and the like, which tools read by the line.
fn is_trailer(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(name, _)| {
        name.contains('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

/// How far the text of a list's entry stands in; 0 for what is none.
fn bullet(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let rest = line.trim_start();
    if rest.starts_with("- ") || rest.starts_with("* ") {
        return indent + 2;
    }
    let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if n_digits > 0 && rest[n_digits..].starts_with(". ") { indent + n_digits + 2 } else { 0 }
}

fn folded(paragraph: &str) -> Vec<String> {
    let hang = bullet(paragraph);
    let lead = &paragraph[..paragraph.len() - paragraph.trim_start().len()];
    let mut lines = vec![lead.to_owned()];
    let mut is_first = true;
    for word in paragraph.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let width = line.chars().count() + word.chars().count() + usize::from(!is_first);
        if !is_first && width > WIDTH {
            lines.push(" ".repeat(hang) + word);
        } else {
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        }
        is_first = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: &str) {
        assert_eq!(cleaned(answer).as_deref(), Ok(expected), "{answer:?}");
    }

    #[test]
    fn a_plain_message_stays_as_it_is() {
        let plain = "Read the file once\n\nIt was read for every line.\n\n- one\n- two";
        check(plain, plain);
        check("router: stop at the first answer\n", "router: stop at the first answer");
    }

    #[test]
    fn what_models_wrap_a_message_in_goes() {
        check(
            "Here is the commit message:\n\n```\nAdd a cache\n\nIt helps.\n```\n\nLet me know!",
            "Add a cache\n\nIt helps.",
        );
        check("```text\nAdd a cache\n```", "Add a cache");
        check("<think>hm</think>\n\"Add a cache.\"", "Add a cache");
        check("**Commit message:** `Add a cache`", "Add a cache");
        check("# Add a cache\nIt helps.\n\nI hope this helps!", "Add a cache\n\nIt helps.");
        check("Sure! Here it is:\nAdd a cache", "Add a cache");
        check("Surely close the file", "Surely close the file");
    }

    #[test]
    fn lines_are_wrapped_and_a_long_subject_is_told_in_the_body() {
        let subject = "Read the configuration only once, because reading it for each request made the server slow";
        let message = cleaned(&format!(
            "{subject}\n\n- {}\n\nSigned-off-by: {}",
            "word ".repeat(30),
            "x".repeat(80)
        ))
        .unwrap();
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[0], "Read the configuration only once");
        assert_eq!(
            lines[2],
            "Read the configuration only once, because reading it for each request"
        );
        assert!(lines[5].starts_with("- word") && lines[6].starts_with("  word"), "{message}");
        assert!(
            lines.iter().filter(|line| !line.starts_with("Signed")).all(|line| line.len() <= 72),
            "{message}"
        );
    }

    /// So did Qwen2.5-Coder-1.5B: the subject stood in the history as "- Adds a method ...".
    #[test]
    fn a_cut_subject_ends_with_a_word_that_means_something() {
        let message = cleaned(
            "Optimize the function that finds mean times by sorting requests in the descending order",
        );
        let message = message.unwrap();
        assert_eq!(
            message.lines().next(),
            Some("Optimize the function that finds mean times by sorting requests")
        );
    }

    #[test]
    fn a_list_begins_with_the_subject() {
        check("- Add `remove`\n- Count twice", "Add `remove`\n\n- Count twice");
        check("### Commit Message\n\n- Sort downwards\n\n- Sort downwards.", "Sort downwards");
        check("Changes made:\n- Sort downwards", "Sort downwards");
        check("- Changes:\n  - Sort downwards", "Sort downwards");
        check("1. Sort downwards", "Sort downwards");
    }

    /// So did Qwen2.5-Coder-0.5B, and the difference stood in the history as the message.
    #[test]
    fn a_difference_is_no_message() {
        let difference = "M src/a.rs\n\ndiff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1 +1 @@\n-a\n+b";
        assert_eq!(cleaned(difference), Err(ECHO));
        assert_eq!(
            cleaned(&format!("The commit message is:\n\n```\n{difference}\n```")),
            Err(ECHO)
        );
        assert_eq!(cleaned("- M `src/a.rs`:"), Err(ECHO));
        check(&format!("Say b\n\n{difference}"), "Say b");
        check("A new way to sort", "A new way to sort");
        check("A hotfix\n\n- A test\n- D-Bus name", "A hotfix\n\n- A test\n- D-Bus name");
    }

    #[test]
    fn git_would_drop_lines_that_begin_with_a_hash() {
        check("Fix\n\nSee\n\n#12 and others", "Fix\n\nSee\n\n #12 and others");
    }

    #[test]
    fn nothing_is_no_message() {
        assert_eq!(cleaned("```\n```"), Err(EMPTY));
        assert_eq!(cleaned("Here is the message:\n"), Err(EMPTY));
    }
}
