//! Destinations: where a URL leads, and whether it may be called.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use hyper::Uri;

use super::error::{Failure, HttpError, UrlProblem};
use super::proxy::Proxy;

/// Where OCI's instance metadata service answers, reachable from the instance alone
/// (docs.oracle.com, "Getting Instance Metadata").
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe);

/// The host, port and protection of one call.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    /// Who passes the bytes on.
    pub(super) proxy: Option<Arc<Proxy>>,
}

/// What the bytes on the wire are under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Tls,
    /// Plain HTTP, which must not leave the machine or its hypervisor.
    None,
}

impl Destination {
    /// Where `url` leads.
    ///
    /// # Errors
    /// [`Failure::Url`].
    pub(super) fn of(url: &Uri) -> Result<Self, HttpError> {
        let host = url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let refused = |problem| Err(HttpError::new(Failure::Url(problem), host.to_owned()));
        if host.is_empty() {
            return refused(UrlProblem::NotAbsolute);
        }
        if url
            .authority()
            .is_some_and(|all| all.as_str().contains('@'))
        {
            return refused(UrlProblem::UserInfo);
        }
        let (protection, usual_port) = match url.scheme_str() {
            Some("https") => (Protection::Tls, 443),
            Some("http") => (Protection::None, 80),
            Some(_) => return refused(UrlProblem::Scheme),
            None => return refused(UrlProblem::NotAbsolute),
        };
        if protection == Protection::None && !is_near(host) {
            return refused(UrlProblem::Plain);
        }
        Ok(Self {
            host: host.to_owned(),
            port: url.port_u16().unwrap_or(usual_port),
            protection,
            proxy: None,
        })
    }

    /// The same place by way of a proxy, unless that must not be.
    pub(super) fn through(mut self, proxy: Option<&Arc<Proxy>>) -> Self {
        if self.protection == Protection::Tls {
            self.proxy = proxy.cloned();
        }
        self
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Whether a connection to `address` is what the URL's host allows: without TLS, nobody but the
    /// address itself vouches for who answers.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.protection == Protection::Tls || is_near_address(address)
    }
}

/// For messages.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())?;
        match &self.proxy {
            None => Ok(()),
            Some(proxy) => write!(f, " through the proxy {proxy}"),
        }
    }
}

/// Whether plain HTTP to this host is allowed. `localhost` must also lead to such an address.
fn is_near(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_near_address)
}

fn is_near_address(address: IpAddr) -> bool {
    address.is_loopback() || address == METADATA_V4 || address == METADATA_V6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<(String, Protection), Failure> {
        let url = url.parse().expect("a URL");
        let to = Destination::of(&url).map_err(|error| error.failure())?;
        Ok((to.to_string(), to.protection))
    }

    #[test]
    fn https_leads_anywhere() {
        for (url, place) in [
            (
                "https://vaults.example/20180608/secrets?name=a",
                "vaults.example:443",
            ),
            ("https://vaults.example:8443", "vaults.example:8443"),
            ("https://[2001:db8::1]/", "[2001:db8::1]:443"),
            ("https://127.0.0.1:1/", "127.0.0.1:1"),
        ] {
            assert_eq!(of(url), Ok((place.to_owned(), Protection::Tls)), "{url}");
        }
    }

    #[test]
    fn plain_http_stays_on_the_machine() {
        for (url, place) in [
            ("http://127.0.0.1:18080/x", "127.0.0.1:18080"),
            ("http://127.8.9.1/", "127.8.9.1:80"),
            ("http://[::1]:81/", "[::1]:81"),
            ("http://LocalHost/", "LocalHost:80"),
            ("http://169.254.169.254/opc/v2/", "169.254.169.254:80"),
            (
                "http://[fd00:c1::a9fe:a9fe]/opc/v2/",
                "[fd00:c1::a9fe:a9fe]:80",
            ),
        ] {
            assert_eq!(of(url), Ok((place.to_owned(), Protection::None)), "{url}");
        }
        for url in [
            "http://vaults.example/",
            "http://10.0.0.1/",
            "http://169.254.169.253/",
            "http://[::2]/",
            "http://[fd00:c1::1]/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://0.0.0.0/",
        ] {
            assert_eq!(of(url), Err(Failure::Url(UrlProblem::Plain)), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_vault_is_refused() {
        for (url, problem) in [
            ("/20180608/secrets", UrlProblem::NotAbsolute),
            ("vaults.example:443", UrlProblem::NotAbsolute),
            ("ftp://vaults.example/", UrlProblem::Scheme),
            ("https://user:word@vaults.example/", UrlProblem::UserInfo),
            ("http://127.0.0.1@vaults.example/", UrlProblem::UserInfo),
        ] {
            assert_eq!(of(url), Err(Failure::Url(problem)), "{url}");
        }
    }

    #[test]
    fn a_name_of_this_machine_leads_nowhere_else_without_tls() {
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        let here = IpAddr::from([127, 0, 0, 1]);
        let to = |url: &str| Destination::of(&url.parse().expect("a URL")).expect("allowed");
        assert!(!to("http://localhost/").allows(elsewhere));
        assert!(to("http://localhost/").allows(here));
        assert!(to("https://localhost/").allows(elsewhere));
    }
}
