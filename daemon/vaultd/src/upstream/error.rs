//! Why a backend gave no value.

use std::time::Duration;

use vault_backends::address::Address;
use vault_backends::bundle::FieldError;
use vault_backends::error::{BackendError, Class, Contact, Extent};
use vault_proto::kinds;

use super::name::Name;

/// Why a backend gave no value.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No such backend is configured.
    #[error("no backend for {0} secrets is configured")]
    NoBackend(Name),
    /// The backend cannot be changed.
    #[error("{0} secrets cannot be changed through vaultd")]
    ReadOnly(Name),
    /// The breaker is open; the last failure's words.
    #[error("not asked: the breaker of {name} is open after repeated failures; last: {last}")]
    BreakerOpen {
        /// Which backend.
        name: Name,
        /// What went wrong last.
        last: String,
    },
    /// The backend has asked to be left alone for a while; the failure that said so.
    #[error("not asked: {name} has asked for a pause of {seconds} s more; last: {last}")]
    Paused {
        /// Which backend.
        name: Name,
        /// How long it lasts.
        seconds: u64,
        /// What it said.
        last: String,
    },
    /// This secret alone failed repeatedly, or its backend has asked for a pause for it.
    #[error(
        "not asked: {secret} has failed repeatedly, and is asked for in {seconds} s; last: {last}"
    )]
    SecretBackoff {
        /// Which secret.
        secret: String,
        /// How long it is not asked for.
        seconds: u64,
        /// What went wrong last.
        last: String,
    },
    /// The backend makes it anew whenever it is asked.
    #[error("{0} is made anew for whoever asks, and never ahead of time")]
    MadeAnew(String),
    /// Too many calls are waiting or under way.
    #[error("not asked: there are too many calls to {0} at once")]
    Busy(Name),
    /// No answer in time.
    #[error("{about}: no answer within {seconds} s; {}", remedy_of_silence(*is_remote))]
    Deadline {
        /// The operation and the secret: "read local://x".
        about: String,
        /// How long was waited.
        seconds: u64,
        /// Whether a network lies between.
        is_remote: bool,
    },
    /// The daemon ended first.
    #[error("vaultd was stopped before {0} answered; whether it did what was asked is not known")]
    Stopped(Name),
    /// The work ended without a word: a fault of the daemon's own.
    #[error("the work was lost; this is a fault in vaultd")]
    Lost,
    /// The secret has no such field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The backend's own failure.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl UpstreamError {
    /// The daemon ends before the backend of `address` has answered.
    pub(crate) fn stopped(address: &Address) -> Self {
        Self::Stopped(Name::of(address))
    }

    /// How the failure is to be taken.
    pub fn class(&self) -> Class {
        match self {
            Self::NoBackend(_) | Self::ReadOnly(_) | Self::MadeAnew(_) => Class::Request,
            Self::BreakerOpen { .. }
            | Self::Paused { .. }
            | Self::SecretBackoff { .. }
            | Self::Busy(_)
            | Self::Deadline { .. }
            | Self::Stopped(_)
            | Self::Lost => Class::Outage,
            Self::Field(_) => Class::Answer,
            Self::Backend(error) => error.class(),
        }
    }

    /// Whether the backend was heard.
    pub fn contact(&self) -> Contact {
        match self {
            Self::Deadline { .. } => Contact::NoReply,
            Self::Backend(error) => error.contact(),
            _ => Contact::NotSent,
        }
    }

    /// What it is about.
    pub fn extent(&self) -> Extent {
        match self {
            Self::SecretBackoff { .. } => Extent::Secret,
            Self::Backend(error) => error.extent(),
            _ => Extent::Backend,
        }
    }

    /// The pause that the backend has asked for.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Backend(error) if error.contact() == Contact::Replied => error.pause(),
            _ => None,
        }
    }

    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoBackend(_) => kinds::NO_BACKEND,
            Self::ReadOnly(_) => kinds::READ_ONLY,
            Self::BreakerOpen { .. } => kinds::BREAKER_OPEN,
            Self::Paused { .. } => kinds::PAUSED,
            Self::SecretBackoff { .. } => kinds::SECRET_BACKOFF,
            Self::MadeAnew(_) => kinds::UNSUPPORTED,
            Self::Busy(_) => kinds::BUSY,
            Self::Deadline { .. } => kinds::DEADLINE,
            Self::Stopped(_) => kinds::STOPPED,
            Self::Lost => kinds::INTERNAL,
            Self::Field(error) => error.kind(),
            Self::Backend(error) => error.kind(),
        }
    }

    /// The backend's own name for the call, where it said one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Backend(error) => error.request_id(),
            _ => None,
        }
    }
}

fn remedy_of_silence(is_remote: bool) -> &'static str {
    if is_remote {
        "see whether its network is there (`vaultctl doctor` looks), and try again"
    } else {
        "see whether its disk answers, and try again"
    }
}
