//! Tests of private keys.

use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore};

use super::*;

const KEY: &str = include_str!("../../../../../tests/cases/oci-vectors.json");

/// The first of the keys that the vectors have.
fn key() -> PrivateKey {
    let vectors: serde_json::Value = serde_json::from_str(KEY).expect("JSON");
    let pem = vectors["keys"]["pub2048"]["pem"]["pkcs8"].as_str();
    let key = PrivateKey::from_pem(pem.expect("a key").as_bytes(), None);
    key.expect("a key")
}

/// Random numbers, counted.
#[derive(Default)]
struct Counting(usize);

impl CryptoRng for Counting {}

impl RngCore for Counting {
    fn next_u32(&mut self) -> u32 {
        self.0 += 1;
        OsRng.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0 += 1;
        OsRng.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        OsRng.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

#[test]
fn every_signature_is_blinded_and_the_same() {
    let (key, mut random) = (key(), Counting::default());
    let first = key.sign_with(&mut random, b"text").expect("a signature");
    assert!(random.0 > 0, "nothing random went into it");
    assert_eq!(key.sign(b"text").expect("a signature"), first);
    let public = RsaPublicKey::from_public_key_der(key.public_key_der()).expect("a key");
    let scheme = || Pkcs1v15Sign::new::<Sha256>();
    let verified = |text: &str| public.verify(scheme(), &Sha256::digest(text), &first);
    assert!(verified("text").is_ok());
    assert!(verified("text ").is_err());
}

#[test]
fn a_key_that_was_not_registered_is_refused() {
    let key = key();
    key.check(key.fingerprint()).expect("its own fingerprint");
    let other = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff";
    let error = key.check(other.parse().expect("a fingerprint")).err();
    let error = error.expect("refused");
    assert_eq!(error.kind(), "wrong_fingerprint");
    assert_eq!(
        error.to_string(),
        format!(
            "use the private key: its fingerprint is {}, the profile says {other}",
            key.fingerprint()
        )
    );
}

#[test]
fn other_files_are_told_apart() {
    let block = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
    for (file, kind) in [
        (String::new(), "no_key"),
        (block("CERTIFICATE"), "no_key"),
        (block("PUBLIC KEY"), "public_key"),
        (
            block("CERTIFICATE") + &block("RSA PUBLIC KEY"),
            "public_key",
        ),
        (block("OPENSSH PRIVATE KEY"), "openssh_key"),
        (block("EC PRIVATE KEY"), "not_rsa"),
        (block("DSA PRIVATE KEY"), "not_rsa"),
        (block("ENCRYPTED PRIVATE KEY"), "no_passphrase"),
        (block("PRIVATE KEY"), "damaged_key"),
        (block("RSA PRIVATE KEY"), "invalid_key"),
        (block("PRIVATE KEY").replace("END", ""), "damaged_key"),
    ] {
        let error = PrivateKey::from_pem(file.as_bytes(), Some("")).err();
        assert_eq!(error.expect("refused").kind(), kind, "{file}");
    }
}
