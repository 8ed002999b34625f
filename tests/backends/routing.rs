//! Chains, retries, fall back, and what of it the caller learns.

use std::time::Duration;

use arawn::config::{BackendSettings, Chain, CloudPolicy, Link, Place, Provider, TaskSettings};
use arawn::gate::{Origin, Refusal};
use arawn::model::{ErrorClass, Request, StopReason, Task, TooLong};
use arawn::router::{Cause, FellBack, Order, Progress};
use arawn::secrets::KeyReference;

use crate::setup::{answer, dead, ollama, openai, order, router, settings};
use crate::upstream::{Exchange, Upstream, openai_chunk};

fn classes(fell_back: &[FellBack]) -> Vec<(&str, &str)> {
    fell_back
        .iter()
        .map(|fell_back| (fell_back.backend.as_str(), fell_back.class.as_str()))
        .collect()
}

fn model_error(cause: &Cause) -> &arawn::model::ModelError {
    match cause {
        Cause::Model(error) => error,
        other => panic!("{other:?}"),
    }
}

fn of(name: &str, backend: BackendSettings) -> BackendSettings {
    BackendSettings { name: name.into(), ..backend }
}

#[tokio::test]
async fn the_first_backend_that_answers_is_named_with_those_before_it() {
    let upstream = Upstream::start([Exchange::openai_text(&["Hel", "lo"])]).await;
    let dead = dead("ollama").await;
    let address = dead.base_url_text.clone();
    let order = order(settings([dead, openai("second", &upstream)]));
    let (result, seen) = answer(&router(), &order).await;
    let answer = result.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.backend.as_str(), answer.model.as_str()),
        ("Hello", "second", "m")
    );
    assert_eq!((answer.reason, answer.usage.output_tokens), (StopReason::Stop, 7));
    assert_eq!(classes(&answer.fell_back), [("ollama", "connect")]);
    assert_eq!(answer.fell_back[0].message, format!("Cannot connect to Ollama at {address}"));
    assert_eq!(
        seen,
        [
            "asking ollama m",
            "fell back from ollama connect",
            "asking second m",
            "text Hel",
            "text lo"
        ]
    );
    upstream.finish();
}

#[tokio::test]
async fn a_dead_backend_alone_fails_in_one_sentence_and_is_asked_again_each_time() {
    let dead = dead("ollama").await;
    let port = dead.base_url.port().unwrap();
    let order = order(settings([dead]));
    let router = router();
    let (result, _) = answer(&router, &order).await;
    let failure = result.unwrap_err();
    assert_eq!(
        failure.cause.to_string(),
        format!("Cannot connect to Ollama at http://localhost:{port}")
    );
    assert!(failure.fell_back.is_empty());
    let (result, _) = answer(&router, &order).await;
    assert_eq!(
        model_error(&result.unwrap_err().cause).message,
        "Connection refused (os error 111)"
    );
}

#[tokio::test]
async fn a_dead_backend_is_skipped_afterwards_but_not_when_all_others_fail() {
    let script = [
        Exchange::openai_text(&["a"]),
        Exchange::openai_text(&["b"]),
        Exchange::json("400 Bad Request", "{\"error\":\"no\"}"),
        Exchange::json("402 Payment Required", "{\"error\":\"no\"}"),
    ];
    let upstream = Upstream::start(script).await;
    let order = order(settings([dead("ollama").await, openai("second", &upstream)]));
    let router = router();
    answer(&router, &order).await.0.unwrap();
    let (result, seen) = answer(&router, &order).await;
    let second = result.unwrap();
    assert_eq!(classes(&second.fell_back), [("ollama", "connect")]);
    assert!(
        second.fell_back[0].message.ends_with("and was skipped for 30 s"),
        "{:?}",
        second.fell_back
    );
    assert!(!seen.contains(&"asking ollama m".to_owned()), "{seen:?}");
    let (stopped, _) = answer(&router, &order).await;
    assert_eq!(model_error(&stopped.unwrap_err().cause).class.as_str(), "bad_request");
    let (failed, seen) = answer(&router, &order).await;
    let failure = failed.unwrap_err();
    assert_eq!(seen.last().unwrap(), "asking ollama m", "asked after all: {seen:?}");
    assert_eq!(model_error(&failure.cause).class.as_str(), "connect");
    assert_eq!(classes(&failure.fell_back), [("second", "quota")]);
    upstream.finish();
}

