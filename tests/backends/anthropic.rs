//! The anthropic dialect: what is sent, what comes back, and what only this provider has.

use arawn::backends::{Backends, Lifecycle};
use arawn::config::Provider;
use arawn::model::{
    Arguments, BackendName, ErrorClass, Event, Message, ProviderParts, Request, Role, StopReason,
    ToolCall, ToolResultOf, ToolSpec,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::setup::{self, answer, call, events, failure, order, router, settings, text};
use crate::upstream::{
    Exchange, Upstream, anthropic_delta, anthropic_end, anthropic_event, anthropic_start,
};

fn result(id: &str, text: &str) -> Message {
    Message {
        role: Role::Tool,
        result_of: Some(ToolResultOf { id: id.to_owned(), name: "read".to_owned() }),
        ..Message::user(text)
    }
}

fn called(id: &str, arguments: Arguments) -> ToolCall {
    ToolCall { id: id.to_owned(), name: "read".to_owned(), arguments }
}

fn conversation() -> Request {
    let calls = vec![
        called("c1", Arguments::Json(json!({"path": "a"}))),
        called("c.2", Arguments::Raw("{\"path\": \"b".to_owned())),
    ];
    Request {
        system: "be brief".to_owned(),
        messages: vec![
            Message::user("hello"),
            Message { tool_calls: calls, ..Message::assistant("") },
            Message::user("and quickly"),
            result("c1", "text of a"),
            result("c.2", ""),
        ],
        max_tokens: Some(100),
        temperature: None,
        stop: vec!["END".to_owned(), " ".to_owned()],
        tools: vec![ToolSpec {
            name: "read".to_owned(),
            description: "reads".to_owned(),
            parameters: json!({"type": "object"}),
        }],
        infill: None,
    }
}

/// The body of the request that these messages make.
async fn sent(request: Request) -> Value {
    let upstream = Upstream::start([Exchange::anthropic_text(&["a"])]).await;
    events(&Backends::new(), call(setup::anthropic("anthropic", &upstream), request)).await;
    let body = upstream.request(0).await.json();
    upstream.finish();
    body
}

#[tokio::test]
async fn a_message_is_sent_with_key_version_and_cache_marks() {
    let upstream = Upstream::start([Exchange::anthropic_text(&["Hel", "lo"])]).await;
    let mut call = call(setup::anthropic("anthropic", &upstream), conversation());
    call.key = Some(SecretString::from("canary-key".to_owned()));
    let events = events(&Backends::new(), call).await;
    assert_eq!(text(&events), "Hello");
    assert!(matches!(events.last(), Some(Event::Done { reason: StopReason::Stop })));
    let request = upstream.request(0).await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/messages"));
    assert_eq!(request.headers["x-api-key"], "canary-key");
    assert_eq!(request.headers["anthropic-version"], "2023-06-01");
    assert!(!request.headers.contains_key("authorization"));
    let ephemeral = json!({"type": "ephemeral"});
    assert_eq!(
        request.json(),
        json!({
            "model": "m",
            "max_tokens": 100,
            "stream": true,
            "stop_sequences": ["END"],
            "tools": [{"name": "read", "description": "reads", "input_schema": {"type": "object"}}],
            "system": [{"type": "text", "text": "be brief", "cache_control": ephemeral}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "hello"}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "c1", "name": "read", "input": {"path": "a"}},
                    {"type": "tool_use", "id": "c_2", "name": "read", "input": {"raw": "{\"path\": \"b"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "text of a"},
                    {"type": "tool_result", "tool_use_id": "c_2"},
                    {"type": "text", "text": "and quickly", "cache_control": ephemeral},
                ]},
            ],
        })
    );
    upstream.finish();
}

#[tokio::test]
async fn a_limit_is_always_sent_and_a_temperature_only_when_it_is_set() {
    let body = sent(Request::of_user("x")).await;
    assert_eq!(body["max_tokens"], 4096);
    assert!(body.get("temperature").is_none() && body.get("system").is_none());
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"type": "text", "text": "x"}]}]),
        "one question is no prefix of anything"
    );
    let body = sent(Request { temperature: Some(0.2), ..Request::of_user("x") }).await;
    assert_eq!(body["temperature"], 0.2);
}

