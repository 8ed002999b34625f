//! Front matter of action files: `key = value` or `key: value` lines between two `---`.

use std::collections::BTreeMap;

/// A file's keys and what stands below them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) fields: BTreeMap<String, String>,
    pub(super) body: String,
}

/// Takes a file apart. Without front matter the whole file is the body.
pub(super) fn split(text: &str) -> Result<Parts, String> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text).replace("\r\n", "\n");
    let Some(rest) = text.strip_prefix("---\n") else {
        return Ok(Parts { fields: BTreeMap::new(), body: text });
    };
    let mut fields = BTreeMap::new();
    let mut lines = rest.split_inclusive('\n').enumerate();
    let mut n_bytes = 0;
    for (idx, line) in lines.by_ref() {
        n_bytes += line.len();
        let line = line.trim();
        if line == "---" {
            return Ok(Parts { fields, body: rest[n_bytes..].to_owned() });
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = field(line).map_err(|problem| format!("line {}: {problem}", idx + 2))?;
        if fields.insert(key.clone(), value).is_some() {
            return Err(format!("line {}: `{key}` is given twice", idx + 2));
        }
    }
    Err("the front matter has no closing `---`".to_owned())
}

fn field(line: &str) -> Result<(String, String), String> {
    let Some((key, value)) = line.split_once(['=', ':']) else {
        return Err("expected `key = value`".to_owned());
    };
    let key = key.trim();
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        return Err("expected `key = value`".to_owned());
    }
    Ok((key.replace('-', "_"), scalar(value.trim())?))
}

/// A value without its quotes or trailing comment; a list stays as it is written.
fn scalar(value: &str) -> Result<String, String> {
    for quote in ['"', '\''] {
        let Some(rest) = value.strip_prefix(quote) else { continue };
        let Some((inner, behind)) = rest.rsplit_once(quote) else {
            return Err(format!("a closing {quote} is missing"));
        };
        if !behind.trim().is_empty() && !behind.trim_start().starts_with('#') {
            return Err(format!("unexpected text behind the closing {quote}"));
        }
        let plain = if quote == '"' {
            inner.replace("\\\"", "\"").replace("\\\\", "\\")
        } else {
            inner.to_owned()
        };
        return Ok(plain);
    }
    Ok(value.split(" #").next().unwrap_or_default().trim().to_owned())
}

/// The entries of a list: `["a", "b"]`, `[a, b]` or `a, b`.
pub(super) fn list(value: &str) -> Vec<String> {
    value
        .trim()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .split(',')
        .map(|entry| entry.trim().trim_matches(['"', '\'']).to_owned())
        .filter(|entry| !entry.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_split(text: &str, fields: &[(&str, &str)], body: &str) {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(split(text), Ok(Parts { fields, body: body.to_owned() }), "{text:?}");
    }

    #[test]
    fn both_usual_forms_are_read() {
        check_split(
            "---\ntitle = \"A: \\\"b\\\"\" # comment\noutput = replace\n---\nBody\n---\n",
            &[("title", "A: \"b\""), ("output", "replace")],
            "Body\n---\n",
        );
        check_split("---\r\ntitle: Make it fast\r\n---\r\nx", &[("title", "Make it fast")], "x");
        check_split("no front matter", &[], "no front matter");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let problem = |text| split(text).unwrap_err();
        assert_eq!(problem("---\ntitle\n---\n"), "line 2: expected `key = value`");
        assert_eq!(problem("---\n\ntitle = \"x\n---\n"), "line 3: a closing \" is missing");
        assert_eq!(problem("---\na = 1\na = 2\n---\n"), "line 3: `a` is given twice");
        assert_eq!(problem("---\na = 1\n"), "the front matter has no closing `---`");
    }

    #[test]
    fn lists_are_read_with_and_without_brackets() {
        assert_eq!(list("[\"rust\", 'go']"), ["rust", "go"]);
        assert_eq!(list("rust, go"), ["rust", "go"]);
        assert_eq!(list("[]"), Vec::<String>::new());
    }
}
