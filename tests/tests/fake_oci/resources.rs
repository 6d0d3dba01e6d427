//! Principals of resources: with keys of their own, and inside of each other.

use serde_json::{Value, json};
use vault_tests::oci::{COMPARTMENT, FakeOci, Route, public_key_pem, tenancy};

use crate::signer::Signer;
use crate::wire::{Answer, Raw};

const RESOURCE: &str = "ocid1.resource.oc1..x";
const KEY: &str = "pubsession2048";

fn inside(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// A resource whose own key is known under this name.
fn resource(fake: &FakeOci, key_id: &str) -> Signer {
    fake.with(|world| world.keys.register(key_id, public_key_pem(KEY)));
    Signer::new(key_id, KEY)
}

/// Whoever has this token for the key.
fn bearer(token: &str) -> Signer {
    Signer::new(&format!("ST${token}"), KEY)
}

/// The second half, with what the first half answered.
fn session(fake: &FakeOci, signer: &Signer, first: &Answer) -> Answer {
    let mut body = first.json();
    body["sessionPublicKey"] = inside(public_key_pem(KEY)).into();
    signer.post(fake, "/v1/resourcePrincipalSessionToken", &body)
}

fn token(answer: &Answer) -> String {
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn secrets_status(fake: &FakeOci, signer: &Signer) -> u16 {
    let target = format!("/20180608/secrets?compartmentId={COMPARTMENT}");
    signer.get(fake, &target).status
}

#[test]
fn each_version_has_its_key_id_and_path() {
    let forms = [
        (
            format!("resource/v2.1/{RESOURCE}"),
            "resourcePrincipalTokenV2",
        ),
        (
            format!("resource/v2.1.1/{}/{RESOURCE}", tenancy()),
            "resourcePrincipalTokenV2",
        ),
        (
            format!("resource/v2.1.2/{}/{RESOURCE}", tenancy()),
            "resourcePrincipalTokenV212",
        ),
    ];
    let fake = FakeOci::start();
    for (key_id, path) in &forms {
        let signer = resource(&fake, key_id);
        let first = signer.get(&fake, &format!("/20180711/{path}/{RESOURCE}"));
        assert_eq!(first.status, 200, "{key_id}");
        let token = token(&session(&fake, &signer, &first));
        assert_eq!(secrets_status(&fake, &bearer(&token)), 200);
        assert_eq!(secrets_status(&fake, &signer), 401, "it is no principal");
        let other = signer.get(&fake, &format!("/20180711/{path}/ocid1.other"));
        assert_eq!(other.status, 401, "{key_id}");
        let plain = signer.get(
            &fake,
            &format!("/20180711/resourcePrincipalToken/{RESOURCE}"),
        );
        assert_eq!(plain.status, 401, "{key_id}");
    }
    let person = Signer::person();
    let path = format!("/20180711/resourcePrincipalTokenV2/{RESOURCE}");
    assert_eq!(person.get(&fake, &path).status, 401);
}

#[test]
fn a_security_context_must_be_sent_where_there_is_one() {
    let fake = FakeOci::start();
    fake.with(|world| world.resources.security_context = Some("context".to_owned()));
    let signer = resource(&fake, &format!("resource/v2.1.2/{}/{RESOURCE}", tenancy()));
    for path in ["resourcePrincipalTokenV212", "ofItsOwn"] {
        let raw = Raw::new("GET", &format!("/20180711/{path}/{RESOURCE}"));
        for (context, status) in [(None, 401), (Some("other"), 401), (Some("context"), 200)] {
            let mut raw = signer.sign(&fake, raw.clone());
            if let Some(context) = context {
                raw = raw.with("security-context", context);
            }
            assert_eq!(raw.to(&fake).status, status, "{path} {context:?}");
        }
    }
    let seen = fake.with(|world| world.journal.seen()[2].clone());
    assert_eq!(seen.headers["security-context"], "context");
}

#[test]
fn both_halves_are_for_one_and_the_same_and_not_for_long() {
    let fake = FakeOci::start();
    let key_id = format!("resource/v2.1/{RESOURCE}");
    let signer = resource(&fake, &key_id);
    let first = signer.get(
        &fake,
        &format!("/20180711/resourcePrincipalTokenV2/{RESOURCE}"),
    );
    assert_eq!(session(&fake, &Signer::person(), &first).status, 401);
    assert_eq!(session(&fake, &signer, &first).status, 200);
    fake.with(|world| world.clock.advance(3601));
    assert_eq!(session(&fake, &signer, &first).status, 401);
}

/// The token of a function, which is a leaf.
fn leaf(fake: &FakeOci) -> Signer {
    let key = public_key_pem(KEY);
    bearer(&fake.with(|world| world.keys.resource_token(key, world.clock.now())))
}

/// The principal of the resource at the end of the way up, and how many it went by.
fn climb(fake: &FakeOci) -> (Signer, usize) {
    let (mut signer, mut url) = (leaf(fake), fake.parent_url(1));
    for level in 1.. {
        let target = url.strip_prefix(&fake.https_url()).unwrap();
        let first = signer.get(fake, target);
        signer = bearer(&token(&session(fake, &signer, &first)));
        match first.header("opc-parent-rpt-url") {
            Some(next) if next != url => next.clone_into(&mut url),
            _ => return (signer, level),
        }
        assert!(level < 20, "it has no end");
    }
    unreachable!("levels have no end")
}

#[test]
fn a_resource_inside_of_others_is_what_the_outermost_is() {
    for outermost_names_itself in [false, true] {
        for parents in [1, 3] {
            let fake = FakeOci::start();
            fake.with(|world| {
                world.resources.parents = parents;
                world.resources.outermost_names_itself = outermost_names_itself;
            });
            let (outermost, levels) = climb(&fake);
            assert_eq!(levels, parents);
            assert_eq!(secrets_status(&fake, &outermost), 200);
            assert_eq!(secrets_status(&fake, &leaf(&fake)), 404, "it is but a part");
            assert_eq!(fake.calls(Route::ResourcePrincipalToken), parents);
            assert_eq!(fake.calls(Route::ResourcePrincipalSession), parents);
        }
    }
}

#[test]
fn nobody_skips_a_level_or_mixes_two() {
    let fake = FakeOci::start();
    fake.with(|world| world.resources.parents = 2);
    let path = |level: usize| {
        let url = fake.parent_url(level);
        url.strip_prefix(&fake.https_url()).unwrap().to_owned()
    };
    let leaf = leaf(&fake);
    assert_eq!(leaf.get(&fake, &path(2)).status, 401);
    assert_eq!(leaf.get(&fake, &path(3)).status, 404);
    assert_eq!(Signer::person().get(&fake, &path(1)).status, 401);
    let first = leaf.get(&fake, &path(1));
    let own = leaf.get(&fake, "/20180711/resourcePrincipalToken/ocid1.x");
    let mut mixed = first.json();
    mixed["servicePrincipalSessionToken"] = own.json()["servicePrincipalSessionToken"].clone();
    mixed["sessionPublicKey"] = inside(public_key_pem(KEY)).into();
    let answer = leaf.post(&fake, "/v1/resourcePrincipalSessionToken", &mixed);
    assert_eq!(answer.status, 401);
}

#[test]
fn requests_on_somebody_s_behalf_say_so_where_they_must() {
    let fake = FakeOci::start();
    let person = Signer::person();
    let names = "date (request-target) host opc-obo-token";
    let target = format!("/20180608/secrets?compartmentId={COMPARTMENT}");
    let status = |token: &str| {
        let raw = Raw::new("GET", &target).with("opc-obo-token", token);
        person.sign_headers(&fake, raw, names).to(&fake).status
    };
    assert_eq!(status("any"), 200);
    fake.with(|world| world.on_behalf = Some("token".to_owned()));
    assert_eq!(secrets_status(&fake, &person), 401);
    assert_eq!(status("other"), 401);
    assert_eq!(status("token"), 200);
    let unsigned = person.sign(&fake, Raw::new("GET", &target));
    let unsigned = unsigned.with("opc-obo-token", "token").to(&fake);
    assert_eq!(unsigned.status, 401);
    // A token is had for oneself.
    let raw = Raw::new("POST", "/v1/x509").with("opc-obo-token", "token");
    let names = "date (request-target) opc-obo-token content-length content-type x-content-sha256";
    let federate = person.sign_headers(&fake, raw, names).to(&fake);
    assert_eq!(federate.status, 401);
    assert_eq!(federate.json()["code"], json!("NotAuthenticated"));
    assert!(federate.json().get("token").is_none_or(Value::is_null));
}
