//! `vaultctl promote`: makes a version the current one.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::PromoteRequest;

use crate::arguments::Promote;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct PromoteJson {
    reference: String,
    version: String,
}

pub(crate) async fn run(mut client: Client, on: Promote, form: Form) -> Result<ExitCode, Failure> {
    let reply = client
        .call(PromoteRequest {
            reference: on.name.to_string(),
            version: on.version,
        })
        .await?;
    let json = PromoteJson {
        reference: reply.reference,
        version: reply.version,
    };
    let text = || format!("{}: version {} is current\n", json.reference, json.version);
    report::answer(form, text, &json)
}
