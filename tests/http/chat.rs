//! Whole answers, and what may be chosen for them.

use serde_json::json;

use crate::serve::{Serve, config};
use crate::upstream::{Exchange, Upstream, ollama_line, openai_chunk, openai_end};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_who_gave_it_and_what_it_cost() {
    let upstream = Upstream::start([Exchange::openai_text(&["Hel", "lo ", "wörld"])]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let answer = serve.chat(&json!({"message": "say hello"})).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let mut body = answer.json();
    let session_id = body["session_id"].take();
    assert_eq!(session_id.as_str().unwrap().len(), 32);
    assert_eq!(
        body,
        json!({"session_id": null, "response": "Hello wörld", "reason": "stop", "tool_calls": [],
        "usage": {"input_tokens": 11, "output_tokens": 7}, "backend": "work", "model": "m-work", "fell_back": [], "remarks": []})
    );
    let sent = upstream.request(0).await.json();
    assert_eq!(sent["messages"].as_array().unwrap().last().unwrap()["content"], "say hello");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_cut_at_the_output_limit_says_so() {
    let end = openai_end().replace("\"stop\"", "\"length\"");
    let cut = Exchange::sse().send(openai_chunk("hel")).send(end);
    let upstream = Upstream::start([cut]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let answer = serve.chat(&json!({"message": "say hello"})).await.json();
    assert_eq!((&answer["response"], &answer["reason"]), (&json!("hel"), &json!("length")));
    let remarks = ["the answer was cut at the output limit; raise `max_tokens` in your config"];
    assert_eq!(answer["remarks"], json!(remarks));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_chooses_backend_and_model() {
    let first = Upstream::start([Exchange::openai_text(&["one"])]).await;
    let second =
        Upstream::start([Exchange::openai_text(&["two"]), Exchange::openai_text(&["three"])]).await;
    let serve = Serve::start(&config(&[("first", &first.url()), ("second", &second.url())])).await;
    let answer = serve.chat(&json!({"message": "x", "model": "big"})).await.json();
    assert_eq!((&answer["backend"], &answer["model"]), (&json!("first"), &json!("big")));
    let answer = serve.chat(&json!({"message": "x", "backend": "second"})).await.json();
    assert_eq!((&answer["backend"], &answer["model"]), (&json!("second"), &json!("m-second")));
    let both = json!({"message": "x", "backend": "second", "model": "small"});
    let answer = serve.chat(&both).await.json();
    assert_eq!((&answer["backend"], &answer["model"]), (&json!("second"), &json!("small")));
    first.finish();
    second.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_choose_for_requests_that_choose_nothing() {
    let upstream = Upstream::start([Exchange::openai_text(&["one"])]).await;
    let dead = "http://127.0.0.1:9";
    let serve = Serve::start_with(
        &config(&[("dead", dead), ("work", &upstream.url())]),
        &["--backend", "work"],
    )
    .await;
    let answer = serve.chat(&json!({"message": "x"})).await.json();
    assert_eq!((&answer["backend"], &answer["fell_back"]), (&json!("work"), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fall_back_is_told_and_texts_are_not_glued() {
    let first =
        Upstream::start([Exchange::ndjson().send(ollama_line("the first half")).reset()]).await;
    let second = Upstream::start([Exchange::openai_text(&["a whole answer"])]).await;
    let config = format!(
        "{}[backends.ollama]\nbase_url = \"{}\"\n",
        config(&[("ollama", "http://x"), ("work", &second.url())])
            .replace("[backends.ollama]\ndialect = \"openai\"\nbase_url = \"http://x/v1\"\nmodel = \"m-ollama\"\n", ""),
        first.url()
    );
    let serve = Serve::start(&config).await;
    let answer = serve.chat(&json!({"message": "x"})).await.json();
    assert_eq!(answer["response"], "a whole answer");
    assert_eq!(answer["fell_back"][0]["backend"], "ollama");
    first.finish();
    second.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn tool_calls_that_come_are_reported_with_arguments_or_raw() {
    let call = |index: u8, arguments: &str| {
        let arguments = json!(arguments);
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\
             \"type\":\"function\",\"function\":{{\"name\":\"look\",\"arguments\":{arguments}}}}}]}}}}]}}\n\n"
        )
    };
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
    let exchange =
        Exchange::sse().send(call(0, "{\"path\":\"a\"}")).send(call(1, "{\"pa")).send(end);
    let upstream = Upstream::start([exchange]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let answer = serve.chat(&json!({"message": "x"})).await.json();
    assert_eq!(answer["reason"], "tool_calls");
    assert_eq!(
        answer["tool_calls"],
        json!([{"id": "c0", "name": "look", "arguments": {"path": "a"}},
               {"id": "c1", "name": "look", "arguments": null, "arguments_raw": "{\"pa"}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_own_rules_go_with_every_message_and_a_projects_do_not() {
    let upstream = Upstream::start([Exchange::openai_text(&["one"])]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    serve.write("config/arawn/AGENTS.md", "Answer in one sentence.");
    serve.write("work/AGENTS.md", "Of the project.");
    assert_eq!(serve.chat(&json!({"message": "x"})).await.status, 200);
    let sent = upstream.request(0).await.json()["messages"].to_string();
    assert!(
        sent.contains("Answer in one sentence.") && !sent.contains("Of the project."),
        "{sent}"
    );
    upstream.finish();
}
