//! Sessions: history, order, deletion, and a switch of backend between turns.

use serde_json::{Value, json};

use crate::document::check_answer;
use crate::serve::{Serve, config};
use crate::upstream::{Exchange, Recorded, Signal, Upstream, openai_chunk, openai_end};

/// Role and text of what was sent, without the system prompt.
fn said(request: &Recorded) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = request.json()["messages"].as_array().cloned().unwrap();
    messages
        .iter()
        .map(|message| (text(&message["role"]), text(&message["content"])))
        .filter(|(role, _)| role != "system" && role != "developer")
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
}

fn id_of(answer: &Value) -> String {
    answer["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_backend_keeps_what_was_said() {
    let first =
        Upstream::start([Exchange::openai_text(&["one"]), Exchange::openai_text(&["three"])]).await;
    let second = Upstream::start([Exchange::ollama_text(&["two"])]).await;
    let config = format!(
        "{}[backends.ollama]\nbase_url = \"{}\"\nmodel = \"o\"\n",
        config(&[("work", &first.url())]),
        second.url()
    );
    let serve = Serve::start(&config).await;
    let id = id_of(&serve.chat(&json!({"message": "a"})).await.json());
    let body = json!({"message": "b", "session_id": id, "backend": "ollama"});
    let mut events = serve.stream(&body).await;
    assert_eq!(events.session().await, id);
    assert_eq!(events.rest().await.last().unwrap().1["backend"], "ollama");
    let third = serve.chat(&json!({"message": "c", "session_id": id})).await.json();
    assert_eq!(id_of(&third), id);
    assert_eq!(
        said(&second.request(0).await),
        pairs(&[("user", "a"), ("assistant", "one"), ("user", "b")])
    );
    let all =
        [("user", "a"), ("assistant", "one"), ("user", "b"), ("assistant", "two"), ("user", "c")];
    assert_eq!(said(&first.request(1).await), pairs(&all));
    let session = serve.get(&format!("/api/v1/sessions/{id}")).await.json();
    assert_eq!((&session["turns"], &session["backend"]), (&json!(3), &json!("work")));
    assert_eq!(session["messages"][3], json!({"role": "assistant", "text": "two"}));
    first.finish();
    second.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_blocks_its_own_session_alone_and_the_next_turn_waits_for_it() {
    let go = Signal::default();
    let slow = Exchange::sse().send(openai_chunk("slow")).wait(&go).send(openai_end());
    let upstream = Upstream::start([slow]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let mut events = serve.stream(&json!({"message": "a"})).await;
    let id = events.session().await;
    assert_eq!(events.text().await, "slow");

    // The same session: the head comes, the backend is not asked yet.
    let mut queued = serve.stream(&json!({"message": "b", "session_id": id})).await;
    assert_eq!(queued.session().await, id);
    assert_eq!(upstream.requests().len(), 1);
    // What was said so far can be read meanwhile.
    let session = serve.get(&format!("/api/v1/sessions/{id}")).await.json();
    assert_eq!(session["messages"], json!([]));

    // Another session does not wait.
    upstream.then(Exchange::openai_text(&["quick"]));
    let other = serve.chat(&json!({"message": "c"})).await.json();
    assert_eq!(other["response"], "quick");

    upstream.then(Exchange::openai_text(&["after"]));
    go.fire();
    assert_eq!(events.rest().await.last().unwrap().0, "done");
    assert_eq!(queued.text().await, "after");
    assert_eq!(
        said(&upstream.request(2).await),
        pairs(&[("user", "a"), ("assistant", "slow"), ("user", "b")])
    );
    assert_eq!(queued.rest().await.last().unwrap().0, "done");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_fails_leaves_the_session_as_it_was() {
    let upstream = Upstream::start([
        Exchange::openai_text(&["one"]),
        Exchange::sse().send(openai_chunk("half")).close(),
        Exchange::openai_text(&["two"]),
    ])
    .await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let id = id_of(&serve.chat(&json!({"message": "a"})).await.json());
    let failed = serve.chat(&json!({"message": "lost", "session_id": id})).await;
    assert_eq!(failed.error(), (502, "backend_error".to_owned()));
    serve.chat(&json!({"message": "b", "session_id": id})).await;
    assert_eq!(
        said(&upstream.request(2).await),
        pairs(&[("user", "a"), ("assistant", "one"), ("user", "b")])
    );
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_shown_and_deleted() {
    let upstream =
        Upstream::start([Exchange::openai_text(&["one"]), Exchange::openai_text(&["two"])]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    assert_eq!(serve.get("/api/v1/sessions").await.json(), json!({"sessions": []}));
    let first = id_of(&serve.chat(&json!({"message": "a"})).await.json());
    let second = id_of(&serve.chat(&json!({"message": "b"})).await.json());
    let listed = serve.get("/api/v1/sessions").await.json();
    let ids: Vec<&Value> =
        listed["sessions"].as_array().unwrap().iter().map(|line| &line["session_id"]).collect();
    assert_eq!(ids, [&json!(second), &json!(first)]);
    let path = format!("/api/v1/sessions/{first}");
    let deleted = serve.delete(&path).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    for answer in [serve.get(&path).await, serve.delete(&path).await] {
        assert_eq!(answer.error(), (404, "not_found".to_owned()));
        check_answer("get", "/api/v1/sessions/{session_id}", &answer);
    }
    let gone = serve.chat(&json!({"message": "c", "session_id": first})).await;
    assert_eq!(gone.error(), (404, "not_found".to_owned()));
    check_answer("post", "/api/v1/chat", &gone);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_session_ends_its_answer() {
    let upstream = Upstream::start([Exchange::sse().send(openai_chunk("half")).stall()]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let mut events = serve.stream(&json!({"message": "a"})).await;
    let id = events.session().await;
    assert_eq!(events.text().await, "half");
    assert_eq!(serve.delete(&format!("/api/v1/sessions/{id}")).await.status, 204);
    let (event, data) = events.next().await.unwrap();
    assert_eq!((event.as_str(), &data["error"]["code"]), ("error", &json!("cancelled")));
    upstream.closed(0).await;
    assert_eq!(serve.get("/api/v1/sessions").await.json(), json!({"sessions": []}));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_answers_at_once_are_refused_and_the_others_go_on() {
    const MOST: usize = 256;
    let go = Signal::default();
    let waiting = Exchange::sse().send(openai_chunk("a")).wait(&go).send(openai_end());
    let upstream = Upstream::start(vec![waiting; MOST]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let mut running = Vec::new();
    for _ in 0..MOST {
        running.push(serve.post("/api/v1/chat", &json!({"message": "x"})).await);
    }
    upstream.request(MOST - 1).await;
    let refused = serve.chat(&json!({"message": "x"})).await;
    assert_eq!(refused.error(), (503, "overloaded".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    check_answer("post", "/api/v1/chat", &refused);
    go.fire();
    for connection in running {
        assert_eq!(connection.answer().await.status, 200);
    }
    upstream.finish();
}
