//! What is sent, to whom, and over which connection.

use std::sync::Arc;

use arawn::backends::Backends;
use arawn::config::{Dialect, Provider};
use arawn::gate::{Gate, Origin};
use arawn::model::{
    Arguments, Event, Message, Request, Role, StopReason, Task, ToolCall, ToolResultOf, ToolSpec,
};
use secrecy::SecretString;
use serde_json::json;

use crate::setup::{self, backend, call, events, text};
use crate::upstream::{Exchange, Signal, Upstream, openai_chunk, openai_end};

fn conversation() -> Request {
    let call = ToolCall {
        id: "c1".to_owned(),
        name: "read".to_owned(),
        arguments: Arguments::Json(json!({"path": "a"})),
    };
    Request {
        system: "be brief".to_owned(),
        messages: vec![
            Message::user("hello"),
            Message { tool_calls: vec![call], ..Message::assistant("") },
            Message {
                role: Role::Tool,
                result_of: Some(ToolResultOf { id: "c1".to_owned(), name: "read".to_owned() }),
                ..Message::user("text of a")
            },
        ],
        max_tokens: Some(100),
        temperature: Some(0.2),
        stop: vec!["END".to_owned()],
        tools: vec![ToolSpec {
            name: "read".to_owned(),
            description: "reads".to_owned(),
            parameters: json!({"type": "object"}),
        }],
        infill: None,
    }
}

#[tokio::test]
async fn the_openai_dialect_sends_a_chat_completion() {
    let upstream = Upstream::start([Exchange::openai_text(&["Hel", "lo"])]).await;
    let backends = Backends::new();
    let events = events(&backends, call(setup::openai("b", &upstream), conversation())).await;
    assert_eq!(text(&events), "Hello");
    assert!(matches!(events.last(), Some(Event::Done { reason: StopReason::Stop })));
    let request = upstream.request(0).await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(request.headers["accept"], "text/event-stream");
    assert_eq!(request.headers["accept-encoding"], "identity");
    assert!(!request.headers.contains_key("authorization"), "no key, no header");
    assert_eq!(
        request.json(),
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{\"path\":\"a\"}"}}
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "text of a"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 100,
            "temperature": 0.2,
            "stop": ["END"],
            "tools": [{"type": "function", "function":
                {"name": "read", "description": "reads", "parameters": {"type": "object"}}}],
        })
    );
    upstream.finish();
}

#[tokio::test]
async fn the_ollama_dialect_sends_one_honest_window() {
    let upstream = Upstream::start([Exchange::ollama_text(&["Hel", "lo"])]).await;
    upstream.route(
        "/api/show",
        "200 OK",
        r#"{"capabilities":["completion","thinking"],"model_info":{"general.architecture":"x","x.context_length":4096}}"#,
    );
    let mut backend = setup::ollama("ollama", &upstream);
    backend.keep_alive = Some("10m".to_owned());
    let backends = Backends::new();
    assert_eq!(backends.window(&backend, "m", None).await, Some(4096));
    let events = events(&backends, call(backend, conversation())).await;
    assert_eq!(text(&events), "Hello");
    let request = upstream.request(0).await;
    assert_eq!(request.path, "/api/chat");
    assert_eq!(request.headers["accept"], "application/x-ndjson");
    assert_eq!(
        request.json(),
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "read", "arguments": {"path": "a"}}}
                ]},
                {"role": "tool", "content": "text of a", "tool_name": "read", "tool_call_id": "c1"},
            ],
            "stream": true,
            "tools": [{"type": "function", "function":
                {"name": "read", "description": "reads", "parameters": {"type": "object"}}}],
            "think": false,
            "truncate": false,
            "shift": false,
            "keep_alive": "10m",
            "options": {"num_ctx": 4096, "num_predict": 100, "temperature": 0.2, "stop": ["END"]},
        })
    );
    assert_eq!(upstream.lookups().len(), 1, "a model is asked about once");
    assert_eq!(upstream.lookups()[0].json(), json!({"model": "m"}));
    upstream.finish();
}

#[tokio::test]
async fn a_window_that_the_user_set_is_sent_as_it_is_and_a_large_one_is_not_taken_unasked() {
    let upstream =
        Upstream::start([Exchange::ollama_text(&["a"]), Exchange::ollama_text(&["a"])]).await;
    let backends = Backends::new();
    let mut backend = setup::ollama("ollama", &upstream);
    events(&backends, call(backend.clone(), Request::of_user("x"))).await;
    assert_eq!(
        upstream.request(0).await.json()["options"]["num_ctx"],
        8192,
        "of the model's 16384"
    );
    assert!(upstream.request(0).await.json().get("think").is_none(), "it cannot think");
    backend.context_length = Some(32_768);
    events(&backends, call(backend, Request::of_user("x"))).await;
    assert_eq!(upstream.request(1).await.json()["options"]["num_ctx"], 32_768);
    upstream.finish();
}

#[tokio::test]
async fn connections_are_used_again() {
    let script = (0..5).map(|_| Exchange::openai_text(&["a"]));
    let upstream = Upstream::start(script).await;
    let backends = Backends::new();
    for _ in 0..5 {
        let events =
            events(&backends, call(setup::openai("b", &upstream), Request::of_user("x"))).await;
        assert!(matches!(events.last(), Some(Event::Done { .. })));
        // The rest of the answer is read in the background; the pool has the connection soon after.
        tokio::task::yield_now().await;
    }
    assert!(
        upstream.n_connections() < 5,
        "{} connections for 5 requests",
        upstream.n_connections()
    );
    upstream.finish();
}

