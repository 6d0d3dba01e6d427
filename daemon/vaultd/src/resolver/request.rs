//! A request as it is before anything is done for it, and what policy says of it.

use std::sync::Arc;
use std::time::Duration;

use vault_backends::address::{Address, BackendKind};
use vault_proto::delivery::Delivery;
use vault_proto::reference::SecretRef;

use crate::addresses::{address, other_name};
use crate::cache::freshness::{Ages, Freshness};
use crate::peer::Peer;
use crate::policy::{Action, Decision, Question};
use crate::setup::Setup;
use crate::targets::Targets;

/// Everything known of a request before it is answered.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The configuration it is answered by.
    pub setup: Arc<Setup>,
    /// Who asks.
    pub peer: Arc<Peer>,
    /// On whose behalf, where the peer speaks for others, as a gateway does for its users.
    pub subject: Option<String>,
    /// For what.
    pub action: Action,
    /// With which service.
    pub service: Option<String>,
    /// In which environment.
    pub environment: Option<String>,
    /// The caller's id for the request.
    pub request_id: Vec<u8>,
    /// How long values are good for who asks.
    pub freshness: Freshness,
    /// The vaults that references lead to for who asks, and what a bare name means there.
    pub targets: Arc<Targets>,
    /// How long the answer may take.
    pub time: Duration,
}

impl RequestContext {
    /// Whether policy lets the asker see or touch one thing of many, under the action it was let in
    /// for. Nothing is written down: what policy hides here was not asked for by name.
    pub fn may(&self, reference: Option<&SecretRef>) -> bool {
        self.decide(self.action, reference).allowed
    }

    /// Where a backend finds what a reference means to the asker.
    pub fn address(&self, reference: &SecretRef) -> Address {
        address(reference, &self.targets)
    }

    /// The kind of vault that a reference leads to.
    pub fn kind(&self, reference: &SecretRef) -> BackendKind {
        self.targets.kinds().by_scheme(reference.place().scheme())
    }

    /// Policy's answer to one question.
    pub fn decide(&self, action: Action, reference: Option<&SecretRef>) -> Decision {
        let other = reference.and_then(|reference| other_name(reference, &self.targets));
        let question = Question {
            action,
            other_name: other.as_ref(),
            ..self.question(reference)
        };
        self.setup.policy.decide(&question)
    }

    /// The same ask, about one service.
    #[must_use]
    pub fn with_service(&self, name: &str) -> Self {
        Self {
            service: Some(name.to_owned()),
            ..self.clone()
        }
    }

    pub(super) fn question<'a>(&'a self, reference: Option<&'a SecretRef>) -> Question<'a> {
        Question {
            uid: self.peer.uid,
            subject: self.subject.as_deref(),
            action: self.action,
            service: self.service.as_deref(),
            reference,
            other_name: None,
            written_by_default: reference.is_some_and(|reference| {
                let kinds = self.targets.kinds();
                let kind = kinds.by_scheme(reference.place().scheme());
                kinds.policy(kind).written_by_default
            }),
        }
    }
}

/// One secret asked for.
#[derive(Clone, Debug)]
pub struct SecretRequest {
    /// Where the value goes.
    pub delivery: Delivery,
    /// Which secret.
    pub reference: SecretRef,
    /// How fresh, where that is written for it alone.
    pub ages: Ages,
}

impl SecretRequest {
    /// A secret for whoever asks.
    pub fn of(reference: &SecretRef) -> Self {
        Self {
            delivery: Delivery::Direct,
            reference: reference.clone(),
            ages: Ages::default(),
        }
    }
}
