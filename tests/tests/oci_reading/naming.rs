//! Secrets by each of their names and versions.

use std::time::Duration;

use vault_backends::address::VersionSelector;
use vault_backends::error::Class;
use vault_backends::reading::Backend as _;
use vault_tests::oci::{COMPARTMENT, Fault, Paging, Route, State, Times, VAULT, World};

use crate::reader::{IN_COMPARTMENT, IN_VAULT, Reader, check, text_of, value};

#[tokio::test]
async fn a_secret_is_found_by_its_id_in_one_call() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    assert_eq!(reader.read(None, &id).await.unwrap(), value("hunter2", "1"));
    assert_eq!(reader.fake.with(|world| world.journal.seen().len()), 1);
}

#[tokio::test]
async fn a_secret_is_found_by_vault_and_name_in_one_call() {
    let reader = Reader::new();
    reader.fake.put("db", "other");
    reader.fake.put("DB ~+/&=%*\u{e4}", "hunter2");
    let read = reader.read(IN_VAULT, "DB ~+/&=%*\u{e4}").await;
    assert_eq!(read.unwrap(), value("hunter2", "1"));
    assert_eq!(reader.fake.calls(Route::GetSecretBundleByName), 1);
    assert_eq!(reader.fake.with(|world| world.journal.seen().len()), 1);
}

#[tokio::test]
async fn a_secret_is_found_by_compartment_and_name_and_then_in_one_call() {
    let reader = Reader::new();
    reader.fake.put("db", "hunter2");
    reader.fake.put("db-2", "other");
    for listed in [1, 1] {
        let read = reader.read(IN_COMPARTMENT, "db").await;
        assert_eq!(read.unwrap(), value("hunter2", "1"));
        assert_eq!(reader.fake.calls(Route::ListSecrets), listed);
    }
    assert_eq!(reader.fake.calls(Route::GetSecretBundle), 2);
    reader.clock.advance(299);
    reader.fake.with(|world| world.clock.advance(299));
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    assert_eq!(reader.fake.calls(Route::ListSecrets), 1);
    reader.clock.advance(301);
    reader.fake.with(|world| world.clock.advance(301));
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    assert_eq!(reader.fake.calls(Route::ListSecrets), 2);
}

#[tokio::test]
async fn each_version_and_stage_is_found_in_each_way() {
    let reader = Reader::new();
    for version in ["one", "two", "three"] {
        reader.fake.put("db", version);
    }
    let id = reader.fake.put("db", "four");
    reader.fake.with(|world| {
        let secret = world.secrets.secret(&id);
        secret.pending = Some(secret.add(b"five".to_vec(), Some("next".to_owned()), 0));
    });
    let stage = |stage: &str| VersionSelector::Stage(stage.to_owned());
    for (wanted, text, version) in [
        (VersionSelector::Current, "four", "4"),
        (VersionSelector::Version(2), "two", "2"),
        (stage("CURRENT"), "four", "4"),
        (stage("PENDING"), "five", "5"),
        (stage("LATEST"), "five", "5"),
        (stage("PREVIOUS"), "three", "3"),
        (stage("DEPRECATED"), "two", "2"),
        (VersionSelector::Named("next".to_owned()), "five", "5"),
    ] {
        for (container, name) in [
            (None, id.as_str()),
            (IN_VAULT, "db"),
            (IN_COMPARTMENT, "db"),
        ] {
            let read = reader.read_version(container, name, wanted.clone()).await;
            assert_eq!(
                read.unwrap(),
                value(text, version),
                "{container:?} {wanted:?}"
            );
        }
    }
    let error = reader
        .read_version(None, &id, VersionSelector::Version(9))
        .await
        .unwrap_err();
    check(
        &error,
        Class::Answer,
        "not_found",
        &[&id, "404 NotAuthorizedOrNotFound"],
    );
}

#[tokio::test]
async fn what_is_spelt_as_null_may_as_well_be_left_out() {
    let reader = Reader::new();
    let id = reader.fake.put("db", [0, 255, 10]);
    for leaves_nulls_out in [false, true] {
        reader
            .fake
            .with(|world| world.secrets.leaves_nulls_out = leaves_nulls_out);
        let fetched = reader
            .fetch(None, &id, VersionSelector::Current)
            .await
            .unwrap();
        let plain = fetched
            .field(None)
            .unwrap()
            .expose_secret(|plain| plain.to_vec());
        assert_eq!(plain.unwrap(), [0, 255, 10]);
        assert_eq!(fetched.valid_for, None);
    }
}

