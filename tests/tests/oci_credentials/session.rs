//! Sessions, which a person begins and the daemon draws out.

use std::fs;
use std::sync::Arc;

use vault_backends::address::BackendKind;
use vault_backends::error::Class;
use vault_backends::local::LocalSettings;
use vault_backends::oci::AuthMethod;
use vault_backends::oci::credential::Credential;
use vault_backends::registry::Backends;
use vault_backends::target::Target;
use vault_memory::{Preference, Shield};
use vault_tests::oci::{Fault, Route, Times, public_key_pem};

use crate::scene::{Scene, status};

const REFRESH: Route = Route::RefreshSession;

fn begin(scene: &Scene) -> Arc<Credential> {
    scene.usual(AuthMethod::SessionToken, &[])
}

fn new_token(scene: &Scene) -> String {
    let key = public_key_pem("pubsession2048");
    scene
        .fake
        .with(|world| world.keys.session_token(key, world.clock.now()))
}

#[tokio::test]
async fn a_session_is_drawn_out_though_nobody_uses_it_and_no_file_is_written() {
    let scene = Scene::new();
    let credential = begin(&scene);
    let in_file = fs::read(&scene.files.session_token_file).unwrap();
    for _ in 0..10 {
        credential.upkeep().await;
        scene.pass(2_200);
    }
    credential.upkeep().await;
    assert_eq!(scene.fake.calls(REFRESH), 10);
    scene.ask(&credential).await.unwrap();
    assert_eq!(fs::read(&scene.files.session_token_file).unwrap(), in_file);
    let principal = credential.describe().principal;
    assert!(
        principal.starts_with("session of profile SESSION of "),
        "{principal}"
    );
}

#[tokio::test]
async fn after_a_day_it_is_over() {
    let scene = Scene::new();
    let credential = begin(&scene);
    for _ in 0..(86_400 / 2_200) + 2 {
        credential.upkeep().await;
        scene.pass(2_200);
    }
    let calls = scene.fake.calls(REFRESH);
    assert_eq!(calls, 86_400 / 2_200);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "session_over")
    );
    let words = "sign in again with `oci session authenticate --profile-name SESSION --region us-phoenix-1`";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn a_profile_with_a_token_file_is_a_session_whatever_it_inherits() {
    let scene = Scene::new();
    let mut settings = scene.settings(AuthMethod::ConfigFile);
    settings.config_profile = "SESSION".to_owned();
    let credential = scene.credential(&settings, &[]);
    credential.upkeep().await;
    scene.pass(2_200);
    credential.upkeep().await;
    assert_eq!(scene.fake.calls(REFRESH), 1);
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn a_refresh_that_fails_is_not_noticed_before_the_end() {
    let scene = Scene::new();
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    scene.break_down(REFRESH);
    scene.pass(2_200);
    credential.upkeep().await;
    scene.ask(&credential).await.unwrap();
    assert!(credential.describe().failure.unwrap().contains("503"));
    scene.pass(1_500);
    let error = scene.refused(&credential).await;
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "session_over")
    );
    scene.write(&scene.files.session_token_file, &new_token(&scene));
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn another_token_in_the_file_is_taken_unless_it_has_ended() {
    let scene = Scene::new();
    let ended = new_token(&scene);
    scene.pass(3_000);
    let first = new_token(&scene);
    scene.write(&scene.files.session_token_file, &first);
    let credential = begin(&scene);
    credential.upkeep().await;
    let ends = |credential: &Credential| credential.describe().expires_at.unwrap();
    let end = ends(&credential);
    scene.pass(700);
    scene.write(&scene.files.session_token_file, &ended);
    credential.upkeep().await;
    assert_eq!(ends(&credential), end);
    scene.pass(100);
    scene.write(&scene.files.session_token_file, &new_token(&scene));
    credential.upkeep().await;
    assert!(ends(&credential) >= end + 800);
    assert_eq!(scene.fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_token_of_a_shorter_session_takes_the_place_of_a_revoked_one() {
    let scene = Scene::new();
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    let end = credential.describe().expires_at.unwrap();
    scene.fake.with(|world| {
        world.keys.revoke_tokens();
        world.keys.token_seconds = 600;
    });
    scene.write(&scene.files.session_token_file, &new_token(&scene));
    scene.ask(&credential).await.unwrap();
    assert!(credential.describe().expires_at.unwrap() < end);
    assert_eq!(scene.fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_session_that_nobody_has_used_since_a_start_is_drawn_out() {
    let scene = Scene::new();
    let mut settings = scene.settings(AuthMethod::ConfigFile);
    settings.config_profile = "SESSION".to_owned();
    let around = scene.around(&[]);
    let shield = Shield::new(Preference::Auto).unwrap();
    let local = LocalSettings::new(scene.path("store"));
    let backends = Backends::open(&local, around, shield).unwrap();
    let target: Arc<dyn Target> = Arc::new(settings);
    backends.configure([Arc::clone(&target)]);
    for _ in 0..3 {
        for (_, backend) in backends.all() {
            backend.upkeep().await;
        }
        scene.pass(2_200);
    }
    assert_eq!(scene.fake.calls(REFRESH), 2);
    let is_shown = || backends.keys().contains(&target.key());
    assert!(!is_shown(), "nobody has asked for it");
    assert!(backends.of(BackendKind::OCI, &target.scope()).is_some());
    assert!(is_shown());
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_and_the_call_repeated() {
    let scene = Scene::new();
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    scene
        .fake
        .fail(Route::ListSecrets, Fault::TokenExpired, Times::Next(1));
    scene.ask(&credential).await.unwrap();
    assert_eq!(scene.fake.calls(REFRESH), 1);
    assert_eq!(scene.fake.calls(Route::ListSecrets), 3);
}

#[tokio::test]
async fn a_session_that_is_over_for_oci_is_said_to_be_and_ends_with_a_new_token() {
    let scene = Scene::new();
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    scene.fake.with(|world| world.keys.revoke_tokens());
    for _ in 0..3 {
        let error = scene.refused(&credential).await;
        assert_eq!(error.class(), Class::Credentials);
        assert!(
            error
                .to_string()
                .contains("sign in again with `oci session"),
            "{error}"
        );
    }
    assert_eq!(scene.fake.calls(Route::ListSecrets), 2, "it is held back");
    assert_eq!(scene.fake.calls(REFRESH), 1);
    scene.write(&scene.files.session_token_file, &new_token(&scene));
    scene.ask(&credential).await.unwrap();
}

#[tokio::test]
async fn no_token_is_in_any_message() {
    let scene = Scene::new();
    let token = fs::read_to_string(&scene.files.session_token_file).unwrap();
    let quoting = Fault::Status {
        status: 400,
        code: "InvalidParameter".to_owned(),
        message: format!("currentToken {token} is not valid"),
    };
    let credential = begin(&scene);
    scene.ask(&credential).await.unwrap();
    scene.fake.fail(REFRESH, quoting, Times::Always);
    scene.fake.fail(
        Route::ListSecrets,
        status(401, "NotAuthenticated"),
        Times::Always,
    );
    let error = scene.refused(&credential).await;
    let message = error.to_string();
    assert!(
        message.contains("no token is given (status 400)"),
        "{message}"
    );
    assert!(!message.contains(&token[..20]), "{message}");
}
