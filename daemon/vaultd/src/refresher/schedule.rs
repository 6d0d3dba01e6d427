//! What is renewed next, and when. Pure: time, what the cache holds and how the breakers are come
//! from outside.
//!
//! Each secret is due by its own age. Around that:
//! - at most [`AT_ONCE`] are under way, those first that were never had, then the stale ones, then
//!   the oldest;
//! - while a backend is out, one of its secrets at a time is asked for, when its breaker lets a probe
//!   through, or by the same measure where the breaker has nothing to say (a credential is refused,
//!   a person has switched the breaker off), or less often as long as everything is still fresh: many
//!   hosts that nothing hurries need not be heard every minute;
//! - once it is back, and after the machine has slept, what is overdue is spread: the stale over
//!   [`CATCH_UP`], the others over the time they are still fresh;
//! - what a flush has emptied is not fetched before it is asked for, or due again as if it had been
//!   fetched then.
//!
//! All that looks random is a hash of the host's seed and the address.

mod outcome;
mod scheduled_secret;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use vault_backends::address::Address;
use vault_backends::error::Contact;

use super::plan::{Plan, Start};
use crate::cache::Seen;
use crate::cache::freshness::Freshness;
use crate::clock::Moment;
use crate::upstream::Name;
use crate::upstream::breaker::{Culprit, Streak};
use crate::upstream::circuit::LONGEST_PAUSE;
pub use outcome::{Failed, Outcome};
pub use scheduled_secret::{AFTER_SLEEP, CATCH_UP};
use scheduled_secret::{NOT_ASKED_PAUSE, ScheduledSecret, Seed, Use};

/// How many renewals are under way at once.
pub const AT_ONCE: usize = 4;
/// So many failures in a row mean that a backend is out, whatever its breaker says.
const ENOUGH: u32 = 5;
/// From one attempt to the next while it is.
const RECOVERY: Duration = Duration::from_mins(1);
/// The same while everything of it that is wanted is still fresh.
const PATIENCE: Duration = Duration::from_mins(5);
/// So long before something is not fresh any more patience ends: what is back is then noticed, and
/// caught up with, in time.
const IN_TIME: Duration = Duration::from_secs(90);
/// Who wakes so much too late has slept.
const OVERSLEPT: Duration = Duration::from_secs(30);

/// A renewal to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Where it is.
    pub address: Address,
    /// What people call it.
    pub reference: String,
    /// How fresh it is to be.
    pub freshness: Freshness,
}

/// What to do.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Next {
    /// To be renewed now.
    pub now: Vec<Renew>,
    /// When to ask again, if nothing happens meanwhile.
    pub wake: Option<Moment>,
}

/// The schedule of one daemon.
#[derive(Debug)]
pub struct Schedule {
    seed: Seed,
    entries: HashMap<Address, ScheduledSecret>,
    scopes: HashMap<Name, Scope>,
    /// When it was to be asked again.
    expected: Option<Moment>,
    /// How often it was looked what the cache holds.
    looks: u64,
}

/// What is known of one backend.
#[derive(Clone, Debug, Default)]
struct Scope {
    failures: Streak,
    /// While it is out by that count, the next attempt.
    until: Moment,
    /// No attempt before, as long as everything is still fresh.
    patient: Moment,
    /// No attempt before, since the last one was not let through, or was not sent.
    not_asked: Moment,
    is_out: bool,
}

/// From when on each backend may be asked by one call: its breaker lets a probe through, or the pause is
/// over that it asked for. `None` where it may be asked.
pub type Probes<'a> = &'a dyn Fn(&Name) -> Option<Moment>;

/// Whether a backend may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// For one secret, from then on.
    ForOne(Moment),
}

impl Scope {
    /// `lacking` is from when on something of it will be lacking soon, if anything will.
    fn gate(&self, probe: Option<Moment>, lacking: Option<Moment>) -> Gate {
        let from = match probe {
            Some(probe) => probe,
            None if self.failures.reaches(ENOUGH) => self.until,
            None => return Gate::Open,
        };
        let patient = lacking.map_or(self.patient, |lacking| lacking.min(self.patient));
        Gate::ForOne(from.max(self.not_asked).max(patient))
    }

    /// It has answered.
    fn is_heard(&mut self) {
        (self.failures, self.patient) = (Streak::default(), Moment::default());
    }
}

