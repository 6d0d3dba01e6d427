//! Vectors of signed requests.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256};
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use serde_json::Value;
use vault_backends::oci::certificate::Certificate;
use vault_backends::oci::date::HttpDate;
use vault_backends::oci::key::PrivateKey;
use vault_backends::oci::key_id::KeyId;
use vault_backends::oci::request_url::RequestUrl;
use vault_backends::oci::signature::{Extent, Header, Method, SignatureError, Signer, Unsigned};

use crate::vectors::{Expected, Vectors, expected, text};

#[test]
fn signing_vectors_give_the_same_bytes() {
    hold(&Vectors::read());
}

#[test]
fn more_signing_vectors_give_the_same_bytes() {
    hold(&Vectors::more());
}

fn hold(vectors: &Vectors) {
    vectors.hold("signing", |id, entry| {
        if is_of_other_services(entry) {
            return;
        }
        let request = Request::of(entry);
        match expected(entry, "signature") {
            Expected::Refusal => assert!(request.signed(vectors).is_err(), "{id}"),
            Expected::Result(signature) => request.compare(vectors, id, &signature),
        }
    });
}

/// Bodies that are not signed, or whose hash the caller gives: uploads to Object Storage. Nothing here
/// sends such.
fn is_of_other_services(entry: &Value) -> bool {
    let value = |name: &str| entry["signed_header_values"][name].as_str();
    let body = entry["body_base64"].as_str().unwrap_or_default();
    let own_sha256 = STANDARD.encode(Sha256::digest(STANDARD.decode(body).unwrap()));
    let method: Option<Method> = text(entry, "method").parse().ok();
    let has_body = matches!(method, Some(Method::Post | Method::Put | Method::Patch));
    let is_unsigned = has_body && value("host").is_some() && value("content-length").is_none();
    is_unsigned || value("x-content-sha256").is_some_and(|sha256| sha256 != own_sha256)
}

/// An entry, and what of it is not a text already.
struct Request<'a> {
    entry: &'a Value,
    url: RequestUrl,
    body: Vec<u8>,
    date: HttpDate,
}

impl<'a> Request<'a> {
    fn of(entry: &'a Value) -> Self {
        let body = entry["body_base64"].as_str().unwrap_or_default();
        Self {
            entry,
            url: text(entry, "url").parse().expect("a URL"),
            body: STANDARD.decode(body).unwrap(),
            date: text(entry, "date").parse().expect("a date"),
        }
    }

    fn unsigned(&self) -> Unsigned<'_> {
        let value = |name: &str| self.entry["signed_header_values"][name].as_str();
        let method: Method = text(self.entry, "method").parse().expect("a method");
        let extent = match value("host") {
            None => Extent::WithoutHost,
            Some(_) => Extent::Usual,
        };
        let has_body = matches!(method, Method::Post | Method::Put | Method::Patch);
        let usual = Unsigned::new(method, &self.url);
        Unsigned {
            body: &self.body,
            content_type: value("content-type").unwrap_or(usual.content_type),
            delegation_token: value("opc-obo-token"),
            extent: if has_body { extent } else { Extent::Usual },
            ..usual
        }
    }

    fn signed(&self, vectors: &Vectors) -> Result<Vec<Header>, SignatureError> {
        let pem = text(
            &vectors.named("keys", text(self.entry, "key"))["pem"],
            "pkcs8",
        );
        let key = PrivateKey::from_pem(pem.as_bytes(), None).expect("a key");
        let signer = Signer::new(Arc::new(key), key_id(vectors, self.entry));
        signer.sign(&self.unsigned(), self.date)
    }

    fn compare(&self, vectors: &Vectors, id: &str, signature: &Value) {
        let entry = self.entry;
        assert_eq!(self.url.to_string(), text(entry, "url"), "{id}");
        assert_eq!(
            self.url.target(),
            text(entry, "request_target_path"),
            "{id}"
        );
        if let Some(url) = url_of_input(&entry["input"]) {
            // The order of an object's fields is lost when it is read.
            let ordered = !entry["input"]["params"].is_object();
            let same = if ordered {
                url == self.url
            } else {
                sorted(&url) == sorted(&self.url)
            };
            assert!(same, "{id}: {url} for {}", self.url);
        }
        let headers = self.signed(vectors).expect("signed");
        let sent = |name: &str| {
            let header = headers.iter().find(|header| header.name == name);
            header.map(|header| header.value.as_str())
        };
        let authorization = sent("authorization").expect("authorization");
        assert_eq!(authorization, text(entry, "authorization"), "{id}");
        for name in entry["signed_headers"].as_array().expect("headers") {
            let name = name.as_str().expect("a name");
            let value = entry["signed_header_values"][name].as_str();
            assert_eq!(sent(name), value, "{id}: {name}");
        }
        let ours = authorization.split('"').nth(7).expect("a signature");
        assert_eq!(Some(ours), signature.as_str(), "{id}");
        let public = public_key(vectors.named("keys", text(entry, "key")));
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        let hash = Sha256::digest(text(entry, "signing_string").as_bytes());
        public
            .verify(scheme, &hash, &STANDARD.decode(ours).unwrap())
            .expect("a signature of this text");
        compare_federation(vectors, id, entry);
    }
}

