//! Scheduled deletions and their cancellation.

use std::time::{SystemTime, UNIX_EPOCH};

use vault_backends::error::Class;
use vault_tests::oci::{Route, State};

use crate::cloud::{Cloud, failure_of};

const DAY: u64 = 86_400;

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[tokio::test]
async fn a_secret_is_deleted_later_and_can_be_had_back() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "v");
    let (target, state) = (cloud.target("db"), || {
        cloud.fake.with(|world| world.secrets.secret(&id).state)
    });
    let at = now() + 7 * DAY;
    let scheduled = cloud
        .changes()
        .schedule_deletion(&target, None, Some(at))
        .await;
    assert_eq!(scheduled.unwrap(), Some(at));
    assert_eq!(state(), State::PendingDeletion);
    assert!(
        cloud
            .header(Route::ScheduleSecretDeletion, "if-match")
            .is_some()
    );
    let again = failure_of(cloud.changes().schedule_deletion(&target, None, None).await);
    assert_eq!(again.0, "pending_deletion");
    cloud
        .changes()
        .cancel_deletion(&target, None)
        .await
        .unwrap();
    assert_eq!(state(), State::Active);
    assert_eq!(cloud.value("db").await, "v");
    let again = cloud
        .changes()
        .cancel_deletion(&target, None)
        .await
        .unwrap_err();
    assert_eq!(
        (again.class(), again.kind()),
        (Class::Request, "not_pending_deletion")
    );
}

#[tokio::test]
async fn where_nobody_says_when_the_service_does_and_is_asked_for_it() {
    let cloud = Cloud::new();
    for value in ["one", "two", "three"] {
        cloud.fake.put("db", value);
    }
    let target = cloud.target("db");
    let of_version = cloud
        .changes()
        .schedule_deletion(&target, Some(1), None)
        .await;
    let of_secret = cloud.changes().schedule_deletion(&target, None, None).await;
    for at in [of_version, of_secret] {
        let days = (at.unwrap().unwrap() - now() + DAY / 2) / DAY;
        assert_eq!(days, 30);
    }
}

#[tokio::test]
async fn a_deletion_sooner_or_later_than_the_service_allows_is_not_asked_for() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "v");
    let target = cloud.target("db");
    for days in [0, 31] {
        let at = Some(now() + days * DAY);
        let (kind, text) = failure_of(cloud.changes().schedule_deletion(&target, None, at).await);
        assert_eq!(kind, "bad_deletion_time");
        assert!(text.contains("1 to 30 days"), "{text}");
    }
    assert!(cloud.asked().is_empty());
    let at = Some(now() + DAY);
    let scheduled = cloud.changes().schedule_deletion(&target, None, at).await;
    assert!(scheduled.unwrap() > at, "not sooner than a day");
}

#[tokio::test]
async fn only_a_version_that_nobody_uses_is_deleted() {
    let cloud = Cloud::new();
    let id = cloud.fake.put("db", "one");
    for value in ["two", "three"] {
        cloud.fake.put("db", value);
    }
    let target = cloud.target("db");
    for (number, stages) in [(2, "PREVIOUS"), (3, "CURRENT, LATEST")] {
        let scheduled = cloud
            .changes()
            .schedule_deletion(&target, Some(number), None)
            .await;
        let (kind, text) = failure_of(scheduled);
        assert_eq!(kind, "in_use");
        assert!(
            text.contains(stages) && text.contains("DEPRECATED"),
            "{text}"
        );
    }
    assert_eq!(cloud.fake.calls(Route::ScheduleSecretVersionDeletion), 0);
    let deletion = || {
        cloud
            .fake
            .with(|world| world.secrets.secret(&id).versions[0].deletion.clone())
    };
    let at = now() + 2 * DAY;
    let scheduled = cloud
        .changes()
        .schedule_deletion(&target, Some(1), Some(at))
        .await;
    assert_eq!(scheduled.unwrap(), Some(at));
    assert!(deletion().is_some());
    let again = failure_of(
        cloud
            .changes()
            .schedule_deletion(&target, Some(1), None)
            .await,
    );
    assert_eq!(again.0, "pending_deletion");
    cloud
        .changes()
        .cancel_deletion(&target, Some(1))
        .await
        .unwrap();
    assert_eq!(deletion(), None);
    let again = failure_of(cloud.changes().cancel_deletion(&target, Some(1)).await);
    assert_eq!(again.0, "not_pending_deletion");
}

#[tokio::test]
async fn nothing_is_deleted_at_once_or_listed() {
    let cloud = Cloud::new();
    cloud.fake.put("db", "v");
    let (kind, text) = failure_of(cloud.changes().delete(&cloud.target("db")).await);
    assert_eq!(kind, "unsupported");
    assert!(text.contains("vaultctl schedule-deletion"), "{text}");
    assert_eq!(failure_of(cloud.changes().list().await).0, "unsupported");
    assert!(cloud.asked().is_empty());
}
