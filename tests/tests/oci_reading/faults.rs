//! How each fault is taken and said.

use std::sync::Arc;
use std::time::Duration;

use vault_backends::address::VersionSelector;
use vault_backends::error::Class::{Answer, Outage, Request};
use vault_tests::oci::{FakeOci, Fault, Route, Times};

use crate::reader::{IN_COMPARTMENT, IN_VAULT, Reader, check, fetch, value, vault};

fn status(status: u16, code: &str) -> Fault {
    Fault::Status {
        status,
        code: code.to_owned(),
        message: "The service's words.".to_owned(),
    }
}

#[tokio::test]
async fn each_fault_has_its_class_its_word_and_its_remedy() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    for (fault, class, kind, words) in [
        (
            status(400, "InvalidParameter"),
            Request,
            "bad_request",
            "check the OCIDs",
        ),
        (
            status(402, "SignUpRequired"),
            Request,
            "sign_up_required",
            "subscription",
        ),
        (
            status(403, "NotAuthorized"),
            Answer,
            "not_allowed",
            "read secret-family",
        ),
        (
            status(404, "NotAuthorizedOrNotFound"),
            Answer,
            "not_found",
            "use keys",
        ),
        (
            status(404, "NotFound"),
            Answer,
            "no_such_path",
            "vault.endpoint",
        ),
        (
            status(405, "MethodNotAllowed"),
            Request,
            "method_not_allowed",
            "vault.endpoint",
        ),
        (
            status(408, "Timeout"),
            Outage,
            "request_timeout",
            "ocistatus",
        ),
        (
            status(409, "IncorrectState"),
            Outage,
            "incorrect_state",
            "try again",
        ),
        (
            status(409, "LockConflict"),
            Outage,
            "lock_conflict",
            "try again",
        ),
        (status(409, "Other"), Outage, "conflict", "try again"),
        (
            status(412, "NoEtagMatch"),
            Request,
            "changed_meanwhile",
            "try again",
        ),
        (
            status(413, "RequestEntityTooLarge"),
            Request,
            "request_too_large",
            "25 KB",
        ),
        (
            Fault::TooManyRequests {
                retry_after_seconds: Some(9),
            },
            Outage,
            "too_many_requests",
            "User-rate limit exceeded.",
        ),
        (
            status(500, "InternalServerError"),
            Outage,
            "internal_error",
            "ocistatus",
        ),
        (
            status(501, "MethodNotImplemented"),
            Outage,
            "not_implemented",
            "vault.endpoint",
        ),
        (status(502, ""), Outage, "bad_gateway", "ocistatus"),
        (
            status(503, "ServiceUnavailable"),
            Outage,
            "service_unavailable",
            "ocistatus",
        ),
        (status(504, ""), Outage, "gateway_timeout", "ocistatus"),
        (status(599, "Other"), Outage, "server_error", "ocistatus"),
        (Fault::Html(200), Outage, "html", "a page for people"),
        (Fault::Html(404), Outage, "html", "(status 404)"),
        (Fault::Html(503), Outage, "service_unavailable", "503"),
        (Fault::Empty, Outage, "empty_reply", "the reply is empty"),
        (Fault::Bare(204), Outage, "wrong_form", "another form"),
        (Fault::Bare(503), Outage, "service_unavailable", "(503)"),
        (
            Fault::Json("[]".to_owned()),
            Outage,
            "not_an_object",
            "not an object",
        ),
        (
            Fault::Json("{}".to_owned()),
            Outage,
            "no_content",
            "holds no value",
        ),
        (Fault::HalfJson, Outage, "cut_off_json", "cut off"),
        (
            Fault::Without("secretId".to_owned()),
            Outage,
            "no_id",
            "which secret",
        ),
        (
            Fault::Without("versionNumber".to_owned()),
            Outage,
            "no_version",
            "which version",
        ),
        (
            Fault::Without("secretBundleContent".to_owned()),
            Outage,
            "no_content",
            "holds no value",
        ),
        (Fault::NotUtf8, Outage, "not_json", "not JSON"),
        (Fault::Gzip, Outage, "content_encoding", "proxy"),
        (
            Fault::WrongStage,
            Outage,
            "wrong_version",
            "another version",
        ),
        (
            Fault::WrongContentType,
            Outage,
            "unknown_content_type",
            "only BASE64",
        ),
        (Fault::WrongId, Outage, "wrong_id", "another secret"),
        (Fault::NotBase64, Outage, "not_base64", "not base64"),
        (
            Fault::TooLong(300_000),
            Outage,
            "too_large",
            "longer than 262144 bytes",
        ),
        (
            Fault::Redirect("https://x.example/".to_owned()),
            Outage,
            "redirect",
            "elsewhere",
        ),
        (Fault::TruncateAfter(20), Outage, "truncated", "cut off"),
        (Fault::TruncateAfter(500), Outage, "truncated", "cut off"),
        (Fault::ResetAfter(0), Outage, "reset", "torn down"),
        (Fault::ResetAfter(500), Outage, "reset", "torn down"),
    ] {
        let shown = format!("{fault:?}");
        let error = reader.with_fault(&id, fault).await;
        let parts = [
            format!("read secret {id} as profile VECTORS in us-phoenix-1 at https://localhost:"),
            words.to_owned(),
            "(opc-request-id ".to_owned(),
        ];
        check(&error, class, kind, &parts.each_ref().map(String::as_str));
        assert!(!error.to_string().contains("hunter2"), "{shown}: {error}");
    }
    // And nothing of it lasts.
    assert_eq!(reader.read(None, &id).await.unwrap(), value("hunter2", "1"));
    assert_eq!(reader.identities.renewals(), 0);
    assert!(reader.identities.held().is_empty());
}

