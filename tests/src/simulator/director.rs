//! What happens in the run of one seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use vault_backends::address::{BackendKind, VersionSelector};
use vaultd::cache::freshness::{Ahead, Freshness};
use vaultd::clock::ScriptedClock;
use vaultd::refresher::Item;
use vaultd::upstream::{ResilienceSettings, backoff, breaker};

use super::caller::{self, Patience, Wish};
use super::daemon::Daemon;
use super::dice::Dice;
use super::faults::{Fault, FaultRate};
use super::promises;
use super::world::{Figures, Truth, World};

/// How many secrets there are, and which of them are of which kind.
const SECRETS: usize = 24;
const LOCAL: usize = 3;
const PINNED: usize = 3;
/// How much happens: much in few runs, for most of what goes wrong goes wrong soon.
const EVENTS: [usize; 8] = [25, 25, 50, 50, 50, 100, 100, 250];
/// So long that no pause outlasts it: the longest is an hour and a quarter.
const PEACE: Duration = Duration::from_mins(95);

/// A run in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Which promise, and what happened before.
    pub story: String,
}

/// Runs one seed.
///
/// # Errors
/// The promise that was broken.
pub fn run(seed: u64) -> Result<Figures, Failure> {
    let failure = |story: String| Failure { seed, story };
    let whole = AssertUnwindSafe(|| {
        super::virtual_time::virtual_time()
            .map_or_else(Err, |time| time.block_on(Director::run(seed)))
    });
    match catch_unwind(whole) {
        Ok(result) => result.map_err(failure),
        Err(_) => Err(failure("something panicked; it has said what".to_owned())),
    }
}

struct Director {
    dice: Dice,
    world: Arc<World>,
    daemon: Arc<Daemon>,
    /// How fresh each secret is wanted, mostly.
    usual: Vec<Freshness>,
}

impl Director {
    async fn run(seed: u64) -> Result<Figures, String> {
        let mut director = Self::new(seed);
        for _ in 0..director.dice.one_of(&EVENTS) {
            director.event();
            let pause = director.pause();
            sleep(pause).await;
            promises::check(&director.daemon)?;
        }
        // It takes long, and nothing happens.
        if director.dice.happens(300) {
            director.make_peace();
            sleep(PEACE).await;
            promises::check(&director.daemon)?;
            promises::check_at_peace(&director.daemon)?;
        }
        let mut figures = director.world.state().figures.clone();
        figures.time = director.world.now().time_since_start();
        Ok(figures)
    }

