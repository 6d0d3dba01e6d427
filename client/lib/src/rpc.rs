//! The calls of the API: each request with its reply, and whether it changes a secret.

use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use vault_proto::LARGEST_ADMIN_REPLY;
use vault_proto::generated as message;
use vault_proto::generated::admin_client::AdminClient;
use vault_proto::generated::secrets_client::SecretsClient;

/// A request of a call with one reply.
pub trait Rpc: Clone + Send + Sync {
    /// What the daemon answers.
    type Reply: Send;

    /// The reference of the secret that the call changes, which must not be done twice: somebody
    /// else may have changed it since. `None` where a second call leaves the same state.
    fn changes(&self) -> Option<&str>;

    #[doc(hidden)]
    fn send(
        request: Request<Self>,
        channel: Channel,
    ) -> impl Future<Output = Result<Response<Self::Reply>, Status>> + Send;
}

macro_rules! rpcs {
    (@changes $request:ident changes) => { Some(&$request.reference) };
    (@changes $request:ident) => { None };
    ($client:ident: $($method:ident($request:ident) -> $reply:ident $(, $changes:ident)?;)*) => {
        $(impl Rpc for message::$request {
            type Reply = message::$reply;

            fn changes(&self) -> Option<&str> {
                let _request = self;
                rpcs!(@changes _request $($changes)?)
            }

            async fn send(
                request: Request<Self>,
                channel: Channel,
            ) -> Result<Response<Self::Reply>, Status> {
                let client = $client::new(channel);
                let mut client = client.max_decoding_message_size(LARGEST_ADMIN_REPLY);
                client.$method(request).await
            }
        })*
    };
}

rpcs! { SecretsClient:
    launch(LaunchRequest) -> LaunchReply;
    check(CheckRequest) -> CheckReply;
    resolve(ResolveRequest) -> ResolveReply;
}

rpcs! { AdminClient:
    status(StatusRequest) -> StatusReply;
    list(ListRequest) -> ListReply;
    why(WhyRequest) -> WhyReply;
    explain_config(ExplainConfigRequest) -> ExplainConfigReply;
    doctor(DoctorRequest) -> DoctorReply;
    metrics(MetricsRequest) -> MetricsReply;
    flush(FlushRequest) -> FlushReply;
    refresh(RefreshRequest) -> RefreshReply;
    reset_breaker(ResetBreakerRequest) -> ResetBreakerReply;
    reload(ReloadRequest) -> ReloadReply;
    put(PutRequest) -> PutReply, changes;
    delete(DeleteRequest) -> DeleteReply, changes;
    versions(VersionsRequest) -> VersionsReply;
    promote(PromoteRequest) -> PromoteReply, changes;
    schedule_deletion(ScheduleDeletionRequest) -> ScheduleDeletionReply, changes;
    cancel_deletion(CancelDeletionRequest) -> CancelDeletionReply, changes;
    test_policy(TestPolicyRequest) -> TestPolicyReply;
}
