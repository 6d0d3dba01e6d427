//! Puts: a version, or a secret, and nothing that was not meant.

use vault_backends::changing::{NewVersion, Placement};
use vault_backends::error::Class;
use vault_tests::oci::{COMPARTMENT, ENCRYPTION_KEY, Paging, Route, State, VAULT};

use crate::cloud::{Cloud, failure_of, pending};

#[tokio::test]
async fn a_value_under_a_new_name_makes_a_secret() {
    let cloud = Cloud::new();
    assert_eq!(cloud.put("db", "hunter2").await.unwrap(), "1");
    let token = cloud.header(Route::CreateSecret, "opc-retry-token");
    assert_eq!(token.unwrap().len(), 32);
    assert_eq!(cloud.value("db").await, "hunter2");
    cloud.fake.with(|world| {
        let secret = world.secrets.iter().next().unwrap();
        let place = [
            &secret.name,
            &secret.vault,
            &secret.compartment,
            &secret.key,
        ];
        assert_eq!(place, ["db", VAULT, COMPARTMENT, ENCRYPTION_KEY]);
    });
}

#[tokio::test]
async fn each_new_secret_has_a_retry_token_of_its_own() {
    let cloud = Cloud::new();
    cloud.put("one", "v").await.unwrap();
    let first = cloud.header(Route::CreateSecret, "opc-retry-token");
    cloud.put("two", "v").await.unwrap();
    assert_ne!(first, cloud.header(Route::CreateSecret, "opc-retry-token"));
}

#[tokio::test]
async fn a_value_under_a_name_that_is_there_is_its_next_version() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    let in_compartment = format!("{COMPARTMENT}/db");
    for (number, name) in [(2, "db"), (3, &in_compartment), (4, &id)] {
        let value = format!("value {number}");
        let etag = cloud.fake.with(|world| world.secrets.secret(&id).etag());
        assert_eq!(cloud.put(name, &value).await.unwrap(), number.to_string());
        assert_eq!(cloud.header(Route::UpdateSecret, "if-match"), Some(etag));
        assert_eq!(cloud.value("db").await, value);
    }
    assert_eq!(cloud.fake.with(|world| world.secrets.iter().count()), 1);
}

