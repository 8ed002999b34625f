//! Every failure of a backend has its status, its code and a next step.

use serde_json::{Value, json};

use crate::document::{check_answer, check_event};
use crate::serve::{Answer, CANARY, Serve, config};
use crate::upstream::{Exchange, Upstream};

async fn failed(exchange: Exchange) -> (Answer, Value) {
    let upstream = Upstream::start([exchange.clone(), exchange]).await;
    let config = config(&[("work", &upstream.url())])
        .replace("model = \"m-work\"\n", "model = \"m-work\"\napi_key = \"$env:CANARY_KEY\"\n");
    let serve = Serve::start(&config).await;
    let answer = serve.chat(&json!({"message": "x"})).await;
    check_answer("post", "/api/v1/chat", &answer);
    assert_eq!(serve.get("/api/v1/sessions").await.json(), json!({"sessions": []}));
    let mut events = serve.stream(&json!({"message": "x"})).await;
    events.session().await;
    let (event, data) = events.rest().await.pop().unwrap();
    assert_eq!(event, "error");
    check_event(&(event, data.clone()));
    assert!(!data.to_string().contains(CANARY));
    // The event says what the status says, and nothing else.
    let mut error = data["error"].clone();
    assert_eq!(error["status"], answer.status);
    error.as_object_mut().unwrap().retain(|key, _| key != "status" && key != "retry_after");
    assert_eq!(error, answer.json()["error"]);
    (answer, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_of_the_backend_become_statuses_of_the_api() {
    let error = |message: &str| json!({"error": {"message": message}}).to_string();
    for (exchange, status, code, class) in [
        (Exchange::json("401 Unauthorized", &error(CANARY)), 401, "unauthorized", "auth"),
        (
            Exchange::json(
                "404 Not Found",
                r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
            ),
            404,
            "not_found",
            "model_not_available",
        ),
        (
            Exchange::json(
                "429 Too Many Requests",
                r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
            ),
            429,
            "quota_exceeded",
            "quota",
        ),
        (
            Exchange::json(
                "400 Bad Request",
                r#"{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#,
            ),
            413,
            "request_too_large",
            "context_overflow",
        ),
        (Exchange::json("400 Bad Request", &error("no")), 502, "backend_error", "bad_request"),
        (
            Exchange::head("200 OK\ncontent-type: text/html").send("<html>hello</html>"),
            502,
            "backend_error",
            "not_json",
        ),
        (Exchange::sse().close(), 502, "backend_error", "truncated"),
    ] {
        let (answer, _) = failed(exchange).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{answer:?}");
        let error = &answer.json()["error"];
        assert_eq!((&error["class"], &error["backend"]), (&json!(class), &json!("work")));
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_says_when_to_come_again() {
    let limited = Exchange::json(
        "429 Too Many Requests\nretry-after: 37",
        r#"{"error":{"message":"slow down"}}"#,
    );
    let (answer, event) = failed(limited).await;
    assert_eq!(answer.error(), (429, "rate_limited".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("37"));
    assert_eq!(event["error"]["retry_after"], 37);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_is_502_and_reads_as_documented() {
    let config = "[backends.ollama]\nbase_url = \"http://127.0.0.1:9\"\nmodel = \"m\"\n";
    let serve = Serve::start(config).await;
    let answer = serve.chat(&json!({"message": "x"})).await;
    assert_eq!(answer.error(), (502, "backend_unavailable".to_owned()));
    let error = &answer.json()["error"];
    assert_eq!(error["message"], "Cannot connect to Ollama at http://127.0.0.1:9");
    assert_eq!(error["checks"][0], "Ollama is running: `ollama list`");
    assert!(error["hint"].as_str().unwrap().starts_with("start it with `ollama serve`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_backend_is_400_and_no_key_is_401() {
    let config = "[backends.groq]\napi_key = \"$env:ABSENT\"\n[privacy]\ncloud = \"allowed\"\n";
    let serve = Serve::start(config).await;
    for (backend, wanted, message) in [
        ("nonesuch", (400, "invalid_request"), "unknown backend \"nonesuch\""),
        ("groq", (401, "unauthorized"), "Environment variable \"ABSENT\" not set"),
        ("openai", (401, "unauthorized"), "Authentication failed for backend \"openai\""),
    ] {
        let body = json!({"message": "x", "backend": backend});
        for path in ["/api/v1/chat", "/api/v1/chat/stream"] {
            let answer = serve.post(path, &body).await.answer().await;
            assert_eq!(answer.error(), (wanted.0, wanted.1.to_owned()), "{answer:?}");
            assert_eq!(answer.json()["error"]["message"], message);
            check_answer("post", path, &answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privacy_rule_is_403() {
    let serve =
        Serve::start("[privacy]\ncloud = \"never\"\n[backends.groq]\napi_key = \"x\"\n").await;
    let answer = serve.chat(&json!({"message": "x", "backend": "groq"})).await;
    assert_eq!(answer.error(), (403, "forbidden".to_owned()));
    assert_eq!(answer.json()["error"]["class"], "refused");
}
