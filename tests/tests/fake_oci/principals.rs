//! Tokens of instances, functions, pods and sessions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vault_tests::oci::{
    COMPARTMENT, Cluster, FakeOci, Fault, Route, Times, public_key_pem, tenancy, write_credentials,
};

use crate::signer::Signer;
use crate::wire::{Answer, Raw};

const OF_BODY: &str = "date (request-target) content-length content-type x-content-sha256";

/// The inside of a PEM block in one line.
fn inside(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn metadata(fake: &FakeOci, path: &str) -> String {
    let raw = Raw::new("GET", &format!("/opc/v2/{path}"));
    let answer = raw.with("authorization", "Bearer Oracle").to(fake);
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body).unwrap()
}

/// Whether whoever has this token and the key `pubsession2048` may list secrets.
fn status_with(fake: &FakeOci, token: &Value) -> u16 {
    let signer = Signer::new(&format!("ST${}", token.as_str().unwrap()), "pubsession2048");
    let target = format!("/20180608/secrets?compartmentId={COMPARTMENT}");
    signer.get(fake, &target).status
}

#[test]
fn the_metadata_service_answers_who_asks_as_it_wants() {
    let fake = FakeOci::start();
    assert_eq!(metadata(&fake, "instance/region"), "phx");
    let info: Value = serde_json::from_str(&metadata(&fake, "instance/regionInfo")).unwrap();
    assert_eq!(info["realmDomainComponent"], "oraclecloud.com");
    assert!(metadata(&fake, "instance/id").starts_with("ocid1.instance."));
    assert!(metadata(&fake, "identity/key.pem").contains("PRIVATE KEY"));
    let raw = Raw::new("GET", "/opc/v2/identity/key.pem");
    assert_eq!(raw.to(&fake).status, 401);
    let asked = raw.with("authorization", "Bearer Oracle");
    for header in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        let passed_on = asked.clone().with(header, "10.0.0.1");
        assert_eq!(passed_on.to(&fake).status, 401, "{header}");
    }
    // As at boot.
    let fault = Fault::Status {
        status: 404,
        code: "NotFound".to_owned(),
        message: "Not Found".to_owned(),
    };
    fake.fail(Route::MetadataKey, fault, Times::Next(1));
    assert_eq!(asked.to(&fake).status, 404);
    assert_eq!(asked.to(&fake).status, 200);
}

/// The request of an instance for its token, as Oracle's Go SDK makes it.
fn federate(fake: &FakeOci, leaf_key: &str, change: impl FnOnce(&mut Value)) -> Answer {
    let certificate = inside(&metadata(fake, "identity/cert.pem"));
    let print = Sha256::digest(STANDARD.decode(&certificate).unwrap());
    let print: Vec<String> = print.iter().map(|byte| format!("{byte:02x}")).collect();
    let key_id = format!("{}/fed-x509-sha256/{}", tenancy(), print.join(":"));
    let mut body = json!({
        "certificate": certificate,
        "publicKey": inside(public_key_pem("pubsession2048")),
        "intermediateCertificates": [inside(&metadata(fake, "identity/intermediate.pem"))],
        "fingerprintAlgorithm": "SHA256",
    });
    change(&mut body);
    let mut raw = Raw::new("POST", "/v1/x509");
    raw.body = body.to_string().into();
    Signer::new(&key_id, leaf_key)
        .sign_headers(fake, raw, OF_BODY)
        .to(fake)
}

#[test]
fn an_instance_gets_a_token_for_its_certificate() {
    let fake = FakeOci::start();
    let token = federate(&fake, "publeaf2048", |_| {}).json()["token"].clone();
    assert_eq!(status_with(&fake, &token), 200);
    fake.with(|world| world.clock.advance(3601));
    assert_eq!(status_with(&fake, &token), 401, "its time is over");
}

/// What somebody may say who is not the instance.
type Change = fn(&mut Value);

#[test]
fn an_instance_that_is_not_what_it_says_gets_none() {
    let fake = FakeOci::start();
    let wrong_key = federate(&fake, "pub2048", |_| {});
    assert_eq!(
        wrong_key.error().2,
        "Failed to verify the HTTP(S) Signature"
    );
    let changes: [(Change, u16); 5] = [
        (
            |body| body["certificate"] = inside(public_key_pem("pub2048")).into(),
            401,
        ),
        (|body| body["intermediateCertificates"] = json!([]), 401),
        (|body| body["fingerprintAlgorithm"] = Value::Null, 401),
        (|body| body["fingerprintAlgorithm"] = "MD5".into(), 400),
        (|body| body["publicKey"] = "AAAA".into(), 400),
    ];
    for (change, status) in changes {
        assert_eq!(federate(&fake, "publeaf2048", change).status, status);
    }
    assert_eq!(fake.calls(Route::FederateInstance), 6);
}

#[test]
fn a_certificate_that_was_replaced_is_not_taken_any_more() {
    let fake = FakeOci::start();
    let before = metadata(&fake, "identity/cert.pem");
    fake.with(|world| world.instance.rotate());
    assert_ne!(metadata(&fake, "identity/cert.pem"), before);
    assert_eq!(federate(&fake, "pubsession2048", |_| {}).status, 200);
    let old = |body: &mut Value| body["certificate"] = inside(&before).into();
    assert_eq!(federate(&fake, "pubsession2048", old).status, 401);
}