#[tokio::test]
async fn turns_alternate_begin_with_the_user_and_hold_no_empty_text() {
    let body = sent(Request {
        messages: vec![
            Message::assistant("left over"),
            Message::user(" "),
            Message::assistant(""),
            Message::user("a"),
            Message::user("b"),
        ],
        ..Request::default()
    })
    .await;
    let turns: Vec<(&str, Vec<&str>)> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| {
            let blocks = turn["content"].as_array().unwrap().iter();
            (
                turn["role"].as_str().unwrap(),
                blocks.map(|block| block["text"].as_str().unwrap()).collect(),
            )
        })
        .collect();
    assert_eq!(
        turns,
        [
            ("user", vec!["(the conversation so far is left out)"]),
            ("assistant", vec!["left over"]),
            ("user", vec!["a", "b"])
        ]
    );
}

#[tokio::test]
async fn seed_model_names_are_sent_as_written_by_every_dialect() {
    let names = [
        "claude-sonnet-4-20250514",
        "claude-3-haiku-20240307",
        "claude-opus-4-20250514",
        "gpt-4o",
        "gpt-4-turbo",
        "llama-3.3-70b",
        "mixtral-8x7b-32768",
        "openai/gpt-oss-120b",
        "llama3:70b",
    ];
    for name in names {
        let upstream = Upstream::start([
            Exchange::anthropic_text(&["a"]),
            Exchange::openai_text(&["a"]),
            Exchange::ollama_text(&["a"]),
        ])
        .await;
        let backends = [
            setup::anthropic("anthropic", &upstream),
            setup::openai("openai", &upstream),
            setup::ollama("ollama", &upstream),
        ];
        for (nth, backend) in backends.into_iter().enumerate() {
            let mut call = call(backend, Request::of_user("x"));
            name.clone_into(&mut call.model);
            events(&Backends::new(), call).await;
            assert_eq!(upstream.request(nth).await.json()["model"], name);
        }
        upstream.finish();
    }
}

fn block(index: u64, start: &Value, deltas: &[Value]) -> String {
    let start =
        json!({"type": "content_block_start", "index": index, "content_block": start.clone()});
    let deltas: String = deltas
        .iter()
        .map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta}))
        .map(|event| anthropic_event(&event))
        .collect();
    anthropic_event(&start)
        + &deltas
        + &anthropic_event(&json!({"type": "content_block_stop", "index": index}))
}

/// An answer with reasoning that is signed, hidden reasoning, text, and a call.
fn thoughtful() -> Exchange {
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 3,
        "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100, "output_tokens": 1}}});
    let thinking = block(
        0,
        &json!({"type": "thinking", "thinking": "", "signature": ""}),
        &[
            json!({"type": "thinking_delta", "thinking": "let me "}),
            json!({"type": "thinking_delta", "thinking": "see"}),
            json!({"type": "signature_delta", "signature": "c2ln"}),
        ],
    );
    let hidden = block(1, &json!({"type": "redacted_thinking", "data": "opaque"}), &[]);
    let said = block(
        2,
        &json!({"type": "text", "text": ""}),
        &[json!({"type": "text_delta", "text": "I look."})],
    );
    let call = block(
        3,
        &json!({"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}),
        &[
            json!({"type": "input_json_delta", "partial_json": ""}),
            json!({"type": "input_json_delta", "partial_json": "{\"path\":"}),
            json!({"type": "future_delta", "x": 1}),
            json!({"type": "input_json_delta", "partial_json": "\"a\"}"}),
        ],
    );
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage":
        {"output_tokens": 42, "output_tokens_details": {"thinking_tokens": 30}}});
    let stop = json!({"type": "message_stop"});
    Exchange::sse()
        .send(anthropic_event(&start))
        .send(thinking + &hidden + &said + &call)
        .send(anthropic_event(&delta) + &anthropic_event(&stop))
}

