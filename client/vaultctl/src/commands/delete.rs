//! `vaultctl delete`: removes a stored secret.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::DeleteRequest;

use crate::arguments::Stored;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct DeleteJson {
    reference: String,
    versions: u32,
}

pub(crate) async fn run(mut client: Client, on: Stored, form: Form) -> Result<ExitCode, Failure> {
    let reply = client
        .call(DeleteRequest {
            reference: on.name.to_string(),
        })
        .await?;
    let json = DeleteJson {
        reference: reply.reference,
        versions: reply.versions,
    };
    let text = || match json.versions {
        1 => format!("{} removed, 1 version\n", json.reference),
        count => format!("{} removed, {count} versions\n", json.reference),
    };
    report::answer(form, text, &json)
}
