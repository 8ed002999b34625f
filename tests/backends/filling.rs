//! Filling in the middle: what is sent to whom, and how an answer that is the text itself is read.

use arawn::backends::Backends;
use arawn::config::{BackendSettings, Dialect, Engine, Provider};
use arawn::gate::Gate;
use arawn::model::{ErrorClass, Event, GapEdge, Infill, Request, StopReason, Usage};
use arawn::router::{Answer, Failure, Order, Router};
use serde_json::json;

use crate::setup::{self, call, events, order, settings, text};
use crate::upstream::{Exchange, Upstream, generate_end, generate_line, infill_chunk, infill_end};

const LLAMA_CPP: &str = r#"{"object":"list","data":[{"id":"m","object":"model","owned_by":"llamacpp","meta":{"n_ctx":4096}}]}"#;
const NOT_SUPPORTED: &str = r#"{"error":{"code":501,"message":"Infill is not supported by this model: prefix token is missing. suffix token is missing. middle token is missing. ","type":"not_supported_error"}}"#;

/// A request with a gap in it.
fn gap() -> Request {
    let (before, after) = ("fn f() {\n    ", "\n}\n");
    let edge = Some(GapEdge::of(before, after));
    let infill = Infill { before: before.into(), after: after.into(), edge, max_tokens: 512 };
    Request { infill: Some(infill), ..Request::of_user("go on") }
}

async fn llama_cpp(script: impl IntoIterator<Item = Exchange>) -> (Upstream, BackendSettings) {
    let upstream = Upstream::start(script).await;
    upstream.route("/v1/models", "200 OK", LLAMA_CPP);
    let backend = setup::openai("b", &upstream);
    (upstream, backend)
}

async fn asked(router: &Router, order: &Order) -> Result<Answer, Box<Failure>> {
    router.answer(order, &|_| Ok(gap()), &mut |_| {}).await
}

#[tokio::test]
async fn llama_cpp_is_sent_the_text_around_the_gap_at_its_root_and_no_messages() {
    let (upstream, backend) = llama_cpp([Exchange::infill_text(&["let x", " = 1;"])]).await;
    let events = events(&Backends::new(), call(backend, gap())).await;
    assert_eq!(text(&events), "let x = 1;");
    assert!(matches!(events.last(), Some(Event::Done { reason: StopReason::Stop })));
    let usage = events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    });
    let cached_input_tokens = Some(4);
    let told =
        Usage { input_tokens: 11, output_tokens: 7, cached_input_tokens, reasoning_tokens: None };
    assert_eq!(usage, Some(told));
    let request = upstream.request(0).await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/infill"));
    assert_eq!(request.headers["accept"], "text/event-stream");
    assert_eq!(
        request.json(),
        json!({
            "model": "m",
            "input_prefix": "fn f() {\n    ",
            "input_suffix": "\n}\n",
            "n_predict": 512,
            "temperature": 0.2,
            "stream": true,
            "cache_prompt": true,
            "stop": ["\n}\n"],
        })
    );
    upstream.finish();
}

#[tokio::test]
async fn the_servers_root_may_lie_below_a_path() {
    let upstream = Upstream::start([Exchange::infill_text(&["x"])]).await;
    upstream.route("/coder/v1/models", "200 OK", LLAMA_CPP);
    let url = format!("{}/coder/v1", upstream.url());
    let backend = setup::backend("b", Dialect::Openai, Provider::Other, &url);
    events(&Backends::new(), call(backend, gap())).await;
    assert_eq!(upstream.request(0).await.path, "/coder/infill");
    upstream.finish();
}

#[tokio::test]
async fn what_the_user_set_goes_along_and_the_key_too() {
    let (upstream, backend) = llama_cpp([Exchange::infill_text(&["x"])]).await;
    let request = Request { max_tokens: Some(64), temperature: Some(0.7), ..gap() };
    let key = Some(secrecy::SecretString::from("k1"));
    let call = arawn::backends::Call { key, ..call(backend, request) };
    events(&Backends::new(), call).await;
    let request = upstream.request(0).await;
    assert_eq!(
        (request.json()["n_predict"].clone(), request.json()["temperature"].clone()),
        (64.into(), 0.7.into())
    );
    assert_eq!(request.headers["authorization"], "Bearer k1");
    upstream.finish();
}

#[tokio::test]
async fn ollama_is_sent_a_suffix_where_its_model_has_a_place_for_one() {
    let upstream = Upstream::start([Exchange::generate_text(&["let x", " = 1;"])]).await;
    let events = events(&Backends::new(), call(setup::ollama("o", &upstream), gap())).await;
    assert_eq!(text(&events), "let x = 1;");
    let request = upstream.request(0).await;
    assert_eq!(request.path, "/api/generate");
    assert_eq!(
        request.json(),
        json!({
            "model": "m",
            "prompt": "fn f() {\n    ",
            "suffix": "\n}\n",
            "stream": true,
            "truncate": false,
            "shift": false,
            "options": {
                "num_ctx": 8192,
                "num_predict": 512,
                "temperature": 0.2,
                "stop": ["\n}\n", "<EOT>", "<|endoftext|>", "<|file_sep|>", "<|fim_pad|>", "<|fim_prefix|>"],
            },
        })
    );
    upstream.finish();
}

