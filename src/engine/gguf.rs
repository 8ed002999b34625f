//! What a GGUF file tells of the model in it, read from its head.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Most entries of a head, and most bytes of one text; far above any real model.
const MAX_ENTRIES: u64 = 4096;
const MAX_TEXT: u64 = 4 << 20;
/// Most elements of a list, such as the words of a model.
const MAX_LIST: u64 = 4 << 20;

/// The texts by which llama.cpp knows the tokens around a gap where a file does not number them: of what comes
/// before it, of what comes after it, and of the gap itself.
const GAP_TOKENS: [&[&str]; 3] = [
    &[
        "<|fim_prefix|>",
        "<fim-prefix>",
        "<fim_prefix>",
        "<｜fim▁begin｜>",
        "<PRE>",
        "▁<PRE>",
        "<|code_prefix|>",
    ],
    &[
        "<|fim_suffix|>",
        "<fim-suffix>",
        "<fim_suffix>",
        "<｜fim▁hole｜>",
        "<SUF>",
        "▁<SUF>",
        "<|code_suffix|>",
    ],
    &[
        "<|fim_middle|>",
        "<fim-middle>",
        "<fim_middle>",
        "<｜fim▁end｜>",
        "<MID>",
        "▁<MID>",
        "<|code_middle|>",
    ],
];
/// The keys under which a file numbers them, today's name and the one before.
const GAP_KEYS: [[&str; 2]; 3] = [
    ["tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"],
    ["tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"],
    ["tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"],
];
/// Longest of these texts, in bytes.
const MAX_GAP_TOKEN: usize = 32;

/// What is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a flat list of what a file tells")]
pub(super) struct Head {
    /// The name that its maker gave it.
    pub(super) name: Option<String>,
    /// The kind of model: `llama`, `qwen2`, `bert`.
    pub(super) architecture: String,
    /// Its size in parameters, as written: `1.5B`.
    pub(super) size: Option<String>,
    /// Tokens it was trained to read.
    pub(super) context_length: Option<u32>,
    /// It makes vectors, and no text.
    pub(super) is_embedder: bool,
    /// Whether it says how its texts become a vector.
    pub(super) has_pooling: bool,
    /// It can fill in the middle.
    pub(super) fills_in: bool,
    /// Its template knows tools.
    pub(super) knows_tools: bool,
    /// It has a template for conversations.
    pub(super) has_template: bool,
}

/// Reads the head of a file.
pub(super) fn read(path: &Path) -> io::Result<Head> {
    let mut reader = Reader { input: BufReader::with_capacity(1 << 16, File::open(path)?) };
    if reader.bytes::<4>()? != *b"GGUF" {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a GGUF file"));
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        let message = format!("it is a GGUF file of version {version}, which is not known");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let _n_tensors = reader.u64()?;
    let n_entries = reader.u64()?;
    if n_entries > MAX_ENTRIES {
        return Err(broken());
    }
    let mut head = Head::default();
    let mut gap = [false; 3];
    for _ in 0..n_entries {
        let key = reader.text()?;
        let kind = reader.u32()?;
        if key == "tokenizer.ggml.tokens" && kind == LIST {
            reader.find_in_list(&GAP_TOKENS, &mut gap)?;
            continue;
        }
        let value = reader.value(kind)?;
        if let Some(part) = GAP_KEYS.iter().position(|keys| keys.contains(&key.as_str())) {
            gap[part] |= matches!(value, Value::Number(_));
        }
        take(&mut head, &key, value);
    }
    // All three, or the engine refuses.
    head.fills_in = gap == [true; 3];
    head.is_embedder = head.architecture.contains("bert") || head.has_pooling && !head.has_template;
    Ok(head)
}

fn take(head: &mut Head, key: &str, value: Value) {
    match (key, value) {
        ("general.name", Value::Text(name)) => head.name = Some(name),
        ("general.architecture", Value::Text(architecture)) => head.architecture = architecture,
        ("general.size_label", Value::Text(size)) => head.size = Some(size),
        ("tokenizer.chat_template", Value::Text(template)) => {
            head.has_template = true;
            head.knows_tools = template.contains("tools");
        }
        (key, Value::Number(length)) if key.ends_with(".context_length") => {
            head.context_length = u32::try_from(length).ok();
        }
        (key, Value::Number(_)) if key.ends_with(".pooling_type") => head.has_pooling = true,
        _ => {}
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its head is broken")
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(u64),
    Other,
}

/// The kinds of values that a list of texts is made of.
const TEXT: u32 = 8;
const LIST: u32 = 9;

struct Reader {
    input: BufReader<File>,
}

impl Reader {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(io::ErrorKind::InvalidData, "it ends in the middle of its head")
            }
            _ => error,
        })?;
        Ok(bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn text(&mut self) -> io::Result<String> {
        let length = self.u64()?;
        if length > MAX_TEXT {
            return Err(broken());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| broken())?];
        self.input.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn skip(&mut self, n_bytes: u64) -> io::Result<()> {
        self.input.seek_relative(i64::try_from(n_bytes).map_err(|_| broken())?)
    }

    fn value(&mut self, kind: u32) -> io::Result<Value> {
        Ok(match kind {
            4 => Value::Number(self.u32()?.into()),
            10 => Value::Number(self.u64()?),
            TEXT => Value::Text(self.text()?),
            LIST => {
                self.skip_list()?;
                Value::Other
            }
            _ => {
                self.skip(width(kind).ok_or_else(broken)?)?;
                Value::Other
            }
        })
    }

    /// Notes which of some texts, each known by several spellings, are in a list.
    fn find_in_list(&mut self, wanted: &[&[&str]; 3], found: &mut [bool; 3]) -> io::Result<()> {
        let kind = self.u32()?;
        let n_elements = self.u64()?;
        if kind != TEXT || n_elements > MAX_LIST {
            return Err(broken());
        }
        for _ in 0..n_elements {
            let length = self.u64()?;
            if length > MAX_TEXT {
                return Err(broken());
            }
            let mut bytes = [0; MAX_GAP_TOKEN];
            let room = usize::try_from(length).ok().and_then(|length| bytes.get_mut(..length));
            let Some(text) = room else {
                self.skip(length)?;
                continue;
            };
            self.input.read_exact(text)?;
            for (wanted, found) in wanted.iter().zip(found.iter_mut()) {
                *found |= wanted.iter().any(|token| token.as_bytes() == text);
            }
        }
        Ok(())
    }

    fn skip_list(&mut self) -> io::Result<()> {
        let kind = self.u32()?;
        let n_elements = self.u64()?;
        if n_elements > MAX_LIST {
            return Err(broken());
        }
        if let Some(width) = width(kind) {
            return self.skip(width * n_elements);
        }
        for _ in 0..n_elements {
            if kind != TEXT {
                // Lists of lists are in no model.
                return Err(broken());
            }
            let length = self.u64()?;
            if length > MAX_TEXT {
                return Err(broken());
            }
            self.skip(length)?;
        }
        Ok(())
    }
}

