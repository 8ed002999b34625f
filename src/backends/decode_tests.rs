//! Recorded answers through the decoders, whole, in pieces, cut and damaged.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::chunks::Chunks;
use super::classify::{self, Refused};
use super::fault::{Ending, Piece};
use super::infill::Filling;
use super::messages::Messages;
use super::{Asked, Decoder, Translator, ollama};
use crate::config::{BackendSettings, Clocks, Dialect, Place, Provider};
use crate::model::{Arguments, Request, StopReason, Task, ToolCall, Usage};

struct Sample {
    name: String,
    status: u16,
    body: Vec<u8>,
    expected: Value,
}

fn samples() -> Vec<Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let lines = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
    lines
        .lines()
        .map(|line| {
            let expected: Value = serde_json::from_str(line).unwrap();
            let name = expected["sample"].as_str().unwrap().to_owned();
            let raw = std::fs::read(folder.join(&name)).unwrap();
            let end_of = |blank: &[u8]| {
                raw.windows(blank.len())
                    .position(|window| window == blank)
                    .map(|at| at + blank.len())
            };
            let head_len = end_of(b"\r\n\r\n").or_else(|| end_of(b"\n\n")).unwrap();
            let status = u16::try_from(expected["status"].as_u64().unwrap()).unwrap();
            Sample { name, status, body: raw[head_len..].to_vec(), expected }
        })
        .collect()
}

fn streams() -> Vec<Sample> {
    samples().into_iter().filter(|sample| sample.status == 200).collect()
}

fn backend() -> BackendSettings {
    BackendSettings {
        name: "b".into(),
        dialect: Dialect::Ollama,
        provider: Provider::Ollama,
        base_url: "http://localhost:1".parse().unwrap(),
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

/// The decoder of a sample's dialect; ids that are made up are the same each time.
fn decoder(name: &str) -> Box<dyn Decoder> {
    if name.starts_with("anthropic/") {
        return Box::new(Messages::new());
    }
    if name.contains("infill") {
        return Box::new(Filling::new(None));
    }
    if !name.starts_with("ollama/") {
        return Box::new(Chunks::new("made_up_".to_owned()));
    }
    let (backend, request) = (backend(), Request::of_user("hello"));
    let asked = Asked {
        backend: &backend,
        model: "m",
        request: &request,
        task: Task::Ask,
        info: None,
        window: Some(8192),
    };
    ollama::Ollama.decoder(&asked)
}

fn decode<'a>(
    name: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    ending: Ending,
) -> Vec<Piece> {
    let mut decoder = decoder(name);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut out);
    }
    if !matches!(out.last(), Some(Piece::Done(_) | Piece::Failed(_))) {
        decoder.end(ending, &mut out);
    }
    let n_ends =
        out.iter().filter(|piece| matches!(piece, Piece::Done(_) | Piece::Failed(_))).count();
    assert_eq!(n_ends, 1, "{name}: {out:?}");
    assert!(matches!(out.last(), Some(Piece::Done(_) | Piece::Failed(_))), "{name}: {out:?}");
    for piece in &mut out {
        // Ollama's ids are made up at random where the server gives none.
        if let Piece::ToolCall(call) = piece
            && name.starts_with("ollama/")
        {
            call.id = call.id.rsplit('_').next().unwrap().to_owned();
        }
    }
    out
}

fn whole(sample: &Sample) -> Vec<Piece> {
    decode(&sample.name, [sample.body.as_slice()], Ending::Closed)
}

fn text_of(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .filter_map(|piece| if let Piece::Text(text) = piece { Some(text.as_str()) } else { None })
        .collect()
}

fn is_done(pieces: &[Piece]) -> bool {
    matches!(pieces.last(), Some(Piece::Done(_)))
}

