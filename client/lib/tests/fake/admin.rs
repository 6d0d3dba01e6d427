//! The fake's answers to calls of administration.

use tonic::codegen::async_trait;
use tonic::{Request, Response, Status};
use vault_proto::generated::admin_server::Admin;
use vault_proto::generated::{
    CancelDeletionReply, CancelDeletionRequest, DeleteReply, DeleteRequest, DoctorReply,
    DoctorRequest, EffectiveSetting, ExaminedBackend, ExplainConfigReply, ExplainConfigRequest,
    Finding, FlushReply, FlushRequest, ListReply, ListRequest, MetricsReply, MetricsRequest,
    PromoteReply, PromoteRequest, PutReply, PutRequest, RefreshReply, RefreshRequest,
    RefreshedSecret, ReloadReply, ReloadRequest, ResetBreakerReply, ResetBreakerRequest,
    ScheduleDeletionReply, ScheduleDeletionRequest, ServiceEntry, ServiceSecret, StatusReply,
    StatusRequest, StoredSecret, StoredVersion, TestPolicyReply, TestPolicyRequest, VersionsReply,
    VersionsRequest, WhyReply, WhyRequest,
};
use vault_proto::kinds;
use vault_proto::sealed::{Label, Opener, Purpose, TAG_BYTES};

use super::State;
use super::secrets::provenance;

type Answer<T> = Result<Response<T>, Status>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "every answer is the end of a call"
)]
fn answer<T>(reply: T) -> Answer<T> {
    Ok(Response::new(reply))
}

#[async_trait]
impl Admin for State {
    async fn status(&self, _: Request<StatusRequest>) -> Answer<StatusReply> {
        self.enter("status", ()).await?;
        answer(self.plan().status.clone())
    }

    async fn list(&self, _: Request<ListRequest>) -> Answer<ListReply> {
        self.enter("list", ()).await?;
        answer(ListReply {
            secrets: vec![StoredSecret {
                reference: "local://a".to_owned(),
                current_version: "3".to_owned(),
                versions: 2,
                changed_unix_seconds: 1,
            }],
            services: vec![ServiceEntry {
                name: "git".to_owned(),
                source: "/c/git.json".to_owned(),
                argv: vec!["/bin/git".to_owned()],
                secrets: vec![ServiceSecret {
                    variable: "TOKEN".to_owned(),
                    reference: "local://a".to_owned(),
                    required: true,
                }],
                environments: vec!["dev".to_owned()],
                problem: self.plan().problem.clone(),
                ..ServiceEntry::default()
            }],
        })
    }

    async fn explain_config(
        &self,
        request: Request<ExplainConfigRequest>,
    ) -> Answer<ExplainConfigReply> {
        let asked = request.into_inner();
        self.enter("explain_config", &asked.environment).await?;
        let setting = |key: &str, value: &str, origin: &str| EffectiveSetting {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
        };
        answer(ExplainConfigReply {
            configuration_path: "/c/resolver.yaml".to_owned(),
            service_directories: vec!["/c/configs".to_owned()],
            environment: asked.environment,
            environments: vec!["dev".to_owned()],
            settings: vec![
                setting("cache.ttl", "60", "resolver.yaml:3"),
                setting("vault.region", "null", "default"),
            ],
            warnings: vec!["a warning".to_owned()],
        })
    }

    async fn why(&self, request: Request<WhyRequest>) -> Answer<WhyReply> {
        let asked = request.into_inner();
        self.enter("why", &asked.reference).await?;
        let plan = self.plan();
        answer(WhyReply {
            reference: asked.reference,
            routes: plan.routes.clone(),
            other_meanings: plan.other_meanings.clone(),
            ..WhyReply::default()
        })
    }

    async fn metrics(&self, _: Request<MetricsRequest>) -> Answer<MetricsReply> {
        self.enter("metrics", ()).await?;
        answer(MetricsReply {
            text: "# EOF\n".to_owned(),
        })
    }

