//! Server-sent events: their order, restarts, and callers that go away.

use serde_json::json;

use crate::document::check_event;
use crate::serve::{Serve, config};
use crate::upstream::{Exchange, Signal, Upstream, openai_chunk, openai_end};

#[tokio::test(flavor = "multi_thread")]
async fn pieces_come_as_the_model_writes_them_in_order_and_then_the_end() {
    let go = Signal::default();
    let exchange = Exchange::sse()
        .send(openai_chunk("line\nbreak \u{1b}[31m "))
        .wait(&go)
        .send(openai_chunk("event: done\n\n"))
        .send(openai_chunk("wörld 🦀"))
        .send(openai_end());
    let upstream = Upstream::start([exchange]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let mut events = serve.stream(&json!({"message": "x"})).await;
    let id = events.session().await;
    // The first piece is here before the backend has written the second.
    assert_eq!(events.text().await, "line\nbreak \u{1b}[31m ");
    go.fire();
    assert_eq!(events.text().await, "event: done\n\n");
    assert_eq!(events.text().await, "wörld 🦀");
    let end = events.next().await.unwrap();
    check_event(&end);
    assert_eq!(
        end,
        (
            "done".to_owned(),
            json!({"session_id": id, "reason": "stop", "tool_calls": [], "usage": {"input_tokens": 11, "output_tokens": 7},
            "backend": "work", "model": "m-work", "fell_back": [], "remarks": []})
        )
    );
    assert!(events.next().await.is_none());
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_dies_in_the_middle_is_followed_by_a_visible_restart() {
    let first = Upstream::start([Exchange::sse()
        .send(openai_chunk("the first "))
        .send(openai_chunk("half"))
        .reset()])
    .await;
    let second = Upstream::start([Exchange::openai_text(&["a whole ", "answer"])]).await;
    let serve = Serve::start(&config(&[("first", &first.url()), ("second", &second.url())])).await;
    let mut events = serve.stream(&json!({"message": "x"})).await;
    let id = events.session().await;
    let all = events.rest().await;
    all.iter().for_each(check_event);
    let names: Vec<&str> = all.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(names, ["text", "text", "restart", "text", "text", "done"]);
    let restart = &all[2].1;
    assert_eq!(
        (&restart["backend"], &restart["model"], &restart["gave_up"]["backend"]),
        (&json!("second"), &json!("m-second"), &json!("first"))
    );
    assert_eq!(all[3].1["text"], "a whole ");
    assert_eq!(all[5].1["fell_back"][0]["backend"], "first");
    let session = serve.get(&format!("/api/v1/sessions/{id}")).await.json();
    assert_eq!(session["messages"][1]["text"], "a whole answer");
    first.finish();
    second.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_dies_before_its_first_word_is_followed_without_a_restart() {
    let first = Upstream::start([Exchange::sse().reset()]).await;
    let second = Upstream::start([Exchange::openai_text(&["an answer"])]).await;
    let serve = Serve::start(&config(&[("first", &first.url()), ("second", &second.url())])).await;
    let mut events = serve.stream(&json!({"message": "x"})).await;
    events.session().await;
    assert_eq!(events.text().await, "an answer");
    assert_eq!(events.next().await.unwrap().1["fell_back"][0]["backend"], "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_no_backend_ends_ends_with_an_error() {
    let first = Upstream::start([Exchange::sse().send(openai_chunk("half")).close()]).await;
    let serve = Serve::start(&config(&[("first", &first.url())])).await;
    let mut events = serve.stream(&json!({"message": "x"})).await;
    events.session().await;
    assert_eq!(events.text().await, "half");
    let end = events.next().await.unwrap();
    check_event(&end);
    let error = &end.1["error"];
    assert_eq!(end.0, "error");
    assert_eq!((&error["code"], &error["status"]), (&json!("backend_error"), &json!(502)));
    assert_eq!(error["class"], "truncated");
    assert!(events.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_a_backend_is_asked_has_its_own_status() {
    let serve = Serve::start(&config(&[("dead", "http://127.0.0.1:9")])).await;
    let body = json!({"message": "x", "backend": "nonesuch"});
    let answer = serve.post("/api/v1/chat/stream", &body).await.answer().await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    // No session was begun that nobody knows of.
    assert_eq!(serve.get("/api/v1/sessions").await.json(), json!({"sessions": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_closes_the_upstream_and_frees_the_session() {
    let upstream = Upstream::start([
        Exchange::openai_text(&["one"]),
        Exchange::sse().send(openai_chunk("half")).stall(),
        Exchange::sse().stall(),
        Exchange::openai_text(&["two"]),
    ])
    .await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let id = serve.chat(&json!({"message": "a"})).await.json()["session_id"].clone();
    let body = json!({"message": "b", "session_id": id});

    let mut events = serve.stream(&body).await;
    events.session().await;
    assert_eq!(events.text().await, "half");
    drop(events);
    upstream.closed(1).await;

    let whole = serve.post("/api/v1/chat", &body).await;
    upstream.request(2).await;
    drop(whole);
    upstream.closed(2).await;

    let answer = serve.chat(&body).await.json();
    assert_eq!(answer["response"], "two");
    upstream.finish();
}