#[tokio::test]
async fn a_key_and_the_users_headers_go_to_their_own_server() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let mut backend = setup::openai("b", &upstream);
    backend.headers.insert("X-Team".to_owned(), "blue".to_owned());
    let mut call = call(backend, Request::of_user("x"));
    call.key = Some(SecretString::from(" canary-key\n".to_owned()));
    events(&Backends::new(), call).await;
    let request = upstream.request(0).await;
    assert_eq!(request.headers["authorization"], "Bearer canary-key");
    assert_eq!(request.headers["x-team"], "blue");
    upstream.finish();
}

#[tokio::test]
async fn a_redirect_carries_nothing_anywhere() {
    let other = Upstream::start([]).await;
    let head = format!("307 Temporary Redirect\nlocation: {}/v1/chat/completions?k=1", other.url());
    let upstream = Upstream::start([Exchange::head(&head)]).await;
    let error = setup::failure(setup::openai("b", &upstream)).await;
    assert_eq!(error.class.as_str(), "not_json");
    assert_eq!(error.status, Some(307));
    assert_eq!(
        error.message,
        format!(
            "HTTP 307 redirects to {}/v1/chat/completions; redirects are not followed",
            other.url()
        )
    );
    assert_eq!(other.n_connections(), 0);
    upstream.finish();
}

#[tokio::test]
async fn localhost_and_bind_addresses_reach_a_server_on_ipv4_loopback() {
    for host in ["localhost", "0.0.0.0", "LOCALHOST"] {
        let upstream = Upstream::start([Exchange::ollama_text(&["a"])]).await;
        let url = format!("http://{host}:{}", upstream.port());
        let backend = backend("ollama", Dialect::Ollama, Provider::Ollama, &url);
        let events = events(&Backends::new(), call(backend, Request::of_user("x"))).await;
        assert_eq!(text(&events), "a", "{host}");
        upstream.finish();
    }
}

#[tokio::test]
async fn the_gate_remembers_the_exact_bytes_without_the_key() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let mut backend = setup::openai("b", &upstream);
    backend.base_url.set_query(Some("api-version=1"));
    let gate = Gate::new();
    let settings = setup::settings([backend.clone()]);
    let pass = gate.clear(&settings, &backend, "m", Task::Edit, &Origin::default()).unwrap();
    let key = Some(SecretString::from("canary-key".to_owned()));
    let request = Request::of_user("secret plan");
    let call = arawn::backends::Call {
        backend: Arc::new(backend),
        model: "m".to_owned(),
        key,
        request,
        pass,
    };
    events(&Backends::new(), call).await;
    let sent = upstream.request(0).await;
    assert_eq!(sent.path, "/v1/chat/completions?api-version=1");
    let last = gate.last_request().unwrap();
    assert_eq!(last.body, sent.body);
    assert_eq!(last.url, format!("{}/v1/chat/completions", upstream.url()));
    assert_eq!(
        (last.backend.as_str(), last.model.as_str(), last.errand),
        ("b", "m", Task::Edit.into())
    );
    assert!(!format!("{last:?}").contains("canary-key"));
}

#[tokio::test]
async fn what_never_left_is_not_remembered_as_sent() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"]).close()]).await;
    let backend = setup::openai("b", &upstream);
    let backends = Backends::new();
    events(&backends, call(backend.clone(), Request::of_user("x"))).await;
    upstream.stop().await;
    let gate = Gate::new();
    let settings = setup::settings([backend.clone()]);
    let pass = gate.clear(&settings, &backend, "m", Task::Edit, &Origin::default()).unwrap();
    let events =
        events(&backends, arawn::backends::Call { pass, ..call(backend, Request::of_user("x")) })
            .await;
    assert!(
        matches!(events.last(), Some(Event::Failed(error)) if error.class.as_str() == "connect"),
        "{events:?}"
    );
    assert!(gate.last_request().is_none());
}

#[tokio::test]
async fn models_are_listed_with_what_they_can_do() {
    let upstream = Upstream::start([]).await;
    let backends = Backends::new();
    let models = backends.models(&setup::ollama("ollama", &upstream), None).await.unwrap();
    assert_eq!(models.len(), 1);
    assert_eq!((models[0].id.as_str(), models[0].context_length), ("m:latest", Some(16_384)));
    assert_eq!(models[0].abilities, ["completion", "tools", "insert"]);
    upstream.route(
        "/v1/models",
        "200 OK",
        r#"{"data":[{"id":"a","context_window":131072},{"id":"b"}]}"#,
    );
    let backend = setup::openai("b", &upstream);
    let models = backends.models(&backend, None).await.unwrap();
    assert_eq!(
        models.iter().map(|info| info.context_length).collect::<Vec<_>>(),
        [Some(131_072), None]
    );
    assert_eq!(backends.window(&backend, "a", None).await, Some(131_072));
}

#[tokio::test]
async fn text_comes_as_it_is_written_and_the_end_waits_for_no_close() {
    use futures_util::StreamExt;
    let (first, second) = (Signal::default(), Signal::default());
    let exchange =
        Exchange::sse().send(openai_chunk("a")).wait(&first).send(openai_end()).wait(&second);
    let upstream = Upstream::start([exchange]).await;
    let mut events =
        Backends::new().stream(call(setup::openai("b", &upstream), Request::of_user("x")));
    assert!(matches!(events.next().await, Some(Event::Text(text)) if text == "a"));
    first.fire();
    assert!(matches!(events.next().await, Some(Event::Usage(usage)) if usage.input_tokens == 11));
    assert!(matches!(events.next().await, Some(Event::Done { reason: StopReason::Stop })));
    assert!(events.next().await.is_none());
}
