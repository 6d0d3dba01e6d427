//! What may go wrong between the daemon and its vault, and how likely it is now.

use std::time::Duration;

use vault_backends::error::{BackendError, Class};

use super::dice::Dice;
use super::expectation::CallOutcome;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing goes wrong.
    None,
    /// Nobody is there.
    Refused,
    /// No answer.
    Timeout,
    /// The connection ends before the answer does.
    Reset,
    /// The vault is broken.
    ServerError,
    /// The vault is asked too often, and wants a pause.
    TooMany,
    /// The credential is not taken.
    Unauthorized,
    /// This caller may not have it.
    Forbidden,
    /// There is no such secret.
    NotFound,
    /// We asked wrongly.
    BadRequest,
    /// The answer cannot be read.
    Garbage,
    /// The answer comes slowly, and perhaps too late.
    Drip,
    /// Before anything is sent: a file that is needed cannot be read.
    Unreadable,
    /// Before anything is sent: there is no credential.
    NoCredential,
    /// Before anything is sent: who gives tokens is out.
    NoToken,
    /// Somebody in between replies.
    Proxy,
    /// This secret is in no state to be read, and may want a pause.
    Conflict,
    /// What this secret holds cannot be decoded.
    NoBase64,
}

const FAULTS: [Fault; 15] = [
    Fault::Refused,
    Fault::Timeout,
    Fault::Reset,
    Fault::ServerError,
    Fault::TooMany,
    Fault::Unauthorized,
    Fault::Forbidden,
    Fault::NotFound,
    Fault::BadRequest,
    Fault::Garbage,
    Fault::Drip,
    Fault::Unreadable,
    Fault::NoCredential,
    Fault::NoToken,
    Fault::Proxy,
];

/// What may be wrong with one secret alone.
const OF_ONE_SECRET: [Fault; 3] = [Fault::Conflict, Fault::NoBase64, Fault::ServerError];

/// How things are for a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum FaultRate {
    /// Nothing goes wrong.
    None,
    /// So many of a thousand calls fail, each in a way of its own.
    Mixed(u64),
    /// So many of a thousand calls fail, all in one way.
    One(Fault, u64),
}

impl FaultRate {
    /// The next one.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        match dice.below(10) {
            0..3 => Self::None,
            3..5 => Self::Mixed(dice.one_of(&[20, 200, 600])),
            _ => Self::One(dice.one_of(&FAULTS), dice.one_of(&[300, 900, 1000, 1000])),
        }
    }

    /// Whether anything goes wrong.
    pub(super) fn is_any(self) -> bool {
        !matches!(self, Self::None)
    }

    /// What becomes of a call that these dice are for.
    pub(super) fn fault(self, dice: &mut Dice) -> Fault {
        match self {
            Self::Mixed(often) if dice.happens(often) => dice.one_of(&FAULTS),
            Self::One(fault, often) if dice.happens(often) => fault,
            _ => Fault::None,
        }
    }
}

impl Fault {
    /// What is wrong with one secret from now on.
    pub(super) fn of_one_secret(dice: &mut Dice) -> Self {
        dice.one_of(&OF_ONE_SECRET)
    }

    /// What a call tells that ends so.
    pub(super) fn tells(self) -> CallOutcome {
        match self {
            Self::Unreadable | Self::NoCredential | Self::NoToken => CallOutcome::NotSent,
            Self::Refused | Self::Timeout | Self::Reset => CallOutcome::Silence,
            Self::ServerError | Self::TooMany | Self::Garbage | Self::Proxy => {
                CallOutcome::OfEither
            }
            Self::Conflict | Self::NoBase64 => CallOutcome::OfSecret,
            Self::Unauthorized => CallOutcome::Undecided,
            Self::None | Self::Drip | Self::Forbidden | Self::NotFound | Self::BadRequest => {
                CallOutcome::Reply
            }
        }
    }

    /// How long until the vault has looked, and from then until the answer is here.
    pub(super) fn takes(self, dice: &mut Dice) -> (Duration, Duration) {
        let mut short = || dice.time(Duration::from_millis(1), Duration::from_millis(800));
        match self {
            Self::Refused | Self::Unreadable | Self::NoCredential | Self::NoToken => {
                (short() / 50, Duration::ZERO)
            }
            Self::Timeout => (short(), Duration::from_hours(1)),
            Self::Drip => (
                short(),
                dice.time(Duration::from_millis(500), Duration::from_secs(15)),
            ),
            _ => (short(), short()),
        }
    }

    /// The error the daemon's backends make of it; `None` where it brings a value. `skew` is how far
    /// the pause a vault asks for by the time of day is off.
    pub(super) fn error(self, dice: &mut Dice, skew: i64) -> Option<BackendError> {
        let (class, kind) = match self {
            Self::None | Self::Drip => return None,
            Self::Refused => (Class::Outage, "connect"),
            // Nobody waits for so long.
            Self::Timeout => (Class::Outage, "timeout"),
            Self::Reset => (Class::Outage, "reset"),
            Self::ServerError => (Class::Outage, "server_error"),
            Self::TooMany => (Class::Outage, "too_many_requests"),
            Self::Garbage => (Class::Outage, "invalid_body"),
            Self::Unauthorized => (Class::Credentials, "unauthorized"),
            Self::Forbidden => (Class::Answer, "forbidden"),
            Self::NotFound => (Class::Answer, "not_found"),
            Self::BadRequest => (Class::Request, "bad_request"),
            Self::Unreadable => (Class::Request, "unreadable"),
            Self::NoCredential => (Class::Credentials, "no_credential"),
            Self::NoToken => (Class::Outage, "no_token"),
            Self::Proxy => (Class::Outage, "not_the_service"),
            Self::Conflict => (Class::Outage, "conflict"),
            Self::NoBase64 => (Class::Outage, "invalid_content"),
        };
        let words = "as the seed says";
        let error = match self.tells() {
            CallOutcome::Silence => BackendError::no_reply(kind, words),
            CallOutcome::NotSent => BackendError::not_sent(class, kind, words),
            CallOutcome::OfSecret => BackendError::replied(class, kind, words).about_one_secret(),
            _ => BackendError::replied(class, kind, words),
        };
        let pause = match self {
            Self::TooMany => Some(dice.one_of(&[0, 1, 3, 30, 600])),
            Self::ServerError | Self::Conflict if dice.happens(200) => Some(5),
            _ => None,
        };
        Some(match pause {
            // A date is compared with a clock that is wrong.
            Some(pause) if dice.happens(300) => {
                let pause = u64::try_from(pause - skew).unwrap_or_default();
                error.retry_after(Duration::from_secs(pause))
            }
            Some(pause) => error.retry_after(Duration::from_secs(pause.unsigned_abs())),
            None => error,
        })
    }
}
