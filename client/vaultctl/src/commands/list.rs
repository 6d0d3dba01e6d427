//! `vaultctl list`: which secrets are stored?

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use vault_client::{Client, in_columns, seconds_in_words};
use vault_proto::generated::StoredSecret;

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

/// "3 days ago"; the wall clock may have been set back since.
pub(crate) fn ago(unix_seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    format!("{} ago", seconds_in_words(now.saturating_sub(unix_seconds)))
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
