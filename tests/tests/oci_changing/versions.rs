//! Versions and their promotion.

use vault_backends::error::Class;
use vault_tests::oci::{Paging, Route};

use crate::cloud::{Cloud, pending};

#[tokio::test]
async fn versions_are_told_with_all_that_is_known_of_them() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "one");
    cloud.fake.put("db", "two");
    cloud.fake.put("db", "three");
    cloud
        .put_as("db", b"four", pending(Some("blue")))
        .await
        .unwrap();
    cloud.fake.with(|world| {
        let secret = world.secrets.secret(&id);
        secret.versions[0].deletion = Some("2030-01-01T00:00:00.123456+00:00".to_owned());
        secret.versions[1].expiry = Some(1_900_000_000);
        world.secrets.paging = Paging {
            page_size: 3,
            has_empty_pages: true,
        };
    });
    let versions = cloud.versions("db").await.unwrap();
    let numbers: Vec<&str> = versions
        .iter()
        .map(|version| version.version.as_str())
        .collect();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    let stages: Vec<String> = versions
        .iter()
        .map(|version| version.stages.join(" "))
        .collect();
    assert_eq!(
        stages,
        ["DEPRECATED", "PREVIOUS", "CURRENT", "PENDING LATEST"]
    );
    let current: Vec<bool> = versions.iter().map(|version| version.current).collect();
    assert_eq!(current, [false, false, true, false]);
    assert_eq!(versions[3].name.as_deref(), Some("blue"));
    assert_eq!(versions[0].deletion_unix_seconds, Some(1_893_456_000));
    assert_eq!(versions[1].expires_unix_seconds, Some(1_900_000_000));
    assert_eq!(versions[2].name, None);
    assert!(versions[2].created_unix_seconds > 1_700_000_000);
}

#[tokio::test]
async fn versions_of_a_secret_that_is_to_be_deleted_are_told_and_of_none_are_not() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "v");
    let target = cloud.target("db");
    cloud
        .changes()
        .schedule_deletion(&target, None, None)
        .await
        .unwrap();
    assert_eq!(cloud.versions("db").await.unwrap().len(), 1);
    let error = cloud.versions("other").await.unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Answer, "not_found"));
}

#[tokio::test]
async fn a_promoted_version_is_in_use() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "old");
    cloud.put_as("db", b"new", pending(None)).await.unwrap();
    cloud
        .changes()
        .promote(&cloud.target("db"), "2")
        .await
        .unwrap();
    assert!(cloud.header(Route::UpdateSecret, "if-match").is_some());
    assert_eq!(cloud.value("db").await, "new");
    cloud
        .changes()
        .promote(&cloud.target("db"), "1")
        .await
        .unwrap();
    assert_eq!(cloud.value("db").await, "old");
}

#[tokio::test]
async fn what_is_in_use_is_not_promoted_again() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "v");
    cloud
        .changes()
        .promote(&cloud.target("db"), "1")
        .await
        .unwrap();
    assert_eq!(cloud.fake.calls(Route::UpdateSecret), 0);
}

#[tokio::test]
async fn a_version_that_is_none_or_going_is_not_promoted() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "one");
    for value in ["two", "three"] {
        cloud.fake.put("db", value);
    }
    cloud.fake.with(|world| {
        world.secrets.secret(&id).versions[0].deletion = Some("2030-01-01T00:00:00Z".to_owned());
    });
    for (version, class, kind) in [
        ("9", Class::Answer, "not_found"),
        ("hunter2", Class::Request, "bad_version"),
        ("0", Class::Request, "bad_version"),
        ("1", Class::Answer, "pending_deletion"),
    ] {
        let error = cloud
            .changes()
            .promote(&cloud.target("db"), version)
            .await
            .unwrap_err();
        assert_eq!((error.class(), error.kind()), (class, kind));
        assert!(!error.to_string().contains("hunter2"));
    }
    assert_eq!(cloud.fake.calls(Route::UpdateSecret), 0);
}
