//! `vaultctl list`: which secrets are stored?

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, in_columns};
use vault_proto::generated::StoredSecret;

use super::time::ago;
use crate::failure::Failure;
use crate::report::{self, Form};

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
    let reply = client.list().await?;
    let text = text(&reply.secrets);
    let json = ListJson {
        secrets: reply.secrets.into_iter().map(Into::into).collect(),
    };
    report::answer(form, || text, &json)
}

fn text(secrets: &[StoredSecret]) -> String {
    if secrets.is_empty() {
        return "no secrets are stored; `vaultctl put NAME` stores one\n".to_owned();
    }
    let row = |secret: &StoredSecret| {
        [
            secret.reference.clone(),
            secret.current_version.clone(),
            secret.versions.to_string(),
            ago(secret.changed_unix_seconds),
        ]
    };
    in_columns(
        ["REFERENCE", "CURRENT", "VERSIONS", "CHANGED"],
        secrets.iter().map(row).collect(),
    )
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
