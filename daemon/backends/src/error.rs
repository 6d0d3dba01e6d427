//! How a backend says that it gave nothing: was the vault heard, how is that to be taken, and what can
//! a person do?
//!
//! All three are said where the failure is made and never guessed from each other: a certificate file
//! that cannot be read and a `404` are both no outage, but only one of them was said by the vault.

use std::time::Duration;

/// How a failure is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The vault answered: there is no such value for us. It ends at once.
    Answer,
    /// The vault could not be asked. A stale value may be served; counts for the breaker.
    Outage,
    /// Our own credentials are at fault. A stale value may be served; loud in status.
    Credentials,
    /// We asked wrongly. An error; what was known stays known.
    Request,
}

/// Whether the vault was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// No call was made: something on this side is not as it must be. Says nothing of the vault.
    NotSent,
    /// A call was made, and nobody answered it, or not to the end.
    NoReply,
    /// Somebody answered. Only this can show that a vault is well.
    Replied,
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// The whole vault, as far as can be told.
    #[default]
    Backend,
    /// The one secret that was asked for: others may well be read.
    Secret,
}

/// A backend's failure: contact, class, stable word, and a text for a person that holds no value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BackendError {
    class: Class,
    contact: Contact,
    extent: Extent,
    kind: &'static str,
    message: String,
    retry_after: Option<Duration>,
    request_id: Option<Box<str>>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BackendError {
    /// A failure before anything was sent, named by the stable word `kind`, in words for a person.
    pub fn not_sent(class: Class, kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(Contact::NotSent, class, kind, message.into())
    }

    /// A call that nobody answered, or not to the end.
    pub fn no_reply(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(Contact::NoReply, Class::Outage, kind, message.into())
    }

    /// A reply that brings no value.
    pub fn replied(class: Class, kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(Contact::Replied, class, kind, message.into())
    }

    /// A vault of this kind cannot do what is asked, and why or what can be done instead.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::not_sent(Class::Request, UNSUPPORTED, message)
    }

    /// A failure whose contact is known from elsewhere.
    pub(crate) fn new(contact: Contact, class: Class, kind: &'static str, message: String) -> Self {
        Self {
            class,
            contact,
            extent: Extent::default(),
            kind,
            message,
            retry_after: None,
            request_id: None,
            source: None,
        }
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The same failure with the pause the vault asked for.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// The same failure with the vault's own name for the call, for those who ask its support.
    #[must_use]
    pub fn of_request(mut self, request_id: impl Into<Box<str>>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// The same failure as one of the secret that was asked for, and of no other.
    #[must_use]
    pub fn about_one_secret(mut self) -> Self {
        self.extent = Extent::Secret;
        self
    }

    /// The same failure as one that the vault itself had no part in: what was asked instead of it, a
    /// token service say, has a breaker of its own.
    #[must_use]
    pub fn before_the_call(mut self) -> Self {
        self.contact = Contact::NotSent;
        self
    }

    /// The same failure with more words after its own.
    #[must_use]
    pub fn adding(mut self, words: &str) -> Self {
        self.message = format!("{}; {words}", self.message);
        self
    }

    /// How the failure is to be taken.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Whether the vault was heard.
    pub fn contact(&self) -> Contact {
        self.contact
    }

    /// What it is about.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The pause the vault asked for before the next attempt.
    pub fn pause(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The vault's own name for the call, where it has one.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether the same call may succeed if made again soon.
    pub fn is_retryable(&self) -> bool {
        self.class == Class::Outage
    }
}

/// The stable word for what a vault cannot do.
pub const UNSUPPORTED: &str = "unsupported";
