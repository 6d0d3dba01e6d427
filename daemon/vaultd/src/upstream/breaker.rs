//! The circuit breaker: a pure state machine that says whether it is safe to ask.
//!
//! Closed, it counts consecutive failures; at the threshold it opens, unless all of them were replies
//! about one secret while others are known: those say nothing of the others. Open, it lets one probe
//! through each recovery period, and no second one while the first is out; enough successes in a row
//! close it, a failure starts a new period of the same length: an outage's end is noticed as fast after
//! an hour as after a minute. A call that was never sent changes nothing and uses up no period.

use std::time::Duration;

use vault_backends::address::Address;

use crate::clock::Moment;

/// A probe that has told nothing for so long does not hold up the next one.
const LONGEST_PROBE: Duration = Duration::from_secs(10);

/// When to open and when to close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Consecutive failures that open it; 0 for never.
    pub threshold: u32,
    /// From opening, or from a failed probe, to the next probe.
    pub recovery: Duration,
    /// Successes that close it.
    pub successes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            threshold: 5,
            recovery: Duration::from_mins(1),
            successes: 2,
        }
    }
}

/// Leave to make one call.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Call, and repeat as retries allow.
    Call,
    /// Call once: it decides. When it left tells it from other probes: one that ends late, after the
    /// next has left, must not end that one's turn.
    Probe(Moment),
}

/// Who comes first where only one call is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// A call that is as likely to succeed as any.
    Usual,
    /// One that may fail by its own secret's fault: it is the probe only where nobody else has been for a
    /// quarter of a period.
    Last,
}

/// What a failure may be the fault of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit<'a> {
    /// What the breaker guards, for sure.
    Backend,
    /// Perhaps this secret alone: the backend has replied, and others are known.
    PerhapsOnly(&'a Address),
}

/// A breaker's state, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// No call before this moment; the first one after it is a probe, whenever somebody makes it.
    Open(Moment),
    /// A probe is out, or one has succeeded.
    HalfOpen,
}

/// One breaker.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    streak: Streak,
    open: Option<Open>,
}

/// Failures in a row, and what they may be the fault of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    failures: u32,
    suspect: Suspect,
}

impl Streak {
    /// One more.
    pub fn add(&mut self, culprit: Culprit<'_>) {
        self.failures = self.failures.saturating_add(1);
        self.suspect = match (std::mem::take(&mut self.suspect), culprit) {
            (Suspect::Nobody, Culprit::PerhapsOnly(secret)) => {
                Suspect::OneSecret(Box::new(secret.clone()))
            }
            (Suspect::OneSecret(suspect), Culprit::PerhapsOnly(secret)) if *suspect == *secret => {
                Suspect::OneSecret(suspect)
            }
            _ => Suspect::Backend,
        };
    }

    /// Whether there were so many of which not all may be the fault of one secret.
    pub fn reaches(&self, threshold: u32) -> bool {
        self.failures >= threshold && self.suspect == Suspect::Backend
    }

