//! What is about one secret stays with it, and what was not heard heals nobody.

use vault_backends::address::BackendKind;

use super::*;
use crate::scripted::address;

const SETTINGS: BreakerSettings = BreakerSettings {
    threshold: 5,
    recovery: Duration::from_mins(1),
    successes: 2,
};

/// A circuit at one moment after the other.
#[derive(Default)]
struct Scene {
    circuit: Circuit,
    now: Moment,
}

impl Scene {
    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn acquire(&mut self, name: &str) -> Result<Leave, Refusal> {
        let secret = address(BackendKind::OCI, name);
        self.circuit
            .try_acquire(Some(&secret), self.now, &SETTINGS, 0.0)
    }

    /// Whether a call was made, that ended so.
    fn call(&mut self, name: &str, outcome: Outcome) -> bool {
        self.paused(name, outcome, None)
    }

    fn paused(&mut self, name: &str, outcome: Outcome, pause: Option<(Extent, Duration)>) -> bool {
        let acquired = self.acquire(name);
        let conclusion = Conclusion {
            outcome,
            pause,
            failure: Some("words"),
        };
        let Ok(leave) = acquired else {
            return false;
        };
        self.circuit
            .conclude(&leave, conclusion, self.now, &SETTINGS, 0.0);
        true
    }

    fn calls(&mut self, name: &str, outcome: Outcome, times: usize) -> usize {
        (0..times).filter(|_| self.call(name, outcome)).count()
    }
}

#[test]
fn what_a_failure_tells_follows_from_contact_class_and_extent() {
    use Class::{Answer, Credentials, Outage, Request};
    use Contact::{NoReply, NotSent, Replied};
    let (of_backend, of_secret) = (Extent::Backend, Extent::Secret);
    for (contact, class, extent, outcome) in [
        (NotSent, Outage, of_backend, Outcome::NotSent),
        (NotSent, Request, of_backend, Outcome::NotSent),
        (NotSent, Credentials, of_backend, Outcome::NotSent),
        (NotSent, Answer, of_backend, Outcome::NotSent),
        (NotSent, Outage, of_secret, Outcome::NotSent),
        (NoReply, Outage, of_backend, Outcome::Silent),
        (NoReply, Credentials, of_backend, Outcome::Undecided),
        (NoReply, Request, of_backend, Outcome::Undecided),
        (Replied, Answer, of_backend, Outcome::Replied),
        (Replied, Answer, of_secret, Outcome::Replied),
        (Replied, Request, of_backend, Outcome::Replied),
        (Replied, Credentials, of_backend, Outcome::Undecided),
        (Replied, Outage, of_backend, Outcome::Failed),
        (Replied, Outage, of_secret, Outcome::SecretFailed),
    ] {
        let of = Outcome::of(class, contact, extent);
        assert_eq!(of, outcome, "{class:?} {contact:?} {extent:?}");
    }
}

/// By what the calls of a broken secret tell, while another is known: how many of 20 are made, and
/// whether the other may be asked for then.
#[test]
fn one_secrets_trouble_is_its_own() {
    for (outcome, made, other_may) in [
        (Outcome::SecretFailed, 5, true),
        (Outcome::Failed, 5, true),
        (Outcome::Silent, 5, false),
        (Outcome::NotSent, 20, true),
        (Outcome::Undecided, 20, true),
        (Outcome::Replied, 20, true),
    ] {
        let mut scene = Scene::default();
        assert!(scene.call("other", Outcome::Replied));
        assert_eq!(scene.calls("broken", outcome, 20), made, "{outcome:?}");
        assert_eq!(scene.acquire("other").is_ok(), other_may, "{outcome:?}");
        let is_open = scene.circuit.state() != State::Closed;
        assert_eq!(is_open, !other_may, "{outcome:?}");
    }
}

#[test]
fn where_no_other_secret_is_known_its_failures_are_the_backends() {
    let mut scene = Scene::default();
    assert_eq!(scene.calls("only", Outcome::Failed, 20), 5);
    assert!(matches!(scene.circuit.state(), State::Open(_)));
}

#[test]
fn two_secrets_that_fail_are_the_backends_trouble_but_not_for_ever() {
    let mut scene = Scene::default();
    assert!(scene.call("well", Outcome::Replied));
    assert_eq!(scene.calls("one", Outcome::Failed, 3), 3);
    assert_eq!(scene.calls("two", Outcome::Failed, 20), 2);
    assert!(scene.acquire("well").is_err());
    let mut refused = 0;
    for _ in 0..600 {
        scene.pass(1);
        scene.call("one", Outcome::Failed);
        scene.call("two", Outcome::Failed);
        refused += usize::from(!scene.call("well", Outcome::Replied));
    }
    assert!(refused <= 130, "well is soon asked for again: {refused}");
    for _ in 0..600 {
        scene.pass(1);
        scene.call("one", Outcome::Failed);
        scene.call("two", Outcome::Failed);
        assert!(scene.call("well", Outcome::Replied), "and stays so");
    }
}

