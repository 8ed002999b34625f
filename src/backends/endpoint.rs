//! Where a backend is: its addresses, the way there, and the headers that may go along.
//!
//! Sends nothing. A key goes to the origin of its own backend and nowhere else.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::Path;
use crate::config::{BackendSettings, Dialect, Engine};

/// The version of Anthropic's API that is spoken; the later one refuses more and offers nothing needed here.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// Anthropic's own header for keys.
const X_API_KEY: &str = "x-api-key";

/// Which way a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Net {
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

/// A header of a request, as it was written. No `Debug`: it may hold a key.
pub(super) struct Header<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its value.
    pub(super) value: Cow<'a, str>,
    /// Whether it is the key, and not one of the user's own.
    pub(super) is_key: bool,
}

/// Where a backend is and with which key it may be addressed.
#[derive(Debug)]
pub(super) struct Endpoint<'a> {
    /// The backend.
    pub(super) backend: &'a BackendSettings,
    base: Url,
    /// Which way requests go.
    pub(super) net: Net,
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
    pub(super) fn url(&self, path: &str) -> Url {
        self.below(self.base.path(), path)
    }

    /// Address that a prompt goes to.
    pub(super) fn prompt_url(&self, path: Path) -> Url {
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

    /// The key and the user's own headers. Only requests to this endpoint's origin get them.
    pub(super) fn headers(&self, url: &Url) -> Vec<Header<'_>> {
        if url.origin() != self.base.origin() {
            return Vec::new();
        }
        let plain = |name, value| Header { name, value, is_key: false };
        let mut headers = Vec::new();
        let is_anthropic = self.backend.dialect == Dialect::Anthropic;
        if is_anthropic {
            headers.push(plain("anthropic-version", ANTHROPIC_VERSION.into()));
        }
        if let Some(key) =
            self.key.map(ExposeSecret::expose_secret).map(str::trim).filter(|key| !key.is_empty())
        {
            let (name, value) = if is_anthropic {
                (X_API_KEY, key.into())
            } else {
                ("authorization", format!("Bearer {key}").into())
            };
            headers.push(Header { name, value, is_key: true });
        }
        let own = self.backend.headers.iter();
        headers.extend(own.map(|(name, value)| plain(name.as_str(), value.as_str().into())));
        headers
    }
}

/// A URL without user, query and fragment, for people.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs without a host refuse this, and those have no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
