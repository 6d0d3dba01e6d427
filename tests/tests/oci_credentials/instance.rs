//! Instances, whose certificates change.

use std::sync::Arc;

use vault_backends::error::Class;
use vault_backends::oci::AuthMethod;
use vault_backends::oci::credential::Credential;
use vault_backends::oci::identity::Identities as _;
use vault_tests::oci::{Fault, Route, Times, private_key_pem};

use crate::scene::{Scene, status};

const FEDERATE: Route = Route::FederateInstance;

fn begin(scene: &Scene) -> Arc<Credential> {
    scene.usual(AuthMethod::InstancePrincipal, &scene.files.instance)
}

#[tokio::test]
async fn each_token_has_a_key_of_its_own_and_comes_from_the_certificate_of_now() {
    let scene = Scene::new();
    let credential = begin(&scene);
    let first = credential.current().await.unwrap();
    assert!(
        first
            .instance
            .as_deref()
            .unwrap()
            .contains("regionIdentifier")
    );
    scene.fake.with(|world| world.instance.rotate());
    scene.pass(2_200);
    credential.upkeep().await;
    let second = credential.current().await.unwrap();
    let key = |identity: &vault_backends::oci::identity::Identity| {
        identity.signer.key().public_key_der().to_vec()
    };
    assert_ne!(key(&first), key(&second));
    scene.ask(&credential).await.unwrap();
    assert_eq!(credential.describe().failure, None);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_for_all_who_met_that() {
    let scene = Scene::new();
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    scene.fake.with(|world| {
        world.keys.revoke_tokens();
        world.instance.rotate();
    });
    let (one, other) = tokio::join!(scene.ask(&credential), scene.ask(&credential));
    one.unwrap();
    other.unwrap();
    assert_eq!(scene.fake.calls(FEDERATE), 2);
}

#[tokio::test]
async fn a_metadata_service_that_is_not_ready_is_waited_for() {
    let scene = Scene::new();
    for route in [Route::MetadataCertificate, Route::MetadataRegion] {
        scene
            .fake
            .fail(route, status(404, "NotFound"), Times::Next(2));
    }
    scene.ask(&begin(&scene)).await.unwrap();
    assert_eq!(scene.fake.calls(Route::MetadataCertificate), 3);
}

#[tokio::test]
async fn a_page_in_place_of_the_region_is_an_outage() {
    let scene = Scene::new();
    scene
        .fake
        .fail(Route::MetadataRegion, Fault::Html(200), Times::Always);
    let error = scene.refused(&begin(&scene)).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Outage, "bad_metadata")
    );
    assert!(error.to_string().contains("look whether `curl"), "{error}");
}

#[tokio::test]
async fn what_is_said_of_the_region_is_waited_for_and_may_be_nothing() {
    let scene = Scene::new();
    let route = Route::MetadataRegionInfo;
    let described = async || {
        let identity = begin(&scene).current().await;
        identity.map(|identity| identity.instance.is_some())
    };
    let busy = || status(503, "Busy");
    scene.fake.fail(route, busy(), Times::Next(2));
    assert!(described().await.unwrap());
    scene.fake.fail(route, busy(), Times::Always);
    let error = described().await.unwrap_err();
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Outage, "metadata_status")
    );
    scene.fake.heal();
    scene
        .fake
        .fail(route, status(404, "NotFound"), Times::Always);
    assert!(!described().await.unwrap());
}

#[tokio::test]
async fn a_certificate_that_changes_on_the_way_is_asked_for_again() {
    let scene = Scene::new();
    let mut other = scene.fake.with(|world| world.instance.clone());
    other.rotate();
    // The key is already the next one, the certificate is not yet.
    let leaf = scene.fake.with(|world| {
        let leaf = world.instance.certificate_pem.clone();
        world.instance.certificate_pem = other.certificate_pem.clone();
        leaf
    });
    let error = scene.refused(&begin(&scene)).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Outage, "bad_metadata")
    );
    assert!(
        error.to_string().contains("not the key of the certificate"),
        "{error}"
    );
    assert_eq!(scene.fake.calls(FEDERATE), 0);
    scene
        .fake
        .with(|world| world.instance.certificate_pem = leaf);
    scene.ask(&begin(&scene)).await.unwrap();
}

