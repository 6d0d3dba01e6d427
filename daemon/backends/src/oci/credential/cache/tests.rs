//! Tests of the credential cache over a scripted source.

mod script;

use std::fs;
use std::sync::atomic::Ordering;

use super::*;

use script::{HOUR, Scene, Step, named};

#[tokio::test]
async fn all_who_come_at_once_wait_for_one_attempt() {
    let scene = Scene::new(&[Step::Token("a")]);
    let all = (0..10).map(|_| {
        let cache = scene.cache.clone();
        tokio::spawn(async move { named(cache.current().await) })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.expect("it ran"), "a");
    }
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn an_attempt_is_finished_though_its_caller_goes_away() {
    let scene = Scene::new(&[Step::Token("a")]);
    let gate = scene.script.gate.acquire().await.expect("open");
    let cache = scene.cache.clone();
    let caller = tokio::spawn(async move { named(cache.current().await) });
    while scene.asked() == 0 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    drop(gate);
    scene.settle().await;
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("a", 1));
}

#[tokio::test]
async fn a_token_is_renewed_behind_the_scenes_ahead_of_its_end() {
    let scene = Scene::new(&[Step::Token("a"), Step::Token("b")]);
    assert_eq!(scene.current().await, "a");
    scene.pass(HOUR / 2 + 179);
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("a", 1));
    scene.pass(1);
    let gate = scene.script.gate.acquire().await.expect("open");
    for _ in 0..3 {
        assert_eq!(scene.current().await, "a", "nobody waits");
        tokio::task::yield_now().await;
    }
    drop(gate);
    scene.settle().await;
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("b", 2));
}

#[tokio::test]
async fn a_renewal_that_fails_is_not_noticed_before_the_end_and_then_said() {
    let scene = Scene::new(&[
        Step::Token("a"),
        Step::Outage,
        Step::Outage,
        Step::Token("b"),
    ]);
    assert_eq!(scene.current().await, "a");
    scene.pass(HOUR * 2 / 3);
    assert_eq!(scene.current().await, "a");
    scene.settle().await;
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("a", 2));
    let failure = scene.cache.summary().failure;
    assert_eq!(failure.as_deref(), Some("get a token: nobody is there"));
    scene.pass(59);
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("a", 2));
    scene.pass(HOUR / 3 - 59);
    assert_eq!(
        scene.current().await,
        "connect",
        "what has ended is not used"
    );
    assert_eq!(scene.asked(), 3);
    assert_eq!(scene.current().await, "b");
    assert_eq!(scene.cache.summary().failure, None);
}

#[tokio::test]
async fn after_three_failures_nobody_is_asked_for_a_while() {
    let scene = Scene::new(&[
        Step::Outage,
        Step::Outage,
        Step::Outage,
        Step::Outage,
        Step::Token("a"),
    ]);
    for asked in [1, 2, 3, 3, 3] {
        let error = scene.cache.current().await.err().expect("a failure");
        assert_eq!((error.class(), scene.asked()), (Class::Outage, asked));
        assert_eq!(error.to_string(), "get a token: nobody is there");
    }
    scene.pass(1);
    assert_eq!(
        (scene.current().await.as_str(), scene.asked()),
        ("connect", 4)
    );
    scene.pass(1);
    assert_eq!(
        (scene.current().await.as_str(), scene.asked()),
        ("connect", 4)
    );
    scene.pass(1);
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("a", 5));
}

