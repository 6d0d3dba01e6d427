//! `vaultctl status`: is all well, and what is held?

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, age_in_words, in_columns, seconds_in_words};
use vault_proto::generated::{BackendStatus, BreakerState, SecretStatus, StatusReply};

use super::held::{self, SecretJson};
use crate::failure::{Failure, code_of_health};
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct StatusJson {
    healthy: bool,
    server_version: String,
    pid: u32,
    uptime_seconds: u64,
    memory_protection: String,
    socket_path: String,
    store_path: String,
    configuration_path: String,
    configuration_generation: u64,
    configuration_error: String,
    services: u32,
    service_directories: Vec<String>,
    audit_path: String,
    audit_error: String,
    warnings: Vec<String>,
    backends: Vec<BackendJson>,
    secrets: Vec<SecretJson>,
}

#[derive(Debug, Serialize)]
struct BackendJson {
    name: String,
    scope: String,
    breaker: &'static str,
    consecutive_failures: u32,
    next_probe_ms: u64,
    last_error: String,
}

pub(crate) async fn run(mut client: Client, form: Form) -> Result<ExitCode, Failure> {
    let status = client.status().await?;
    let healthy = status.healthy;
    let text = text(&status);
    report::answer(form, || text, &json(status))?;
    Ok(code_of_health(healthy))
}

fn text(status: &StatusReply) -> String {
    let verdict = if status.healthy {
        report::verdict(true, "healthy")
    } else {
        report::verdict(false, "needs attention")
    };
    let mut text = format!(
        "vaultd {}, pid {}, up {}: {verdict}\n",
        status.server_version,
        status.pid,
        seconds_in_words(status.uptime_seconds)
    );
    let path = match status.configuration_path.as_str() {
        "" => "no resolver.yaml",
        path => path,
    };
    let configuration = format!("{path} (load {})", status.configuration_generation);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a String cannot fail.
            let value = value.replace(char::is_control, "\u{fffd}");
            let _ = writeln!(text, "{name:<15}{value}");
        }
    };
    line("configuration", &configuration);
    line("  error", &status.configuration_error);
    line("services", &status.services.to_string());
    for directory in &status.service_directories {
        line("  files in", directory);
    }
    line("store", &status.store_path);
    line("audit", &status.audit_path);
    line("  error", &status.audit_error);
    line("socket", &status.socket_path);
    line("memory", &status.memory_protection);
    for warning in &status.warnings {
        line("warning", warning);
    }
    if !status.backends.is_empty() {
        text.push('\n');
        text.push_str(&backends(&status.backends));
    }
    if !status.secrets.is_empty() {
        text.push('\n');
        text.push_str(&secrets(&status.secrets));
    }
    text
}

fn backends(backends: &[BackendStatus]) -> String {
    let row = |backend: &BackendStatus| {
        let breaker = match backend.next_probe_ms {
            0 => breaker_in_words(backend.breaker()).to_owned(),
            wait => format!(
                "{}, asks again in {}",
                breaker_in_words(backend.breaker()),
                age_in_words(wait)
            ),
        };
        let name = match backend.scope.as_str() {
            "" => backend.name.clone(),
            scope => format!("{} ({scope})", backend.name),
        };
        [
            name,
            breaker,
            backend.consecutive_failures.to_string(),
            backend.last_error.clone(),
        ]
    };
    in_columns(
        ["BACKEND", "BREAKER", "FAILURES", "LAST ERROR"],
        backends.iter().map(row).collect(),
    )
}

fn secrets(secrets: &[SecretStatus]) -> String {
    let row = |secret: &SecretStatus| {
        let held = secret.provenance.clone().unwrap_or_default();
        let of_value = |words: String| {
            if held::is_value(&held) {
                words
            } else {
                "-".to_owned()
            }
        };
        [
            secret.reference.clone(),
            of_value(held.version.clone()),
            of_value(age_in_words(held.age_ms)),
            of_value(age_in_words(secret.usable_for_ms)),
            held::state(&held),
        ]
    };
    in_columns(
        ["REFERENCE", "VERSION", "AGE", "USABLE FOR", "STATE"],
        secrets.iter().map(row).collect(),
    )
}

const fn breaker_in_words(breaker: BreakerState) -> &'static str {
    match breaker {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
        BreakerState::Unspecified => "unknown",
    }
}

fn json(status: StatusReply) -> StatusJson {
    StatusJson {
        healthy: status.healthy,
        server_version: status.server_version,
        pid: status.pid,
        uptime_seconds: status.uptime_seconds,
        memory_protection: status.memory_protection,
        socket_path: status.socket_path,
        store_path: status.store_path,
        configuration_path: status.configuration_path,
        configuration_generation: status.configuration_generation,
        configuration_error: status.configuration_error,
        services: status.services,
        service_directories: status.service_directories,
        audit_path: status.audit_path,
        audit_error: status.audit_error,
        warnings: status.warnings,
        backends: status.backends.into_iter().map(Into::into).collect(),
        secrets: status.secrets.into_iter().map(Into::into).collect(),
    }
}

impl From<BackendStatus> for BackendJson {
    fn from(backend: BackendStatus) -> Self {
        Self {
            breaker: breaker_in_words(backend.breaker()),
            name: backend.name,
            scope: backend.scope,
            consecutive_failures: backend.consecutive_failures,
            next_probe_ms: backend.next_probe_ms,
            last_error: backend.last_error,
        }
    }
}
