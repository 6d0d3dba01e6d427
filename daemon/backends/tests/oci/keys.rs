//! Vectors of keys, certificates and tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::Pkcs1v15Sign;
use rsa::sha2::{Digest as _, Sha256};
use serde_json::Value;
use vault_backends::oci::certificate::Certificate;
use vault_backends::oci::fingerprint::Fingerprint;
use vault_backends::oci::key::{KeyError, PrivateKey};
use vault_backends::oci::token::SecurityToken;

use crate::signing::{public_der, public_key};
use crate::vectors::{Expected, Vectors, expected, text};

#[test]
fn key_vectors_are_one_key_in_every_form() {
    let vectors = Vectors::read();
    vectors.hold("keys", |id, entry| {
        let forms = entry["pem"].as_object().expect("forms");
        assert!(!forms.is_empty());
        for (form, pem) in forms {
            let pem = pem.as_str().expect("a PEM file").as_bytes();
            let key = PrivateKey::from_pem(pem, entry["passphrase"].as_str());
            let key = key.unwrap_or_else(|error| panic!("{id} {form}: {error}"));
            assert_eq!(entry["bits"], key.bits(), "{id} {form}");
            let fingerprint: Fingerprint = text(entry, "fingerprint").parse().unwrap();
            key.check(fingerprint).expect("the same fingerprint");
            let signature = key.sign(b"text").expect("a signature");
            let (scheme, hash) = (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest("text"));
            public_key(entry)
                .verify(scheme, &hash, &signature)
                .unwrap_or_else(|error| panic!("{id} {form}: {error}"));
        }
    });
}

#[test]
fn key_loading_vectors_are_loaded_or_refused() {
    hold_loading(&Vectors::read());
}

#[test]
fn more_key_loading_vectors_are_loaded_or_refused() {
    hold_loading(&Vectors::more());
}

fn hold_loading(vectors: &Vectors) {
    vectors.hold("key_loading", |id, entry| {
        let pem = text(entry, "pem").as_bytes();
        let key = PrivateKey::from_pem(pem, entry["passphrase"].as_str());
        match expected(entry, "expect") {
            Expected::Result(result) if result["ok"] == true => compare(id, key, &result),
            Expected::Result(result) => {
                let error = key.err().unwrap_or_else(|| panic!("{id} was loaded"));
                assert!(is_that_error(&error, &result), "{id}: {error}");
            }
            Expected::Refusal => assert!(key.is_err(), "{id} was loaded"),
        }
    });
}

/// The SDK loads keys that it cannot sign with. We do not.
fn compare(id: &str, key: Result<PrivateKey, KeyError>, result: &Value) {
    if !["RSAPrivateKey", "Null"].contains(&result["type"].as_str().unwrap_or("Null")) {
        assert!(matches!(key, Err(KeyError::NotRsa)), "{id}");
        return;
    }
    let key = key.unwrap_or_else(|error| panic!("{id}: {error}"));
    assert_eq!(result["fingerprint"], key.fingerprint().to_string(), "{id}");
    assert_eq!(result["bits"], key.bits(), "{id}");
}

fn is_that_error(error: &KeyError, result: &Value) -> bool {
    let message = result["message"].as_str().unwrap_or_default();
    match text(result, "error_class").rsplit('.').next() {
        Some("MissingPrivateKeyPassphrase" | "TypeError") => {
            matches!(error, KeyError::NoPassphrase)
        }
        Some("InvalidPrivateKey") if message.contains("public key") => {
            matches!(error, KeyError::PublicKey)
        }
        Some("InvalidPrivateKey") => !matches!(error, KeyError::PublicKey | KeyError::NoPassphrase),
        _ => true,
    }
}

#[test]
fn fingerprint_vectors_are_those_of_the_public_keys() {
    Vectors::read().hold("fingerprints", |id, entry| {
        let der = public_der(text(entry, "public_key_pem"));
        let fingerprint = Fingerprint::of_public_key(&der);
        assert_eq!(fingerprint.to_string(), text(entry, "fingerprint"), "{id}");
    });
}

#[test]
fn certificate_vectors_have_their_names() {
    let vectors = Vectors::read();
    vectors.hold("certificates", |id, entry| {
        let leaf = Certificate::from_pem(text(entry, "leaf_pem").as_bytes()).unwrap();
        let tenancy = entry["tenancy_in_subject"].as_str();
        assert_eq!(leaf.tenancy(), tenancy, "{id}");
        let sha1 = text(entry, "sha1_fingerprint_upper");
        assert_eq!(leaf.sha1_fingerprint(), sha1, "{id}");
        let sha256 = text(entry, "sha256_fingerprint_lower");
        assert_eq!(leaf.sha256_fingerprint(), sha256, "{id}");
        for pem in entry["intermediate_pems"].as_array().into_iter().flatten() {
            let pem = pem.as_str().expect("a PEM file");
            let intermediate = Certificate::from_pem(pem.as_bytes()).unwrap();
            assert_eq!(intermediate.tenancy(), None, "{id}");
            let der = public_der(pem);
            assert_eq!(intermediate.base64(), STANDARD.encode(der), "{id}");
        }
    });
}

#[test]
fn token_vectors_say_when_they_end() {
    Vectors::read().hold("tokens", |id, entry| {
        let text = entry.as_str().expect("a token");
        let claims = text.split('.').nth(1).expect("claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let token = SecurityToken::read(text).expect("a token");
        let lifetime = token.lifetime(0);
        assert_eq!(claims["exp"], lifetime.expires_at, "{id}");
        assert_eq!(claims["iat"], lifetime.issued_at, "{id}");
        assert_eq!(
            token.key_id().unwrap().as_str(),
            format!("ST${text}"),
            "{id}"
        );
    });
}
