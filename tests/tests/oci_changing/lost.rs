//! Changes that meet a fault, or somebody else's change.

use std::time::Duration;

use vault_backends::error::{Class, Contact};
use vault_tests::oci::{Fault, Route, Times};

use crate::cloud::{Cloud, failure_of, pending};

const OPEN: &str = "whether it was made is open";

#[tokio::test]
async fn a_change_whose_answer_was_lost_may_have_been_made_and_that_is_said() {
    for fault in [
        Fault::ResetAfter(0),
        Fault::TruncateAfter(40),
        Fault::Empty,
        Fault::HalfJson,
        Fault::Html(200),
        Fault::Html(502),
        Fault::Status {
            status: 408,
            code: "Timeout".to_owned(),
            message: String::new(),
        },
    ] {
        let cloud = Cloud::new();
        cloud
            .fake
            .fail(Route::CreateSecret, fault.clone(), Times::Next(1));
        let error = cloud.put("db", "hunter2").await.unwrap_err();
        assert_eq!(error.class(), Class::Outage, "{fault:?}");
        let text = error.to_string();
        assert!(
            text.contains(OPEN) && text.contains("vaultctl versions"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(cloud.fake.calls(Route::CreateSecret), 1, "once: {fault:?}");
    }
}

#[tokio::test]
async fn a_new_version_whose_answer_was_lost_is_not_stored_twice() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    let lost = Fault::ResetAfter(0);
    cloud.fake.fail(Route::UpdateSecret, lost, Times::Next(1));
    let (_, text) = failure_of(cloud.put("db", "new").await);
    assert!(text.contains(OPEN), "{text}");
    let versions = cloud
        .fake
        .with(|world| world.secrets.secret(&id).versions.len());
    assert_eq!(versions, 2, "it was made, and once");
}

#[tokio::test]
async fn a_version_that_is_stored_and_whose_number_is_lost_is_said_to_be_stored() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    let lost = Fault::ResetAfter(0);
    cloud
        .fake
        .fail(Route::ListSecretVersions, lost, Times::Next(1));
    let (_, text) = failure_of(cloud.put_as("db", b"new", pending(None)).await);
    assert!(text.contains("is stored all the same"), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_none_confirms_no_change() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    cloud.put_as("db", b"new", pending(None)).await.unwrap();
    for fault in [Fault::Empty, Fault::Bare(204), Fault::Json("[]".to_owned())] {
        let plan = || {
            cloud
                .fake
                .fail(Route::UpdateSecret, fault.clone(), Times::Next(1));
        };
        plan();
        let (_, text) = failure_of(cloud.put("db", "newer").await);
        assert!(text.contains(OPEN), "{text}");
        plan();
        let promoted = cloud.changes().promote(&cloud.target("db"), "2").await;
        let (_, text) = failure_of(promoted);
        assert!(text.contains(OPEN), "{text}");
    }
}

#[tokio::test]
async fn a_change_that_the_service_refused_was_not_made_and_nothing_else_is_said() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    let refused = |status: u16, code: &str| Fault::Status {
        status,
        code: code.to_owned(),
        message: "it quotes hunter2".to_owned(),
    };
    for (fault, kind) in [
        (refused(401, "NotAuthenticated"), "not_authenticated"),
        (refused(409, "IncorrectState"), "incorrect_state"),
        (refused(412, "NoEtagMatch"), "changed_meanwhile"),
        (refused(400, "LimitExceeded"), "limit_exceeded"),
        (refused(404, "NotAuthorizedOrNotFound"), "not_found"),
        (
            Fault::TooManyRequests {
                retry_after_seconds: Some(3),
            },
            "too_many_requests",
        ),
    ] {
        cloud.fake.fail(Route::UpdateSecret, fault, Times::Next(1));
        let (found, text) = failure_of(cloud.put("db", "hunter2").await);
        assert_eq!(found, kind);
        assert!(!text.contains(OPEN) && !text.contains("hunter2"), "{text}");
        assert!(
            text.contains("profile DEFAULT") && text.contains("opc-request-id"),
            "{text}"
        );
    }
    assert_eq!(cloud.value("db").await, "old");
}

#[tokio::test]
async fn the_services_own_sentence_is_given_unless_it_has_a_part_of_the_value() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    // In base64: dGhlIGxvbmcgcGFzc3BocmFzZQ==
    let value = "the long passphrase";
    for (message, is_given) in [
        ("secretContent is not valid for secretName db", true),
        ("the rule forbids `long pass`", false),
        ("the content xvbmcgcGFz is known already", false),
        ("what was sent is `the`, or so", true),
        ("what was sent is `the l`, or so", false),
    ] {
        let fault = Fault::Status {
            status: 400,
            code: "InvalidParameter".to_owned(),
            message: message.to_owned(),
        };
        cloud.fake.fail(Route::UpdateSecret, fault, Times::Next(1));
        let (kind, text) = failure_of(cloud.put("db", value).await);
        assert_eq!(kind, "bad_request");
        assert!(text.contains("(400 InvalidParameter"), "{text}");
        assert_eq!(text.contains(message), is_given, "{text}");
    }
}

#[tokio::test]
async fn a_change_that_was_never_sent_was_not_made_and_nothing_else_is_said() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    // It is looked at before it is changed.
    cloud.ends_tokens_after(1);
    let error = cloud.put(&id, "hunter2").await.unwrap_err();
    assert_eq!(error.class(), Class::Outage);
    assert_eq!(
        error.contact(),
        Contact::NotSent,
        "it says nothing of the vault"
    );
    let text = error.to_string();
    assert!(text.contains("nobody answers"), "{text}");
    assert!(!text.contains(OPEN), "{text}");
    assert_eq!(cloud.fake.calls(Route::UpdateSecret), 0);
}

#[tokio::test]
async fn a_secret_that_somebody_else_changes_meanwhile_is_left_to_them() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    let later = Fault::Latency(Duration::from_secs(2));
    cloud.fake.fail(Route::UpdateSecret, later, Times::Next(1));
    let theirs = async {
        while cloud.fake.calls(Route::UpdateSecret) == 0 {
            tokio::task::yield_now().await;
        }
        cloud.fake.put("db", "theirs");
    };
    let (ours, ()) = tokio::join!(cloud.put("db", "ours"), theirs);
    let (kind, text) = failure_of(ours);
    assert_eq!(kind, "changed_meanwhile");
    assert!(!text.contains(OPEN), "{text}");
    assert_eq!(cloud.value("db").await, "theirs");
}