/// Bytes of a value of a kind that has a fixed width.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    fn file(entries: &[(&str, &str)]) -> tempfile::NamedTempFile {
        file_with_words(entries, &["a", "bc"])
    }

    fn file_with_words(entries: &[(&str, &str)], words: &[&str]) -> tempfile::NamedTempFile {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend((entries.len() as u64 + 1).to_le_bytes());
        text(&mut bytes, "tokenizer.ggml.tokens");
        bytes.extend(9_u32.to_le_bytes());
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend((words.len() as u64).to_le_bytes());
        for word in words {
            text(&mut bytes, word);
        }
        for (key, value) in entries {
            text(&mut bytes, key);
            if let Ok(number) = value.parse::<u32>() {
                bytes.extend(4_u32.to_le_bytes());
                bytes.extend(number.to_le_bytes());
            } else {
                bytes.extend(8_u32.to_le_bytes());
                text(&mut bytes, value);
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn the_head_tells_what_a_model_can_do() {
        let file = file(&[
            ("general.architecture", "qwen2"),
            ("general.name", "Qwen2.5 Coder"),
            ("qwen2.context_length", "32768"),
            ("tokenizer.ggml.fim_pre_token_id", "151659"),
            ("tokenizer.ggml.suffix_token_id", "151661"),
            ("tokenizer.ggml.fim_mid_token_id", "151660"),
            ("tokenizer.chat_template", "{% if tools %}{% endif %}"),
        ]);
        let head = read(file.path()).unwrap();
        assert_eq!(head.context_length, Some(32768));
        assert!(head.fills_in && head.knows_tools && head.has_template && !head.is_embedder);
        assert_eq!(head.name.as_deref(), Some("Qwen2.5 Coder"));
    }

    #[test]
    fn a_model_that_fills_in_is_known_by_its_words_where_it_numbers_none() {
        let fills_in = |entries: &[(&str, &str)], words: &[&str]| {
            read(file_with_words(entries, words).path()).unwrap().fills_in
        };
        let long = "x".repeat(100);
        let qwen = ["!", "<|fim_prefix|>", &long, "<|fim_middle|>", "<|fim_suffix|>"];
        assert!(fills_in(&[], &qwen));
        assert!(!fills_in(&[], &qwen[..4]), "one of the three is missing");
        assert!(fills_in(&[("tokenizer.ggml.fim_suf_token_id", "4")], &qwen[..4]));
        assert!(fills_in(&[], &["▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"]));
        assert!(!fills_in(&[("tokenizer.ggml.fim_pre_token_id", "7")], &["a"]));
        assert!(!fills_in(&[], &["<|im_start|>", "<|im_end|>"]));
    }

    #[test]
    fn a_model_of_vectors_is_known_as_one() {
        let file =
            file(&[("general.architecture", "nomic-bert"), ("nomic-bert.pooling_type", "1")]);
        let head = read(file.path()).unwrap();
        assert!(head.is_embedder && head.has_pooling);
    }

    #[test]
    fn a_file_that_is_no_model_or_ends_early_is_refused() {
        let other = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(other.path(), "PK\u{3}\u{4} and more").unwrap();
        assert_eq!(read(other.path()).unwrap_err().to_string(), "it is not a GGUF file");
        let whole = file(&[("general.architecture", "llama")]);
        let bytes = std::fs::read(whole.path()).unwrap();
        for length in 0..bytes.len() - 1 {
            std::fs::write(other.path(), &bytes[..length]).unwrap();
            assert!(read(other.path()).is_err(), "{length} bytes");
        }
    }
}