#[tokio::test]
async fn a_list_ends_where_its_header_says() {
    for has_empty_pages in [false, true] {
        let reader = Reader::new();
        for number in 0..7 {
            let id = reader.fake.put(&format!("{number}"), "other");
            // The service gives what it likes of the name.
            reader.fake.with(|world| {
                let secret = world.secrets.secret(&id);
                secret.state = State::PendingDeletion;
                secret.name = "db".to_owned();
                secret.vault = format!("ocid1.vault.oc1.phx.v{number}");
                world.secrets.paging = Paging {
                    page_size: 2,
                    has_empty_pages,
                };
            });
        }
        // The newest comes first, so this one comes last.
        let id = reader.fake.with(|world| {
            let first = world.secrets.iter().next().unwrap().id.clone();
            world.secrets.secret(&first).state = State::Active;
            first
        });
        let fetched = reader
            .fetch(IN_COMPARTMENT, "db", VersionSelector::Current)
            .await
            .unwrap();
        assert_eq!(text_of(&fetched), "other");
        let calls = if has_empty_pages { 8 } else { 4 };
        assert_eq!(reader.fake.calls(Route::ListSecrets), calls, "{id}");
    }
}

#[tokio::test]
async fn a_name_that_two_secrets_have_is_refused_with_both() {
    let reader = Reader::new();
    let first = reader.fake.put("db", "one");
    let second = reader.fake.put("db-2", "two");
    reader.fake.with(|world| {
        let secret = world.secrets.secret(&second);
        secret.name = "db".to_owned();
        secret.vault = "ocid1.vault.oc1.phx.another".to_owned();
    });
    let error = reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
    let parts = [
        &first,
        VAULT,
        &second,
        "ocid1.vault.oc1.phx.another",
        "oci-vault://VAULT/NAME",
    ];
    check(&error, Class::Request, "ambiguous", &parts);
    assert_eq!(reader.fake.calls(Route::GetSecretBundle), 0);
    let read = reader.read(Some("ocid1.vault.oc1.phx.another"), "db").await;
    assert_eq!(read.unwrap(), value("two", "1"));
}

#[tokio::test]
async fn names_are_compared_exactly_whatever_the_service_lists() {
    let reader = Reader::new();
    reader.fake.put("DB", "other");
    let error = reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
    let parts = [
        COMPARTMENT,
        "\"db\"",
        "profile VECTORS",
        "us-phoenix-1",
        "read secret-family",
        "opc-request-id",
    ];
    check(&error, Class::Answer, "not_found", &parts);
}

#[tokio::test]
async fn a_secret_that_is_to_be_deleted_is_said_to_be() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    reader.fake.with(|world| {
        let secret = world.secrets.secret(&id);
        secret.state = State::PendingDeletion;
        secret.deletion = Some("2032-02-29T00:00:00.000Z".to_owned());
    });
    let error = reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
    let parts = [
        id.as_str(),
        "PENDING_DELETION",
        "2032-02-29",
        "cancel its deletion",
    ];
    check(&error, Class::Answer, "pending_deletion", &parts);
    // Its id is not asked for again.
    let calls = reader.fake.calls(Route::GetSecretBundle);
    reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
    assert_eq!(reader.fake.calls(Route::GetSecretBundle), calls);
    for (container, name) in [(None, id.as_str()), (IN_VAULT, "db")] {
        let error = reader.read(container, name).await.unwrap_err();
        check(&error, Class::Answer, "not_found", &["404"]);
    }
}

#[tokio::test]
async fn a_remembered_id_that_is_gone_is_looked_up_again() {
    let reader = Reader::new();
    let old = reader.fake.put("db", "old");
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    reader.fake.with(|world| {
        let secret = world.secrets.secret(&old);
        secret.state = State::Deleted;
        secret.vault = "ocid1.vault.oc1.phx.old".to_owned();
    });
    reader.fake.put("db", "new");
    let read = reader.read(IN_COMPARTMENT, "db").await;
    assert_eq!(read.unwrap(), value("new", "1"));
    assert_eq!(reader.fake.calls(Route::ListSecrets), 2);
    // Where the id is still the one, its 404 is the answer.
    let refused = Fault::Status {
        status: 404,
        code: "NotAuthorizedOrNotFound".to_owned(),
        message: "No.".to_owned(),
    };
    reader
        .fake
        .fail(Route::GetSecretBundle, refused, Times::Always);
    let error = reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
    check(&error, Class::Answer, "not_found", &["No."]);
    assert_eq!(reader.fake.calls(Route::ListSecrets), 3);
    assert_eq!(reader.fake.calls(Route::GetSecretBundle), 4);
}

