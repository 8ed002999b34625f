//! Opens what models wrap code in: tags, JSON, placeholders of other tools' prompts.
//!
//! A wrapper that was opened and never closed is a cut answer, and a call of a tool is no answer.

use serde_json::Value;

use super::{Target, Unusable, prose};

/// Tags that hold the answer as a whole and are elements of no document language.
const TAGS: &[&str] = &[
    "rewrite_this",
    "rewritten_code",
    "updated_code",
    "edited_code",
    "new_code",
    "fixed_code",
    "refactored_code",
    "improved_code",
    "code_block",
    "codeblock",
    "final_answer",
    "file_content",
    "file_contents",
    "problemcode",
    "selectedcode",
    "antartifact",
];

/// Tags that are elements too, so that they count only where the document has no elements.
const ELEMENTS: &[&str] = &[
    "code",
    "pre",
    "output",
    "document",
    "response",
    "answer",
    "result",
    "solution",
    "snippet",
    "selection",
    "replacement",
    "artifact",
    "final",
];

/// Languages with elements in angle brackets.
const MARKUP: &[&str] = &[
    "",
    "html",
    "xml",
    "vue",
    "svelte",
    "astro",
    "php",
    "javascript",
    "typescript",
    "javascriptreact",
    "typescriptreact",
    "jsx",
    "tsx",
    "markdown",
    "mdx",
    "handlebars",
    "erb",
    "jinja",
    "blade",
    "razor",
    "xsl",
    "svg",
    "heex",
    "templ",
    "htmldjango",
    "django-html",
    "twig",
    "liquid",
    "ejs",
    "eruby",
    "pug",
    "haml",
    "slim",
];

/// Keys of a JSON object under which models put code.
const CODE_KEYS: &[&str] = &[
    "code",
    "new_code",
    "newCode",
    "updated_code",
    "updatedCode",
    "edited_code",
    "fixed_code",
    "refactored_code",
    "rewritten_code",
    "new_text",
    "newText",
    "replacement",
    "content",
    "answer",
    "result",
    "output",
    "response",
    "text",
];

/// Keys that stand beside the code and say something about it.
const OTHER_KEYS: &[&str] = &[
    "explanation",
    "language",
    "lang",
    "filename",
    "file",
    "path",
    "reasoning",
    "comment",
    "comments",
    "notes",
    "note",
    "changes",
    "description",
    "title",
    "thought",
    "summary",
    "type",
];

/// Keys that name a tool.
const TOOL_NAMES: &[&str] = &["name", "function", "tool", "tool_name", "recipient_name"];

/// Keys that hold what a tool is called with.
const TOOL_ARGUMENTS: &[&str] = &["arguments", "parameters", "args", "tool_input", "action_input"];

/// The text inside the wrappers of an answer; the answer itself where it has none.
pub(super) fn open(answer: &str, target: &Target<'_>) -> Result<String, Unusable> {
    let mut text = answer.to_owned();
    // Wrappers stand in wrappers; nobody was seen to use more than three.
    for _ in 0..4 {
        let opened = match opened_json(&text, target)? {
            Some(inner) => Some(inner),
            None => opened_tag(&text, target)?,
        };
        match opened.or_else(|| opened_marks(&text, target)) {
            Some(inner) => text = inner,
            None => break,
        }
    }
    Ok(text)
}

/// Whether a document of that language has elements of its own.
pub(super) fn is_markup(language: &str) -> bool {
    MARKUP.contains(&language)
}

/// Code inside a JSON object or string.
fn opened_json(text: &str, target: &Target<'_>) -> Result<Option<String>, Unusable> {
    let text = text.trim();
    let own = target.selection.trim_start();
    if !text.starts_with(['{', '[', '"']) || target.language.starts_with("json") {
        return Ok(None);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(value)) = values.next() else {
        let begun = ["{", "[{"].iter().any(|start| begins_with_known_key(text, start));
        return if begun && !own.starts_with(['{', '[']) {
            Err(Unusable::CutOff)
        } else {
            Ok(None)
        };
    };
    let is_all = text[values.byte_offset()..].trim().is_empty();
    match value {
        _ if own.starts_with(['{', '[']) => Ok(None),
        Value::Array(items) if items.iter().any(is_tool_call) => Err(Unusable::ToolCall),
        Value::Object(_) if is_tool_call(&value) => Err(Unusable::ToolCall),
        Value::Object(object) if is_all => {
            let is_code = |key: &str| CODE_KEYS.contains(&key);
            let known = object.keys().all(|key| is_code(key) || OTHER_KEYS.contains(&key.as_str()));
            let mut codes =
                object.iter().filter(|(key, _)| is_code(key)).map(|(_, value)| value.as_str());
            match (codes.next(), codes.next()) {
                (Some(Some(code)), None) if known => Ok(Some(code.to_owned())),
                (Some(_), Some(_)) if known => Err(Unusable::Ambiguous),
                _ => Ok(None),
            }
        }
        Value::String(code) if is_all && code.contains('\n') && !own.starts_with('"') => {
            Ok(Some(code))
        }
        _ => Ok(None),
    }
}

