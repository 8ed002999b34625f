//! Finds lines by which a model leaves code out: `// ... rest of the code ...`.
//!
//! Applying such an answer would delete what it leaves out.

use super::prose::is_prose_language;

/// Comment openers, longest first.
const OPENERS: &[&str] = &[
    "{/*", "<!--", "///", "//!", "//", "/**", "/*", "(*", "{-", "--[[", "--", "#", ";;", ";", "%",
    "\"\"\"", "'''", "*",
];

/// Comment closers.
const CLOSERS: &[&str] = &["*/}", "-->", "*/", "*)", "-}", "]]", "\"\"\"", "'''"];

/// Words that, next to dots, say that code was left out.
const HINTS: &[&str] = &[
    "rest",
    "existing",
    "remaining",
    "remainder",
    "unchanged",
    "omitted",
    "previous",
    "same",
    "implementation",
    "code",
    "before",
    "here",
    "continue",
    "continues",
    "original",
    "skipped",
    "truncated",
    "other",
    "more",
];

/// What a comment without dots begins with when it stands for code.
const PHRASES: &[&str] = &[
    "rest of code",
    "rest of the code",
    "rest of your code",
    "rest of the function",
    "rest of the file",
    "rest of the class",
    "rest of the method",
    "rest of the implementation",
    "rest of the program",
    "rest of the module",
    "the rest of the code",
    "the rest of the function",
    "the rest of the file",
    "the rest of the class",
    "the rest remains",
    "the rest is unchanged",
    "rest remains",
    "rest unchanged",
    "rest is unchanged",
    "rest stays",
    "existing code",
    "existing implementation",
    "remaining code",
    "remaining implementation",
    "remaining methods unchanged",
    "other methods remain",
    "other methods unchanged",
    "other functions remain",
    "other code remains",
    "code remains the same",
    "code remains unchanged",
    "remains the same",
    "remains unchanged",
    "same as before",
    "same as above",
    "same as original",
    "unchanged code",
    "no changes here",
    "no changes needed here",
    "previous code",
    "previous implementation",
    "your code here",
    "your code goes here",
    "your existing code",
    "insert code here",
    "code omitted",
    "omitted for brevity",
    "implementation omitted",
    "truncated for brevity",
    "snip",
];

/// The first line of `code` that stands for code left out, and that the selection does not have itself.
///
/// In prose only dots count: its `#` and `*` begin headings and lists, not comments.
pub(super) fn find<'a>(code: &'a [String], selection: &str, language: &str) -> Option<&'a str> {
    let is_elision = if is_prose_language(language) { is_dots } else { is_elision };
    code.iter()
        .map(|line| line.trim())
        .find(|line| is_elision(line) && !selection.lines().any(|own| own.trim() == *line))
}

fn is_dots(line: &str) -> bool {
    matches!(line, "..." | "…" | "...;" | "[...]" | "(...)" | "<...>" | "....") || bare_words(line)
}

fn is_elision(line: &str) -> bool {
    if is_dots(line) {
        return true;
    }
    if ["{ ... }", "{...}", "{ … }", "{…}"].iter().any(|body| line.ends_with(body)) {
        // `foo(...)` and `...rest` are code in many languages, a body of dots in none.
        return true;
    }
    let Some(comment) = comment_text(line) else { return false };
    let (leads, trails) = (has_dots_at_start(comment), has_dots_at_end(comment));
    let words = words(comment);
    let hint = |word: &String| HINTS.contains(&word.as_str());
    if words.is_empty() {
        return leads;
    }
    if leads && (trails || words.len() <= 8) && words.iter().any(hint) {
        return true;
    }
    let sentence = words.join(" ");
    begins_with_phrase(&sentence) && (trails || words.len() <= 8)
}

/// `... rest of code ...` without a comment sign.
fn bare_words(line: &str) -> bool {
    let text =
        line.trim_matches(|c| matches!(c, '(' | ')' | '[' | ']' | '<' | '>' | '{' | '}' | ' '));
    let words = words(text);
    has_dots_at_start(text)
        && text.trim_start_matches(['.', '…']).starts_with(' ')
        && words.iter().any(|word| HINTS.contains(&word.as_str()))
}

fn begins_with_phrase(sentence: &str) -> bool {
    PHRASES.iter().any(|phrase| {
        sentence.strip_prefix(phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The text of a line that is a comment and nothing else.
fn comment_text(line: &str) -> Option<&str> {
    let opener = OPENERS.iter().find(|opener| line.starts_with(**opener))?;
    let mut text = line[opener.len()..].trim();
    for closer in CLOSERS {
        text = text.strip_suffix(closer).unwrap_or(text).trim_end();
    }
    Some(text.trim_matches(|c| matches!(c, '(' | ')' | '[' | ']' | '<' | '>' | '-' | '=' | ' ')))
}

fn has_dots_at_start(text: &str) -> bool {
    text.starts_with("...") || text.starts_with('…') || text.starts_with("..")
}

fn has_dots_at_end(text: &str) -> bool {
    text.ends_with("...") || text.ends_with('…')
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stand_for_code_are_found() {
        for line in [
            "...",
            "…",
            "// ...",
            "# ... existing code ...",
            "// ... rest of code ...",
            "    /* ... */",
            "// Rest of the function remains the same",
            "# rest of your code here...",
            "<!-- ... existing markup, same as before ... -->",
            "{/* ... rest of the component ... */}",
            "-- same as before",
            "; ... unchanged",
            "// (existing code)",
            "fn helper() { ... }",
            "... rest of code ...",
            "// [... remaining methods unchanged ...]",
            "# ... (rest of the code remains unchanged)",
            "// omitted for brevity",
            "% ... code continues here ...",
        ] {
            assert_eq!(find(&[line.to_owned()], "x = 1", ""), Some(line.trim()), "{line}");
            assert_eq!(find(&[line.to_owned()], line, ""), None, "own line: {line}");
        }
    }

    #[test]
    fn ordinary_code_and_comments_are_not() {
        for line in [
            "let rest = &line[1..];",
            "call(...args);",
            "const [first, ...others] = list;",
            "// wait for the others...",
            "// Handle the remaining code points one by one.",
            "# The existing file is kept.",
            "def f(*args): ...",
            "int printf(const char *format, ...);",
            "// the same file is opened twice",
            "case 1...5:",
            "for i in 0..n {",
            "// Loading...",
            "// existing entries win over new ones, which callers rely upon in many places",
            "* previous value of the counter",
        ] {
            assert_eq!(find(&[line.to_owned()], "", ""), None, "{line}");
        }
    }
}
