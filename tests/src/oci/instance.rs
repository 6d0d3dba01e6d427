//! The instance that a caller runs on, and its certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_RSA_SHA256,
};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use sha2::{Digest, Sha256};

use super::fixture::{private_key_pem, public_key_pem, tenancy, text};

/// The identity that the metadata service hands out and the auth service takes.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What `/instance/region` says: a key or an identifier.
    pub region: String,
    /// The leaf certificate.
    pub certificate_pem: String,
    /// Its private key.
    pub key_pem: String,
    /// Who vouches for it.
    pub intermediate_pem: String,
    /// The name of its key among those of the vectors.
    key_name: &'static str,
    /// The fingerprint that Oracle's Python SDK names it by; known for the vectors' own alone.
    sha1: Option<&'static str>,
}

/// How a keyId names a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `TENANCY/fed-x509/SHA-1`.
    Sha1,
    /// `TENANCY/fed-x509-sha256/SHA-256`; the body says so too.
    Sha256,
}

impl Instance {
    /// The one of the golden vectors.
    pub(super) fn new() -> Self {
        Self {
            region: "phx".to_owned(),
            certificate_pem: text("/certificates/chain1/leaf_pem").to_owned(),
            key_pem: private_key_pem("publeaf2048").to_owned(),
            intermediate_pem: text("/certificates/chain1/intermediate_pems/0").to_owned(),
            key_name: "publeaf2048",
            sha1: Some(text("/certificates/chain1/sha1_fingerprint_upper")),
        }
    }

    /// Gives the instance another key and certificate, as happens every few hours. The old one is
    /// not taken any more.
    ///
    /// # Panics
    /// Never: the keys are the vectors'.
    pub fn rotate(&mut self) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("a key");
        let intermediate = authority
            .self_signed(&authority_key)
            .expect("a certificate");
        let key_name = "pubsession2048";
        let key_pem = private_key_pem(key_name);
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(key_pem, &PKCS_RSA_SHA256);
        let mut leaf = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        let unit = format!("opc-tenant:{}", tenancy());
        subject.push(DnType::OrganizationalUnitName, unit);
        leaf.distinguished_name = subject;
        let issuer = Issuer::new(authority, authority_key);
        let leaf = leaf.signed_by(&key.expect("an RSA key"), &issuer);
        *self = Self {
            region: self.region.clone(),
            certificate_pem: leaf.expect("a certificate").pem(),
            key_pem: key_pem.to_owned(),
            intermediate_pem: intermediate.pem(),
            key_name,
            sha1: None,
        };
    }

    /// The certificate that a keyId names, if it is this one's.
    pub(super) fn named(&self, key_id: &str) -> Option<(RsaPublicKey, Dialect)> {
        let named = key_id.strip_prefix(tenancy())?.strip_prefix('/')?;
        let dialect = match named.split_once('/')? {
            ("fed-x509", print) if Some(print) == self.sha1 => Dialect::Sha1,
            ("fed-x509-sha256", print) if print.eq_ignore_ascii_case(&self.sha256()) => {
                Dialect::Sha256
            }
            _ => return None,
        };
        let key = RsaPublicKey::from_public_key_pem(public_key_pem(self.key_name)).ok()?;
        Some((key, dialect))
    }

    fn sha256(&self) -> String {
        let der = STANDARD.decode(without_armour(&self.certificate_pem));
        let print = Sha256::digest(der.unwrap_or_default());
        let pairs: Vec<String> = print.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(":")
    }
}

/// The base64 text of a PEM block, in one line.
pub(super) fn without_armour(pem: &str) -> String {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    lines.collect()
}
