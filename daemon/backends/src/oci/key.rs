//! RSA private keys.
//!
//! The numbers are wiped on drop (the `rsa` crate sees to it) and there is no `Debug` to print them.

mod decryption;
mod error;
mod pkcs12;

use pkcs8::PrivateKeyInfo;
use rsa::pkcs1::{ALGORITHM_OID, DecodeRsaPrivateKey as _};
use rsa::pkcs8::EncodePublicKey as _;
use rsa::rand_core::{CryptoRngCore, OsRng};
use rsa::sha2::{Digest as _, Sha256};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

pub use error::KeyError;

use super::fingerprint::Fingerprint;
use super::pem::{self, Block};

/// An RSA key that can sign.
pub struct PrivateKey {
    numbers: RsaPrivateKey,
    public_key: Vec<u8>,
}

impl PrivateKey {
    /// The first private key of a PEM file: PKCS#1 or PKCS#8, encrypted or not. Text around it,
    /// certificates and public keys do not matter. A pass phrase that is not needed is ignored,
    /// since a profile may have inherited it; an empty one is none.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(file: &[u8], passphrase: Option<&str>) -> Result<Self, KeyError> {
        let passphrase = passphrase.filter(|text| !text.is_empty());
        let mut public = false;
        for block in pem::blocks(file) {
            let block = block.map_err(|pem::Damaged| KeyError::Damaged)?;
            match block.label {
                "PRIVATE KEY" => return from_pkcs8(&block.content),
                "ENCRYPTED PRIVATE KEY" => {
                    let passphrase = passphrase.ok_or(KeyError::NoPassphrase)?;
                    let opened = decryption::pkcs8(&block.content, passphrase)?;
                    return from_pkcs8(&opened).map_err(after_decryption);
                }
                "RSA PRIVATE KEY" => return traditional(&block, passphrase),
                "OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
                label if label.ends_with("PRIVATE KEY") => return Err(KeyError::NotRsa),
                label => public |= label.ends_with("PUBLIC KEY"),
            }
        }
        Err(if public {
            KeyError::PublicKey
        } else {
            KeyError::NoKey
        })
    }

    /// A new key of 2048 bits, which is what OCI takes for sessions. Takes up to a second: not for
    /// threads that serve.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate() -> Result<Self, KeyError> {
        let numbers = RsaPrivateKey::new(&mut OsRng, 2048);
        Self::new(numbers.map_err(KeyError::Generate)?)
    }

    fn new(numbers: RsaPrivateKey) -> Result<Self, KeyError> {
        let public_key = numbers.to_public_key().to_public_key_der();
        let public_key = public_key.map_err(|error| KeyError::Numbers(error.into()))?;
        Ok(Self {
            numbers,
            public_key: public_key.into_vec(),
        })
    }

    /// How long the modulus is.
    pub fn bits(&self) -> usize {
        self.numbers.n().bits()
    }

    /// The public half in DER (SubjectPublicKeyInfo).
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key
    }

    /// The fingerprint of the public half.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_public_key(&self.public_key)
    }

    /// Whether this is the key that was registered. OCI would only say that something was wrong.
    ///
    /// # Errors
    /// [`KeyError::OtherFingerprint`].
    pub fn check(&self, configured: Fingerprint) -> Result<(), KeyError> {
        let actual = self.fingerprint();
        if actual == configured {
            return Ok(());
        }
        Err(KeyError::OtherFingerprint { configured, actual })
    }

    /// RSASSA-PKCS1-v1_5 over SHA-256 (RFC 8017, 8.2). Takes milliseconds, tens of them for 4096 bits:
    /// not for threads that serve.
    ///
    /// The private operation is blinded with random numbers, and its result is checked with the public
    /// key before it is given out. RUSTSEC-2023-0071 is about the `rsa` crate: arithmetic whose time
    /// depends on the numbers lets one who can have *chosen* ciphertexts decrypted over a network, and
    /// measure it, recover the key. Nothing is decrypted here, the message is made by us and hashed, and
    /// blinding makes the time depend on random numbers that nobody else knows.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign_with(&mut OsRng, message)
    }

    fn sign_with<R: CryptoRngCore>(
        &self,
        random: &mut R,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let hash = Sha256::digest(message);
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        let signature = self.numbers.sign_with_rng(random, scheme, &hash);
        signature.map_err(KeyError::Sign)
    }
}

fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let key = PrivateKeyInfo::try_from(der).map_err(|_| KeyError::Damaged)?;
    if key.algorithm.oid != ALGORITHM_OID {
        return Err(KeyError::NotRsa);
    }
    from_pkcs1(key.private_key)
}

fn from_pkcs1(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let numbers = RsaPrivateKey::from_pkcs1_der(der);
    PrivateKey::new(numbers.map_err(KeyError::Numbers)?)
}

/// A block as OpenSSL 1 wrote it, whose headers say if it is encrypted (RFC 1421).
fn traditional(block: &Block<'_>, passphrase: Option<&str>) -> Result<PrivateKey, KeyError> {
    let encrypted = block
        .header("Proc-Type")
        .is_some_and(|value| value.ends_with("ENCRYPTED"));
    if !encrypted {
        return from_pkcs1(&block.content);
    }
    let passphrase = passphrase.ok_or(KeyError::NoPassphrase)?;
    let dek_info = block.header("DEK-Info").ok_or(KeyError::Damaged)?;
    let opened = decryption::traditional(&block.content, dek_info, passphrase)?;
    from_pkcs1(&opened).map_err(after_decryption)
}

/// One wrong pass phrase in 256 leaves what looks like padding, and nonsense before it.
fn after_decryption(error: KeyError) -> KeyError {
    match error {
        KeyError::Damaged | KeyError::Numbers(_) => KeyError::WrongPassphrase,
        other => other,
    }
}

#[cfg(test)]
mod tests;