#[test]
fn recorded_streams_give_what_the_reference_decode_gives() {
    for sample in streams() {
        let (name, expected) = (&sample.name, &sample.expected);
        let pieces = whole(&sample);
        let text = expected
            .get("text")
            .or_else(|| expected.get("refusal"))
            .and_then(Value::as_str)
            .unwrap_or("");
        assert_eq!(text_of(&pieces), text, "{name}");
        assert_eq!(
            is_done(&pieces),
            expected["outcome"] == "complete",
            "{name}: {:?}",
            pieces.last()
        );
        if expected.get("refusal").is_some() {
            assert_eq!(pieces.last(), Some(&Piece::Done(StopReason::Refusal)), "{name}");
        }
        let calls: Vec<&ToolCall> = pieces
            .iter()
            .filter_map(|piece| if let Piece::ToolCall(call) = piece { Some(call) } else { None })
            .collect();
        let tools = expected["tools"].as_array().unwrap();
        assert_eq!(calls.len(), tools.len(), "{name}");
        for (call, tool) in calls.iter().zip(tools) {
            assert_eq!(call.name, tool["name"].as_str().unwrap(), "{name}");
            let arguments = match (&tool["args"], tool["args_valid"] == true) {
                (Value::String(raw), false) => Arguments::Raw(raw.clone()),
                (value, _) => Arguments::Json(value.clone()),
            };
            assert_eq!(call.arguments, arguments, "{name}");
        }
        let usage = pieces
            .iter()
            .find_map(|piece| if let Piece::Usage(usage) = piece { Some(*usage) } else { None });
        if let Some(prompt) = expected["usage"]["prompt_tokens"].as_u64() {
            let Usage { input_tokens, output_tokens, .. } = usage.unwrap();
            assert_eq!(input_tokens, prompt, "{name}");
            assert_eq!(
                output_tokens,
                expected["usage"]["completion_tokens"].as_u64().unwrap(),
                "{name}"
            );
        }
        let told = |field: &str| expected["usage"][field].as_u64();
        if let Some(input) = told("input_tokens") {
            let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
            let cached: u64 = cached.iter().filter_map(|field| told(field)).sum();
            assert_eq!(usage.unwrap().input_tokens, input + cached, "{name}");
            assert_eq!(Some(usage.unwrap().output_tokens), told("output_tokens"), "{name}");
        }
    }
}

#[test]
fn recorded_refusals_are_sorted_into_their_class() {
    for sample in samples().into_iter().filter(|sample| sample.status != 200) {
        let refused =
            Refused { status: sample.status, wait: None, request_id: None, body: &sample.body };
        let class = classify::of_answer(refused).class;
        assert_eq!(
            class.as_str(),
            sample.expected["error_class"].as_str().unwrap(),
            "{}",
            sample.name
        );
    }
}

#[test]
fn every_chunking_gives_the_same_pieces() {
    for sample in streams() {
        let want = whole(&sample);
        for size in (1..24).chain([37, 100, 1000]) {
            let got = decode(&sample.name, sample.body.chunks(size), Ending::Closed);
            assert_eq!(got, want, "{} in chunks of {size}", sample.name);
        }
    }
}

#[test]
fn other_line_ends_missing_spaces_and_comments_change_nothing() {
    for sample in streams().into_iter().filter(|sample| !sample.name.starts_with("ollama/")) {
        let want = whole(&sample);
        let text = String::from_utf8(sample.body.clone()).unwrap();
        let variants = [
            text.replace('\n', "\r\n"),
            text.replace('\n', "\r"),
            text.replace("data: ", "data:"),
            text.replace("data: {", ": keep-alive\n\ndata: {"),
            format!("\u{feff}{text}"),
            text.trim_end().to_owned(),
            text.replace("data: [DONE]\n\n", ""),
        ];
        for variant in variants {
            let got = decode(&sample.name, variant.as_bytes().chunks(3), Ending::Closed);
            assert_eq!(got, want, "{}: {:.60}", sample.name, variant);
        }
    }
}

