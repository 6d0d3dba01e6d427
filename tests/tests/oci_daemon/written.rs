//! What a person writes arrives, and is what servers get.

use serde_json::json;
use vault_tests::oci::Route;

use super::cloud::Cloud;

fn writable() -> Cloud {
    let cloud = Cloud::new();
    cloud.configure(&json!({"policy": {"rules": [
        {"allow": ["default", "put", "promote", "schedule-deletion", "cancel-deletion"]},
    ]}}));
    cloud
}

#[test]
fn a_new_version_is_what_the_next_launch_gets() {
    let cloud = writable();
    let id = cloud.fake.put("token", "old");
    cloud.service("bare", "token", &json!({}));
    cloud.service("by-id", &format!("oci-vault://{id}"), &json!({}));
    let _daemon = cloud.home.start();
    assert_eq!(cloud.token("bare"), "old");
    assert_eq!(cloud.token("by-id"), "old");
    let put = cloud
        .home
        .ctl_with_input(&["put", "oci-vault://token"], b"new");
    put.success();
    assert_eq!(cloud.token("bare"), "new");
    assert_eq!(cloud.token("by-id"), "new");
    let promoted = cloud.home.ctl(&["promote", "oci-vault://token", "1"]);
    promoted.success();
    assert_eq!(cloud.token("bare"), "old");
    let versions = cloud.home.ctl(&["versions", "oci-vault://token"]);
    assert!(versions.success().contains("PREVIOUS"), "{versions}");
}

#[test]
fn a_secret_is_made_once_and_a_pending_version_waits() {
    let cloud = writable();
    cloud.fake.put("neighbour", "v");
    cloud.service("bar", "made", &json!({}));
    let _daemon = cloud.home.start();
    let put = |value: &[u8], more: &[&str]| {
        let arguments = [&["put", "oci-vault://made"], more].concat();
        cloud.home.ctl_with_input(&arguments, value)
    };
    put(b"one", &[]).success();
    assert_eq!(cloud.token("bar"), "one");
    put(b"two", &["--pending"]).success();
    assert_eq!(cloud.token("bar"), "one");
    assert_eq!(cloud.fake.calls(Route::CreateSecret), 1);
}

#[test]
fn writing_to_oci_needs_a_rule() {
    let cloud = Cloud::new();
    let _daemon = cloud.home.start();
    let put = cloud
        .home
        .ctl_with_input(&["put", "oci-vault://made"], b"v");
    put.refused(3, &["policy denies put", "allow: [put]"]);
    assert_eq!(cloud.fake.calls(Route::CreateSecret), 0);
}

#[test]
fn a_deletion_ends_what_servers_get_and_can_be_cancelled() {
    let cloud = writable();
    cloud.fake.put("token", "v");
    cloud.service("bar", "token", &json!({}));
    let _daemon = cloud.home.start();
    assert_eq!(cloud.token("bar"), "v");
    let scheduled = cloud
        .home
        .ctl(&["schedule-deletion", "oci-vault://token", "--in", "7"]);
    scheduled.success();
    cloud.home.run(&["bar"]).refused(3, &[]);
    let cancelled = cloud.home.ctl(&["cancel-deletion", "oci-vault://token"]);
    cancelled.success();
    assert_eq!(cloud.token("bar"), "v");
}

#[test]
fn a_flush_forgets_which_secret_a_name_means() {
    let cloud = Cloud::new();
    let old = cloud.fake.put("token", "old");
    cloud.service("bar", "token", &json!({}));
    let _daemon = cloud.home.start();
    assert_eq!(cloud.token("bar"), "old");
    // Another secret gets the name, and the old one can still be read by its OCID.
    cloud
        .fake
        .with(|world| world.secrets.secret(&old).name = "moved".to_owned());
    cloud.fake.put("token", "new");
    cloud.home.ctl(&["flush", "oci-vault://token"]).success();
    assert_eq!(cloud.token("bar"), "new");
}
