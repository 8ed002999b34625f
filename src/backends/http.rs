//! The only place that sends HTTP: connections, clocks, keys, and the failures of all three.
//!
//! A prompt is sent with a [`Pass`] of the gate and not otherwise; a key goes to the origin of its own
//! backend and nowhere else; no redirect is followed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};
use url::{Host, Url};

use super::classify::{self, Refused};
use super::fault::Fault;
use super::{Lookup, Path, Prompt, connect, wait};
use crate::config::{BackendSettings, Dialect, Engine};
use crate::gate::Pass;
use crate::model::{ConnectKind, ErrorClass};

/// The version of Anthropic's API that is spoken; the later one refuses more and offers nothing needed here.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// Anthropic's own header for keys.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Most bytes read of an error's body.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Most bytes read of a list of models.
const MAX_LOOKUP_BODY: usize = 16 * 1024 * 1024;
/// Patience with questions about models: they are answered out of memory or not at all.
const LOOKUP_LIMIT: Duration = Duration::from_secs(3);
/// Patience between two lines of a pull: checking a large file tells nothing for minutes.
const PULL_IDLE: Duration = Duration::from_mins(10);
/// How long the rest of a finished answer is read, so that its connection can be used again.
const DRAIN_LIMIT: Duration = Duration::from_millis(250);

/// The clients, made when first needed and kept with their connections.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<HashMap<(Net, Duration), Client>>,
}

/// Which way a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Net {
    /// A Unix socket of this machine; whatever the address says.
    Socket(PathBuf),
    /// Nowhere: the local engine was not started.
    Nowhere,
    /// This machine, without TLS: no proxy, and no certificates are loaded.
    Loopback,
    /// This machine with TLS: no proxy.
    LoopbackTls,
    /// Anywhere else: the system's proxy settings and certificates.
    Remote,
}

/// Where a backend is and with which key it may be addressed.
#[derive(Debug)]
pub(super) struct Endpoint<'a> {
    backend: &'a BackendSettings,
    base: Url,
    net: Net,
    key: Option<&'a SecretString>,
}

impl<'a> Endpoint<'a> {
    /// The endpoint of a backend.
    pub(super) fn new(backend: &'a BackendSettings, key: Option<&'a SecretString>) -> Self {
        let mut base = backend.base_url.clone();
        let is_loopback = match base.host() {
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
            Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
            None => false,
        };
        // A bind address such as 0.0.0.0 names every interface; whoever listens there listens on loopback.
        let dialed = match base.host() {
            Some(Host::Ipv4(address)) if address.is_unspecified() => {
                Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
            }
            Some(Host::Ipv6(address)) if address.is_unspecified() => {
                Some(IpAddr::V6(Ipv6Addr::LOCALHOST))
            }
            _ => None,
        };
        if let Some(address) = dialed {
            // An address of the same kind cannot be refused for this URL.
            let _ = base.set_ip_host(address);
        }
        let net = match (&backend.engine, is_loopback, base.scheme()) {
            (Some(Engine::Asleep(_)), ..) => Net::Nowhere,
            (Some(Engine::Awake { socket: Some(path), .. }), ..) => Net::Socket(path.clone()),
            (_, true, "http") => Net::Loopback,
            (_, true, _) => Net::LoopbackTls,
            (_, false, _) => Net::Remote,
        };
        Self { backend, base, net, key }
    }

    /// Address of a path below the base; a query of the base stays.
    fn url(&self, path: &str) -> Url {
        self.below(self.base.path(), path)
    }

    /// Address that a prompt goes to.
    fn prompt_url(&self, path: Path) -> Url {
        match path {
            Path::Base(path) => self.url(path),
            Path::Root(path) => {
                let base = self.base.path().trim_end_matches('/');
                self.below(base.strip_suffix("/v1").unwrap_or(base), path)
            }
        }
    }

    fn below(&self, base: &str, path: &str) -> Url {
        let mut url = self.base.clone();
        let joined = format!("{}/{path}", base.trim_end_matches('/'));
        url.set_path(&joined);
        url.set_fragment(None);
        url
    }

