//! The proxy that connections are tunnelled through.

use std::fmt;
use std::str::FromStr;

use hyper::http::uri::Authority;

/// A server that passes bytes on, for calls over TLS: it learns the host and nothing else. Plain HTTP
/// never leaves the machine or its hypervisor, so it never goes through one.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text is no proxy. Not the text: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    /// Another scheme, or none.
    #[error("use a proxy: it must be http://HOST:PORT")]
    Scheme,
    /// No host, no port, or more than both.
    #[error("use a proxy: it must be http://HOST:PORT, with nothing behind the port")]
    Place,
    /// A user. Its password would stand in the configuration, which holds no secrets.
    #[error("use a proxy: it must be http://HOST:PORT, without a user and a password")]
    User,
}

impl FromStr for Proxy {
    type Err = BadProxy;

    /// Reads `http://HOST:PORT`.
    fn from_str(text: &str) -> Result<Self, BadProxy> {
        const SCHEME: &str = "http://";
        let text = text.trim();
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(BadProxy::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(BadProxy::User);
        }
        let authority: Authority = rest.parse().map_err(|_| BadProxy::Place)?;
        let host = authority.host();
        let port = authority.port_u16().filter(|port| *port != 0);
        if host.is_empty() {
            return Err(BadProxy::Place);
        }
        Ok(Self {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: port.ok_or(BadProxy::Place)?,
        })
    }
}

/// Host and port alone.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for (text, place) in [
            ("http://proxy.example:3128", "proxy.example:3128"),
            (" HTTP://10.0.0.1:80/ ", "10.0.0.1:80"),
            ("http://[2001:db8::1]:81", "[2001:db8::1]:81"),
        ] {
            let proxy: Proxy = text.parse().expect(text);
            assert_eq!(proxy.to_string(), place);
        }
    }

    #[test]
    fn what_is_none_is_refused_and_not_repeated() {
        for (text, why) in [
            ("", BadProxy::Scheme),
            ("proxy.example:3128", BadProxy::Scheme),
            ("https://hunter:two@proxy.example:3128", BadProxy::Scheme),
            ("socks5://proxy.example:3128", BadProxy::Scheme),
            ("http://", BadProxy::Place),
            ("http://proxy.example", BadProxy::Place),
            ("http://:3128", BadProxy::Place),
            ("http://proxy.example:0", BadProxy::Place),
            ("http://proxy.example:x", BadProxy::Place),
            ("http://proxy.example:99999", BadProxy::Place),
            ("http://proxy.example:3128/path", BadProxy::Place),
            ("http://proxy.example:3128?a", BadProxy::Place),
            ("http://hunter@proxy.example:3128", BadProxy::User),
            ("http://:two@proxy.example:3128", BadProxy::User),
            ("http://hunter:two@proxy.example:3128", BadProxy::User),
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            assert_eq!(error, why, "{text}");
            assert!(!error.to_string().contains("hun"), "{error}");
        }
    }
}
