//! The certificates that the fake shows.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// What the fake shows of itself on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// One that its authority vouches for.
    Good,
    /// One that nobody vouches for.
    SelfSigned,
    /// One that its authority vouches for, of another host.
    Misnamed,
    /// One that its authority vouched for, once.
    Expired,
}

impl Certificate {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Good, Self::SelfSigned, Self::Misnamed, Self::Expired];
}

/// The authority that vouches for the fake.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// TLS for `localhost`, 127.0.0.1 and `address`, with a certificate of this kind.
    pub(super) fn acceptor(&self, shown: Certificate, address: Ipv4Addr) -> TlsAcceptor {
        let names = match shown {
            Certificate::Misnamed => vec!["other.example".to_owned()],
            _ => vec![
                "localhost".to_owned(),
                "127.0.0.1".to_owned(),
                address.to_string(),
            ],
        };
        let mut params = CertificateParams::new(names).expect("names");
        if shown == Certificate::Expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = match shown {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.expect("a certificate").into()], key)
            .expect("a certificate and its key");
        Arc::new(config).into()
    }
}
