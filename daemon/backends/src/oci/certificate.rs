//! X.509 certificates of instances.
//!
//! An instance proves who it is with a certificate that its metadata service hands out. Nothing is
//! verified here: OCI, to which it is sent, does that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::der::asn1::{AnyRef, ObjectIdentifier};
use pkcs8::der::{self, Decode as _, Encode as _, Reader as _, SliceReader, Tagged};
use rsa::sha2::{Digest as _, Sha256};
use sha1::Sha1;

use super::fingerprint::pairs;
use super::pem;

/// An X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tenancy: Option<String>,
    public_key: Vec<u8>,
}

impl Certificate {
    /// The first certificate of a PEM file.
    ///
    /// # Errors
    /// [`BadCertificate`].
    pub fn from_pem(file: &[u8]) -> Result<Self, BadCertificate> {
        let blocks = pem::blocks(file).filter_map(Result::ok);
        let mut certificates = blocks.filter(|block| block.label == "CERTIFICATE");
        let der = certificates.next().ok_or(BadCertificate)?.content.to_vec();
        let (subject, public_key) = subject_and_key(&der).map_err(|_| BadCertificate)?;
        Ok(Self {
            tenancy: tenancy(&subject),
            public_key,
            der,
        })
    }

    /// The tenancy that the subject names.
    pub fn tenancy(&self) -> Option<&str> {
        self.tenancy.as_deref()
    }

    /// The public key in DER (SubjectPublicKeyInfo).
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key
    }

    /// Base64 of the DER form: the PEM file without its first and last line and line ends.
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// SHA-256 of the DER form in pairs of lower-case digits.
    pub fn sha256_fingerprint(&self) -> String {
        pairs(&Sha256::digest(&self.der))
    }

    /// SHA-1 of the DER form in pairs of upper-case digits.
    pub fn sha1_fingerprint(&self) -> String {
        pairs(&Sha1::digest(&self.der)).to_ascii_uppercase()
    }
}

/// Something else than a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read a certificate: there is no whole one in PEM form")]
pub struct BadCertificate;

/// The texts of the subject's attributes, and the public key (RFC 5280, 4.1).
fn subject_and_key(der: &[u8]) -> der::Result<(Vec<String>, Vec<u8>)> {
    let certificate = AnyRef::from_der(der)?;
    let body = certificate.sequence(|reader| {
        let body = AnyRef::decode(reader)?;
        let _algorithm_and_signature = (AnyRef::decode(reader)?, AnyRef::decode(reader)?);
        Ok(body)
    })?;
    let fields = parts(body)?;
    // The version is left out where it is 1. Serial number, algorithm, issuer and validity follow.
    let version = fields.first().map(Tagged::tag);
    let first = usize::from(version.is_some_and(der::Tag::is_context_specific));
    let subject = *fields.get(first + 4).ok_or(der::ErrorKind::Failed)?;
    let mut texts = Vec::new();
    for set in parts(subject)? {
        for attribute in parts(set)? {
            let text = attribute.sequence(|reader| {
                ObjectIdentifier::decode(reader)?;
                AnyRef::decode(reader)
            })?;
            texts.extend(String::from_utf8(text.value().to_vec()));
        }
    }
    let key = fields.get(first + 5).ok_or(der::ErrorKind::Failed)?;
    Ok((texts, key.to_der()?))
}

fn parts(whole: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(whole.value())?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader)?);
    }
    Ok(parts)
}

/// `opc-tenant:` in the certificates of instances, `opc-identity:` in those of services.
fn tenancy(subject: &[String]) -> Option<String> {
    let marks = ["opc-tenant:", "opc-identity:"];
    let mut named = subject
        .iter()
        .filter_map(|text| marks.iter().find_map(|mark| text.strip_prefix(mark)));
    named.next().map(str::to_owned)
}
