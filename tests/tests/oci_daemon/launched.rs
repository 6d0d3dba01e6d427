//! Servers get what OCI holds.

use serde_json::json;
use vault_tests::oci::{COMPARTMENT, Fault, Route, Times, VAULT};
use vault_tests::scan::{Scanner, marked_value};

use super::cloud::Cloud;

#[test]
fn a_server_gets_a_value_by_each_kind_of_name() {
    let cloud = Cloud::new();
    let value = marked_value();
    let id = cloud.fake.put("token", &value);
    cloud.service("by-id", &format!("oci-vault://{id}"), &json!({}));
    cloud.service(
        "by-vault",
        &format!("oci-vault://{VAULT}/token"),
        &json!({}),
    );
    cloud.service(
        "whole",
        &format!("oci-vault://{COMPARTMENT}/token"),
        &json!({}),
    );
    cloud.service("bare", "token", &json!({}));
    let daemon = cloud.home.start();
    for service in ["by-id", "by-vault", "whole", "bare"] {
        assert_eq!(cloud.token(service), value, "{service}");
    }
    let calls = cloud.fake.with(|world| world.journal.seen().len());
    for service in ["by-id", "by-vault", "whole", "bare"] {
        assert_eq!(cloud.token(service), value, "{service}");
    }
    let after = cloud.fake.with(|world| world.journal.seen().len());
    assert_eq!(after, calls, "the second time nobody is asked");
    assert!(daemon.terminate().success());
    let scanner = Scanner::new(value.as_bytes());
    assert_eq!(scanner.in_files(cloud.home.root()), []);
}

#[test]
fn a_version_and_a_stage_are_what_was_asked_for() {
    let cloud = Cloud::new();
    cloud.fake.put("token", "old");
    cloud.fake.put("token", "new");
    cloud.service("current", "token", &json!({}));
    cloud.service("first", "token?version=1", &json!({}));
    cloud.service("previous", "token?stage=PREVIOUS", &json!({}));
    let _daemon = cloud.home.start();
    assert_eq!(cloud.token("current"), "new");
    assert_eq!(cloud.token("first"), "old");
    assert_eq!(cloud.token("previous"), "old");
}

#[test]
fn an_outage_is_not_noticed_and_an_end_is() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "v");
    cloud.configure(&json!({"cache": {"ttl": 0}}));
    cloud.service("bar", &format!("oci-vault://{id}"), &json!({}));
    let _daemon = cloud.home.start();
    assert_eq!(cloud.token("bar"), "v");
    let out = Fault::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "out".to_owned(),
    };
    cloud.fake.fail(Route::GetSecretBundle, out, Times::Next(1));
    assert_eq!(cloud.token("bar"), "v");
    let records = cloud.home.audit_of("launch");
    let last = records.last().expect("a record");
    assert_eq!(last["values"][0]["state"], "stale", "{last}");
    let gone = Fault::Status {
        status: 404,
        code: "NotAuthorizedOrNotFound".to_owned(),
        message: "Authorization failed or requested resource not found.".to_owned(),
    };
    cloud
        .fake
        .fail(Route::GetSecretBundle, gone, Times::Next(1));
    let launched = cloud.home.run(&["bar"]);
    launched.refused(
        3,
        &["read secret-family", "profile DEFAULT", "us-phoenix-1"],
    );
}

#[test]
fn nobody_is_believed_who_cannot_show_a_certificate() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "v");
    cloud.configure(&json!({"vault": {"ca_file": null}}));
    cloud.service("bar", &format!("oci-vault://{id}"), &json!({}));
    let _daemon = cloud.home.start();
    let launched = cloud.home.run(&["bar"]);
    launched.refused(3, &["TLS", "localhost"]);
    assert_eq!(cloud.fake.calls(Route::GetSecretBundle), 0);
}

#[test]
fn a_version_that_was_given_a_name_is_had_by_it() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "the current one");
    cloud.fake.with(|world| {
        let secret = world.secrets.secret(&id);
        secret.add(b"the blue one".to_vec(), Some("blue".to_owned()), 0);
    });
    for (service, name) in [("bar", "blue"), ("other", "green")] {
        let reference = format!("oci-vault://{VAULT}/token?version_name={name}");
        cloud.service(service, &reference, &json!({}));
    }
    let _daemon = cloud.home.start();
    assert_eq!(cloud.token("bar"), "the blue one");
    cloud
        .home
        .run(&["other"])
        .refused(3, &["version \"green\" of secret"]);
}
