//! `vaultctl services`: the configured services.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Cell, Client, Row, Style, Tone, field, table};
use vault_proto::generated::{ListRequest, ServiceEntry, ServiceSecret};

use crate::failure::{Failure, code_of_health};
use crate::report::{self, Form};
use crate::terminal::style_of_output;

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
    let all_can_start = reply.services.iter().all(|one| one.problem.is_empty());
    let text = text(&reply.services, style_of_output());
    let json = ServicesJson {
        services: reply.services.into_iter().map(Into::into).collect(),
    };
    report::answer(form, || text, &json)?;
    Ok(code_of_health(all_can_start))
}

fn text(services: &[ServiceEntry], style: Style) -> String {
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
        let (tone, state) = match service.problem.as_str() {
            "" => (Tone::Good, "ready"),
            _ => (Tone::Bad, "cannot start"),
        };
        let problem = (!service.problem.is_empty()).then_some(&service.problem);
        Row {
            cells: [
                Cell::plain(&service.name),
                Cell::plain(service.environments.join(",")),
                Cell::plain(secrets),
                Cell::plain(&service.source),
                Cell::toned(tone, state),
            ],
            notes: problem
                .map(|problem| Cell::toned(Tone::Bad, problem))
                .into_iter()
                .collect(),
        }
    };
    let rows: Vec<_> = services.iter().map(row).collect();
    let headings = ["SERVICE", "ENVIRONMENTS", "SECRETS", "SOURCE", "STATE"];
    let unable = services.iter().filter(|one| !one.problem.is_empty());
    let unable: Vec<_> = unable
        .map(|one| (one.name.as_str(), one.problem.as_str()))
        .collect();
    let mut text = table(headings, &rows, style);
    if let Some(words) = cannot_start_in_words(&unable, services.len()) {
        text += &field("", 0, &Cell::toned(Tone::Bad, words), style);
    }
    text
}

/// "2 of 7 cannot start: github (no such secret local://x), ..."; `None` where all can.
pub(super) fn cannot_start_in_words(unable: &[(&str, &str)], all: usize) -> Option<String> {
    let named = unable
        .iter()
        .map(|(name, problem)| format!("{name} ({problem})"));
    let named: Vec<String> = named.collect();
    let mut names: Vec<&str> = unable.iter().map(|(name, _)| *name).collect();
    names.dedup();
    let count = names.len();
    (count > 0).then(|| format!("{count} of {all} cannot start: {}", named.join(", ")))
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