/// However many there are, and though one that nobody asks for was well before: once each has failed
/// often enough, they still share the probes of one outage.
#[test]
fn in_a_long_outage_all_secrets_share_one_probe_a_period() {
    let mut scene = Scene::default();
    assert!(scene.call("well", Outcome::Replied));
    let names: Vec<String> = (0..12).map(|number| format!("s{number}")).collect();
    let mut made = Vec::new();
    for second in 0..3600u64 {
        scene.pass(1);
        for name in &names {
            if scene.call(name, Outcome::Failed) {
                made.push(second);
            }
        }
    }
    let late = made.iter().filter(|second| **second >= 1800).count();
    assert!((20..=30).contains(&late), "{late} calls in half an hour");
}

#[test]
fn what_was_not_sent_leaves_an_open_breaker_as_it_is() {
    let mut scene = Scene::default();
    assert_eq!(scene.calls("x", Outcome::Silent, 5), 5);
    for _ in 0..2 {
        scene.pass(61);
        assert!(scene.call("x", Outcome::NotSent));
    }
    assert!(matches!(scene.circuit.state(), State::Open(_)));
    assert_eq!(scene.circuit.consecutive_failures(), 5);
    assert_eq!(scene.circuit.last_error(), "words");
    assert!(scene.call("x", Outcome::Silent), "its turn is not used up");
    assert!(!scene.call("x", Outcome::Silent));
}

#[test]
fn a_troubled_secret_is_no_probe_while_another_may_be() {
    let mut scene = Scene::default();
    assert!(scene.call("well", Outcome::Replied));
    assert_eq!(scene.calls("broken", Outcome::SecretFailed, 9), 5);
    assert_eq!(scene.calls("well", Outcome::Silent, 9), 5);
    scene.pass(61);
    assert!(scene.acquire("broken").is_err());
    assert!(scene.call("well", Outcome::Replied));
    assert!(scene.call("well", Outcome::Replied));
    assert_eq!(scene.circuit.state(), State::Closed);
    assert_eq!(scene.calls("well", Outcome::Silent, 9), 5);
    scene.pass(76);
    assert!(scene.acquire("broken").is_ok(), "nobody else was");
}

#[test]
fn a_pause_is_kept_by_all_and_one_for_a_secret_by_it_alone() {
    let half_a_minute = Duration::from_secs(30);
    for (extent, outcome, others_wait) in [
        (Extent::Backend, Outcome::Failed, true),
        (Extent::Secret, Outcome::SecretFailed, false),
    ] {
        let mut scene = Scene::default();
        assert!(scene.call("well", Outcome::Replied));
        assert!(scene.paused("x", outcome, Some((extent, half_a_minute))));
        scene.pass(29);
        assert!(!scene.call("x", Outcome::Replied), "{extent:?}");
        assert_eq!(!scene.call("well", Outcome::Replied), others_wait);
        scene.pass(1);
        assert!(scene.call("x", Outcome::Replied));
        assert!(scene.call("well", Outcome::Replied));
    }
}

#[test]
fn a_pause_ends_by_hand_and_none_is_longer_than_an_hour() {
    let day = Some((Extent::Backend, Duration::from_hours(24)));
    let mut scene = Scene::default();
    assert!(scene.paused("x", Outcome::Failed, day));
    let end = scene.now + LONGEST_PAUSE;
    assert_eq!(scene.circuit.closed_until(scene.now), Some(end));
    assert!(scene.circuit.reset(scene.now));
    assert!(!scene.circuit.reset(scene.now));
    assert_eq!(scene.circuit.closed_until(scene.now), None);
    assert!(scene.call("x", Outcome::Replied));
}

#[test]
fn once_the_backend_is_back_what_failed_with_it_is_tried_at_once() {
    let mut scene = Scene::default();
    assert!(scene.call("well", Outcome::Replied));
    assert_eq!(scene.calls("x", Outcome::Failed, 9), 5);
    assert!(scene.call("well", Outcome::Failed), "the backend is out");
    assert!(matches!(scene.circuit.state(), State::Open(_)));
    scene.pass(30);
    scene.circuit.breaker.hasten(scene.now);
    assert_eq!(scene.calls("well", Outcome::Replied, 2), 2);
    assert!(scene.call("x", Outcome::Replied));
}

#[test]
fn only_so_many_secrets_with_trouble_are_remembered() {
    let mut scene = Scene::default();
    for number in 0..MOST_SECRETS + 10 {
        scene.pass(1);
        assert!(scene.call(&number.to_string(), Outcome::SecretFailed));
    }
    assert_eq!(scene.circuit.troubled.len(), MOST_SECRETS);
}
