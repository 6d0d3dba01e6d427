//! Resources, which are given tokens or exchange them.

use std::fs;

use vault_backends::error::Class;
use vault_backends::oci::AuthMethod;
use vault_tests::oci::{Route, public_key_pem, vectors};

use crate::scene::Scene;

const METHOD: AuthMethod = AuthMethod::ResourcePrincipal;

fn new_token(scene: &Scene) -> String {
    let key = public_key_pem("pubsession2048");
    scene
        .fake
        .with(|world| world.keys.resource_token(key, world.clock.now()))
}

#[tokio::test]
async fn a_given_token_is_used_as_long_as_it_lasts_and_then_the_next_in_its_place() {
    let scene = Scene::new();
    let file = scene.path("resource_token");
    let credential = scene.usual(METHOD, &scene.files.resource);
    scene.ask(&credential).await.unwrap();
    assert_eq!(
        credential.describe().region.as_deref(),
        Some("us-phoenix-1")
    );
    scene.pass(2_200);
    scene.write(&file, &new_token(&scene));
    credential.upkeep().await;
    scene.pass(2_200);
    scene.ask(&credential).await.unwrap();
    scene.pass(1_500);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "expired_token")
    );
    assert!(
        error.to_string().contains("OCI_RESOURCE_PRINCIPAL_RPST"),
        "{error}"
    );
    scene.write(&file, &new_token(&scene));
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn a_key_without_its_pass_phrase_says_which_variable_is_meant() {
    let scene = Scene::new();
    let keys = vectors()["key_loading"].as_array().unwrap();
    let encrypted = keys.iter().find(|key| key["id"] == "KP08").unwrap();
    scene.write(&scene.path("key.pem"), encrypted["pem"].as_str().unwrap());
    let credential = scene.usual(METHOD, &scene.files.resource_with_key);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "no_passphrase")
    );
    let text = error.to_string();
    let advice = "set OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE";
    assert!(
        text.contains(advice) && !text.contains("pass_phrase"),
        "{text}"
    );
}

#[tokio::test]
async fn a_given_token_that_is_refused_is_read_again() {
    let scene = Scene::new();
    let credential = scene.usual(METHOD, &scene.files.resource);
    scene.ask(&credential).await.unwrap();
    scene.fake.with(|world| world.keys.revoke_tokens());
    fs::write(scene.path("resource_token"), new_token(&scene)).unwrap();
    scene.ask(&credential).await.unwrap();
    assert_eq!(scene.fake.calls(Route::ListSecrets), 3, "one was refused");
}

#[tokio::test]
async fn token_key_and_pass_phrase_may_stand_in_the_variables() {
    let scene = Scene::new();
    let mut variables = scene.files.resource.clone();
    for (_, value) in &mut variables[1..3] {
        *value = fs::read_to_string(&*value).unwrap();
    }
    scene.ask(&scene.usual(METHOD, &variables)).await.unwrap();
}

#[tokio::test]
async fn a_resource_inside_of_others_becomes_the_outermost() {
    for (parents, names_itself) in [(1, false), (1, true), (3, false), (10, true)] {
        let scene = Scene::new();
        scene.fake.with(|world| {
            world.resources.parents = parents;
            world.resources.outermost_names_itself = names_itself;
        });
        let credential = scene.usual(METHOD, &scene.files.resource_nested);
        scene.ask(&credential).await.unwrap();
        assert_eq!(scene.fake.calls(Route::ResourcePrincipalSession), parents);
        assert_eq!(
            credential.describe().region.as_deref(),
            Some("us-phoenix-1")
        );
    }
}

#[tokio::test]
async fn more_than_ten_resources_around_one_are_a_circle() {
    let scene = Scene::new();
    scene.fake.with(|world| world.resources.parents = 11);
    let credential = scene.usual(METHOD, &scene.files.resource_nested);
    assert_eq!(scene.refused(&credential).await.kind(), "too_deep");
}

#[tokio::test]
async fn a_security_context_is_sent_along() {
    let scene = Scene::new();
    let mut variables = scene.files.resource_with_key.clone();
    "2.1.2".clone_into(&mut variables[0].1);
    variables.push((
        "OCI_RESOURCE_PRINCIPAL_SECURITY_CONTEXT",
        "context".to_owned(),
    ));
    scene.fake.with(|world| {
        let tenancy = vault_tests::oci::tenancy();
        let key_id = format!("resource/v2.1.2/{tenancy}/{}", variables[3].1);
        world.keys.register(&key_id, public_key_pem("pub2048"));
        world.resources.security_context = Some("context".to_owned());
    });
    scene.ask(&scene.usual(METHOD, &variables)).await.unwrap();
}

#[tokio::test]
async fn a_version_without_a_tenancy_has_a_name_without_one() {
    let scene = Scene::new();
    let mut variables = scene.files.resource_with_key.clone();
    "2.1".clone_into(&mut variables[0].1);
    let key_id = format!("resource/v2.1/{}", variables[3].1);
    scene
        .fake
        .with(|world| world.keys.register(&key_id, public_key_pem("pub2048")));
    scene.ask(&scene.usual(METHOD, &variables)).await.unwrap();
}

#[tokio::test]
async fn a_resource_may_act_for_a_user() {
    let scene = Scene::new();
    let token = scene.path("delegation_token");
    scene.write(&token, "the-user");
    let mut settings = scene.settings(METHOD);
    settings.delegation_token_file = Some(token);
    scene
        .fake
        .with(|world| world.on_behalf = Some("the-user".to_owned()));
    let credential = scene.credential(&settings, &scene.files.resource);
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn without_its_variables_there_is_no_resource() {
    let scene = Scene::new();
    let credential = scene.usual(METHOD, &[]);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "no_variable")
    );
    let steps = credential.examine().await;
    assert!(
        steps[0]
            .detail
            .contains("OCI_RESOURCE_PRINCIPAL_VERSION is not set")
    );
}