    fn new(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "director");
        let secrets = (0..SECRETS).map(|number| match number {
            ..LOCAL => Truth::new(number, BackendKind::LOCAL, VersionSelector::Current),
            _ if number < LOCAL + PINNED => {
                Truth::new(number, BackendKind::OCI, VersionSelector::Version(1))
            }
            _ => Truth::new(number, BackendKind::OCI, VersionSelector::Current),
        });
        let settings = settings(&mut dice);
        let clock = Arc::new(ScriptedClock::flowing());
        let world = World::new(clock, secrets.collect(), settings.breaker);
        let usual: Vec<Freshness> = (0..SECRETS).map(|_| freshness(&mut dice)).collect();
        let items = items(&mut dice, &world, &usual);
        Self {
            daemon: Daemon::start(Arc::clone(&world), items, settings, seed),
            dice,
            world,
            usual,
        }
    }

    /// How long until something happens again.
    fn pause(&mut self) -> Duration {
        let millis = Duration::from_millis;
        match self.dice.below(100) {
            0..25 => Duration::ZERO,
            25..70 => self.dice.time(millis(1), millis(2_000)),
            70..97 => self.dice.time(millis(500), Duration::from_mins(2)),
            _ => self
                .dice
                .time(Duration::from_mins(1), Duration::from_hours(2)),
        }
    }

    fn event(&mut self) {
        match self.dice.below(1000) {
            0..560 => self.callers(),
            560..600 => {
                let wish = self.wish();
                tokio::spawn(caller::refresh(Arc::clone(&self.daemon), wish));
            }
            600..620 => {
                let wish = self.wish();
                tokio::spawn(caller::renew(Arc::clone(&self.daemon), wish));
            }
            620..700 => {
                let fault_rate = FaultRate::draw(&mut self.dice);
                let mut state = self.world.state();
                state.event(format_args!("fault_rate: {fault_rate:?}"));
                state.fault_rate = fault_rate;
            }
            700..830 => self.rotate(),
            830..845 => self.trouble(),
            845..860 => {
                let secret = self.secret();
                let mut state = self.world.state();
                state.event(format_args!("s{secret} goes or comes back"));
                state.secrets[secret].is_gone ^= true;
            }
            860..930 => self.flush(),
            930..950 => {
                let items = items(&mut self.dice, &self.world, &self.usual);
                let mut state = self.world.state();
                state.figures.reloads += 1;
                state.event(format_args!("reload: {} secrets", items.len()));
                drop(state);
                self.daemon.reload(items);
            }
            950..975 => self.sleep(),
            975..985 => {
                let skew = self.dice.one_of(&[0, 0, 1, -1, -3600, 3600, 86_400 * 3653]);
                let mut state = self.world.state();
                state.event(format_args!("the time of day is off by {skew} s"));
                state.skew = skew;
            }
            _ => {
                let mut state = self.world.state();
                state.event(format_args!("breakers are reset"));
                state.oci.resets();
                drop(state);
                self.daemon.upstream.reset(|_| true);
            }
        }
    }

    /// A secret gives trouble by itself, or does so no more.
    fn trouble(&mut self) {
        let secret = self.secret();
        let fault = Fault::of_one_secret(&mut self.dice);
        let mut state = self.world.state();
        let trouble = &mut state.secrets[secret].trouble;
        *trouble = match trouble {
            Some(_) => None,
            None => Some(fault),
        };
        let now = *trouble;
        state.event(format_args!("s{secret} has trouble of its own: {now:?}"));
    }

    fn callers(&mut self) {
        let first = self.wish();
        for _ in 0..self.dice.one_of(&[1, 1, 2, 5, 12]) {
            let other = self.wish();
            let wish = if self.dice.happens(500) { first } else { other };
            tokio::spawn(caller::ask(Arc::clone(&self.daemon), wish));
        }
    }

    fn wish(&mut self) -> Wish {
        let secret = self.secret();
        let seconds = self.dice.one_of(&[1, 3, 8, 8, 10]);
        let patience = match self.dice.below(10) {
            0 => Patience::Looks(u32::try_from(self.dice.below(4)).unwrap_or(0)),
            1 => Patience::For(
                self.dice
                    .time(Duration::from_millis(1), Duration::from_secs(8)),
            ),
            _ => Patience::ToTheEnd,
        };
        Wish {
            secret,
            freshness: if self.dice.happens(100) {
                freshness(&mut self.dice)
            } else {
                self.usual[secret]
            },
            time: Duration::from_secs(seconds),
            patience,
        }
    }

    /// Mostly one that a call is under way for: there things go wrong.
    fn secret(&mut self) -> usize {
        let any = self.dice.below(SECRETS);
        let state = self.world.state();
        let busy = |number: &usize| !state.secrets[*number].under_way.is_empty();
        let busy: Vec<usize> = (0..SECRETS).filter(busy).collect();
        if busy.is_empty() || self.dice.happens(400) {
            any
        } else {
            self.dice.one_of(&busy)
        }
    }

    fn rotate(&mut self) {
        let secret = self.secret();
        let good_for = self.dice.happens(200);
        let good_for = good_for.then(|| {
            self.dice
                .time(Duration::from_secs(1), Duration::from_hours(2))
        });
        let goes_back = self.dice.happens(150);
        let mut state = self.world.state();
        let now = self.world.now();
        let truth = &mut state.secrets[secret];
        if truth.address.version != VersionSelector::Current {
            return;
        }
        if goes_back {
            truth.version = truth.version.saturating_sub(1).max(1);
        } else {
            truth.newest += 1;
            truth.version = truth.newest;
        }
        truth.expires = good_for.map(|good_for| now + good_for);
        let version = truth.version;
        state.figures.rotations += 1;
        state.event(format_args!(
            "s{secret}: version {version}, for {good_for:?}"
        ));
    }

    fn flush(&mut self) {
        if self.dice.happens(150) {
            self.world.state().flush(|_| true);
            self.daemon.cache.flush(|_| true);
        } else {
            let secret = self.secret();
            let name = format!("s{secret}");
            self.world.state().flush(|truth| truth.address.name == name);
            self.daemon.cache.flush(|address| address.name == name);
        }
    }

    /// The machine sleeps: its boot clock goes on, and its timers do not.
    fn sleep(&mut self) {
        let time = self
            .dice
            .time(Duration::from_secs(5), Duration::from_hours(48));
        let mut state = self.world.state();
        state.figures.sleeps += 1;
        state.event(format_args!("the machine sleeps for {time:?}"));
        drop(state);
        self.world.clock.advance(time);
    }

    fn make_peace(&mut self) {
        let mut state = self.world.state();
        state.event(format_args!("peace"));
        (state.fault_rate, state.skew) = (FaultRate::None, 0);
        for secret in &mut state.secrets {
            (secret.is_gone, secret.expires, secret.trouble) = (false, None, None);
        }
    }
}

fn settings(dice: &mut Dice) -> ResilienceSettings {
    ResilienceSettings {
        breaker: breaker::BreakerSettings {
            threshold: dice.one_of(&[5, 5, 5, 3, 0]),
            recovery: Duration::from_secs(dice.one_of(&[60, 60, 20, 5])),
            successes: dice.one_of(&[2, 2, 1]),
        },
        retry: backoff::BackoffSettings {
            max_retries: dice.one_of(&[3, 3, 1, 0]),
            base: Duration::from_millis(dice.one_of(&[2000, 2000, 200])),
            jitter: true,
        },
    }
}

fn freshness(dice: &mut Dice) -> Freshness {
    let ttl = Duration::from_secs(dice.one_of(&[0, 5, 120, 600, 900, 3600, 3600, 3600]));
    let max_stale = match dice.below(4) {
        0 => ttl,
        1 => ttl * 3,
        _ => Duration::from_hours(24),
    };
    Freshness {
        ttl,
        max_stale,
        stale_fallback: dice.happens(900),
        refresh_ahead: match dice.below(8) {
            0 => Ahead::Never,
            1 => Ahead::AtThousandths(500),
            2 => Ahead::Before(Duration::from_secs(20)),
            _ => Ahead::AtThousandths(750),
        },
    }
}

/// What is configured: some of the secrets.
fn items(dice: &mut Dice, world: &World, usual: &[Freshness]) -> Vec<Item> {
    let state = world.state();
    let mut items = Vec::new();
    for (truth, usual) in state.secrets.iter().zip(usual) {
        if dice.happens(700) {
            items.push(Item {
                is_remote: truth.address.kind == BackendKind::OCI,
                address: truth.address.clone(),
                reference: truth.reference(),
                freshness: *usual,
            });
        }
    }
    items
}
