//! Pods, which their cluster vouches for.

use vault_backends::error::Class;
use vault_backends::oci::AuthMethod;
use vault_tests::oci::{Cluster, Route};

use crate::scene::{Scene, Variables};

const METHOD: AuthMethod = AuthMethod::WorkloadIdentity;

fn without(variables: &Variables, name: &str) -> Vec<(&'static str, String)> {
    let others = variables.iter().filter(|(known, _)| *known != name);
    others.cloned().collect()
}

#[tokio::test]
async fn the_cluster_is_believed_by_its_own_authority_alone() {
    let scene = Scene::new();
    let mut settings = scene.settings(METHOD);
    settings.ca_file = Some(scene.path("nowhere.pem"));
    let credential = scene.credential(&settings, &scene.files.workload);
    scene.ask(&credential).await.unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    scene.write(&scene.files.ca_file, &other.cert.pem());
    let credential = scene.usual(METHOD, &scene.files.workload);
    assert_eq!(scene.fake.calls(Route::WorkloadToken), 1);
    let error = vault_backends::oci::identity::Identities::current(&*credential).await;
    assert_eq!(error.err().unwrap().kind(), "tls");
    assert_eq!(scene.fake.calls(Route::WorkloadToken), 1);
}

#[tokio::test]
async fn an_authority_of_the_cluster_that_is_none_is_a_matter_of_credentials() {
    let scene = Scene::new();
    scene.write(&scene.path("ca.crt"), "-----BEGIN CERTIFICATE-----\nMIIB");
    let name = "OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH";
    let mut variables = without(&scene.files.workload, name);
    let path = scene.path("ca.crt").display().to_string();
    variables.push((name, path.clone()));
    let credential = scene.usual(METHOD, &variables);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "bad_ca_file")
    );
    assert!(error.to_string().contains(&path), "{error}");
    let steps = credential.examine().await;
    assert!(!steps[0].is_well && steps[0].detail.contains(&path));
}

#[tokio::test]
async fn an_account_that_is_over_is_not_shown_and_its_successor_is() {
    let scene = Scene::new();
    scene.pass(3_601);
    let credential = scene.usual(METHOD, &scene.files.workload);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "expired_token")
    );
    assert!(
        error.to_string().contains("Kubernetes service account"),
        "{error}"
    );
    assert_eq!(scene.fake.calls(Route::WorkloadToken), 0);
    let account = scene
        .fake
        .with(|world| world.keys.service_account_token(world.clock.now()));
    let (_, file) = &scene.files.workload[4];
    scene.write(file.as_ref(), &account);
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn an_account_may_stand_in_a_variable() {
    let scene = Scene::new();
    let path = "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH";
    let mut variables = without(&scene.files.workload, path);
    let account = scene
        .fake
        .with(|world| world.keys.service_account_token(world.clock.now()));
    variables.push(("OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_STRING", account));
    scene.ask(&scene.usual(METHOD, &variables)).await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_is_not_enhanced_is_said_to_be_none() {
    let scene = Scene::new();
    scene.fake.with(|world| world.cluster = Cluster::Basic);
    let error = scene
        .refused(&scene.usual(METHOD, &scene.files.workload))
        .await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "token_refused")
    );
    assert!(
        error.to_string().contains("enhanced clusters of OKE alone"),
        "{error}"
    );
}

#[tokio::test]
async fn away_from_a_cluster_the_variable_is_named() {
    let scene = Scene::new();
    let variables = without(&scene.files.workload, "KUBERNETES_SERVICE_HOST");
    let error = scene.refused(&scene.usual(METHOD, &variables)).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "no_variable")
    );
}