/// Whether text that is not yet JSON begins as the objects do that hold code or call a tool.
fn begins_with_known_key(text: &str, start: &str) -> bool {
    let Some(rest) = text.strip_prefix(start) else { return false };
    let Some(rest) = rest.trim_start().strip_prefix('"') else { return false };
    let Some((key, rest)) = rest.split_once('"') else { return false };
    let known = [CODE_KEYS, OTHER_KEYS, TOOL_NAMES].concat().contains(&key);
    known && rest.trim_start().starts_with(':')
}

fn is_tool_call(value: &Value) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
    has(TOOL_NAMES) && has(TOOL_ARGUMENTS)
        || value.get("function").is_some_and(|function| function.get("arguments").is_some())
}

/// Code between a wrapper's tags, with nothing but talk around them.
fn opened_tag(text: &str, target: &Target<'_>) -> Result<Option<String>, Unusable> {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_talk = |line: &&str| {
        let line = line.trim();
        line.is_empty() || prose::is_sentence(line) || prose::is_chatter(line)
    };
    let Some(first) = lines.iter().position(|line| !is_talk(line)) else { return Ok(None) };
    let Some(tag) = wrapper_tag(lines[first].trim_start(), target) else { return Ok(None) };
    let start = lines[..first].iter().map(|line| line.len() + 1).sum::<usize>();
    let body_start = start + (lines[first].len() - lines[first].trim_start().len()) + tag.len;
    let closing = format!("</{}>", tag.name);
    let Some(end) = text[body_start..].rfind(&closing).map(|idx| body_start + idx) else {
        return Err(Unusable::CutOff);
    };
    let after = &text[end + closing.len()..];
    if !after.split('\n').all(|line| is_talk(&line)) {
        return Ok(None);
    }
    Ok(Some(text[body_start..end].trim_start_matches('\n').trim_end().to_owned()))
}

struct Tag<'a> {
    name: &'a str,
    /// With its brackets and attributes.
    len: usize,
}

/// The wrapper's tag that a line begins with.
fn wrapper_tag<'a>(line: &'a str, target: &Target<'_>) -> Option<Tag<'a>> {
    let inner = line.strip_prefix('<')?;
    let end = inner.find('>')?;
    let name = inner[..end].split_whitespace().next().unwrap_or_default();
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_plain && is_wrapper(name, target)).then_some(Tag { name, len: end + 2 })
}

fn is_wrapper(name: &str, target: &Target<'_>) -> bool {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
    let is_numbered = word == "code" && name.len() > word.len();
    let known = TAGS.contains(&word.as_str())
        || is_numbered
        || ELEMENTS.contains(&word.as_str()) && !is_markup(target.language);
    known
        && ![target.selection, target.before, target.after]
            .iter()
            .any(|text| text.contains(&format!("<{name}")) || text.contains(&format!("</{name}>")))
}

/// The lines of a block without the tags of a wrapper that leaked into it alone.
pub(super) fn without_lone_tags(mut lines: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let is_tag = |line: &str| {
        let name = line.trim().strip_prefix('<').and_then(|line| line.strip_suffix('>'));
        name.is_some_and(|name| is_wrapper(name.trim_start_matches('/'), target))
    };
    while lines.len() > 1 && lines.last().is_some_and(|line| is_tag(line)) {
        lines.pop();
    }
    while lines.len() > 1 && lines.first().is_some_and(|line| is_tag(line)) {
        lines.remove(0);
    }
    lines
}

/// Code between marks that are neither tags nor fences: `[PYTHON]`, `\begin{code}`, `'''python`.
fn opened_marks(text: &str, target: &Target<'_>) -> Option<String> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix("\\boxed{").and_then(|inner| inner.strip_suffix('}')) {
        return (!prose::is_prose_language(target.language)).then(|| inner.to_owned());
    }
    let (first, rest) = text.split_once('\n')?;
    let (body, last) = rest.rsplit_once('\n')?;
    let (first, last) = (first.trim(), last.trim());
    let bracketed = first.strip_prefix('[').and_then(|first| first.strip_suffix(']'));
    let is_pair = match (first, last) {
        ("\\begin{code}", "\\end{code}") => !prose::is_prose_language(target.language),
        _ if bracketed.is_some_and(|name| last == format!("[/{name}]")) => {
            bracketed.is_some_and(|name| name.chars().all(char::is_alphanumeric))
                && !target.selection.contains(first)
        }
        (first, "'''") => {
            let tag = first.strip_prefix("'''").unwrap_or(" ");
            tag.chars().all(char::is_alphanumeric)
                && !body.contains("'''")
                && (tag.is_empty() || same_language(tag, target.language))
                && !(tag.is_empty() && target.language == "python")
        }
        _ => false,
    };
    is_pair.then(|| body.to_owned())
}

/// Whether a tag names a language, by its own name or by a usual shorter one.
pub(super) fn same_language(tag: &str, language: &str) -> bool {
    let long = |name: &str| -> String {
        match name.to_lowercase().as_str() {
            "py" | "python3" => "python",
            "js" | "jsx" | "javascriptreact" | "node" => "javascript",
            "ts" | "tsx" | "typescriptreact" => "typescript",
            "rs" => "rust",
            "rb" => "ruby",
            "golang" => "go",
            "sh" | "bash" | "zsh" | "shell" => "shellscript",
            "c++" | "cc" | "cxx" => "cpp",
            "c#" | "cs" => "csharp",
            "yml" => "yaml",
            "md" => "markdown",
            other => return other.to_owned(),
        }
        .to_owned()
    };
    !language.is_empty() && long(tag) == long(language)
}