#[tokio::test]
async fn signed_reasoning_goes_back_unchanged_to_its_maker_and_to_nobody_else() {
    let upstream = Upstream::start([thoughtful()]).await;
    let order = order(settings([setup::anthropic("anthropic", &upstream)]));
    let (result, seen) = answer(&router(), &order).await;
    let first = result.unwrap();
    assert_eq!(seen, ["asking anthropic m", "reasoning let me ", "reasoning see", "text I look."]);
    assert_eq!((first.text.as_str(), &first.reason), ("I look.", &StopReason::ToolCalls));
    assert_eq!(first.tool_calls, [called("toolu_1", Arguments::Json(json!({"path": "a"})))]);
    assert_eq!((first.usage.input_tokens, first.usage.output_tokens), (123, 42));
    assert_eq!(
        (first.usage.cached_input_tokens, first.usage.reasoning_tokens),
        (Some(100), Some(30))
    );
    let turn = first.to_message();
    let request = |turn: Message| Request {
        messages: vec![Message::user("hello"), turn, result_of_first()],
        ..Request::default()
    };
    let body = sent(request(turn.clone())).await;
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "let me see", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "opaque"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}},
        ])
    );
    let parts = turn.provider_parts.clone().unwrap();
    for other in [
        ProviderParts { model: "other".to_owned(), ..parts.clone() },
        ProviderParts { backend: BackendName::new("other"), ..parts },
    ] {
        let body = sent(request(Message { provider_parts: Some(other), ..turn.clone() })).await;
        assert_eq!(
            body["messages"][1]["content"],
            json!([
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}},
            ])
        );
    }
}

fn result_of_first() -> Message {
    result("toolu_1", "text of a")
}

#[tokio::test]
async fn a_turn_that_paused_is_sent_back_and_goes_on() {
    let search =
        json!({"type": "server_tool_use", "id": "srv_1", "name": "search", "input": {"q": "x"}});
    let paused = Exchange::sse()
        .send(anthropic_start() + &anthropic_delta("First, "))
        .send(block(1, &search, &[]))
        .send(anthropic_end("pause_turn"));
    let upstream = Upstream::start([paused, Exchange::anthropic_text(&["then."])]).await;
    let order = order(settings([setup::anthropic("anthropic", &upstream)]));
    let (result, _) = answer(&router(), &order).await;
    let answer = result.unwrap();
    assert_eq!((answer.text.as_str(), &answer.reason), ("First, then.", &StopReason::Stop));
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (22, 14));
    assert_eq!(
        upstream.request(1).await.json()["messages"][1]["content"],
        json!([{"type": "text", "text": "First, "}, search])
    );
    upstream.finish();
}

#[tokio::test]
async fn a_turn_that_pauses_for_ever_is_sent_back_only_a_few_times() {
    let search = json!({"type": "server_tool_use", "id": "s", "name": "search", "input": {}});
    let paused = || {
        Exchange::sse()
            .send(anthropic_start())
            .send(block(1, &search, &[]))
            .send(anthropic_end("pause_turn"))
    };
    let upstream = Upstream::start((0..5).map(|_| paused())).await;
    let order = order(settings([setup::anthropic("anthropic", &upstream)]));
    let (result, _) = answer(&router(), &order).await;
    assert_eq!(result.unwrap().reason, StopReason::Other("pause_turn".to_owned()));
    upstream.finish();
}

#[tokio::test]
async fn every_reason_to_stop_is_shown_as_what_it_is() {
    let ended = |delta: Value| {
        let delta = json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}});
        Exchange::sse()
            .send(anthropic_start() + &anthropic_event(&delta))
            .send(anthropic_event(&json!({"type": "message_stop"})))
    };
    let cases = [
        (json!({"stop_reason": "end_turn"}), StopReason::Stop, None),
        (json!({"stop_reason": "stop_sequence"}), StopReason::Stop, None),
        (json!({"stop_reason": "max_tokens"}), StopReason::Length, None),
        (
            json!({"stop_reason": "model_context_window_exceeded"}),
            StopReason::Length,
            Some("the answer was cut: prompt and answer together fill the model's context window"),
        ),
        (json!({"stop_reason": "refusal"}), StopReason::Refusal, None),
        (
            json!({"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "cyber",
                "explanation": "This could\nenable harm."}}),
            StopReason::Refusal,
            Some("the model declined: This could enable harm."),
        ),
        (
            json!({"stop_reason": "refusal", "stop_details": {"category": "bio", "explanation": null}}),
            StopReason::Refusal,
            Some("the model declined: bio"),
        ),
        (json!({"stop_reason": "new_reason"}), StopReason::Other("new_reason".to_owned()), None),
    ];
    for (delta, reason, remark) in cases {
        let upstream = Upstream::start([ended(delta.clone())]).await;
        let order = order(settings([setup::anthropic("anthropic", &upstream)]));
        let answer = answer(&router(), &order).await.0.unwrap();
        assert_eq!(answer.reason, reason, "{delta}");
        let remarks: Vec<&str> = answer.remarks.iter().map(String::as_str).collect();
        assert_eq!(remarks, remark.into_iter().collect::<Vec<_>>(), "{delta}");
    }
}

