//! What a caller is served is what was promised.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use vault_backends::error::{Class, Contact};
use vaultd::cache::freshness::{Freshness, Verdict};
use vaultd::cache::held::Held;
use vaultd::cache::{Renewal, Served};
use vaultd::upstream::UpstreamError;

use super::daemon::{Daemon, Holding};
use super::vault;
use super::world::{Call, State, Truth};

/// How late a timer may ring.
const TICK: Duration = Duration::from_millis(5);
/// How long a caller waits where a stale value is at hand.
const STALE_WAIT: Duration = Duration::from_secs(1);
/// How long one fetch may take: so old a value may be that its caller has waited for.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);

/// What a caller wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) secret: usize,
    pub(super) freshness: Freshness,
    pub(super) time: Duration,
    pub(super) patience: Patience,
}

/// How long a caller stays.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    ToTheEnd,
    /// It is gone when it is looked at for the so many and first time.
    Looks(u32),
    For(Duration),
}

/// A caller on its way.
struct Asking {
    wish: Wish,
    truth: Truth,
    /// When it began: its step, and the calls there had been.
    step: u64,
    began: Instant,
    held: Option<Holding>,
    was: Verdict,
}

/// Asks for a value.
pub(super) async fn ask(daemon: Arc<Daemon>, wish: Wish) {
    let asking = Asking::begin(&daemon, wish, "asks");
    let (address, reference) = (asking.truth.address.clone(), asking.truth.reference());
    let get = daemon
        .cache
        .get(&address, &reference, &wish.freshness, wish.time);
    let Some((result, at_once)) = stay(wish.patience, get).await else {
        return asking.left(&daemon);
    };
    let mut state = daemon.world.state();
    asking.is_in_time(&mut state);
    if asking.was == Verdict::Fresh && !at_once {
        state.broken(format!("a hit for {reference} waited"));
    }
    match result {
        Ok(served) => asking.check(&mut state, &served, at_once),
        Err(error) => asking.check_error(&mut state, &error),
    }
}

/// Has the vault asked now.
pub(super) async fn refresh(daemon: Arc<Daemon>, wish: Wish) {
    let asking = Asking::begin(&daemon, wish, "refreshes");
    let (address, reference) = (asking.truth.address.clone(), asking.truth.reference());
    let refresh = daemon.cache.refresh(&address, &reference, wish.time);
    let Some((result, _)) = stay(wish.patience, refresh).await else {
        return asking.left(&daemon);
    };
    let mut state = daemon.world.state();
    asking.is_in_time(&mut state);
    if let Ok(held) = result
        && let Some(call) = asking.trace(&mut state, &held)
        && state.calls[call].began_step < asking.step
    {
        state.broken("a refresh gave what was asked for before it");
    }
}

/// Has a value renewed as the refresher does.
pub(super) async fn renew(daemon: Arc<Daemon>, wish: Wish) {
    let freshness = wish.freshness;
    let asking = Asking::begin(&daemon, wish, "renews");
    let (address, reference) = (asking.truth.address.clone(), asking.truth.reference());
    let renewed = stay(
        wish.patience,
        daemon.cache.renew(&address, &reference, freshness),
    )
    .await;
    if let Some((Renewal::Done(Ok(held)), _)) = renewed {
        asking.trace(&mut daemon.world.state(), &held);
    }
}

impl Asking {
    fn begin(daemon: &Daemon, wish: Wish, does: &str) -> Self {
        let held = daemon.holds(&format!("s{}", wish.secret));
        let mut state = daemon.world.state();
        state.figures.asked += 1;
        let secret = wish.secret;
        let step = state.event(format_args!("a caller {does} for s{secret}"));
        let now = daemon.world.now();
        let was = held.map(|held| held.judge(now, &wish.freshness));
        Self {
            wish,
            truth: state.secrets[secret].clone(),
            step,
            began: Instant::now(),
            held,
            was: was.unwrap_or(Verdict::Expired),
        }
    }

    fn left(&self, daemon: &Daemon) {
        let mut state = daemon.world.state();
        state.figures.left += 1;
        state.event(format_args!("a caller for s{} leaves", self.wish.secret));
    }

    fn is_in_time(&self, state: &mut State) {
        let took = self.began.elapsed();
        if took > self.wish.time + TICK {
            state.broken(format!(
                "an answer within {:?} took {took:?}",
                self.wish.time
            ));
        }
    }

    /// The call that a value was the answer to.
    fn trace(&self, state: &mut State, held: &Held) -> Option<usize> {
        let secret = self.wish.secret;
        let told = |value: &mut [u8]| String::from_utf8_lossy(value).into_owned();
        let value = held
            .bundle
            .field(None)
            .expect("every value here is plain")
            .expose_secret(told)
            .unwrap_or_default();
        let call = value
            .rsplit_once(' ')
            .and_then(|(_, call)| call.parse().ok());
        let known = call.and_then(|call: usize| Some((call, state.calls.get(call)?.clone())));
        let Some((number, call)) = known else {
            state.broken(format!("a wrong value for s{secret}: {value:?}"));
            return None;
        };
        let version = call.answer.map(|(version, _)| version);
        let is_right = call.secret == secret
            && version.is_some_and(|version| {
                value == vault::value(secret, version, number)
                    && held.bundle.version == version.to_string()
            })
            && held.confirmed == call.began;
        if !is_right {
            state.broken(format!("a wrong value for s{secret}: {value:?}"));
        }
        let ended = call.ended_step.unwrap_or(u64::MAX);
        let lost =
            |flush: &&u64| call.began_step < **flush && (self.step > **flush || ended > **flush);
        if let Some(flush) = state.secrets[secret].flushed.iter().find(lost).copied() {
            state.broken(format!(
                "call {number} for s{secret} won over the flush of step {flush}"
            ));
        }
        if self.truth.seen > Some(number) {
            state.broken(format!("s{secret}: an older answer followed a newer one"));
        }
        let seen = &mut state.secrets[secret].seen;
        *seen = (*seen).max(Some(number));
        Some(number)
    }

