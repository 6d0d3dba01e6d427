//! Values are renewed here before anybody has to wait for them.
//!
//! What services are configured with, and what was asked for in the last day. When and in which
//! order says the [`schedule`], which is pure; here it is told what the cache holds and how the
//! breakers are, and what it wants is done. A renewal hands out nothing, so it leaves no record.
//!
//! It stands beside the way of a request and is never waited for by one.

mod plan;
pub mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use vault_backends::address::Address;

use crate::cache::{Cache, Renewal};
use crate::clock::{Clock, Moment};
use crate::upstream::{Name, Upstream};
pub use plan::{Item, Plan, Start};
use schedule::{Next, Outcome, Renew, Schedule};

/// The room.
pub struct Refresher {
    cache: Arc<Cache>,
    upstream: Arc<Upstream>,
    clock: Arc<dyn Clock>,
    schedule: Mutex<Schedule>,
    replanned: Notify,
}

impl Refresher {
    /// One that keeps `plan`. `seed` is this host's: of two hosts with the same plan each has its own
    /// moments.
    pub fn new(
        cache: Arc<Cache>,
        upstream: Arc<Upstream>,
        clock: Arc<dyn Clock>,
        plan: Plan,
        seed: u64,
    ) -> Arc<Self> {
        let mut schedule = Schedule::new(seed);
        schedule.plan(plan, clock.now());
        Arc::new(Self {
            cache,
            upstream,
            clock,
            schedule: Mutex::new(schedule),
            replanned: Notify::new(),
        })
    }

    /// Keeps another plan from now on.
    pub fn set_plan(&self, plan: Plan) {
        self.schedule().plan(plan, self.clock.now());
        self.replanned.notify_one();
    }

    /// When `address` is asked for next, if nobody asks sooner; `None` where it will not be.
    pub fn next_attempt(&self, address: &Address) -> Option<Moment> {
        let probes = |name: &Name| self.upstream.closed_until(name);
        self.schedule().next_attempt(address, &probes)
    }

    /// Renews for as long as it is let.
    pub async fn run(self: Arc<Self>) {
        let mut flying = FuturesUnordered::new();
        loop {
            let next = self.next();
            for renew in next.now {
                flying.push(self.renew(renew));
            }
            let wake = self.clock.sleep_until_any(next.wake);
            tokio::select! {
                // In this order, so that a simulator's seed is the same run each time.
                biased;
                Some(landed) = flying.next() => self.land(&landed),
                () = wake => {}
                () = self.cache.landed() => {}
                () = self.upstream.reset_by_hand() => self.schedule().release(),
                () = self.replanned.notified() => {}
            }
        }
    }

    fn next(&self) -> Next {
        let probes = |name: &Name| self.upstream.closed_until(name);
        let mut schedule = self.schedule();
        let now = self.clock.now();
        schedule.learn(|learn| self.cache.visit(learn), now);
        schedule.next(now, &probes)
    }

    async fn renew(&self, renew: Renew) -> Landed {
        let left = self.clock.now();
        let cache = &self.cache;
        let renewal = cache.renew(&renew.address, &renew.reference, renew.freshness);
        let renewal = renewal.await;
        Landed {
            address: renew.address,
            left,
            renewal,
        }
    }

    fn land(&self, landed: &Landed) {
        let outcome = match &landed.renewal {
            Renewal::Overtaken => Outcome::Overtaken,
            Renewal::Done(Ok(held)) => Outcome::Confirmed(held.confirmed, held.bundle.valid_for),
            Renewal::Done(Err(error)) => Outcome::of(error),
        };
        if let Renewal::Done(Err(error)) = &landed.renewal {
            tracing::debug!(name = %Name::of(&landed.address), %error, "not renewed");
        }
        let now = self.clock.now();
        self.schedule()
            .landed(&landed.address, outcome, landed.left, now);
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of one renewal that left at `left`.
struct Landed {
    address: Address,
    left: Moment,
    renewal: Renewal,
}

#[cfg(test)]
mod tests;
