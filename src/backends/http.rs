//! The only place that sends HTTP: connections, requests, and the failures of both.
//!
//! A prompt is sent with a [`Pass`] of the gate and not otherwise; no redirect is followed. Where requests go,
//! and with which key, is settled by [`Endpoint`]; answers are read by [`Body`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::body::{Body, LOOKUP_LIMIT};
use super::endpoint::{Endpoint, Header, Net, shown};
use super::fault::Fault;
use super::{Lookup, Prompt, connect, words};
use crate::gate::Pass;
use crate::model::{ConnectKind, ErrorClass};

/// Most bytes read of a list of models.
const MAX_LOOKUP_BODY: usize = 16 * 1024 * 1024;
/// Patience between two lines of a pull: checking a large file tells nothing for minutes.
const PULL_IDLE: Duration = Duration::from_mins(10);

/// The clients, made when first needed and kept with their connections.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<HashMap<(Net, Duration), Client>>,
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
        let request = authorized(request, endpoint, &url)?;
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
        Body::of(response, first_byte_by, clocks.idle).await
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
        let sent = timeout_at(first_byte_by, authorized(request, endpoint, &url)?.send()).await;
        let response = sent
            .map_err(|_| Fault::new(ErrorClass::FirstByteTimeout, "no answer in time"))?
            .map_err(|error| of_send(&error))?;
        Body::of(response, first_byte_by, clocks.idle.max(PULL_IDLE)).await
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
                authorized(client.get(url.clone()), endpoint, &url)?
            }
            Lookup::Page { path, after } => {
                let mut url = endpoint.url(path);
                url.query_pairs_mut().append_pair("limit", "1000");
                if let Some(after) = after {
                    url.query_pairs_mut().append_pair("after_id", after);
                }
                authorized(client.get(url.clone()), endpoint, &url)?
            }
            Lookup::Model { path, id } => {
                let mut url = endpoint.url(path);
                // Refused only by URLs that have no path, and those have no host either.
                if let Ok(mut segments) = url.path_segments_mut() {
                    segments.push(id);
                }
                authorized(client.get(url.clone()), endpoint, &url)?
            }
            Lookup::Show(model) => {
                let url = endpoint.url("api/show");
                let body = serde_json::json!({"model": model}).to_string();
                let request = client.post(url.clone()).header(CONTENT_TYPE, "application/json");
                authorized(request, endpoint, &url)?.body(body)
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
        let mut body = Body::of(response, by, LOOKUP_LIMIT).await?;
        let bytes = body.read_up_to(MAX_LOOKUP_BODY).await;
        serde_json::from_slice(&bytes).map_err(|_| {
            let quoted = words::quote(&bytes, None);
            Fault {
                status: Some(body.status()),
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
            Fault::new(
                ErrorClass::Connect { kind: ConnectKind::Tls },
                connect::root_of(&error).to_string(),
            )
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

/// Adds the headers that go to this address.
fn authorized(
    request: RequestBuilder,
    endpoint: &Endpoint<'_>,
    url: &Url,
) -> Result<RequestBuilder, Fault> {
    let mut headers = HeaderMap::new();
    for Header { name, value, is_key } in endpoint.headers(url) {
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(&value).ok());
        let Some((parsed, mut value)) = parsed else {
            return Err(if is_key {
                Fault::new(ErrorClass::Auth, "the key holds characters that cannot be sent")
            } else {
                let class = ErrorClass::BadRequest { setting: Some(format!("headers.{name}")) };
                Fault::new(class, "it is not a valid HTTP header")
            });
        };
        value.set_sensitive(is_key);
        headers.insert(parsed, value);
    }
    Ok(request.headers(headers))
}

/// The failure of a request that got no answer.
fn of_send(error: &reqwest::Error) -> Fault {
    let root = connect::root_of(error);
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
