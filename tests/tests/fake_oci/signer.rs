//! The signer of the tests' requests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::{SignatureEncoding, Signer as _};
use serde_json::Value;
use sha2::{Digest, Sha256};
use vault_tests::oci::{FakeOci, api_key_id, private_key_pem};

use crate::wire::{Answer, Raw};

/// A keyId and its key.
pub(crate) struct Signer {
    pub(crate) key_id: String,
    key: SigningKey<Sha256>,
}

impl Signer {
    /// The person of the golden vectors.
    pub(crate) fn person() -> Self {
        Self::new(&api_key_id(), "pub2048")
    }

    /// Whoever has this key of the golden vectors and calls themselves so.
    pub(crate) fn new(key_id: &str, key: &str) -> Self {
        let key = RsaPrivateKey::from_pkcs8_pem(private_key_pem(key)).unwrap();
        Self {
            key_id: key_id.to_owned(),
            key: SigningKey::new(key),
        }
    }

    pub(crate) fn get(&self, fake: &FakeOci, target: &str) -> Answer {
        self.sign(fake, Raw::new("GET", target)).to(fake)
    }

    pub(crate) fn post(&self, fake: &FakeOci, target: &str, body: &Value) -> Answer {
        self.send(fake, "POST", target, body, &[])
    }

    /// A request with a body, unless that is null, and with more headers.
    pub(crate) fn send(
        &self,
        fake: &FakeOci,
        method: &str,
        target: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut raw = Raw::new(method, target);
        if !body.is_null() {
            raw.body = body.to_string().into();
        }
        for (name, value) in headers {
            raw = raw.with(name, value);
        }
        self.sign(fake, raw).to(fake)
    }

    /// Adds what belongs to a signature of now.
    pub(crate) fn sign(&self, fake: &FakeOci, raw: Raw) -> Raw {
        let names = if raw.method == "GET" {
            "date (request-target) host"
        } else {
            "date (request-target) host content-length content-type x-content-sha256"
        };
        self.sign_headers(fake, raw, names)
    }

    /// The same with a choice of headers.
    pub(crate) fn sign_headers(&self, fake: &FakeOci, mut raw: Raw, names: &str) -> Raw {
        let date = fake.with(|world| world.clock.now());
        let date =
            httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(date));
        raw = raw.with("date", &date).with("host", "fake.example");
        if names.contains("content-length") {
            let hash = STANDARD.encode(Sha256::digest(&raw.body));
            let length = raw.body.len().to_string();
            raw = raw
                .with("content-length", &length)
                .with("content-type", "application/json")
                .with("x-content-sha256", &hash);
        }
        let lines = names.split(' ').map(|name| match name {
            "(request-target)" => {
                format!("{name}: {} {}", raw.method.to_lowercase(), raw.target)
            }
            name => format!("{name}: {}", raw.header(name)),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let signature = STANDARD.encode(self.key.sign(text.as_bytes()).to_bytes());
        let authorization = format!(
            "Signature algorithm=\"rsa-sha256\",headers=\"{names}\",keyId=\"{}\",\
             signature=\"{signature}\",version=\"1\"",
            self.key_id
        );
        raw.with("authorization", &authorization)
    }
}
