//! `vaultctl versions`: the versions of a secret.

use std::num::NonZeroU64;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, Row, table};
use vault_proto::generated::{StoredVersion, VersionsRequest};

use super::time::{ago, from_now};
use super::usage;
use crate::arguments::Stored;
use crate::failure::Failure;
use crate::report::{self, Form};
use crate::terminal::style_of_output;

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
    stages: Vec<String>,
    name: String,
    expires_unix_seconds: Option<NonZeroU64>,
    deletion_unix_seconds: Option<NonZeroU64>,
}

pub(crate) async fn run(mut client: Client, on: Stored, form: Form) -> Result<ExitCode, Failure> {
    let request = VersionsRequest {
        reference: on.name.to_string(),
    };
    let reply = match client.call(request).await {
        Ok(reply) => reply,
        Err(error) => return Err(usage::failure(&mut client, &on.name, error).await),
    };
    let moment = |unix_seconds| match unix_seconds {
        0 => String::new(),
        _ => from_now(unix_seconds),
    };
    let row = |version: &StoredVersion| -> Row<6> {
        [
            version.version.clone(),
            version.name.clone(),
            stages(version),
            ago(version.created_unix_seconds),
            moment(version.expires_unix_seconds),
            moment(version.deletion_unix_seconds),
        ]
        .into()
    };
    let rows: Vec<_> = reply.versions.iter().map(row).collect();
    let headings = [
        "VERSION", "NAME", "STAGES", "CREATED", "EXPIRES", "DELETION",
    ];
    let text = || table(headings, &rows, style_of_output());
    let json = VersionsJson {
        reference: reply.reference,
        versions: reply.versions.into_iter().map(Into::into).collect(),
    };
    report::answer(form, text, &json)
}

/// A vault without stages still has one version in use.
fn stages(version: &StoredVersion) -> String {
    match version.stages.as_slice() {
        [] if version.current => "CURRENT".to_owned(),
        stages => stages.join(", "),
    }
}

impl From<StoredVersion> for VersionJson {
    fn from(version: StoredVersion) -> Self {
        Self {
            version: version.version,
            created_unix_seconds: version.created_unix_seconds,
            current: version.current,
            stages: version.stages,
            name: version.name,
            expires_unix_seconds: NonZeroU64::new(version.expires_unix_seconds),
            deletion_unix_seconds: NonZeroU64::new(version.deletion_unix_seconds),
        }
    }
}
