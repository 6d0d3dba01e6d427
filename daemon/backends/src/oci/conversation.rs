//! Calls to OCI's services, signed, with one repetition after a 401.
//!
//! One call is one question: signed with the credential of now, sent as it was signed, and repeated
//! once, with another credential and signed anew, where OCI does not believe the first (401). Nothing
//! else is repeated here. What comes back is an answer only if the service itself gave it.

mod answer;
mod attempt;
mod call;
mod reach;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::call_description::CallDescription;
use super::connection::Connection;
use super::endpoint::Service;
use super::error::NotAuthenticated;
use super::identity::{Identities, Identity};
use super::places::Places;
use super::region::Resolved;
use crate::error::{BackendError, Class};
use crate::wall_clock::WallClock;

pub use answer::{Answer, Unanswered};
use attempt::{Outcome, Transport};
pub use call::{Body, Call};
pub use reach::Reached;

/// Everything that is needed to ask: as whom, where, how, and when it is.
pub struct Conversation {
    identities: Arc<dyn Identities>,
    transport: Transport,
}

impl Conversation {
    /// A conversation of these identities with the services at these places.
    pub fn new(
        identities: Arc<dyn Identities>,
        places: Places,
        connection: Connection,
        clock: Arc<dyn WallClock>,
    ) -> Self {
        Self {
            identities,
            transport: Transport {
                places,
                connection,
                clock,
                assumed: Mutex::default(),
            },
        }
    }

    /// Asks, and asks once more with another credential where the first is refused.
    ///
    /// # Errors
    /// [`BackendError`], where there is no answer, or it is a refusal.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, BackendError> {
        self.change(call)
            .await
            .map_err(|unanswered| unanswered.error)
    }

    /// Asks like [`Conversation::call`] for a change, of which it matters whether it may be made.
    ///
    /// # Errors
    /// [`Unanswered`], where there is no answer, or it is a refusal.
    pub async fn change(&self, call: Call<'_>) -> Result<Answer, Unanswered> {
        let identity = self.identities.current().await;
        let identity = identity.map_err(|error| call.cannot_be_asked(&error))?;
        let (description, why) = match self.transport.attempt(&call, &identity).await? {
            Outcome::Answer(answer) => return Ok(answer),
            Outcome::NotAuthenticated(description, why) => (description, why),
        };
        if why.is_of_the_clock() {
            return Err(self.refused(&identity, &description, &why, None).into());
        }
        match self.identities.renewed(&identity).await {
            Ok(None) => Err(self.refused(&identity, &description, &why, None).into()),
            Err(cause) => Err(self
                .refused(&identity, &description, &why, Some(&cause))
                .into()),
            Ok(Some(renewed)) => match self.transport.attempt(&call, &renewed).await? {
                Outcome::Answer(answer) => Ok(answer),
                Outcome::NotAuthenticated(description, why) => {
                    Err(self.refused(&renewed, &description, &why, None).into())
                }
            },
        }
    }

    /// Whether a service answers. Nothing is signed; the identity only says in which region it is.
    ///
    /// # Errors
    /// [`BackendError`], where it does not.
    pub async fn reach(
        &self,
        service: Service,
        identity: Option<&Identity>,
    ) -> Result<Reached, BackendError> {
        self.transport.reach(service, identity).await
    }

    /// The region that is asked with this identity.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, where there is none.
    pub fn region(&self, identity: Option<&Identity>) -> Result<Resolved, BackendError> {
        let region = identity.and_then(|identity| identity.region.as_deref());
        let instance = identity.and_then(|identity| identity.instance.as_deref());
        self.transport.places.region(region, instance)
    }

    /// The same conversation with services at other places.
    #[must_use]
    pub fn at(&self, places: Places) -> Self {
        Self {
            identities: Arc::clone(&self.identities),
            transport: Transport {
                places,
                connection: self.transport.connection.clone(),
                clock: Arc::clone(&self.transport.clock),
                assumed: Mutex::default(),
            },
        }
    }

    /// That the region asked last is one that nobody knows.
    pub fn region_warning(&self) -> Option<String> {
        let assumed = self.transport.assumed.lock();
        let assumed = assumed.unwrap_or_else(PoisonError::into_inner);
        assumed.as_ref().map(ToString::to_string)
    }

    /// Who gives the identities.
    pub fn identities(&self) -> &Arc<dyn Identities> {
        &self.identities
    }

    /// Where the services are.
    pub fn places(&self) -> &Places {
        &self.transport.places
    }

    /// The clock that signatures are dated by.
    pub fn clock(&self) -> &Arc<dyn WallClock> {
        &self.transport.clock
    }

    /// Takes the credential out of use, and says why.
    fn refused(
        &self,
        identity: &Arc<Identity>,
        description: &CallDescription,
        why: &NotAuthenticated,
        renewal: Option<&BackendError>,
    ) -> BackendError {
        let mut words = why.to_string();
        if let Some(error) = renewal {
            write!(words, "; another credential was not to be had: {error}")
                .expect("text in memory can be appended to");
        }
        let (class, kind) = (Class::Credentials, why.kind());
        self.identities
            .hold(identity, &description.sign_in_error(class, kind, &words));
        description.replied(class, kind, words)
    }
}
