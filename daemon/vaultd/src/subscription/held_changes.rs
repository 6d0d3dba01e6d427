//! Changes of what is held: as they happen, and what time alone does to values.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::cache::changes::{Change, NewState};
use crate::cache::freshness::Freshness;
use crate::cache::machine::Dated;
use crate::cache::{Cache, CacheEntry};
use crate::clock::{Clock, Moment};

/// Whoever listens lags behind: some changes before this are lost.
#[derive(Debug)]
pub(super) struct Lost;

/// One listener.
pub(super) struct HeldChanges<F> {
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
    /// How fresh a value is wanted that nobody has asked for.
    others: F,
    changes: Receiver<Change>,
    /// Up to when time was looked at.
    looked: Moment,
    /// What time has done and was not told yet.
    turned: VecDeque<Change>,
}

impl<F: Fn() -> Freshness> HeldChanges<F> {
    /// From now on.
    pub(super) fn new(cache: Arc<Cache>, clock: Arc<dyn Clock>, others: F) -> Self {
        Self {
            changes: cache.changes(),
            looked: clock.now(),
            turned: VecDeque::new(),
            cache,
            clock,
            others,
        }
    }

    /// What comes next; `None` at the end of the cache.
    pub(super) async fn next(&mut self) -> Option<Result<Change, Lost>> {
        loop {
            if let Some(change) = self.turned.pop_front() {
                return Some(Ok(change));
            }
            let turn = self.clock.sleep_until_any(self.next_turn());
            tokio::select! {
                biased;
                change = self.changes.recv() => match change {
                    Ok(change) => return Some(Ok(change)),
                    // The next ones still come.
                    Err(RecvError::Lagged(_)) => return Some(Err(Lost)),
                    Err(RecvError::Closed) => return None,
                },
                () = turn => self.turned = self.turn(),
            }
        }
    }

    /// When the next value turns stale or expires, if nothing happens to it.
    fn next_turn(&self) -> Option<Moment> {
        let others = (self.others)();
        let turns = |entry: CacheEntry| {
            let (held, ..) = entry.known.ok()?;
            let wanted = entry.wanted.unwrap_or(others);
            let ends = [wanted.ttl, wanted.usable(held.bundle.valid_for)];
            let ends = ends.map(|age| held.confirmed + age);
            ends.into_iter().filter(|end| *end > self.looked).min()
        };
        self.cache.entries().into_iter().filter_map(turns).min()
    }

    /// The values that are in another state than when it was looked at last, by time alone.
    fn turn(&mut self) -> VecDeque<Change> {
        let (before, now) = (self.looked, self.clock.now());
        self.looked = now;
        let others = (self.others)();
        let turned = |entry: CacheEntry| {
            let (held, _, why) = entry.known.ok()?;
            let wanted = entry.wanted.unwrap_or(others);
            let judge = |at: Moment| held.judge(at.since(held.confirmed), &wanted);
            (judge(before) != judge(now)).then(|| Change {
                address: entry.address,
                reference: entry.reference,
                now: NewState::value(&held, why),
                wanted: entry.wanted,
            })
        };
        self.cache
            .entries()
            .into_iter()
            .filter_map(turned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use vault_backends::address::BackendKind;

    use super::*;
    use crate::cache::freshness::{Ahead, Verdict};
    use crate::clock::ScriptedClock;
    use crate::scripted::{ScriptedBackend, address, outage};

    const SECOND: Duration = Duration::from_secs(1);
    const FRESHNESS: Freshness = Freshness {
        ttl: Duration::from_secs(100),
        max_stale: Duration::from_secs(1000),
        stale_fallback: true,
        refresh_ahead: Ahead::Never,
    };

    struct Room {
        backend: Arc<ScriptedBackend>,
        clock: Arc<ScriptedClock>,
        cache: Arc<Cache>,
    }

    impl Room {
        fn new() -> Self {
            let backend = ScriptedBackend::new(BackendKind::LOCAL);
            let clock = Arc::new(ScriptedClock::default());
            let (_, cache) = Cache::over(&backend, &clock);
            Self {
                backend,
                clock,
                cache,
            }
        }

        fn watch(&self) -> HeldChanges<impl Fn() -> Freshness + use<>> {
            let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
            HeldChanges::new(Arc::clone(&self.cache), clock, || FRESHNESS)
        }

        async fn ask(&self) {
            let address = address(BackendKind::LOCAL, "x");
            let asked = self
                .cache
                .get(&address, "local://x", &FRESHNESS, SECOND * 8);
            let _ = asked.await;
        }
    }

    /// What is told before anything else happens.
    async fn told(watching: &mut HeldChanges<impl Fn() -> Freshness>, now: Moment) -> Vec<Verdict> {
        let mut told = Vec::new();
        while let Some(Some(change)) = watching.next().now_or_never() {
            let Ok(Change {
                now: NewState::Value { at, valid_for, .. },
                ..
            }) = change
            else {
                panic!("no value: {change:?}");
            };
            told.push(FRESHNESS.judge(now.since(at), valid_for));
            tokio::task::yield_now().await;
        }
        told
    }

    #[tokio::test]
    async fn a_value_that_turns_stale_or_expires_by_time_alone_is_told_once_each() {
        let room = Room::new();
        room.backend.then_value("v");
        room.ask().await;
        let mut watching = room.watch();
        for (seconds, expected) in [
            (99, vec![]),
            (1, vec![Verdict::Stale]),
            (1, vec![]),
            (898, vec![]),
            (1, vec![Verdict::Expired]),
            (10_000, vec![]),
        ] {
            room.clock.advance(SECOND * seconds);
            let now = room.clock.now();
            assert_eq!(told(&mut watching, now).await, expected, "{now:?}");
        }
    }

    #[tokio::test]
    async fn a_value_that_is_renewed_in_time_turns_later() {
        let room = Room::new();
        let mut watching = room.watch();
        for version in ["1", "2"] {
            room.backend.then_value(version);
        }
        room.backend.then(outage());
        room.ask().await;
        let now = room.clock.now();
        assert_eq!(told(&mut watching, now).await, [Verdict::Fresh]);
        room.clock.advance(SECOND * 100);
        room.ask().await;
        let now = room.clock.now();
        assert_eq!(
            told(&mut watching, now).await,
            [Verdict::Fresh],
            "renewed before the look"
        );
        room.clock.advance(SECOND * 99);
        assert_eq!(told(&mut watching, room.clock.now()).await, []);
        room.clock.advance(SECOND);
        assert_eq!(
            told(&mut watching, room.clock.now()).await,
            [Verdict::Stale]
        );
        room.ask().await;
        let now = room.clock.now();
        assert_eq!(told(&mut watching, now).await, [Verdict::Stale], "and why");
    }
}
