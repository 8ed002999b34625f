//! Tells prose from code, for answers that do not keep them apart.

/// Openings by which models decline.
const APOLOGIES: &[&str] = &[
    "i'm sorry",
    "i’m sorry",
    "i am sorry",
    "sorry,",
    "sorry but",
    "i apologize",
    "unfortunately",
    "as an ai",
    "as a language model",
    "i cannot",
    "i can't",
    "i can’t",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i won't",
    "i must decline",
];

/// Words that decline.
const REFUSALS: &[&str] = &[
    "cannot",
    "can't",
    "can’t",
    "unable",
    "not able",
    "won't",
    "won’t",
    "decline",
    "as an ai",
    "as a language model",
    "not comfortable",
    "don't have access",
    "not allowed",
    "not permitted",
];

/// Languages whose text is prose itself.
const PROSE_LANGUAGES: &[&str] = &[
    "markdown",
    "plaintext",
    "text",
    "latex",
    "tex",
    "restructuredtext",
    "asciidoc",
    "org",
    "typst",
    "mdx",
    "git-commit",
    "gitcommit",
    "norg",
    "vimwiki",
    "bibtex",
    "mail",
];

/// Words that English sentences have and programs hardly ever do between other words.
const FUNCTION_WORDS: &[&str] = &[
    "the",
    "a",
    "an",
    "of",
    "to",
    "this",
    "that",
    "these",
    "here",
    "you",
    "your",
    "i",
    "it",
    "was",
    "are",
    "can",
    "will",
    "should",
    "which",
    "have",
    "has",
    "code",
    "following",
];

/// How a model begins when it talks about what it is going to show.
const CHATTER: &[&str] = &[
    "sure",
    "done",
    "unchanged",
    "nothing to",
    "no change",
    "certainly",
    "of course",
    "okay",
    "ok,",
    "here is",
    "here's",
    "here’s",
    "here are",
    "below is",
    "the following",
    "this is the",
    "i've",
    "i have",
    "i’ve",
    "absolutely",
    "great",
    "yes,",
    "no problem",
    "let me",
    "the updated",
    "the corrected",
    "the fixed",
    "the refactored",
    "the improved",
    "the complete",
    "the code",
    "to fix",
    "to solve",
    "to refactor",
    "to make",
    "explanation",
    "note",
    "in this",
    "this code",
    "hope",
    "output:",
    "answer:",
    "solution:",
    "result:",
    "updated code",
    "fixed code",
    "refactored code",
];

/// Whether documents in that language are prose.
pub(super) fn is_prose_language(language: &str) -> bool {
    PROSE_LANGUAGES.contains(&language)
}

/// Whether a text begins by declining to do the work.
pub(super) fn is_refusal(text: &str) -> bool {
    let lower = text.trim_start().to_lowercase();
    let first: String = lower.chars().take(300).collect();
    APOLOGIES.iter().any(|opening| first.starts_with(opening))
        && REFUSALS.iter().any(|word| first.contains(word))
}

/// Whether a line talks about the answer instead of being part of it.
pub(super) fn is_chatter(line: &str) -> bool {
    let lower = line.trim().trim_start_matches(['#', '*', ' ']).to_lowercase();
    let opens = CHATTER.iter().any(|opening| {
        lower.strip_prefix(opening).is_some_and(|rest| {
            !opening.ends_with(char::is_alphabetic)
                || !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    });
    opens && !is_punctuated_like_code(line)
}

/// Whether a line reads as an English sentence and not as code.
pub(super) fn is_sentence(line: &str) -> bool {
    let line = without_number(line.trim());
    if line.is_empty() || is_punctuated_like_code(line) || starts_like_comment(line) {
        return false;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let capital = words.first().is_some_and(|word| is_capitalized(word));
    let ends = line.ends_with(['.', '!', '?', ':']);
    let plain = words.iter().filter(|word| is_plain_word(word)).count() * 4 >= words.len() * 3;
    let function_words = words
        .iter()
        .filter(|word| {
            FUNCTION_WORDS.contains(
                &word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().as_str(),
            )
        })
        .count();
    plain && ((capital && (ends || words.len() >= 3)) || (words.len() >= 4 && function_words >= 2))
}

/// The text of an entry in a numbered list.
fn without_number(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let entry = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "));
    entry.filter(|_| rest.len() < line.len()).unwrap_or(line)
}

fn is_capitalized(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase)
        && letters.all(|c| !c.is_uppercase() && !matches!(c, '_' | '(' | '='))
}

fn is_plain_word(word: &str) -> bool {
    let word = word.trim_matches(|c: char| {
        matches!(c, '.' | ',' | ':' | '!' | '?' | '"' | '(' | ')' | '*' | '`' | ';')
    });
    word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '/'))
}

fn starts_like_comment(line: &str) -> bool {
    ["//", "#", "/*", "*", "--", ";", "%", "<!--", "\"\"\"", "'''", "\"", "'"]
        .iter()
        .any(|sign| line.starts_with(sign))
}

/// Whether a line has the marks that statements have and sentences do not.
fn is_punctuated_like_code(line: &str) -> bool {
    let text = line.trim();
    // What stands between backticks is quoted code in a sentence.
    let pieces = text.split('`').enumerate();
    let outside: String =
        pieces.map(|(idx, piece)| if idx % 2 == 0 { piece } else { "q" }).collect();
    outside.ends_with([';', '{', '}', ',', '\\', '>', '=', '(', '['])
        || [
            "()", " = ", "==", "=>", "->", "::", "&&", "||", "</", "/>", "+=", ":=", "();", "\t",
            "  ",
        ]
        .iter()
        .any(|mark| outside.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_told_from_code() {
        for line in [
            "Here is the corrected code:",
            "This function adds two numbers.",
            "I have changed `x` to `y` so that it compiles",
            "the code you have sent looks fine to me",
            "Done.",
            "Nothing to change here.",
        ] {
            assert!(is_sentence(line), "{line}");
        }
        for line in [
            "return x",
            "let x = 1;",
            "SELECT a FROM b WHERE c",
            "x",
            "    pass",
            "// This function adds two numbers.",
            "foo(bar)",
            "import os",
            "def add(a, b):",
            "} else {",
            "return a if b else c",
            "Some(x) => y,",
        ] {
            assert!(!is_sentence(line), "{line}");
        }
    }

    #[test]
    fn refusals_are_told_from_apologies() {
        assert!(is_refusal("I'm sorry, but I can't help with that."));
        assert!(is_refusal("As an AI language model, I cannot run code."));
        assert!(!is_refusal("I apologize for the confusion. Here is the code:"));
        assert!(!is_refusal("fn cannot() {}"));
    }
}
