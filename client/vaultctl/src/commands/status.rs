//! `vaultctl status`: health, backends and held values.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::{
    BackendStatus, Counters, StatusReply, StatusRequest, UnlaunchableService,
};

use super::held::SecretJson;
use super::last::FailedLaunchJson;
use super::status_table::{Paths, breaker_in_words, text};
use crate::failure::{Failure, code_of_health};
use crate::report::{self, Form};
use crate::terminal::style_of_output;

/// The whole, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct StatusJson {
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
    counters: CountersJson,
    cannot_start: Vec<UnlaunchableJson>,
    failed_launches: Vec<FailedLaunchJson>,
}

#[derive(Debug, Serialize)]
struct UnlaunchableJson {
    service: String,
    environment: String,
    problem: String,
}

/// Under the predecessor's names; times in milliseconds.
#[derive(Debug, Serialize)]
struct CountersJson {
    secrets_fetched: u64,
    cache_hits: u64,
    cache_misses: u64,
    stale_cache_used: u64,
    retries: u64,
    circuit_breaker_opens: u64,
    total_fetch_time_ms: u64,
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
    let status = client.call(StatusRequest {}).await?;
    let healthy = status.healthy;
    let text = text(&status, Paths::Shown, style_of_output());
    report::answer(form, || text, &StatusJson::from(status))?;
    Ok(code_of_health(healthy))
}

impl From<StatusReply> for StatusJson {
    fn from(status: StatusReply) -> Self {
        Self {
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
            counters: status.counters.unwrap_or_default().into(),
            cannot_start: status.cannot_start.into_iter().map(Into::into).collect(),
            failed_launches: status.failed_launches.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<UnlaunchableService> for UnlaunchableJson {
    fn from(one: UnlaunchableService) -> Self {
        Self {
            service: one.service,
            environment: one.environment,
            problem: one.problem,
        }
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

impl From<Counters> for CountersJson {
    fn from(counters: Counters) -> Self {
        Self {
            secrets_fetched: counters.secrets_fetched,
            cache_hits: counters.cache_hits,
            cache_misses: counters.cache_misses,
            stale_cache_used: counters.stale_cache_used,
            retries: counters.retries,
            circuit_breaker_opens: counters.circuit_breaker_opens,
            total_fetch_time_ms: counters.total_fetch_time_ms,
        }
    }
}