    /// Adds the key and the user's own headers. Only requests to this endpoint's origin get them.
    fn authorize(&self, url: &Url, request: RequestBuilder) -> Result<RequestBuilder, Fault> {
        if url.origin() != self.base.origin() {
            return Ok(request);
        }
        let mut headers = HeaderMap::new();
        let is_anthropic = self.backend.dialect == Dialect::Anthropic;
        if is_anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
        }
        if let Some(key) =
            self.key.map(ExposeSecret::expose_secret).map(str::trim).filter(|key| !key.is_empty())
        {
            let (name, text) = if is_anthropic {
                (X_API_KEY, key.to_owned())
            } else {
                (AUTHORIZATION, format!("Bearer {key}"))
            };
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                Fault::new(ErrorClass::Auth, "the key holds characters that cannot be sent")
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        for (name, value) in &self.backend.headers {
            let parsed =
                HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
            let Some((name, value)) = parsed else {
                let class = ErrorClass::BadRequest { setting: Some(format!("headers.{name}")) };
                return Err(Fault::new(class, "it is not a valid HTTP header"));
            };
            headers.insert(name, value);
        }
        Ok(request.headers(headers))
    }
}

/// The body of an answer that began well.
#[derive(Debug)]
pub(super) struct Body {
    response: Response,
    status: u16,
    request_id: Option<String>,
    first_byte_by: Instant,
    idle: Duration,
    received: bool,
    ended: bool,
}

/// What came of waiting for a piece of a body.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The proper end.
    End,
    /// The connection broke.
    Broken(String),
    /// Nothing came in time.
    Late(ErrorClass),
}

