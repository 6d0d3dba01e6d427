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
    refused: u32,
    warnings: Vec<String>,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let reply = client.call(ReloadRequest {}).await?;
    let json = ReloadJson {
        generation: reply.generation,
        configuration_path: reply.configuration_path,
        services: reply.services,
        refused: reply.refused,
        warnings: reply.warnings,
    };
    if form == Form::Text {
        for warning in &json.warnings {
            report::note(form, &format!("warning: {warning}"));
        }
    }
    let code = report::answer(form, || text(&json), &json)?;
    // What was read is in force; a service that is not is for a person to mend.
    Ok(match json.refused {
        0 => code,
        _ => ExitCode::from(2),
    })
}

fn text(json: &ReloadJson) -> String {
    let services = match json.services {
        1 => "1 service".to_owned(),
        count => format!("{count} services"),
    };
    let refused = match json.refused {
        0 => String::new(),
        count => format!(", {count} of them refused"),
    };
    let (load, path) = (json.generation, json.configuration_path.as_str());
    if path.is_empty() {
        let none = "there is no resolver.yaml, and none is needed";
        return format!("read again: load {load}, {services}{refused}; {none}\n");
    }
    format!("{path}: load {load}, {services}{refused}\n")
}
