//! What the vault does with a call.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use vault_backends::address::{Address, BackendKind};
use vault_backends::bundle::Bundle;
use vault_backends::error::{BackendError, Class, Contact, Extent};
use vault_backends::reading::Backend;
use vault_memory::{Preference, Shield};
use vaultd::clock::Moment;

use super::dice::Dice;
use super::expectation::CallOutcome;
use super::faults::Fault;
use super::world::{Call, State, World};

/// Calls under way at once at most.
const AT_ONCE: usize = 5;
/// From here on a wrong time of day is told from a right one.
const SKEW: i64 = 300;

/// A vault of one kind before the world's secrets.
pub(super) struct SeededVault {
    kind: BackendKind,
    world: Arc<World>,
    shield: Arc<Shield>,
    seed: u64,
}

impl SeededVault {
    pub(super) fn open(kind: BackendKind, world: Arc<World>, seed: u64) -> Arc<dyn Backend> {
        Arc::new(Self {
            kind,
            world,
            shield: shield(),
            seed,
        })
    }
}

/// One for all runs: a shield locks memory.
fn shield() -> Arc<Shield> {
    static SHIELD: OnceLock<Arc<Shield>> = OnceLock::new();
    let made = || Shield::new(Preference::Auto).expect("this machine has a page of memory to lock");
    Arc::clone(SHIELD.get_or_init(made))
}

/// The value of one answer.
pub(super) fn value(secret: usize, version: u64, call: usize) -> String {
    format!("s{secret} v{version} call {call}")
}

/// What the vault has seen when it looked.
enum Sight {
    Value(u64, Option<Duration>),
    Nothing(&'static str),
}

#[async_trait]
impl Backend for SeededVault {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        let (mut call, mut dice, fault) =
            UnderWay::begin(&self.world, self.kind, address, self.seed);
        let (before, after) = fault.takes(&mut dice);
        sleep(before).await;
        let sight = look(&self.world.state(), call.secret, self.world.now());
        sleep(after).await;
        let mut state = self.world.state();
        let skew = state.skew;
        let fault = match fault {
            Fault::None
                if self.kind == BackendKind::OCI && skew.abs() > SKEW && dice.happens(500) =>
            {
                Fault::Unauthorized
            }
            fault => fault,
        };
        if let Some(error) = fault.error(&mut dice, skew) {
            call.end(&mut state, Err(error.class()), fault.tells());
            call.asks_for_a_pause(&mut state, &error);
            return Err(error);
        }
        match sight {
            Sight::Nothing(kind) => {
                call.end(&mut state, Err(Class::Answer), CallOutcome::Reply);
                Err(BackendError::replied(Class::Answer, kind, "there is none"))
            }
            Sight::Value(version, valid_for) => {
                call.end(&mut state, Ok((version, valid_for)), CallOutcome::Reply);
                drop(state);
                let mut value = value(call.secret, version, call.number).into_bytes();
                let secret = self.shield.shield(&mut value);
                let secret = secret.expect("a short value fits into a slot");
                Ok(Bundle::plain(secret, version.to_string()).valid_for(valid_for))
            }
        }
    }
}

fn look(state: &State, secret: usize, now: Moment) -> Sight {
    let secret = &state.secrets[secret];
    // A wrong time of day makes a version good for longer or shorter than it is.
    let left = secret.expires.map(|expires| {
        let left = i64::try_from(expires.since(now).as_secs()).unwrap_or(i64::MAX);
        u64::try_from(left.saturating_sub(state.skew)).unwrap_or_default()
    });
    match left {
        _ if secret.is_gone => Sight::Nothing("deleted"),
        Some(0) => Sight::Nothing("expired"),
        left => Sight::Value(secret.version, left.map(Duration::from_secs)),
    }
}

/// A call, from its beginning to its end; it ends also where it is given up.
struct UnderWay<'a> {
    world: &'a World,
    kind: BackendKind,
    secret: usize,
    number: usize,
    has_ended: bool,
}

