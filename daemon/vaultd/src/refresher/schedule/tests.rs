//! Who is next is as it should be, and a backend's moments are respected.

use proptest::prelude::*;
use vault_backends::address::{BackendKind, VersionSelector};

use super::*;
use crate::cache::freshness::{Ahead, Freshness};
use crate::refresher::plan::{Item, Start};
use crate::scripted::address;

const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_hours(1),
    max_stale: Duration::from_hours(24),
    stale_fallback: true,
    refresh_ahead: Ahead::AtThousandths(750),
};

fn at(seconds: u64) -> Moment {
    Moment::default() + Duration::from_secs(seconds)
}

fn oci(name: &str) -> Address {
    address(BackendKind::OCI, name)
}

fn plan<'a>(names: impl IntoIterator<Item = &'a str>, start: Start) -> Plan {
    let item = |name: &str| Item {
        address: oci(name),
        reference: name.to_owned(),
        freshness: FRESHNESS,
        is_remote: true,
    };
    Plan {
        items: names.into_iter().map(item).collect(),
        start,
    }
}

/// Nobody replied.
const FAILED: Outcome = Outcome::Failed(Failed {
    contact: Contact::NoReply,
    pause: None,
});
/// The backend replied that something is wrong.
const REPLIED: Outcome = Outcome::Failed(Failed {
    contact: Contact::Replied,
    pause: None,
});

/// What the cache holds of one secret.
#[derive(Clone, Debug)]
struct Cached {
    address: Address,
    asked: Option<(Moment, Freshness)>,
    held: Option<(Moment, Option<Duration>)>,
    is_kept: bool,
    flushed: Option<Moment>,
}

