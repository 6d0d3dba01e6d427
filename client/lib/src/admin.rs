//! What can a person ask?

use vault_proto::generated::admin_client::AdminClient;
use vault_proto::generated::{
    CancelDeletionReply, CancelDeletionRequest, DeleteReply, DeleteRequest, DoctorReply,
    DoctorRequest, ExplainConfigReply, ExplainConfigRequest, ExplainReply, ExplainRequest,
    FlushReply, FlushRequest, ListReply, ListRequest, MetricsReply, MetricsRequest, PromoteReply,
    PromoteRequest, PutReply, PutRequest, RefreshReply, RefreshRequest, ReloadReply, ReloadRequest,
    ResetBreakerReply, ResetBreakerRequest, ScheduleDeletionReply, ScheduleDeletionRequest,
    StatusReply, StatusRequest, TestPolicyReply, TestPolicyRequest, VersionsReply, VersionsRequest,
};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::client::Repeat;
use crate::error::Error;
use crate::opening::seal_for_daemon;

/// What is said of a version beside its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewVersion {
    /// Whether it waits until it is promoted.
    pub pending: bool,
    /// What it is called; empty for nothing.
    pub name: String,
}

impl Client {
    /// Stores `value` as a new version. Never repeated: a second one would be another version.
    pub async fn put(
        &mut self,
        reference: &str,
        value: Zeroizing<Vec<u8>>,
        new: NewVersion,
    ) -> Result<PutReply, Error> {
        let sealed = seal_for_daemon(self.daemon_key(), reference, value)?;
        let request = PutRequest {
            reference: reference.to_owned(),
            request_id: sealed.request_id,
            encapsulated_key: sealed.encapsulated_key,
            ciphertext: sealed.ciphertext,
            pending: new.pending,
            version_name: new.name,
        };
        self.ask(
            Repeat::Never(reference),
            request,
            async |channel, request| AdminClient::new(channel).put(request).await,
        )
        .await
    }

    /// Health, backends and held secrets.
    pub async fn status(&mut self) -> Result<StatusReply, Error> {
        self.ask(
            Repeat::Allowed,
            StatusRequest {},
            async |channel, request| AdminClient::new(channel).status(request).await,
        )
        .await
    }

    /// Stored secrets and configured services, by name.
    pub async fn list(&mut self) -> Result<ListReply, Error> {
        self.ask(Repeat::Allowed, ListRequest {}, async |channel, request| {
            AdminClient::new(channel).list(request).await
        })
        .await
    }

    /// All that is known of one reference.
    pub async fn explain(&mut self, reference: &str) -> Result<ExplainReply, Error> {
        let request = ExplainRequest {
            reference: reference.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).explain(request).await
        })
        .await
    }

    /// What the configuration says in an environment, empty for none, and where it says so.
    pub async fn explain_config(
        &mut self,
        environment: String,
    ) -> Result<ExplainConfigReply, Error> {
        let request = ExplainConfigRequest { environment };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).explain_config(request).await
        })
        .await
    }

    /// What a backend finds when it looks at everything it needs.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn doctor(&mut self, backend: &str) -> Result<DoctorReply, Error> {
        let request = DoctorRequest {
            backend: backend.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).doctor(request).await
        })
        .await
    }

    /// Counters as OpenMetrics text.
    pub async fn metrics(&mut self) -> Result<MetricsReply, Error> {
        self.ask(
            Repeat::Allowed,
            MetricsRequest {},
            async |channel, request| AdminClient::new(channel).metrics(request).await,
        )
        .await
    }

    /// Forgets one held value, or all for an empty reference; see [`Client::has_repeated`].
    pub async fn flush(&mut self, reference: &str) -> Result<FlushReply, Error> {
        let request = FlushRequest {
            reference: reference.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).flush(request).await
        })
        .await
    }

    /// Asks the backend now, for one reference or all that are held.
    pub async fn refresh(&mut self, reference: &str) -> Result<RefreshReply, Error> {
        let request = RefreshRequest {
            reference: reference.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).refresh(request).await
        })
        .await
    }

    /// Closes the breakers of a kind of backend, or of one by its scope; empty for all. See
    /// [`Client::has_repeated`].
    pub async fn reset_breaker(
        &mut self,
        backend: &str,
        scope: &str,
    ) -> Result<ResetBreakerReply, Error> {
        let request = ResetBreakerRequest {
            backend: backend.to_owned(),
            scope: scope.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).reset_breaker(request).await
        })
        .await
    }

    /// Reads the configuration again; all of it or none.
    pub async fn reload(&mut self) -> Result<ReloadReply, Error> {
        self.ask(
            Repeat::Allowed,
            ReloadRequest {},
            async |channel, request| AdminClient::new(channel).reload(request).await,
        )
        .await
    }

    /// Removes a stored secret with all its versions. Never repeated: one of the same name may have
    /// been stored since.
    pub async fn delete(&mut self, reference: &str) -> Result<DeleteReply, Error> {
        let request = DeleteRequest {
            reference: reference.to_owned(),
        };
        self.ask(
            Repeat::Never(reference),
            request,
            async |channel, request| AdminClient::new(channel).delete(request).await,
        )
        .await
    }

    /// The versions of a stored secret.
    pub async fn versions(&mut self, reference: &str) -> Result<VersionsReply, Error> {
        let request = VersionsRequest {
            reference: reference.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).versions(request).await
        })
        .await
    }

    /// Makes an existing version the current one. Never repeated: somebody else may have chosen
    /// another one since.
    pub async fn promote(&mut self, reference: &str, version: &str) -> Result<PromoteReply, Error> {
        let request = PromoteRequest {
            reference: reference.to_owned(),
            version: version.to_owned(),
        };
        self.ask(
            Repeat::Never(reference),
            request,
            async |channel, request| AdminClient::new(channel).promote(request).await,
        )
        .await
    }

    /// Has a secret deleted later, or one version of it where that is not 0, at `unix_seconds` or, for
    /// 0, as late as its vault does it. Never repeated: a person may have thought better of it since.
    pub async fn schedule_deletion(
        &mut self,
        reference: &str,
        version: u64,
        unix_seconds: u64,
    ) -> Result<ScheduleDeletionReply, Error> {
        let request = ScheduleDeletionRequest {
            reference: reference.to_owned(),
            version,
            deletion_unix_seconds: unix_seconds,
        };
        self.ask(
            Repeat::Never(reference),
            request,
            async |channel, request| AdminClient::new(channel).schedule_deletion(request).await,
        )
        .await
    }

    /// Keeps what was to be deleted. Never repeated, for the same reason.
    pub async fn cancel_deletion(
        &mut self,
        reference: &str,
        version: u64,
    ) -> Result<CancelDeletionReply, Error> {
        let request = CancelDeletionRequest {
            reference: reference.to_owned(),
            version,
        };
        self.ask(
            Repeat::Never(reference),
            request,
            async |channel, request| AdminClient::new(channel).cancel_deletion(request).await,
        )
        .await
    }

    /// What policy would say, and by which rule.
    pub async fn test_policy(
        &mut self,
        action: &str,
        service: &str,
        reference: &str,
    ) -> Result<TestPolicyReply, Error> {
        let request = TestPolicyRequest {
            action: action.to_owned(),
            service: service.to_owned(),
            reference: reference.to_owned(),
        };
        self.ask(Repeat::Allowed, request, async |channel, request| {
            AdminClient::new(channel).test_policy(request).await
        })
        .await
    }
}
