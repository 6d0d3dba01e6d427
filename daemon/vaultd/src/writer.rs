//! Changes of secrets: policy is asked, the change is written down, then made.
//!
//! The record is written before the change, and a second one where the change failed: a change
//! without a record cannot happen, a record without its change is followed by one that says so.
//! Record, change and flush are one task: a caller that goes away meanwhile does not part them. Who gets
//! an answer need not fear that a restart brings back what was replaced.

mod under_way;

use std::num::NonZeroU64;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use vault_backends::address::{Address, VersionSelector};
use vault_backends::changing::{ChangeTarget, ListEntry, NewVersion, VersionEntry};
use vault_backends::error::BackendError;
use vault_memory::{Secret, Shield, ShieldError};
use vault_proto::kinds;
use vault_proto::reference::{SecretRef, parse_version};
use vault_proto::sealed::{Label, Opener, OpeningKey, Purpose, SealError, TAG_BYTES};

use crate::addresses::may_be_same_secret;
use crate::audit::ValueRecord;
use crate::cache::Cache;
use crate::resolver::{AuthorizedRequest, RequestContext, ResolveError, Resolver, SecretRequest};
use crate::snapshot::Snapshot;
use crate::upstream::{Upstream, UpstreamError};
use under_way::ChangesUnderWay;

/// Why nothing was changed, or is not known to be.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Policy, audit, or a caller that went away.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The sealed value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The value cannot be kept in memory.
    #[error(transparent)]
    Shield(#[from] ShieldError),
    /// A reference to one version cannot be written to.
    #[error("{0} names one version; leave what follows the question mark away")]
    Pinned(String),
    /// The backend's failure.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The backend's failure, which could not be written down either.
    #[error("{failure}; this could not be written down: {why}")]
    Unrecorded {
        /// What went wrong.
        #[source]
        failure: UpstreamError,
        /// Why there is no record of it.
        why: String,
    },
    /// The change is made, but what it replaced may be served again after a restart.
    #[error("the change is made, but {0}")]
    StaysOnDisk(String),
    /// The daemon ends, and the change was not begun.
    #[error("vaultd is stopping; nothing was changed")]
    Stopping,
}

impl WriteError {
    /// The stable word, on the wire and in the audit record.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Resolve(error) => error.kind(),
            Self::Seal(error) => error.kind(),
            Self::Shield(_) => kinds::INVALID_REQUEST,
            Self::Pinned(_) => kinds::INVALID_REFERENCE,
            Self::Upstream(error) | Self::Unrecorded { failure: error, .. } => error.kind(),
            Self::StaysOnDisk(_) => kinds::INTERNAL,
            Self::Stopping => kinds::UNAVAILABLE,
        }
    }
}

/// A value on its way in, sealed to this boot's key.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// What the caller's side of HPKE gave.
    pub encapsulated_key: &'a [u8],
    /// The value with its tag.
    pub ciphertext: &'a [u8],
}

/// What is known of the local store.
#[derive(Clone, Debug)]
pub enum StoreContents {
    /// Its secrets.
    Read(Vec<ListEntry>),
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It did not answer in time.
    Unknown,
}

/// How long a look into the store takes at most.
const LOOK: Duration = Duration::from_secs(1);

/// The way of changes.
pub struct Writer {
    resolver: Arc<Resolver>,
    upstream: Arc<Upstream>,
    cache: Arc<Cache>,
    snapshot: Arc<Snapshot>,
    shield: Arc<Shield>,
    public_key: Vec<u8>,
    /// The private half for this boot, shielded while it is not used.
    private_key: Secret,
    under_way: ChangesUnderWay,
}

impl Writer {
    /// One with a new key for this boot.
    ///
    /// # Errors
    /// [`ShieldError`] where the key cannot be kept.
    pub fn new(
        resolver: Arc<Resolver>,
        upstream: Arc<Upstream>,
        cache: Arc<Cache>,
        snapshot: Arc<Snapshot>,
        shield: Arc<Shield>,
    ) -> Result<Self, ShieldError> {
        let (private, public) = OpeningKey::generate();
        let private_key = shield.shield(&mut *private.to_bytes())?;
        Ok(Self {
            resolver,
            upstream,
            cache,
            snapshot,
            shield,
            public_key: public.to_vec(),
            private_key,
            under_way: ChangesUnderWay::new(),
        })
    }

