//! Filling in the middle: who is asked for it, and how llama.cpp does it, whose `/infill` answers in a form of its own.

use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::events::{Events, OfEvents};
use super::fault::{Complaint, Ending, Fault, Piece};
use super::sse::Frame;
use super::{
    Asked, Backends, Decoder, Path, Prompt, classify, model_key, openai, translator, words,
};
use crate::config::BackendSettings;
use crate::model::{ErrorClass, GapEdge, GapReader, Infill, ModelError, StopReason, Usage};

/// A filling is to go on as the text would, not to surprise.
const TEMPERATURE: f32 = 0.2;

impl Backends {
    /// Whether a model of a backend is to be given the gap of a request, and not its messages.
    ///
    /// Known beforehand, or worth trying; what refuses then is named by [`Backends::cannot_fill_in`].
    pub async fn fills_in(
        &self,
        backend: &BackendSettings,
        model: &str,
        key: Option<&SecretString>,
    ) -> bool {
        if self.inner.gapless().contains(&model_key(backend, model)) {
            return false;
        }
        let told = self.inner.describe(backend, model, key).await.ok().flatten();
        translator(backend.dialect).fills_in(backend, told.as_deref())
    }

    /// Whether a failed request for a filling says that there is none to be had here; remembered if so.
    pub fn cannot_fill_in(&self, backend: &BackendSettings, error: &ModelError) -> bool {
        let is_refused = is_refused(error);
        if is_refused {
            self.inner.gapless().insert(model_key(backend, &error.model));
        }
        is_refused
    }
}

/// Sampling temperature of a filling: what the user set, else a low one.
pub(super) fn temperature(asked: &Asked<'_>) -> Value {
    openai::short_float(asked.request.temperature.unwrap_or(TEMPERATURE))
}

/// Most tokens of a filling.
pub(super) fn max_tokens(asked: &Asked<'_>, gap: &Infill) -> u32 {
    asked.request.max_tokens.map_or(gap.max_tokens, |most| most.min(gap.max_tokens))
}

/// Whether a failure says that a model or its server fills no gaps; then the messages may still do.
pub(super) fn is_refused(error: &ModelError) -> bool {
    let is_answer = error.status.is_some_and(|status| {
        // Who is unknown, in a hurry or overwhelmed is so with messages too.
        status == 501 || !matches!(status, 401 | 402 | 403 | 407 | 408 | 409 | 429 | 500..)
    });
    let may_be_gap = matches!(
        error.class,
        ErrorClass::Unsupported | ErrorClass::NotJson | ErrorClass::BadRequest { .. }
    );
    is_answer && may_be_gap && !error.partial
}

/// The request: the text around the gap and nothing else.
pub(super) fn prompt(asked: &Asked<'_>, gap: &Infill) -> Prompt {
    let mut body = Map::new();
    // One model is served by most; a server of several goes by the name.
    body.insert("model".into(), asked.model.into());
    body.insert("input_prefix".into(), gap.before.as_str().into());
    body.insert("input_suffix".into(), gap.after.as_str().into());
    body.insert("n_predict".into(), max_tokens(asked, gap).into());
    body.insert("temperature".into(), temperature(asked));
    body.insert("stream".into(), true.into());
    body.insert("cache_prompt".into(), true.into());
    let stops: Vec<String> = asked.request.stop.iter().cloned().chain(gap.stop()).collect();
    if !stops.is_empty() {
        body.insert("stop".into(), json!(stops));
    }
    let body = Value::Object(body).to_string().into_bytes();
    Prompt { path: Path::Root("infill"), accept: "text/event-stream", body }
}

/// The decoder.
#[derive(Debug)]
pub(crate) struct Filling {
    events: Events,
    reader: Option<GapReader>,
    /// The last line so far, which is not whole.
    line: String,
    usage: Option<Usage>,
    over: bool,
}

impl Decoder for Filling {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        let framed = self.events.push(bytes);
        self.take(framed, out);
    }

    fn end(&mut self, ending: Ending, out: &mut Vec<Piece>) {
        let (mut frames, result) = self.events.finish();
        // A chunk that the cut left unfinished tells nothing; the cut itself is the failure.
        frames.retain(|frame| {
            frame.error.is_some() || serde_json::from_str::<Value>(frame.data.trim()).is_ok()
        });
        self.take((frames, result), out);
        // Events that told nothing are a stream all the same.
        if self.events.head().starts_with(b"data:") {
            self.events.begin();
        }
        if !self.over {
            self.cut(ending, out);
        }
    }

    fn is_settled(&self) -> bool {
        false
    }
}

