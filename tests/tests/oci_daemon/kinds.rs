//! Has one failure one stable word, in the record, on the wire and in `why`, and one exit code?

use serde_json::{Value, json};
use vault_tests::oci::{Fault, Route, Times};

use super::cloud::Cloud;

fn refused(status: u16, code: &str) -> Fault {
    Fault::Status {
        status,
        code: code.to_owned(),
        message: "words of the service".to_owned(),
    }
}

/// The word of the last record of this event.
fn recorded(cloud: &Cloud, event: &str) -> Value {
    let last = cloud.home.audit_of(event).pop().expect("a record");
    assert_eq!(last["outcome"], "failed", "{last}");
    assert_eq!(last["values"][0]["problem"], last["error"], "{last}");
    last["error"].clone()
}

#[test]
fn a_failure_of_the_vault_has_its_own_word_everywhere_and_one_exit_code() {
    for (fault, word) in [
        (refused(503, "ServiceUnavailable"), "service_unavailable"),
        (refused(500, "InternalServerError"), "internal_error"),
        (refused(401, "NotAuthenticated"), "not_authenticated"),
        (refused(404, "NotAuthorizedOrNotFound"), "not_found"),
        (refused(403, "NotAllowed"), "not_allowed"),
        (
            Fault::TooManyRequests {
                retry_after_seconds: None,
            },
            "too_many_requests",
        ),
        (Fault::Html(200), "html"),
    ] {
        let cloud = Cloud::new();
        cloud.configure(&json!({"policy": {"rules": [{"allow": ["all"]}]}}));
        let reference = format!("oci-vault://{}", cloud.fake.put("token", "v"));
        cloud.service("bar", &reference, &json!({}));
        cloud
            .fake
            .fail(Route::GetSecretBundle, fault, Times::Always);
        let _daemon = cloud.home.start();
        let get = cloud.home.ctl(&["--json", "get", &reference]);
        let error: Value = serde_json::from_str(&get.stderr).expect("one line of JSON");
        assert_eq!(error["error"]["kind"], word, "{get}");
        assert_eq!(recorded(&cloud, "get"), word);
        let launched = cloud.home.run(&["bar"]);
        assert_eq!(recorded(&cloud, "launch"), word);
        assert_eq!((get.code, launched.code), (3, 3), "{launched}");
    }
}

#[test]
fn what_a_store_cannot_do_has_one_word_and_one_exit_code() {
    let cloud = Cloud::new();
    cloud.configure(&json!({"policy": {"rules": [{"allow": ["all"]}]}}));
    cloud.service("bar", "local://t?stage=PENDING", &json!({}));
    let _daemon = cloud.home.start();
    cloud.home.put("t", "v");
    let get = cloud
        .home
        .ctl(&["--json", "get", "local://t?stage=PENDING"]);
    let error: Value = serde_json::from_str(&get.stderr).expect("one line of JSON");
    let word = recorded(&cloud, "get");
    assert_eq!(error["error"]["kind"], word, "{get}");
    let launched = cloud.home.run(&["bar"]);
    assert_eq!(recorded(&cloud, "launch"), word);
    assert_eq!(get.code, launched.code, "{launched}");
}
