//! Why did a backend give no value?

use std::time::Duration;

use vault_backends::address::Address;
use vault_backends::bundle::FieldError;
use vault_backends::error::{BackendError, Class, Contact};
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
    /// Too many calls are waiting or under way.
    #[error("not asked: there are too many calls to {0} at once")]
    Busy(Name),
    /// No answer in time.
    #[error("{name} did not answer within {seconds} s")]
    Deadline {
        /// Which backend.
        name: Name,
        /// How long was waited.
        seconds: u64,
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
    /// No answer for `address` within `time`.
    pub(crate) fn late(address: &Address, time: Duration) -> Self {
        Self::Deadline {
            name: Name::of(address),
            seconds: time.as_secs(),
        }
    }

    /// The daemon ends before the backend of `address` has answered.
    pub(crate) fn stopped(address: &Address) -> Self {
        Self::Stopped(Name::of(address))
    }

    /// How the failure is to be taken.
    pub fn class(&self) -> Class {
        match self {
            Self::NoBackend(_) | Self::ReadOnly(_) => Class::Request,
            Self::BreakerOpen { .. }
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

    /// Whether it counts for the backend's breaker.
    pub fn counts(&self) -> bool {
        self.class() == Class::Outage && self.contact() != Contact::NotSent
    }

    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoBackend(_) => kinds::NO_BACKEND,
            Self::ReadOnly(_) => kinds::READ_ONLY,
            Self::BreakerOpen { .. } => kinds::BREAKER_OPEN,
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