    /// The key that values for [`Writer::put`] are sealed to.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Lets no other change begin and returns when those under way have ended and are written down. Once
    /// `grace` is over, what they do is no longer waited for.
    pub async fn finish(&self, grace: impl Future<Output = ()>) {
        self.under_way.finish(grace).await;
    }

    /// Stores a new version and returns it.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed, unless its text says otherwise.
    pub async fn put(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
        incoming: Incoming<'_>,
        new: NewVersion,
    ) -> Result<String, WriteError> {
        let (target, request) = self.authorize(context, reference).await?;
        let writable = self.upstream.writable(&target.address)?;
        let value = self.open(context, reference, incoming)?;
        let put = async move { writable.backend().put(&target, value, &new).await };
        self.change(request, reference, String::new(), put).await
    }

    /// Deletes a secret with all its versions and returns how many there were.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed, unless its text says otherwise.
    pub async fn delete(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
    ) -> Result<usize, WriteError> {
        let (target, request) = self.authorize(context, reference).await?;
        let writable = self.upstream.writable(&target.address)?;
        let delete = async move { writable.backend().delete(&target).await };
        self.change(request, reference, String::new(), delete).await
    }

    /// Makes an existing version the current one.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed, unless its text says otherwise.
    pub async fn promote(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
        version: &str,
    ) -> Result<(), WriteError> {
        let (target, request) = self.authorize(context, reference).await?;
        let writable = self.upstream.writable(&target.address)?;
        // What a caller typed is written down only where it is a version.
        let recorded = in_record(parse_version(version).map(NonZeroU64::get).ok());
        let version = version.to_owned();
        let promote = async move { writable.backend().promote(&target, &version).await };
        self.change(request, reference, recorded, promote).await
    }

    /// Has a secret, or one of its versions, deleted later, and returns when, if that is known; `at` is
    /// in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed, unless its text says otherwise.
    pub async fn schedule_deletion(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
        version: Option<u64>,
        at: Option<u64>,
    ) -> Result<Option<u64>, WriteError> {
        let (target, request) = self.authorize(context, reference).await?;
        let writable = self.upstream.writable(&target.address)?;
        let schedule = async move {
            writable
                .backend()
                .schedule_deletion(&target, version, at)
                .await
        };
        self.change(request, reference, in_record(version), schedule)
            .await
    }

    /// Keeps a secret, or one of its versions, that was to be deleted.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed, unless its text says otherwise.
    pub async fn cancel_deletion(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
        version: Option<u64>,
    ) -> Result<(), WriteError> {
        let (target, request) = self.authorize(context, reference).await?;
        let writable = self.upstream.writable(&target.address)?;
        let cancel = async move { writable.backend().cancel_deletion(&target, version).await };
        self.change(request, reference, in_record(version), cancel)
            .await
    }

