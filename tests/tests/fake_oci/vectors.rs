//! Requests that Oracle's own SDK signed: the golden vectors, with the clock where they need it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vault_tests::oci::{FakeOci, public_key_pem, vectors};

use crate::wire::Raw;

/// A vector's request, and a fake that should take it.
pub(crate) fn vector(id: &str) -> (Raw, FakeOci) {
    let vector = all().find(|vector| vector["id"] == id).unwrap();
    let fake = FakeOci::start();
    prepare(&fake, vector);
    (request(vector), fake)
}

pub(crate) fn all() -> impl Iterator<Item = &'static Value> {
    vectors()["signing"].as_array().unwrap().iter()
}

/// The clock is the vector's, and so are the keys.
pub(crate) fn prepare(fake: &FakeOci, vector: &Value) {
    let text = |name: &str| vector[name].as_str().unwrap();
    let date = httpdate::parse_http_date(text("date")).unwrap();
    let now = date
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let (key_id, key) = (text("keyId"), public_key_pem(text("key")));
    fake.with(|world| {
        world.clock.set(now);
        match key_id.strip_prefix("ST$") {
            Some(token) => world.keys.trust_session(token, key, now + 60),
            // The instance's key is known by its certificate.
            None if key_id.contains("/fed-x509/") => {}
            None => world.keys.register(key_id, key),
        }
    });
}

pub(crate) fn request(vector: &Value) -> Raw {
    let text = |name: &str| vector[name].as_str().unwrap();
    let mut raw = Raw::new(text("method"), text("request_target_path"));
    for headers in ["unsigned_headers", "signed_header_values"] {
        for (name, value) in vector[headers].as_object().unwrap() {
            raw = raw.with(name, value.as_str().unwrap());
        }
    }
    if let Some(body) = vector["body_base64"].as_str() {
        raw.body = STANDARD.decode(body).unwrap();
    }
    raw.with("authorization", text("authorization"))
}
