//! Who gets which values: policy is asked on the way down, the record is written on the way up.

mod authorized;
mod error;
mod request;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use vault_backends::address::Address;
use vault_proto::delivery::Delivery;
use vault_proto::generated::{Provenance, State};
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use crate::audit::{Audit, Outcome, Record, ValueRecord, rfc3339};
use crate::cache::{Cache, Served};
use crate::clock::unix_time;
use crate::policy::{Action, remedy};
use crate::upstream::{Upstream, UpstreamError};
pub use authorized::AuthorizedRequest;
pub use error::ResolveError;
pub use request::{RequestContext, SecretRequest};

/// One secret, had or not.
#[derive(Debug)]
pub struct Resolved {
    /// Where the value goes.
    pub delivery: Delivery,
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

/// The way to values.
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

    /// Asks policy for each action, by itself and with each secret. A no is written down, with the one
    /// reference that it is about: a long list of others would push older records out of the file.
    ///
    /// # Errors
    /// [`ResolveError::Denied`], or that its record could not be written.
    pub async fn authorize(
        &self,
        context: RequestContext,
        actions: &[Action],
        secrets: Vec<SecretRequest>,
    ) -> Result<AuthorizedRequest, ResolveError> {
        let none = secrets.is_empty().then_some(None);
        let each = secrets.iter().map(|secret| Some(&secret.reference));
        let references: Vec<_> = none.into_iter().chain(each).collect();
        let mut rule = String::new();
        for action in actions {
            for reference in &references {
                let decision = context.decide(*action, *reference);
                if !decision.allowed {
                    let context = RequestContext {
                        action: *action,
                        ..context.clone()
                    };
                    return Err(self
                        .deny(context, &secrets, *reference, decision.rule)
                        .await);
                }
                rule = decision.rule;
            }
        }
        Ok(AuthorizedRequest::new(context, secrets, rule))
    }

    /// Writes a no down; what the caller is told.
    async fn deny(
        &self,
        context: RequestContext,
        secrets: &[SecretRequest],
        reference: Option<&SecretRef>,
        rule: String,
    ) -> ResolveError {
        let of = reference.map(|reference| format!(" of {reference}"));
        let denied = ResolveError::Denied {
            action: context.action,
            of: of.unwrap_or_default(),
            rule: rule.clone(),
            hint: remedy(&context.setup.policy, &context.question(reference)),
        };
        let about = |secret: &&SecretRequest| Some(&secret.reference) == reference;
        let values = secrets.iter().find(about).map(|one| plain(one, None));
        let values = values.into_iter().collect();
        let context = Arc::new(context);
        let recorded = self.record(context, Outcome::Denied, rule, values, Some(kinds::DENIED));
        recorded.await.err().unwrap_or(denied)
    }

    /// Fetches what was asked for, without writing anything down.
    async fn fetch(&self, request: &AuthorizedRequest) -> Vec<Resolved> {
        let context = request.context();
        let mut references = request.secrets().iter().map(|secret| &secret.reference);
        if references.any(|reference| !self.upstream.is_remote(context.kind(reference))) {
            self.notice_changes();
        }
        let fetch = |secret: &SecretRequest| {
            let secret = secret.clone();
            async move {
                let value = self.fetch_one(context, &secret).await;
                Resolved {
                    delivery: secret.delivery,
                    reference: secret.reference,
                    value,
                }
            }
        };
        join_all(request.secrets().iter().map(fetch)).await
    }

    /// Lets values of this machine's store be asked for again where somebody else has changed it.
    fn notice_changes(&self) {
        self.upstream.when_changed(|kind| {
            tracing::info!(backend = %kind, "changed by another program: asked again before anything is used");
            self.cache.doubt(kind);
        });
    }

    async fn fetch_one(
        &self,
        context: &RequestContext,
        secret: &SecretRequest,
    ) -> Result<Served, Arc<UpstreamError>> {
        let address = context.address(&secret.reference);
        self.check_backend(&address)?;
        let reference = secret.reference.to_string();
        let freshness = context.freshness.with(secret.ages);
        let get = self
            .cache
            .get(&address, &reference, &freshness, context.time);
        let picked = get.await?.pick(secret.reference.field());
        picked.map_err(|error| Arc::new(error.into()))
    }

    /// The whole way of a request for values: policy is asked, the values are fetched and judged, and what
    /// leaves is written down before it does. What ends while that is written is fetched once more.
    ///
    /// Where `unfit` says a stable word, nothing is fetched; where `problem` says one of what was, nothing
    /// leaves. Either is written down, and what was fetched comes back all the same, for its messages.
    ///
    /// # Errors
    /// [`ResolveError`]: then nothing may leave.
    pub async fn resolve(
        &self,
        context: RequestContext,
        actions: &[Action],
        secrets: Vec<SecretRequest>,
        unfit: Option<&'static str>,
        problem: impl Fn(&[Resolved]) -> Option<&'static str>,
    ) -> Result<Vec<Resolved>, ResolveError> {
        let request = self.authorize(context, actions, secrets).await?;
        if let Some(unfit) = unfit {
            self.record_failed(&request, vec![], unfit).await?;
            return Ok(vec![]);
        }
        let mut resolved = self.fetch(&request).await;
        let mut released = self.release(&request, &resolved, problem(&resolved)).await;
        if let Err(ResolveError::Ended) = released {
            resolved = self.fetch(&request).await;
            released = self.release(&request, &resolved, problem(&resolved)).await;
        }
        released.map(|()| resolved)
    }

