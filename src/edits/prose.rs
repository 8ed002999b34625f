//! Tells prose from code, for answers that do not keep them apart.

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
    "gherkin",
    "cucumber",
    "robotframework",
    "robot",
    "fountain",
    "applescript",
    "srt",
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
    // German, French, Spanish, Italian
    "der",
    "das",
    "ist",
    "und",
    "eine",
    "nicht",
    "mit",
    "für",
    "hier",
    "dieser",
    "le",
    "les",
    "une",
    "est",
    "dans",
    "pour",
    "voici",
    "cette",
    "el",
    "los",
    "una",
    "está",
    "este",
    "aquí",
    "gli",
    "della",
    "questo",
    "ecco",
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
    "original",
    "before:",
    "after:",
    "fixed:",
    "updated:",
    "corrected:",
    "changes",
    "key changes",
    "hier ist",
    "natürlich",
    "voici",
    "bien sûr",
    "aquí está",
    "aquí tienes",
    "claro",
    "ecco",
    "certo",
    "aqui está",
    "вот",
    "конечно",
];

/// Whether documents in that language are prose.
pub fn is_prose_language(language: &str) -> bool {
    PROSE_LANGUAGES.contains(&language)
}

/// Whether a line talks about the answer instead of being part of it.
pub(super) fn is_chatter(line: &str) -> bool {
    let lower = without_symbols(line).to_lowercase();
    let opens = CHATTER.iter().any(|opening| {
        lower
            .strip_prefix(opening)
            .is_some_and(|rest| !opening.ends_with(char::is_alphabetic) || ends_word(rest))
    });
    opens && !is_punctuated_like_code(line)
}

/// Whether a line reads as an English sentence and not as code.
pub(super) fn is_sentence(line: &str) -> bool {
    let line = line.trim();
    if reads_as_cjk_text(line) {
        return true;
    }
    let unmarked = without_inline_code(without_number(without_emoji(line)));
    let line = unmarked.as_str();
    if line.is_empty() || is_punctuated_like_code(line) || starts_like_comment(line) {
        return false;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let capital = words.first().is_some_and(|word| is_capitalized(word));
    let ends = line.ends_with(['.', '!', '?', ':']);
    let plain = words.iter().filter(|word| is_plain_word(word)).count() * 4 >= words.len() * 3;
    let function_words = words.iter().filter(|word| is_function_word(word)).count();
    plain && ((capital && (ends || words.len() >= 3)) || (words.len() >= 4 && function_words >= 2))
}

/// Whether a word of talk ends before `rest`; a name of code goes on with a dot or a parenthesis.
fn ends_word(rest: &str) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        None | Some(' ' | ':' | '!' | ',' | '\'' | '’' | '*' | ';' | '-' | '\n') => true,
        Some('.') => chars.next().is_none_or(|c| c == ' ' || c == '.'),
        Some(c) => !c.is_ascii(),
    }
}

/// Whether a line is a whole sentence with its full stop, which no statement looks like by chance.
pub(super) fn is_whole_sentence(line: &str) -> bool {
    let text = line.trim();
    let words: Vec<&str> = text.split_whitespace().collect();
    let ends = text.ends_with(['.', '!', '?', ':', '。', '！', '？']);
    let is_long = words.len() >= 4 && words.iter().any(|word| is_function_word(word));
    ends && (is_long || reads_as_cjk_text(text)) && is_sentence(text)
}

fn is_function_word(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    FUNCTION_WORDS.contains(&word.as_str())
}

/// A line without the marks of headings and the emoji that talk begins with.
fn without_symbols(line: &str) -> &str {
    without_emoji(line.trim().trim_start_matches(['#', '*', ' ']))
}

fn without_emoji(line: &str) -> &str {
    let is_emoji = |c: char| matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{FE0F}' | '\u{200D}' | '\u{1F000}'..='\u{1FAFF}');
    line.trim_start_matches(|c: char| is_emoji(c) || c == ' ')
}

/// Whether a line is Chinese, Japanese or Korean text with no code but what is quoted in it.
fn reads_as_cjk_text(line: &str) -> bool {
    let is_cjk = |c: char| matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}');
    let text = without_inline_code(line);
    let n_cjk = text.chars().filter(|c| is_cjk(*c)).count();
    let n_ascii = text.chars().filter(char::is_ascii_alphanumeric).count();
    // In code such text stands in quotes or behind the sign of a comment.
    n_cjk >= 3
        && n_cjk > n_ascii
        && !starts_like_comment(&text)
        && !text.contains(['"', '\'', '=', ';', '{', '}', '(', '<'])
}

/// A line with a plain word in place of what it quotes between backticks.
fn without_inline_code(line: &str) -> String {
    let pieces: Vec<&str> = line.split('`').collect();
    // A lone backtick quotes nothing.
    if pieces.len().is_multiple_of(2) {
        return line.to_owned();
    }
    let word = |(idx, piece): (usize, &&str)| {
        if idx % 2 == 0 { (*piece).to_owned() } else { "q".to_owned() }
    };
    pieces.iter().enumerate().map(word).collect()
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
    let outside = without_inline_code(text);
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
}