/// Whether bytes hold the dialect's own sign of an end.
fn has_evidence(name: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).replace(' ', "");
    if name.starts_with("ollama/") {
        return text.contains("\"done\":true");
    }
    if name.starts_with("anthropic/") {
        return text.contains("\"message_stop\"");
    }
    if name.contains("infill") {
        return text.contains("\"stop\":true");
    }
    text.contains("[DONE]")
        || text
            .match_indices("\"finish_reason\":")
            .any(|(at, found)| !text[at + found.len()..].starts_with("null"))
}

#[test]
fn no_prefix_without_evidence_is_an_answer() {
    for sample in streams() {
        let step = if sample.body.len() > 2500 { 11 } else { 1 };
        for len in (0..sample.body.len()).step_by(step) {
            let prefix = &sample.body[..len];
            for ending in [Ending::Closed, Ending::Broken("reset".to_owned())] {
                let pieces = decode(&sample.name, [prefix], ending);
                assert!(
                    !is_done(&pieces) || has_evidence(&sample.name, prefix),
                    "{} cut at {len}",
                    sample.name
                );
            }
        }
    }
}

#[test]
fn an_error_frame_in_the_middle_is_a_failure() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let delta = "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n";
    let cases = [
        (
            "openai/x",
            format!("{chunk}data: {{\"error\":{{\"message\":\"boom\"}}}}\n\ndata: [DONE]\n\n"),
            "boom",
        ),
        ("openai/x", format!("{chunk}event: error\ndata: {{\"message\":\"boom\"}}\n\n"), "boom"),
        ("openai/x", format!("{chunk}event: error\ndata: out of memory\n\n"), "out of memory"),
        (
            "openai/x",
            format!("{chunk}error: {{\"code\":500,\"message\":\"boom\"}}\n\ndata: [DONE]\n\n"),
            "boom",
        ),
        (
            "openai/x",
            format!("{chunk}data: {{\"x_groq\":{{\"error\":\"boom\"}},\"choices\":[]}}\n\n"),
            "boom",
        ),
        (
            "anthropic/x",
            format!(
                "{delta}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"api_error\",\"message\":\"boom\"}}}}\n\n"
            ),
            "boom",
        ),
        ("anthropic/x", format!("{delta}event: error\ndata: boom\n\n"), "boom"),
        ("anthropic/x", format!("{delta}error: {{\"message\":\"boom\"}}\n\n"), "boom"),
        ("anthropic/x", format!("{delta}data: {{\"error\":\"boom\"}}\n\n"), "boom"),
        (
            "ollama/x",
            "{\"message\":{\"content\":\"a\"}}\n{\"error\":\"boom\"}\n".to_owned(),
            "boom",
        ),
        (
            "ollama/x",
            "{\"message\":{\"content\":\"a\"}}\nout of memory\n".to_owned(),
            "out of memory",
        ),
    ];
    for (name, body, words) in cases {
        let pieces = decode(name, [body.as_bytes()], Ending::Closed);
        assert_eq!(text_of(&pieces), "a", "{body}");
        let Some(Piece::Failed(fault)) = pieces.last() else { panic!("{body}: {pieces:?}") };
        assert_eq!((fault.class.as_str(), fault.message.as_str()), ("server", words), "{body}");
    }
}

