//! A certificate authority for the test's servers.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::TLS12;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use vault_backends::http::{Client, Trust};

/// A certificate authority of the test's own, and the file that says so.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            file,
        }
    }

    /// A client that believes this authority alone.
    pub(crate) fn client(&self) -> Client {
        let path = self.file.path().to_owned();
        let pem = std::fs::read(&path).unwrap();
        Client::new(&Trust::Pem { path, pem }).unwrap()
    }

    /// TLS for a server with this name.
    pub(crate) fn vouch_for(&self, name: &str) -> TlsAcceptor {
        self.vouch(Self::params_for(name), rustls::ALL_VERSIONS)
    }

    /// TLS 1.2 and nothing newer.
    pub(crate) fn vouch_for_old(&self, name: &str) -> TlsAcceptor {
        self.vouch(Self::params_for(name), &[&TLS12])
    }

    /// TLS with a certificate whose time is over.
    pub(crate) fn vouched_for(&self, name: &str) -> TlsAcceptor {
        let mut params = Self::params_for(name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
        self.vouch(params, rustls::ALL_VERSIONS)
    }

    fn params_for(name: &str) -> CertificateParams {
        CertificateParams::new([name.to_owned()]).unwrap()
    }

    fn vouch(
        &self,
        params: CertificateParams,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key)
            .unwrap();
        Arc::new(config).into()
    }
}
