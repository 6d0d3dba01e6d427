//! `vaultctl promote`: makes a version the current one.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::PromoteRequest;

use super::usage::{RunningServerJson, of_running};
use crate::arguments::Promote;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct PromoteJson {
    reference: String,
    version: String,
    with_old_value: Vec<RunningServerJson>,
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
        with_old_value: reply.with_old_value.into_iter().map(Into::into).collect(),
    };
    let text = || {
        let old = of_running(&json.with_old_value);
        format!(
            "{}: version {} is current\n{old}",
            json.reference, json.version
        )
    };
    report::answer(form, text, &json)
}
