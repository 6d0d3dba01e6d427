//! One way to fail, and what a caller gets in each state.

use std::sync::Arc;
use std::time::Duration;

use vault_backends::address::VersionSelector;
use vault_backends::error::Class;
use vault_tests::oci::{Fault, Route, Times, World};
use vaultd::cache::Served;
use vaultd::upstream::UpstreamError;

use crate::fixture::{Detour, Fixture, LONG, NEW, Named, OLD, text};

/// See the module's words.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) failure: Failure,
    named: Named,
    wanted: VersionSelector,
    renewals: usize,
    time: Duration,
    cold: Expected,
    fresh: Expected,
    stale: Expected,
    /// All of them are in the error, or in the reason why a value is stale.
    words: &'static [&'static str],
}

/// What goes wrong.
pub(crate) enum Failure {
    /// Calls of a route fail.
    Fault(Route, Fault, Times),
    /// The world is another. Told the secret's id.
    World(fn(&mut World, &str)),
    /// The daemon's settings are others.
    Detour(Detour),
}

/// What a caller gets, and how many calls reach the service for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) shown: Shown,
    pub(crate) calls: usize,
}

/// A value with its state, or a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The value of now, just fetched.
    Renewed,
    /// The value of before, still fresh.
    Held,
    /// The value of before, past its time, because it could not be renewed.
    Stale,
    /// No value.
    Fails(Class, &'static str),
}

/// What is held when the failure begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Cold,
    Fresh,
    Stale,
}

pub(crate) const fn expect(shown: Shown, calls: usize) -> Expected {
    Expected { shown, calls }
}

impl Row {
    /// Read by id; while the value is fresh nobody is asked.
    pub(crate) fn new(
        name: &'static str,
        failure: Failure,
        cold: Expected,
        stale: Expected,
        words: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            failure,
            named: Named::ById,
            wanted: VersionSelector::Current,
            renewals: 0,
            time: LONG,
            cold,
            fresh: expect(Shown::Held, 0),
            stale,
            words,
        }
    }

    pub(crate) fn named(self, named: Named) -> Self {
        Self { named, ..self }
    }

    pub(crate) fn wanted(self, wanted: VersionSelector) -> Self {
        Self { wanted, ..self }
    }

    /// The calls of this route are those that fail.
    pub(crate) fn asked_by(mut self, route: Route) -> Self {
        if let Failure::Fault(of, ..) = &mut self.failure {
            *of = route;
        }
        self
    }

    /// The credential can be renewed so many times.
    pub(crate) fn renewals(self, renewals: usize) -> Self {
        Self { renewals, ..self }
    }

    /// The caller waits so long.
    pub(crate) fn within(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    pub(crate) fn calls(mut self, cold: usize, stale: usize) -> Self {
        self.cold.calls = cold;
        self.stale.calls = stale;
        self
    }

    /// What is not as it should be, one line each.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (state, expected) in [
            (State::Cold, self.cold),
            (State::Fresh, self.fresh),
            (State::Stale, self.stale),
        ] {
            let mut found = self.problems_in(state, expected).await;
            // Who holds a value waits for a second, which a busy machine may take for anything.
            if found
                .iter()
                .any(|problem| problem.contains("slow to answer"))
            {
                found = self.problems_in(state, expected).await;
            }
            let found = found.into_iter();
            problems.extend(found.map(|problem| format!("{}, {state:?}: {problem}", self.name)));
        }
        problems
    }

    async fn problems_in(&self, state: State, expected: Expected) -> Vec<String> {
        let detour = match self.failure {
            Failure::Detour(detour) => Some(detour),
            _ => None,
        };
        let fixture = Fixture::new(self.named, self.wanted.clone(), self.renewals, detour);
        match state {
            State::Cold => fixture.change(),
            State::Fresh => {
                fixture.hold().await;
                fixture.clock.advance(Duration::from_secs(1));
            }
            State::Stale => {
                fixture.hold().await;
                fixture.age();
            }
        }
        fixture.calls();
        self.failure.begin(&fixture);
        let got = fixture.get(self.time).await;
        let calls = fixture.calls();
        let mut problems = Vec::new();
        let (shown, said) = self.seen(&got);
        if (Expected { shown, calls }) != expected {
            problems.push(format!(
                "{shown:?} after {calls} calls, not {expected:?}; {said}"
            ));
        }
        if !said.is_empty() {
            let missing = self.words.iter().filter(|words| !said.contains(**words));
            problems.extend(missing.map(|words| format!("{words:?} is not in {said:?}")));
        }
        if [OLD, NEW].iter().any(|value| said.contains(value)) {
            problems.push("the value is in the text".to_owned());
        }
        if let Some(problem) = self.recovery(&fixture).await {
            problems.push(problem);
        }
        problems
    }

    /// Whether the value of now is had once the failure is over.
    async fn recovery(&self, fixture: &Fixture) -> Option<String> {
        // A call that hangs is waited for by all who want the same.
        if self.time < LONG || !self.failure.end(fixture) {
            return None;
        }
        fixture.age();
        let (shown, said) = self.seen(&fixture.get(LONG).await);
        (shown != Shown::Renewed).then(|| format!("it does not recover: {shown:?}; {said}"))
    }

    fn seen(&self, got: &Result<Served, Arc<UpstreamError>>) -> (Shown, String) {
        let served = match got {
            Err(error) => return (Shown::Fails(error.class(), error.kind()), error.to_string()),
            Ok(served) => served,
        };
        let (shown, value) = match (&served.stale, served.age) {
            (Some(_), _) => (Shown::Stale, OLD),
            (None, Duration::ZERO) => (Shown::Renewed, self.value_of_now()),
            (None, _) => (Shown::Held, OLD),
        };
        let got = text(&served.held);
        assert_eq!(got, value, "{}: {shown:?}", self.name);
        (shown, served.stale.clone().unwrap_or_default())
    }

    /// An old version stays what it was.
    fn value_of_now(&self) -> &'static str {
        match self.wanted {
            VersionSelector::Version(_) => OLD,
            _ => NEW,
        }
    }
}

impl Failure {
    fn begin(&self, fixture: &Fixture) {
        match self {
            Self::Fault(route, fault, times) => fixture.fake.fail(*route, fault.clone(), *times),
            Self::World(change) => fixture.fake.with(|world| change(world, &fixture.id)),
            Self::Detour(_) => fixture.take_detour(true),
        }
    }

    /// Says whether it could be ended.
    fn end(&self, fixture: &Fixture) -> bool {
        match self {
            Self::Fault(..) => fixture.fake.heal(),
            Self::World(_) => return false,
            Self::Detour(_) => fixture.take_detour(false),
        }
        true
    }
}
