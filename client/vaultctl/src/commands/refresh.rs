//! `vaultctl refresh`: asks the backend now.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, Row, Style, state_with_reason, table};
use vault_proto::generated::{RefreshRequest, RefreshedSecret};

use super::held::HeldJson;
use crate::arguments::MaybeReference;
use crate::failure::{Failure, code_of_success};
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct RefreshJson {
    secrets: Vec<RefreshedJson>,
}

#[derive(Debug, Serialize)]
struct RefreshedJson {
    reference: String,
    held: Option<HeldJson>,
    problem: String,
}

pub(crate) async fn run(
    mut client: Client,
    on: MaybeReference,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reference = on.reference.map(|reference| reference.to_string());
    let reply = client
        .call(RefreshRequest {
            reference: reference.unwrap_or_default(),
        })
        .await?;
    let all = reply.secrets.iter().all(|secret| secret.problem.is_empty());
    let text = text(&reply.secrets);
    let json = RefreshJson {
        secrets: reply.secrets.into_iter().map(Into::into).collect(),
    };
    report::answer(form, || text, &json)?;
    Ok(code_of_success(all))
}

fn text(secrets: &[RefreshedSecret]) -> String {
    if secrets.is_empty() {
        return "nothing is held, nothing was refreshed\n".to_owned();
    }
    let row = |secret: &RefreshedSecret| -> Row<3> {
        let held = secret.provenance.clone().unwrap_or_default();
        let result = match secret.problem.as_str() {
            "" => state_with_reason(&held),
            problem => problem.to_owned(),
        };
        [secret.reference.clone(), held.version, result].into()
    };
    let rows: Vec<_> = secrets.iter().map(row).collect();
    table(["REFERENCE", "VERSION", "RESULT"], &rows, Style::PLAIN)
}

impl From<RefreshedSecret> for RefreshedJson {
    fn from(secret: RefreshedSecret) -> Self {
        Self {
            reference: secret.reference,
            held: secret.provenance.map(Into::into),
            problem: secret.problem,
        }
    }
}
