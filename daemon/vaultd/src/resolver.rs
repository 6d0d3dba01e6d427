//! Who may have which values? Down: may they? Up: write it down.

mod addresses;
mod error;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use vault_backends::address::Address;
use vault_proto::generated::{Provenance, State};
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use crate::audit::{Audit, Outcome, Record, ValueRecord, rfc3339};
use crate::cache::freshness::{Ages, Freshness};
use crate::cache::{Cache, Served};
use crate::clock::unix_time;
use crate::peer::Peer;
use crate::policy::{Action, Decision, Question, remedy};
use crate::setup::Setup;
use crate::targets::Targets;
use crate::upstream::{Upstream, UpstreamError};
pub use addresses::{address, is_same_secret, may_be_same_secret, other_name, reference_of};
pub use error::ResolveError;

/// Everything known of a request before it is answered.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The configuration it is answered by.
    pub setup: Arc<Setup>,
    /// Who asks.
    pub peer: Arc<Peer>,
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

    fn question<'a>(&'a self, reference: Option<&'a SecretRef>) -> Question<'a> {
        Question {
            uid: self.peer.uid,
            action: self.action,
            service: self.service.as_deref(),
            reference,
            other_name: None,
        }
    }
}

/// One secret asked for.
#[derive(Clone, Debug)]
pub struct SecretRequest {
    /// The variable it goes into; empty where there is none.
    pub variable: String,
    /// Which secret.
    pub reference: SecretRef,
    /// How fresh, where that is written for it alone.
    pub ages: Ages,
}

impl SecretRequest {
    /// A secret that goes into no variable.
    pub fn of(reference: &SecretRef) -> Self {
        Self {
            variable: String::new(),
            reference: reference.clone(),
            ages: Ages::default(),
        }
    }
}

/// One secret, had or not.
#[derive(Debug)]
pub struct Resolved {
    /// The variable it goes into.
    pub variable: String,
    /// Which secret.
    pub reference: SecretRef,
    /// The value, or why there is none.
    pub value: Result<Served, Arc<UpstreamError>>,
}

impl Resolved {
    /// Where the value comes from and how old it is.
    pub fn provenance(&self) -> Option<Provenance> {
        self.value.as_ref().ok().map(provenance)
    }
}

/// What is said of a value that is served.
pub fn provenance(served: &Served) -> Provenance {
    let state = if served.stale.is_some() {
        State::Stale
    } else {
        State::Fresh
    };
    Provenance {
        version: served.held.bundle.version.clone(),
        age_ms: millis(served.age),
        state: state.into(),
        stale_reason: served.stale.clone().unwrap_or_default(),
    }
}

/// Whole milliseconds, as they travel.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Records written at once. They wait for one file anyway; each takes a thread, which goes on when
/// its caller has gone away.
const WRITES_AT_ONCE: usize = 4;

/// The room.
pub struct Resolver {
    cache: Arc<Cache>,
    upstream: Arc<Upstream>,
    audit: Arc<Audit>,
    writes: Arc<Semaphore>,
}

impl Resolver {
    /// A resolver over `cache`, which asks `upstream`, that writes into `audit`.
    pub fn new(cache: Arc<Cache>, upstream: Arc<Upstream>, audit: Arc<Audit>) -> Self {
        Self {
            cache,
            upstream,
            audit,
            writes: Arc::new(Semaphore::new(WRITES_AT_ONCE)),
        }
    }

    /// Refuses what no backend serves: the cache would make room for it, at the cost of a value that
    /// is in use.
    ///
    /// # Errors
    /// [`UpstreamError::NoBackend`].
    pub fn check_backend(&self, address: &Address) -> Result<(), Arc<UpstreamError>> {
        self.upstream.check(address).map_err(Arc::new)
    }

    /// Asks policy for the action itself and for each reference; a no is written down, with the one
    /// reference that it is about: a long list of others would push older records out of the file.
    ///
    /// # Errors
    /// [`ResolveError::Denied`], or that its record could not be written.
    pub async fn permit(
        &self,
        context: &RequestContext,
        wants: &[SecretRequest],
    ) -> Result<String, ResolveError> {
        let none = wants.is_empty().then(|| context.question(None));
        let each = wants
            .iter()
            .map(|want| context.question(Some(&want.reference)));
        let mut rule = String::new();
        for question in none.into_iter().chain(each) {
            let decision = context.decide(context.action, question.reference);
            if !decision.allowed {
                let of = question
                    .reference
                    .map(|reference| format!(" of {reference}"));
                let denied = ResolveError::Denied {
                    action: context.action,
                    of: of.unwrap_or_default(),
                    rule: decision.rule.clone(),
                    hint: remedy(&context.setup.policy, &question),
                };
                let about = |want: &&SecretRequest| Some(&want.reference) == question.reference;
                let values = wants.iter().find(about).map(|want| plain(want, None));
                let values = values.into_iter().collect();
                self.record(
                    context,
                    Outcome::Denied,
                    &decision.rule,
                    values,
                    Some("denied"),
                )
                .await?;
                return Err(denied);
            }
            rule = decision.rule;
        }
        Ok(rule)
    }

