//! `vaultctl get`: prints a value.

use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use vault_client::{Client, OpenedSecret, state_with_reason};
use vault_proto::generated::State;

use super::held::HeldJson;
use super::usage;
use crate::arguments::Reference;
use crate::failure::Failure;
use crate::report::{self, Form};

/// Holds the value, because that was asked for: no `Debug`.
#[derive(Serialize)]
struct GetJson<'a> {
    reference: &'a str,
    #[serde(flatten)]
    held: HeldJson,
    value_base64: String,
    /// `null` where the value is not UTF-8.
    text: Option<&'a str>,
}

pub(crate) async fn run(
    mut client: Client,
    on: Reference,
    form: Form,
) -> Result<ExitCode, Failure> {
    let secrets = match client.resolve(vec![on.reference.to_string()]).await {
        Ok(secrets) => secrets,
        Err(error) => return Err(usage::failure(&mut client, &on.reference, error).await),
    };
    let [secret] = secrets.as_slice() else {
        return Err(Failure::unexpected("vaultd gave more than was asked for"));
    };
    match form {
        Form::Text => raw(secret),
        Form::Json => report::answer(form, String::new, &json(secret)),
    }
}

/// The bytes alone; a terminal gets a line break after them.
fn raw(secret: &OpenedSecret) -> Result<ExitCode, Failure> {
    if secret.provenance.state() == State::Stale {
        let state = state_with_reason(&secret.provenance);
        report::note(Form::Text, &format!("{} is {state}", secret.reference));
    }
    report::bytes(&secret.value)?;
    if report::to_terminal() {
        report::bytes(b"\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn json(secret: &OpenedSecret) -> GetJson<'_> {
    GetJson {
        reference: &secret.reference,
        held: secret.provenance.clone().into(),
        value_base64: STANDARD.encode(&*secret.value),
        text: std::str::from_utf8(&secret.value).ok(),
    }
}
