//! Is each refusal taken as it must be, and said so that a person can act?

mod statuses;

use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::super::asked::Asked;
use super::super::clock_offset::ClockOffset;
use super::super::endpoint::Service;
use super::*;
use crate::error::Class::{self, Answer, Credentials, Outage, Request};
use crate::http::header::{HeaderName, HeaderValue};
use crate::http::{HeaderMap, Reply, StatusCode};

fn asked() -> Asked {
    Asked {
        operation: "read",
        about: "secret ocid1.vaultsecret.oc1.phx.a".to_owned(),
        principal: "profile DEFAULT of /home/u/.oci/config".to_owned(),
        place: "in us-phoenix-1".to_owned(),
        request_id: "C/A/B".to_owned(),
    }
}

fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    Reply {
        status: StatusCode::from_u16(status).expect("a status"),
        headers: headers.collect::<HeaderMap>(),
        body: Zeroizing::new(body.as_bytes().to_vec()),
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    let body = json!({"code": code, "message": message, "originalMessage": null});
    Refusal::of(&reply(status, &[], &body.to_string()))
}

const SAID: &str = "A text.";

#[test]
fn a_refusal_for_want_of_a_policy_names_the_statements() {
    for status in [403, 404] {
        let error = refusal(status, "NotAuthorizedOrNotFound", SAID);
        let text = error
            .error(&asked(), Service::Secrets, Quotes::Message)
            .to_string();
        for statement in [
            "`Allow group GROUP to read secret-family in compartment COMPARTMENT`",
            "`Allow group GROUP to use keys in compartment COMPARTMENT`",
        ] {
            assert!(text.contains(statement), "{text}");
        }
    }
}

#[test]
fn a_pause_that_was_asked_for_is_kept_and_bounded() {
    let date = ("date", "Mon, 05 Jan 2026 21:31:40 GMT");
    let until = |text| [("retry-after", text), date];
    for (status, headers, pause) in [
        (429, until("7"), Some(7)),
        (429, until(" 7 "), Some(7)),
        (503, until("0"), Some(0)),
        (503, until("Mon, 05 Jan 2026 21:32:40 GMT"), Some(60)),
        (429, until("Mon, 05 Jan 2026 21:30:40 GMT"), Some(0)),
        (429, until("99999999999"), Some(3600)),
        (429, until("soon"), None),
        (429, until("-1"), None),
        (404, until("7"), None),
        (429, [date, ("x", "")], None),
    ] {
        let refusal = Refusal::of(&reply(status, &headers, "{}"));
        let error = refusal.error(&asked(), Service::Secrets, Quotes::Message);
        assert_eq!(
            error.pause(),
            pause.map(Duration::from_secs),
            "{status} {headers:?}"
        );
    }
}

#[test]
fn a_page_for_people_is_no_refusal_of_the_services() {
    let html = [("content-type", "Text/HTML; charset=utf-8")];
    for (status, kind) in [
        (400, "html"),
        (401, "html"),
        (403, "html"),
        (404, "html"),
        (407, "html"),
        (429, "too_many_requests"),
        (503, "service_unavailable"),
    ] {
        for reply in [
            reply(status, &html, ""),
            reply(status, &[], " <!DOCTYPE html>"),
        ] {
            let refusal = Refusal::of(&reply);
            assert!(!refusal.is_not_authenticated());
            let error = refusal.error(&asked(), Service::Secrets, Quotes::Message);
            assert_eq!((error.class(), error.kind()), (Outage, kind), "{status}");
        }
    }
    assert!(Refusal::of(&reply(401, &[], "")).is_not_authenticated());
}

#[test]
fn a_body_that_is_none_of_the_services_leaves_the_status() {
    for body in [
        "",
        "no",
        "[]",
        "{\"code\": 5}",
        "\u{0}",
        "{\"code\": \"a b\"}",
    ] {
        let refusal = Refusal::of(&reply(404, &[], body));
        let error = refusal.error(&asked(), Service::Secrets, Quotes::Message);
        assert_eq!(
            (error.class(), error.kind()),
            (Answer, "not_found"),
            "{body:?}"
        );
        assert!(error.to_string().contains("(404); "), "{error}");
    }
}

