//! Renewal of each kind of token, and what is said where it fails.

use std::sync::Arc;

use vault_backends::error::Class;
use vault_backends::oci::AuthMethod;
use vault_backends::oci::credential::Credential;
use vault_tests::oci::Route;

use crate::scene::Scene;

/// The whole life of tokens that last an hour and come from this route.
async fn lives(scene: &Scene, credential: &Arc<Credential>, route: Route) {
    let calls = || scene.fake.calls(route);
    scene.ask(credential).await.unwrap();
    scene.ask(credential).await.unwrap();
    assert_eq!(calls(), 1, "one token is enough");

    scene.pass(2_200);
    credential.upkeep().await;
    assert_eq!(calls(), 2, "it is renewed ahead of its end");
    // It is due again, and from here on each attempt fails, those behind the scenes as well.
    scene.break_down(route);
    scene.pass(2_100);
    scene.ask(credential).await.unwrap();
    scene.pass(100);
    credential.upkeep().await;
    assert!(calls() > 2, "it is tried");
    scene.ask(credential).await.unwrap();
    let known = credential.describe();
    assert!(known.failure.is_some() && known.expires_at.is_some());

    scene.pass(1_500);
    let error = scene.refused(credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Outage, "service_unavailable")
    );
    let message = error.to_string();
    assert!(
        message.contains(&format!("as {}", known.principal)),
        "{message}"
    );
    assert!(message.contains("opc-request-id"), "{message}");

    scene.fake.heal();
    scene.pass(31);
    scene.ask(credential).await.unwrap();
    assert_eq!(credential.describe().failure, None);
}

#[tokio::test]
async fn of_an_instance() {
    let scene = Scene::new();
    let credential = scene.usual(AuthMethod::InstancePrincipal, &scene.files.instance);
    lives(&scene, &credential, Route::FederateInstance).await;
    assert_eq!(credential.describe().region.as_deref(), Some("phx"));
}

#[tokio::test]
async fn of_a_resource_with_a_key() {
    let scene = Scene::new();
    let variables = &scene.files.resource_with_key;
    let credential = scene.usual(AuthMethod::ResourcePrincipal, variables);
    lives(&scene, &credential, Route::ResourcePrincipalSession).await;
}

#[tokio::test]
async fn of_a_resource_on_an_instance() {
    let scene = Scene::new();
    let variables = [&scene.files.resource_on_instance[..], &scene.files.instance].concat();
    let credential = scene.usual(AuthMethod::ResourcePrincipal, &variables);
    lives(&scene, &credential, Route::ResourcePrincipalToken).await;
    let (tokens, instances) = (Route::ResourcePrincipalSession, Route::FederateInstance);
    assert!(scene.fake.calls(instances) >= scene.fake.calls(tokens));
}

#[tokio::test]
async fn of_a_pod() {
    let scene = Scene::new();
    // The cluster replaces the account's token; here one that lasts does.
    let account = scene.fake.with(|world| {
        world.keys.token_seconds = 100_000;
        let account = world.keys.service_account_token(world.clock.now());
        world.keys.token_seconds = 3_600;
        account
    });
    let (_, file) = &scene.files.workload[4];
    scene.write(file.as_ref(), &account);
    let credential = scene.usual(AuthMethod::WorkloadIdentity, &scene.files.workload);
    lives(&scene, &credential, Route::WorkloadToken).await;
}
