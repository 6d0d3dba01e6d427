//! What of the daemon is under trial: its cache, its way to vaults and its refresher, as they are
//! shipped, without sockets and disks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use vault_backends::address::BackendKind;
use vaultd::cache::Cache;
use vaultd::cache::freshness::{Freshness, Verdict};
use vaultd::clock::{Clock, Moment};
use vaultd::refresher::{Item, Plan, Refresher, Start};
use vaultd::upstream::{Name, ResilienceSettings, Upstream};

use super::dice::Dice;
use super::vault::SeededVault;
use super::world::World;

/// The rooms of one daemon.
pub(super) struct Daemon {
    pub(super) world: Arc<World>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) cache: Arc<Cache>,
    refresher: Arc<Refresher>,
    items: Mutex<Vec<Item>>,
}

/// What the daemon holds of one secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    confirmed: Moment,
    valid_for: Option<std::time::Duration>,
}

impl Holding {
    pub(super) fn judge(self, now: Moment, freshness: &Freshness) -> Verdict {
        freshness.judge(now.since(self.confirmed), self.valid_for)
    }
}

impl Daemon {
    /// Starts one that keeps `items`.
    pub(super) fn start(
        world: Arc<World>,
        items: Vec<Item>,
        settings: ResilienceSettings,
        seed: u64,
    ) -> Arc<Self> {
        let kinds = [BackendKind::OCI, BackendKind::LOCAL];
        let vaults = kinds.map(|kind| SeededVault::open(kind, Arc::clone(&world), seed));
        let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
        let began = Instant::now();
        // By the moment alone: the order in which tasks of one moment run must not matter.
        let jitter = move || Dice::of(seed, ("jitter", began.elapsed())).share();
        let upstream = Upstream::new(vaults.into_iter().collect(), Arc::clone(&clock));
        let upstream = Arc::new(upstream.with_jitter(jitter));
        upstream.configure(settings);
        let cache = Cache::new(Arc::clone(&upstream), Arc::clone(&clock));
        let refresher = Refresher::new(
            Arc::clone(&cache),
            Arc::clone(&upstream),
            clock,
            plan(items.clone()),
            seed,
        );
        tokio::spawn(Arc::clone(&refresher).run());
        Arc::new(Self {
            world,
            upstream,
            cache,
            refresher,
            items: Mutex::new(items),
        })
    }

    /// Another configuration.
    pub(super) fn reload(&self, items: Vec<Item>) {
        self.items().clone_from(&items);
        self.refresher.set_plan(plan(items));
    }

    /// What is configured.
    pub(super) fn items(&self) -> MutexGuard<'_, Vec<Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held of one secret.
    pub(super) fn holds(&self, name: &str) -> Option<Holding> {
        let mut held = None;
        self.cache.visit(|seen| {
            if seen.address.name == name {
                held = seen.held;
            }
        });
        let (confirmed, valid_for) = held?;
        Some(Holding {
            confirmed,
            valid_for,
        })
    }

    /// The vault that all but a few secrets are in.
    pub(super) fn oci() -> Name {
        Name {
            kind: BackendKind::OCI,
            scope: String::new(),
        }
    }
}

fn plan(items: Vec<Item>) -> Plan {
    Plan {
        items,
        start: Start::Session,
    }
}
