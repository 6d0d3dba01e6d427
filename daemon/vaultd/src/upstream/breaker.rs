//! Is it safe to ask the backend? The circuit breaker, a pure state machine.
//!
//! Closed, it counts consecutive failures; at the threshold it opens. Open, it lets one probe
//! through each recovery period; enough successes in a row close it, a failure starts a new period
//! of the same length: an outage's end is noticed as fast after an hour as after a minute.

use std::time::Duration;

use crate::clock::Moment;

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

/// What may be done now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Call, and repeat as retries allow.
    Call,
    /// Call once: it decides.
    Probe,
    /// Do not call before this moment.
    Wait(Moment),
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

/// One breaker, for one backend and credential.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Clone, Debug)]
struct Open {
    next_probe: Moment,
    successes: u32,
    probing: bool,
}

impl Breaker {
    /// Asks for a call at `now`. `jitter` in 0..=1 lengthens the period after a probe by up to 15 %.
    pub fn ask(&mut self, now: Moment, settings: &BreakerSettings, jitter: f64) -> Permit {
        let Some(open) = &mut self.open else {
            return Permit::Call;
        };
        if now < open.next_probe {
            return Permit::Wait(open.next_probe);
        }
        // The next probe's time is set when this one leaves: a probe that never comes back
        // (its task was cancelled) must not keep the breaker open for ever.
        open.next_probe = now + spread(settings.recovery, jitter);
        open.probing = true;
        Permit::Probe
    }

    /// The backend answered.
    pub fn succeeded(&mut self, now: Moment, settings: &BreakerSettings) {
        self.failures = 0;
        if let Some(open) = &mut self.open {
            open.successes += 1;
            open.probing = false;
            // It is up: the next call need not wait for a period to pass.
            open.next_probe = now;
            if open.successes >= settings.successes {
                self.open = None;
            }
        }
    }

    /// The backend could not be asked. Returns whether the breaker opened by it.
    pub fn failed(&mut self, now: Moment, settings: &BreakerSettings, jitter: f64) -> bool {
        self.failures = self.failures.saturating_add(1);
        let next_probe = now + spread(settings.recovery, jitter);
        match &mut self.open {
            Some(open) => {
                *open = Open {
                    // A period counts from when its probe left, not from when that was given up.
                    next_probe: if open.next_probe > now {
                        open.next_probe
                    } else {
                        next_probe
                    },
                    successes: 0,
                    probing: false,
                };
                false
            }
            None if settings.threshold > 0 && self.failures >= settings.threshold => {
                self.open = Some(Open {
                    next_probe,
                    successes: 0,
                    probing: false,
                });
                true
            }
            None => false,
        }
    }

    /// The backend could not be asked, for a reason that does not count.
    pub fn undecided(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// Closes it by hand; returns whether it was not closed.
    pub fn reset(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }

    /// From when on a probe may leave; `None` where it is closed.
    pub fn next_probe(&self) -> Option<Moment> {
        self.open.as_ref().map(|open| open.next_probe)
    }

    /// Failures in a row.
    pub fn consecutive_failures(&self) -> u32 {
        self.failures
    }

    /// What it is.
    pub fn state(&self) -> State {
        match &self.open {
            None => State::Closed,
            Some(open) if open.probing || open.successes > 0 => State::HalfOpen,
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

    fn open_at_zero() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failed(at(0), &SETTINGS, 0.0);
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.failed(at(0), &SETTINGS, 0.0));
        }
        breaker.succeeded(at(0), &SETTINGS);
        for _ in 0..4 {
            assert!(
                !breaker.failed(at(0), &SETTINGS, 0.0),
                "a success starts the count anew"
            );
        }
        assert_eq!(breaker.ask(at(0), &SETTINGS, 0.0), Permit::Call);
        assert!(breaker.failed(at(0), &SETTINGS, 0.0));
        assert_eq!(breaker.ask(at(59), &SETTINGS, 0.0), Permit::Wait(at(60)));
    }

    #[test]
    fn one_probe_leaves_in_each_period_and_the_period_never_grows() {
        let mut breaker = open_at_zero();
        for round in 1..20 {
            let now = at(60 * round);
            assert_eq!(
                breaker.ask(now, &SETTINGS, 0.0),
                Permit::Probe,
                "round {round}"
            );
            assert!(matches!(breaker.ask(now, &SETTINGS, 0.0), Permit::Wait(_)));
            breaker.failed(now, &SETTINGS, 0.0);
        }
    }

    #[test]
    fn a_probe_that_never_comes_back_does_not_hold_it_open() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.ask(at(60), &SETTINGS, 0.0), Permit::Probe);
        assert_eq!(breaker.ask(at(120), &SETTINGS, 0.0), Permit::Probe);
    }

    #[test]
    fn it_is_open_until_a_probe_leaves_and_after_one_that_decides_nothing() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.state(), State::Open(at(60)));
        assert_eq!(breaker.ask(at(300), &SETTINGS, 0.0), Permit::Probe);
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.undecided();
        assert_eq!(breaker.state(), State::Open(at(360)));
    }

    #[test]
    fn a_period_counts_from_when_its_probe_left() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.ask(at(60), &SETTINGS, 0.0), Permit::Probe);
        breaker.failed(at(70), &SETTINGS, 0.0);
        assert_eq!(breaker.next_probe(), Some(at(120)));
        assert_eq!(breaker.ask(at(119), &SETTINGS, 0.0), Permit::Wait(at(120)));
    }

    #[test]
    fn two_successes_close_it_and_a_failure_between_them_does_not() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.ask(at(60), &SETTINGS, 0.0), Permit::Probe);
        breaker.succeeded(at(60), &SETTINGS);
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(breaker.ask(at(60), &SETTINGS, 0.0), Permit::Probe);
        breaker.failed(at(60), &SETTINGS, 0.0);
        assert_eq!(breaker.state(), State::Open(at(120)));
        for _ in 0..2 {
            assert_eq!(breaker.ask(at(120), &SETTINGS, 0.0), Permit::Probe);
            breaker.succeeded(at(120), &SETTINGS);
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn jitter_lengthens_the_period_by_at_most_fifteen_percent() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failed(at(0), &SETTINGS, 1.0);
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
            assert!(!breaker.failed(at(0), &never, 0.0));
        }
        let mut breaker = open_at_zero();
        assert!(breaker.reset());
        assert!(!breaker.reset());
        assert_eq!(breaker.ask(at(0), &SETTINGS, 0.0), Permit::Call);
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        RequestContext,
        Answer,
        Fail,
        Pass(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::RequestContext),
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
                        let opened = breaker.failed(at(now), &SETTINGS, jitter);
                        prop_assert_eq!(opened, !was_open && failures >= SETTINGS.threshold);
                        if opened {
                            since = Some(now);
                        }
                    }
                    Event::RequestContext => match breaker.ask(at(now), &SETTINGS, jitter) {
                        Permit::Call => prop_assert!(!was_open),
                        Permit::Wait(_) => prop_assert!(was_open),
                        Permit::Probe => {
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
