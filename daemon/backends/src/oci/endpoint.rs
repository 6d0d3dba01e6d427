//! Endpoints of OCI's services.

use std::fmt;

use super::region::Region;
use super::request_url::{BadUrl, Origin, RequestUrl};

/// The services that are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Secret Retrieval: what a secret is.
    Secrets,
    /// Vaults: which secrets there are, and how they change.
    Vaults,
    /// Tokens.
    Auth,
    /// Key management: which keys there are.
    Keys,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Secrets, Self::Vaults, Self::Auth, Self::Keys];

    /// The service's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Vaults => "vaults",
            Self::Auth => "auth",
            Self::Keys => "keys",
        }
    }

    /// The version of its API, which every path begins with.
    const fn base_path(self) -> &'static str {
        match self {
            Self::Secrets => "/20190301",
            Self::Vaults | Self::Keys => "/20180608",
            Self::Auth => "/v1",
        }
    }

    /// Its host in a region. Those of `Auth` and `Keys` have no label `oci`.
    fn host(self, region: &Region) -> String {
        let (identifier, domain) = (region.identifier(), region.domain());
        match self {
            Self::Secrets => format!("secrets.vaults.{identifier}.oci.{domain}"),
            Self::Vaults => format!("vaults.{identifier}.oci.{domain}"),
            Self::Auth => format!("auth.{identifier}.{domain}"),
            Self::Keys => format!("kms.{identifier}.{domain}"),
        }
    }
}

/// A host of a service, public or private, and the path below which its API is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    origin: Origin,
    service: Service,
}

impl Endpoint {
    /// The public endpoint in a region.
    pub fn of(service: Service, region: &Region) -> Self {
        let origin = Origin::https(&service.host(region));
        Self {
            origin: origin.expect("identifier and domain of a region are parts of host names"),
            service,
        }
    }

    /// The public endpoint of the keys of one vault, which has a label of its own in a region.
    ///
    /// # Errors
    /// [`BadUrl`] where the label is none of a host's.
    pub fn of_keys(label: &str, region: &Region) -> Result<Self, BadUrl> {
        let service = Service::Keys;
        let host = format!("{label}-management.{}", service.host(region));
        let origin = Origin::https(&host)?;
        Ok(Self { origin, service })
    }

    /// The endpoint that somebody named: a private one, or that of a region with a dot. It has no path,
    /// or that of the service. The host is signed as it stands here, with its port.
    ///
    /// # Errors
    /// [`BadEndpoint`].
    pub fn explicit(service: Service, text: &str) -> Result<Self, BadEndpoint> {
        let url: RequestUrl = text.trim().parse()?;
        let path = url.target().trim_end_matches('/');
        if text.contains(['?', '#']) || !["", service.base_path()].contains(&path) {
            return Err(BadEndpoint::Path {
                expected: service.base_path(),
            });
        }
        let origin = url.origin().clone();
        Ok(Self { origin, service })
    }

    /// The URL of a resource: segments of its path below that of the service, and parameters.
    pub fn url<S: AsRef<str>>(&self, segments: &[&str], parameters: &[(&str, S)]) -> RequestUrl {
        RequestUrl::new(&self.origin, self.service.base_path(), segments, parameters)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

/// Why a text is no endpoint. Not the text: somebody may have put a password into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// Not a URL.
    #[error("use an endpoint: it {0}")]
    Url(#[from] BadUrl),
    /// More than a host and a port.
    #[error("use an endpoint: it must have no query and no path, but for {expected}")]
    Path {
        /// The path of the service.
        expected: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::super::region::Sources;
    use super::*;

    #[test]
    fn every_service_has_its_host_and_path() {
        let region = Region::resolve("LHR", &Sources::default()).expect("a region");
        let url = |service| {
            let endpoint = Endpoint::of(service, &region.region);
            endpoint.url(&["a b/c"], &[("d", "e f")]).to_string()
        };
        assert_eq!(
            Service::ALL.map(url),
            [
                "https://secrets.vaults.uk-london-1.oci.oraclecloud.com/20190301/a%20b%2Fc?d=e+f",
                "https://vaults.uk-london-1.oci.oraclecloud.com/20180608/a%20b%2Fc?d=e+f",
                "https://auth.uk-london-1.oraclecloud.com/v1/a%20b%2Fc?d=e+f",
                "https://kms.uk-london-1.oraclecloud.com/20180608/a%20b%2Fc?d=e+f",
            ]
        );
        assert_eq!(
            Endpoint::of_keys("b5abc", &region.region).map(|endpoint| endpoint.to_string()),
            Ok("https://b5abc-management.kms.uk-london-1.oraclecloud.com".to_owned())
        );
        for label in ["a b", "a/b", "user@a", "a:1"] {
            assert!(Endpoint::of_keys(label, &region.region).is_err(), "{label}");
        }
    }

    #[test]
    fn an_explicit_endpoint_is_used_as_it_is() {
        for (text, url) in [
            ("https://Vault.example", "https://vault.example/20190301/x"),
            ("https://vault.example/", "https://vault.example/20190301/x"),
            (
                "https://v.example:8443/20190301",
                "https://v.example:8443/20190301/x",
            ),
            (
                "https://v.example/20190301/",
                "https://v.example/20190301/x",
            ),
            ("http://[::1]:18443", "http://[::1]:18443/20190301/x"),
        ] {
            let endpoint = Endpoint::explicit(Service::Secrets, text).expect(text);
            assert_eq!(endpoint.url::<&str>(&["x"], &[]).to_string(), url);
        }
    }

    #[test]
    fn what_is_more_than_a_host_is_refused() {
        let path = BadEndpoint::Path {
            expected: "/20190301",
        };
        for (text, why) in [
            ("v.example", BadUrl::Scheme.into()),
            ("ftp://v.example", BadUrl::Scheme.into()),
            ("https://", BadUrl::Host.into()),
            ("https://v..example", BadUrl::Host.into()),
            ("https://v example", BadUrl::Host.into()),
            ("https://user:word@v.example", BadUrl::User.into()),
            ("https://v.example:x", BadUrl::Port.into()),
            ("https://v.example:0", BadUrl::Port.into()),
            ("https://v.example/20180608", path),
            ("https://v.example/x/20190301", path),
            ("https://v.example/?", path),
            ("https://v.example/20190301?a=b", path),
            ("https://v.example/#a", path),
        ] {
            assert_eq!(
                Endpoint::explicit(Service::Secrets, text),
                Err(why),
                "{text}"
            );
        }
    }
}
