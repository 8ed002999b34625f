//! The routes, and what each answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Value, json};

use super::State;
use super::error::ApiError;
use super::guard::guard;
use super::sessions::Session;
use super::stream;
use super::turn::Turn;
use super::wire::{ChatAnswer, ChatRequest};

/// Every route, as method and path.
pub const ROUTES: [(&str, &str); 7] = [
    ("get", "/health"),
    ("post", "/api/v1/chat"),
    ("post", "/api/v1/chat/stream"),
    ("get", "/api/v1/sessions"),
    ("get", "/api/v1/sessions/{session_id}"),
    ("delete", "/api/v1/sessions/{session_id}"),
    ("get", "/api/v1/openapi.json"),
];

/// Largest body; a message of that size fits no model's window.
const MAX_BODY: usize = 2 << 20;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

type SharedState = Shared<Arc<State>>;

/// The application.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/api/v1/chat", post(chat))
        .route("/api/v1/chat/stream", post(chat_stream))
        .route("/api/v1/sessions", get(list_sessions))
        .route("/api/v1/sessions/{session_id}", get(show_session).delete(delete_session))
        .route("/api/v1/openapi.json", get(show_openapi))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state.clone(), guard))
        .with_state(state)
}

/// The `OpenAPI` document of the API.
///
/// # Panics
///
/// Never: the document is part of the program, and a test reads it.
pub fn openapi() -> Value {
    let mut document: Value = serde_json::from_str(include_str!("openapi.json"))
        .expect("the document is part of the program, and a test reads it");
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document
}

async fn health() -> Response {
    answer(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

async fn show_openapi() -> Response {
    answer(&openapi())
}

async fn chat(Shared(state): SharedState, request: Request) -> Result<Response, ApiError> {
    let (session, turn) = begin(&state, request).await?;
    let said = turn.end().await?;
    state.sessions.keep(&session);
    Ok(answer(&ChatAnswer::whole(&session.id, &said)))
}

async fn chat_stream(Shared(state): SharedState, request: Request) -> Result<Response, ApiError> {
    let (session, turn) = begin(&state, request).await?;
    stream::respond(&state, &session, turn).await
}

async fn list_sessions(Shared(state): SharedState) -> Response {
    answer(&json!({"sessions": state.sessions.list()}))
}

async fn show_session(
    Shared(state): SharedState,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let session = state.sessions.open(&id).ok_or_else(no_such_session)?;
    Ok(answer(&session.details()))
}

async fn delete_session(
    Shared(state): SharedState,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    if state.sessions.delete(&id) {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(no_such_session())
    }
}

async fn no_such_path() -> ApiError {
    ApiError::not_found("there is no such path", "see /api/v1/openapi.json for those there are")
}

async fn no_such_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take that method",
        "see /api/v1/openapi.json",
    )
}

/// Reads what is asked, and starts the turn.
async fn begin(state: &Arc<State>, request: Request) -> Result<(Arc<Session>, Turn), ApiError> {
    let request = read(request).await?;
    let session = match request.session_id() {
        Some(id) => state.sessions.open(id).ok_or_else(no_such_session)?,
        None => state.sessions.fresh().ok_or_else(no_random_numbers)?,
    };
    let turn = Turn::start(state, &session, request)?;
    Ok((session, turn))
}

async fn read(request: Request) -> Result<ChatRequest, ApiError> {
    // Said beforehand to be too large: not a byte of it is waited for.
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let body = tokio::time::timeout(BODY_TIME, Bytes::from_request(request, &())).await;
    let body = body
        .map_err(|_| {
            let message = "the body did not arrive in time";
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "invalid_request", message, "send it whole")
        })?
        .map_err(|rejection| unreadable(&rejection))?;
    let request: ChatRequest = serde_json::from_slice(&body).map_err(|error| {
        let hint = "send an object such as {\"message\": \"Hello\"}";
        ApiError::invalid(format!("the body is not what is expected: {error}"), hint)
    })?;
    if request.message.trim().is_empty() {
        return Err(ApiError::invalid("`message` is empty", "write the question into `message`"));
    }
    Ok(request)
}

fn unreadable(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    ApiError::invalid("the body could not be read", "send it whole")
}

fn too_large() -> ApiError {
    let message = format!("the body is larger than {} MiB", MAX_BODY >> 20);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message, "send less")
}

fn no_such_session() -> ApiError {
    ApiError::not_found(
        "there is no such session",
        "leave out `session_id` to begin a new one; sessions end with the server, and old ones are forgotten",
    )
}

fn no_random_numbers() -> ApiError {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    ApiError::new(status, "internal_error", "the system gives no random numbers", "try again")
}

fn answer(value: &impl Serialize) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    match serde_json::to_vec(value) {
        Ok(body) => (json, body).into_response(),
        Err(error) => {
            tracing::error!("an answer could not be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
