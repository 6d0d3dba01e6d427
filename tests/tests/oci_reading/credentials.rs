//! Credentials that OCI does not believe.

use std::sync::Arc;

use vault_backends::error::Class::Credentials;
use vault_tests::oci::{
    FakeOci, Fault, NotAuthenticated, Route, Times, api_key_id, public_key_pem,
};

use crate::identities::{InTurn, identity, on_behalf};
use crate::reader::{IN_VAULT, Reader, check, value};

const UNKNOWN: &str = "ocid1.tenancy.oc1..x/ocid1.user.oc1..x/00:00";

fn refused() -> Fault {
    Fault::Status {
        status: 401,
        code: "NotAuthenticated".to_owned(),
        message: "The required information to complete authentication was not provided or was \
                  incorrect."
            .to_owned(),
    }
}

fn authorizations(fake: &FakeOci) -> Vec<String> {
    fake.with(|world| {
        let seen = world.journal.seen().iter();
        seen.map(|seen| seen.headers["authorization"].to_str().unwrap().to_owned())
            .collect()
    })
}

#[tokio::test]
async fn a_refused_credential_is_renewed_once_and_the_call_repeated_once() {
    let identities = [
        identity(UNKNOWN, "pub2048"),
        identity(&api_key_id(), "pub2048"),
    ];
    let reader = Reader::of(InTurn::new(identities.into()));
    reader.fake.put("db", "hunter2");
    assert_eq!(
        reader.read(IN_VAULT, "db").await.unwrap(),
        value("hunter2", "1")
    );
    assert_eq!(reader.fake.calls(Route::GetSecretBundleByName), 2);
    assert_eq!(reader.identities.renewals(), 1);
    assert!(reader.identities.held().is_empty());
    let signed = authorizations(&reader.fake);
    assert!(signed[0].contains(UNKNOWN) && signed[1].contains(&api_key_id()));
}

#[tokio::test]
async fn a_token_that_the_service_repeats_is_not_passed_on() {
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl";
    let as_key = identity(&format!("ST${TOKEN}"), "pub2048");
    let on_behalf = on_behalf(&api_key_id(), "pub2048", TOKEN);
    for identity in [as_key, on_behalf] {
        let reader = Reader::of(InTurn::new(vec![identity]));
        for status in [401, 403, 500] {
            let fault = Fault::Status {
                status,
                code: "Refused".to_owned(),
                message: format!("cannot use {}", &TOKEN[5..35]),
            };
            let error = reader
                .with_fault("ocid1.vaultsecret.oc1.phx.a", fault)
                .await;
            let text = format!("{error} {:?}", reader.identities.held());
            assert!(text.contains(&format!("({status} Refused)")), "{text}");
            assert!(!text.contains(&TOKEN[5..15]), "{text}");
        }
    }
}

#[tokio::test]
async fn a_second_refusal_is_the_end_of_it() {
    let identities = ["x", "y", "z"].map(|user| identity(&format!("t/{user}/00"), "pub2048"));
    let reader = Reader::of(InTurn::new(identities.into()));
    let id = reader.fake.put("db", "hunter2");
    let error = reader.read(None, &id).await.unwrap_err();
    let parts = [
        &id,
        "profile VECTORS",
        "us-phoenix-1",
        "user and fingerprint",
        "opc-request-id",
    ];
    check(&error, Credentials, "unknown_key", &parts);
    assert_eq!(reader.fake.calls(Route::GetSecretBundle), 2);
    assert_eq!(reader.identities.renewals(), 1);
    let held = reader.identities.held();
    assert_eq!(held.len(), 1);
    assert!(
        held[0].starts_with("unknown_key: sign in as profile VECTORS"),
        "{held:?}"
    );
    assert!(!held[0].contains(&id), "{held:?}");
}

#[tokio::test]
async fn a_credential_that_cannot_be_renewed_is_held_after_one_call() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    reader
        .fake
        .fail(Route::GetSecretBundle, refused(), Times::Next(1));
    let error = reader.read(None, &id).await.unwrap_err();
    check(&error, Credentials, "unknown_key", &["still registered"]);
    assert_eq!(reader.fake.calls(Route::GetSecretBundle), 1);
    assert_eq!(reader.identities.held().len(), 1);
}

#[tokio::test]
async fn each_way_to_be_refused_has_its_word_and_its_remedy() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    for (why, kind, words) in [
        (
            NotAuthenticated::Nothing,
            "no_signature",
            "takes headers out",
        ),
        (
            NotAuthenticated::Incorrect,
            "unknown_key",
            "user and fingerprint",
        ),
        (
            NotAuthenticated::Signature,
            "wrong_signature",
            "was uploaded",
        ),
    ] {
        let error = reader.with_fault(&id, Fault::NotAuthenticated(why)).await;
        check(&error, Credentials, kind, &[&id, words, "opc-request-id"]);
    }
}

#[tokio::test]
async fn another_key_than_the_one_that_is_registered_is_said_to_be_one() {
    // The fake compares each signature with the registered key: one that another key made, or one with
    // a bit turned, is refused.
    let reader = Reader::of(InTurn::new(vec![identity(&api_key_id(), "pubsession2048")]));
    let id = reader.fake.put("db", "hunter2");
    let error = reader.read(None, &id).await.unwrap_err();
    let parts = [
        "whose public half was uploaded",
        "Failed to verify the HTTP(S) Signature",
    ];
    check(&error, Credentials, "wrong_signature", &parts);
    reader.fake.with(|world| {
        world
            .keys
            .register(&api_key_id(), public_key_pem("pubsession2048"));
    });
    assert_eq!(reader.read(None, &id).await.unwrap(), value("hunter2", "1"));
}

#[tokio::test]
async fn a_clock_that_is_off_is_said_with_its_offset_and_asks_for_no_other_credential() {
    for ahead in [720, -7200] {
        let identities = [
            identity(&api_key_id(), "pub2048"),
            identity(UNKNOWN, "pub2048"),
        ];
        let reader = Reader::of(InTurn::new(identities.into()));
        let id = reader.fake.put("db", "hunter2");
        reader.clock.advance(ahead);
        let error = reader.read(None, &id).await.unwrap_err();
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        let parts = [
            "the clock of this machine is",
            side,
            "timedatectl",
            "not within allowed",
        ];
        check(&error, Credentials, "clock_skew", &parts);
        assert_eq!(reader.fake.calls(Route::GetSecretBundle), 1);
        assert_eq!(reader.identities.renewals(), 0);
        assert_eq!(reader.identities.held().len(), 1);
        reader.clock.advance(-ahead);
        assert_eq!(reader.read(None, &id).await.unwrap(), value("hunter2", "1"));
    }
}

#[tokio::test]
async fn the_token_of_somebody_is_sent_and_signed() {
    let identities = InTurn::new(vec![on_behalf(&api_key_id(), "pub2048", "a.token")]);
    let reader = Reader::of(Arc::clone(&identities));
    reader.fake.put("db", "hunter2");
    assert_eq!(
        reader.read(IN_VAULT, "db").await.unwrap(),
        value("hunter2", "1")
    );
    reader.fake.with(|world| {
        let headers = &world.journal.seen()[0].headers;
        assert_eq!(headers["opc-obo-token"], "a.token");
        let signed = headers["authorization"].to_str().unwrap();
        assert!(
            signed.contains("host opc-obo-token content-length"),
            "{signed}"
        );
    });
}