#[tokio::test]
async fn classes_that_the_request_is_to_blame_for_stop_the_chain() {
    for (body, class) in [
        ("{\"error\":{\"message\":\"bad\",\"param\":\"stop\"}}", "bad_request"),
        ("{\"error\":\"m does not support tools\"}", "unsupported"),
    ] {
        let first = Upstream::start([Exchange::json("400 Bad Request", body)]).await;
        let second = Upstream::start([]).await;
        let order = order(settings([openai("first", &first), openai("second", &second)]));
        let failure = answer(&router(), &order).await.0.unwrap_err();
        assert_eq!(model_error(&failure.cause).class.as_str(), class);
        first.finish();
        second.finish();
    }
}

#[tokio::test]
async fn other_failures_go_on_and_no_text_of_two_backends_is_joined() {
    let script = [
        Exchange::json("401 Unauthorized", "{\"error\":\"no\"}"),
        Exchange::json("404 Not Found", "{\"error\":\"model 'm' not found\"}"),
        Exchange::json("429 Too Many Requests\nretry-after: 60", "{\"error\":\"slow\"}"),
        Exchange::json("429 Too Many Requests", "{\"error\":{\"code\":\"insufficient_quota\"}}"),
        Exchange::sse().send(openai_chunk("half")),
        Exchange::head("200 OK\ncontent-type: text/html").send("<html>"),
        Exchange::sse().send("data: {\"error\":{\"type\":\"overloaded_error\"}}\n\n"),
        Exchange::openai_text(&["whole"]),
    ];
    let n_backends = script.len();
    let upstream = Upstream::start(script).await;
    let backends = (0..n_backends).map(|at| openai(&format!("b{at}"), &upstream));
    let (result, _) = answer(&router(), &order(settings(backends))).await;
    let answer = result.unwrap();
    assert_eq!(answer.text, "whole");
    let want = [
        "auth",
        "model_not_available",
        "rate_limited",
        "quota",
        "truncated",
        "not_json",
        "overloaded",
    ];
    assert_eq!(
        answer.fell_back.iter().map(|fell_back| fell_back.class.as_str()).collect::<Vec<_>>(),
        want
    );
    upstream.finish();
}

#[tokio::test]
async fn an_answered_refusal_is_tried_again_twice_and_a_cut_answer_never() {
    let busy =
        || Exchange::json("503 Service Unavailable\nretry-after: 0", "{\"error\":\"server busy\"}");
    let limited =
        || Exchange::json("429 Too Many Requests\nretry-after-ms: 1", "{\"error\":\"slow\"}");
    let upstream = Upstream::start([limited(), limited(), Exchange::openai_text(&["a"])]).await;
    let (result, _) = answer(&router(), &order(settings([openai("b", &upstream)]))).await;
    let got = result.unwrap();
    assert_eq!(got.text, "a");
    assert!(got.fell_back.is_empty());
    upstream.finish();

    let upstream = Upstream::start([busy(), busy(), busy()]).await;
    let failure =
        answer(&router(), &order(settings([openai("b", &upstream)]))).await.0.unwrap_err();
    assert_eq!(model_error(&failure.cause).class.as_str(), "overloaded");
    upstream.finish();

    let upstream = Upstream::start([Exchange::sse().send(openai_chunk("half")).reset()]).await;
    let failure =
        answer(&router(), &order(settings([openai("b", &upstream)]))).await.0.unwrap_err();
    assert_eq!(
        (model_error(&failure.cause).class.as_str(), failure.partial_text.as_str()),
        ("truncated", "half")
    );
    upstream.finish();
}

#[tokio::test]
async fn a_timeout_after_sending_is_not_repeated() {
    let upstream = Upstream::start([Exchange::silent().stall()]).await;
    let mut backend = openai("b", &upstream);
    backend.clocks.connect = Duration::from_millis(80);
    backend.clocks.first_byte = Duration::from_millis(80);
    let failure = answer(&router(), &order(settings([backend]))).await.0.unwrap_err();
    assert_eq!(model_error(&failure.cause).class, ErrorClass::FirstByteTimeout);
    upstream.finish();
}