#[tokio::test]
async fn a_token_that_has_ended_when_it_comes_is_none() {
    let scene = Scene::new(&[Step::Ended("a")]);
    let error = scene.cache.current().await.err().expect("a failure");
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "expired_token")
    );
    let message = error.to_string();
    assert!(
        message.contains("the scripted one: the one that is there ended 5 s ago"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_given_up() {
    let scene = Scene::new(&[Step::Never, Step::Token("a")]);
    assert_eq!(scene.current().await, "token_timeout");
    assert_eq!(scene.current().await, "a");
}

#[tokio::test]
async fn all_who_were_refused_get_one_new_token() {
    let scene = Scene::new(&[Step::Token("a"), Step::Token("b")]);
    let refused = scene.identity().await;
    let all = (0..5).map(|_| {
        let (cache, refused) = (scene.cache.clone(), Arc::clone(&refused));
        tokio::spawn(async move { cache.renewed(&refused).await })
    });
    for one in all.collect::<Vec<_>>() {
        let renewed = one.await.expect("it ran").expect("no failure");
        assert_eq!(named(Ok(renewed.expect("another"))), "b");
    }
    assert_eq!(scene.asked(), 2);
    assert_eq!(
        *scene.script.whys.lock().expect("a lock"),
        [Reason::First, Reason::Refused]
    );
}

#[tokio::test]
async fn what_is_the_same_again_is_no_other_identity() {
    let scene = Scene::new(&[Step::Endless("a"), Step::Endless("a"), Step::Endless("b")]);
    let refused = scene.identity().await;
    assert!(scene.cache.renewed(&refused).await.expect("read").is_none());
    assert!(Arc::ptr_eq(&refused, &scene.identity().await));
    let other = scene.cache.renewed(&refused).await.expect("read");
    assert_eq!(named(Ok(other.expect("another"))), "b");
}

#[tokio::test]
async fn a_refusal_that_meets_a_renewal_under_way_takes_what_it_brings() {
    let scene = Scene::new(&[Step::Token("a"), Step::Token("b")]);
    let refused = scene.identity().await;
    scene.pass(HOUR * 2 / 3);
    assert_eq!(scene.current().await, "a");
    let renewed = scene.cache.renewed(&refused).await.expect("no failure");
    assert_eq!(named(Ok(renewed.expect("another"))), "b");
    assert_eq!(scene.asked(), 2);
}

#[tokio::test]
async fn what_is_held_back_is_not_used_for_a_minute() {
    let scene = Scene::new(&[Step::Endless("a")]);
    let refused = scene.identity().await;
    let why = BackendError::not_sent(Class::Credentials, "unknown_key", "sign in: who are you?");
    scene.cache.hold(&refused, &why);
    let error = scene.cache.current().await.err().expect("held back");
    assert_eq!(
        (error.class(), error.to_string().as_str()),
        (Class::Credentials, "sign in: who are you?")
    );
    assert_eq!(
        scene.cache.summary().failure.as_deref(),
        Some("sign in: who are you?")
    );
    scene.pass(59);
    assert_eq!(scene.current().await, "unknown_key");
    scene.pass(1);
    assert_eq!(scene.current().await, "a");
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn a_hold_of_another_identity_is_none() {
    let scene = Scene::new(&[Step::Token("a"), Step::Token("b")]);
    let refused = scene.identity().await;
    scene.cache.renewed(&refused).await.expect("no failure");
    let why = BackendError::not_sent(Class::Credentials, "unknown_key", "sign in");
    scene.cache.hold(&refused, &why);
    assert_eq!(scene.current().await, "b");
}

#[tokio::test]
async fn files_that_change_are_read_within_a_second_and_end_a_hold() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("f");
    let steps = [
        Step::Endless("a"),
        Step::Endless("a"),
        Step::Outage,
        Step::Outage,
        Step::Endless("b"),
    ];
    let scene = Scene::with(&steps, Some(file.clone()), false);
    let refused = scene.identity().await;
    let why = BackendError::not_sent(Class::Credentials, "unknown_key", "sign in");
    scene.cache.hold(&refused, &why);
    scene.pass(1);
    assert_eq!(scene.current().await, "unknown_key");
    fs::write(&file, "1").expect("written");
    assert_eq!(
        scene.current().await,
        "unknown_key",
        "it was looked at in this second"
    );
    scene.pass(1);
    for _ in 0..2 {
        assert_eq!(scene.current().await, "a", "the same is tried again");
    }
    fs::write(&file, "12").expect("written");
    scene.pass(1);
    for _ in 0..2 {
        assert_eq!(
            scene.current().await,
            "connect",
            "what files say now counts"
        );
    }
    fs::write(&file, "123").expect("written");
    scene.pass(1);
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("b", 5));
}

#[tokio::test]
async fn a_changed_file_ends_a_pause() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("f");
    let steps = [Step::Outage, Step::Outage, Step::Outage, Step::Token("a")];
    let scene = Scene::with(&steps, Some(file.clone()), false);
    scene.script.clock.0.fetch_add(1, Ordering::SeqCst);
    for _ in 0..4 {
        assert_eq!(scene.current().await, "connect");
    }
    assert_eq!(scene.asked(), 3);
    fs::write(&file, "1").expect("written");
    scene.cache.state().looked_at = None;
    assert_eq!(scene.current().await, "a");
}

#[tokio::test]
async fn upkeep_renews_what_was_used_and_nothing_else() {
    let scene = Scene::new(&[Step::Token("a"), Step::Token("b"), Step::Outage]);
    assert_eq!(scene.cache.upkeep().await, Duration::from_hours(1));
    assert_eq!(scene.asked(), 0, "nobody has used it");
    assert_eq!(scene.current().await, "a");
    assert_eq!(scene.cache.upkeep().await, Duration::from_mins(33));
    scene.pass(1980);
    assert_eq!(scene.cache.upkeep().await, Duration::from_mins(33));
    assert_eq!((scene.current().await.as_str(), scene.asked()), ("b", 2));
    scene.pass(1980);
    assert_eq!(
        scene.cache.upkeep().await,
        Duration::from_mins(1),
        "after a failure"
    );
    assert_eq!(scene.cache.upkeep().await, Duration::from_mins(1));
    assert_eq!(scene.asked(), 3);
}

#[tokio::test]
async fn upkeep_keeps_what_only_a_person_can_begin_and_never_hurries() {
    let scene = Scene::with(&[Step::Outage; 9], None, true);
    for (asked, seconds) in [(1, 5), (2, 5), (3, 1), (3, 1)] {
        let wait = scene.cache.upkeep().await;
        assert_eq!((scene.asked(), wait), (asked, Duration::from_secs(seconds)));
    }
}
