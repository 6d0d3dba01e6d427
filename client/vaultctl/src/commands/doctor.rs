//! `vaultctl doctor`: what is wrong with a backend, and what is to be done.

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, LaunchOptions};
use vault_proto::generated::{
    DoctorReply, DoctorRequest, ExaminedBackend, Finding, LaunchableService,
};
use vault_proto::printable::printable;

use crate::failure::{Failure, code_of_success};
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct DoctorJson {
    well: bool,
    backends: Vec<BackendJson>,
    secrets: Vec<SecretJson>,
}

#[derive(Debug, Serialize)]
struct BackendJson {
    name: String,
    scope: String,
    used_by: Vec<String>,
    findings: Vec<FindingJson>,
}

#[derive(Debug, Serialize)]
struct FindingJson {
    what: String,
    well: bool,
    detail: String,
    remedy: String,
}

#[derive(Debug, Serialize)]
struct SecretJson {
    service: String,
    environment: String,
    variable: String,
    reference: String,
    readable: bool,
    problem: String,
}

pub(crate) async fn run(
    mut client: Client,
    backend: &str,
    form: Form,
) -> Result<ExitCode, Failure> {
    let DoctorReply { backends, services } = client
        .call(DoctorRequest {
            backend: backend.to_owned(),
        })
        .await?;
    let mut secrets = Vec::new();
    for service in services {
        secrets.extend(of_service(&mut client, &service).await);
    }
    let json = DoctorJson {
        well: backends
            .iter()
            .flat_map(|one| &one.findings)
            .all(|one| one.well)
            && secrets.iter().all(|secret| secret.readable),
        backends: backends.into_iter().map(Into::into).collect(),
        secrets,
    };
    report::answer(form, || text(&json), &json)?;
    Ok(code_of_success(json.well))
}

/// Whether each secret of OCI Vault can be read that the service gets there.
async fn of_service(client: &mut Client, launchable: &LaunchableService) -> Vec<SecretJson> {
    let LaunchableService {
        service,
        environment,
    } = launchable;
    let options = LaunchOptions {
        service: service.clone(),
        environment: environment.clone(),
        ..LaunchOptions::default()
    };
    let secret = |variable: String, reference: String, problem: String| SecretJson {
        service: service.clone(),
        environment: environment.clone(),
        variable,
        reference,
        readable: problem.is_empty(),
        problem,
    };
    match client.check(options).await {
        Ok(checked) => {
            let of_oci = checked.secrets.into_iter();
            let of_oci = of_oci.filter(|one| one.reference.starts_with("oci-vault://"));
            of_oci
                .map(|one| secret(one.variable, one.reference, one.problem))
                .collect()
        }
        Err(error) => vec![secret(String::new(), String::new(), error.to_string())],
    }
}

fn text(doctor: &DoctorJson) -> String {
    let mut text = String::new();
    let mut line = |well: bool, what: &str, detail: &str, remedy: &str| {
        let mark = report::verdict(well, if well { "ok" } else { "WRONG" });
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark:<5} {}: {}", printable(what), printable(detail));
        if !remedy.is_empty() {
            let _ = writeln!(text, "      to do: {}", printable(remedy));
        }
    };
    for backend in &doctor.backends {
        for finding in &backend.findings {
            let what = format!("{} ({}): {}", backend.name, backend.scope, finding.what);
            line(finding.well, &what, &finding.detail, &finding.remedy);
        }
    }
    for secret in &doctor.secrets {
        let environment = match secret.environment.as_str() {
            "" => String::new(),
            name => format!("@{name}"),
        };
        let what = format!("{}{environment} {}", secret.service, secret.variable);
        let detail = match secret.problem.as_str() {
            "" => format!("{} can be read", secret.reference),
            problem => format!("{}: {problem}", secret.reference),
        };
        line(secret.readable, &what, &detail, "");
    }
    text
}

impl From<ExaminedBackend> for BackendJson {
    fn from(backend: ExaminedBackend) -> Self {
        Self {
            name: backend.name,
            scope: backend.scope,
            used_by: backend.used_by,
            findings: backend.findings.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Finding> for FindingJson {
    fn from(finding: Finding) -> Self {
        Self {
            what: finding.what,
            well: finding.well,
            detail: finding.detail,
            remedy: finding.remedy,
        }
    }
}
