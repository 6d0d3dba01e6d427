//! `vaultctl reload`: reads the configuration again.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::ReloadRequest;

use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct ReloadJson {
    generation: u64,
    configuration_path: String,
    services: u32,
    warnings: Vec<String>,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let reply = client.call(ReloadRequest {}).await?;
    let json = ReloadJson {
        generation: reply.generation,
        configuration_path: reply.configuration_path,
        services: reply.services,
        warnings: reply.warnings,
    };
    if form == Form::Text {
        for warning in &json.warnings {
            report::note(form, &format!("warning: {warning}"));
        }
    }
    report::answer(form, || text(&json), &json)
}

fn text(json: &ReloadJson) -> String {
    let services = match json.services {
        1 => "1 service".to_owned(),
        count => format!("{count} services"),
    };
    let load = json.generation;
    match json.configuration_path.as_str() {
        "" => format!(
            "read again: load {load}, {services}; there is no resolver.yaml, and none is needed\n"
        ),
        path => format!("{path}: load {load}, {services}\n"),
    }
}
