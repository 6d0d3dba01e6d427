//! What is true, and what has happened: the vault's own secrets, and every call that was made.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::Id;
use tokio::time::Instant;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vaultd::clock::{Clock, Moment, ScriptedClock};
use vaultd::upstream::breaker;

use super::dice::Dice;
use super::expectation::ExpectedBreaker;
use super::faults::{Fault, FaultRate};

/// So long a call that a flush has overtaken may go on.
pub(super) const LINGER: Duration = Duration::from_secs(11);
/// How many events are told with a broken promise.
const TOLD: usize = 60;

/// What was counted in one run, or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often values were asked for.
    pub asked: u64,
    /// Answered with a value.
    pub served: u64,
    /// Of them, at once and without the vault.
    pub hits: u64,
    /// Of them, stale and marked so.
    pub stale: u64,
    /// Callers that went away.
    pub left: u64,
    /// Calls to the vault.
    pub calls: u64,
    /// What became of them.
    pub faults: BTreeMap<Fault, u64>,
    /// Flushes, of one secret or all.
    pub flushes: u64,
    /// New versions.
    pub rotations: u64,
    /// Other configurations.
    pub reloads: u64,
    /// How often the machine slept.
    pub sleeps: u64,
    /// How much time went by on the boot clock.
    pub time: Duration,
    /// A number made of everything that happened.
    pub mark: u64,
}

impl Figures {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.served += other.served;
        self.hits += other.hits;
        self.stale += other.stale;
        self.left += other.left;
        self.calls += other.calls;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.flushes += other.flushes;
        self.rotations += other.rotations;
        self.reloads += other.reloads;
        self.sleeps += other.sleeps;
        self.time += other.time;
        self.mark ^= other.mark;
    }
}

/// One call to the vault.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) secret: usize,
    pub(super) began: Moment,
    pub(super) began_step: u64,
    pub(super) ended_step: Option<u64>,
    /// What it was answered with.
    pub(super) answer: Option<(u64, Option<Duration>)>,
}

/// One secret, as the vault has it, and what the daemon must know of it.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) address: Address,
    pub(super) version: u64,
    pub(super) newest: u64,
    pub(super) is_gone: bool,
    /// What is wrong with it alone.
    pub(super) trouble: Option<Fault>,
    /// When its version ends being good.
    pub(super) expires: Option<Moment>,
    /// The steps of all flushes.
    pub(super) flushed: Vec<u64>,
    /// The flushes that may still have a call lingering.
    pub(super) flushes: Vec<Instant>,
    /// The newest call whose answer somebody has seen.
    pub(super) seen: Option<usize>,
    /// The newest call that was answered with a no.
    pub(super) denied: Option<usize>,
    /// How often it was answered with a no.
    pub(super) noes: usize,
    pub(super) under_way: Vec<(Id, usize)>,
    /// How many calls there were.
    pub(super) calls: usize,
    /// Those that brought a value.
    pub(super) answered: Vec<usize>,
}

/// Everything, behind one lock that is never held while anybody waits.
pub(super) struct World {
    pub(super) clock: Arc<ScriptedClock>,
    state: Mutex<State>,
}

pub(super) struct State {
    now: Moment,
    pub(super) step: u64,
    pub(super) calls: Vec<Call>,
    pub(super) secrets: Vec<Truth>,
    pub(super) oci: ExpectedBreaker,
    pub(super) fault_rate: FaultRate,
    /// How far the time of day is off, in seconds.
    pub(super) skew: i64,
    pub(super) figures: Figures,
    broken: Option<String>,
    events: VecDeque<String>,
}

impl World {
    pub(super) fn new(
        clock: Arc<ScriptedClock>,
        secrets: Vec<Truth>,
        breaker: breaker::BreakerSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                now: clock.now(),
                step: 0,
                calls: Vec::new(),
                secrets,
                oci: ExpectedBreaker::new(breaker),
                fault_rate: FaultRate::None,
                skew: 0,
                figures: Figures::default(),
                broken: None,
                events: VecDeque::new(),
            }),
            clock,
        })
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// A look at everything, at this moment.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.clock.now();
        state
    }
}

impl Truth {
    pub(super) fn new(number: usize, kind: BackendKind, wanted: VersionSelector) -> Self {
        let address = Address {
            kind,
            scope: String::new(),
            container: None,
            name: format!("s{number}"),
            version: wanted,
        };
        Self {
            address,
            version: 1,
            newest: 1,
            is_gone: false,
            trouble: None,
            expires: None,
            flushed: Vec::new(),
            flushes: Vec::new(),
            seen: None,
            denied: None,
            noes: 0,
            under_way: Vec::new(),
            calls: 0,
            answered: Vec::new(),
        }
    }

    /// What people call it.
    pub(super) fn reference(&self) -> String {
        match self.address.kind {
            BackendKind::LOCAL => format!("local://{}", self.address.name),
            _ => format!("oci-vault://{}", self.address.name),
        }
    }

    /// Whether a call to it may linger that a flush has overtaken.
    pub(super) fn lingers(&mut self) -> usize {
        self.flushes.retain(|flush| flush.elapsed() < LINGER);
        self.flushes.len()
    }
}

impl State {
    /// Writes down an event and returns its number.
    pub(super) fn event(&mut self, what: std::fmt::Arguments<'_>) -> u64 {
        self.step += 1;
        let at = self.now.since(Moment::default()).as_secs_f64();
        let told = format!("{at:>12.3} s  {what}");
        // A sum: of one moment, nobody says which of its events comes first.
        let mark = Dice::of(0, &told).roll();
        self.figures.mark = self.figures.mark.wrapping_add(mark);
        let line = format!("{:>6} {told}", self.step);
        self.events.push_back(line);
        if self.events.len() > TOLD {
            self.events.pop_front();
        }
        self.step
    }

    /// Writes down that a promise was broken; the first one counts.
    pub(super) fn broken(&mut self, promise: impl Into<String>) {
        if self.broken.is_some() {
            return;
        }
        let mut story = promise.into();
        for event in &self.events {
            // Writing to a String does not fail.
            let _ = write!(story, "\n  {event}");
        }
        self.broken = Some(story);
    }

    /// The moment of this look.
    pub(super) fn now(&self) -> Moment {
        self.now
    }

    /// The promise that was broken, with what came before.
    pub(super) fn verdict(&self) -> Result<(), String> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Which secret an address is.
    pub(super) fn number(address: &Address) -> usize {
        let number = address.name.get(1..).and_then(|number| number.parse().ok());
        number.expect("the addresses here are made of numbers")
    }

    /// Forgets, as a flush does, the secrets that are chosen.
    pub(super) fn flush(&mut self, chosen: impl Fn(&Truth) -> bool) {
        let step = self.event(format_args!("flush"));
        self.figures.flushes += 1;
        for secret in self.secrets.iter_mut().filter(|secret| chosen(secret)) {
            secret.lingers();
            secret.flushes.push(Instant::now());
            secret.flushed.push(step);
            secret.denied = None;
        }
    }
}
