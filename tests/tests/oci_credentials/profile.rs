//! API keys, whose files people change.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use vault_backends::error::Class;
use vault_backends::oci::AuthMethod;
use vault_backends::oci::identity::Identities as _;
use vault_tests::oci::{Route, api_key_id, private_key_pem, public_key_pem};

use crate::scene::Scene;

#[tokio::test]
async fn a_profile_signs_and_asks_nobody() {
    let scene = Scene::new();
    let credential = scene.usual(AuthMethod::ConfigFile, &[]);
    scene.ask(&credential).await.unwrap();
    assert_eq!(scene.fake.with(|world| world.journal.seen().len()), 1);
    let known = credential.describe();
    let principal = format!("profile DEFAULT of {}", scene.files.config_file.display());
    assert_eq!(known.principal, principal);
    assert_eq!(
        (known.region.as_deref(), known.expires_at),
        (Some("us-phoenix-1"), None)
    );
}

#[tokio::test]
async fn another_key_in_its_place_is_used_within_a_second() {
    let scene = Scene::new();
    let credential = scene.usual(AuthMethod::ConfigFile, &[]);
    scene.ask(&credential).await.unwrap();
    let other = vault_tests::oci::vectors()["keys"]["pubsession2048"]["fingerprint"].as_str();
    let other = other.unwrap();
    let (before, print) = (api_key_id(), api_key_id());
    let print = print.rsplit('/').next().unwrap();
    scene.fake.with(|world| {
        let key_id = before.replace(print, other);
        world
            .keys
            .register(&key_id, public_key_pem("pubsession2048"));
        world.keys.forget(&before);
    });
    let config = fs::read_to_string(&scene.files.config_file).unwrap();
    scene.write(&scene.path("key.pem"), private_key_pem("pubsession2048"));
    let error = scene.refused(&credential).await;
    assert_eq!(error.kind(), "wrong_fingerprint", "{error}");
    for words in [
        "profile DEFAULT of ",
        "key.pem",
        other,
        print,
        "put the key's own fingerprint",
    ] {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    scene.write(&scene.files.config_file, &config.replacen(print, other, 1));
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused_with_the_command_to_run() {
    let scene = Scene::new();
    let key = scene.path("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let credential = scene.usual(AuthMethod::ConfigFile, &[]);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "wrong_mode")
    );
    assert!(
        error
            .to_string()
            .contains(&format!("chmod 600 {}", key.display())),
        "{error}"
    );
    let mut settings = scene.settings(AuthMethod::ConfigFile);
    settings.allow_readable_keys = true;
    scene.ask(&scene.credential(&settings, &[])).await.unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    scene.pass(1);
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn all_problems_of_a_profile_are_in_one_message() {
    let scene = Scene::new();
    scene.write(
        &scene.files.config_file,
        "[DEFAULT]\nuser=me\nfingerprint=AA\n",
    );
    let credential = scene.usual(AuthMethod::ConfigFile, &[]);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "profile_problems")
    );
    let message = error.to_string();
    for key in [
        "user (line 2)",
        "fingerprint (line 3)",
        "tenancy is missing",
        "key_file is missing",
        "region is missing",
    ] {
        assert!(message.contains(key), "{key}: {message}");
    }
    assert!(!message.contains("AA"), "{message}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_used_when_it_is() {
    let scene = Scene::new();
    let mut settings = scene.settings(AuthMethod::ConfigFile);
    settings.config_file = scene.path("later");
    let credential = scene.credential(&settings, &[]);
    for _ in 0..5 {
        assert_eq!(scene.refused(&credential).await.kind(), "no_config_file");
    }
    let config = fs::read_to_string(&scene.files.config_file).unwrap();
    scene.write(&settings.config_file, &config);
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn a_region_may_be_said_elsewhere() {
    let scene = Scene::new();
    let config = fs::read_to_string(&scene.files.config_file).unwrap();
    scene.write(
        &scene.files.config_file,
        &config.replace("region=us-phoenix-1\n", ""),
    );
    let variables = [("OCI_REGION", "lhr".to_owned())];
    let credential = scene.usual(AuthMethod::ConfigFile, &variables);
    let identity = credential.current().await.unwrap();
    assert_eq!(identity.region.as_deref(), Some("lhr"));
    let mut settings = scene.settings(AuthMethod::ConfigFile);
    settings.region = Some("fra".to_owned());
    let credential = scene.credential(&settings, &[]);
    credential.current().await.unwrap();
    assert_eq!(credential.describe().region.as_deref(), Some("fra"));
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_used_again_until_its_files_change() {
    let scene = Scene::new();
    scene.fake.with(|world| world.keys.forget(&api_key_id()));
    let credential = scene.usual(AuthMethod::ConfigFile, &[]);
    for _ in 0..3 {
        let error = scene.refused(&credential).await;
        assert_eq!(
            (error.class(), error.kind()),
            (Class::Credentials, "unknown_key")
        );
    }
    assert_eq!(scene.fake.calls(Route::ListSecrets), 1);
    scene.fake.with(|world| {
        world
            .keys
            .register(&api_key_id(), public_key_pem("pub2048"));
    });
    scene.write(&scene.path("key.pem"), private_key_pem("pub2048"));
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn a_profile_may_say_that_the_instance_acts_for_a_user() {
    let scene = Scene::new();
    let token = scene.path("delegation_token");
    scene.write(&token, "the-user\n");
    let words = format!(
        "[DEFAULT]\nregion=us-ashburn-1\nauthentication_type=instance_principal\ndelegation_token_file={}\n",
        token.display()
    );
    scene.write(&scene.files.config_file, &words);
    scene
        .fake
        .with(|world| world.on_behalf = Some("the-user".to_owned()));
    let credential = scene.usual(AuthMethod::ConfigFile, &scene.files.instance);
    scene.ask(&credential).await.unwrap();
    assert_eq!(
        credential.describe().principal,
        "instance principal on behalf of a user"
    );
    let identity = credential.current().await.unwrap();
    assert_eq!(identity.region.as_deref(), Some("us-ashburn-1"));
    let config = fs::read_to_string(&scene.files.config_file).unwrap();
    let config = config.replace("region=us-ashburn-1\n", "");
    scene.write(&scene.files.config_file, &config);
    // What has an end is renewed behind the scenes; the upkeep waits for it.
    credential.upkeep().await;
    let identity = credential.current().await.unwrap();
    assert_eq!(identity.region.as_deref(), Some("phx"));
}

#[tokio::test]
async fn an_examination_goes_as_far_as_it_is_well() {
    let scene = Scene::new();
    let credential = scene.usual(AuthMethod::ConfigFile, &[]);
    let well = credential.examine().await;
    let well: Vec<_> = well
        .iter()
        .map(|step| (step.what.as_str(), step.is_well))
        .collect();
    assert_eq!(well, [("configuration", true), ("key", true)]);
    scene.write(&scene.path("key.pem"), private_key_pem("pubsession2048"));
    let steps = credential.examine().await;
    assert!(steps[0].is_well && !steps[1].is_well && !steps[1].remedy.is_empty());
    assert!(
        steps[1].detail.contains("fingerprint"),
        "{}",
        steps[1].detail
    );
}
