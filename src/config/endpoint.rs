//! Addresses of backends: what is accepted, what counts as local, and Ollama's own variable.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::settings::{Dialect, Place, Provider};

/// An address that may be asked.
pub(super) struct Endpoint {
    pub(super) url: Url,
    /// As written, without user, password and query.
    pub(super) text: String,
    pub(super) place: Place,
}

/// What the user's configuration says about an address besides the address.
#[derive(Clone, Copy, Default)]
pub(super) struct Grants {
    /// The host counts as local.
    pub(super) local: bool,
    /// Unencrypted connections to another machine are fine.
    pub(super) allow_http: bool,
}

/// Reads a `base_url`; the error says what to write instead and quotes no password.
pub(super) fn parse(written: &str, dialect: Dialect, grants: Grants) -> Result<Endpoint, String> {
    let written = written.trim();
    if !written.contains("://") {
        return Err("needs a scheme, as in \"http://localhost:11434\"".to_owned());
    }
    let mut url = Url::parse(written).map_err(|error| format!("is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user name and password; use `api_key` or `headers`".to_owned());
    }
    let is_loopback = is_loopback(&url);
    if url.scheme() == "http" && !is_loopback && !grants.allow_http {
        let host = url.host_str().unwrap_or_default();
        return Err(format!(
            "would send code and key to {host} unencrypted; use https, or set `allow_http = true`"
        ));
    }
    let text = written.split(['?', '#']).next().unwrap_or_default().to_owned();
    normalize(&mut url, dialect);
    let place = if is_loopback || grants.local { Place::Local } else { Place::Cloud };
    Ok(Endpoint { url, text, place })
}

/// Users write addresses with and without `/v1` and a final slash. Afterwards an `openai` address ends in the
/// path that `/chat/completions` is appended to, the others in what comes before `/v1` and `/api`.
fn normalize(url: &mut Url, dialect: Dialect) {
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let path = match dialect {
        Dialect::Openai if path.is_empty() => "/v1".to_owned(),
        Dialect::Openai => path.strip_suffix("/chat/completions").unwrap_or(&path).to_owned(),
        Dialect::Anthropic => path.strip_suffix("/v1").unwrap_or(&path).to_owned(),
        Dialect::Ollama => {
            let bare = path.strip_suffix("/v1").or_else(|| path.strip_suffix("/api"));
            bare.unwrap_or(&path).to_owned()
        }
    };
    url.set_path(&path);
}

/// Whether the host is this machine, whatever a resolver says.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        None => false,
    }
}

/// Whose service it is: by name for the four known ones, else by host.
pub(super) fn provider(name: &str, dialect: Dialect, url: &Url) -> Provider {
    match (name, url.host_str(), dialect) {
        (_, _, Dialect::Ollama) => Provider::Ollama,
        ("anthropic", _, Dialect::Anthropic) | (_, Some("api.anthropic.com"), _) => {
            Provider::Anthropic
        }
        ("groq", _, Dialect::Openai) | (_, Some("api.groq.com"), _) => Provider::Groq,
        ("openai", _, Dialect::Openai) | (_, Some("api.openai.com"), _) => Provider::OpenAi,
        _ => Provider::Other,
    }
}

