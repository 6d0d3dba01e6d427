//! What one daemon does. The decisions are the daemon's own; what its cache and its way to the
//! vault do with them is retold here, event by event.

use std::time::Duration;

use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::error::Contact;
use vaultd::cache::freshness::Freshness;
use vaultd::clock::Moment;
use vaultd::refresher::schedule::{Failed, Outcome, Renew, Schedule};
use vaultd::refresher::{Item, Plan, Start};
use vaultd::upstream::breaker::{Breaker, Culprit, Permit, Precedence};
use vaultd::upstream::{Name, ResilienceSettings, backoff};

use super::vault::{Answer, Vault};
use crate::simulator::Dice;

/// How long one fetch may take, and the least time for a call.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// Something that happens to one daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// It is to look what is due.
    Wake,
    /// The answer to a call of this flight comes.
    Answered(usize),
    /// A call of this flight is to be made again.
    Again(usize),
}

/// What comes later, and when.
pub(super) type Later<'a> = &'a mut dyn FnMut(u64, Event);

/// One daemon.
pub(super) struct Member {
    seed: u64,
    schedule: Schedule,
    breaker: Breaker,
    flights: Vec<Flight>,
    /// When it is to look next, in milliseconds; other wakings are out of date.
    wake: Option<u64>,
    /// When each secret was confirmed last.
    pub(super) confirmed: Vec<Option<Moment>>,
    dice: Dice,
}

struct Flight {
    renew: Option<Renew>,
    left: Moment,
    asked: Moment,
    attempt: u32,
    permit: Permit,
    answer: Answer,
}

/// A value that has come: of which secret, and how old the one before was.
pub(super) type Renewed = (usize, Option<Duration>);

pub(super) fn moment(millis: u64) -> Moment {
    Moment::default() + Duration::from_millis(millis)
}

