//! What does an outage of half an hour cost?

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use vault_backends::address::{BackendKind, VersionSelector};
use vaultd::cache::freshness::{Freshness, Verdict};
use vaultd::clock::{Clock, ScriptedClock};
use vaultd::refresher::Item;
use vaultd::upstream::ResilienceSettings;

use super::caller::{self, Patience, Wish};
use super::daemon::Daemon;
use super::dice::Dice;
use super::faults::{Fault, FaultRate};
use super::promises;
use super::world::{Truth, World};

const SECRETS: usize = 50;
const OUTAGE: Duration = Duration::from_mins(30);
/// Later than any promise.
const PATIENCE: Duration = Duration::from_mins(10);
const SECOND: Duration = Duration::from_secs(1);
const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_mins(5),
    max_stale: Duration::from_hours(24),
    stale_fallback: true,
    refresh_ahead: vaultd::cache::freshness::Ahead::AtThousandths(750),
};

/// What it was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Afterwards {
    /// Calls to the vault that failed.
    pub failed: u64,
    /// How often values were asked for during it.
    pub asked: u64,
    /// How often they were had.
    pub served: u64,
    /// How long after its end, and that of a pause it had asked for, all was fresh again.
    pub fresh_after: Duration,
}

/// Lets the vault fail in one way for half an hour, with 50 secrets of 5 minutes and callers that come
/// every some seconds.
///
/// # Errors
/// The promise that was broken.
pub fn outage(seed: u64, fault: Fault) -> Result<Afterwards, String> {
    super::virtual_time::virtual_time()?.block_on(run(seed, fault))
}

async fn run(seed: u64, fault: Fault) -> Result<Afterwards, String> {
    let mut dice = Dice::of(seed, "outage");
    let truth = |number| Truth::new(number, BackendKind::OCI, VersionSelector::Current);
    let secrets: Vec<Truth> = (0..SECRETS).map(truth).collect();
    let item = |truth: &Truth| Item {
        is_remote: truth.address.kind == BackendKind::OCI,
        address: truth.address.clone(),
        reference: truth.reference(),
        freshness: FRESHNESS,
    };
    let items = secrets.iter().map(item).collect();
    let settings = ResilienceSettings::default();
    let clock = Arc::new(ScriptedClock::flowing());
    let world = World::new(Arc::clone(&clock), secrets, settings.breaker);
    let daemon = Daemon::start(Arc::clone(&world), items, settings, seed);
    sleep(Duration::from_mins(10) + SECOND * u32::try_from(dice.below(300)).unwrap_or(0)).await;

    world.state().fault_rate = FaultRate::One(fault, 1000);
    let before = world.state().figures.clone();
    let end = clock.now() + OUTAGE;
    while clock.now() < end {
        tokio::spawn(caller::ask(
            Arc::clone(&daemon),
            Wish {
                secret: dice.below(SECRETS),
                freshness: FRESHNESS,
                time: Duration::from_secs(8),
                patience: Patience::ToTheEnd,
            },
        ));
        sleep(dice.time(SECOND, SECOND * 30)).await;
        promises::check(&daemon)?;
    }
    // The last caller is still to be answered.
    sleep(SECOND * 2).await;
    let after = world.state().figures.clone();

    world.state().fault_rate = FaultRate::None;
    // A pause that it has asked for is still kept.
    let back = world.state().oci.paused_until().max(clock.now());
    while !all_are_fresh(&daemon) {
        if clock.now().since(back) > PATIENCE {
            return Err(format!("{PATIENCE:?} after the outage not all are fresh"));
        }
        sleep(SECOND).await;
        promises::check(&daemon)?;
    }
    Ok(Afterwards {
        failed: after.calls - before.calls,
        asked: after.asked - before.asked,
        served: after.served - before.served,
        fresh_after: clock.now().since(back),
    })
}

fn all_are_fresh(daemon: &Daemon) -> bool {
    let now = daemon.world.now();
    let holds = |number| daemon.holds(&format!("s{number}"));
    (0..SECRETS)
        .all(|number| holds(number).map(|held| held.judge(now, &FRESHNESS)) == Some(Verdict::Fresh))
}
