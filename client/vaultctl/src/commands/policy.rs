//! `vaultctl policy test`: may this be done, and which rule says so?

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::reference::SecretRef;

use crate::failure::{Failure, code_of_success};
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct VerdictJson {
    allowed: bool,
    rule: String,
}

pub(crate) async fn test(
    mut client: Client,
    action: String,
    service: Option<String>,
    reference: Option<SecretRef>,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reference = reference.map(|reference| reference.to_string());
    let reply = client
        .test_policy(
            &action,
            &service.unwrap_or_default(),
            &reference.unwrap_or_default(),
        )
        .await?;
    let json = VerdictJson {
        allowed: reply.allowed,
        rule: reply.rule,
    };
    let word = if json.allowed { "allowed" } else { "denied" };
    let text = || format!("{}: {}\n", report::verdict(json.allowed, word), json.rule);
    report::answer(form, text, &json)?;
    Ok(code_of_success(json.allowed))
}
