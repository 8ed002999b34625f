//! Stands before every route: who may call, from where, and with what.
//!
//! A server on loopback can be reached by every web page that the user opens: by a plain form, and by a name that
//! an attacker's DNS points at 127.0.0.1. So the `Host` must be ours, the `Origin` absent or ours, and the body
//! of a type that a form cannot send. No answer carries a CORS header.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::State;
use super::error::ApiError;

/// Lets a request through to its route, or answers it.
pub(super) async fn guard(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let since = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match check(&state, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    harden(response.headers_mut());
    let status = response.status().as_u16();
    tracing::info!(%method, path, status, "answered after {:?}", since.elapsed());
    response
}

/// What keeps browsers from making more of an answer than JSON.
fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn check(state: &State, request: &Request) -> Result<(), ApiError> {
    let port = state.port.get().copied().unwrap_or_default();
    let headers = request.headers();
    check_host(request, port)?;
    check_origin(headers, port)?;
    // Whether the server is there may be asked by everyone on this machine.
    if request.uri().path() != "/health" {
        check_token(state, headers)?;
    }
    if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        check_content_type(headers)?;
    }
    Ok(())
}

fn check_host(request: &Request, port: u16) -> Result<(), ApiError> {
    let named = request.uri().authority().is_none_or(|authority| is_ours(authority.as_str(), port));
    match only(request.headers(), &header::HOST) {
        Some(Ok(host)) if named && is_ours(host, port) => Ok(()),
        _ => Err(forbidden(
            "this server does not answer to that `Host`",
            format!("call http://127.0.0.1:{port} or http://localhost:{port}"),
        )),
    }
}

fn check_origin(headers: &HeaderMap, port: u16) -> Result<(), ApiError> {
    let is_ours = |origin: &str| {
        origin.strip_prefix("http://").is_some_and(|authority| is_ours(authority, port))
    };
    match only(headers, &header::ORIGIN) {
        None => Ok(()),
        Some(Ok(origin)) if is_ours(origin) => Ok(()),
        Some(_) => Err(forbidden(
            "web pages of other origins may not call this server",
            "call it from a program, without an `Origin` header",
        )),
    }
}

/// Whether `host:port` is one of our own names, exactly.
fn is_ours(authority: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        let rest = match authority.get(..name.len()) {
            Some(start) if start.eq_ignore_ascii_case(name) => &authority[name.len()..],
            _ => return false,
        };
        rest.strip_prefix(':').is_some_and(|digits| digits == port.to_string())
            || (rest.is_empty() && port == 80)
    })
}

fn check_token(state: &State, headers: &HeaderMap) -> Result<(), ApiError> {
    let token = state.token.read().unwrap_or_else(PoisonError::into_inner);
    let Some(token) = token.as_ref() else { return Ok(()) };
    let shown = match only(headers, &header::AUTHORIZATION) {
        Some(Ok(value)) => value.split_once(' '),
        _ => None,
    };
    match shown {
        Some((scheme, shown))
            if scheme.eq_ignore_ascii_case("bearer") && token.is(shown.trim()) =>
        {
            Ok(())
        }
        _ => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the token is missing or wrong",
            "send `Authorization: Bearer TOKEN` with the token that `[server] token` names",
        )),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_json = |value: &str| {
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    };
    match only(headers, &header::CONTENT_TYPE) {
        Some(Ok(value)) if is_json(value) => Ok(()),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be JSON",
            "send `Content-Type: application/json`",
        )),
    }
}

/// The value of a header; an error where it is there twice or is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Result<&'a str, ()>> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    Some(if values.next().is_some() { Err(()) } else { value.to_str().map_err(drop) })
}

fn forbidden(message: impl Into<String>, hint: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", message, hint)
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_our_own_names_with_our_own_port_are_ours() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"] {
            assert!(is_ours(host, 8080), "{host}");
        }
        for host in [
            "",
            "localhost",
            "localhost:80",
            "localhost:08080",
            "localhost:8080.evil.org",
            "localhost.evil.org:8080",
            "evil.org:8080",
            "127.0.0.1.nip.io:8080",
            "127.0.0.2:8080",
            "0.0.0.0:8080",
            "a@localhost:8080",
            "localhost:8080/",
            "localhos\u{74}\u{307}:8080",
        ] {
            assert!(!is_ours(host, 8080), "{host}");
        }
        assert!(is_ours("localhost", 80) && is_ours("localhost:80", 80));
    }
}
