//! Is a flush final, is what the slots evicts gone, and who hears of it?

use super::*;
use crate::cache::slots::CAPACITY;

#[tokio::test]
async fn a_flush_wins_over_a_fetch_under_way() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend
        .then_value("before the flush")
        .then_value("after it");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    room.cache.flush(|_| true);
    room.backend.gate.add_permits(2);
    assert_eq!(caller.await.unwrap(), fresh("after it"));
    assert_eq!(room.get().await, fresh("after it"));
    assert_eq!(room.backend.calls(), 2);
}

#[tokio::test]
async fn a_flush_leaves_fetches_of_other_addresses_alone() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    room.cache.flush(|address| address.name == "other");
    room.backend.gate.add_permits(1);
    assert_eq!(caller.await.unwrap(), fresh("v"));
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_fetch_that_a_flush_has_overtaken() {
    let room = Room::new();
    room.backend.then_hang().then_value("w");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    room.cache.flush(|_| true);
    assert_eq!(caller.await.unwrap(), fresh("w"));
    assert_eq!(start.elapsed(), Duration::ZERO);
    while room.cache.upstream.health()[0].counts.failures == 0 {
        tokio::time::advance(FETCH_DEADLINE).await;
    }
    assert_eq!(
        room.get().await,
        fresh("w"),
        "what lands late changes nothing"
    );
    assert!(room.cache.entries()[0].known.as_ref().unwrap().2.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_fetch_that_lands_late_does_not_hide_the_one_under_way() {
    let room = Room::new();
    room.backend.gate.forget_permits(9_999);
    room.backend.then_hang().then_value("w");
    let cache = Arc::clone(&room.cache);
    let _caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.gate.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(FETCH_DEADLINE / 2).await;
    room.cache.flush(|_| true);
    while room.cache.upstream.health()[0].counts.failures == 0 {
        tokio::time::advance(FETCH_DEADLINE / 8).await;
    }
    room.backend.gate.add_permits(1);
    assert_eq!(room.get().await, fresh("w"));
    assert_eq!(room.backend.calls(), 2);
}

#[tokio::test]
async fn a_flush_drops_the_value_itself_and_counts_it() {
    let room = Room::new();
    room.backend.then_value("v").then_value("w");
    let _lagging_behind = room.cache.changes();
    assert_eq!(room.get().await, fresh("v"));
    let held = room.cache.entries()[0]
        .known
        .as_ref()
        .map(|known| Arc::downgrade(&known.0))
        .unwrap();
    assert!(held.upgrade().is_some());
    assert_eq!(room.cache.flush(|address| address.name == "other"), 0);
    assert_eq!(room.cache.flush(|address| address.name == "x"), 1);
    assert!(
        held.upgrade().is_none(),
        "nothing points at the value any more"
    );
    assert!(room.cache.entries().is_empty());
    assert_eq!(room.get().await, fresh("w"));
}

#[tokio::test(start_paused = true)]
async fn a_value_flushed_while_a_caller_waits_is_not_served_as_stale() {
    let room = Room::new();
    room.backend.then_value("v").then_hang().then_hang();
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(room.cache.flush(|_| true), 1);
    assert_eq!(caller.await.unwrap(), Err("deadline"));
}

#[tokio::test]
async fn what_the_shelf_has_evicted_holds_no_value_and_is_not_listed() {
    let room = Room::new();
    for number in 0..CAPACITY * 2 {
        room.backend.then_value("v");
        let name = format!("n{number}");
        let address = address(BackendKind::LOCAL, &name);
        room.cache
            .get(&address, &name, &FRESHNESS, TIME)
            .await
            .unwrap();
    }
    room.cache.slots.handles.run_pending_tasks();
    let entries = u64::try_from(room.cache.entries().len()).unwrap();
    assert!(entries <= CAPACITY + 64, "moka trims in batches: {entries}");
}

#[tokio::test]
async fn what_the_shelf_evicts_is_forgotten_whoever_points_at_it() {
    let room = Room::new();
    room.backend.then_value("v");
    assert_eq!(room.get().await, fresh("v"));
    let slot = room
        .cache
        .slots
        .slot(&address(BackendKind::LOCAL, "x"), "local://x");
    for number in 0..CAPACITY * 2 {
        let name = format!("n{number}");
        room.cache
            .slots
            .slot(&address(BackendKind::LOCAL, &name), &name);
    }
    room.cache.slots.handles.run_pending_tasks();
    assert!(matches!(*slot.known(), Known::Nothing));
}

#[tokio::test]
async fn a_fetch_whose_handle_was_evicted_meanwhile_is_kept() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    room.cache
        .slots
        .handles
        .invalidate(&address(BackendKind::LOCAL, "x"));
    room.backend.gate.add_permits(1);
    assert_eq!(caller.await.unwrap(), fresh("v"));
    assert_eq!(room.get().await, fresh("v"));
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test]
async fn watchers_hear_of_values_outages_refusals_and_flushes() {
    let room = Room::new();
    let mut changes = room.cache.changes();
    room.backend.then_value("v").then(outage()).then(answer());
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    assert_eq!(room.get().await, stale("v"));
    assert_eq!(room.get().await, Err("not_found"));
    room.cache.flush(|_| true);
    let change = changes.recv().await.unwrap();
    assert_eq!(change.reference, "local://x");
    assert!(matches!(change.now, NewState::Value { why: None, .. }));
    assert_eq!(change.wanted, Some(FRESHNESS));
    let mut next = async || changes.recv().await.unwrap().now;
    assert!(matches!(next().await, NewState::Value { why: Some(_), .. }));
    assert!(matches!(next().await, NewState::No(_)));
    assert!(matches!(next().await, NewState::Flushed));
}

#[test]
fn only_backends_of_the_kind_that_changed_forget_names() {
    let backends = [BackendKind::LOCAL, BackendKind::OCI].map(ScriptedBackend::new);
    let all = backends
        .each_ref()
        .map(|one| Arc::clone(one) as Arc<dyn Backend>);
    let clock = Arc::new(ScriptedClock::default()) as Arc<dyn Clock>;
    let upstream = Upstream::new(all.into_iter().collect(), Arc::clone(&clock));
    let cache = Cache::new(Arc::new(upstream), clock);
    let forgets = || backends.each_ref().map(|one| one.forgets());
    cache.flush_kind(BackendKind::LOCAL, |_| true);
    assert_eq!(forgets(), [1, 0]);
    cache.flush(|_| true);
    assert_eq!(forgets(), [2, 1]);
}