impl Schedule {
    /// An empty one for the host with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed: Seed(seed),
            entries: HashMap::new(),
            scopes: HashMap::new(),
            expected: None,
            looks: 0,
        }
    }

    /// Keeps what `plan` says. What was not in the plan before is fetched soon, and of this machine's
    /// own store at once.
    pub fn plan(&mut self, plan: Plan, now: Moment) {
        let before: HashSet<Address> = self.planned().cloned().collect();
        for entry in self.entries.values_mut() {
            entry.configured = None;
        }
        for item in plan.items {
            let seed = self.seed;
            let share = seed.share(&item.address, Use::FirstFetch);
            let entry = self.entries.entry(item.address.clone());
            let new = || ScheduledSecret::new(item.reference, seed, &item.address, now);
            let entry = entry.or_insert_with(new);
            entry.configured = Some(item.freshness);
            if !before.contains(&item.address) && entry.held.is_none() {
                let spread = if item.is_remote {
                    plan.start.spread(&item.freshness)
                } else {
                    Duration::ZERO
                };
                (entry.base, entry.not_before) = (now, now + spread.mul_f64(share));
                entry.is_first = plan.start == Start::Restart;
            }
        }
    }

    /// Takes in what the cache holds: all that it shows to a visitor.
    pub fn learn(&mut self, cache: impl FnOnce(&mut dyn FnMut(Seen<'_>)), now: Moment) {
        self.looks += 1;
        cache(&mut |seen| self.see(seen, now));
        let looks = self.looks;
        for entry in self.entries.values_mut() {
            if entry.seen != looks {
                (entry.asked, entry.held) = (None, None);
            }
        }
        self.entries.retain(|_, entry| entry.is_wanted(now));
    }

    fn see(&mut self, seen: Seen<'_>, now: Moment) {
        if !self.entries.contains_key(seen.address) {
            let has_value = seen.held.is_some() || seen.is_kept;
            if seen.asked.is_none() || !has_value {
                return;
            }
            let entry =
                ScheduledSecret::new(seen.reference.to_owned(), self.seed, seen.address, now);
            self.entries.insert(seen.address.clone(), entry);
        }
        let Some(entry) = self.entries.get_mut(seen.address) else {
            return;
        };
        entry.seen = self.looks;
        if entry.learn(&seen, now) {
            let scope = self.scopes.entry(Name::of(seen.address));
            scope.or_default().is_heard();
        }
    }

    /// What to do at `now`.
    pub fn next(&mut self, now: Moment, probes: Probes<'_>) -> Next {
        let slept = self
            .expected
            .is_some_and(|expected| now.since(expected) > OVERSLEPT);
        let gates = self.gates(now, probes, slept);
        let mut flying: usize = 0;
        let mut busy: HashSet<Name> = HashSet::new();
        for (address, _) in self.entries.iter().filter(|(_, entry)| entry.is_flying) {
            flying += 1;
            busy.insert(Name::of(address));
        }
        let (mut due, mut wake) = (Vec::new(), None::<Moment>);
        for (address, entry) in &self.entries {
            let Some(at) = at(address, entry, &gates) else {
                continue;
            };
            if at > now {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
                continue;
            }
            due.push((rank(address, entry, now, &gates), address.clone()));
        }
        due.sort_by_key(|(rank, _)| *rank);
        let mut next = Next { now: vec![], wake };
        for (_, address) in due {
            if flying == AT_ONCE {
                break;
            }
            let name = Name::of(&address);
            let alone = gates.get(&name).is_some_and(|gate| *gate != Gate::Open);
            if alone && busy.contains(&name) {
                continue;
            }
            busy.insert(name);
            flying += 1;
            if let Some(entry) = self.entries.get_mut(&address) {
                entry.is_flying = true;
                next.now.push(Renew {
                    freshness: entry.wish(),
                    reference: entry.reference.clone(),
                    address,
                });
            }
        }
        self.expected = next.wake;
        next
    }

    /// Takes in what came of a renewal that left at `left`.
    pub fn landed(&mut self, address: &Address, outcome: Outcome, left: Moment, now: Moment) {
        let again = self.seed.share(address, Use::Attempt);
        let failures = self.entries.get(address).map_or(0, |entry| entry.failures);
        let has_others = self.has_others(address);
        let scope = self.scopes.entry(Name::of(address)).or_default();
        match outcome {
            Outcome::Confirmed(..)
            | Outcome::Gone
            | Outcome::Refused
            | Outcome::SecretFailed(_) => scope.is_heard(),
            Outcome::Failed(failed) => {
                let recovery = RECOVERY.mul_f64(1.0 + 0.15 * again);
                let may_be_its_own = failed.contact == Contact::Replied && has_others;
                // What fails by itself all the time says nothing new of its backend.
                if !may_be_its_own || failures < ENOUGH {
                    scope.failures.add(if may_be_its_own {
                        Culprit::PerhapsOnly(address)
                    } else {
                        Culprit::Backend
                    });
                    scope.until = left + recovery;
                    scope.patient = left + PATIENCE.mul_f64(1.0 + 0.15 * again);
                }
                if failed.contact == Contact::NotSent {
                    // No breaker has anything to say of it.
                    scope.not_asked = left + recovery;
                }
                if let Some(pause) = failed.pause {
                    scope.failures.raise(ENOUGH);
                    scope.until = scope.until.max(now + pause.min(LONGEST_PAUSE));
                }
            }
            Outcome::NotAsked => scope.not_asked = now + NOT_ASKED_PAUSE,
            Outcome::NotSent
            | Outcome::SecretBackoff(_)
            | Outcome::MadeAnew
            | Outcome::Overtaken => {}
        }
        if let Some(entry) = self.entries.get_mut(address) {
            entry.is_flying = false;
            entry.land(outcome, again, now);
        }
    }

    /// A person says that the backends are back.
    pub fn release(&mut self) {
        self.scopes.values_mut().for_each(Scope::is_heard);
    }

    /// When this address is asked for next, if nothing happens meanwhile.
    pub fn next_attempt(&self, address: &Address, probes: Probes<'_>) -> Option<Moment> {
        let name = Name::of(address);
        let scope = self.scopes.get(&name).cloned().unwrap_or_default();
        let gate = scope.gate(probes(&name), self.lacking(&name));
        let gates = HashMap::from([(name, gate)]);
        at(address, self.entries.get(address)?, &gates)
    }

    fn planned(&self) -> impl Iterator<Item = &Address> {
        let entries = self.entries.iter();
        let planned = entries.filter(|(_, entry)| entry.configured.is_some());
        planned.map(|(address, _)| address)
    }

    /// How each backend may be asked; spreads what is overdue at those that have come back.
    fn gates(&mut self, now: Moment, probes: Probes<'_>, slept: bool) -> HashMap<Name, Gate> {
        let names: HashSet<Name> = self.entries.keys().map(Name::of).collect();
        let mut gates = HashMap::new();
        for name in names {
            let lacking = self.lacking(&name);
            let scope = self.scopes.entry(name.clone()).or_default();
            let gate = scope.gate(probes(&name), lacking);
            let is_back = scope.is_out && gate == Gate::Open;
            scope.is_out = gate != Gate::Open;
            if slept {
                self.catch_up(&name, now + AFTER_SLEEP, now);
            } else if is_back {
                self.catch_up(&name, now, now);
            }
            gates.insert(name, gate);
        }
        gates
    }

    /// From when on something of it that is renewed will not be fresh for long.
    fn lacking(&self, name: &Name) -> Option<Moment> {
        let entries = self.entries.iter();
        let of_it =
            entries.filter(|(address, entry)| is_of(address, name) && entry.due(address).is_some());
        let ends = of_it.filter_map(|(_, entry)| entry.is_missed_from());
        let first = ends.min()?;
        Some(Moment::default() + first.since(Moment::default() + IN_TIME))
    }

    /// Whether other secrets of the same backend are renewed, too.
    fn has_others(&self, address: &Address) -> bool {
        let name = Name::of(address);
        let others = self.entries.keys().filter(|other| *other != address);
        others.into_iter().any(|other| is_of(other, &name))
    }

    fn catch_up(&mut self, name: &Name, from: Moment, now: Moment) {
        let seed = self.seed;
        for (address, entry) in &mut self.entries {
            if is_of(address, name) && !entry.is_flying {
                let share = seed.share(address, Use::CatchUp);
                entry.catch_up(address, from, share, now);
            }
        }
    }
}

/// When this may be asked for, as things stand.
fn at(address: &Address, entry: &ScheduledSecret, gates: &HashMap<Name, Gate>) -> Option<Moment> {
    if entry.is_flying {
        return None;
    }
    let due = entry.due(address)?;
    match gates.get(&Name::of(address)) {
        // Whoever is next is asked for: that one has failed before says nothing of it.
        Some(Gate::ForOne(from)) => Some(due.max(*from).max(entry.own_backoff)),
        _ => Some(due.max(entry.not_before)),
    }
}

/// What comes first, smallest first.
fn rank(
    address: &Address,
    entry: &ScheduledSecret,
    now: Moment,
    gates: &HashMap<Name, Gate>,
) -> (u32, bool, Moment, u64) {
    // A probe is not to be lost on the same broken secret for ever.
    let failures = match gates.get(&Name::of(address)) {
        Some(Gate::ForOne(_)) => entry.failures,
        _ => 0,
    };
    let confirmed = entry.held.map(|(confirmed, _)| confirmed);
    let is_fresh = !entry.fresh_for(now).is_zero();
    (
        failures,
        is_fresh,
        confirmed.unwrap_or_default(),
        entry.drawn.tie,
    )
}

fn is_of(address: &Address, name: &Name) -> bool {
    (address.kind, &address.scope) == (name.kind, &name.scope)
}

#[cfg(test)]
mod tests;
