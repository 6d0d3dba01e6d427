//! What `vaultctl doctor` and `status` show of OCI.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use vault_tests::oci::api_key_id;

use super::cloud::Cloud;

fn doctor(cloud: &Cloud) -> (i32, Value) {
    let doctor = cloud.home.ctl(&["--json", "doctor", "oci"]);
    let found = serde_json::from_str(&doctor.stdout);
    (
        doctor.code,
        found.unwrap_or_else(|_| panic!("no JSON: {doctor}")),
    )
}

fn wrong(found: &Value) -> Vec<String> {
    let findings = found["backends"][0]["findings"].as_array();
    let findings = findings.expect("findings").iter();
    findings
        .filter(|finding| finding["well"] == false)
        .map(|finding| format!("{} {}", finding["detail"], finding["remedy"]))
        .collect()
}

#[test]
fn doctor_finds_nothing_where_all_is_well() {
    let cloud = Cloud::new();
    cloud.fake.put("token", "v");
    cloud.service("bar", "token", &json!({}));
    let _daemon = cloud.home.start();
    let (code, found) = doctor(&cloud);
    assert_eq!((code, wrong(&found)), (0, vec![]), "{found}");
    assert_eq!(found["secrets"][0]["readable"], true, "{found}");
}

#[test]
fn doctor_says_what_to_do() {
    let cloud = Cloud::new();
    cloud.fake.put("token", "v");
    cloud.service("bar", "token", &json!({}));
    let key = cloud.home.path("credentials/key.pem");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).expect("a mode");
    let _daemon = cloud.home.start();
    let (code, found) = doctor(&cloud);
    let words = wrong(&found).concat();
    let advice = format!("chmod 600 {}", key.display());
    assert!(code == 3 && words.contains(&advice), "{found}");
    assert_eq!(found["secrets"][0]["readable"], false, "{found}");
}

#[test]
fn doctor_asks_oci_whether_it_knows_a_key_that_nothing_uses() {
    let cloud = Cloud::new();
    let _daemon = cloud.home.start();
    let (code, found) = doctor(&cloud);
    assert_eq!((code, wrong(&found)), (0, vec![]), "{found}");
    cloud.fake.with(|world| world.keys.forget(&api_key_id()));
    let (code, found) = doctor(&cloud);
    let words = wrong(&found).concat();
    let advice = "check tenancy, user, fingerprint";
    assert!(code == 3 && words.contains(advice), "{found}");
}

#[test]
fn doctor_measures_the_clock() {
    let cloud = Cloud::new();
    cloud.fake.with(|world| world.clock.advance(600));
    let _daemon = cloud.home.start();
    let (code, found) = doctor(&cloud);
    let words = wrong(&found).concat();
    assert!(code == 3 && words.contains("timedatectl"), "{found}");
}

#[test]
fn an_unknown_region_is_told() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("token", "v");
    cloud.configure(&json!({"vault": {"region": "xx-nowhere-9"}}));
    cloud.service("bar", &format!("oci-vault://{id}"), &json!({}));
    let _daemon = cloud.home.start();
    cloud.token("bar");
    let status = cloud.home.ctl(&["status"]);
    assert!(status.stdout.contains("xx-nowhere-9"), "{status}");
    let (_, found) = doctor(&cloud);
    assert!(found.to_string().contains("oc1"), "{found}");
}

#[test]
fn doctor_looks_into_every_environment() {
    let cloud = Cloud::new();
    cloud.fake.put("token", "v");
    let vault = json!({"compartment_id": "ocid1.compartment.oc1..empty", "vault_id": null});
    cloud.configure(&json!({"environments": {"empty": {"vault": vault}}}));
    cloud.service("bar", "token", &json!({}));
    let _daemon = cloud.home.start();
    let (code, found) = doctor(&cloud);
    let secrets = found["secrets"].as_array().expect("secrets").iter();
    let mut readable: Vec<_> = secrets
        .map(|one| (one["environment"].as_str(), one["readable"].as_bool()))
        .collect();
    readable.sort_unstable();
    let expected = [(Some(""), Some(true)), (Some("empty"), Some(false))];
    assert_eq!((code, readable), (3, expected.to_vec()), "{found}");
}