impl OfEvents for Filling {
    fn events(&self) -> &Events {
        &self.events
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Piece>) {
        if let Some(error) = &frame.error {
            return self.fail(classify::of_complaint(Complaint::of_text(error)), out);
        }
        let data = frame.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            let quoted = words::quote(data.as_bytes(), None);
            let message = format!("a chunk is not JSON: {quoted}");
            return self.fail(Fault::new(ErrorClass::NotJson, message), out);
        };
        if frame.event == "error" {
            let complaint = Complaint::in_json(&value).unwrap_or_else(|| Complaint::of(&value));
            return self.fail(classify::of_complaint(complaint), out);
        }
        self.value(&value, out);
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Piece>) {
        out.extend(self.usage.map(Piece::Usage));
        out.push(Piece::Failed(fault));
        self.over = true;
    }

    fn no_stream(&mut self, out: &mut Vec<Piece>) {
        let head = self.events.head().to_vec();
        if head.iter().all(u8::is_ascii_whitespace) {
            return self.fail(Fault::new(ErrorClass::NotJson, "the answer is empty"), out);
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&head) {
            self.value(&value, out);
        }
        if !self.over {
            let message = format!("the answer is no filling: {}", words::quote(&head, None));
            self.fail(Fault::new(ErrorClass::NotJson, message), out);
        }
    }
}

impl Filling {
    /// A decoder at the start of an answer, which is over where it has left the gap.
    pub(crate) fn new(edge: Option<GapEdge>) -> Self {
        Self {
            events: Events::default(),
            reader: edge.map(GapReader::new),
            line: String::new(),
            usage: None,
            over: false,
        }
    }

    fn value(&mut self, value: &Value, out: &mut Vec<Piece>) {
        if let Some(complaint) = Complaint::in_json(value) {
            return self.fail(classify::of_complaint(complaint), out);
        }
        let content = value.get("content").and_then(Value::as_str);
        let is_last = value.get("stop").and_then(Value::as_bool) == Some(true);
        if content.is_none() && !is_last {
            // New kinds of chunks may come.
            return;
        }
        self.events.begin();
        self.usage = read_usage(value).or(self.usage);
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            out.push(Piece::Text(content.to_owned()));
        }
        if is_last {
            self.done(reason(value), out);
        } else if content.is_some_and(|content| self.has_left(content)) {
            self.done(StopReason::Stop, out);
        }
    }

    /// Whether a line that is whole with this piece has left the gap. What comes after is not waited for.
    fn has_left(&mut self, piece: &str) -> bool {
        let Some(reader) = &mut self.reader else { return false };
        let n_whole = piece.rfind('\n').map_or(0, |idx| idx + 1);
        let (whole, rest) = piece.split_at(n_whole);
        if !whole.is_empty() {
            let lines = std::mem::take(&mut self.line) + whole;
            if lines.split_inclusive('\n').any(|line| reader.has_left(line)) {
                return true;
            }
        }
        self.line.push_str(rest);
        false
    }

    fn done(&mut self, reason: StopReason, out: &mut Vec<Piece>) {
        out.extend(self.usage.map(Piece::Usage));
        out.push(Piece::Done(reason));
        self.over = true;
    }
}

/// Why it stopped; older servers have a switch for each reason.
fn reason(last: &Value) -> StopReason {
    let is_true = |name: &str| last.get(name).and_then(Value::as_bool) == Some(true);
    match last.get("stop_type").and_then(Value::as_str) {
        Some("limit") => StopReason::Length,
        // The window was full before the model was done.
        _ if is_true("truncated") || is_true("stopped_limit") => StopReason::Length,
        _ => StopReason::Stop,
    }
}

