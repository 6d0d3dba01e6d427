//! `vaultctl last`: the last launches that came to nothing.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Cell, Client, Row, Style, Tone, table};
use vault_proto::generated::{FailedLaunch, StatusRequest};

use super::time::ago;
use crate::failure::Failure;
use crate::report::{self, Form};
use crate::terminal::style_of_output;

#[derive(Debug, Serialize)]
struct LastJson {
    failed_launches: Vec<FailedLaunchJson>,
}

/// One of them, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct FailedLaunchJson {
    unix_seconds: u64,
    service: String,
    environment: String,
    client: String,
    pid: u32,
    error_kind: String,
    reason: String,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let status = client.call(StatusRequest {}).await?;
    let text = text(&status.failed_launches, style_of_output());
    let failed = status.failed_launches.into_iter();
    let json = LastJson {
        failed_launches: failed.map(Into::into).collect(),
    };
    report::answer(form, || text, &json)
}

fn text(failed: &[FailedLaunch], style: Style) -> String {
    if failed.is_empty() {
        return "no launch has failed since vaultd started\n".to_owned();
    }
    let row = |one: &FailedLaunch| Row {
        cells: [
            ago(one.unix_seconds),
            service(one),
            format!("{} ({})", one.client, one.pid),
        ]
        .map(Cell::plain),
        notes: vec![Cell::toned(Tone::Bad, reason(one))],
    };
    let rows: Vec<_> = failed.iter().map(row).collect();
    table(["WHEN", "SERVICE", "CLIENT"], &rows, style)
}

/// "3 minutes ago: github, for codex (1234): no such secret".
pub(super) fn in_words(one: &FailedLaunch) -> String {
    let when = ago(one.unix_seconds);
    let (service, reason) = (service(one), reason(one));
    format!(
        "{when}: {service}, for {} ({}): {reason}",
        one.client, one.pid
    )
}

fn service(one: &FailedLaunch) -> String {
    match (one.service.as_str(), one.environment.as_str()) {
        ("", _) => "(not a name)".to_owned(),
        (service, "") => service.to_owned(),
        (service, environment) => format!("{service}@{environment}"),
    }
}

/// The words, or the stable word where policy does not show them.
fn reason(one: &FailedLaunch) -> &str {
    match one.reason.as_str() {
        "" => &one.error_kind,
        reason => reason,
    }
}

impl From<FailedLaunch> for FailedLaunchJson {
    fn from(one: FailedLaunch) -> Self {
        Self {
            unix_seconds: one.unix_seconds,
            service: one.service,
            environment: one.environment,
            client: one.client,
            pid: one.pid,
            error_kind: one.error_kind,
            reason: one.reason,
        }
    }
}