#[tokio::test]
async fn what_refuses_the_instance_is_a_matter_of_credentials() {
    let scene = Scene::new();
    for (fault, kind, words) in [
        (
            status(401, "NotAuthenticated"),
            "token_refused",
            "The words of the service.",
        ),
        (status(403, "NotAllowed"), "token_refused", "403 NotAllowed"),
        (Fault::ClockSkew(1_000), "clock_skew", "16 min 40 s behind"),
    ] {
        scene.fake.heal();
        scene.fake.fail(FEDERATE, fault, Times::Always);
        let error = scene.refused(&begin(&scene)).await;
        assert_eq!(
            (error.class(), error.kind()),
            (Class::Credentials, kind),
            "{error}"
        );
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn away_from_an_instance_the_method_is_said_to_be_wrong() {
    let scene = Scene::new();
    let variables = [(
        "OCI_METADATA_BASE_URL",
        "http://127.0.0.1:9/opc/v2".to_owned(),
    )];
    let credential = scene.usual(AuthMethod::InstancePrincipal, &variables);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Outage, "no_metadata")
    );
    assert!(error.to_string().contains("vault.auth_method"), "{error}");
    let steps = credential.examine().await;
    assert!(!steps[0].is_well && !steps[0].remedy.is_empty());
}

#[tokio::test]
async fn a_delegation_token_goes_with_every_request_but_that_for_a_token() {
    let scene = Scene::new();
    let token = scene.path("delegation_token");
    scene.write(&token, "user-1");
    let mut settings = scene.settings(AuthMethod::InstancePrincipal);
    settings.delegation_token_file = Some(token.clone());
    scene
        .fake
        .with(|world| world.on_behalf = Some("user-1".to_owned()));
    let credential = scene.credential(&settings, &scene.files.instance);
    scene.ask(&credential).await.unwrap();
    scene.fake.with(|world| {
        let seen = world.journal.seen().iter();
        let mut federation = seen.filter(|seen| seen.route == FEDERATE);
        assert!(
            !federation
                .next()
                .unwrap()
                .headers
                .contains_key("opc-obo-token")
        );
        world.on_behalf = Some("user-2".to_owned());
    });
    scene.write(&token, "user-2");
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn an_instance_of_another_tenancy_than_at_first_is_not_believed() {
    let scene = Scene::new();
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    let mut leaf = rcgen::CertificateParams::default();
    let unit = rcgen::DnType::OrganizationalUnitName;
    leaf.distinguished_name
        .push(unit, "opc-tenant:ocid1.tenancy.oc1..other");
    let key = private_key_pem("publeaf2048");
    let key = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(key, &rcgen::PKCS_RSA_SHA256);
    let leaf = leaf.self_signed(&key.unwrap()).unwrap();
    scene
        .fake
        .with(|world| world.instance.certificate_pem = leaf.pem());
    scene.pass(3_700);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "tenancy")
    );
    assert_eq!(scene.fake.calls(FEDERATE), 1);
}

#[tokio::test]
async fn a_proxy_is_for_the_auth_service_and_not_for_the_metadata_of_the_instance() {
    let scene = Scene::new();
    let mut settings = scene.settings(AuthMethod::InstancePrincipal);
    settings.proxy = Some("http://127.0.0.1:9".to_owned());
    let credential = scene.credential(&settings, &scene.files.instance);
    let error = scene.refused(&credential).await;
    assert_eq!(error.class(), Class::Outage, "{error}");
    assert_eq!(scene.fake.calls(Route::MetadataKey), 1);
    assert_eq!(scene.fake.calls(FEDERATE), 0);
    settings.proxy = Some("socks://user:word@127.0.0.1".to_owned());
    let error = scene
        .refused(&scene.credential(&settings, &scene.files.instance))
        .await;
    assert_eq!((error.class(), error.kind()), (Class::Request, "bad_proxy"));
    assert!(!error.to_string().contains("word@"), "{error}");
}