fn learn(schedule: &mut Schedule, cached: &[Cached], now: Moment) {
    let seen = |cached: &Cached, each: &mut dyn FnMut(Seen<'_>)| {
        each(Seen {
            address: &cached.address,
            reference: &cached.address.name,
            asked: cached.asked,
            held: cached.held,
            is_kept: cached.is_kept,
            flushed: cached.flushed,
        });
    };
    let cache = |each: &mut dyn FnMut(Seen<'_>)| cached.iter().for_each(|one| seen(one, each));
    schedule.learn(cache, now);
}

fn seen(name: &str, confirmed: u64) -> Cached {
    Cached {
        address: oci(name),
        asked: Some((at(confirmed), FRESHNESS)),
        held: Some((at(confirmed), None)),
        is_kept: false,
        flushed: None,
    }
}

fn closed(_: &Name) -> Option<Moment> {
    None
}

fn names(next: &Next) -> Vec<&str> {
    next.now
        .iter()
        .map(|renew| renew.address.name.as_str())
        .collect()
}

#[test]
fn what_was_kept_over_a_restart_is_fetched_like_what_was_never_had() {
    let kept = |name, asked: Option<u64>| Cached {
        asked: asked.map(|asked| (at(asked), FRESHNESS)),
        held: None,
        is_kept: true,
        ..seen(name, 0)
    };
    let mut schedule = Schedule::new(1);
    schedule.plan(plan(["planned"], Start::Session), at(0));
    let all = || {
        vec![
            kept("planned", None),
            kept("asked", Some(1)),
            kept("other", None),
        ]
    };
    learn(&mut schedule, &all(), at(1));
    assert_eq!(names(&schedule.next(at(1), &closed)), ["asked"]);
    schedule.landed(&oci("asked"), FAILED, at(1), at(1));
    learn(&mut schedule, &all(), at(25));
    let mut next = schedule.next(at(25), &closed);
    next.now
        .sort_by(|left, right| left.reference.cmp(&right.reference));
    assert_eq!(names(&next), ["asked", "planned"]);
}

#[test]
fn what_was_never_had_comes_first_then_the_stale_then_the_oldest() {
    let mut schedule = Schedule::new(1);
    schedule.plan(plan(["never"], Start::Session), at(0));
    let held = [seen("old", 2_000), seen("older", 1_000), seen("stale", 500)];
    learn(&mut schedule, &held, at(5_400));
    let next = schedule.next(at(5_400), &closed);
    assert_eq!(names(&next), ["never", "stale", "older", "old"]);
}

#[test]
fn no_more_than_four_are_under_way_and_each_once() {
    let mut schedule = Schedule::new(1);
    let all: Vec<Cached> = (0..10).map(|n| seen(&format!("n{n}"), n)).collect();
    learn(&mut schedule, &all, at(5_000));
    assert_eq!(
        names(&schedule.next(at(5_000), &closed)),
        ["n0", "n1", "n2", "n3"]
    );
    learn(&mut schedule, &all, at(5_001));
    assert!(schedule.next(at(5_001), &closed).now.is_empty());
    let confirmed = Outcome::Confirmed(at(5_000), None);
    schedule.landed(&oci("n1"), confirmed, at(5_000), at(5_001));
    assert_eq!(names(&schedule.next(at(5_001), &closed)), ["n4"]);
}

#[test]
fn while_a_breaker_is_open_one_is_asked_for_when_its_probe_is_due() {
    let mut schedule = Schedule::new(1);
    let all: Vec<Cached> = (0..10).map(|n| seen(&format!("n{n}"), n)).collect();
    learn(&mut schedule, &all, at(5_000));
    let open = |_: &Name| Some(at(5_060));
    let next = schedule.next(at(5_000), &open);
    assert_eq!((names(&next), next.wake), (vec![], Some(at(5_060))));
    assert_eq!(names(&schedule.next(at(5_060), &open)), ["n0"]);
    assert!(schedule.next(at(5_060), &open).now.is_empty(), "it is out");
    schedule.landed(&oci("n0"), FAILED, at(5_060), at(5_061));
    let open = |_: &Name| Some(at(5_120));
    assert!(schedule.next(at(5_061), &open).now.is_empty());
    let next = schedule.next(at(5_120), &open);
    assert_eq!(names(&next), ["n1"], "not the same one for ever");
}

#[test]
fn once_a_backend_is_back_the_stale_come_within_seconds_and_the_others_while_they_are_fresh() {
    let mut schedule = Schedule::new(1);
    let stale = (0..40).map(|n| seen(&format!("stale{n}"), 0));
    let fresh = (0..40).map(|n| seen(&format!("fresh{n}"), 1_500));
    let all: Vec<Cached> = stale.chain(fresh).collect();
    let now = at(4_600);
    learn(&mut schedule, &all, now);
    let open = |_: &Name| Some(at(9_999));
    assert!(schedule.next(now, &open).now.is_empty());
    let mut attempts = HashMap::new();
    // What is left over by the first four has its place already.
    let _ = schedule.next(now, &closed);
    for (kind, end) in [("stale", 15), ("fresh", 450)] {
        let kind: Vec<Moment> = (0..40)
            .filter_map(|n| schedule.next_attempt(&oci(&format!("{kind}{n}")), &closed))
            .collect();
        assert!(kind.iter().all(|at| *at <= now + Duration::from_secs(end)));
        let late = kind.iter().max().unwrap().since(now).as_secs();
        assert!(late > end / 2, "they are spread: {late} s");
        attempts.insert(end, kind);
    }
}

#[test]
fn a_host_has_its_own_moments_and_keeps_them() {
    let attempts = |seed| {
        let mut schedule = Schedule::new(seed);
        let all: Vec<_> = (0..20).map(|n| seen(&format!("n{n}"), 0)).collect();
        learn(&mut schedule, &all, at(1));
        let attempt = |n| schedule.next_attempt(&oci(&format!("n{n}")), &closed);
        (0..20).map(attempt).collect::<Vec<_>>()
    };
    assert_eq!(attempts(1), attempts(1));
    let both = attempts(1).into_iter().zip(attempts(2));
    assert!(both.filter(|(left, right)| left == right).count() <= 1);
}

#[test]
fn first_fetches_are_spread_and_the_more_so_where_many_hosts_may_start_at_once() {
    let names: Vec<String> = (0..100).map(|n| format!("n{n}")).collect();
    for (start, end) in [(Start::Session, 10), (Start::Restart, 1_800)] {
        let mut schedule = Schedule::new(1);
        schedule.plan(plan(names.iter().map(String::as_str), start), at(0));
        let attempts = names
            .iter()
            .map(|name| schedule.next_attempt(&oci(name), &closed).unwrap());
        let last = attempts.max().unwrap();
        assert!(at(end / 10 * 9) < last && last <= at(end), "{last:?}");
    }
    let mut schedule = Schedule::new(1);
    let mut local = plan(["x"], Start::Restart);
    local.items[0].is_remote = false;
    schedule.plan(local, at(0));
    assert_eq!(names_of(&schedule.next(at(0), &closed)), 1, "at once");
}

fn names_of(next: &Next) -> usize {
    next.now.len()
}

#[test]
fn while_everything_is_fresh_a_backend_that_is_out_is_asked_less_often_and_in_time_before_it_is_not()
 {
    let mut schedule = Schedule::new(1);
    learn(&mut schedule, &[seen("a", 0), seen("b", 1_000)], at(3_000));
    let probe = |at: Moment| move |_: &Name| Some(at + Duration::from_mins(1));
    assert_eq!(names(&schedule.next(at(3_000), &closed)), ["a"]);
    schedule.landed(&oci("a"), FAILED, at(3_000), at(3_001));
    let open = probe(at(3_000));
    assert!(schedule.next(at(3_299), &open).now.is_empty(), "no hurry");
    assert_eq!(names_of(&schedule.next(at(3_346), &open)), 1);
    schedule.landed(&oci("a"), FAILED, at(3_346), at(3_347));
    let open = probe(at(3_346));
    let next = schedule.next(at(3_347), &open);
    let in_time = at(3_600 - 90);
    assert_eq!((names_of(&next), next.wake), (0, Some(in_time)));
    assert_eq!(names_of(&schedule.next(in_time, &open)), 1);
}

#[test]
fn a_secret_that_there_is_none_of_makes_nobody_hurry() {
    let mut schedule = Schedule::new(1);
    schedule.plan(plan(["gone"], Start::Session), at(2_900));
    learn(&mut schedule, &[seen("a", 2_000)], at(2_900));
    let fail = |schedule: &mut Schedule| {
        schedule.landed(&oci("a"), FAILED, at(3_000), at(3_001));
    };
    let open = |_: &Name| Some(at(3_060));
    fail(&mut schedule);
    assert_eq!(
        names_of(&schedule.next(at(3_061), &open)),
        1,
        "never asked for"
    );
    schedule.landed(&oci("gone"), Outcome::Gone, at(3_061), at(3_061));
    fail(&mut schedule);
    assert_eq!(names_of(&schedule.next(at(3_299), &open)), 0);
    assert_eq!(names_of(&schedule.next(at(3_346), &open)), 1);
}

#[test]
fn hosts_that_were_restarted_at_once_do_not_come_back_at_once() {
    let mut schedule = Schedule::new(1);
    let list: Vec<String> = (0..100).map(|n| format!("n{n}")).collect();
    schedule.plan(plan(list.iter().map(String::as_str), Start::Restart), at(0));
    let renewals = |schedule: &mut Schedule, now: u64| {
        for name in &list {
            let confirmed = Outcome::Confirmed(at(now), None);
            schedule.landed(&oci(name), confirmed, at(now), at(now));
        }
        let attempt = |name: &String| schedule.next_attempt(&oci(name), &closed);
        let mut attempts: Vec<Moment> = list.iter().filter_map(attempt).collect();
        attempts.sort();
        (attempts[10].since(at(now)), attempts[90].since(at(now)))
    };
    let (early, late) = renewals(&mut schedule, 0);
    assert!(early < Duration::from_mins(15) && late > Duration::from_mins(35));
    let (early, _) = renewals(&mut schedule, 3_000);
    assert!(early > Duration::from_mins(38), "from then on as usual");
}

#[test]
fn a_backend_that_asks_for_a_pause_gets_it_for_all_of_its_secrets() {
    let mut schedule = Schedule::new(1);
    learn(
        &mut schedule,
        &[seen("a", 0), seen("b", 1), seen("c", 1_900)],
        at(3_500),
    );
    let left = names_of(&schedule.next(at(3_500), &closed));
    assert_eq!(left, 2);
    let pause = Outcome::Failed(Failed {
        contact: Contact::Replied,
        pause: Some(Duration::from_mins(10)),
    });
    schedule.landed(&oci("a"), pause, at(3_500), at(3_501));
    schedule.landed(&oci("b"), Outcome::NotAsked, at(3_500), at(3_501));
    let next = schedule.next(at(4_100), &closed);
    assert_eq!((names_of(&next), next.wake), (0, Some(at(4_101))));
}

#[test]
fn what_may_not_be_renewed_ahead_is_never_due() {
    let mut pinned = seen("pinned", 0);
    pinned.address.version = VersionSelector::Version(1);
    let mut never = seen("never", 0);
    let ahead = Freshness {
        refresh_ahead: Ahead::Never,
        ..FRESHNESS
    };
    never.asked = Some((at(0), ahead));
    let mut schedule = Schedule::new(1);
    learn(&mut schedule, &[pinned, never], at(80_000));
    let next = schedule.next(at(80_000), &closed);
    assert_eq!((names_of(&next), next.wake), (0, None));
}

#[test]
fn a_secret_that_fails_by_itself_makes_nobody_else_wait() {
    let mut schedule = Schedule::new(1);
    schedule.plan(plan(["well", "broken", "other"], Start::Session), at(0));
    learn(&mut schedule, &[seen("well", 2_000)], at(2_000));
    for failure in [REPLIED, Outcome::SecretFailed(None), Outcome::NotSent] {
        for _ in 0..20 {
            schedule.landed(&oci("broken"), failure, at(2_100), at(2_100));
        }
        let gate = schedule.gates(at(2_100), &closed, false);
        assert_eq!(
            gate.values().collect::<Vec<_>>(),
            [&Gate::Open],
            "{failure:?}"
        );
        let next = schedule.next_attempt(&oci("broken"), &closed);
        assert!(next > Some(at(2_300)), "and itself waits: {next:?}");
    }
    for name in ["other", "well"] {
        schedule.landed(&oci(name), REPLIED, at(2_100), at(2_100));
    }
    for _ in 0..4 {
        schedule.landed(&oci("well"), REPLIED, at(2_100), at(2_100));
    }
    let gate = schedule.gates(at(2_100), &closed, false);
    assert!(
        !gate.values().any(|gate| *gate == Gate::Open),
        "it is no longer one alone"
    );
}

#[test]
fn what_is_made_anew_is_never_asked_for_ahead_of_time() {
    let mut schedule = Schedule::new(1);
    schedule.plan(plan(["lease"], Start::Session), at(0));
    assert_eq!(names(&schedule.next(at(100), &closed)), ["lease"]);
    schedule.landed(&oci("lease"), Outcome::MadeAnew, at(100), at(100));
    learn(&mut schedule, &[seen("lease", 200)], at(200));
    let next = schedule.next(at(80_000), &closed);
    assert_eq!((names_of(&next), next.wake), (0, None));
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Get(usize),
    Flush(usize),
    Land(usize, u8),
    Break(u64),
    Mend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..4_000).prop_map(Step::Pass),
        2 => (0usize..12).prop_map(Step::Get),
        1 => (0usize..12).prop_map(Step::Flush),
        6 => (any::<usize>(), 0u8..9).prop_map(|(which, how)| Step::Land(which, how)),
        1 => (0u64..100).prop_map(Step::Break),
        1 => Just(Step::Mend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_happens_its_bounds_hold(steps in prop::collection::vec(step(), 1..80)) {
        let names: Vec<String> = (0..12).map(|n| format!("n{n}")).collect();
        let mut schedule = Schedule::new(3);
        let (mut now, mut probe) = (at(0), None::<Moment>);
        schedule.plan(plan(names.iter().take(6).map(String::as_str), Start::Session), now);
        let mut held: HashMap<String, Cached> = HashMap::new();
        let mut flying: Vec<(Address, Moment)> = vec![];
        for step in steps {
            // No two things happen in one moment.
            now = now + Duration::from_millis(1);
            match step {
                Step::Pass(seconds) => now = now + Duration::from_secs(seconds),
                Step::Get(n) => {
                    let seen = Cached {
                        asked: Some((now, FRESHNESS)),
                        held: Some((now, None)),
                        flushed: held.get(&names[n]).and_then(|seen| seen.flushed),
                        ..seen(&names[n], 0)
                    };
                    held.insert(names[n].clone(), seen);
                }
                Step::Flush(n) => {
                    if let Some(seen) = held.get_mut(&names[n]) {
                        (seen.asked, seen.held, seen.flushed) = (None, None, Some(now));
                    }
                }
                Step::Land(which, how) if !flying.is_empty() => {
                    let (address, left) = flying.swap_remove(which % flying.len());
                    let outcome = [
                        Outcome::Confirmed(now, None),
                        Outcome::Gone,
                        Outcome::Refused,
                        FAILED,
                        Outcome::NotAsked,
                        Outcome::Overtaken,
                        Outcome::NotSent,
                        Outcome::SecretFailed(None),
                        REPLIED,
                    ][usize::from(how)];
                    // The cache says so, whatever the backend said.
                    let flushed = held.get(&address.name).and_then(|seen| seen.flushed);
                    let is_overtaken = flushed.is_some_and(|flushed| flushed >= left);
                    let outcome = if is_overtaken { Outcome::Overtaken } else { outcome };
                    schedule.landed(&address, outcome, left, now);
                    if let (Outcome::Confirmed(..), Some(seen)) = (outcome, held.get_mut(&address.name)) {
                        seen.held = Some((now, None));
                    }
                }
                Step::Land(..) => {}
                Step::Break(seconds) => probe = Some(now + Duration::from_secs(seconds)),
                Step::Mend => probe = None,
            }
            let all: Vec<_> = held.values().cloned().collect();
            learn(&mut schedule, &all, now);
            let next = schedule.next(now, &|_| probe);
            prop_assert!(next.wake.is_none_or(|wake| wake > now));
            if probe.is_some_and(|probe| probe > now) {
                prop_assert!(next.now.is_empty(), "not before its probe");
            }
            if probe.is_some() {
                prop_assert!(next.now.len() <= 1 && (next.now.is_empty() || flying.is_empty()));
            }
            for renew in next.now {
                prop_assert!(flying.iter().all(|(address, _)| *address != renew.address));
                let flushed = held.get(&renew.address.name).and_then(|seen| seen.flushed);
                if let Some(flushed) = flushed.filter(|flushed| {
                    held[&renew.address.name].held.is_none_or(|(at, _)| at < *flushed)
                }) {
                    prop_assert!(now.since(flushed) >= Duration::from_secs(30), "a flush wins");
                }
                flying.push((renew.address, now));
            }
            prop_assert!(flying.len() <= AT_ONCE);
        }
    }
}
