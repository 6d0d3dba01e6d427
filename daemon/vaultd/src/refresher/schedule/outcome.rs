//! What can come of a renewal.

use std::time::Duration;

use vault_backends::error::{Class, Contact, Extent};

use crate::clock::Moment;
use crate::upstream::UpstreamError;

/// What came of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A value: when the backend was asked, and how long it may be used.
    Confirmed(Moment, Option<Duration>),
    /// The backend says that there is none.
    Gone,
    /// The backend says that it was asked wrongly; what is held stays.
    Refused,
    /// The backend gave nothing, as far as can be told by its own fault.
    Failed(Failed),
    /// The backend replied that something is wrong with this secret alone, and the pause it wants.
    SecretFailed(Option<Duration>),
    /// Nobody was asked: something on this side is not as it must be.
    NotSent,
    /// Nobody was asked: the breaker is open, or too much is under way.
    NotAsked,
    /// Nobody was asked: this secret alone is not to be asked for before so long.
    SecretBackoff(Duration),
    /// Nobody was asked, or ever will be ahead of time: its backend makes it anew.
    MadeAnew,
    /// A flush went by.
    Overtaken,
}

/// How a backend failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Whether it was heard.
    pub contact: Contact,
    /// The pause it wants.
    pub pause: Option<Duration>,
}

impl Outcome {
    /// What a failure means for what is asked next.
    pub fn of(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::BreakerOpen { .. }
            | UpstreamError::Paused { .. }
            | UpstreamError::Busy(_) => return Self::NotAsked,
            UpstreamError::SecretBackoff { seconds, .. } => {
                return Self::SecretBackoff(Duration::from_secs(*seconds));
            }
            UpstreamError::MadeAnew(_) => return Self::MadeAnew,
            _ => {}
        }
        let contact = error.contact();
        match (error.class(), contact, error.extent()) {
            (Class::Answer, Contact::Replied, _) => Self::Gone,
            (Class::Request, Contact::Replied, _) => Self::Refused,
            (Class::Answer | Class::Request, ..) => Self::NotSent,
            (_, Contact::Replied, Extent::Secret) => Self::SecretFailed(error.pause()),
            _ => Self::Failed(Failed {
                contact,
                pause: error.pause(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use vault_backends::error::BackendError;

    use super::*;

    #[test]
    fn only_what_was_replied_is_taken_for_the_backends_word() {
        let not_sent = |class| BackendError::not_sent(class, "x", "words");
        let replied = |class| BackendError::replied(class, "x", "words");
        let failed = |contact| {
            let pause = None;
            Outcome::Failed(Failed { contact, pause })
        };
        for (error, outcome) in [
            (replied(Class::Answer), Outcome::Gone),
            (replied(Class::Request), Outcome::Refused),
            (not_sent(Class::Answer), Outcome::NotSent),
            (not_sent(Class::Request), Outcome::NotSent),
            (not_sent(Class::Outage), failed(Contact::NotSent)),
            (not_sent(Class::Credentials), failed(Contact::NotSent)),
            (replied(Class::Credentials), failed(Contact::Replied)),
            (replied(Class::Outage), failed(Contact::Replied)),
            (
                BackendError::no_reply("x", "words"),
                failed(Contact::NoReply),
            ),
            (
                replied(Class::Outage).about_one_secret(),
                Outcome::SecretFailed(None),
            ),
        ] {
            assert_eq!(Outcome::of(&error.into()), outcome);
        }
    }
}
