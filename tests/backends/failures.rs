//! How requests fail: no connection, silence, cuts, refusals, and the user's own cancel.

use std::time::Duration;

use arawn::backends::Backends;
use arawn::config::{Dialect, Provider};
use arawn::model::{ConnectKind, ErrorClass, Event, Request};
use futures_util::StreamExt;
use secrecy::SecretString;
use tokio::io::AsyncWriteExt;

use crate::setup::{self, backend, call, events, failure, text};
use crate::upstream::{Exchange, Upstream, ollama_line, openai_chunk};

#[tokio::test]
async fn nothing_that_listens_is_a_refused_connection() {
    let dead = setup::dead("ollama").await;
    let want = format!("Cannot connect to Ollama at {}", dead.base_url_text);
    let error = failure(dead).await;
    assert_eq!(error.class, ErrorClass::Connect { kind: ConnectKind::Refused });
    assert_eq!(error.to_string(), want);
    assert!(!error.partial);
}

#[tokio::test]
async fn a_host_without_an_address_is_told_apart() {
    let backend =
        backend("b", Dialect::Openai, Provider::Other, "http://no-such-host.invalid/v1?key=x");
    let error = failure(backend).await;
    assert_eq!(error.class, ErrorClass::Connect { kind: ConnectKind::Dns });
    assert_eq!(error.base_url, "http://no-such-host.invalid/v1", "no query in messages");
}

#[tokio::test]
async fn a_server_without_tls_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let serve = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    };
    let error = tokio::select! {
        error = failure(backend("b", Dialect::Openai, Provider::Other, &url)) => error,
        () = serve => unreachable!("it serves until the client is done"),
    };
    assert_eq!(error.class, ErrorClass::Connect { kind: ConnectKind::Tls }, "{error:?}");
}

#[tokio::test]
async fn silence_before_the_first_byte_and_in_the_middle_have_clocks_of_their_own() {
    let script = [
        Exchange::silent().stall(),
        Exchange::sse().stall(),
        Exchange::sse().send(openai_chunk("a")).stall(),
        Exchange::sse().send(openai_chunk("a")).send(": ping\n\n").stall(),
    ];
    let upstream = Upstream::start(script).await;
    let mut backend = setup::openai("b", &upstream);
    backend.clocks.connect = Duration::from_millis(80);
    backend.clocks.first_byte = Duration::from_millis(80);
    backend.clocks.idle = Duration::from_millis(80);
    for (nth, (class, partial)) in [
        ("first_byte_timeout", false),
        ("first_byte_timeout", false),
        ("idle_timeout", true),
        ("idle_timeout", true),
    ]
    .into_iter()
    .enumerate()
    {
        let error = failure(backend.clone()).await;
        assert_eq!((error.class.as_str(), error.partial), (class, partial), "exchange {nth}");
        upstream.closed(nth).await;
    }
    upstream.finish();
}

#[tokio::test]
async fn a_cut_answer_is_never_an_answer() {
    let script = [
        Exchange::sse().send(openai_chunk("a")),
        Exchange::sse().send(openai_chunk("a")).reset(),
        Exchange::sse().send(openai_chunk("a")).close(),
    ];
    let upstream = Upstream::start(script).await;
    for _ in 0..3 {
        let error = failure(setup::openai("b", &upstream)).await;
        assert_eq!((error.class.as_str(), error.partial), ("truncated", true), "{error:?}");
    }
    let silent = Upstream::start([Exchange::silent().close()]).await;
    let error = failure(setup::openai("b", &silent)).await;
    assert_eq!((error.class.as_str(), error.partial), ("truncated", false), "{error:?}");
    let lines = Upstream::start([Exchange::ndjson().send(ollama_line("a"))]).await;
    assert_eq!(failure(setup::ollama("o", &lines)).await.class.as_str(), "truncated");
}

#[tokio::test]
async fn dropping_the_stream_closes_the_socket() {
    let script = [Exchange::sse().send(openai_chunk("a")).stall(), Exchange::silent().stall()];
    let upstream = Upstream::start(script).await;
    let backends = Backends::new();
    let mut events = backends.stream(call(setup::openai("b", &upstream), Request::of_user("x")));
    assert!(matches!(events.next().await, Some(Event::Text(_))));
    drop(events);
    upstream.closed(0).await;
    let mut events = backends.stream(call(setup::openai("b", &upstream), Request::of_user("x")));
    tokio::select! {
        event = events.next() => panic!("{event:?}"),
        _ = upstream.request(1) => {}
    }
    drop(events);
    upstream.closed(1).await;
    upstream.finish();
}

#[tokio::test]
async fn a_server_that_neither_ends_nor_closes_is_not_waited_for() {
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    let upstream = Upstream::start([Exchange::sse().send(finish).stall()]).await;
    let events =
        events(&Backends::new(), call(setup::openai("b", &upstream), Request::of_user("x"))).await;
    assert_eq!(text(&events), "a");
    assert!(matches!(events.last(), Some(Event::Done { .. })), "{events:?}");
}

#[tokio::test]
async fn a_refusal_keeps_the_providers_words_and_loses_the_key() {
    let exchange = Exchange::head("401 Unauthorized\ncontent-type: text/plain\nx-request-id: req_1").send(
        r#"{"error":{"message":"Wrong key canary-key-of-mine\n(or sk-abcdefghijkl)","code":"invalid_api_key"}}"#,
    );
    let upstream = Upstream::start([exchange]).await;
    let mut call = call(setup::openai("b", &upstream), Request::of_user("x"));
    call.key = Some(SecretString::from("canary-key-of-mine".to_owned()));
    let mut events = events(&Backends::new(), call).await;
    let Some(Event::Failed(error)) = events.pop() else { panic!("it failed not") };
    assert_eq!(error.to_string(), "Authentication failed for backend \"b\"");
    assert_eq!(error.message, "Wrong key [key removed] (or [key removed])");
    assert_eq!((error.status, error.request_id.as_deref()), (Some(401), Some("req_1")));
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn what_is_not_the_dialect_is_said_to_be_something_else() {
    let html = "<html>\u{1b}[31m<b>Please sign in</b></html>";
    let script = [
        Exchange::head("200 OK\ncontent-type: text/html").send(html),
        Exchange::head("200 OK").send(html),
        Exchange::head("200 OK"),
        Exchange::head("404 Not Found\ncontent-type: text/plain").send("404 page not found"),
    ];
    let upstream = Upstream::start(script).await;
    for _ in 0..4 {
        let error = failure(setup::openai("b", &upstream)).await;
        assert_eq!(error.class.as_str(), "not_json", "{error:?}");
        assert!(!error.message.contains('\u{1b}'));
        assert_eq!(error.to_string(), format!("What answers at {}/v1 is not b", upstream.url()));
    }
    upstream.finish();
}

#[tokio::test]
async fn a_missing_ollama_model_is_told_by_the_question_about_it() {
    let upstream = Upstream::start([]).await;
    upstream.route("/api/show", "404 Not Found", r#"{"error":"model 'm' not found"}"#);
    let error = failure(setup::ollama("ollama", &upstream)).await;
    assert_eq!(error.to_string(), "Model \"m\" not available");
    upstream.finish();
}

#[tokio::test]
async fn an_endless_error_body_is_read_in_part() {
    let exchange = Exchange::head("500 Internal Server Error").send(vec![b'x'; 200_000]).stall();
    let upstream = Upstream::start([exchange]).await;
    let error = failure(setup::openai("b", &upstream)).await;
    assert_eq!(error.class.as_str(), "server");
    assert!(error.message.chars().count() <= 500);
    upstream.closed(0).await;
}
