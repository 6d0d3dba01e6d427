//! Properties of what is read and written for OCI.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

use std::borrow::Cow;
use std::path::Path;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use vault_backends::oci::certificate::Certificate;
use vault_backends::oci::endpoint::{Endpoint, Service};
use vault_backends::oci::key::PrivateKey;
use vault_backends::oci::key_id::KeyId;
use vault_backends::oci::profile::{ConfigFile, ProfileContext};
use vault_backends::oci::region::{Region, Sources};
use vault_backends::oci::request_url::RequestUrl;
use vault_backends::oci::token::SecurityToken;

fn endpoint() -> Endpoint {
    Endpoint::explicit(Service::Secrets, "https://vault.example").unwrap()
}

/// Pieces of configuration files, so that what is made of them gets past the first line.
fn configuration() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[DEFAULT]\n".to_owned()),
        Just("[A]\n".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("=".to_owned()),
        Just(":".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just(" ".to_owned()),
        Just("\u{85}".to_owned()),
        Just("#".to_owned()),
        Just("key_file".to_owned()),
        Just("log_requests".to_owned()),
        Just("fingerprint=".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Texts that look like PEM, with anything inside.
fn pem() -> impl Strategy<Value = Vec<u8>> {
    let label = prop_oneof![
        Just("PRIVATE KEY"),
        Just("RSA PRIVATE KEY"),
        Just("ENCRYPTED PRIVATE KEY"),
        Just("CERTIFICATE"),
    ];
    let headers = prop_oneof![
        Just(""),
        Just("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"),
        Just("Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0011\n\n"),
        Just("Proc-Type: 4,ENCRYPTED\n\n"),
    ];
    let body = prop::collection::vec(any::<u8>(), 0..80);
    (label, headers, body).prop_map(|(label, headers, body)| {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(body);
        format!("-----BEGIN {label}-----\n{headers}{body}\n-----END {label}-----\n").into_bytes()
    })
}

proptest! {
    #[test]
    fn queries_are_decoded_to_what_was_meant(
        parameters in prop::collection::vec((any::<String>(), any::<String>()), 0..5),
    ) {
        let given: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = endpoint().url(&["x"], &given);
        let query = url.target().split_once('?').map_or("", |(_, query)| query);
        let decoded: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            form_urlencoded::parse(query.as_bytes()).collect();
        let decoded: Vec<(&str, &str)> =
            decoded.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        prop_assert_eq!(decoded, given);
    }

    #[test]
    fn paths_are_decoded_to_what_was_meant(
        segments in prop::collection::vec(any::<String>(), 1..5),
    ) {
        let given: Vec<&str> = segments.iter().map(String::as_str).collect();
        let url = endpoint().url::<&str>(&given, &[]);
        let decoded: Vec<String> = url
            .target()
            .split('/')
            .skip(2)
            .map(|segment| percent_decode_str(segment).decode_utf8().unwrap().into_owned())
            .collect();
        prop_assert_eq!(decoded, segments);
    }

    #[test]
    fn what_is_sent_is_visible_and_stays_as_it_is(
        segment in any::<String>(),
        name in any::<String>(),
        value in any::<String>(),
    ) {
        let url = endpoint().url(&[segment.as_str()], &[(name.as_str(), value.as_str())]);
        prop_assert!(url.target().bytes().all(|byte| byte.is_ascii_graphic()));
        let again: RequestUrl = url.to_string().parse().unwrap();
        if ![".", ".."].contains(&segment.as_str()) {
            prop_assert_eq!(again, url);
        }
    }

    #[test]
    fn a_url_that_is_settled_is_settled_for_good(text in "(https?|HTTP)://[a-zA-Z0-9:.\\[\\]@]{1,12}.{0,30}") {
        if let Ok(url) = text.parse::<RequestUrl>() {
            prop_assert!(url.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(url.target().starts_with('/'));
            prop_assert_eq!(url.to_string().parse::<RequestUrl>().map(|url| url.origin().clone()), Ok(url.origin().clone()));
        }
    }

    #[test]
    fn a_configuration_file_of_anything_is_read_or_refused(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), configuration().prop_map(String::into_bytes)],
        name in prop_oneof![Just("DEFAULT".to_owned()), Just("A".to_owned()), any::<String>()],
    ) {
        let around = ProfileContext { home: Path::new("/h"), region: None, is_file: &|_| false };
        match ConfigFile::parse(Path::new("/c"), &bytes) {
            Ok(file) => {
                prop_assert!(file.profile("DEFAULT").is_ok());
                if let Ok(profile) = file.profile(&name) {
                    for failure in [
                        profile.check(&around).err(),
                        profile.api_key(&around).err(),
                        profile.session(&around).err(),
                        profile.delegation(&around).err(),
                    ] {
                        prop_assert!(failure.is_none_or(|error| !error.to_string().is_empty()));
                    }
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn a_key_file_of_anything_is_read_or_refused(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), pem()],
        passphrase in proptest::option::of(any::<String>()),
    ) {
        let refused = PrivateKey::from_pem(&bytes, passphrase.as_deref()).err();
        prop_assert!(refused.is_some_and(|error| !error.to_string().is_empty()));
        prop_assert!(Certificate::from_pem(&bytes).is_err());
    }

    #[test]
    fn other_texts_of_anything_are_read_or_refused(text in any::<String>()) {
        let quoted = [text.as_str(), &format!("a.{text}.b")].map(|text| SecurityToken::read(text).is_ok());
        prop_assert_eq!(quoted, [false, false]);
        let sources = Sources {
            regions_config: Some(&text),
            metadata_variable: Some(&text),
            instance: Some(&text),
            default_realm: Some(&text),
        };
        for region in [text.as_str(), "xx-nowhere-9"] {
            if let Ok(found) = Region::resolve(region, &sources) {
                for service in Service::ALL {
                    let url = Endpoint::of(service, &found.region).url::<&str>(&[], &[]);
                    prop_assert!(url.to_string().parse::<RequestUrl>().is_ok());
                }
            }
        }
        if let Ok(endpoint) = Endpoint::explicit(Service::Auth, &text) {
            prop_assert!(endpoint.to_string().starts_with("http"));
        }
        if let Ok(key_id) = KeyId::token(&text) {
            prop_assert!(!key_id.as_str().contains('"'));
        }
    }
}