/// The names that keys have, made of their parts.
fn key_id(vectors: &Vectors, entry: &Value) -> KeyId {
    let name = text(entry, "keyId");
    let parts: Vec<&str> = name.split('/').collect();
    let certificate = || leaf(vectors, entry);
    let made = match (name.strip_prefix("ST$"), parts.as_slice()) {
        (Some(token), _) => KeyId::token(token),
        // As the SDK for Python says it, by SHA-1.
        (_, [tenancy, "fed-x509", _]) => {
            let fingerprint = certificate().sha1_fingerprint();
            KeyId::new(format!("{tenancy}/fed-x509/{fingerprint}"))
        }
        (_, [tenancy, "fed-x509-sha256", _]) => KeyId::certificate(tenancy, &certificate()),
        (_, ["resource", "v2.1", resource]) => KeyId::resource(resource),
        (_, ["resource", version, tenancy, resource]) => {
            KeyId::resource_of_tenancy(version.trim_start_matches('v'), tenancy, resource)
        }
        (_, [tenancy, user, fingerprint]) => {
            let fingerprint = fingerprint.parse().expect("a fingerprint");
            KeyId::api_key(tenancy, user, fingerprint)
        }
        _ => KeyId::new(name.to_owned()),
    };
    let made = made.expect("the name of a key");
    assert_eq!(made.as_str(), name);
    made
}

/// The certificate of the key that signs.
fn leaf(vectors: &Vectors, entry: &Value) -> Certificate {
    let key = text(entry, "key");
    let chains = vectors.section("certificates");
    let chain = chains
        .into_iter()
        .find(|(_, chain)| chain["leaf_key"] == key);
    let (_, chain) = chain.expect("a certificate of the key");
    Certificate::from_pem(text(chain, "leaf_pem").as_bytes()).expect("a certificate")
}

/// The URL as the SDK's caller gave it: a text, and parameters in their order.
fn url_of_input(input: &Value) -> Option<RequestUrl> {
    let url: RequestUrl = input["url"].as_str()?.parse().expect("a URL");
    let one = |name: &str, value: &Value| -> Vec<(String, String)> {
        let values = value.as_array().cloned();
        let values = values.unwrap_or_else(|| vec![value.clone()]);
        let written = values.iter().filter(|value| !value.is_null()).map(|value| {
            let text = value.as_str().map(str::to_owned);
            text.unwrap_or_else(|| value.to_string())
        });
        written.map(|value| (name.to_owned(), value)).collect()
    };
    let parameters: Vec<(String, String)> = match &input["params"] {
        Value::Object(all) => all
            .iter()
            .flat_map(|(name, value)| one(name, value))
            .collect(),
        Value::Array(all) => all
            .iter()
            .flat_map(|pair| one(pair[0].as_str().expect("a name"), &pair[1]))
            .collect(),
        _ => Vec::new(),
    };
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    if parameters.is_empty() {
        return Some(url);
    }
    let written = RequestUrl::new(url.origin(), "", &[], &parameters).to_string();
    let (_, written) = written.split_once('?').expect("a query");
    let joint = if url.target().contains('?') { '&' } else { '?' };
    Some(format!("{url}{joint}{written}").parse().expect("a URL"))
}

fn sorted(url: &RequestUrl) -> Vec<String> {
    let text = url.to_string();
    let mut parts: Vec<String> = text.split(['?', '&']).map(str::to_owned).collect();
    parts.sort();
    parts
}

/// What a federation request says is made of what we know of certificates and keys.
fn compare_federation(vectors: &Vectors, id: &str, entry: &Value) {
    let (body, session) = (&entry["body_json"], &entry["session_key"]);
    if let Some(base64) = body["certificate"].as_str() {
        assert_eq!(leaf(vectors, entry).base64(), base64, "{id}");
    }
    if let (Some(base64), Some(session)) = (body["publicKey"].as_str(), session.as_str()) {
        let pem = text(&vectors.named("keys", session)["pem"], "pkcs8");
        let key = PrivateKey::from_pem(pem.as_bytes(), None).expect("a key");
        assert_eq!(STANDARD.encode(key.public_key_der()), base64, "{id}");
    }
}

/// The public half that the file has of a key.
pub(crate) fn public_key(key: &Value) -> RsaPublicKey {
    RsaPublicKey::from_public_key_der(&public_der(text(key, "public_key_pem"))).unwrap()
}

/// What stands between the first and the last line of a PEM file.
pub(crate) fn public_der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}
