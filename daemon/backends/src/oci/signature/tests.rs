//! Tests of what is signed.

use super::*;

const KEY: &str = include_str!("../../../../../tests/cases/oci-vectors.json");

/// The first of the keys that the vectors have.
fn key() -> Arc<PrivateKey> {
    let vectors: serde_json::Value = serde_json::from_str(KEY).expect("JSON");
    let pem = vectors["keys"]["pub2048"]["pem"]["pkcs8"].as_str();
    let key = PrivateKey::from_pem(pem.expect("a key").as_bytes(), None);
    Arc::new(key.expect("a key"))
}

fn url() -> RequestUrl {
    "https://v.example:8443/a?b=c".parse().expect("a URL")
}

fn lines_of(request: &Unsigned<'_>) -> Vec<String> {
    let text = lines(&request.signed(HttpDate::at(0)));
    text.lines().map(str::to_owned).collect()
}

fn names(request: &Unsigned<'_>) -> String {
    let lines = lines_of(request);
    let names = lines.iter().filter_map(|line| line.split_once(": "));
    names.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_signed_depends_on_the_method_alone() {
    let url = url();
    for method in Method::ALL {
        let mut request = Unsigned::new(method, &url);
        request.body = b"x";
        let body = matches!(method, Method::Post | Method::Put | Method::Patch);
        let expected = if body {
            "date (request-target) host content-length content-type x-content-sha256"
        } else {
            "date (request-target) host"
        };
        assert_eq!(names(&request), expected, "{method:?}");
    }
}

#[test]
fn an_empty_body_of_a_post_is_signed() {
    let url = url();
    assert_eq!(
        lines_of(&Unsigned::new(Method::Post, &url)),
        [
            "date: Thu, 01 Jan 1970 00:00:00 GMT",
            "(request-target): post /a?b=c",
            "host: v.example:8443",
            "content-length: 0",
            "content-type: application/json",
            "x-content-sha256: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ]
    );
}

#[test]
fn a_delegation_token_comes_after_the_host_and_federation_has_none() {
    let url = url();
    let mut request = Unsigned::new(Method::Post, &url);
    request.delegation_token = Some("t");
    let expected =
        "date (request-target) host opc-obo-token content-length content-type x-content-sha256";
    assert_eq!(names(&request), expected);
    request.delegation_token = None;
    request.extent = Extent::WithoutHost;
    assert_eq!(names(&request), expected.replace(" host opc-obo-token", ""));
}

#[test]
fn a_header_that_would_not_arrive_is_not_signed() {
    let (url, key) = (url(), key());
    let signer = Signer::new(key, KeyId::token("t").expect("a name"));
    for token in ["a\r\nx: y", " a", "a ", "\u{e4}", "a\0"] {
        let mut request = Unsigned::new(Method::Get, &url);
        request.delegation_token = Some(token);
        let error = signer.sign(&request, HttpDate::at(0)).err();
        let error = error.expect("refused");
        assert_eq!(error.kind(), "bad_header");
        assert_eq!(
            error.to_string(),
            "sign a request: its header opc-obo-token has letters that no header can have"
        );
    }
}

#[test]
fn methods_are_known_by_their_words() {
    for method in Method::ALL {
        assert_eq!(method.as_str().parse(), Ok(method));
        assert_eq!(method.as_lower_str().parse(), Ok(method));
    }
    assert_eq!("OPTIONS".parse::<Method>(), Err(UnknownMethod));
}