#[tokio::test]
async fn a_malformed_tool_call_is_sampled_once_more_and_then_stops() {
    let failed = || Exchange::json("400 Bad Request", "{\"error\":{\"code\":\"tool_use_failed\"}}");
    let upstream = Upstream::start([failed(), failed()]).await;
    let backends = [openai("b", &upstream), openai("c", &upstream)];
    let failure = answer(&router(), &order(settings(backends))).await.0.unwrap_err();
    assert_eq!(model_error(&failure.cause).class, ErrorClass::ToolUseFailed);
    upstream.finish();
}

#[tokio::test]
async fn too_long_a_prompt_goes_only_to_a_larger_window() {
    let overflow =
        Exchange::json("400 Bad Request", "{\"error\":{\"code\":\"context_length_exceeded\"}}");
    let first = Upstream::start([overflow]).await;
    let small = Upstream::start([]).await;
    let large = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let with_window = |name: &str, upstream: &Upstream, window| BackendSettings {
        context_length: Some(window),
        ..openai(name, upstream)
    };
    let backends = [
        with_window("first", &first, 4096),
        with_window("small", &small, 4096),
        with_window("large", &large, 32_768),
    ];
    let got = answer(&router(), &order(settings(backends))).await.0.unwrap();
    assert_eq!(got.backend.as_str(), "large");
    assert_eq!(classes(&got.fell_back), [("first", "context_overflow")]);
    small.finish();
    large.finish();
}

#[tokio::test]
async fn the_request_is_composed_for_the_window_of_each_backend() {
    let first = Upstream::start([Exchange::json("402 Payment Required", "{}")]).await;
    let second = Upstream::start([Exchange::ollama_text(&["a"])]).await;
    let mut small = openai("first", &first);
    small.context_length = Some(4096);
    let order = order(settings([small, ollama("second", &second)]));
    let compose = |window: usize| Ok(Request::of_user(format!("window {window}")));
    let mut ignore = |_: Progress<'_>| {};
    router().answer(&order, &compose, &mut ignore).await.unwrap();
    assert_eq!(first.request(0).await.json()["messages"][0]["content"], "window 4096");
    assert_eq!(second.request(0).await.json()["messages"][0]["content"], "window 8192");
}

#[tokio::test]
async fn a_chosen_backend_is_asked_alone_with_its_own_model() {
    let upstream =
        Upstream::start([Exchange::openai_text(&["a"]), Exchange::openai_text(&["a"])]).await;
    let mut settings = settings([openai("first", &upstream), openai("second", &upstream)]);
    settings.chain.links[0].model = Some("override".to_owned());
    let mut order = order(settings);
    order.choice.backend = Some("second".into());
    assert_eq!(answer(&router(), &order).await.0.unwrap().model, "m");
    order.choice.backend = None;
    order.choice.no_fallback = true;
    assert_eq!(answer(&router(), &order).await.0.unwrap().model, "override");
    order.choice.model = Some("mine".to_owned());
    upstream.then(Exchange::json("402 Payment Required", "{}"));
    let failure = answer(&router(), &order).await.0.unwrap_err();
    assert_eq!(
        (failure.model.as_deref(), failure.fell_back.len()),
        (Some("mine"), 0),
        "no fall back was wanted"
    );
    order.choice.backend = Some("nobody".into());
    let failure = answer(&router(), &order).await.0.unwrap_err();
    assert_eq!(failure.cause.to_string(), "unknown backend \"nobody\"");
    assert!(
        matches!(failure.cause, Cause::UnknownBackend { known, .. } if known == ["first", "second"])
    );
    upstream.finish();
}

#[tokio::test]
async fn a_task_has_its_own_chain_and_limits() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let mut second = openai("second", &upstream);
    second.max_tokens = Some(4096);
    second.temperature = Some(0.5);
    let mut settings = settings([openai("first", &upstream), second]);
    let links = vec![Link { backend: "second".into(), model: Some("small".to_owned()) }];
    settings
        .tasks
        .insert(Task::Edit, TaskSettings { chain: Chain { links }, max_tokens: Some(64) });
    let got = answer(&router(), &order(settings)).await.0.unwrap();
    assert_eq!((got.backend.as_str(), got.model.as_str()), ("second", "small"));
    let body = upstream.request(0).await.json();
    assert_eq!(
        (&body["model"], &body["max_tokens"], &body["temperature"]),
        (&"small".into(), &64.into(), &0.5.into())
    );
    upstream.finish();
}