    /// As if there had been so many at least, by the backend's own word.
    pub fn raise(&mut self, failures: u32) {
        self.failures = self.failures.max(failures);
        self.suspect = Suspect::Backend;
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Suspect {
    #[default]
    Nobody,
    OneSecret(Box<Address>),
    Backend,
}

#[derive(Clone, Debug)]
struct Open {
    next_probe: Moment,
    successes: u32,
    probe: Option<Probe>,
}

/// A probe that is out.
#[derive(Clone, Copy, Debug)]
struct Probe {
    left: Moment,
    /// When the next one was due before it left.
    was_due: Moment,
}

impl Open {
    fn since(next_probe: Moment) -> Self {
        Self {
            next_probe,
            successes: 0,
            probe: None,
        }
    }

    /// The probe that this permit is for, where it is the last one.
    fn take_probe(&mut self, permit: Permit) -> Option<Probe> {
        self.probe
            .take_if(|probe| permit == Permit::Probe(probe.left))
    }

    fn free_from(&self) -> Moment {
        let longest = self.probe.map(|probe| probe.left + LONGEST_PROBE);
        longest.map_or(self.next_probe, |longest| longest.max(self.next_probe))
    }
}

impl Breaker {
    /// Whether a call may be made at `now`, or else from when on.
    ///
    /// # Errors
    /// The moment from which on one may be made.
    pub fn check(
        &self,
        now: Moment,
        settings: &BreakerSettings,
        precedence: Precedence,
    ) -> Result<(), Moment> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        let from = match precedence {
            Precedence::Usual => open.free_from(),
            Precedence::Last => open.free_from() + settings.recovery / 4,
        };
        if now < from { Err(from) } else { Ok(()) }
    }

    /// Takes leave for a call at `now`. `jitter` in 0..=1 lengthens the period after a probe by up to
    /// 15 %.
    ///
    /// # Errors
    /// The moment from which on there is leave.
    pub fn try_acquire(
        &mut self,
        now: Moment,
        settings: &BreakerSettings,
        precedence: Precedence,
        jitter: f64,
    ) -> Result<Permit, Moment> {
        self.check(now, settings, precedence)?;
        let Some(open) = &mut self.open else {
            return Ok(Permit::Call);
        };
        open.probe = Some(Probe {
            left: now,
            was_due: open.next_probe,
        });
        // The next probe's time is set when this one leaves: what becomes of it may come late.
        open.next_probe = now + spread(settings.recovery, jitter);
        Ok(Permit::Probe(now))
    }

    /// The backend replied; returns whether that closed it.
    pub fn succeeded(&mut self, now: Moment, settings: &BreakerSettings) -> bool {
        self.streak = Streak::default();
        let Some(open) = &mut self.open else {
            return false;
        };
        // It is up: the next call need not wait for a period to pass.
        let successes = open.successes + 1;
        *open = Open {
            successes,
            ..Open::since(now)
        };
        if successes >= settings.successes {
            self.open = None;
        }
        self.open.is_none()
    }

    /// The backend could not be asked, or gave nothing that can be used. Returns whether the breaker
    /// opened by it.
    pub fn failed(
        &mut self,
        permit: Permit,
        culprit: Culprit<'_>,
        now: Moment,
        settings: &BreakerSettings,
        jitter: f64,
    ) -> bool {
        self.streak.add(culprit);
        let next_probe = now + spread(settings.recovery, jitter);
        match &mut self.open {
            Some(open) => {
                open.successes = 0;
                open.take_probe(permit);
                // A period counts from when its probe left, not from when that was given up.
                if open.next_probe <= now {
                    open.next_probe = next_probe;
                }
                false
            }
            None => {
                let opens = settings.threshold > 0 && self.streak.reaches(settings.threshold);
                self.open = opens.then(|| Open::since(next_probe));
                opens
            }
        }
    }

    /// The call told nothing that counts, or was given up.
    pub fn undecided(&mut self, permit: Permit) {
        if let Some(open) = &mut self.open {
            open.take_probe(permit);
        }
    }

    /// The call was never sent: it is as if leave had not been taken.
    pub fn not_sent(&mut self, permit: Permit) {
        if let Some(open) = &mut self.open
            && let Some(probe) = open.take_probe(permit)
        {
            open.next_probe = probe.was_due;
        }
    }

    /// Lets a probe through from `now` on.
    pub fn hasten(&mut self, now: Moment) {
        if let Some(open) = &mut self.open {
            open.next_probe = open.next_probe.min(now);
        }
    }

    /// Closes it by hand; returns whether it was not closed.
    pub fn reset(&mut self) -> bool {
        !matches!(std::mem::take(self), Self { open: None, .. })
    }

    /// From when on a probe may leave; `None` where it is closed.
    pub fn next_probe(&self) -> Option<Moment> {
        self.open.as_ref().map(Open::free_from)
    }

    /// Failures in a row.
    pub fn consecutive_failures(&self) -> u32 {
        self.streak.failures
    }

    /// What it is.
    pub fn state(&self) -> State {
        match &self.open {
            None => State::Closed,
            Some(open) if open.probe.is_some() || open.successes > 0 => State::HalfOpen,
            Some(open) => State::Open(open.next_probe),
        }
    }
}

fn spread(recovery: Duration, jitter: f64) -> Duration {
    recovery.mul_f64(1.0 + 0.15 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        threshold: 5,
        recovery: Duration::from_mins(1),
        successes: 2,
    };

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    fn acquire(breaker: &mut Breaker, now: Moment, jitter: f64) -> Result<Permit, Moment> {
        breaker.try_acquire(now, &SETTINGS, Precedence::Usual, jitter)
    }

    /// The backend fails the last probe, or whatever else was under way.
    fn fail(breaker: &mut Breaker, now: Moment, settings: &BreakerSettings, jitter: f64) -> bool {
        let probe = breaker.open.as_ref().and_then(|open| open.probe);
        let permit = probe.map_or(Permit::Call, |probe| Permit::Probe(probe.left));
        breaker.failed(permit, Culprit::Backend, now, settings, jitter)
    }

    fn open_at_zero() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            fail(&mut breaker, at(0), &SETTINGS, 0.0);
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!fail(&mut breaker, at(0), &SETTINGS, 0.0));
        }
        breaker.succeeded(at(0), &SETTINGS);
        for _ in 0..4 {
            assert!(
                !fail(&mut breaker, at(0), &SETTINGS, 0.0),
                "a success starts the count anew"
            );
        }
        assert_eq!(acquire(&mut breaker, at(0), 0.0), Ok(Permit::Call));
        assert!(fail(&mut breaker, at(0), &SETTINGS, 0.0));
        assert_eq!(acquire(&mut breaker, at(59), 0.0), Err(at(60)));
    }

    #[test]
    fn one_probe_leaves_in_each_period_and_the_period_never_grows() {
        let mut breaker = open_at_zero();
        for round in 1..20 {
            let now = at(60 * round);
            assert_eq!(
                acquire(&mut breaker, now, 0.0),
                Ok(Permit::Probe(now)),
                "round {round}"
            );
            assert!(acquire(&mut breaker, now, 0.0).is_err());
            fail(&mut breaker, now, &SETTINGS, 0.0);
        }
    }

    #[test]
    fn a_probe_that_never_comes_back_does_not_hold_it_open() {
        let mut breaker = open_at_zero();
        assert_eq!(
            acquire(&mut breaker, at(60), 0.0),
            Ok(Permit::Probe(at(60)))
        );
        assert_eq!(
            acquire(&mut breaker, at(120), 0.0),
            Ok(Permit::Probe(at(120)))
        );
    }

    #[test]
    fn it_is_open_until_a_probe_leaves_and_after_one_that_decides_nothing() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.state(), State::Open(at(60)));
        assert_eq!(
            acquire(&mut breaker, at(300), 0.0),
            Ok(Permit::Probe(at(300)))
        );
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.undecided(Permit::Probe(at(300)));
        assert_eq!(breaker.state(), State::Open(at(360)));
    }

    #[test]
    fn a_period_counts_from_when_its_probe_left() {
        let mut breaker = open_at_zero();
        assert_eq!(
            acquire(&mut breaker, at(60), 0.0),
            Ok(Permit::Probe(at(60)))
        );
        fail(&mut breaker, at(70), &SETTINGS, 0.0);
        assert_eq!(breaker.next_probe(), Some(at(120)));
        assert_eq!(acquire(&mut breaker, at(119), 0.0), Err(at(120)));
    }

    #[test]
    fn a_probe_that_was_not_sent_gives_its_leave_back() {
        let mut breaker = open_at_zero();
        for now in [60, 61, 61] {
            assert_eq!(
                acquire(&mut breaker, at(now), 0.0),
                Ok(Permit::Probe(at(now)))
            );
            breaker.not_sent(Permit::Probe(at(now)));
            assert_eq!(breaker.state(), State::Open(at(60)));
        }
        assert_eq!(breaker.consecutive_failures(), 5);
        assert_eq!(
            acquire(&mut breaker, at(62), 0.0),
            Ok(Permit::Probe(at(62)))
        );
        breaker.not_sent(Permit::Call);
        assert!(acquire(&mut breaker, at(63), 0.0).is_err(), "one is out");
    }

    /// By how the first of two probes ends, whose call took longer than a probe is waited for: the second
    /// is out for as long as before.
    #[test]
    fn a_probe_that_ends_late_does_not_end_the_turn_of_the_next() {
        let ends: [fn(&mut Breaker, Permit); 3] = [
            |breaker, late| breaker.not_sent(late),
            |breaker, late| breaker.undecided(late),
            |breaker, late| {
                breaker.failed(late, Culprit::Backend, at(123), &SETTINGS, 0.0);
            },
        ];
        for end in ends {
            let mut breaker = open_at_zero();
            let late = acquire(&mut breaker, at(60), 0.0).unwrap();
            assert_eq!(
                acquire(&mut breaker, at(120), 0.0),
                Ok(Permit::Probe(at(120)))
            );
            end(&mut breaker, late);
            assert_eq!(breaker.state(), State::HalfOpen, "the second is out");
            assert_eq!(acquire(&mut breaker, at(123), 0.0), Err(at(180)));
        }
    }

    #[test]
    fn no_probe_leaves_while_one_is_out_however_short_the_period_is() {
        let hasty = BreakerSettings {
            recovery: Duration::from_secs(5),
            ..SETTINGS
        };
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            fail(&mut breaker, at(0), &hasty, 0.0);
        }
        let mut probes = 0;
        let mut given_up = None;
        for second in 0..30 {
            let now = at(second);
            if given_up == Some(now) {
                fail(&mut breaker, now, &hasty, 0.0);
            }
            if breaker
                .try_acquire(now, &hasty, Precedence::Usual, 0.0)
                .is_ok()
            {
                probes += 1;
                given_up = Some(now + Duration::from_secs(7));
            }
        }
        assert_eq!(probes, 3, "one at a time: 5, 17 and 29");
    }

    #[test]
    fn who_is_likely_to_fail_is_a_probe_only_where_nobody_else_was() {
        let mut breaker = open_at_zero();
        let check = |breaker: &Breaker, now| breaker.check(at(now), &SETTINGS, Precedence::Last);
        assert_eq!(check(&breaker, 60), Err(at(75)));
        assert_eq!(check(&breaker, 75), Ok(()));
        assert_eq!(
            acquire(&mut breaker, at(74), 0.0),
            Ok(Permit::Probe(at(74)))
        );
        assert!(check(&breaker, 75).is_err());
    }

    #[test]
    fn replies_about_one_secret_open_it_only_together_with_another_ones() {
        let [one, other] = ["one", "other"].map(Address::local);
        let perhaps = |address| Culprit::PerhapsOnly(address);
        let (of_one, of_other) = (perhaps(&one), perhaps(&other));
        for (failures, opens_at) in [
            (vec![of_one; 9], None),
            ([vec![of_one; 9], vec![of_other]].concat(), Some(9)),
            ([vec![of_other], vec![of_one; 9]].concat(), Some(4)),
            ([vec![of_one; 7], vec![Culprit::Backend]].concat(), Some(7)),
            (vec![Culprit::Backend; 9], Some(4)),
        ] {
            let mut breaker = Breaker::default();
            let mut fail = |culprit: &Culprit<'_>| {
                breaker.failed(Permit::Call, *culprit, at(0), &SETTINGS, 0.0)
            };
            let opened = failures.iter().position(&mut fail);
            assert_eq!(opened, opens_at, "{failures:?}");
        }
        let mut breaker = Breaker::default();
        for culprit in [of_one; 4] {
            breaker.failed(Permit::Call, culprit, at(0), &SETTINGS, 0.0);
        }
        breaker.succeeded(at(0), &SETTINGS);
        for culprit in [of_other; 9] {
            breaker.failed(Permit::Call, culprit, at(0), &SETTINGS, 0.0);
        }
        assert_eq!(breaker.state(), State::Closed, "a reply starts anew");
    }

    #[test]
    fn two_successes_close_it_and_a_failure_between_them_does_not() {
        let mut breaker = open_at_zero();
        assert_eq!(
            acquire(&mut breaker, at(60), 0.0),
            Ok(Permit::Probe(at(60)))
        );
        breaker.succeeded(at(60), &SETTINGS);
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(
            acquire(&mut breaker, at(60), 0.0),
            Ok(Permit::Probe(at(60)))
        );
        fail(&mut breaker, at(60), &SETTINGS, 0.0);
        assert_eq!(breaker.state(), State::Open(at(120)));
        for _ in 0..2 {
            assert_eq!(
                acquire(&mut breaker, at(120), 0.0),
                Ok(Permit::Probe(at(120)))
            );
            breaker.succeeded(at(120), &SETTINGS);
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn jitter_lengthens_the_period_by_at_most_fifteen_percent() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            fail(&mut breaker, at(0), &SETTINGS, 1.0);
        }
        assert_eq!(breaker.state(), State::Open(at(69)));
    }

    #[test]
    fn a_threshold_of_zero_never_opens_and_reset_closes() {
        let never = BreakerSettings {
            threshold: 0,
            ..SETTINGS
        };
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            assert!(!fail(&mut breaker, at(0), &never, 0.0));
        }
        let mut breaker = open_at_zero();
        assert!(breaker.reset());
        assert!(!breaker.reset());
        assert_eq!(acquire(&mut breaker, at(0), 0.0), Ok(Permit::Call));
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Call,
        Answer,
        Fail,
        Pass(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::Call),
            1 => Just(Event::Answer),
            4 => Just(Event::Fail),
            4 => (0u64..50).prop_map(Event::Pass),
        ]
    }

    proptest! {
        #[test]
        fn while_it_is_open_one_probe_leaves_in_each_period(
            events in prop::collection::vec(event(), 1..200),
            jitter in 0.0..=1.0,
        ) {
            let mut breaker = Breaker::default();
            // When it opened or its last probe left, without an answer since.
            let (mut now, mut since, mut failures) = (0, None::<u64>, 0);
            for event in events {
                let was_open = breaker.next_probe().is_some();
                match event {
                    Event::Pass(seconds) => now += seconds,
                    Event::Answer => {
                        breaker.succeeded(at(now), &SETTINGS);
                        (since, failures) = (None, 0);
                    }
                    Event::Fail => {
                        failures += 1;
                        let opened = fail(&mut breaker, at(now), &SETTINGS, jitter);
                        prop_assert_eq!(opened, !was_open && failures >= SETTINGS.threshold);
                        if opened {
                            since = Some(now);
                        }
                    }
                    Event::Call => match acquire(&mut breaker, at(now), jitter) {
                        Ok(Permit::Call) => prop_assert!(!was_open),
                        Err(_) => prop_assert!(was_open),
                        Ok(Permit::Probe(_)) => {
                            prop_assert!(was_open);
                            prop_assert!(since.is_none_or(|since| now - since >= 60));
                            since = Some(now);
                        }
                    },
                }
                if was_open && breaker.next_probe().is_some() {
                    let longest = at(now + 69);
                    prop_assert!(breaker.next_probe() <= Some(longest), "it never grows");
                }
            }
        }
    }
}