#[tokio::test]
async fn ollama_is_never_sent_an_empty_suffix_which_it_would_take_for_none() {
    let upstream = Upstream::start([Exchange::generate_text(&["x"])]).await;
    let mut request = gap();
    request.infill.as_mut().unwrap().after = String::new();
    events(&Backends::new(), call(setup::ollama("o", &upstream), request)).await;
    assert_eq!(upstream.request(0).await.json()["suffix"], "\n");
    upstream.finish();
}

#[tokio::test]
async fn a_mark_that_stands_in_the_text_itself_does_not_stop_ollama() {
    for (before, after) in [("ends = [\"<EOT>\", ", "]\n"), ("ends = [", ", \"<EOT>\"]\n")] {
        let upstream = Upstream::start([Exchange::generate_text(&["x"])]).await;
        let mut request = gap();
        let infill = request.infill.as_mut().unwrap();
        (infill.before, infill.after, infill.edge) = (before.into(), after.into(), None);
        events(&Backends::new(), call(setup::ollama("o", &upstream), request)).await;
        let stops = upstream.request(0).await.json()["options"]["stop"].clone();
        let known = ["<|endoftext|>", "<|file_sep|>", "<|fim_pad|>", "<|fim_prefix|>"];
        assert_eq!(stops, json!(known), "{before:?} {after:?}");
        upstream.finish();
    }
}

#[tokio::test]
async fn whoever_cannot_fill_in_is_sent_the_messages() {
    let upstream = Upstream::start([
        Exchange::openai_text(&["a"]),
        Exchange::anthropic_text(&["a"]),
        Exchange::ollama_text(&["a"]),
    ])
    .await;
    let chat = r#"{"capabilities":["completion"],"model_info":{}}"#;
    upstream.route("/api/show", "200 OK", chat);
    let paths = ["/v1/chat/completions", "/v1/messages", "/api/chat"];
    let backends = [
        setup::openai("b", &upstream),
        setup::anthropic("b", &upstream),
        setup::ollama("b", &upstream),
    ];
    for (nth, backend) in backends.into_iter().enumerate() {
        let answer = asked(&setup::router(), &order(settings([backend]))).await.unwrap();
        assert!(!answer.is_filling);
        let request = upstream.request(nth).await;
        assert_eq!(request.path, paths[nth]);
        assert!(request.json().get("messages").is_some());
    }
    upstream.finish();
}

#[tokio::test]
async fn a_model_that_refuses_is_asked_by_messages_at_once_and_from_then_on() {
    let (upstream, backend) = llama_cpp([
        Exchange::json("501 Not Implemented", NOT_SUPPORTED),
        Exchange::openai_text(&["```\na\n```"]),
        Exchange::openai_text(&["```\nb\n```"]),
    ])
    .await;
    let gate = std::sync::Arc::new(Gate::new());
    let router = Router::new(std::sync::Arc::new(Backends::new()), gate.clone());
    let order = order(settings([backend]));
    let answer = asked(&router, &order).await.unwrap();
    assert!(!answer.is_filling);
    assert_eq!((answer.text.as_str(), answer.usage.input_tokens), ("```\na\n```", 11));
    assert_eq!((answer.fell_back.len(), answer.remarks.len()), (0, 0), "nobody need know");
    assert_eq!(gate.last_request().unwrap().body, upstream.request(1).await.body);
    asked(&router, &order).await.unwrap();
    let paths: Vec<String> = upstream.requests().iter().map(|it| it.path.clone()).collect();
    assert_eq!(paths, ["/infill", "/v1/chat/completions", "/v1/chat/completions"]);
    upstream.finish();
}

#[tokio::test]
async fn a_gateway_without_the_path_is_asked_by_messages() {
    let not_found = r#"{"error":{"message":"File Not Found","type":"not_found_error","code":404}}"#;
    let (upstream, backend) =
        llama_cpp([Exchange::json("404 Not Found", not_found), Exchange::openai_text(&["a"])])
            .await;
    let answer = asked(&setup::router(), &order(settings([backend]))).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.is_filling), ("a", false));
    upstream.finish();
}

