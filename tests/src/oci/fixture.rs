//! The keys and certificates that the fake begins with: those of the golden vectors.

use std::sync::OnceLock;

use serde_json::Value;

/// The golden vectors, made with Oracle's own SDK; `tests/cases/oci-vectors.json`.
///
/// # Panics
/// If the file is not JSON.
pub fn vectors() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| {
        let text = include_str!("../../cases/oci-vectors.json");
        serde_json::from_str(text).expect("the vectors are JSON")
    })
}

/// The tenancy of all vectors.
pub fn tenancy() -> &'static str {
    text("/certificates/chain1/tenancy_in_subject")
}

/// The user of all vectors.
///
/// # Panics
/// If the vectors have none.
pub fn user() -> &'static str {
    let key_id = text("/signing/0/keyId");
    key_id
        .split('/')
        .nth(1)
        .expect("tenancy, user, fingerprint")
}

/// The PKCS#8 PEM text of a key of the vectors, such as `pub2048`.
pub fn private_key_pem(key: &str) -> &'static str {
    text(&format!("/keys/{key}/pem/pkcs8"))
}

/// The public half of [`private_key_pem`].
pub fn public_key_pem(key: &str) -> &'static str {
    text(&format!("/keys/{key}/public_key_pem"))
}

/// The text at a JSON pointer into the vectors.
pub(super) fn text(pointer: &str) -> &'static str {
    let found = vectors().pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("the vectors have no text at {pointer}"))
}
