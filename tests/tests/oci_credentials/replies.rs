//! Replies of token services that hold no token.

use std::sync::Arc;

use vault_backends::error::Class;
use vault_backends::oci::AuthMethod;
use vault_backends::oci::credential::Credential;
use vault_backends::oci::identity::Identities as _;
use vault_tests::oci::{Fault, Route, Times};

use crate::scene::{Scene, status};

/// A text of somebody in between.
fn between(status: u16) -> Fault {
    Fault::Between {
        status,
        content_type: "text/plain".to_owned(),
        body: "No.".to_owned(),
    }
}

/// The kind of the failure that each makes of a fault.
async fn kinds(scene: &Scene, route: Route, begin: impl Fn() -> Arc<Credential>) {
    // {"alg":"none"}.{"iat":1}.x: a token without an end.
    let endless = "eyJhbGciOiJub25lIn0.eyJpYXQiOjF9.x";
    for (fault, kind) in [
        (Fault::Empty, "empty_reply"),
        (Fault::Html(200), "html"),
        (Fault::Html(403), "html"),
        (between(401), "not_the_service"),
        (between(403), "not_the_service"),
        (between(404), "not_the_service"),
        (between(407), "not_the_service"),
        (Fault::HalfJson, "cut_off_json"),
        (Fault::Json("{}".to_owned()), "no_token"),
        (Fault::Json(r#"{"token":null}"#.to_owned()), "no_token"),
        (Fault::Json(r#"{"token":" "}"#.to_owned()), "no_token"),
        (Fault::Json(r#"{"token":7}"#.to_owned()), "wrong_form"),
        (Fault::Json(r#"{"token":"x"}"#.to_owned()), "bad_token"),
        (
            Fault::Json(format!(r#"{{"token":"{endless}"}}"#)),
            "bad_token",
        ),
        (Fault::TooLong(100_000), "too_large"),
        (Fault::Redirect("https://x.example/".to_owned()), "redirect"),
        (Fault::TruncateAfter(20), "truncated"),
        (Fault::ResetAfter(20), "reset"),
        (
            Fault::TooManyRequests {
                retry_after_seconds: Some(9),
            },
            "too_many_requests",
        ),
        (status(500, "InternalServerError"), "internal_error"),
    ] {
        scene.fake.heal();
        scene.fake.fail(route, fault.clone(), Times::Always);
        let error = begin().current().await.err().unwrap();
        assert_eq!(
            (error.class(), error.kind()),
            (Class::Outage, kind),
            "{fault:?}: {error}"
        );
        let message = error.to_string();
        assert!(message.starts_with("get a token as "), "{message}");
        assert!(!message.contains(endless), "{message}");
    }
}

#[tokio::test]
async fn each_is_an_error_of_its_own_for_an_instance() {
    let scene = Scene::new();
    let begin = || scene.usual(AuthMethod::InstancePrincipal, &scene.files.instance);
    kinds(&scene, Route::FederateInstance, begin).await;
}

#[tokio::test]
async fn each_is_an_error_of_its_own_for_a_resource() {
    let scene = Scene::new();
    let variables = &scene.files.resource_with_key;
    let begin = || scene.usual(AuthMethod::ResourcePrincipal, variables);
    kinds(&scene, Route::ResourcePrincipalSession, begin).await;
}

#[tokio::test]
async fn nobody_is_asked_again_and_again() {
    let scene = Scene::new();
    let route = Route::ResourcePrincipalSession;
    scene.break_down(route);
    let credential = scene.usual(
        AuthMethod::ResourcePrincipal,
        &scene.files.resource_with_key,
    );
    for _ in 0..20 {
        let error = scene.refused(&credential).await;
        assert_eq!(error.class(), Class::Outage);
    }
    // A second may have passed.
    assert!((3..=4).contains(&scene.fake.calls(route)));
}
