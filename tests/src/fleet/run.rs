//! What happens to the fleet? An hour of peace, an outage of ten minutes, an hour to come back, and
//! then all are started anew at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use vaultd::cache::freshness::Freshness;
use vaultd::refresher::Start;
use vaultd::upstream;

use super::member::{Event, Member};
use super::report::{Books, Report};
use super::settings::{MINUTE, Settings, Times};
use super::vault::Vault;

/// How far from the beginning of the clock the fleet begins, so that there is a past.
const BEFORE: u64 = 48 * 3600;

/// Runs it.
pub fn run(settings: &Settings) -> Report {
    let times = Times::of(settings);
    let freshness = Freshness {
        ttl: Duration::from_secs(settings.ttl_minutes * MINUTE),
        ..Freshness::default()
    };
    let steady = steady(settings, &freshness);
    let mut fleet = Fleet::new(settings, freshness, times, steady);
    fleet.until(times.restart);
    fleet.restart(times.restart);
    fleet.until(times.end);
    Report::of(settings, times, steady, fleet.books())
}

/// The calls in one second of a quiet day.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn steady(settings: &Settings, freshness: &Freshness) -> f64 {
    let period = freshness.renewed_at(None, 0.5).unwrap_or(freshness.ttl);
    (settings.daemons * settings.secrets) as f64 / period.as_secs_f64()
}

type Queue = BinaryHeap<Reverse<(u64, u32, Event)>>;

/// All of them.
struct Fleet {
    members: Vec<Member>,
    queue: Queue,
    freshness: Freshness,
    careful: upstream::ResilienceSettings,
    vault: Vault,
    times: Times,
    stale: Vec<u64>,
    fresh: Vec<u64>,
    late: u64,
}

impl Fleet {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of calls"
    )]
    fn new(settings: &Settings, freshness: Freshness, times: Times, steady: f64) -> Self {
        let at = |second: u64| second * 1000;
        let limit = (steady * settings.limit).ceil() as u32;
        let outage = (at(BEFORE + times.outage), at(BEFORE + times.back));
        let mut fleet = Self {
            members: Vec::with_capacity(settings.daemons),
            queue: Queue::new(),
            freshness,
            careful: upstream::ResilienceSettings::default(),
            vault: Vault::new(limit, outage, BEFORE + times.end, settings.seed),
            times,
            stale: Vec::new(),
            fresh: Vec::new(),
            late: 0,
        };
        let now = at(BEFORE);
        for number in 0..settings.daemons {
            let number = u64::try_from(number).unwrap_or_default();
            let seed = settings.seed.wrapping_mul(1 << 32).wrapping_add(number);
            let mut member = Member::new(seed, settings.secrets, freshness, Start::Session, now);
            member.settle(now);
            fleet.members.push(member);
        }
        fleet.wake_all(now);
        fleet
    }

    fn wake_all(&mut self, now: u64) {
        let all = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        for number in 0..all {
            self.queue.push(Reverse((now, number, Event::Wake)));
        }
    }

    /// All start anew, in one moment.
    fn restart(&mut self, second: u64) {
        let now = (BEFORE + second) * 1000;
        self.queue.clear();
        for member in &mut self.members {
            *member = member.restarted(self.freshness, now);
        }
        self.wake_all(now);
    }

    fn until(&mut self, second: u64) {
        let end = (BEFORE + second) * 1000;
        while let Some(Reverse((now, number, event))) = self.queue.pop() {
            if now >= end {
                self.queue.push(Reverse((now, number, event)));
                return;
            }
            let queue = &mut self.queue;
            let mut later = |at: u64, event| queue.push(Reverse((at, number, event)));
            let place = usize::try_from(number).unwrap_or_default();
            let member = &mut self.members[place];
            let renewed = member.on(event, now, &self.careful, &mut self.vault, &mut later);
            if let Some((_, Some(age))) = renewed {
                self.note(now, age);
            }
        }
    }

    fn note(&mut self, now: u64, age: Duration) {
        let second = now / 1000 - BEFORE;
        let times = self.times;
        if (times.back..times.restart).contains(&second) {
            let after = second - times.back;
            let renewed_at = self.freshness.renewed_at(None, 1.0).unwrap_or_default();
            if age >= self.freshness.ttl {
                self.stale.push(after);
            } else if age > renewed_at {
                self.fresh.push(after);
            }
        } else if age >= self.freshness.ttl {
            self.late += 1;
        }
    }

    /// What is left of it.
    fn books(mut self) -> Books {
        let from = usize::try_from(BEFORE).unwrap_or_default();
        Books {
            came: self.vault.came.split_off(from),
            refused: self.vault.refused.split_off(from),
            stale: self.stale,
            fresh: self.fresh,
            late: self.late,
        }
    }
}
