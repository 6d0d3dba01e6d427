//! Tests of how refusals are taken and said.

mod statuses;

use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::super::call_description::CallDescription;
use super::super::clock_offset::ClockOffset;
use super::super::endpoint::Service;
use super::*;
use crate::error::Class::{self, Answer, Credentials, Outage, Request};
use crate::error::{Contact, Extent};
use crate::http::header::{HeaderName, HeaderValue};
use crate::http::{HeaderMap, Reply, StatusCode};

fn description() -> CallDescription {
    CallDescription {
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
    Refusal::of(&reply(status, &[ID], &body.to_string()))
}

const SAID: &str = "A text.";
/// All replies of the services have it.
const ID: (&str, &str) = ("opc-request-id", "C/A/B");
/// A refusal that only says how long to wait, in the services' form.
const BUSY: &str = r#"{"code":"TooManyRequests","message":"Busy."}"#;

#[test]
fn a_refusal_for_want_of_a_policy_names_the_statements() {
    for status in [403, 404] {
        let error = refusal(status, "NotAuthorizedOrNotFound", SAID);
        let text = error
            .error(&description(), Service::Secrets, Quotes::Message)
            .to_string();
        for statement in [
            "`Allow group GROUP to read secret-family in compartment COMPARTMENT`",
            "`Allow group GROUP to use keys in compartment COMPARTMENT`",
        ] {
            assert!(text.contains(statement), "{text}");
        }
    }
}

/// A proxy or a load balancer cannot close a vault for everybody.
#[test]
fn a_pause_that_somebody_in_between_asks_for_is_not_kept() {
    for (status, headers, body) in [
        (429, vec![("retry-after", "600")], BUSY),
        (503, vec![("retry-after", "600"), ID], "busy"),
        (503, vec![("retry-after", "600")], ""),
    ] {
        let refusal = Refusal::of(&reply(status, &headers, body));
        let error = refusal.error(&description(), Service::Secrets, Quotes::Message);
        assert_eq!(error.pause(), None, "{status} {body:?}");
        assert_eq!(error.class(), Outage, "{status} {body:?}");
    }
}

#[test]
fn a_pause_that_was_asked_for_is_kept_and_bounded() {
    let date = ("date", "Mon, 05 Jan 2026 21:31:40 GMT");
    let until = |text| [("retry-after", text), date, ID];
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
        (429, [date, ("x", ""), ID], None),
    ] {
        let refusal = Refusal::of(&reply(status, &headers, BUSY));
        let error = refusal.error(&description(), Service::Secrets, Quotes::Message);
        assert_eq!(
            error.pause(),
            pause.map(Duration::from_secs),
            "{status} {headers:?}"
        );
    }
}

