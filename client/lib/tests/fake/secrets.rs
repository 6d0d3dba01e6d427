//! The fake's answers to launches.

use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::{BoxStream, async_trait, tokio_stream};
use tonic::{Request, Response, Status};
use vault_proto::delivery::Delivery;
use vault_proto::generated::secrets_server::Secrets;
use vault_proto::generated::{
    CheckReply, CheckRequest, HelloReply, HelloRequest, LaunchReply, LaunchRequest, Provenance,
    ResolveReply, ResolveRequest, SealedValue, SealedValues, Setting, WatchEvent, WatchRequest,
};
use vault_proto::sealed::{Label, OpeningKey, Purpose, Sealer};
use vault_proto::{PROTOCOL, kinds};

use super::{Plan, State, refused};

/// Version, age and state of every value.
pub(crate) fn provenance() -> Provenance {
    Provenance {
        version: "3".to_owned(),
        age_ms: 61_000,
        state: 1,
        stale_reason: String::new(),
    }
}

#[async_trait]
impl Secrets for State {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        assert!(request.metadata().contains_key("grpc-timeout"));
        let asked = request.into_inner();
        assert_eq!(
            (asked.protocol, asked.oldest_protocol),
            (PROTOCOL, PROTOCOL)
        );
        if self.plan().stalled {
            std::future::pending::<()>().await;
        }
        if let Some(words) = &self.plan().protocol_refusal {
            return Err(refused(kinds::PROTOCOL, words));
        }
        let (key, public_key) = OpeningKey::generate();
        *self.key.lock().expect("the key") = Some(key);
        Ok(Response::new(HelloReply {
            protocol: PROTOCOL,
            server_version: "0.0.0-fake".to_owned(),
            public_key: public_key.to_vec(),
        }))
    }

    async fn launch(
        &self,
        request: Request<LaunchRequest>,
    ) -> Result<Response<LaunchReply>, Status> {
        assert!(request.metadata().contains_key("grpc-timeout"));
        let asked = request.into_inner();
        let from = if asked.environment_inherited {
            "inherited "
        } else {
            ""
        };
        let environment = format!("{from}{}", asked.environment);
        let words = (&asked.service, environment, &asked.command);
        self.enter("launch", words).await?;
        let plan = self.plan();
        let setting = |(variable, value): &(String, String)| Setting {
            variable: variable.clone(),
            value: value.clone(),
        };
        let argv = if asked.command.is_empty() {
            plan.argv.clone()
        } else {
            asked.command
        };
        Ok(Response::new(LaunchReply {
            argv,
            cwd: plan.cwd.clone(),
            settings: plan.settings.iter().map(setting).collect(),
            secrets: Some(seal(
                &plan,
                Purpose::Launch,
                &asked.public_key,
                &asked.request_id,
            )),
            keep_variables: plan.keep_variables.clone(),
            warnings: plan.warnings.clone(),
            path: plan.path.clone(),
            program_directory: plan.program_directory.clone(),
        }))
    }

    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckReply>, Status> {
        let asked = request.into_inner();
        let from = if asked.environment_inherited {
            "inherited "
        } else {
            ""
        };
        let profile = match asked.profile.as_str() {
            "" => String::new(),
            profile => format!(" as {profile}"),
        };
        let environment = format!("{from}{}{profile}", asked.environment);
        let words = (&asked.service, environment, &asked.command);
        self.enter("check", words).await?;
        Ok(Response::new(self.plan().check.clone()))
    }

    async fn resolve(
        &self,
        request: Request<ResolveRequest>,
    ) -> Result<Response<ResolveReply>, Status> {
        let asked = request.into_inner();
        self.enter("resolve", &asked.references).await?;
        let plan = self.plan();
        let (key, id) = (&asked.public_key, &asked.request_id);
        let secrets = match &plan.values {
            None => seal(&plan, Purpose::Resolve, key, id),
            Some(values) => {
                let value = |reference: &String| match values.get(reference) {
                    Some(value) => Ok((String::new(), reference.clone(), value.clone())),
                    None => {
                        let message = format!("{reference}: no such secret");
                        Err(refused(kinds::NOT_FOUND, &message))
                    }
                };
                let named: Result<Vec<_>, Status> = asked.references.iter().map(value).collect();
                seal_named(named?, &state(&plan), Purpose::Resolve, key, id)
            }
        };
        Ok(Response::new(ResolveReply {
            secrets: Some(secrets),
        }))
    }

    type WatchStream = BoxStream<WatchEvent>;

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        assert!(!request.metadata().contains_key("grpc-timeout"));
        self.enter("watch", &request.get_ref().references).await?;
        let event = |name: &str| WatchEvent {
            reference: name.to_owned(),
            provenance: Some(provenance()),
            lost: false,
        };
        let plan = self.plan();
        let events = match plan.events.as_slice() {
            [] => vec![event("local://a"), event("local://b")],
            events => events.to_vec(),
        };
        let events = tokio_stream::iter(events.into_iter().map(Ok));
        if plan.watches_on {
            return Ok(Response::new(Box::pin(
                events.chain(tokio_stream::pending()),
            )));
        }
        Ok(Response::new(Box::pin(events)))
    }
}

fn seal(plan: &Plan, purpose: Purpose, public_key: &[u8], request_id: &[u8]) -> SealedValues {
    let (_, other_key) = OpeningKey::generate();
    let key = if plan.sealed_for_another {
        &other_key[..]
    } else {
        public_key
    };
    let named = plan.secrets.iter().map(|(name, value)| {
        let reference = format!("local://{}", name.to_lowercase());
        let variable = match purpose {
            Purpose::Resolve => String::new(),
            _ => name.clone(),
        };
        (variable, reference, value.clone())
    });
    seal_named(named.collect(), &state(plan), purpose, key, request_id)
}

fn state(plan: &Plan) -> Provenance {
    Provenance {
        state: if plan.stale.is_empty() { 1 } else { 2 },
        stale_reason: plan.stale.clone(),
        ..provenance()
    }
}

/// Variable, reference and value of each.
fn seal_named(
    named: Vec<(String, String, Vec<u8>)>,
    provenance: &Provenance,
    purpose: Purpose,
    key: &[u8],
    request_id: &[u8],
) -> SealedValues {
    let mut sealer = Sealer::new(purpose, key, request_id).expect("a sealer");
    let encapsulated_key = sealer.encapsulated_key().to_vec();
    let seal = |(variable, reference, mut value): (String, String, Vec<u8>)| {
        let delivery = Delivery::into_variable(&variable);
        let label = Label {
            delivery: &delivery,
            reference: &reference,
            version: &provenance.version,
            state: provenance.state,
        };
        SealedValue {
            ciphertext: sealer.seal(label, &mut value).expect("sealed"),
            variable,
            reference,
            provenance: Some(provenance.clone()),
        }
    };
    SealedValues {
        values: named.into_iter().map(seal).collect(),
        encapsulated_key,
    }
}
