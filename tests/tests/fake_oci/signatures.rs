//! Signatures that the fake takes, and those that it does not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vault_tests::oci::{FakeOci, Route, public_key_pem};

use crate::signer::Signer;
use crate::vectors::{all, prepare, request, vector};
use crate::wire::{Answer, Raw};

const NOT_PROVIDED: &str = "The required information to complete authentication was not provided.";
const INCORRECT: &str =
    "The required information to complete authentication was not provided or was incorrect.";
const WRONG: &str = "Failed to verify the HTTP(S) Signature";

#[track_caller]
fn assert_refused(answer: &Answer, message: &str) {
    let expected = (401, "NotAuthenticated".to_owned(), message.to_owned());
    assert_eq!(answer.error(), expected);
    assert!(answer.header("opc-request-id").is_some());
}

#[test]
fn what_oracle_s_sdk_signed_is_taken() {
    let fake = FakeOci::start();
    let mut taken = 0;
    for vector in all() {
        prepare(&fake, vector);
        let answer = request(vector).to(&fake);
        assert_ne!(answer.status, 401, "{}: {answer:?}", vector["description"]);
        let id = vector["id"].as_str().unwrap();
        if ["P17", "P18"].contains(&id) {
            assert_eq!(answer.status, 200, "{id}");
            assert!(answer.json()["token"].is_string(), "{id}");
        }
        taken += 1;
    }
    assert_eq!(taken, 20);
}

#[test]
fn over_https_too() {
    let (raw, fake) = vector("P13");
    assert_eq!(raw.to_tls(&fake).error().1, "NotAuthorizedOrNotFound");
    assert_eq!(fake.calls(Route::UpdateSecret), 1);
}

#[test]
fn one_bit_of_the_signature_is_enough() {
    let (raw, fake) = vector("P11");
    let authorization = raw.header("authorization").to_owned();
    let (before, signature) = authorization.split_once("signature=\"").unwrap();
    let (signature, after) = signature.split_once('"').unwrap();
    for byte in [0, 128, 255] {
        let mut bytes = STANDARD.decode(signature).unwrap();
        bytes[byte] ^= 1;
        let flipped = STANDARD.encode(bytes);
        let altered = format!("{before}signature=\"{flipped}\"{after}");
        let altered = raw.clone().with("authorization", &altered);
        assert_refused(&altered.to(&fake), WRONG);
    }
}

#[test]
fn every_signed_header_must_be_sent_and_listed() {
    let (raw, fake) = vector("P11");
    let names = [
        "date",
        "host",
        "content-length",
        "content-type",
        "x-content-sha256",
    ];
    for name in names {
        let missing = raw.clone().without(name);
        // Without its length a body does not belong to the request.
        let missing = Raw {
            body: if name == "content-length" {
                Vec::new()
            } else {
                missing.body.clone()
            },
            ..missing
        };
        assert_refused(&missing.to(&fake), INCORRECT);
    }
    for name in names.into_iter().chain(["(request-target)"]) {
        let all = "date (request-target) host content-length content-type x-content-sha256";
        let fewer: Vec<&str> = all.split(' ').filter(|known| *known != name).collect();
        let authorization = raw.header("authorization").replace(all, &fewer.join(" "));
        let unlisted = raw.clone().with("authorization", &authorization);
        assert_refused(&unlisted.to(&fake), INCORRECT);
    }
}

#[test]
fn nothing_but_what_must_be_signed_may_be() {
    let fake = FakeOci::start();
    let person = Signer::person();
    let names = "date (request-target) host accept";
    let raw = Raw::new("GET", "/20180608/secrets/x").with("accept", "application/json");
    assert_refused(&person.sign_headers(&fake, raw, names).to(&fake), INCORRECT);
    // A token of somebody on whose behalf it is must be.
    let names = "date (request-target) host opc-obo-token";
    let raw = Raw::new("GET", "/20180608/secrets/x").with("opc-obo-token", "token");
    assert_refused(&person.sign(&fake, raw.clone()).to(&fake), INCORRECT);
    assert_eq!(person.sign_headers(&fake, raw, names).to(&fake).status, 404);
}

#[test]
fn the_body_must_be_the_one_that_was_signed() {
    let (raw, fake) = vector("P11");
    let mut altered = raw.clone();
    altered.body[0] ^= 1;
    assert_refused(&altered.to(&fake), INCORRECT);
    // With a hash that is true of it, and was not signed.
    let person = Signer::person();
    let hash = person.sign(&fake, altered.clone());
    let hash = hash.header("x-content-sha256").to_owned();
    assert_refused(&altered.with("x-content-sha256", &hash).to(&fake), WRONG);
}

#[test]
fn the_target_and_the_host_must_be_the_ones_that_were_signed() {
    let (mut raw, fake) = vector("P02");
    let host = raw.clone().with("host", "vaults.example");
    assert_refused(&host.to(&fake), WRONG);
    raw.target.push_str("&versionNumber=1");
    assert_refused(&raw.to(&fake), WRONG);
}

#[test]
fn a_clock_that_is_more_than_five_minutes_off_is_told_so() {
    for (off, is_taken) in [(295, true), (-295, true), (301, false), (-301, false)] {
        let (raw, fake) = vector("P01");
        fake.with(|world| world.clock.advance(off));
        let answer = raw.to(&fake);
        assert_eq!(answer.status != 401, is_taken, "{off}");
        if is_taken {
            continue;
        }
        let (_, code, message) = answer.error();
        assert_eq!(code, "NotAuthenticated");
        let start =
            "Date 'Mon, 05 Jan 2026 21:31:40 UTC' is not within allowed clock skew. Current '";
        assert!(message.starts_with(start), "{message}");
        let times = message.matches(" UTC'").count();
        assert_eq!(
            (times, message.contains("valid datetime range: ['")),
            (4, true),
            "{message}"
        );
        let date = answer.header("date").unwrap().replace("GMT", "UTC");
        assert!(message.contains(&date), "{date}: {message}");
    }
}

#[test]
fn a_date_must_be_written_as_http_writes_it() {
    let (raw, fake) = vector("P01");
    for date in ["", "2026-01-05T21:31:40Z", "Monday, 05-Jan-26 21:31:40 GMT"] {
        assert_refused(&raw.clone().with("date", date).to(&fake), INCORRECT);
    }
}

#[test]
fn an_unknown_key_and_somebody_else_s_are_told_apart() {
    let (raw, fake) = vector("P01");
    let key_id = Signer::person().key_id;
    fake.with(|world| world.keys.register(&key_id, public_key_pem("publeaf2048")));
    assert_refused(&raw.to(&fake), WRONG);
    fake.with(|world| world.keys.forget(&key_id));
    assert_refused(&raw.to(&fake), INCORRECT);
}

#[test]
fn who_does_not_sign_gets_nothing() {
    let fake = FakeOci::start();
    for target in [
        "/20190301/secretbundles/x",
        "/20180608/secrets/x",
        "/elsewhere",
    ] {
        let raw = Raw::new("GET", target);
        assert_refused(&raw.to(&fake), NOT_PROVIDED);
        let bearer = raw.with("authorization", "Bearer Oracle");
        assert_refused(&bearer.to(&fake), NOT_PROVIDED);
    }
}

#[test]
fn a_path_that_nobody_serves_is_told_to_who_signed() {
    let fake = FakeOci::start();
    let answer = Signer::person().get(&fake, "/20180608/elsewhere");
    assert_eq!(
        (answer.status, answer.error().1.as_str()),
        (404, "NotFound")
    );
    assert_eq!(fake.calls(Route::Unknown), 1);
}
