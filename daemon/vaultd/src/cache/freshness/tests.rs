//! Is every bound where it should be?

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const F: Freshness = Freshness {
    ttl: Duration::from_secs(10),
    max_stale: Duration::from_secs(100),
    stale_fallback: true,
    refresh_ahead: Ahead::AtThousandths(750),
};

#[test]
fn each_bound_belongs_to_the_worse_side() {
    for (age, verdict) in [
        (0, Verdict::Fresh),
        (9, Verdict::Fresh),
        (10, Verdict::Stale),
        (99, Verdict::Stale),
        (100, Verdict::Expired),
    ] {
        assert_eq!(F.judge(seconds(age), None), verdict, "{age} s");
    }
}

#[test]
fn a_ttl_of_zero_is_never_fresh() {
    let asking = Freshness {
        ttl: Duration::ZERO,
        ..F
    };
    assert_eq!(asking.judge(Duration::ZERO, None), Verdict::Stale);
}

#[test]
fn what_a_caller_has_waited_for_may_be_older_by_its_wait_and_by_no_more() {
    let waited = seconds(10);
    let short = Freshness {
        ttl: seconds(1),
        max_stale: seconds(5),
        ..F
    };
    for (age, valid_for, is_taken) in [
        (0, None, true),
        (10, None, true),
        (11, None, false),
        (6, Some(7), true),
        (6, Some(6), false),
    ] {
        let taken = short.takes(seconds(age), valid_for.map(seconds), waited);
        assert_eq!(taken, is_taken, "{age} s, good for {valid_for:?}");
    }
    assert!(F.takes(seconds(9), None, seconds(1)), "still fresh");
}

#[test]
fn without_the_fallback_a_value_ends_with_its_ttl() {
    let strict = Freshness {
        stale_fallback: false,
        ..F
    };
    assert_eq!(strict.judge(seconds(9), None), Verdict::Fresh);
    assert_eq!(strict.judge(seconds(10), None), Verdict::Expired);
}

#[test]
fn the_backends_own_bound_cuts_freshness_and_staleness_short() {
    assert_eq!(F.judge(seconds(4), Some(seconds(5))), Verdict::Fresh);
    assert_eq!(F.judge(seconds(5), Some(seconds(5))), Verdict::Expired);
    assert_eq!(F.judge(seconds(50), Some(seconds(40))), Verdict::Expired);
}

fn renewed_at(freshness: Freshness, jitter: f64) -> Option<u64> {
    let age = freshness.renewed_at(None, jitter);
    age.map(|age| age.as_secs())
}

#[test]
fn a_value_is_renewed_around_three_quarters_of_its_ttl() {
    let hour = Freshness::default();
    let ages = [0.0, 0.5, 1.0].map(|jitter| renewed_at(hour, jitter));
    assert_eq!(ages, [Some(2340), Some(2700), Some(3060)]);
}

#[test]
fn ahead_may_be_written_as_a_share_or_as_seconds_or_as_never() {
    let with = |refresh_ahead| Freshness {
        ttl: seconds(1000),
        refresh_ahead,
        ..F
    };
    for (ahead, age) in [
        (Ahead::Never, None),
        (Ahead::AtThousandths(500), Some(500)),
        (Ahead::AtThousandths(1000), Some(950)),
        (Ahead::Before(seconds(300)), Some(700)),
        (Ahead::Before(seconds(5000)), Some(100)),
    ] {
        assert_eq!(renewed_at(with(ahead), 0.5), age, "{ahead:?}");
    }
}

#[test]
fn what_is_asked_for_each_time_or_all_but_is_not_renewed_ahead() {
    for (ttl, is_renewed) in [(0, false), (9, false), (10, true)] {
        let short = Freshness {
            ttl: seconds(ttl),
            ..F
        };
        assert_eq!(renewed_at(short, 0.5).is_some(), is_renewed, "{ttl} s");
    }
}

#[test]
fn a_bound_of_the_backends_own_is_renewed_ahead_of_and_not_ever_faster() {
    let hour = Freshness::default();
    let age = |bound| hour.renewed_at(Some(seconds(bound)), 0.5).unwrap();
    assert_eq!(age(1000), seconds(750));
    assert_eq!(age(100_000), seconds(2700), "a later end changes nothing");
    assert_eq!(age(20), BEFORE_THE_BOUND);
}

#[test]
fn a_no_is_remembered_for_five_seconds_and_longer_each_time_to_thirty() {
    let times = [1, 2, 3, 4, 5, u32::MAX].map(|times| negative_ttl(times).as_secs());
    assert_eq!(times, [5, 10, 20, 30, 30, 30]);
}

#[test]
fn what_is_written_for_one_secret_counts_in_place_of_the_rest() {
    let ages = Ages {
        ttl: Some(seconds(1)),
        ..Ages::default()
    };
    assert_eq!(
        F.with(ages),
        Freshness {
            ttl: seconds(1),
            ..F
        }
    );
    assert_eq!(F.with(Ages::default()), F);
}