fn read_usage(value: &Value) -> Option<Usage> {
    let count = |path: &str| value.pointer(path).and_then(Value::as_u64);
    Some(Usage {
        input_tokens: count("/tokens_evaluated")?,
        output_tokens: count("/tokens_predicted").unwrap_or(0),
        cached_input_tokens: count("/timings/cache_n"),
        reasoning_tokens: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(edge: Option<GapEdge>, body: &str, size: usize) -> Vec<Piece> {
        let (mut decoder, mut out) = (Filling::new(edge), Vec::new());
        for chunk in body.as_bytes().chunks(size) {
            decoder.push(chunk, &mut out);
        }
        if !matches!(out.last(), Some(Piece::Done(_) | Piece::Failed(_))) {
            decoder.end(Ending::Closed, &mut out);
        }
        out
    }

    fn last(body: &str) -> Piece {
        decode(None, body, body.len()).pop().unwrap()
    }

    #[test]
    fn the_end_tells_why_it_stopped_in_new_words_and_old() {
        let done =
            |end: &str| last(&format!("data: {{\"content\":\"x\",\"stop\":true,{end}}}\n\n"));
        assert_eq!(done("\"stop_type\":\"eos\""), Piece::Done(StopReason::Stop));
        assert_eq!(done("\"stop_type\":\"word\""), Piece::Done(StopReason::Stop));
        assert_eq!(done("\"stop_type\":\"limit\""), Piece::Done(StopReason::Length));
        assert_eq!(done("\"stopped_limit\":true"), Piece::Done(StopReason::Length));
        assert_eq!(done("\"stopped_eos\":true"), Piece::Done(StopReason::Stop));
        assert_eq!(
            done("\"stop_type\":\"eos\",\"truncated\":true"),
            Piece::Done(StopReason::Length)
        );
    }

    #[test]
    fn without_the_last_chunk_it_is_truncated() {
        let chunk = "data: {\"content\":\"x\",\"stop\":false}\n\n";
        let Piece::Failed(fault) = last(chunk) else { panic!("done") };
        assert_eq!(fault.class, ErrorClass::Truncated);
        let Piece::Failed(fault) = last(&format!("{chunk}data: [DONE]\n\n")) else {
            panic!("done")
        };
        assert_eq!(fault.class, ErrorClass::Truncated, "this is another dialect's end sign");
    }

    #[test]
    fn a_filling_that_has_left_the_gap_is_not_waited_for() {
        let edge = GapEdge::of("fn f() {\n    ", "\n}\n");
        let chunk = |text: &str, n: usize| {
            let text = Value::from(text);
            format!(
                "data: {{\"content\":{text},\"stop\":false,\"tokens_evaluated\":9,\"tokens_predicted\":{n}}}\n\n"
            )
        };
        let chunks = [chunk("x();", 1), chunk("\n}", 2), chunk("\n\nfn", 3), chunk(" g", 4)];
        let body = chunks.concat();
        let whole = decode(Some(edge), &body, body.len());
        let usage = Usage { input_tokens: 9, output_tokens: 3, ..Usage::default() };
        let text = |text: &str| Piece::Text(text.to_owned());
        let want = [
            text("x();"),
            text("\n}"),
            text("\n\nfn"),
            Piece::Usage(usage),
            Piece::Done(StopReason::Stop),
        ];
        assert_eq!(whole, want);
        for size in 1..body.len() {
            let edge = GapEdge::of("fn f() {\n    ", "\n}\n");
            assert_eq!(decode(Some(edge), &body, size), want, "chunks of {size}");
        }
    }

    #[test]
    fn of_what_has_come_only_the_last_line_is_kept_to_be_read_again() {
        let mut decoder = Filling::new(Some(GapEdge::of("fn f() {\n    ", "\n}\n")));
        let mut out = Vec::new();
        let chunk = |text: &str| {
            let text = Value::from(text);
            format!("data: {{\"content\":{text},\"stop\":false}}\n\n").into_bytes()
        };
        for _ in 0..1000 {
            decoder.push(&chunk("x();\n    y("), &mut out);
            decoder.push(&chunk(");"), &mut out);
            assert_eq!(decoder.line, "    y();");
            decoder.push(&chunk("\n    "), &mut out);
        }
        decoder.push(&chunk("z();\n}\n"), &mut out);
        assert_eq!(out.last(), Some(&Piece::Done(StopReason::Stop)));
    }

    #[test]
    fn only_a_refusal_that_messages_would_not_meet_counts_as_one() {
        let is_refused = |class: ErrorClass, status: Option<u16>, partial: bool| {
            is_refused(&ModelError {
                class,
                backend: "b".into(),
                provider: "b".into(),
                model: "m".into(),
                base_url: String::new(),
                status,
                request_id: None,
                message: String::new(),
                partial,
            })
        };
        assert!(is_refused(ErrorClass::Unsupported, Some(501), false));
        assert!(is_refused(ErrorClass::Unsupported, Some(400), false));
        assert!(is_refused(ErrorClass::NotJson, Some(404), false));
        assert!(is_refused(ErrorClass::BadRequest { setting: None }, Some(400), false));
        assert!(!is_refused(ErrorClass::Unsupported, Some(501), true));
        assert!(!is_refused(ErrorClass::Truncated, Some(200), false));
        assert!(!is_refused(ErrorClass::ModelNotAvailable, Some(404), false));
        assert!(!is_refused(ErrorClass::Auth, Some(401), false));
        assert!(!is_refused(ErrorClass::Server, Some(500), false));
        assert!(!is_refused(
            ErrorClass::Connect { kind: crate::model::ConnectKind::Refused },
            None,
            false
        ));
    }
}
