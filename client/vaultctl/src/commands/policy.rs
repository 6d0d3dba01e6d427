//! `vaultctl policy test`: whether an action is allowed, and by which rule.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::TestPolicyRequest;
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
    let request = TestPolicyRequest {
        action,
        service: service.unwrap_or_default(),
        reference: reference.unwrap_or_default(),
    };
    let reply = client.call(request).await?;
    let json = VerdictJson {
        allowed: reply.allowed,
        rule: reply.rule,
    };
    let word = if json.allowed { "allowed" } else { "denied" };
    let text = || format!("{}: {}\n", report::verdict(json.allowed, word), json.rule);
    report::answer(form, text, &json)?;
    Ok(code_of_success(json.allowed))
}
