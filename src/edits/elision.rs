//! Finds lines by which a model leaves code out: `// ... rest of the code ...`.
//!
//! Applying such an answer would delete what it leaves out.

use super::prose::is_prose_language;

/// Comment openers, longest first.
const OPENERS: &[&str] = &[
    "{/*", "<!--", "<%#", "{#", "<#", "///", "//!", "//", "/**", "/*", "(*", "{-", "--[[", "--",
    "#", ";;", ";", "%", "\"\"\"", "'''", "REM ", "rem ", ":: ", "! ", "' ", "*",
];

/// Comment closers.
const CLOSERS: &[&str] = &["*/}", "-->", "%>", "#}", "#>", "*/", "*)", "-}", "]]", "\"\"\"", "'''"];

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
    "keep",
    "restlicher",
    "restlichen",
    "reste",
    "resto",
    "existente",
    "existant",
    "остальной",
    "остальная",
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
    "more code here",
    "implementation goes here",
    "implementation here",
    "logic goes here",
    "rest des codes",
    "der rest bleibt",
    "restlicher code",
    "le reste du code",
    "reste du code",
    "el resto del código",
    "resto del código",
    "o restante do código",
    "остальной код",
    "без изменений",
];

/// Beginnings that also begin ordinary comments; alone or with dots behind them they stand for code.
const SHORT_PHRASES: &[&str] = &[
    "existing fields",
    "existing methods",
    "existing functions",
    "existing imports",
    "existing logic",
    "existing properties",
    "existing tests",
    "keep existing",
    "keep the existing",
    "keep the rest",
    "other methods",
    "other functions",
    "more methods",
    "more code",
];

/// The same in languages without spaces between words; anywhere in a comment.
const CJK_PHRASES: &[&str] = &[
    "其余代码",
    "其他代码",
    "剩余代码",
    "代码不变",
    "保持不变",
    "此处省略",
    "省略",
    "残りのコード",
    "既存のコード",
    "変更なし",
    "나머지 코드",
    "기존 코드",
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
    match comment_text(line) {
        Some(comment) => is_elided(comment),
        None => stub_comment(line).is_some_and(is_elided),
    }
}

/// The comment that stands in a body of its own: `{ /* ... */ }`, `pass  # existing code`.
fn stub_comment(line: &str) -> Option<&str> {
    let body = line.strip_suffix('}').and_then(|line| line.rsplit_once('{'));
    let in_braces = body.and_then(|(_, body)| comment_text(body.trim()));
    let in_placeholder =
        line.strip_suffix(']').and_then(|line| line.strip_prefix('[')).filter(|text| {
            let words = words(text);
            begins_with_phrase(&words.join(" ")) && text.contains(' ')
        });
    let behind_pass = ["pass", "return", "return;", "{"].iter().find_map(|word| {
        let (code, comment) = [" #", " //"]
            .iter()
            .find_map(|sign| line.find(sign).map(|idx| (line[..idx].trim(), line[idx..].trim())))?;
        let is_stub = code == *word || *word == "{" && code.ends_with('{');
        is_stub.then_some(comment)
    });
    in_braces.or(in_placeholder).or(behind_pass.and_then(comment_text))
}

fn is_elided(comment: &str) -> bool {
    let (leads, trails) = (has_dots_at_start(comment), has_dots_at_end(comment));
    let words = words(comment);
    let hint = |word: &String| HINTS.contains(&word.as_str());
    if words.is_empty() {
        return leads;
    }
    if leads && (trails || words.len() <= 8 && words.iter().any(hint)) {
        return true;
    }
    if (leads || trails || words.len() <= 3)
        && CJK_PHRASES.iter().any(|text| comment.contains(text))
    {
        return true;
    }
    let sentence = words.join(" ");
    let is_short = SHORT_PHRASES.iter().any(|phrase| sentence.starts_with(phrase));
    begins_with_phrase(&sentence) && (trails || words.len() <= 8)
        || is_short && (trails || words.len() <= 2)
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
            "// Existing fields...",
            "# ... (keep existing code)",
            "{# ... rest of the template ... #}",
            "<%# ... existing markup ... %>",
            "' ... existing code ...",
            "REM ... rest of the script ...",
            "[more code here]",
            "fn helper() { /* ... */ }",
            "pass  # existing code",
            "// ... 其余代码保持不变 ...",
            "# ... остальной код ...",
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
            "// Existing tests rely on this order.",
            "'...',",
            "if (a) { // wait for more",
            "if x { return; } // the previous code path",
        ] {
            assert_eq!(find(&[line.to_owned()], "", ""), None, "{line}");
        }
    }
}