    /// The versions of one secret, oldest first.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn versions(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
    ) -> Result<Vec<VersionEntry>, WriteError> {
        let (target, _) = self.authorize(context, reference).await?;
        let writable = self.upstream.writable(&target.address)?;
        let versions = writable.backend().versions(&target);
        Ok(self.upstream.once(&target.address, versions).await?)
    }

    /// The secrets of the local store, by name.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn list(&self, context: &RequestContext) -> Result<Vec<ListEntry>, WriteError> {
        let actions = [context.action];
        let request = self.resolver.authorize(context.clone(), &actions, vec![]);
        request.await?;
        let local = Address::local("");
        let writable = self.upstream.writable(&local)?;
        Ok(self
            .upstream
            .once(&local, writable.backend().list())
            .await?)
    }

    /// A look into the local store for whoever asks how things are. It is no call as others are: its end
    /// is not counted, and says nothing of the store's health.
    pub async fn store_contents(&self) -> StoreContents {
        let unreadable = |why: String| StoreContents::Unreadable(why);
        let writable = match self.upstream.writable(&Address::local("")) {
            Ok(writable) => writable,
            Err(error) => return unreadable(error.to_string()),
        };
        match tokio::time::timeout(LOOK, writable.backend().list()).await {
            Ok(Ok(stored)) => StoreContents::Read(stored),
            Ok(Err(error)) => unreadable(error.to_string()),
            Err(_) => StoreContents::Unknown,
        }
    }

    async fn authorize(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
    ) -> Result<(ChangeTarget, AuthorizedRequest), WriteError> {
        let (actions, secrets) = ([context.action], vec![SecretRequest::of(reference)]);
        let request = self.resolver.authorize(context.clone(), &actions, secrets);
        let request = request.await?;
        let address = context.address(reference);
        if address.version != VersionSelector::Current {
            return Err(WriteError::Pinned(reference.to_string()));
        }
        let target = context.targets.of(address.kind);
        let placement = target.map(|target| target.placement()).unwrap_or_default();
        Ok((ChangeTarget { address, placement }, request))
    }

    /// Opens the value straight into protected memory.
    fn open(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
        incoming: Incoming<'_>,
    ) -> Result<Secret, WriteError> {
        let key = self
            .private_key
            .expose_secret(|bytes| OpeningKey::from_bytes(bytes))??;
        let mut opener = Opener::new(
            Purpose::Put,
            &key,
            incoming.encapsulated_key,
            &context.request_id,
        )?;
        let length = incoming
            .ciphertext
            .len()
            .checked_sub(TAG_BYTES)
            .ok_or(SealError::Open)?;
        let reference = reference.to_string();
        let label = Label {
            reference: &reference,
            ..Label::default()
        };
        self.shield.shield_with(length, |room| {
            opener.open_into(label, incoming.ciphertext, &mut room[..length])?;
            Ok::<_, WriteError>(length)
        })
    }

    /// Makes a change in a task of its own. A caller that goes away while it waits for a permit ends it;
    /// afterwards it goes on to its end, for the backend may already have done it.
    async fn change<T: Send + 'static>(
        &self,
        request: AuthorizedRequest,
        reference: &SecretRef,
        version: String,
        work: impl Future<Output = Result<T, BackendError>> + Send + 'static,
    ) -> Result<T, WriteError> {
        let permit = self.under_way.begin().await;
        let mut permit = permit.ok_or(WriteError::Stopping)?;
        let change = Change {
            resolver: Arc::clone(&self.resolver),
            cache: Arc::clone(&self.cache),
            snapshot: Arc::clone(&self.snapshot),
            address: request.context().address(reference),
            request,
            reference: reference.clone(),
            version,
        };
        let (upstream, address) = (Arc::clone(&self.upstream), change.address.clone());
        let task = tokio::spawn(async move {
            change.announce().await?;
            // Also after a panic nobody knows what the backend has done.
            let result = AssertUnwindSafe(upstream.once(&address, work)).catch_unwind();
            let result = permit.until_interrupted(result).await;
            let result = result.unwrap_or_else(|| Ok(Err(UpstreamError::stopped(&address))));
            change
                .finish(result.unwrap_or(Err(UpstreamError::Lost)))
                .await
        });
        task.await.unwrap_or(Err(UpstreamError::Lost.into()))
    }
}

/// A version as it is written down; nothing where a change is about the whole secret.
fn in_record(version: Option<u64>) -> String {
    version.map_or(String::new(), |number| number.to_string())
}

/// One change under way, with all that its record needs.
struct Change {
    resolver: Arc<Resolver>,
    cache: Arc<Cache>,
    snapshot: Arc<Snapshot>,
    request: AuthorizedRequest,
    reference: SecretRef,
    address: Address,
    /// The version it is about; empty where it is about none or the backend will choose it.
    version: String,
}

impl Change {
    async fn announce(&self) -> Result<(), ResolveError> {
        let values = vec![self.value(None)];
        self.resolver.announce(&self.request, values).await
    }

    /// Forgets what was held of the secret, whatever its version; a failure is written down.
    async fn finish<T>(&self, result: Result<T, UpstreamError>) -> Result<T, WriteError> {
        let written = &self.address;
        let kinds = self.request.context().setup.kinds();
        self.cache.flush_kind(written.kind, |held| {
            may_be_same_secret(held, written, kinds)
        });
        // No value of this machine's own store is there.
        let forgotten = if kinds.policy(written.kind).is_remote {
            self.snapshot.forgotten().await
        } else {
            Ok(())
        };
        let failure = match result {
            Ok(done) => {
                return forgotten.map(|()| done).map_err(WriteError::StaysOnDisk);
            }
            Err(failure) => failure,
        };
        let values = vec![self.value(Some(failure.kind()))];
        let recorded = self
            .resolver
            .record_failed(&self.request, values, failure.kind())
            .await;
        Err(match recorded {
            Ok(()) => failure.into(),
            Err(ResolveError::Audit(why)) => WriteError::Unrecorded { failure, why },
            Err(other) => other.into(),
        })
    }

    fn value(&self, problem: Option<&'static str>) -> ValueRecord {
        let value = ValueRecord::requested("", &self.reference);
        value.of_version(&self.version).because(problem)
    }
}

#[cfg(test)]
mod tests;
