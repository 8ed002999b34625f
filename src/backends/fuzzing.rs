//! Doors for the fuzz targets in `fuzz/`, which are built with `--cfg fuzzing`; the program has none of them.

use super::chunks::Chunks;
use super::fault::{Ending, Piece};
use super::messages::Messages;
use super::ndjson::Ndjson;
use super::sse::Sse;
use super::{Asked, Decoder, Translator, ollama};
use crate::config::{BackendSettings, Clocks, Dialect, Place, Provider};
use crate::model::{Request, Task};

/// Splits input into a chunk size, an ending, and a body.
fn plan(data: &[u8]) -> (usize, Ending, &[u8]) {
    let Some((first, body)) = data.split_first() else { return (1, Ending::Closed, data) };
    let ending = if first & 1 == 0 { Ending::Closed } else { Ending::Broken("reset".to_owned()) };
    (usize::from(first >> 1) + 1, ending, body)
}

/// Frames the input as server-sent events, whole and in chunks; both must come out the same.
pub fn sse(data: &[u8]) {
    let (size, _, body) = plan(data);
    let frames = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let (mut framer, mut out) = (Sse::new(), Vec::new());
        let mut pushed = Ok(());
        for chunk in chunks {
            pushed = pushed.and_then(|()| framer.push(chunk, &mut out));
        }
        if pushed.is_ok() {
            let _ = framer.finish(&mut out);
        }
        out
    };
    assert_eq!(frames(&mut std::iter::once(body)), frames(&mut body.chunks(size)));
}

/// The same for lines of JSON.
pub fn ndjson(data: &[u8]) {
    let (size, _, body) = plan(data);
    let lines = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let (mut framer, mut out) = (Ndjson::new(), Vec::new());
        let mut pushed = Ok(());
        for chunk in chunks {
            pushed = pushed.and_then(|()| framer.push(chunk, &mut out));
        }
        if pushed.is_ok() {
            out.extend(framer.finish());
        }
        out
    };
    assert_eq!(lines(&mut std::iter::once(body)), lines(&mut body.chunks(size)));
}

/// Decodes the input as an answer in a dialect, whole and in chunks: the same pieces, exactly one end, and a
/// good one only where the dialect's own end sign stands in the input.
pub fn dialect(dialect: Dialect, data: &[u8]) {
    let (size, ending, body) = plan(data);
    let whole = decode(dialect, &mut std::iter::once(body), ending.clone());
    assert_eq!(whole, decode(dialect, &mut body.chunks(size), ending));
    let n_ends =
        whole.iter().filter(|piece| matches!(piece, Piece::Done(_) | Piece::Failed(_))).count();
    assert_eq!(n_ends, 1);
    let Some(last) = whole.last() else { return };
    assert!(matches!(last, Piece::Done(_) | Piece::Failed(_)));
    if matches!(last, Piece::Done(_)) {
        assert!(has_evidence(dialect, body), "done without an end sign");
    }
}

/// Whether some part of the input may be an end sign. JSON can write any letter as an escape, so such
/// input proves nothing.
fn has_evidence(dialect: Dialect, body: &[u8]) -> bool {
    let has = |sign: &str| body.windows(sign.len()).any(|window| window == sign.as_bytes());
    let signs: &[&str] = match dialect {
        Dialect::Anthropic => &["message_stop", "stop_reason"],
        Dialect::Openai => &["[DONE]", "finish_reason"],
        Dialect::Ollama => &["done"],
    };
    has("\\u") || signs.iter().any(|sign| has(sign))
}

fn decode(dialect: Dialect, chunks: &mut dyn Iterator<Item = &[u8]>, ending: Ending) -> Vec<Piece> {
    let mut decoder = decoder(dialect);
    let mut out = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut out);
    }
    if !matches!(out.last(), Some(Piece::Done(_) | Piece::Failed(_))) {
        decoder.end(ending, &mut out);
    }
    for piece in &mut out {
        // Ids are made up at random where the server gives none.
        if let Piece::ToolCall(call) = piece {
            call.id = call.id.rsplit('_').next().unwrap_or_default().to_owned();
        }
    }
    out
}

fn decoder(dialect: Dialect) -> Box<dyn Decoder> {
    match dialect {
        Dialect::Anthropic => Box::new(Messages::new()),
        Dialect::Openai => Box::new(Chunks::new("made_up_".to_owned())),
        Dialect::Ollama => {
            let (backend, request) = (backend(), Request::of_user("hello"));
            ollama::Ollama.decoder(&Asked {
                backend: &backend,
                model: "m",
                request: &request,
                task: Task::Ask,
                info: None,
                window: Some(8192),
            })
        }
    }
}

fn backend() -> BackendSettings {
    BackendSettings {
        name: "b".into(),
        dialect: Dialect::Ollama,
        provider: Provider::Ollama,
        base_url: url::Url::parse("http://localhost:1").expect("it is an address"),
        base_url_text: "http://localhost:1".to_owned(),
        model: None,
        max_tokens: None,
        temperature: None,
        api_key: None,
        headers: std::collections::BTreeMap::new(),
        place: Place::Local,
        clocks: Clocks::for_place(Place::Local),
        context_length: None,
        keep_alive: None,
        engine: None,
    }
}