#[test]
fn a_session_is_refreshed_while_it_lasts() {
    let fake = FakeOci::start();
    let key = public_key_pem("pubsession2048");
    let token = fake.with(|world| world.keys.session_token(key, world.clock.now()));
    let signer = Signer::new(&format!("ST${token}"), "pubsession2048");
    let refresh = |current: &str| {
        let body = json!({"currentToken": current});
        signer.post(&fake, "/v1/authentication/refresh", &body)
    };
    assert_eq!(refresh("another").status, 401);
    fake.with(|world| world.clock.advance(3000));
    let next = refresh(&token).json()["token"].clone();
    assert_ne!(next, token);
    fake.with(|world| world.clock.advance(700));
    assert_eq!(refresh(&token).status, 401, "the old one is over");
    assert_eq!(status_with(&fake, &next), 200);
    fake.with(|world| world.keys.revoke_tokens());
    assert_eq!(status_with(&fake, &next), 401);
}

#[test]
fn a_token_that_is_told_to_be_over_is_over() {
    let fake = FakeOci::start();
    let key = public_key_pem("pubsession2048");
    let token = fake.with(|world| world.keys.session_token(key, world.clock.now()));
    fake.fail(Route::ListSecrets, Fault::TokenExpired, Times::Next(1));
    assert_eq!(status_with(&fake, &json!(token)), 401);
    assert_eq!(status_with(&fake, &json!(token)), 200);
}

#[test]
fn a_resource_becomes_a_principal_in_two_steps() {
    let fake = FakeOci::start();
    let key_id = "resource/v2.1/ocid1.resource.oc1..x";
    fake.with(|world| {
        world
            .keys
            .register(key_id, public_key_pem("pubsession2048"));
    });
    let resource = Signer::new(key_id, "pubsession2048");
    let tokens = resource.get(
        &fake,
        "/20180711/resourcePrincipalTokenV2/ocid1.resource.oc1..x",
    );
    let mut body = tokens.json();
    body["sessionPublicKey"] = inside(public_key_pem("pubsession2048")).into();
    let answer = resource.post(&fake, "/v1/resourcePrincipalSessionToken", &body);
    assert_eq!(status_with(&fake, &answer.json()["token"]), 200);
    assert_eq!(
        status_with(&fake, &body["resourcePrincipalToken"]),
        401,
        "it is half of one"
    );
    body["servicePrincipalSessionToken"] = answer.json()["token"].clone();
    let answer = resource.post(&fake, "/v1/resourcePrincipalSessionToken", &body);
    assert_eq!(answer.status, 401);
}

#[test]
fn a_pod_gets_a_token_in_two_wrappings() {
    let fake = FakeOci::start();
    let account = fake.with(|world| world.keys.service_account_token(world.clock.now()));
    let ask = |bearer: &str, key: &str| {
        let mut raw = Raw::new("POST", "/resourcePrincipalSessionTokens");
        raw.body = json!({"podKey": key}).to_string().into();
        let length = raw.body.len().to_string();
        raw.with("authorization", &format!("Bearer {bearer}"))
            .with("content-length", &length)
    };
    let pem = public_key_pem("pubsession2048");
    for key in [inside(pem), pem.to_owned()] {
        let answer = ask(&account, &key).to_tls(&fake).json();
        let inside = STANDARD.decode(answer.as_str().unwrap()).unwrap();
        let inside: Value = serde_json::from_slice(&inside).unwrap();
        let token = inside["token"]
            .as_str()
            .unwrap()
            .strip_prefix("ST$")
            .unwrap();
        assert_eq!(status_with(&fake, &json!(token)), 200);
        assert_eq!(
            ask(token, &key).to(&fake).status,
            401,
            "it is no service account's"
        );
    }
    assert_eq!(ask(&account, "no key").to(&fake).status, 400);
    fake.with(|world| world.cluster = Cluster::Basic);
    assert_eq!(ask(&account, pem).to(&fake).status, 403);
    fake.with(|world| world.cluster = Cluster::Enhanced);
    fake.with(|world| world.clock.advance(3601));
    assert_eq!(ask(&account, pem).to(&fake).status, 401);
}

#[test]
fn the_files_of_every_way_to_sign_in_are_good_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let fake = FakeOci::start();
    let directory = tempfile::tempdir().unwrap();
    let credentials = write_credentials(&fake, directory.path()).unwrap();
    let session = std::fs::read_to_string(&credentials.session_token_file).unwrap();
    assert_eq!(status_with(&fake, &json!(session)), 200);
    let (_, resource) = &credentials.resource[1];
    let resource = std::fs::read_to_string(resource).unwrap();
    assert_eq!(status_with(&fake, &json!(resource)), 200);
    let config = std::fs::read_to_string(&credentials.config_file).unwrap();
    let line = format!(
        "security_token_file={}",
        credentials.session_token_file.display()
    );
    assert!(config.contains(&line), "{config}");
    for entry in directory.path().read_dir().unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
