//! Does the machine do what a reading of everything that happened says it should?
//!
//! The model keeps no state: it reads the whole history, newest first, at each look.

use proptest::prelude::*;

use super::*;

/// A value that is told apart by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbered {
    number: usize,
    confirmed: Moment,
    valid_for: Option<Duration>,
    is_kept: bool,
}

impl Dated for Numbered {
    fn confirmed(&self) -> Moment {
        self.confirmed
    }

    fn valid_for(&self) -> Option<Duration> {
        self.valid_for
    }

    fn is_kept(&self) -> bool {
        self.is_kept
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// The backend was asked so long ago and confirms a value, good for so long.
    Confirm(u64, Option<u64>),
    /// Such a value was kept over a restart.
    Restore(u64, Option<u64>),
    Deny(bool),
    Fail,
    Forget,
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0u64..12, prop::option::of(0u64..60)).prop_map(|(ago, good)| Event::Confirm(ago, good)),
        1 => (0u64..12, prop::option::of(0u64..60)).prop_map(|(ago, good)| Event::Restore(ago, good)),
        2 => any::<bool>().prop_map(Event::Deny),
        1 => Just(Event::Fail),
        1 => Just(Event::Forget),
        5 => (0u64..40).prop_map(Event::Pass),
    ]
}

fn freshness() -> impl Strategy<Value = Freshness> {
    (0u64..30, 0u64..60, any::<bool>()).prop_map(|(ttl, more, stale_fallback)| Freshness {
        ttl: Duration::from_secs(ttl),
        max_stale: Duration::from_secs(ttl + more),
        stale_fallback,
        ..Freshness::default()
    })
}

/// What happened, when, in seconds.
type History = Vec<(u64, Event)>;

/// What a look should give: the number of the event that brought it.
fn expected(history: &History, now: u64, freshness: &Freshness) -> Offer<usize, usize> {
    // The time a value was asked for; the newest confirmation in a row that nothing ended.
    let mut best: Option<(u64, usize, Option<u64>, bool)> = None;
    for (number, (at, event)) in history.iter().enumerate().rev() {
        match event {
            Event::Confirm(ago, good) | Event::Restore(ago, good) => {
                let asked = at.saturating_sub(*ago);
                let is_kept = matches!(event, Event::Restore(..));
                if best.is_none_or(|(other, ..)| asked > other) {
                    best = Some((asked, number, *good, is_kept));
                }
            }
            Event::Forget => break,
            Event::Deny(waited) if *waited || something_before(history, number) => {
                if best.is_some() {
                    break;
                }
                let in_a_row = nos_in_a_row(history, number);
                let until = at + [5, 10, 20, 30][in_a_row.min(4) - 1];
                return if now < until {
                    Offer::Negative(number)
                } else {
                    Offer::Nothing
                };
            }
            Event::Deny(_) | Event::Fail | Event::Pass(_) => {}
        }
    }
    let Some((asked, number, good, is_kept)) = best else {
        return Offer::Nothing;
    };
    let (age, ttl) = (now - asked, freshness.ttl.as_secs());
    let end = if freshness.stale_fallback {
        freshness.max_stale.as_secs()
    } else {
        ttl
    };
    match age {
        _ if age >= good.unwrap_or(u64::MAX).min(end) => Offer::Nothing,
        _ if age < ttl && !is_kept => Offer::Fresh(number),
        _ => Offer::Stale(number),
    }
}

/// Whether a value or a no was known when this event came.
fn something_before(history: &History, number: usize) -> bool {
    let before = history[..number].iter().rev();
    let ends = before.map(|(_, event)| event);
    for event in ends {
        match event {
            Event::Confirm(..) | Event::Restore(..) | Event::Deny(true) => return true,
            Event::Forget => return false,
            _ => {}
        }
    }
    false
}

/// How many times no was said, this one included, since there was a value or nothing.
fn nos_in_a_row(history: &History, number: usize) -> usize {
    let mut count = 1;
    for (number, (_, event)) in history[..number].iter().enumerate().rev() {
        match event {
            Event::Confirm(..) | Event::Restore(..) | Event::Forget => break,
            Event::Deny(waited) if *waited || something_before(history, number) => count += 1,
            _ => {}
        }
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_machine_agrees_with_the_history(
        events in prop::collection::vec(event(), 1..40),
        freshness in freshness(),
    ) {
        let moment = |seconds| Moment::default() + Duration::from_secs(seconds);
        let (mut now, mut history) = (0u64, History::new());
        let mut known = Known::<Numbered, usize>::default();
        for (number, event) in events.into_iter().enumerate() {
            match &event {
                Event::Confirm(ago, good) | Event::Restore(ago, good) => known.confirm(Numbered {
                    number,
                    confirmed: moment(now.saturating_sub(*ago)),
                    valid_for: good.map(Duration::from_secs),
                    is_kept: matches!(event, Event::Restore(..)),
                }),
                Event::Deny(waited) => {
                    let asked = if *waited { FetchReason::Caller } else { FetchReason::Ahead };
                    known.deny(number, moment(now), asked);
                }
                Event::Fail => known.fail(|| "an outage".to_owned()),
                Event::Forget => {
                    known.forget();
                }
                Event::Pass(seconds) => now += seconds,
            }
            history.push((now, event));
            let offer = match known.offer(moment(now), &freshness) {
                Offer::Fresh(value) => Offer::Fresh(value.number),
                Offer::Stale(value) => Offer::Stale(value.number),
                Offer::Negative(number) => Offer::Negative(number),
                Offer::Nothing => Offer::Nothing,
            };
            let model = expected(&history, now, &freshness);
            prop_assert_eq!(offer, model, "{} s: {:?}", now, history);
        }
    }

    #[test]
    fn nothing_is_served_at_or_past_its_bound_and_nothing_is_renewed_after_its_ttl(
        freshness in freshness(),
        age in 0u64..100,
        good in prop::option::of(0u64..100),
        jitter in 0.0..=1.0,
    ) {
        let (age, good) = (Duration::from_secs(age), good.map(Duration::from_secs));
        let verdict = freshness.judge(age, good);
        if age >= freshness.max_stale || good.is_some_and(|good| age >= good) {
            prop_assert_eq!(verdict, Verdict::Expired);
        }
        if let Some(renewed) = freshness.renewed_at(None, jitter) {
            prop_assert!(renewed < freshness.ttl && !renewed.is_zero());
        }
    }
}
