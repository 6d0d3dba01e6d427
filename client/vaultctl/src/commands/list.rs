//! `vaultctl list`: the stored secrets.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, Row, Style, table};
use vault_proto::generated::{ListRequest, StoredSecret};

use super::time::ago;
use crate::failure::Failure;
use crate::report::{self, Form};
use crate::terminal::style_of_output;

#[derive(Debug, Serialize)]
struct ListJson {
    secrets: Vec<StoredJson>,
}

#[derive(Debug, Serialize)]
struct StoredJson {
    reference: String,
    current_version: String,
    versions: u32,
    changed_unix_seconds: u64,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let reply = client.call(ListRequest {}).await?;
    let text = text(&reply.secrets, style_of_output());
    let json = ListJson {
        secrets: reply.secrets.into_iter().map(Into::into).collect(),
    };
    report::answer(form, || text, &json)
}

fn text(secrets: &[StoredSecret], style: Style) -> String {
    if secrets.is_empty() {
        return "no secrets are stored; `vaultctl put NAME` stores one\n".to_owned();
    }
    let row = |secret: &StoredSecret| -> Row<4> {
        [
            secret.reference.clone(),
            secret.current_version.clone(),
            secret.versions.to_string(),
            ago(secret.changed_unix_seconds),
        ]
        .into()
    };
    let rows: Vec<_> = secrets.iter().map(row).collect();
    let headings = ["REFERENCE", "CURRENT", "VERSIONS", "CHANGED"];
    table(headings, &rows, style)
}

impl From<StoredSecret> for StoredJson {
    fn from(secret: StoredSecret) -> Self {
        Self {
            reference: secret.reference,
            current_version: secret.current_version,
            versions: secret.versions,
            changed_unix_seconds: secret.changed_unix_seconds,
        }
    }
}
