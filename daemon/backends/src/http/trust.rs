//! The certificate authorities that are believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Which certificate authorities are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The machine's own list. `SSL_CERT_FILE` and `SSL_CERT_DIR` name another, as elsewhere.
    System,
    /// The ones in this PEM text and no others.
    Pem {
        /// The file that it was read from, for messages.
        path: PathBuf,
        /// What is in it.
        pem: Vec<u8>,
    },
}

/// Why there is nobody to believe.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The text is no PEM.
    #[error("read the certificates in {path}")]
    File {
        /// Where it is.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: pem::Error,
    },
    /// A certificate in the file is none.
    #[error("use a certificate in {path}")]
    Certificate {
        /// Where it is.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: rustls::Error,
    },
    /// The file holds no certificate.
    #[error("find a certificate in {path}: there is none")]
    EmptyFile {
        /// Where it is.
        path: PathBuf,
    },
    /// The machine has no list, or none of it can be used.
    #[error("find the system's certificate authorities: there are none")]
    NoSystemRoots,
    /// The TLS library has no usable protocol version.
    #[error("set TLS up")]
    Protocol(#[source] rustls::Error),
}

impl TrustError {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } | Self::Certificate { .. } | Self::EmptyFile { .. } => "bad_ca_file",
            Self::NoSystemRoots => "no_system_roots",
            Self::Protocol(_) => "tls",
        }
    }
}

/// TLS 1.2 or 1.3 with peers that these authorities vouch for.
pub(super) fn connector(trust: &Trust) -> Result<TlsConnector, TrustError> {
    let roots = match trust {
        Trust::System => system_roots()?,
        Trust::Pem { path, pem } => roots_in(path, pem)?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TrustError::Protocol)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config).into())
}

/// A system's list may hold a few that cannot be read; the others are still believed.
fn system_roots() -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TrustError::NoSystemRoots);
    }
    Ok(roots)
}

fn roots_in(path: &Path, pem: &[u8]) -> Result<RootCertStore, TrustError> {
    let unreadable = |source| TrustError::File {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|source| TrustError::Certificate {
            path: path.to_owned(),
            source,
        })?;
    }
    if roots.is_empty() {
        return Err(TrustError::EmptyFile {
            path: path.to_owned(),
        });
    }
    Ok(roots)
}