#[test]
fn what_is_no_stream_is_said_to_be_none() {
    let class = |name: &str, body: &str| match decode(name, [body.as_bytes()], Ending::Closed).pop()
    {
        Some(Piece::Failed(fault)) => fault.class.as_str(),
        other => panic!("{name} {body}: {other:?}"),
    };
    for name in ["openai/x", "llamacpp/infill", "ollama/x", "anthropic/x"] {
        assert_eq!(class(name, ""), "not_json");
        assert_eq!(class(name, "\n\n"), "not_json");
        assert_eq!(class(name, "<html>sign in</html>"), "not_json");
        assert_eq!(class(name, "{\"hello\":1}"), "not_json");
        assert_eq!(
            class(name, "{\"error\":{\"message\":\"x\",\"code\":\"invalid_api_key\"}}"),
            "auth"
        );
        assert_eq!(class(name, "{\"error\":\"model 'x' not found\"}"), "model_not_available");
    }
    assert_eq!(class("openai/x", "data: [DONE]\n\n"), "not_json");
    assert_eq!(class("openai/x", ": ping\n\n"), "not_json");
    assert_eq!(class("anthropic/x", "data: {\"choices\":[]}\n\ndata: [DONE]\n\n"), "not_json");
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let body = "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    let pieces = decode("openai/x", body.as_bytes().chunks(5), Ending::Closed);
    assert_eq!(pieces, [Piece::Text("hi".to_owned()), Piece::Done(StopReason::Stop)]);
    let body = "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],\"stop_reason\":\"max_tokens\"}";
    let pieces = decode("anthropic/x", body.as_bytes().chunks(5), Ending::Closed);
    assert_eq!(pieces, [Piece::Text("hi".to_owned()), Piece::Done(StopReason::Length)]);
}

#[test]
fn a_prompt_that_the_server_cut_is_a_failure() {
    let request = Request::of_user("x ".repeat(10_000));
    let backend = backend();
    let end = |read: u64| {
        let asked = Asked {
            backend: &backend,
            model: "m",
            request: &request,
            task: Task::Edit,
            info: None,
            window: Some(8192),
        };
        let mut decoder = ollama::Ollama.decoder(&asked);
        let line = format!(
            "{{\"message\":{{\"content\":\"a\"}},\"done\":true,\"prompt_eval_count\":{read}}}\n"
        );
        let mut out = Vec::new();
        decoder.push(line.as_bytes(), &mut out);
        match out.pop() {
            Some(Piece::Done(_)) => "done",
            Some(Piece::Failed(fault)) => fault.class.as_str(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end(5000), "done");
    assert_eq!(end(8192), "context_overflow");
    assert_eq!(end(4096), "context_overflow");
    assert_eq!(end(2048), "context_overflow");
    assert_eq!(end(900), "context_overflow");
    // Old servers count only what was not in their cache.
    assert_eq!(end(3), "done");
}

fn any_part() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "data: ", "data:", "event: error\n", "error: ", "\n", "\r", "\r\n", "\n\n", "\u{feff}", "[DONE]", ": c\n", "{}",
        "null", "[]", "{\"choices\":[{\"delta\":{\"content\":\"é\"}}]}", "{\"choices\":[{\"finish_reason\":\"stop\"}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\"}}]}}]}",
        "{\"choices\":{\"a\":1}}", "{\"choices\":[1,null,\"x\"]}", "{\"usage\":{}}", "{\"error\":null}", "{\"error\":7}",
        "{\"message\":{\"content\":\"é\",\"tool_calls\":[{}]}}\n", "{\"done\":true,\"prompt_eval_count\":-1}\n",
        "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}", "{\"type\":\"message_stop\"}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\"}}",
        "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"thinking\",\"signature\":\"x\"}}",
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}",
        "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"é\"}}",
        "{\"type\":\"content_block_stop\",\"index\":1}", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}",
        "{\"message\":null,\"done\":\"yes\"}\n", "[{\"error\":\"x\"}]\n", "\u{0}",
        "{\"content\":\"é\",\"stop\":false}", "{\"content\":7,\"stop\":true}", "{\"response\":\"é\"}\n",
    ])
    .prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![4 => known, 1 => prop::collection::vec(any::<u8>(), 0..20)]
}

proptest! {
    #[test]
    fn nothing_makes_a_decoder_panic_or_end_twice(
        parts in prop::collection::vec(any_part(), 0..20),
        size in 1_usize..30,
    ) {
        let body = parts.concat();
        for name in ["openai/x", "llamacpp/infill", "ollama/x", "anthropic/x"] {
            let in_chunks = decode(name, body.chunks(size), Ending::Closed);
            let at_once = decode(name, [body.as_slice()], Ending::Closed);
            prop_assert_eq!(in_chunks, at_once, "{}", name);
        }
    }
}
