//! `vaultctl versions`: which versions of a secret are there?

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, in_columns};
use vault_proto::generated::StoredVersion;

use super::list::ago;
use crate::arguments::Stored;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct VersionsJson {
    reference: String,
    versions: Vec<VersionJson>,
}

#[derive(Debug, Serialize)]
struct VersionJson {
    version: String,
    created_unix_seconds: u64,
    current: bool,
}

pub(crate) async fn run(mut client: Client, on: Stored, form: Form) -> Result<ExitCode, Failure> {
    let reply = client.versions(&on.name.to_string()).await?;
    let row = |version: &StoredVersion| {
        [
            version.version.clone(),
            ago(version.created_unix_seconds),
            if version.current { "current" } else { "" }.to_owned(),
        ]
    };
    let rows = reply.versions.iter().map(row).collect();
    let text = || in_columns(["VERSION", "CREATED", "STATE"], rows);
    let json = VersionsJson {
        reference: reply.reference,
        versions: reply.versions.into_iter().map(Into::into).collect(),
    };
    report::answer(form, text, &json)
}

impl From<StoredVersion> for VersionJson {
    fn from(version: StoredVersion) -> Self {
        Self {
            version: version.version,
            created_unix_seconds: version.created_unix_seconds,
            current: version.current,
        }
    }
}