#[tokio::test]
async fn a_name_that_means_another_secret_is_looked_up_where_somebody_starts_afresh() {
    let reader = Reader::new();
    let old = reader.fake.put("db", "old");
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    let rename = |world: &mut World| "old-db".clone_into(&mut world.secrets.secret(&old).name);
    reader.fake.with(rename);
    reader.fake.put("db", "new");
    reader.vault.forget();
    let read = reader.read(IN_COMPARTMENT, "db").await;
    assert_eq!(read.unwrap(), value("new", "1"));
}

#[tokio::test]
async fn a_read_that_began_before_names_were_forgotten_leaves_none_behind() {
    let reader = Reader::new();
    reader.fake.put("db", "v");
    let later = Fault::Latency(Duration::from_millis(300));
    reader
        .fake
        .fail(Route::GetSecretBundle, later, Times::Next(1));
    let forgotten = async {
        while reader.fake.calls(Route::GetSecretBundle) == 0 {
            tokio::task::yield_now().await;
        }
        reader.vault.forget();
    };
    let (read, ()) = tokio::join!(reader.read(IN_COMPARTMENT, "db"), forgotten);
    assert_eq!(read.unwrap(), value("v", "1"));
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    assert_eq!(reader.fake.calls(Route::ListSecrets), 2);
}

#[tokio::test]
async fn a_remembered_id_whose_value_is_withheld_is_looked_up_again() {
    let reader = Reader::new();
    let old = reader.fake.put("db", "old");
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    reader.fake.with(|world| {
        let old = world.secrets.secret(&old);
        "old-db".clone_into(&mut old.name);
        old.blocked_from = Some(0);
    });
    reader.fake.put("db", "new");
    let read = reader.read(IN_COMPARTMENT, "db").await;
    assert_eq!(read.unwrap(), value("new", "1"));
}

#[tokio::test]
async fn an_outage_does_not_make_a_name_forgotten() {
    let reader = Reader::new();
    reader.fake.put("db", "hunter2");
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    reader
        .fake
        .fail(Route::GetSecretBundle, Fault::Empty, Times::Next(1));
    let error = reader.read(IN_COMPARTMENT, "db").await.unwrap_err();
    check(&error, Class::Outage, "empty_reply", &[]);
    reader.read(IN_COMPARTMENT, "db").await.unwrap();
    assert_eq!(reader.fake.calls(Route::ListSecrets), 1);
}

#[tokio::test]
async fn a_name_alone_asks_nobody() {
    let reader = Reader::new();
    let error = reader.read(None, "db").await.unwrap_err();
    check(
        &error,
        Class::Request,
        "no_container",
        &["vault.compartment_id"],
    );
    assert_eq!(reader.fake.with(|world| world.journal.seen().len()), 0);
}

#[tokio::test]
async fn an_id_of_another_region_is_said_to_be_one() {
    let reader = Reader::new();
    let id = "ocid1.vaultsecret.oc1.iad.amaaaaaa";
    let error = reader.read(None, id).await.unwrap_err();
    let parts = [
        "region us-ashburn-1",
        "us-phoenix-1 was asked",
        "vault.region",
    ];
    check(&error, Class::Answer, "not_found", &parts);
    let error = reader
        .read(None, "ocid1.vaultsecret.oc1.phx.a")
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("was asked"), "{error}");
}

#[tokio::test]
async fn a_value_is_good_until_its_version_expires() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    let expire = |in_seconds: i64| {
        reader.fake.with(|world| {
            let now = world.clock.now();
            let version = &mut world.secrets.secret(&id).versions[0];
            version.expiry = Some(now.saturating_add_signed(in_seconds));
        });
    };
    expire(100);
    let fetched = reader
        .fetch(None, &id, VersionSelector::Current)
        .await
        .unwrap();
    let valid_for = fetched.valid_for.unwrap();
    assert!(valid_for <= Duration::from_secs(100) && valid_for > Duration::from_mins(1));
    expire(-1);
    let error = reader.read(None, &id).await.unwrap_err();
    check(
        &error,
        Class::Answer,
        "expired",
        &[&id, "add a new version", "opc-request-id"],
    );
    reader.fake.with(|world| {
        let now = world.clock.now();
        world.secrets.secret(&id).blocked_from = Some(now);
    });
    let error = reader.read(None, &id).await.unwrap_err();
    check(
        &error,
        Class::Answer,
        "blocked",
        &[&id, "409 IncorrectState"],
    );
}