#[tokio::test]
async fn a_cloud_service_without_a_key_says_what_to_set() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let mut groq = of("groq", openai("groq", &upstream));
    groq.provider = Provider::Groq;
    groq.place = Place::Cloud;
    let got = answer(&router(), &order(settings([groq.clone(), openai("local", &upstream)])))
        .await
        .0
        .unwrap();
    assert_eq!(classes(&got.fell_back), [("groq", "auth")]);
    let failure = answer(&router(), &order(settings([groq]))).await.0.unwrap_err();
    let error = model_error(&failure.cause);
    assert_eq!(error.to_string(), "Authentication failed for backend \"groq\"");
    assert!(
        error.message.contains("GROQ_API_KEY")
            && error.message.contains("arawn secret set groq_api_key")
    );
    upstream.finish();
}

#[tokio::test]
async fn a_key_that_cannot_be_had_is_told_and_the_next_backend_is_asked() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let mut keyed = openai("keyed", &upstream);
    keyed.api_key = Some(KeyReference::Env("ARAWN_TEST_NOT_SET".to_owned()));
    let order_of = |backends: Vec<BackendSettings>| order(settings(backends));
    let both = order_of(vec![keyed.clone(), openai("local", &upstream)]);
    let got = answer(&router(), &both).await.0.unwrap();
    assert_eq!(classes(&got.fell_back), [("keyed", "auth")]);
    let message = "Environment variable \"ARAWN_TEST_NOT_SET\" not set";
    assert_eq!(got.fell_back[0].message, message);
    let failure = answer(&router(), &order_of(vec![keyed])).await.0.unwrap_err();
    assert!(matches!(&failure.cause, Cause::Secret(error) if error.to_string() == message));
    upstream.finish();
}

#[tokio::test]
async fn a_key_is_fetched_once_and_again_after_a_401() {
    let refused = || Exchange::json("401 Unauthorized", "{\"error\":\"no\"}");
    let script = [
        Exchange::openai_text(&["a"]),
        Exchange::openai_text(&["b"]),
        refused(),
        Exchange::openai_text(&["c"]),
        refused(),
    ];
    let upstream = Upstream::start(script).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let write = |key: &str| {
        std::fs::write(&file, key).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    };
    write("old\n");
    let mut backend = openai("b", &upstream);
    backend.api_key = Some(KeyReference::File(file.clone()));
    let (router, order) = (router(), order(settings([backend])));
    answer(&router, &order).await.0.unwrap();
    write("new\n");
    answer(&router, &order).await.0.unwrap();
    assert_eq!(answer(&router, &order).await.0.unwrap().text, "c");
    let failure = answer(&router, &order).await.0.unwrap_err();
    assert_eq!(
        model_error(&failure.cause).class,
        ErrorClass::Auth,
        "the same key is not sent again"
    );
    let keys: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.headers["authorization"].clone())
        .collect();
    assert_eq!(keys, ["Bearer old", "Bearer old", "Bearer old", "Bearer new", "Bearer new"]);
    upstream.finish();
}

#[tokio::test]
async fn a_prompt_that_fits_no_window_is_not_sent() {
    let upstream = Upstream::start([]).await;
    let order = order(settings([openai("b", &upstream)]));
    let compose = |_: usize| Err(TooLong { tokens: 9999 });
    let failure = router().answer(&order, &compose, &mut |_| {}).await.unwrap_err();
    assert_eq!(model_error(&failure.cause).class, ErrorClass::ContextOverflow);
    assert_eq!(model_error(&failure.cause).message, "about 9999 tokens, and it reads 8192");
    upstream.finish();
}

#[tokio::test]
async fn what_must_not_leave_is_not_sent_and_the_reason_is_told() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let mut cloud = openai("cloud", &upstream);
    cloud.place = Place::Cloud;
    let mut settings_of = settings([cloud.clone(), openai("local", &upstream)]);
    settings_of.privacy.cloud = CloudPolicy::Never;
    let got = answer(&router(), &order(settings_of)).await.0.unwrap();
    assert_eq!(
        (got.backend.as_str(), classes(&got.fell_back)),
        ("local", vec![("cloud", "refused")])
    );

    let mut settings_of = settings([cloud]);
    settings_of.privacy.cloud = CloudPolicy::Never;
    let failure = answer(&router(), &order(settings_of)).await.0.unwrap_err();
    assert!(matches!(failure.cause, Cause::Refused(Refusal::CloudForbidden { .. })));

    let folder = tempfile::tempdir().unwrap();
    let origin = Origin { files: vec![folder.path().join(".env")], workspace: Vec::new() };
    let order = Order {
        origin,
        ..order(settings([openai("local", &upstream), openai("other", &upstream)]))
    };
    let failure = answer(&router(), &order).await.0.unwrap_err();
    assert!(matches!(failure.cause, Cause::Refused(Refusal::FileExcluded { .. })));
    assert!(failure.fell_back.is_empty());
    assert_eq!(upstream.n_connections(), 1, "nothing was even asked");
    upstream.finish();
}