    async fn flush(&self, request: Request<FlushRequest>) -> Answer<FlushReply> {
        self.enter("flush", &request.get_ref().reference).await?;
        answer(FlushReply { flushed: 2 })
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Answer<RefreshReply> {
        self.enter("refresh", &request.get_ref().reference).await?;
        let problem = |problem: &str| RefreshedSecret {
            reference: "local://a".to_owned(),
            provenance: problem.is_empty().then(provenance),
            problem: problem.to_owned(),
        };
        let secrets = match request.get_ref().reference.as_str() {
            "local://gone" => vec![problem(""), problem("no such secret")],
            _ => vec![problem("")],
        };
        answer(RefreshReply { secrets })
    }

    async fn reset_breaker(
        &self,
        request: Request<ResetBreakerRequest>,
    ) -> Answer<ResetBreakerReply> {
        let asked = request.get_ref();
        self.enter("reset_breaker", (&asked.backend, &asked.scope))
            .await?;
        answer(ResetBreakerReply { reset: 1 })
    }

    async fn reload(&self, _: Request<ReloadRequest>) -> Answer<ReloadReply> {
        self.enter("reload", ()).await?;
        let path = if self.plan().has_no_resolver_file {
            ""
        } else {
            "/c/resolver.yaml"
        };
        answer(ReloadReply {
            generation: 2,
            configuration_path: path.to_owned(),
            services: 4,
            refused: 0,
            warnings: vec!["unknown key `x`".to_owned()],
        })
    }

    async fn put(&self, request: Request<PutRequest>) -> Answer<PutReply> {
        let asked = request.into_inner();
        match (asked.pending, asked.version_name.as_str()) {
            (false, "") => self.enter("put", &asked.reference).await?,
            new => self.enter("put", (&asked.reference, new)).await?,
        }
        let key = self.key.lock().expect("the key");
        let key = key.as_ref().expect("Hello came first");
        let mut opener = Opener::new(
            Purpose::Put,
            key,
            &asked.encapsulated_key,
            &asked.request_id,
        )
        .expect("an opener");
        let label = Label {
            reference: &asked.reference,
            ..Label::default()
        };
        let mut value = vec![0; asked.ciphertext.len() - TAG_BYTES];
        opener
            .open_into(label, &asked.ciphertext, &mut value)
            .expect("a value sealed to this boot's key");
        let mut stored = self.stored.lock().expect("the store");
        stored.push((asked.reference.clone(), value));
        let plan = self.plan();
        answer(PutReply {
            reference: asked.reference,
            version: stored.len().to_string(),
            used_by: plan.used_by.clone(),
            with_old_value: plan.with_old_value.clone(),
            other_meanings: plan.other_meanings.clone(),
        })
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Answer<DeleteReply> {
        let asked = request.into_inner();
        let reference = asked.reference;
        self.enter("delete", &reference).await?;
        if let [used, ..] = self.plan().used_by.as_slice()
            && !asked.even_if_used
        {
            let message = format!("it is used by {} ({})", used.service, used.variable);
            let mut status = Status::failed_precondition(message);
            let kind = kinds::IN_USE.parse().expect("ASCII");
            status.metadata_mut().insert(kinds::HEADER, kind);
            return Err(status);
        }
        answer(DeleteReply {
            reference,
            versions: 2,
        })
    }

    async fn versions(&self, request: Request<VersionsRequest>) -> Answer<VersionsReply> {
        let reference = request.into_inner().reference;
        self.enter("versions", &reference).await?;
        let version = |number: u64| StoredVersion {
            version: number.to_string(),
            created_unix_seconds: number,
            current: number == 2,
            ..StoredVersion::default()
        };
        let pending = StoredVersion {
            stages: vec!["PENDING".to_owned(), "LATEST".to_owned()],
            name: "blue".to_owned(),
            expires_unix_seconds: 4_102_444_800,
            deletion_unix_seconds: 951_782_399,
            ..version(3)
        };
        let versions = match reference.as_str() {
            "local://a" => vec![version(2), version(1)],
            _ => vec![pending, version(2)],
        };
        answer(VersionsReply {
            reference,
            versions,
        })
    }

    async fn promote(&self, request: Request<PromoteRequest>) -> Answer<PromoteReply> {
        let asked = request.into_inner();
        self.enter("promote", (&asked.reference, &asked.version))
            .await?;
        answer(PromoteReply {
            reference: asked.reference,
            version: asked.version,
            with_old_value: self.plan().with_old_value.clone(),
        })
    }

    async fn doctor(&self, request: Request<DoctorRequest>) -> Answer<DoctorReply> {
        let asked = request.into_inner();
        self.enter("doctor", &asked.backend).await?;
        let finding = |what: &str, well: bool| Finding {
            what: what.to_owned(),
            well,
            detail: "as found".to_owned(),
            remedy: if well { "" } else { "mend it" }.to_owned(),
        };
        answer(DoctorReply {
            backends: vec![ExaminedBackend {
                name: "oci".to_owned(),
                scope: "profile DEFAULT".to_owned(),
                used_by: vec![],
                findings: vec![finding("configuration", true), finding("key", false)],
            }],
            services: vec![],
        })
    }

    async fn schedule_deletion(
        &self,
        request: Request<ScheduleDeletionRequest>,
    ) -> Answer<ScheduleDeletionReply> {
        let asked = request.into_inner();
        let chosen = match asked.deletion_unix_seconds {
            0 => "as late as the vault does it",
            _ => "at a time",
        };
        self.enter(
            "schedule_deletion",
            (&asked.reference, asked.version, chosen),
        )
        .await?;
        // The end of February 1999, or not known.
        let known = asked.deletion_unix_seconds == 0;
        answer(ScheduleDeletionReply {
            reference: asked.reference,
            version: asked.version,
            deletion_unix_seconds: if known { 920_246_399 } else { 0 },
        })
    }

    async fn cancel_deletion(
        &self,
        request: Request<CancelDeletionRequest>,
    ) -> Answer<CancelDeletionReply> {
        let asked = request.into_inner();
        self.enter("cancel_deletion", (&asked.reference, asked.version))
            .await?;
        answer(CancelDeletionReply {
            reference: asked.reference,
            version: asked.version,
        })
    }

    async fn test_policy(&self, request: Request<TestPolicyRequest>) -> Answer<TestPolicyReply> {
        let asked = request.into_inner();
        let words = (&asked.action, &asked.service, &asked.reference);
        self.enter("test_policy", words).await?;
        answer(TestPolicyReply {
            allowed: asked.action == "launch",
            rule: "the default policy".to_owned(),
        })
    }
}
