//! `vaultctl explain-config`: what the configuration says, and where.

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::{ExplainConfigReply, ExplainConfigRequest};
use vault_proto::printable::printable;

use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct ConfigJson {
    configuration_path: String,
    service_directories: Vec<String>,
    environment: String,
    environments: Vec<String>,
    settings: Vec<SettingJson>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SettingJson {
    key: String,
    value: String,
    origin: String,
}

pub(crate) async fn run(
    mut client: Client,
    environment: String,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reply = client
        .call(ExplainConfigRequest {
            environment: environment.clone(),
        })
        .await?;
    let text = text(&reply, &environment);
    let setting = |setting: vault_proto::generated::EffectiveSetting| SettingJson {
        key: setting.key,
        value: setting.value,
        origin: setting.origin,
    };
    let json = ConfigJson {
        configuration_path: reply.configuration_path,
        service_directories: reply.service_directories,
        environment: reply.environment,
        environments: reply.environments,
        settings: reply.settings.into_iter().map(setting).collect(),
        warnings: reply.warnings,
    };
    report::answer(form, || text, &json)
}

fn text(reply: &ExplainConfigReply, requested: &str) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |name: &str, words: &str| {
        let words = printable(words);
        let _ = writeln!(text, "{name:<14}{words}");
    };
    match reply.configuration_path.as_str() {
        "" => line("file", "none"),
        path => line("file", path),
    }
    for directory in &reply.service_directories {
        line("service files", directory);
    }
    let environment = match reply.environment.as_str() {
        "" if requested.is_empty() => "none".to_owned(),
        "" => format!("{requested} is not one that resolver.yaml names; what counts without one"),
        name => name.to_owned(),
    };
    line("environment", &environment);
    if !reply.environments.is_empty() {
        line("environments", &reply.environments.join(", "));
    }
    for warning in &reply.warnings {
        line("warning", warning);
    }
    let longest = |column: fn(&vault_proto::generated::EffectiveSetting) -> &str| {
        let lengths = reply.settings.iter().map(|one| column(one).chars().count());
        lengths.max().unwrap_or_default().min(60)
    };
    let (keys, values) = (longest(|one| &one.key), longest(|one| &one.value));
    for one in &reply.settings {
        let line = format!("{:<keys$}  {:<values$}  {}", one.key, one.value, one.origin);
        let _ = writeln!(text, "{}", printable(&line));
    }
    text
}