    fn check(&self, state: &mut State, served: &Served, at_once: bool) {
        state.figures.served += 1;
        state.figures.hits += u64::from(at_once && served.stale.is_none());
        state.figures.stale += u64::from(served.stale.is_some());
        let secret = self.wish.secret;
        let Some(number) = self.trace(state, &served.held) else {
            return;
        };
        state.event(format_args!(
            "s{secret}: call {number} is served, {:?} old, {}",
            served.age,
            if served.stale.is_some() {
                "stale"
            } else {
                "fresh"
            },
        ));
        let call = state.calls[number].clone();
        let age = state.now().since(call.began);
        let valid_for = call.answer.and_then(|(_, valid_for)| valid_for);
        let freshness = self.wish.freshness;
        // A caller's own wait is not held against what it waited for, if the vault does not say so.
        let waited = call.ended_step > Some(self.step);
        let own = if waited {
            FETCH_DEADLINE + TICK
        } else {
            Duration::ZERO
        };
        let bound = freshness.usable(None).max(own);
        let bound = valid_for.map_or(bound, |valid_for| valid_for.min(bound));
        if age >= bound {
            state.broken(format!("s{secret} was served {age:?} old, past {bound:?}"));
        }
        if age != served.age {
            state.broken(format!("s{secret} is {age:?} old, not {:?}", served.age));
        }
        match &served.stale {
            None if age >= freshness.ttl.max(own) => {
                state.broken(format!("s{secret}, {age:?} old, was served as fresh"));
            }
            Some(_) if age < freshness.ttl => {
                state.broken(format!("s{secret}, {age:?} old, was served as stale"));
            }
            _ => {}
        }
        self.did_not_wait_for_long(state);
    }

    fn check_error(&self, state: &mut State, error: &UpstreamError) {
        let secret = self.wish.secret;
        state.event(format_args!("s{secret} is not served: {error}"));
        if matches!(error, UpstreamError::Lost) {
            state.broken("a flight was lost");
        }
        // Only the vault's own word may end a value, or refuse it.
        let is_its_word = matches!(error.class(), Class::Answer | Class::Request)
            && error.contact() == Contact::Replied;
        if self.has_a_value(state) && !is_its_word {
            state.broken(format!(
                "s{secret} was not served though it was at hand: {error}"
            ));
        }
    }

    fn did_not_wait_for_long(&self, state: &mut State) {
        let took = self.began.elapsed();
        if took > STALE_WAIT + TICK && self.has_a_value(state) {
            state.broken(format!(
                "s{} was at hand and its caller waited {took:?}",
                self.wish.secret
            ));
        }
    }

    /// Whether what was at hand at the beginning still is.
    fn has_a_value(&self, state: &State) -> bool {
        let truth = &state.secrets[self.wish.secret];
        let now = state.now();
        let usable = |held: Holding| held.judge(now, &self.wish.freshness);
        // What has come in its place may have ended by the vault's own word: then there is none, for
        // an older one does not follow a newer one.
        let has_ended = |call: &Call| {
            let bound = call.answer.and_then(|(_, valid_for)| valid_for);
            call.secret == self.wish.secret
                && call.ended_step > Some(self.step)
                && bound.is_some_and(|bound| now.since(call.began) >= bound)
        };
        self.was != Verdict::Expired
            && self.held.map(usable) != Some(Verdict::Expired)
            && truth.flushed.len() == self.truth.flushed.len()
            && truth.noes == self.truth.noes
            && !state.calls.iter().any(has_ended)
    }
}

/// Waits for `work` as patience allows, and says whether it was there at once.
async fn stay<T>(patience: Patience, work: impl Future<Output = T>) -> Option<(T, bool)> {
    let mut work = Looked {
        work: Box::pin(work),
        looks: 0,
        most: match patience {
            Patience::Looks(most) => most,
            _ => u32::MAX,
        },
    };
    let output = match patience {
        Patience::For(time) => timeout(time, &mut work).await.ok()?,
        _ => (&mut work).await,
    };
    output.map(|output| (output, work.looks == 1))
}

/// Work that is dropped when it was looked at often enough.
struct Looked<F> {
    work: Pin<Box<F>>,
    looks: u32,
    most: u32,
}

impl<F: Future> Future for Looked<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.looks == self.most {
            return Poll::Ready(None);
        }
        self.looks += 1;
        self.work.as_mut().poll(context).map(Some)
    }
}