#[test]
fn only_a_refusal_in_the_services_own_form_is_its_word() {
    let html = ("content-type", "Text/HTML; charset=utf-8");
    let own = r#"{"code":"NotAuthorizedOrNotFound","message":"No.","more":[1]}"#;
    let (with_id, without, page): (&[_], &[_], &[_]) = (&[ID], &[], &[ID, html]);
    for status in [
        400, 401, 402, 403, 404, 405, 406, 407, 409, 412, 413, 418, 421, 431, 451, 511,
    ] {
        for (headers, body, kind) in [
            (page, own, "html"),
            (with_id, " <!DOCTYPE html>", "html"),
            (without, own, "not_the_service"),
            (with_id, "", "not_the_service"),
            (with_id, "Not Found", "not_the_service"),
            (with_id, "[]", "not_the_service"),
            (with_id, r#"["NotFound","No."]"#, "not_the_service"),
            (
                with_id,
                r#"{"code":404,"message":"No."}"#,
                "not_the_service",
            ),
            (with_id, r#"{"code":"NotFound"}"#, "not_the_service"),
            (with_id, r#"{"message":"No."}"#, "not_the_service"),
            (
                with_id,
                r#"{"error":{"code":"x","message":"y"}}"#,
                "not_the_service",
            ),
        ] {
            let refusal = Refusal::of(&reply(status, headers, body));
            assert!(!refusal.is_not_authenticated());
            assert!(refusal.leaves_open());
            let error = refusal.error(&description(), Service::Secrets, Quotes::Message);
            let got = (error.class(), error.contact(), error.extent(), error.kind());
            let expected = (Outage, Contact::Replied, Extent::Backend, kind);
            assert_eq!(got, expected, "{status} {body}");
            let text = error.to_string();
            assert!(text.contains(&format!("(status {status}); ")), "{text}");
            assert!(
                text.contains("proxy or a sign-in portal on the way"),
                "{text}"
            );
        }
    }
    let refusal = Refusal::of(&reply(404, with_id, own));
    let error = refusal.error(&description(), Service::Secrets, Quotes::Message);
    assert_eq!((error.class(), error.kind()), (Answer, "not_found"));
    assert!(Refusal::of(&reply(401, with_id, own)).is_not_authenticated());
}

#[test]
fn a_status_that_says_the_same_whoever_says_it_keeps_its_kind() {
    for (status, kind) in [
        (408, "request_timeout"),
        (429, "too_many_requests"),
        (500, "internal_error"),
        (503, "service_unavailable"),
    ] {
        for body in ["", "<html>", "busy"] {
            let refusal = Refusal::of(&reply(status, &[], body));
            let error = refusal.error(&description(), Service::Secrets, Quotes::Message);
            let got = (error.class(), error.extent(), error.kind());
            assert_eq!(got, (Outage, Extent::Backend, kind), "{status} {body}");
        }
    }
}

#[test]
fn what_is_about_one_secret_is_said_to_be() {
    use Service::{Secrets, Vaults};
    for (service, status, code, extent) in [
        (Secrets, 409, "IncorrectState", Extent::Secret),
        (Secrets, 409, "LockConflict", Extent::Secret),
        (Secrets, 409, "Other", Extent::Secret),
        (Vaults, 409, "IncorrectState", Extent::Secret),
        (Secrets, 500, "InternalServerError", Extent::Secret),
        (Vaults, 500, "InternalServerError", Extent::Backend),
        (Secrets, 429, "TooManyRequests", Extent::Backend),
        (Secrets, 502, "BadGateway", Extent::Backend),
        (Secrets, 503, "ServiceUnavailable", Extent::Backend),
        (Secrets, 504, "GatewayTimeout", Extent::Backend),
    ] {
        let error = refusal(status, code, SAID).error(&description(), service, Quotes::Message);
        assert_eq!(error.extent(), extent, "{status} {code}");
    }
    for (reply, extent) in [
        (BadReply::WrongId, Extent::Secret),
        (BadReply::VersionZero, Extent::Secret),
        (BadReply::EmptyContent, Extent::Secret),
        (BadReply::NotBase64, Extent::Secret),
        (BadReply::Html, Extent::Backend),
        (BadReply::Empty, Extent::Backend),
        (BadReply::NotJson, Extent::Backend),
    ] {
        assert_eq!(reply.error(&description()).extent(), extent, "{reply}");
    }
}

#[test]
fn a_reply_that_cannot_be_used_says_what_to_do() {
    for (reply, remedy) in [
        (BadReply::NotJson, "check that the endpoint is"),
        (BadReply::WrongId, "look at the secret in the OCI console"),
        (BadReply::NoVersion, "look at the secret in the OCI console"),
        (BadReply::Encoded, "look for a proxy"),
        (BadReply::PageLoop, "check vault.management_endpoint"),
    ] {
        let text = reply.error(&description()).to_string();
        assert!(text.starts_with("read secret ocid1.vaultsecret"), "{text}");
        assert!(text.contains(&format!("{reply}; {remedy}")), "{text}");
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
    let error = refusal.error(&description(), Service::Vaults, Quotes::Nothing);
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
fn a_part_of_what_was_sent_is_found_in_a_text() {
    let long: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    for (message, sent, repeats) in [
        ("it says bcdefghi", long, true),
        ("it says bcdefgh and no more", long, false),
        ("it says hunter2", b"hunter2", true),
        ("it says hunter", b"hunter2", false),
        ("anything", b"", false),
        ("", long, false),
    ] {
        let refusal = refusal(400, "InvalidParameter", message);
        assert_eq!(refusal.repeats(sent, 8), repeats, "{message}");
    }
}

#[test]
fn only_the_beginning_of_a_long_text_is_looked_at() {
    let message = format!("{} hunter2-and-more", "x".repeat(5_000_000));
    let refusal = refusal(400, "InvalidParameter", &message);
    assert!(!refusal.repeats(b"hunter2-and-more", 8));
    assert!(
        refusal
            .message
            .as_ref()
            .is_some_and(|text| text.len() <= 1024)
    );
    assert!(!refusal.said(Quotes::Message).contains("hunter2"));
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
    let error = description().sign_in_error(Credentials, "unknown_key", "no");
    assert_eq!(
        error.to_string(),
        "sign in as profile DEFAULT of /home/u/.oci/config in us-phoenix-1: no (opc-request-id C/A/B)"
    );
    let class: Class = error.class();
    assert_eq!(class, Credentials);
}
