//! Failures of private keys.

use super::super::fingerprint::Fingerprint;

/// Why a private key could not be used. The path is for the caller to say.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Something else than a key.
    #[error(
        "find a private key: there is no PEM block with one; it begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----"
    )]
    NoKey,
    /// The other half.
    #[error("find a private key: there is only a public key; give the file of the private one")]
    PublicKey,
    /// A block that cannot be read to its end.
    #[error("read the private key: its PEM block is cut off or damaged")]
    Damaged,
    /// The form of `ssh-keygen`.
    #[error(
        "read the private key: it is in the form of OpenSSH; change it with ssh-keygen -p -m PEM -f FILE"
    )]
    OpenSsh,
    /// An elliptic curve, say.
    #[error("use the private key: it is not an RSA key, and OCI takes no other")]
    NotRsa,
    /// Encrypted, and nothing to open it with.
    #[error("decrypt the private key: it is encrypted, and there is no pass phrase")]
    NoPassphrase,
    /// Encrypted, and not opened by the pass phrase.
    #[error("decrypt the private key: the pass phrase is wrong, or the file is damaged")]
    WrongPassphrase,
    /// Encrypted in a way that is not known here.
    #[error(
        "decrypt the private key: its encryption is not known here; change it with openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEW-FILE"
    )]
    UnknownEncryption,
    /// RSA, and yet nothing to sign with.
    #[error("use the private key: its numbers are no RSA key")]
    Numbers(#[source] rsa::pkcs1::Error),
    /// Another key than the one that was registered.
    #[error("use the private key: its fingerprint is {actual}, the profile says {configured}")]
    OtherFingerprint {
        /// What the profile says.
        configured: Fingerprint,
        /// The key's own.
        actual: Fingerprint,
    },
    /// No new key was found.
    #[error("make a new private key")]
    Generate(#[source] rsa::Error),
    /// The computation failed.
    #[error("sign with the private key")]
    Sign(#[source] rsa::Error),
}

impl KeyError {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::PublicKey => "public_key",
            Self::Damaged => "damaged_key",
            Self::OpenSsh => "openssh_key",
            Self::NotRsa => "not_rsa",
            Self::NoPassphrase => "no_passphrase",
            Self::WrongPassphrase => "wrong_passphrase",
            Self::UnknownEncryption => "unknown_encryption",
            Self::Numbers(_) => "invalid_key",
            Self::OtherFingerprint { .. } => "wrong_fingerprint",
            Self::Generate(_) => "generate",
            Self::Sign(_) => "sign",
        }
    }
}