    /// What [`Resolver::resolve`] would hand out. No value leaves; that somebody looked is written down.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn inspect(
        &self,
        context: RequestContext,
        actions: &[Action],
        secrets: Vec<SecretRequest>,
    ) -> Result<Vec<Resolved>, ResolveError> {
        let request = self.authorize(context, actions, secrets).await?;
        let resolved = self.fetch(&request).await;
        let values = request.secrets().iter();
        let values = values.map(|secret| plain(secret, None)).collect();
        self.record_allowed(&request, values).await?;
        Ok(resolved)
    }

    /// Writes down what is about to leave, after a second look at who asked.
    async fn release(
        &self,
        request: &AuthorizedRequest,
        resolved: &[Resolved],
        problem: Option<&'static str>,
    ) -> Result<(), ResolveError> {
        let values = |leaves: bool| -> Vec<ValueRecord> {
            let record = |one| handed_out(one, leaves);
            resolved.iter().map(record).collect()
        };
        if !request.context().peer.is_alive() {
            self.record_failed(request, values(false), kinds::PEER_GONE)
                .await?;
            return Err(ResolveError::PeerGone);
        }
        if let Some(problem) = problem {
            return self.record_failed(request, values(false), problem).await;
        }
        self.record_allowed(request, values(true)).await?;
        let mut served = resolved.iter().filter_map(|one| one.value.as_ref().ok());
        if served.all(|served| self.cache.may_leave(served)) {
            return Ok(());
        }
        self.record_failed(request, values(false), kinds::UNAVAILABLE)
            .await?;
        Err(ResolveError::Ended)
    }

    /// Writes down, before it is done, that something is.
    ///
    /// # Errors
    /// [`ResolveError::PeerGone`], [`ResolveError::Audit`]: then it must not be done.
    pub async fn announce(
        &self,
        request: &AuthorizedRequest,
        values: Vec<ValueRecord>,
    ) -> Result<(), ResolveError> {
        if !request.context().peer.is_alive() {
            return Err(ResolveError::PeerGone);
        }
        self.record_allowed(request, values).await
    }

    async fn record_allowed(
        &self,
        request: &AuthorizedRequest,
        values: Vec<ValueRecord>,
    ) -> Result<(), ResolveError> {
        let (context, rule) = (Arc::clone(request.context()), request.rule().to_owned());
        self.record(context, Outcome::Allowed, rule, values, None)
            .await
    }

    /// Writes down that what policy lets through came to nothing.
    ///
    /// # Errors
    /// [`ResolveError::Audit`].
    pub async fn record_failed(
        &self,
        request: &AuthorizedRequest,
        values: Vec<ValueRecord>,
        problem: &'static str,
    ) -> Result<(), ResolveError> {
        let (context, rule) = (Arc::clone(request.context()), request.rule().to_owned());
        let failed = Outcome::Failed;
        self.record(context, failed, rule, values, Some(problem))
            .await
    }

    /// Writes down a request that came to nothing before policy could be asked.
    ///
    /// # Errors
    /// [`ResolveError::Audit`].
    pub async fn record_refused(
        &self,
        context: &RequestContext,
        problem: &'static str,
    ) -> Result<(), ResolveError> {
        let context = Arc::new(context.clone());
        let (failed, no_rule) = (Outcome::Failed, String::new());
        self.record(context, failed, no_rule, vec![], Some(problem))
            .await
    }

    /// Writes one record off the serving threads.
    async fn record(
        &self,
        context: Arc<RequestContext>,
        outcome: Outcome,
        rule: String,
        values: Vec<ValueRecord>,
        error: Option<&'static str>,
    ) -> Result<(), ResolveError> {
        let permit = Arc::clone(&self.writes).acquire_owned().await;
        let audit = Arc::clone(&self.audit);
        let write = move || {
            let _permit = permit;
            let record = Record {
                time: rfc3339(unix_time()),
                event: context.action.as_str(),
                outcome,
                rule: &rule,
                service: context.service.as_deref(),
                environment: context.environment.as_deref(),
                on_behalf_of: context.subject.as_deref(),
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
    ValueRecord::requested(want.delivery.variable(), &want.reference).because(problem)
}

fn handed_out(resolved: &Resolved, leaves: bool) -> ValueRecord {
    let record = ValueRecord::requested(resolved.delivery.variable(), &resolved.reference);
    let served = match &resolved.value {
        Ok(served) => served,
        Err(error) => return record.because(Some(error.kind())),
    };
    let version = &served.held.bundle.version;
    match problem_with(resolved.delivery.variable(), served) {
        None if leaves => record.released(version, served.age, served.stale.is_some()),
        problem => record.withheld(version, served.age).because(problem),
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
