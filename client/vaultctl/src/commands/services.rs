//! `vaultctl services`: the configured services.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, Row, Style, table};
use vault_proto::generated::{ListRequest, ServiceEntry, ServiceSecret};

use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct ServicesJson {
    services: Vec<ServiceJson>,
}

#[derive(Debug, Serialize)]
struct ServiceJson {
    name: String,
    description: String,
    source: String,
    argv: Vec<String>,
    secrets: Vec<ServiceSecretJson>,
    problem: String,
    environments: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ServiceSecretJson {
    variable: String,
    reference: String,
    required: bool,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let reply = client.call(ListRequest {}).await?;
    let text = text(&reply.services);
    let json = ServicesJson {
        services: reply.services.into_iter().map(Into::into).collect(),
    };
    report::answer(form, || text, &json)
}

fn text(services: &[ServiceEntry]) -> String {
    if services.is_empty() {
        return "no services are configured\n".to_owned();
    }
    let row = |service: &ServiceEntry| -> Row<5> {
        let secrets: Vec<&str> = service
            .secrets
            .iter()
            .map(|secret| secret.variable.as_str())
            .collect();
        let secrets = match secrets.as_slice() {
            [] => "none".to_owned(),
            secrets => secrets.join(","),
        };
        let state = match service.problem.as_str() {
            "" => "ready",
            problem => problem,
        };
        [
            service.name.clone(),
            service.environments.join(","),
            secrets,
            service.source.clone(),
            state.to_owned(),
        ]
        .into()
    };
    let rows: Vec<_> = services.iter().map(row).collect();
    let headings = ["SERVICE", "ENVIRONMENTS", "SECRETS", "SOURCE", "STATE"];
    table(headings, &rows, Style::PLAIN)
}

impl From<ServiceEntry> for ServiceJson {
    fn from(service: ServiceEntry) -> Self {
        Self {
            name: service.name,
            description: service.description,
            source: service.source,
            argv: service.argv,
            secrets: service.secrets.into_iter().map(Into::into).collect(),
            problem: service.problem,
            environments: service.environments,
        }
    }
}

impl From<ServiceSecret> for ServiceSecretJson {
    fn from(secret: ServiceSecret) -> Self {
        Self {
            variable: secret.variable,
            reference: secret.reference,
            required: secret.required,
        }
    }
}