#[tokio::test]
async fn dropping_the_answer_closes_the_socket() {
    let upstream = Upstream::start([Exchange::sse().send(openai_chunk("a")).stall()]).await;
    let order = order(settings([openai("b", &upstream)]));
    let router = router();
    {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let mut watch = move |progress: Progress<'_>| {
            if matches!(progress, Progress::Text(_)) {
                sender.send(()).unwrap();
            }
        };
        let answer = router.answer(&order, &|_| Ok(Request::of_user("x")), &mut watch);
        tokio::select! {
            result = answer => panic!("{result:?}"),
            _ = receiver.recv() => {}
        }
    }
    upstream.closed(0).await;
    upstream.finish();
}

/// Groq's refusal of a request that is larger than a whole minute's share.
fn too_large(limit: u32, requested: u32) -> Exchange {
    let message = format!(
        "Request too large for model `m` in organization `org_1` service tier `on_demand` on tokens per minute \
         (TPM): Limit {limit}, Requested {requested}, please reduce your message size and try again."
    );
    let body = serde_json::json!({"error": {"message": message, "type": "tokens", "code": "rate_limit_exceeded"}});
    Exchange::json("413 Payload Too Large", &body.to_string())
}

#[tokio::test]
async fn a_request_above_the_share_of_a_minute_is_made_smaller_once_and_that_is_said() {
    let upstream =
        Upstream::start([too_large(6000, 7100), Exchange::openai_text(&["short"])]).await;
    let mut backend = openai("groq", &upstream);
    backend.max_tokens = Some(4096);
    let (result, _) = answer(&router(), &order(settings([backend]))).await;
    let answer = result.unwrap();
    assert_eq!(answer.text, "short");
    assert_eq!(
        answer.remarks,
        [
            "backend \"groq\" takes no larger request a minute: the answer was limited to 2996 tokens instead of 4096"
        ]
    );
    assert_eq!(upstream.request(0).await.json()["max_tokens"], 4096);
    assert_eq!(upstream.request(1).await.json()["max_tokens"], 2996);
    upstream.finish();
}

#[tokio::test]
async fn a_request_that_stays_too_large_is_not_made_smaller_for_ever() {
    let upstream = Upstream::start([too_large(6000, 7100), too_large(4000, 6000)]).await;
    let mut backend = openai("groq", &upstream);
    backend.max_tokens = Some(4096);
    let (result, _) = answer(&router(), &order(settings([backend]))).await;
    assert_eq!(result.unwrap_err().cause.class(), "request_exceeds_rate_limit");
    upstream.finish();
}

#[tokio::test]
async fn a_malformed_tool_call_is_sampled_once_more_and_a_full_service_is_asked_again() {
    let failed = || {
        let body = r#"{"error":{"message":"Failed to call a function.","type":"invalid_request_error",
            "code":"tool_use_failed","failed_generation":"<function=x>"}}"#;
        Exchange::json("400 Bad Request", body)
    };
    let full = r#"{"error":{"message":"capacity","code":"capacity_exceeded"}}"#;
    let upstream =
        Upstream::start([failed(), Exchange::openai_text(&["a"]), failed(), failed()]).await;
    let router = router();
    let order = order(settings([openai("groq", &upstream)]));
    assert_eq!(answer(&router, &order).await.0.unwrap().text, "a");
    assert_eq!(answer(&router, &order).await.0.unwrap_err().cause.class(), "tool_use_failed");
    upstream.then(Exchange::json("498 Capacity Exceeded", full));
    upstream.then(Exchange::openai_text(&["b"]));
    assert_eq!(answer(&router, &order).await.0.unwrap().text, "b");
    upstream.finish();
}