#[tokio::test]
async fn any_bytes_up_to_the_limit_arrive() {
    let cloud = Cloud::new();
    for length in [1, 2, 3, 25_600] {
        let value: Vec<u8> = (0..=255).cycle().take(length).collect();
        let new = NewVersion::default();
        cloud.put_as("db", &value, new).await.unwrap();
        cloud.fake.with(|world| {
            let secret = world.secrets.iter().next().unwrap();
            assert_eq!(secret.versions.last().unwrap().content, value);
        });
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_before_anything_is_asked() {
    let cloud = Cloud::new();
    let long = "n".repeat(256);
    let named = |name: &str| NewVersion {
        name: Some(name.to_owned()),
        ..NewVersion::default()
    };
    for (name, bytes, new, kind) in [
        ("db", 0, NewVersion::default(), "empty_value"),
        ("db", 25_601, NewVersion::default(), "value_too_large"),
        ("d b", 1, NewVersion::default(), "bad_name"),
        (&long, 1, NewVersion::default(), "bad_name"),
        ("db", 1, named("hunter2 "), "bad_version_name"),
    ] {
        let refused = cloud
            .put_as(name, &vec![b'v'; bytes], new)
            .await
            .unwrap_err();
        assert_eq!((refused.class(), refused.kind()), (Class::Request, kind));
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
    assert!(cloud.asked().is_empty());
}

#[tokio::test]
async fn a_version_that_waits_leaves_the_current_one_in_use() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    let version = cloud.put_as("db", b"new", pending(Some("blue"))).await;
    assert_eq!(version.unwrap(), "2");
    assert_eq!(cloud.value("db").await, "old");
    let again = failure_of(cloud.put_as("db", b"newer", pending(Some("blue"))).await);
    assert_eq!(again.0, "already_exists", "{}", again.1);
    let first = failure_of(cloud.put_as("other", b"v", pending(None)).await);
    assert_eq!(first.0, "nothing_current", "{}", first.1);
    assert_eq!(cloud.fake.with(|world| world.secrets.iter().count()), 1);
}

#[tokio::test]
async fn a_secret_is_found_on_whatever_page_it_is() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    cloud.fake.with(|world| {
        world.secrets.paging = Paging {
            page_size: 1,
            has_empty_pages: true,
        };
        world.secrets.secret(&id).add(b"two".to_vec(), None, 0);
    });
    assert_eq!(cloud.put("db", "new").await.unwrap(), "3");
    assert_eq!(cloud.versions("db").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_name_that_means_two_secrets_is_refused_with_both() {
    let cloud = Cloud::new();
    let ids = ["one", "two"].map(|name| cloud.fake.put(name, "v"));
    let elsewhere = "ocid1.vault.oc1.phx.other.x";
    cloud.fake.with(|world| {
        for id in &ids {
            world.secrets.secret(id).name = "db".to_owned();
        }
        world.secrets.secret(&ids[1]).vault = elsewhere.to_owned();
    });
    let (kind, text) = failure_of(cloud.put(&format!("{COMPARTMENT}/db"), "v").await);
    assert_eq!(kind, "ambiguous");
    for words in [&ids[0], &ids[1], VAULT, elsewhere, "oci-vault://VAULT/NAME"] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(cloud.put("db", "new").await.unwrap(), "2");
    assert_eq!(
        cloud
            .fake
            .with(|world| world.secrets.secret(&ids[1]).current),
        1
    );
}

#[tokio::test]
async fn a_secret_that_cannot_be_changed_now_is_left_and_that_is_said() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    for (state, kind, words) in [
        (State::Updating, "incorrect_state", "its state is UPDATING"),
        (State::Creating, "incorrect_state", "its state is CREATING"),
        (
            State::PendingDeletion,
            "pending_deletion",
            "vaultctl cancel-deletion",
        ),
        (State::Deleted, "deleted", "it is deleted"),
    ] {
        cloud
            .fake
            .with(|world| world.secrets.secret(&id).state = state);
        let (found, text) = failure_of(cloud.put(&id, "new").await);
        assert_eq!(found, kind);
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(cloud.fake.calls(Route::UpdateSecret), 0);
}

#[tokio::test]
async fn a_name_that_is_to_be_deleted_is_not_used_for_a_new_secret() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    cloud
        .fake
        .with(|world| world.secrets.secret(&id).state = State::PendingDeletion);
    for name in ["db".to_owned(), format!("{COMPARTMENT}/db")] {
        let (kind, text) = failure_of(cloud.put(&name, "new").await);
        assert_eq!(kind, "pending_deletion");
        assert!(text.contains("vaultctl cancel-deletion"), "{text}");
    }
    assert_eq!(cloud.fake.calls(Route::CreateSecret), 0);
    // In another vault the name is free.
    let elsewhere = "ocid1.vault.oc1.phx.other.x".to_owned();
    cloud
        .fake
        .with(|world| world.secrets.secret(&id).vault = elsewhere);
    assert_eq!(
        cloud
            .put(&format!("{COMPARTMENT}/db"), "new")
            .await
            .unwrap(),
        "1"
    );
}

#[tokio::test]
async fn a_name_that_the_service_holds_back_is_said_to_be_taken() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "old");
    cloud
        .fake
        .with(|world| world.secrets.secret(&id).state = State::Deleted);
    let (kind, text) = failure_of(cloud.put("db", "hunter2").await);
    assert_eq!(kind, "already_exists");
    assert!(text.contains("the name is taken"), "{text}");
}

#[tokio::test]
async fn what_must_be_configured_for_a_new_secret_is_said() {
    let mut cloud = Cloud::new();
    cloud.home = Placement::default();
    let (kind, text) = failure_of(cloud.put(&format!("{COMPARTMENT}/db"), "v").await);
    assert_eq!(kind, "no_home");
    assert!(text.contains("vault.vault_id"), "{text}");
    let (kind, text) = failure_of(cloud.put("db", "v").await);
    assert_eq!(kind, "no_compartment");
    assert!(text.contains("vault.compartment_id"), "{text}");
    assert_eq!(cloud.fake.calls(Route::CreateSecret), 0);
}

#[tokio::test]
async fn after_a_change_a_name_in_a_compartment_is_looked_up_again() {
    let cloud = Cloud::new();
    let name = format!("{COMPARTMENT}/db");
    let old = cloud.fake.put("db", "old");
    assert_eq!(cloud.value(&name).await, "old");
    cloud.fake.with(|world| {
        let old = world.secrets.secret(&old);
        "old-db".clone_into(&mut old.name);
    });
    cloud.put("db", "new").await.unwrap();
    assert_eq!(cloud.value(&name).await, "new");
}