    /// Fetches what is wanted, without asking policy or writing anything down.
    pub async fn look(&self, context: &RequestContext, wants: Vec<SecretRequest>) -> Vec<Resolved> {
        let fetch = |want: SecretRequest| async move {
            let address = context.address(&want.reference);
            let reference = want.reference.to_string();
            let value = match self.check_backend(&address) {
                Err(error) => Err(error),
                Ok(()) => {
                    let freshness = context.freshness.with(want.ages);
                    let get = self
                        .cache
                        .get(&address, &reference, &freshness, context.time);
                    let served = get.await;
                    served.and_then(|served| Ok(served.pick(None).map_err(UpstreamError::from)?))
                }
            };
            Resolved {
                variable: want.variable,
                reference: want.reference,
                value,
            }
        };
        join_all(wants.into_iter().map(fetch)).await
    }

    /// What is to leave, written down; `problem` says the stable word where nothing is to. What ends
    /// while that is written is looked for once more.
    ///
    /// # Errors
    /// As [`Resolver::release`].
    pub async fn hand_out(
        &self,
        context: &RequestContext,
        rule: &str,
        wants: &[SecretRequest],
        problem: impl Fn(&[Resolved]) -> Option<&'static str>,
    ) -> Result<Vec<Resolved>, ResolveError> {
        let mut resolved = self.look(context, wants.to_vec()).await;
        let mut released = self
            .release(context, rule, &resolved, problem(&resolved))
            .await;
        if let Err(ResolveError::Ended) = released {
            resolved = self.look(context, wants.to_vec()).await;
            released = self
                .release(context, rule, &resolved, problem(&resolved))
                .await;
        }
        released.map(|()| resolved)
    }

    /// Writes down what is about to leave, after a second look at who asked. `error` is the stable
    /// word where nothing will.
    ///
    /// # Errors
    /// [`ResolveError::PeerGone`], [`ResolveError::Audit`], [`ResolveError::Ended`]: then nothing may leave.
    pub async fn release(
        &self,
        context: &RequestContext,
        rule: &str,
        resolved: &[Resolved],
        error: Option<&'static str>,
    ) -> Result<(), ResolveError> {
        let alive = context.peer.is_alive();
        let error = if alive { error } else { Some("peer_gone") };
        let outcome = if error.is_none() {
            Outcome::Allowed
        } else {
            Outcome::Failed
        };
        let values = resolved
            .iter()
            .map(|one| handed_out(one, error.is_none()))
            .collect();
        self.record(context, outcome, rule, values, error).await?;
        let mut served = resolved.iter().filter_map(|one| one.value.as_ref().ok());
        if !alive {
            return Err(ResolveError::PeerGone);
        }
        if error.is_some() || served.all(|served| self.cache.may_leave(served)) {
            return Ok(());
        }
        let values = resolved.iter().map(|one| handed_out(one, false)).collect();
        let (failed, why) = (Outcome::Failed, Some(kinds::UNAVAILABLE));
        self.record(context, failed, rule, values, why).await?;
        Err(ResolveError::Ended)
    }

    /// Writes one record off the serving threads.
    ///
    /// # Errors
    /// [`ResolveError::Audit`].
    pub async fn record(
        &self,
        context: &RequestContext,
        outcome: Outcome,
        rule: &str,
        values: Vec<ValueRecord>,
        error: Option<&'static str>,
    ) -> Result<(), ResolveError> {
        let turn = Arc::clone(&self.writes).acquire_owned().await;
        let (audit, context, rule) = (Arc::clone(&self.audit), context.clone(), rule.to_owned());
        let write = move || {
            let _turn = turn;
            let record = Record {
                time: rfc3339(unix_time()),
                event: context.action.as_str(),
                outcome,
                rule: &rule,
                service: context.service.as_deref(),
                environment: context.environment.as_deref(),
                values,
                peer: context.peer.record(),
                request_id: hex(&context.request_id),
                error,
            };
            audit.write(&record, &context.setup.audit)
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written.map_err(|error| ResolveError::Audit(error.in_full())),
            Err(_) => Err(ResolveError::Audit("the writer was lost".to_owned())),
        }
    }
}

/// A wanted secret in the record of a request that got nothing.
pub fn plain(want: &SecretRequest, problem: Option<&'static str>) -> ValueRecord {
    ValueRecord {
        variable: want.variable.clone(),
        reference: want.reference.to_string(),
        version: String::new(),
        state: "",
        age_seconds: None,
        problem,
    }
}

fn handed_out(resolved: &Resolved, leaves: bool) -> ValueRecord {
    let want = SecretRequest {
        variable: resolved.variable.clone(),
        ..SecretRequest::of(&resolved.reference)
    };
    match &resolved.value {
        Ok(served) => {
            let problem = problem_with(&want.variable, served);
            ValueRecord {
                version: served.held.bundle.version.clone(),
                state: match (&served.stale, leaves && problem.is_none()) {
                    (_, false) => "withheld",
                    (Some(_), true) => "stale",
                    (None, true) => "fresh",
                },
                age_seconds: Some(served.age.as_secs()),
                ..plain(&want, problem)
            }
        }
        Err(error) => plain(&want, Some(error.kind())),
    }
}

/// Why a value that was had cannot be put into its variable.
fn problem_with(variable: &str, served: &Served) -> Option<&'static str> {
    if variable.is_empty() {
        return None;
    }
    let secret = match served.secret() {
        Ok(secret) => secret,
        Err(error) => return Some(error.kind()),
    };
    match secret.expose_secret(|value| value.contains(&0)) {
        Ok(false) => None,
        Ok(true) => Some(kinds::UNUSABLE_VALUE),
        Err(error) => Some(error.kind()),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