#[tokio::test]
async fn the_last_request_shows_the_bytes_of_the_filling() {
    let (upstream, backend) = llama_cpp([Exchange::infill_text(&["x"])]).await;
    let gate = std::sync::Arc::new(Gate::new());
    let router = Router::new(std::sync::Arc::new(Backends::new()), gate.clone());
    assert!(asked(&router, &order(settings([backend]))).await.unwrap().is_filling);
    let last = gate.last_request().unwrap();
    assert!(last.url.ends_with("/infill"), "{}", last.url);
    assert_eq!(last.body, upstream.request(0).await.body);
    upstream.finish();
}

#[tokio::test]
async fn a_filling_without_its_end_sign_is_truncated_and_not_asked_for_again_in_words() {
    let cut = Exchange::sse().send(infill_chunk("let x"));
    let (upstream, backend) = llama_cpp([cut]).await;
    let failure = asked(&setup::router(), &order(settings([backend]))).await.unwrap_err();
    assert_eq!(failure.cause.class(), ErrorClass::Truncated.as_str());
    assert_eq!(failure.partial_text, "let x");
    upstream.finish();
    let cut = Exchange::ndjson().send(generate_line("let x"));
    let upstream = Upstream::start([cut]).await;
    let order = order(settings([setup::ollama("o", &upstream)]));
    let failure = asked(&setup::router(), &order).await.unwrap_err();
    assert_eq!(failure.cause.class(), ErrorClass::Truncated.as_str());
    upstream.finish();
}

#[tokio::test]
async fn a_cut_at_any_byte_is_never_an_answer_and_any_chunking_is_the_same_one() {
    let bodies = [
        (true, infill_chunk("é\n ") + &infill_chunk("x") + &infill_end("eos")),
        (false, generate_line("é\n ") + &generate_line("x") + &generate_end("stop")),
    ];
    for (is_llama_cpp, body) in bodies {
        let end = body.trim_end().len();
        for at in 0..body.len() {
            let head = if is_llama_cpp { Exchange::sse() } else { Exchange::ndjson() };
            let (front, back) = body.as_bytes().split_at(at);
            let cut = head.clone().send(front).close();
            let (upstream, backend) = if is_llama_cpp {
                llama_cpp([cut, head.send(front).send(back)]).await
            } else {
                let upstream = Upstream::start([cut, head.send(front).send(back)]).await;
                let backend = setup::ollama("o", &upstream);
                (upstream, backend)
            };
            let backends = Backends::new();
            let ends = events(&backends, call(backend.clone(), gap())).await;
            let is_done = matches!(ends.last(), Some(Event::Done { .. }));
            assert_eq!(is_done, at >= end, "cut at {at} of {end}: {ends:?}");
            let whole = events(&backends, call(backend, gap())).await;
            assert_eq!(text(&whole), "é\n x", "in two at {at}");
            assert!(matches!(whole.last(), Some(Event::Done { .. })), "in two at {at}");
            upstream.finish();
        }
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_filling_is_a_failure() {
    let broken = Exchange::sse()
        .send(infill_chunk("x"))
        .send("error: {\"code\":500,\"message\":\"out of memory\",\"type\":\"server_error\"}\n\n");
    let (upstream, backend) = llama_cpp([broken]).await;
    let failure = asked(&setup::router(), &order(settings([backend]))).await.unwrap_err();
    assert!(failure.cause.to_string().contains("failed"), "{}", failure.cause);
    upstream.finish();
}

#[tokio::test]
async fn dropping_a_filling_closes_its_socket() {
    use futures_util::StreamExt as _;
    let (upstream, backend) = llama_cpp([Exchange::sse().send(infill_chunk("x")).stall()]).await;
    let mut stream = Backends::new().stream(call(backend, gap()));
    assert!(matches!(stream.next().await, Some(Event::Text(_))));
    drop(stream);
    upstream.closed(0).await;
}

#[tokio::test]
async fn who_goes_on_past_the_gap_is_cut_short() {
    let endless = Exchange::sse().send(infill_chunk("let x = 1;\n}\n")).stall();
    let (upstream, backend) = llama_cpp([endless]).await;
    let events = events(&Backends::new(), call(backend, gap())).await;
    assert!(matches!(events.last(), Some(Event::Done { reason: StopReason::Stop })));
    upstream.closed(0).await;
}

#[tokio::test]
async fn the_local_engine_is_known_beforehand_by_its_models_file() {
    for (fills_in, path) in [(true, "/infill"), (false, "/v1/chat/completions")] {
        let answer =
            if fills_in { Exchange::infill_text(&["x"]) } else { Exchange::openai_text(&["x"]) };
        let upstream = Upstream::start([answer]).await;
        let mut backend = setup::openai("local", &upstream);
        backend.engine = Some(Engine::Awake { socket: None, fills_in });
        let backends = Backends::new();
        assert_eq!(backends.fills_in(&backend, "m", None).await, fills_in);
        events(&backends, call(backend, gap())).await;
        assert_eq!(upstream.request(0).await.path, path);
        upstream.finish();
    }
}