#[test]
fn foreign_texts_are_one_short_line_of_letters() {
    let message = format!("a\n\"b\"\u{1b}[31m\u{e4} {}", "x".repeat(500));
    let said = refusal(500, "InternalServerError", &message).said(Quotes::Message);
    assert!(
        said.starts_with("500 InternalServerError: \"a 'b'?[31m? xxx"),
        "{said}"
    );
    assert!(said.len() < 240, "{said}");
    assert_eq!(refusal(500, "A\"B", " \n").said(Quotes::Message), "500");
    assert_eq!(
        refusal(500, &"A".repeat(65), "b").said(Quotes::Message),
        "500: \"b\""
    );
}

#[test]
fn where_a_value_was_sent_the_services_text_is_not_repeated() {
    let refusal = refusal(
        400,
        "InvalidParameter",
        "content aHVudGVyMg== already exists",
    );
    let error = refusal.error(&asked(), Service::Vaults, Quotes::Nothing);
    assert_eq!(error.kind(), "already_exists");
    let text = error.to_string();
    assert!(text.contains("(400 InvalidParameter)"), "{text}");
    assert!(!text.contains("aHVudGVyMg"), "{text}");
}

#[test]
fn what_was_sent_is_not_repeated_where_the_credential_is_refused() {
    let refusal = refusal(401, "NotAuthenticated", "Failed to verify aHVudGVyMg==");
    let why = NotAuthenticated::of(&refusal, None, Quotes::Nothing);
    assert_eq!(why.kind(), "wrong_signature");
    let text = why.to_string();
    assert!(text.contains("(401 NotAuthenticated)"), "{text}");
    assert!(!text.contains("aHVudGVyMg"), "{text}");
}

#[test]
fn a_text_that_quotes_a_token_is_not_repeated() {
    let refusal = refusal(400, "InvalidParameter", "no header keyId=\"ST$eyJh\"");
    assert_eq!(refusal.said(Quotes::Message), "400 InvalidParameter");
}

#[test]
fn a_longer_part_of_what_was_sent_is_found_in_a_text() {
    let sent: [&[u8]; 2] = [b"short", b"abcdefghijklmnopqrstuvwxyz0123456789"];
    for (message, repeats) in [
        ("short", false),
        ("it says bcdefghijklmnopqrstuvwxyz", true),
        ("it says cdefghijklmnopqrstuvwxy and no more", false),
        ("", false),
    ] {
        let refusal = refusal(400, "InvalidParameter", message);
        assert_eq!(refusal.repeats(sent), repeats, "{message}");
    }
}

#[test]
fn what_401_means_is_told_apart_by_its_text() {
    const PROVIDED: &str = "The required information to complete authentication was not provided";
    let skewed =
        "Date 'Sun, 11 Mar 2018 16:32:46 UTC' is not within allowed clock skew. Current 'x'";
    let offset = |seconds| Some(ClockOffset { seconds });
    for (message, offset, kind, words) in [
        (
            format!("{PROVIDED} or was incorrect."),
            offset(3),
            "unknown_key",
            "check tenancy, user and fingerprint",
        ),
        (
            format!("{PROVIDED}."),
            None,
            "no_signature",
            "takes headers out",
        ),
        (
            "Failed to verify the HTTP(S) Signature".to_owned(),
            offset(-300),
            "wrong_signature",
            "whose public half was uploaded",
        ),
        (
            skewed.to_owned(),
            offset(720),
            "clock_skew",
            "the clock of this machine is 12 min behind OCI's",
        ),
        (
            skewed.to_owned(),
            None,
            "clock_skew",
            "`timedatectl set-ntp true`",
        ),
        (
            format!("{PROVIDED}."),
            offset(-4000),
            "clock_skew",
            "66 min 40 s ahead of OCI's",
        ),
        (String::new(), None, "not_authenticated", "sign in again"),
    ] {
        let refusal = refusal(401, "NotAuthenticated", &message);
        assert!(refusal.is_not_authenticated());
        let why = NotAuthenticated::of(&refusal, offset, Quotes::Message);
        assert_eq!(why.kind(), kind, "{message}");
        assert_eq!(why.is_of_the_clock(), kind == "clock_skew");
        let text = why.to_string();
        assert!(
            text.contains(words) && text.contains("401 NotAuthenticated"),
            "{text}"
        );
    }
}

#[test]
fn a_credential_that_is_held_is_not_said_to_be_of_one_secret() {
    let error = asked().sign_in_error(Credentials, "unknown_key", "no");
    assert_eq!(
        error.to_string(),
        "sign in as profile DEFAULT of /home/u/.oci/config in us-phoenix-1: no (opc-request-id C/A/B)"
    );
    let class: Class = error.class();
    assert_eq!(class, Credentials);
}
