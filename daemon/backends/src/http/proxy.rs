//! Through which server are connections tunnelled?

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::http::uri::Authority;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// A server that passes bytes on, for calls over TLS: it learns the host and nothing else. Plain HTTP
/// never leaves the machine or its hypervisor, so it never goes through one.
#[derive(Clone)]
pub struct Proxy {
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of `proxy-authorization` (RFC 7617).
    pub(super) authorization: Option<Zeroizing<String>>,
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
    /// A user without a password, or with a colon.
    #[error("use a proxy: what stands before the @ must be USER:PASSWORD, escaped as in a URL")]
    User,
}

impl FromStr for Proxy {
    type Err = BadProxy;

    /// Reads `http://HOST:PORT`, also with `USER:PASSWORD@` before the host.
    fn from_str(text: &str) -> Result<Self, BadProxy> {
        const SCHEME: &str = "http://";
        let text = text.trim();
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(BadProxy::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let authority: Authority = place.parse().map_err(|_| BadProxy::Place)?;
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
            authorization: user.map(authorization).transpose()?,
        })
    }
}

fn authorization(user: &str) -> Result<Zeroizing<String>, BadProxy> {
    let (name, password) = user.split_once(':').ok_or(BadProxy::User)?;
    let name: Vec<u8> = percent_decode_str(name).collect();
    if name.is_empty() || name.contains(&b':') {
        return Err(BadProxy::User);
    }
    let mut both = Zeroizing::new(name);
    both.push(b':');
    both.extend(percent_decode_str(password));
    let encoded = Zeroizing::new(STANDARD.encode(&both));
    Ok(Zeroizing::new(format!("Basic {}", *encoded)))
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

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for (text, place, authorization) in [
            ("http://proxy.example:3128", "proxy.example:3128", None),
            (" HTTP://10.0.0.1:80/ ", "10.0.0.1:80", None),
            ("http://[2001:db8::1]:81", "[2001:db8::1]:81", None),
            (
                "http://Aladdin:open%20sesame@proxy.example:8080",
                "proxy.example:8080",
                // RFC 7617, section 2.
                Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ),
            ("http://a:b@c:d@p:1", "p:1", Some("Basic YTpiQGM6ZA==")),
            ("http://a:@p:1", "p:1", Some("Basic YTo=")),
        ] {
            let proxy: Proxy = text.parse().expect(text);
            assert_eq!(proxy.to_string(), place);
            let known = proxy.authorization.as_ref().map(|value| value.as_str());
            assert_eq!(known, authorization, "{text}");
            assert_eq!(format!("{proxy:?}"), format!("Proxy({place})"));
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
            ("http://hun%3Ater:two@proxy.example:3128", BadProxy::User),
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            assert_eq!(error, why, "{text}");
            assert!(!error.to_string().contains("hun"), "{error}");
        }
    }
}
