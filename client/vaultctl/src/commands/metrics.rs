//! `vaultctl metrics`: what has been counted?

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;

use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct MetricsJson {
    openmetrics: String,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let json = MetricsJson {
        openmetrics: client.metrics().await?.text,
    };
    report::answer(form, || json.openmetrics.clone(), &json)
}