#[tokio::test]
async fn a_pause_that_was_asked_for_is_handed_on() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    for seconds in [Some(9), None] {
        let fault = Fault::TooManyRequests {
            retry_after_seconds: seconds,
        };
        let error = reader.with_fault(&id, fault).await;
        assert_eq!(error.pause(), seconds.map(Duration::from_secs));
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn another_version_than_was_asked_for_is_no_answer() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    reader
        .fake
        .fail(Route::GetSecretBundle, Fault::WrongVersion, Times::Next(1));
    let error = reader
        .read_version(None, &id, VersionSelector::Version(1))
        .await
        .unwrap_err();
    check(&error, Outage, "wrong_version", &["another version"]);
}

#[tokio::test]
async fn faults_of_the_other_calls_are_taken_in_the_same_way() {
    let reader = Reader::new();
    reader.fake.put("db", "hunter2");
    for (fault, class, kind) in [
        (status(404, "NotAuthorizedOrNotFound"), Answer, "not_found"),
        (
            status(503, "ServiceUnavailable"),
            Outage,
            "service_unavailable",
        ),
        (Fault::Html(200), Outage, "html"),
        (Fault::Empty, Outage, "empty_reply"),
        (Fault::TruncateAfter(300), Outage, "truncated"),
    ] {
        reader
            .fake
            .fail(Route::GetSecretBundleByName, fault.clone(), Times::Next(1));
        let error = reader.read(IN_VAULT, "db").await.unwrap_err();
        check(
            &error,
            class,
            kind,
            &["read secret \"db\" in vault", "us-phoenix-1"],
        );
        reader.fake.fail(Route::ListSecrets, fault, Times::Next(1));
        let error = reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
        check(
            &error,
            class,
            kind,
            &["list the secrets named \"db\"", "opc-request-id"],
        );
    }
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    let error = reader.with_fault(&id, Fault::Hang).await;
    check(
        &error,
        Outage,
        "timeout_first_byte",
        &[&id, "none came in time", "opc-request-id"],
    );
}

#[tokio::test]
async fn a_service_that_nobody_vouches_for_is_not_asked() {
    let reader = Reader::new();
    let other = FakeOci::start();
    let id = other.put("db", "hunter2");
    let (identities, clock) = (Arc::clone(&reader.identities), Arc::clone(&reader.clock));
    let vault = vault(&other, reader.ca_file.path(), identities, clock);
    let error = fetch(&vault, None, &id, VersionSelector::Current)
        .await
        .unwrap_err();
    check(&error, Outage, "tls", &["vault.ca_file", "us-phoenix-1"]);
    assert_eq!(other.with(|world| world.journal.seen().len()), 0);
}
