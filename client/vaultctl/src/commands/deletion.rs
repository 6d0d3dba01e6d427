//! `vaultctl schedule-deletion` and `cancel-deletion`.

use std::num::NonZeroU64;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::{CancelDeletionRequest, ScheduleDeletionRequest};

use super::time::{from_now, unix_seconds};
use crate::arguments::{CancelDeletion, ScheduleDeletion};
use crate::failure::Failure;
use crate::report::{self, Form};

const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Debug, Serialize)]
struct ScheduledJson {
    reference: String,
    version: Option<NonZeroU64>,
    deletion_unix_seconds: Option<NonZeroU64>,
}

#[derive(Debug, Serialize)]
struct CancelledJson {
    reference: String,
    version: Option<NonZeroU64>,
}

pub(crate) async fn schedule(
    mut client: Client,
    on: ScheduleDeletion,
    form: Form,
) -> Result<ExitCode, Failure> {
    let at = |days| unix_seconds() + u64::from(days) * SECONDS_PER_DAY;
    let request = ScheduleDeletionRequest {
        reference: on.name.to_string(),
        version: number(on.version),
        deletion_unix_seconds: on.days.map_or(0, at),
    };
    let reply = client.call(request).await?;
    let json = ScheduledJson {
        reference: reply.reference,
        version: NonZeroU64::new(reply.version),
        deletion_unix_seconds: NonZeroU64::new(reply.deletion_unix_seconds),
    };
    let text = || {
        let when = json
            .deletion_unix_seconds
            .map(NonZeroU64::get)
            .map(from_now);
        let option = json.version.map(|version| format!(" --version {version}"));
        format!(
            "{} will be deleted{}; `vaultctl cancel-deletion {}{}` keeps it\n",
            what(&json.reference, json.version),
            when.map_or(String::new(), |when| format!(" {when}")),
            json.reference,
            option.unwrap_or_default(),
        )
    };
    report::answer(form, text, &json)
}

pub(crate) async fn cancel(
    mut client: Client,
    on: CancelDeletion,
    form: Form,
) -> Result<ExitCode, Failure> {
    let request = CancelDeletionRequest {
        reference: on.name.to_string(),
        version: number(on.version),
    };
    let reply = client.call(request).await?;
    let json = CancelledJson {
        reference: reply.reference,
        version: NonZeroU64::new(reply.version),
    };
    let text = || format!("{} is kept\n", what(&json.reference, json.version));
    report::answer(form, text, &json)
}

fn number(version: Option<NonZeroU64>) -> u64 {
    version.map_or(0, NonZeroU64::get)
}

fn what(reference: &str, version: Option<NonZeroU64>) -> String {
    match version {
        Some(version) => format!("version {version} of {reference}"),
        None => reference.to_owned(),
    }
}
