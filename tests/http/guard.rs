//! Who may call: no web page, nobody by another name, nobody without the token.

use crate::document::check_answer;
use crate::serve::{CANARY, Serve, config};
use crate::upstream::{Exchange, Upstream};

const JSON: &str = "Content-Type: application/json\r\n";
const HELLO: &str = "{\"message\":\"x\"}";

/// A server that no request may get behind: its backend takes no call at all.
async fn server() -> (Serve, Upstream) {
    let upstream = Upstream::start([]).await;
    (Serve::start(&config(&[("work", &upstream.url())])).await, upstream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_an_attackers_dns_points_here_is_refused() {
    let (serve, upstream) = server().await;
    let port = serve.port;
    for host in [
        format!("evil.example.org:{port}"),
        "evil.example.org".to_owned(),
        "localhost".to_owned(),
        format!("localhost:{}", port ^ 1),
        format!("localhost.evil.example.org:{port}"),
        format!("127.0.0.1:{port}.evil.example.org"),
        format!("0.0.0.0:{port}"),
        String::new(),
    ] {
        for (method, path) in
            [("POST", "/api/v1/chat"), ("GET", "/api/v1/sessions"), ("GET", "/health")]
        {
            let headers = format!("Host: {host}\r\n{JSON}");
            let answer = serve.request(method, path, &headers, HELLO).await.answer().await;
            assert_eq!(answer.error(), (403, "forbidden".to_owned()), "{host} {path}");
            check_answer(&method.to_lowercase(), path, &answer);
        }
    }
    for two in [format!("Host: localhost:{port}\r\nHost: evil.example.org\r\n")] {
        let connection = serve.request("GET", "/health", &two, "").await;
        let status = connection.answer().await.status;
        assert!(status == 403 || status == 400, "{status}");
    }
    let none = serve.send("GET /health HTTP/1.0\r\n\r\n").await.answer().await;
    assert_eq!(none.status, 403);
    let absolute =
        format!("GET http://evil.example.org/health HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    assert_eq!(serve.send(&absolute).await.answer().await.status, 403);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_names_are_welcome() {
    let (serve, _upstream) = server().await;
    let port = serve.port;
    for name in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        let headers = format!("Host: {name}:{port}\r\nOrigin: http://{name}:{port}\r\n");
        let answer = serve.request("GET", "/health", &headers, "").await.answer().await;
        assert_eq!(answer.status, 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_refused_and_gets_no_cors_header() {
    let (serve, upstream) = server().await;
    let port = serve.port;
    for origin in [
        "https://evil.example.org".to_owned(),
        "null".to_owned(),
        format!("https://localhost:{port}"),
        "http://localhost:3000".to_owned(),
        "http://localhost".to_owned(),
        format!("http://localhost:{port}/"),
        format!("http://localhost:{port}.evil.example.org"),
        "file://".to_owned(),
        "vscode-webview://abc".to_owned(),
        String::new(),
    ] {
        for method in ["POST", "OPTIONS", "GET", "DELETE"] {
            let headers = format!("Origin: {origin}\r\n{JSON}");
            let answer =
                serve.request(method, "/api/v1/chat", &headers, HELLO).await.answer().await;
            assert_eq!(answer.error(), (403, "forbidden".to_owned()), "{origin}");
        }
    }
    let preflight = serve.request("OPTIONS", "/api/v1/chat", "", "").await.answer().await;
    assert_eq!(preflight.error(), (405, "method_not_allowed".to_owned()));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_can_send_is_refused() {
    let (serve, upstream) = server().await;
    for content_type in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=application/json\r\n",
        "Content-Type: application/jsonp\r\n",
        "Content-Type: text/plain; application/json\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    ] {
        for path in ["/api/v1/chat", "/api/v1/chat/stream"] {
            let answer = serve.request("POST", path, content_type, HELLO).await.answer().await;
            let wanted = (415, "unsupported_media_type".to_owned());
            assert_eq!(answer.error(), wanted, "{content_type}");
            check_answer("post", path, &answer);
        }
    }
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_charset_may_be_said() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let serve = Serve::start(&config(&[("work", &upstream.url())])).await;
    let headers = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let answer = serve.request("POST", "/api/v1/chat", headers, HELLO).await.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_refused_before_it_is_read() {
    let (serve, upstream) = server().await;
    let head = format!(
        "POST /api/v1/chat HTTP/1.1\r\nHost: localhost:{}\r\n{JSON}Content-Length: 1000000000\r\n\r\n",
        serve.port
    );
    let answer = serve.send(&head).await.answer().await;
    assert_eq!(answer.error(), (413, "request_too_large".to_owned()));
    check_answer("post", "/api/v1/chat", &answer);
    let head = head.replace("Content-Length: 1000000000", "Transfer-Encoding: chunked");
    let endless = format!("{head}100000\r\n{0}\r\n100000\r\n{0}\r\n1\r\nx", "x".repeat(1 << 20));
    let answer = serve.send(&endless).await.answer().await;
    assert_eq!(answer.error(), (413, "request_too_large".to_owned()));
    assert_eq!(serve.get("/health").await.status, 200);
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_what_is_expected_are_named() {
    let (serve, upstream) = server().await;
    let deep = "[".repeat(100_000);
    for body in ["", "{", "[]", "null", "{}", r#"{"message":5}"#, r#"{"message":"  "}"#, &deep] {
        for path in ["/api/v1/chat", "/api/v1/chat/stream"] {
            let answer = serve.request("POST", path, JSON, body).await.answer().await;
            assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{answer:?}");
            check_answer("post", path, &answer);
        }
    }
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_asked_for_everywhere_but_at_the_door() {
    let upstream = Upstream::start([Exchange::openai_text(&["a"])]).await;
    let token =
        format!("[server]\ntoken = \"$env:CANARY_KEY\"\n{}", config(&[("work", &upstream.url())]));
    let serve = Serve::start(&token).await;
    assert_eq!(serve.get("/health").await.status, 200);
    let wrong = format!("{}x", &CANARY[..CANARY.len() - 1]);
    for authorization in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Bearer {wrong}\r\n"),
        format!("Authorization: Basic {CANARY}\r\n"),
        format!("Authorization: {CANARY}\r\n"),
        format!("Authorization: Bearer {wrong}\r\nAuthorization: Bearer {CANARY}\r\n"),
    ] {
        for (method, path) in [
            ("POST", "/api/v1/chat"),
            ("POST", "/api/v1/chat/stream"),
            ("GET", "/api/v1/sessions"),
            ("GET", "/api/v1/openapi.json"),
        ] {
            let headers = format!("{authorization}{JSON}");
            let answer = serve.request(method, path, &headers, HELLO).await.answer().await;
            assert_eq!(answer.error(), (401, "unauthorized".to_owned()), "{authorization}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            check_answer(&method.to_lowercase(), path, &answer);
        }
    }
    let headers = format!("Authorization: bearer {CANARY}\r\n{JSON}");
    let answer = serve.request("POST", "/api/v1/chat", &headers, HELLO).await.answer().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_errors_of_the_same_form() {
    let (serve, _upstream) = server().await;
    assert_eq!(serve.get("/nothing").await.error(), (404, "not_found".to_owned()));
    assert_eq!(serve.get("/api/v1/chat").await.error(), (405, "method_not_allowed".to_owned()));
}