/// The address that `OLLAMA_HOST` means to a client, by the rules of Ollama itself.
pub(super) fn from_ollama_host(variable: &str) -> Option<String> {
    let value = variable.trim().trim_matches(['"', '\'']).trim();
    if value.is_empty() {
        return None;
    }
    let (scheme, rest, default_port) = match value.split_once("://") {
        Some(("http", rest)) => ("http", rest, 80),
        Some(("https", rest)) => ("https", rest, 443),
        Some((_, rest)) => ("http", rest, 11434),
        None => ("http", value, 11434),
    };
    let (authority, path) =
        rest.split_once('/').map_or((rest, ""), |(a, p)| (a, p.trim_end_matches('/')));
    let (host, port) = split_port(authority);
    let port = port.map_or(default_port, |port| port.parse().unwrap_or(default_port));
    let host = reachable(host);
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    Some(format!("{scheme}://{host}:{port}{path}"))
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some(end) = authority.rfind(']') {
        let (host, rest) = authority.split_at(end + 1);
        return (host, rest.strip_prefix(':'));
    }
    match authority.split_once(':') {
        // More than one colon without brackets: an IPv6 address.
        Some((_, rest)) if rest.contains(':') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

/// The variable is also the server's bind address; "all addresses" is no address to dial.
fn reachable(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.is_empty() || bare.parse() == Ok(Ipv4Addr::UNSPECIFIED) {
        return "127.0.0.1".to_owned();
    }
    match bare.parse::<Ipv6Addr>() {
        Ok(Ipv6Addr::UNSPECIFIED) => "[::1]".to_owned(),
        Ok(address) => format!("[{address}]"),
        Err(_) => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl std::fmt::Debug for Endpoint {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}", self.url)
        }
    }

    #[test]
    fn ollama_host_follows_the_rules_of_ollama() {
        for (variable, address) in [
            ("", None),
            ("  \"\" ", None),
            ("127.0.0.1", Some("http://127.0.0.1:11434")),
            ("example.org", Some("http://example.org:11434")),
            ("example.org:8080", Some("http://example.org:8080")),
            (":8080", Some("http://127.0.0.1:8080")),
            ("0.0.0.0", Some("http://127.0.0.1:11434")),
            ("0.0.0.0:5000", Some("http://127.0.0.1:5000")),
            ("[::]:5000", Some("http://[::1]:5000")),
            ("::1", Some("http://[::1]:11434")),
            ("[::1]", Some("http://[::1]:11434")),
            ("http://example.org", Some("http://example.org:80")),
            ("https://example.org", Some("https://example.org:443")),
            ("https://example.org:9/ollama/", Some("https://example.org:9/ollama")),
            ("example.org:port", Some("http://example.org:11434")),
            (" 'http://host:1' ", Some("http://host:1")),
        ] {
            assert_eq!(from_ollama_host(variable).as_deref(), address, "{variable:?}");
        }
    }

    fn normal(written: &str, dialect: Dialect) -> String {
        let grants = Grants { allow_http: true, local: false };
        parse(written, dialect, grants).map(|endpoint| endpoint.url.to_string()).unwrap()
    }

    #[test]
    fn addresses_may_be_written_with_and_without_slash_and_version() {
        for written in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"] {
            assert_eq!(normal(written, Dialect::Openai), "http://h:1/v1");
            assert_eq!(normal(written, Dialect::Anthropic), "http://h:1/");
            assert_eq!(normal(written, Dialect::Ollama), "http://h:1/");
        }
        assert_eq!(normal("https://g/openai/v1/", Dialect::Openai), "https://g/openai/v1");
        assert_eq!(normal("http://h/proxy/api/", Dialect::Ollama), "http://h/proxy");
    }

    #[test]
    fn only_loopback_is_local_unless_the_user_says_so() {
        let place = |url: &str, local| {
            let grants = Grants { local, allow_http: true };
            parse(url, Dialect::Openai, grants).map(|endpoint| endpoint.place)
        };
        for url in
            ["http://localhost", "http://127.3.2.1:8", "http://[::1]:8", "http://a.localhost"]
        {
            assert_eq!(place(url, false), Ok(Place::Local), "{url}");
        }
        for url in ["http://localhost.evil.org", "http://203.0.113.5", "http://127.0.0.1.evil.org"]
        {
            assert_eq!(place(url, false), Ok(Place::Cloud), "{url}");
            assert_eq!(place(url, true), Ok(Place::Local), "{url}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_needs_the_users_word() {
        let refused = parse("http://gpu.lan:8000", Dialect::Openai, Grants::default());
        assert!(refused.is_err_and(|reason| reason.contains("allow_http = true")));
        assert!(parse("https://gpu.lan:8000", Dialect::Openai, Grants::default()).is_ok());
        assert!(parse("http://localhost:8000", Dialect::Openai, Grants::default()).is_ok());
    }

    #[test]
    fn passwords_in_addresses_are_refused_and_not_repeated() {
        let refused = parse("https://ann:canary@h", Dialect::Openai, Grants::default());
        assert!(refused.is_err_and(|reason| !reason.contains("canary")));
    }
}
