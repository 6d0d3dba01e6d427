//! Two ways to ask OCI are two things.

use serde_json::json;
use vault_tests::oci::{Fault, Route, Times};

use super::cloud::Cloud;

#[test]
fn a_caller_chooses_among_the_profiles_that_the_service_lists() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "v");
    let profiles = json!({"profiles": ["SESSION"]});
    cloud.service("bar", &format!("oci-vault://{id}"), &profiles);
    let _daemon = cloud.home.start();
    cloud.token("bar");
    assert!(cloud.last_key().starts_with("ocid1.tenancy"), "an API key");
    let chosen = cloud.home.shell("OCI_CONFIG_PROFILE=SESSION vault-run bar");
    assert!(chosen.success().contains("TOKEN=v\n"), "{chosen}");
    assert!(cloud.last_key().starts_with("ST$"), "a session");
    assert_eq!(cloud.fake.calls(Route::GetSecretBundle), 2);
    let refused = cloud.home.shell("OCI_CONFIG_PROFILE=OTHER vault-run bar");
    refused.refused(2, &["profiles"]);
}

#[test]
fn one_place_that_is_out_leaves_the_others_alone() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "v");
    let reference = format!("oci-vault://{id}");
    cloud.service("near", &reference, &json!({}));
    // Nobody listens there.
    let dead = json!({"vault": {"endpoint": "https://127.0.0.1:1"}});
    cloud.service("far", &reference, &dead);
    let _daemon = cloud.home.start();
    for _ in 0..6 {
        cloud.home.run(&["far"]).refused(3, &[]);
    }
    cloud
        .home
        .run(&["far"])
        .refused(3, &["breaker", "127.0.0.1:1"]);
    assert_eq!(cloud.token("near"), "v");
    let status = cloud.home.ctl(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    let backends = status["backends"].as_array().expect("backends").iter();
    let mut oci: Vec<_> = backends
        .filter(|one| one["name"] == "oci")
        .map(|one| one["breaker"].as_str().unwrap_or_default())
        .collect();
    oci.sort_unstable();
    assert_eq!(oci, ["closed", "open"]);
}

#[test]
fn an_environment_has_its_own_credential() {
    let cloud = Cloud::new();
    cloud.fake.put("token", "v");
    let session = json!({"environments": {"ci": {"vault": {"auth_method": "session_token",
        "config_profile": "SESSION"}}}});
    cloud.configure(&session);
    cloud.service("bar", "token", &json!({}));
    let _daemon = cloud.home.start();
    cloud.token("bar@ci");
    // The daemon may ask ahead for what there is without an environment, by its API key.
    let is_session = |key: &String| key.starts_with("ST$");
    assert!(cloud.keys().iter().any(is_session), "{:?}", cloud.keys());
}

#[test]
fn a_denied_name_is_denied_in_its_other_form() {
    let cloud = Cloud::new();
    cloud.fake.put("open", "v");
    cloud.fake.put("closed", "v");
    let rules = json!({"policy": {"rules": [
        {"allow": ["default"]},
        {"deny": ["get"], "references": ["oci-vault://closed"]},
        {"allow": ["get"], "references": ["oci-vault://*"]},
    ]}});
    cloud.configure(&rules);
    let _daemon = cloud.home.start();
    let compartment = vault_tests::oci::COMPARTMENT;
    for name in [
        "oci-vault://open",
        &format!("oci-vault://{compartment}/open"),
    ] {
        assert_eq!(cloud.home.ctl(&["get", name]).success(), "v", "{name}");
    }
    for name in [
        "oci-vault://closed",
        &format!("oci-vault://{compartment}/closed"),
    ] {
        cloud
            .home
            .ctl(&["get", name])
            .refused(3, &["policy denies"]);
    }
}

#[test]
fn a_refused_credential_is_not_tried_again_at_once() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "v");
    let reference = format!("oci-vault://{id}");
    cloud.service("bar", &reference, &json!({}));
    let _daemon = cloud.home.start();
    let refusal = Fault::Status {
        status: 401,
        code: "NotAuthenticated".to_owned(),
        message: "Failed to verify the HTTP(S) Signature".to_owned(),
    };
    cloud
        .fake
        .fail(Route::GetSecretBundle, refusal, Times::Next(1));
    cloud.home.run(&["bar"]).refused(3, &["signature"]);
    cloud.home.run(&["bar"]).refused(3, &["signature"]);
    assert_eq!(cloud.fake.calls(Route::GetSecretBundle), 1);
    // Whoever mends the files need not wait.
    let file = &cloud.credentials.config_file;
    let text = std::fs::read_to_string(file).expect("a configuration");
    std::fs::write(file, format!("# mended\n{text}")).expect("a configuration");
    vault_tests::harness::until("the file is read again", || {
        cloud.home.run(&["bar"]).code == 0
    });
}
