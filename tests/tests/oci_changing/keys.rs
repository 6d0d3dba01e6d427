//! The key that a new secret is encrypted with.

use vault_tests::oci::{ENCRYPTION_KEY, Fault, Paging, Route, State, Times, VAULT};

use crate::cloud::{Cloud, failure_of};

const OTHER: &str = "ocid1.key.oc1.phx.fakevault.abyhqljrotherkey";

/// The key of the secret that was made last.
fn key_of_newest(cloud: &Cloud) -> String {
    cloud
        .fake
        .with(|world| world.secrets.iter().last().unwrap().key.clone())
}

#[tokio::test]
async fn the_configured_key_is_taken_and_none_is_looked_for() {
    let mut cloud = Cloud::new();
    cloud
        .fake
        .with(|world| world.vaults.add_key(OTHER).id.clear());
    cloud
        .fake
        .with(|world| world.vaults.add_key(OTHER).name = "other".to_owned());
    cloud.home.key = Some(OTHER.to_owned());
    cloud.put("db", "v").await.unwrap();
    assert_eq!(cloud.asked(), [Route::ListSecrets, Route::CreateSecret]);
    assert_eq!(key_of_newest(&cloud), OTHER);
}

#[tokio::test]
async fn the_key_that_all_other_secrets_of_the_vault_use_is_taken() {
    let cloud = Cloud::new();
    cloud.fake.with(|world| {
        world.vaults.add_key(OTHER);
        world.secrets.paging = Paging {
            page_size: 1,
            has_empty_pages: true,
        };
    });
    for name in ["one", "two", "elsewhere", "gone"] {
        let id = cloud.fake.put(name, "v");
        cloud.fake.with(|world| {
            let secret = world.secrets.secret(&id);
            secret.key = OTHER.to_owned();
            match name {
                "elsewhere" => {
                    secret.vault = "ocid1.vault.oc1.phx.other.x".to_owned();
                    secret.key = "another".to_owned();
                }
                "gone" => {
                    secret.state = State::PendingDeletion;
                    secret.key = "another".to_owned();
                }
                _ => {}
            }
        });
    }
    cloud.put("db", "v").await.unwrap();
    assert_eq!(cloud.fake.calls(Route::ListKeys), 0);
    assert_eq!(key_of_newest(&cloud), OTHER);
}

#[tokio::test]
async fn the_only_key_that_fits_is_taken_where_the_secrets_do_not_say() {
    let cloud = Cloud::new();
    cloud.fake.with(|world| {
        world.vaults.add_key("off").state = "DISABLED".to_owned();
        world.vaults.add_key("rsa").algorithm = "RSA".to_owned();
        world.vaults.add_key("elsewhere").vault = "another vault".to_owned();
        world.secrets.paging.page_size = 1;
    });
    cloud.put("db", "v").await.unwrap();
    assert_eq!(key_of_newest(&cloud), ENCRYPTION_KEY);
    assert!(cloud.fake.calls(Route::ListKeys) >= 1);
}

#[tokio::test]
async fn between_two_keys_a_person_decides() {
    let cloud = Cloud::new();
    cloud
        .fake
        .with(|world| world.vaults.add_key(OTHER).name = "other".to_owned());
    for (name, key) in [("one", ENCRYPTION_KEY), ("two", OTHER)] {
        let id = cloud.fake.put(name, "v");
        cloud
            .fake
            .with(|world| world.secrets.secret(&id).key = key.to_owned());
    }
    let (kind, text) = failure_of(cloud.put("db", "v").await);
    assert_eq!(kind, "several_keys");
    for words in [ENCRYPTION_KEY, OTHER, "(other)", "vault.key_id", VAULT] {
        assert!(text.contains(words), "{text}");
    }
    cloud.fake.with(|world| world.vaults.keys.clear());
    let (kind, text) = failure_of(cloud.put("db", "v").await);
    assert_eq!(kind, "no_key");
    assert!(text.contains("vault.key_id"), "{text}");
    assert_eq!(cloud.fake.calls(Route::CreateSecret), 0);
}

#[tokio::test]
async fn keys_that_may_not_be_listed_can_be_named() {
    let cloud = Cloud::new();
    let refused = Fault::Status {
        status: 404,
        code: "NotAuthorizedOrNotFound".to_owned(),
        message: "Authorization failed or requested resource not found.".to_owned(),
    };
    cloud.fake.fail(Route::ListKeys, refused, Times::Always);
    let (kind, text) = failure_of(cloud.put("db", "v").await);
    assert_eq!(kind, "not_found");
    assert!(text.contains("set vault.key_id"), "{text}");
}