impl Http {
    /// Sends a prompt, remembers it with the gate, and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        endpoint: &Endpoint<'_>,
        pass: Pass,
        prompt: Prompt,
    ) -> Result<Body, Fault> {
        let url = endpoint.prompt_url(prompt.path);
        let client = self.client(endpoint).await?;
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, prompt.accept)
            .header(ACCEPT_ENCODING, "identity");
        let request = endpoint.authorize(&url, request)?;
        let recorded = pass.record(shown(&url), &prompt.body);
        let clocks = endpoint.backend.clocks;
        // Connecting has a clock of its own inside; this one must not be the shorter of the two.
        let first_byte_by = Instant::now() + clocks.first_byte.max(clocks.connect);
        let Ok(sent) = timeout_at(first_byte_by, request.body(prompt.body).send()).await else {
            let message = format!("no answer within {} s", clocks.first_byte.as_secs_f64());
            return Err(Fault::new(ErrorClass::FirstByteTimeout, message));
        };
        let response = match sent.map_err(|error| of_send(&error)) {
            Ok(response) => response,
            Err(fault) => {
                if matches!(fault.class, ErrorClass::Connect { .. }) {
                    recorded.take_back();
                }
                return Err(fault);
            }
        };
        let body = Body {
            status: response.status().as_u16(),
            request_id: request_id(response.headers()),
            response,
            first_byte_by,
            idle: clocks.idle,
            received: false,
            ended: false,
        };
        body.accepted().await
    }

    /// Has Ollama fetch a model. Nothing of the user's is in such a request but the model's name.
    pub(super) async fn pull(&self, endpoint: &Endpoint<'_>, model: &str) -> Result<Body, Fault> {
        let url = endpoint.url("api/pull");
        let client = self.client(endpoint).await?;
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/x-ndjson")
            .body(serde_json::json!({"model": model, "stream": true}).to_string());
        let clocks = endpoint.backend.clocks;
        let first_byte_by = Instant::now() + clocks.first_byte.max(clocks.connect);
        let sent = timeout_at(first_byte_by, endpoint.authorize(&url, request)?.send()).await;
        let response = sent
            .map_err(|_| Fault::new(ErrorClass::FirstByteTimeout, "no answer in time"))?
            .map_err(|error| of_send(&error))?;
        let body = Body {
            status: response.status().as_u16(),
            request_id: request_id(response.headers()),
            response,
            first_byte_by,
            idle: clocks.idle.max(PULL_IDLE),
            received: false,
            ended: false,
        };
        body.accepted().await
    }

    /// Asks a server about its models. Nothing of the user's is in such a request.
    pub(super) async fn look_up(
        &self,
        endpoint: &Endpoint<'_>,
        lookup: &Lookup,
    ) -> Result<serde_json::Value, Fault> {
        let client = self.client(endpoint).await?;
        let request = match lookup {
            Lookup::Get(path) => {
                let url = endpoint.url(path);
                endpoint.authorize(&url, client.get(url.clone()))?
            }
            Lookup::Page { path, after } => {
                let mut url = endpoint.url(path);
                url.query_pairs_mut().append_pair("limit", "1000");
                if let Some(after) = after {
                    url.query_pairs_mut().append_pair("after_id", after);
                }
                endpoint.authorize(&url, client.get(url.clone()))?
            }
            Lookup::Model { path, id } => {
                let mut url = endpoint.url(path);
                // Refused only by URLs that have no path, and those have no host either.
                if let Ok(mut segments) = url.path_segments_mut() {
                    segments.push(id);
                }
                endpoint.authorize(&url, client.get(url.clone()))?
            }
            Lookup::Show(model) => {
                let url = endpoint.url("api/show");
                let body = serde_json::json!({"model": model}).to_string();
                endpoint
                    .authorize(
                        &url,
                        client.post(url.clone()).header(CONTENT_TYPE, "application/json"),
                    )?
                    .body(body)
            }
        };
        let late =
            || Fault::new(ErrorClass::FirstByteTimeout, "no answer about its models in time");
        let clocks = endpoint.backend.clocks;
        let by = Instant::now() + clocks.connect + LOOKUP_LIMIT.min(clocks.first_byte);
        let response = timeout_at(by, request.header(ACCEPT, "application/json").send())
            .await
            .map_err(|_| late())?;
        let response = response.map_err(|error| of_send(&error))?;
        let mut body = Body {
            status: response.status().as_u16(),
            request_id: request_id(response.headers()),
            response,
            first_byte_by: by,
            idle: LOOKUP_LIMIT,
            received: false,
            ended: false,
        };
        body = body.accepted().await?;
        let bytes = body.read_up_to(MAX_LOOKUP_BODY).await;
        serde_json::from_slice(&bytes).map_err(|_| {
            let quoted = super::words::quote(&bytes, None);
            Fault {
                status: Some(body.status),
                ..Fault::new(ErrorClass::NotJson, format!("not JSON: {quoted}"))
            }
        })
    }

    async fn client(&self, endpoint: &Endpoint<'_>) -> Result<Client, Fault> {
        let key = (endpoint.net.clone(), endpoint.backend.clocks.connect);
        if let Some(client) = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
        {
            return Ok(client.clone());
        }
        let built = match endpoint.net {
            Net::Loopback | Net::Socket(_) => build(&key.0, key.1),
            Net::Nowhere => {
                let class = ErrorClass::Connect { kind: ConnectKind::Refused };
                return Err(Fault::new(class, "the local engine does not run"));
            }
            // Reading the system's certificates takes milliseconds of blocking file access.
            Net::LoopbackTls | Net::Remote => {
                let (net, connect) = key.clone();
                tokio::task::spawn_blocking(move || build(&net, connect)).await.map_err(
                    |error| {
                        Fault::new(
                            ErrorClass::Connect { kind: ConnectKind::Tls },
                            error.to_string(),
                        )
                    },
                )?
            }
        };
        let client = built.map_err(|error| {
            Fault::new(ErrorClass::Connect { kind: ConnectKind::Tls }, root_of(&error).to_string())
        })?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        // Every start of the local engine has a socket of its own.
        clients.retain(|(net, _), _| !matches!(net, Net::Socket(path) if !path.exists()));
        Ok(clients.entry(key).or_insert(client).clone())
    }
}

fn build(net: &Net, connect: Duration) -> Result<Client, reqwest::Error> {
    // Fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("arawn/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(90));
    let localhost = [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    ];
    match net {
        // Both addresses are tried, whatever the hosts file says. No roots: loading them costs more than
        // all the rest of the start, and plain HTTP needs none.
        Net::Loopback => builder
            .no_proxy()
            .http1_only()
            .tls_certs_only([])
            .resolve_to_addrs("localhost", &localhost)
            .build(),
        #[cfg(unix)]
        Net::Socket(path) => {
            builder.no_proxy().http1_only().tls_certs_only([]).unix_socket(path.as_path()).build()
        }
        Net::LoopbackTls => builder.no_proxy().resolve_to_addrs("localhost", &localhost).build(),
        #[cfg(not(unix))]
        Net::Socket(_) => builder.build(),
        // Nothing is built for `Nowhere`.
        Net::Remote | Net::Nowhere => builder.build(),
    }
}

