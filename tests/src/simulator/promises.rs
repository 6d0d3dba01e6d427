//! What the daemon holds is what it should hold, whoever asks.

use vault_backends::address::VersionSelector;
use vaultd::cache::freshness::{Freshness, Verdict};
use vaultd::upstream::breaker::State;

use super::daemon::Daemon;
use super::world;

/// Looks at everything.
pub(super) fn check(daemon: &Daemon) -> Result<(), String> {
    let entries = daemon.cache.entries();
    let health = daemon.upstream.health().into_iter();
    let health = health.filter(|health| health.name == Daemon::oci());
    let is_open = health
        .map(|health| health.breaker)
        .any(|state| state != State::Closed);
    let mut state = daemon.world.state();
    if is_open != state.oci.is_open() {
        let expected = state.oci.is_open();
        state.broken(format!("the breaker should be open: {expected}"));
    }
    for entry in entries {
        let Ok((held, ..)) = entry.known else {
            continue;
        };
        let number = world::State::number(&entry.address);
        let secret = &state.secrets[number];
        let mut answered = secret.answered.iter().rev().copied();
        let of_it = |call: &usize| {
            let call = &state.calls[*call];
            let version = call.answer.map(|(version, _)| version.to_string());
            call.began == held.confirmed && version.as_ref() == Some(&held.bundle.version)
        };
        let broken = match answered.find(of_it) {
            None => Some("what no call brought"),
            Some(call) if Some(state.calls[call].began_step) < secret.flushed.last().copied() => {
                Some("what was flushed")
            }
            Some(call) if Some(call) < secret.denied => Some("what the vault has ended"),
            Some(_) => None,
        };
        if let Some(broken) = broken {
            state.broken(format!("of s{number} is held {broken}"));
        }
    }
    state.verdict()
}

/// After so long a time of good days that nothing is left of the bad ones: is everything fresh?
pub(super) fn check_at_peace(daemon: &Daemon) -> Result<(), String> {
    let now = daemon.world.now();
    let mut stale = Vec::new();
    for item in daemon.items().iter() {
        let is_fresh = |freshness: Freshness| {
            let held = daemon.holds(&item.address.name)?;
            (held.judge(now, &freshness) == Verdict::Fresh).then_some(())
        };
        let is_kept = item.freshness.renewed_at(None, 0.5).is_some();
        let is_renewed = item.address.version == VersionSelector::Current;
        if is_kept && is_renewed && is_fresh(item.freshness).is_none() {
            stale.push(item.address.name.clone());
        }
    }
    if !stale.is_empty() {
        let mut state = daemon.world.state();
        state.broken(format!("in peace and not fresh: {stale:?}"));
    }
    daemon.world.state().verdict()
}