#[tokio::test]
async fn a_refused_temperature_is_named_and_request_ids_are_kept() {
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."},"request_id":"req_body"}"#;
    let script = [
        Exchange::json("400 Bad Request", body),
        Exchange::json("400 Bad Request\nrequest-id: req_head", body),
        Exchange::sse().send(anthropic_start()).send(anthropic_event(&json!({"type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_event"}))),
    ];
    let upstream = Upstream::start(script).await;
    let backend = || setup::anthropic("anthropic", &upstream);
    let error = failure(backend()).await;
    assert_eq!(error.class, ErrorClass::BadRequest { setting: Some("temperature".to_owned()) });
    assert_eq!(error.request_id.as_deref(), Some("req_body"));
    assert_eq!(failure(backend()).await.request_id.as_deref(), Some("req_head"));
    let error = failure(backend()).await;
    assert_eq!(
        (error.class, error.request_id.as_deref()),
        (ErrorClass::Overloaded, Some("req_event"))
    );
    upstream.finish();
}

#[tokio::test]
async fn the_list_of_models_is_read_to_its_end_with_what_each_can_do() {
    let upstream = Upstream::start([
        Exchange::json("200 OK", r#"{"data":[{"id":"a","lifecycle":"active","max_input_tokens":1000000,"max_tokens":128000,
            "capabilities":{"image_input":{"supported":true},"thinking":{"supported":false}}}],"has_more":true,"last_id":"a"}"#),
        Exchange::json("200 OK", r#"{"data":[{"id":"b","lifecycle":"deprecated","retires_at":"2026-11-30T00:00:00Z"},
            {"id":"c","lifecycle":"retired"}],"has_more":false,"last_id":"c"}"#),
    ])
    .await;
    let mut backend = setup::anthropic("anthropic", &upstream);
    // A folder of its own, so that the scripted answers are taken and not the usual ones.
    backend.base_url.set_path("/pages");
    upstream.unroute("/pages/v1/models");
    let models = Backends::new().models(&backend, None).await.unwrap();
    let told: Vec<_> = models.iter().map(|info| (info.id.as_str(), info.lifecycle)).collect();
    assert_eq!(
        told,
        [("a", Lifecycle::Active), ("b", Lifecycle::Deprecated), ("c", Lifecycle::Retired)]
    );
    assert_eq!(models[0].abilities, ["completion", "tools", "vision"]);
    assert_eq!((models[0].context_length, models[0].max_output), (Some(1_000_000), Some(128_000)));
    assert_eq!(models[1].retires_at.as_deref(), Some("2026-11-30T00:00:00Z"));
    assert_eq!(upstream.request(0).await.path, "/pages/v1/models?limit=1000");
    assert_eq!(upstream.request(1).await.path, "/pages/v1/models?limit=1000&after_id=a");
    assert_eq!(upstream.request(0).await.headers["anthropic-version"], "2023-06-01");
    upstream.finish();
}

#[tokio::test]
async fn a_model_is_asked_about_before_code_is_sent() {
    let upstream = Upstream::start([Exchange::anthropic_text(&["a"])]).await;
    upstream.route("/v1/models/m", "200 OK", r#"{"id":"m","max_input_tokens":1000000}"#);
    let backends = Backends::new();
    let mut backend = setup::anthropic("anthropic", &upstream);
    assert_eq!(backends.window(&backend, "m", None).await, Some(1_000_000));
    upstream.route(
        "/v1/models/x%2Fy",
        "404 Not Found",
        r#"{"type":"error","error":{"type":"not_found_error","message":"model: x/y"}}"#,
    );
    let error = backends.prepare(&backend, "x/y", None).await.unwrap_err();
    assert_eq!(error.to_string(), "Model \"x/y\" not available");
    events(&backends, call(backend.clone(), Request::of_user("x"))).await;
    assert_eq!(upstream.lookups().len(), 2, "a model is asked about once");
    assert_eq!(Backends::new().window(&backend, "z", None).await, Some(200_000));
    backend.provider = Provider::Other;
    assert_eq!(Backends::new().window(&backend, "z", None).await, None);
    upstream.finish();
}