impl Body {
    /// HTTP status of the answer.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The provider's request id.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Waits for the next bytes, under the clock that applies.
    pub(super) async fn next(&mut self) -> Piece {
        let by = if self.received { Instant::now() + self.idle } else { self.first_byte_by };
        loop {
            let Ok(read) = timeout_at(by, self.response.chunk()).await else {
                let class = if self.received {
                    ErrorClass::IdleTimeout
                } else {
                    ErrorClass::FirstByteTimeout
                };
                return Piece::Late(class);
            };
            match read {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => {
                    self.received = true;
                    return Piece::Bytes(bytes.into());
                }
                Ok(None) => {
                    self.ended = true;
                    return Piece::End;
                }
                Err(error) => {
                    return Piece::Broken(format!("the connection broke: {}", root_of(&error)));
                }
            }
        }
    }

    /// Reads what is left of a finished answer in the background, so that its connection is used again.
    ///
    /// The work is over when this is called: nothing is left that a cancellation could stop.
    pub(super) fn release(mut self) {
        if !self.ended {
            tokio::spawn(timeout(DRAIN_LIMIT, async move {
                while let Ok(Some(_)) = self.response.chunk().await {}
            }));
        }
    }

    /// This body, if the status is a success and something like a stream; else the failure it tells of.
    async fn accepted(mut self) -> Result<Self, Fault> {
        let headers = self.response.headers();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if (300..400).contains(&self.status) {
            let target =
                header("location").and_then(|location| self.response.url().join(location).ok());
            let target = target.map(|url| format!(" to {}", shown(&url))).unwrap_or_default();
            let message =
                format!("HTTP {} redirects{target}; redirects are not followed", self.status);
            return Err(self.fault(ErrorClass::NotJson, message));
        }
        if (200..300).contains(&self.status) {
            let kind = header("content-type").unwrap_or_default().to_ascii_lowercase();
            if kind.starts_with("text/html") {
                let bytes = self.read_up_to(4096).await;
                let quoted = super::words::quote(&bytes, None);
                return Err(self
                    .fault(ErrorClass::NotJson, format!("it answered with a web page: {quoted}")));
            }
            return Ok(self);
        }
        let wait =
            wait::from_headers(header("retry-after-ms"), header("retry-after"), SystemTime::now());
        let bytes = self.read_up_to(MAX_ERROR_BODY).await;
        let request_id = self.request_id.take();
        Err(classify::of_answer(Refused { status: self.status, wait, request_id, body: &bytes }))
    }

    fn fault(&self, class: ErrorClass, message: String) -> Fault {
        Fault { class, message, status: Some(self.status), request_id: self.request_id.clone() }
    }

    /// The first part of the body, as far as it comes in time.
    async fn read_up_to(&mut self, max: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let limit = self.idle.min(LOOKUP_LIMIT);
        let _ = timeout(limit, async {
            while bytes.len() < max
                && let Ok(Some(chunk)) = self.response.chunk().await
            {
                let room = max - bytes.len();
                bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
        })
        .await;
        bytes
    }
}

/// A URL without user, query and fragment, for people.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs without a host refuse this, and those have no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id", "cf-ray"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(|id| id.chars().filter(char::is_ascii_graphic).take(128).collect())
}

/// The failure of a request that got no answer.
fn of_send(error: &reqwest::Error) -> Fault {
    let root = root_of(error);
    if error.is_connect() {
        let kind = if error.is_timeout() { ConnectKind::Timeout } else { connect::kind(error) };
        return Fault::new(ErrorClass::Connect { kind }, root.to_string());
    }
    if error.is_timeout() {
        return Fault::new(ErrorClass::FirstByteTimeout, root.to_string());
    }
    if error.is_builder() {
        return Fault::new(
            ErrorClass::BadRequest { setting: Some("base_url".to_owned()) },
            root.to_string(),
        );
    }
    Fault::new(
        ErrorClass::Truncated,
        format!("the connection was closed before an answer came: {root}"),
    )
}

/// The innermost cause: the outer ones repeat the URL, which may hold a query.
fn root_of(error: &reqwest::Error) -> &(dyn std::error::Error + 'static) {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