impl<'a> UnderWay<'a> {
    fn begin(
        world: &'a World,
        kind: BackendKind,
        address: &Address,
        seed: u64,
    ) -> (Self, Dice, Fault) {
        let now = world.now();
        let mut state = world.state();
        let secret = State::number(address);
        let number = state.calls.len();
        // Of their own for each: the order in which calls of one moment come must not matter.
        let nth = state.secrets[secret].calls;
        state.secrets[secret].calls += 1;
        let mut dice = Dice::of(seed, (address, nth));
        let fault = match kind {
            BackendKind::LOCAL if state.fault_rate.is_any() && dice.happens(20) => Fault::Garbage,
            BackendKind::LOCAL => Fault::None,
            _ => match (
                state.fault_rate.fault(&mut dice),
                state.secrets[secret].trouble,
            ) {
                (Fault::None | Fault::Drip, Some(trouble)) => trouble,
                (fault, _) => fault,
            },
        };
        let step = state.event(format_args!("call {number} for s{secret}: {fault:?}"));
        state.calls.push(Call {
            secret,
            began: now,
            began_step: step,
            ended_step: None,
            answer: None,
        });
        state.figures.calls += 1;
        *state.figures.faults.entry(fault).or_default() += 1;
        state.comes(kind, secret, number, fault, now);
        drop(state);
        let call = Self {
            world,
            kind,
            secret,
            number,
            has_ended: false,
        };
        (call, dice, fault)
    }

    fn end(
        &mut self,
        state: &mut State,
        how: Result<(u64, Option<Duration>), Class>,
        told: CallOutcome,
    ) {
        self.has_ended = true;
        let now = self.world.now();
        let (number, secret) = (self.number, self.secret);
        let step = state.event(format_args!("call {number} for s{secret} ends: {how:?}"));
        let call = &mut state.calls[number];
        (call.ended_step, call.answer) = (Some(step), how.ok());
        if self.kind == BackendKind::OCI {
            state.oci.ends(number, secret, told, now);
        }
        let secret = &mut state.secrets[secret];
        secret.under_way.retain(|(_, other)| *other != number);
        if how.is_ok() {
            secret.answered.push(number);
        }
        secret.noes += usize::from(how == Err(Class::Answer));
        if how == Err(Class::Answer) && secret.lingers() == 0 {
            secret.denied = secret.denied.max(Some(number));
        }
    }
}

impl UnderWay<'_> {
    /// Where something was replied at all.
    fn asks_for_a_pause(&self, state: &mut State, error: &BackendError) {
        let is_heard = self.kind == BackendKind::OCI && error.contact() == Contact::Replied;
        if let Some(pause) = error.pause().filter(|_| is_heard) {
            let secret = (error.extent() == Extent::Secret).then_some(self.secret);
            state.oci.pauses(secret, pause, self.world.now());
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let mut state = self.world.state();
            self.end(&mut state, Err(Class::Outage), CallOutcome::Silence);
        }
    }
}

impl State {
    /// Judges that a call comes now.
    fn comes(
        &mut self,
        kind: BackendKind,
        secret: usize,
        number: usize,
        fault: Fault,
        now: Moment,
    ) {
        let of_kind = |secret: &&super::world::Truth| secret.address.kind == kind;
        let under_way = self.secrets.iter().filter(of_kind);
        let under_way: usize = under_way.map(|secret| secret.under_way.len()).sum();
        if under_way >= AT_ONCE {
            self.broken(format!("{} calls at once to {kind}", under_way + 1));
        }
        if kind == BackendKind::OCI {
            self.oci.knows(secret);
        }
        if kind == BackendKind::OCI
            && fault.tells() != CallOutcome::NotSent
            && let Err(broken) = self.oci.begins(number, secret, now)
        {
            self.broken(broken);
        }
        let flight = tokio::task::id();
        let secret = &mut self.secrets[secret];
        secret.under_way.push((flight, number));
        let (flights, lingering) = (secret.under_way.len(), secret.lingers());
        if flights > 1 + lingering {
            let name = secret.address.name.clone();
            self.broken(format!("{flights} flights for {name}"));
        }
    }
}