fn millis(moment: Moment) -> u64 {
    let millis = moment
        .since(Moment::default())
        .as_nanos()
        .div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

fn address(number: usize) -> Address {
    Address {
        kind: BackendKind::OCI,
        scope: String::new(),
        container: None,
        name: format!("s{number}"),
        version: VersionSelector::Current,
    }
}

impl Member {
    /// One that starts at `now` with so many secrets.
    pub(super) fn new(
        seed: u64,
        secrets: usize,
        freshness: Freshness,
        start: Start,
        now: u64,
    ) -> Self {
        let item = |number| Item {
            is_remote: true,
            address: address(number),
            reference: String::new(),
            freshness,
        };
        let mut schedule = Schedule::new(Dice::of(seed, "host").roll());
        let plan = Plan {
            items: (0..secrets).map(item).collect(),
            start,
        };
        schedule.plan(plan, moment(now));
        Self {
            seed,
            schedule,
            breaker: Breaker::default(),
            flights: Vec::new(),
            wake: None,
            confirmed: vec![None; secrets],
            dice: Dice::of(seed, ("member", now)),
        }
    }

    /// As if it had run for ever: each secret somewhere on its way to the next renewal.
    pub(super) fn settle(&mut self, now: u64) {
        let (never, now) = (|_: &Name| None, moment(now));
        for number in 0..self.confirmed.len() {
            let address = address(number);
            let confirmed = |at| Outcome::Confirmed(at, None);
            self.schedule.landed(&address, confirmed(now), now, now);
            let due = self.schedule.next_attempt(&address, &never);
            let period = due.map(|due| due.since(now)).unwrap_or_default();
            let gone = period.mul_f64(self.dice.share());
            let at = Moment::default() + now.since(Moment::default() + gone);
            self.schedule.landed(&address, confirmed(at), at, now);
            self.confirmed[number] = Some(at);
        }
    }

    /// The same host after its daemon has started anew.
    pub(super) fn restarted(&self, freshness: Freshness, now: u64) -> Self {
        Self::new(
            self.seed,
            self.confirmed.len(),
            freshness,
            Start::Restart,
            now,
        )
    }

    /// Does what is to be done at `now`.
    pub(super) fn on(
        &mut self,
        event: Event,
        now: u64,
        settings: &ResilienceSettings,
        vault: &mut Vault,
        later: Later<'_>,
    ) -> Option<Renewed> {
        let renewed = match event {
            Event::Wake if self.wake.is_some_and(|wake| wake != now) => return None,
            Event::Wake => None,
            Event::Again(flight) => {
                self.call(flight, now, settings, vault, later);
                None
            }
            Event::Answered(flight) => self.answered(flight, now, settings, later),
        };
        self.look(now, settings, vault, later);
        renewed
    }

    fn look(
        &mut self,
        now: u64,
        settings: &ResilienceSettings,
        vault: &mut Vault,
        later: Later<'_>,
    ) {
        // What is not asked lands at once, and then the next one's turn may be.
        loop {
            let probe = self.breaker.next_probe();
            let next = self.schedule.next(moment(now), &|_| probe);
            if next.now.is_empty() {
                let wake = next.wake.map(|wake| millis(wake).max(now + 1));
                if let Some(wake) = wake.filter(|wake| self.wake != Some(*wake)) {
                    later(wake, Event::Wake);
                }
                self.wake = wake;
                return;
            }
            for renew in next.now {
                let flight = self.take_off(renew, now);
                self.call(flight, now, settings, vault, later);
            }
        }
    }

    fn take_off(&mut self, renew: Renew, now: u64) -> usize {
        let flight = Flight {
            renew: Some(renew),
            left: moment(now),
            asked: moment(now),
            attempt: 0,
            permit: Permit::Call,
            answer: Answer::Nothing,
        };
        let free = self
            .flights
            .iter()
            .position(|flight| flight.renew.is_none());
        match free {
            Some(place) => {
                self.flights[place] = flight;
                place
            }
            None => {
                self.flights.push(flight);
                self.flights.len() - 1
            }
        }
    }

    fn call(
        &mut self,
        flight: usize,
        now: u64,
        settings: &ResilienceSettings,
        vault: &mut Vault,
        later: Later<'_>,
    ) {
        let jitter = self.dice.share();
        let (at, breaker) = (moment(now), &settings.breaker);
        let acquired = self
            .breaker
            .try_acquire(at, breaker, Precedence::Usual, jitter);
        let Ok(permit) = acquired else {
            self.land(flight, Outcome::NotAsked, now);
            return;
        };
        let (answer, takes) = vault.call(now);
        let flying = &mut self.flights[flight];
        flying.permit = permit;
        (flying.asked, flying.answer) = (moment(now), answer);
        later(now + takes, Event::Answered(flight));
    }

    fn answered(
        &mut self,
        flight: usize,
        now: u64,
        settings: &ResilienceSettings,
        later: Later<'_>,
    ) -> Option<Renewed> {
        let flying = &self.flights[flight];
        let (at, asked) = (moment(now), flying.asked);
        let pause = match flying.answer {
            Answer::Value => {
                self.breaker.succeeded(at, &settings.breaker);
                let number = self.land(flight, Outcome::Confirmed(asked, None), now)?;
                let before = self.confirmed[number].replace(asked);
                return Some((number, before.map(|before| asked.since(before))));
            }
            Answer::TooMany(pause) => Some(pause),
            Answer::Nothing => None,
        };
        let jitter = self.dice.share();
        let permit = flying.permit;
        let contact = match flying.answer {
            Answer::Nothing => Contact::NoReply,
            _ => Contact::Replied,
        };
        let culprit = Culprit::Backend;
        self.breaker
            .failed(permit, culprit, at, &settings.breaker, jitter);
        let gone = at.since(self.flights[flight].left) + SHORTEST_CALL;
        let left = FETCH_DEADLINE.saturating_sub(gone);
        let share = self.dice.share();
        let again = match self.flights[flight].permit {
            Permit::Probe(_) => None,
            Permit::Call => backoff::pause(&settings.retry, flying.attempt, pause, share, left),
        };
        match again {
            Some(again) => {
                self.flights[flight].attempt += 1;
                later(millis(at + again), Event::Again(flight));
            }
            None => {
                self.land(flight, Outcome::Failed(Failed { contact, pause }), now);
            }
        }
        None
    }

    fn land(&mut self, flight: usize, outcome: Outcome, now: u64) -> Option<usize> {
        let renew = self.flights[flight].renew.take()?;
        let left = self.flights[flight].left;
        self.schedule
            .landed(&renew.address, outcome, left, moment(now));
        renew.address.name[1..].parse().ok()
    }
}
