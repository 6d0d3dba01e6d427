//! The configuration as a person sees it: every key, what counts, and where it is written.
//!
//! Contents of variables are left out: people write tokens there that belong into a vault.

use vault_proto::generated as message;
use vault_proto::reference::SecretRef;

use super::report;
use crate::command::Command;
use crate::resolver::RequestContext;
use crate::service::{Service, ServiceSecret, VersionPin};
use crate::setup::{Effective, EnvironmentFallback};

/// What stands in the place of references that policy does not show.
const HIDDEN: &str = "(hidden by policy)";

/// What is wrong with the name of an environment, if anything is.
pub(super) fn unknown(context: &RequestContext, name: &str) -> Option<String> {
    let setup = &context.setup;
    let known = setup.all_environments();
    let is_refused = setup.environment_fallback == EnvironmentFallback::Refuse;
    (is_refused && !known.contains(name)).then(|| {
        let known: Vec<String> = known.into_iter().collect();
        match known.as_slice() {
            [] => "the configuration names no environments".to_owned(),
            names => format!(
                "the configuration has no such environment; known are: {}",
                names.join(", ")
            ),
        }
    })
}

/// What holds in `environment`.
pub(super) fn explain(
    context: &RequestContext,
    environment: Option<&str>,
) -> message::ExplainConfigReply {
    let setup = &context.setup;
    let view = setup.view(environment);
    let effective = view.effective.iter().cloned();
    let mut settings: Vec<_> = effective
        .map(|effective| setting(context, effective))
        .collect();
    for service in view.services.values() {
        let context = context.with_service(&service.name);
        if context.may(None) {
            settings.extend(of_service(&context, service));
        }
    }
    for (name, refused) in &view.refused {
        if context.with_service(name).may(None) {
            settings.push(message::EffectiveSetting {
                key: format!("services.{name}"),
                value: format!("(refused: {})", refused.reason),
                origin: refused.source.display().to_string(),
            });
        }
    }
    let known = |name: &&str| setup.environments.contains_key(*name);
    message::ExplainConfigReply {
        configuration_path: report::path(setup.path.as_deref()),
        service_directories: setup
            .searched
            .iter()
            .map(|directory| directory.display().to_string())
            .collect(),
        environment: setup
            .chosen(environment)
            .filter(known)
            .unwrap_or_default()
            .to_owned(),
        environments: setup.environments.keys().cloned().collect(),
        settings,
        warnings: setup.warnings.clone(),
    }
}

fn setting(context: &RequestContext, effective: Effective) -> message::EffectiveSetting {
    let reference = effective.value.parse::<SecretRef>().ok();
    let of_secret = effective.key.starts_with("secrets.");
    let hidden = of_secret && reference.is_some_and(|reference| !context.may(Some(&reference)));
    message::EffectiveSetting {
        key: effective.key,
        value: if hidden {
            HIDDEN.to_owned()
        } else {
            effective.value
        },
        origin: effective.origin,
    }
}

fn of_service(context: &RequestContext, service: &Service) -> Vec<message::EffectiveSetting> {
    let origin = service.source.display().to_string();
    let mut settings = Vec::new();
    let mut say = |key: &str, value: String| {
        settings.push(message::EffectiveSetting {
            key: format!("services.{}.{key}", service.name),
            value,
            origin: origin.clone(),
        });
    };
    let command = match &service.command {
        // Words may have come from a variable.
        Command::Found(words) => match words.len() {
            1 => service.command.program().to_owned(),
            count => format!("{} and {} words", service.command.program(), count - 1),
        },
        Command::Missing { .. } => format!("{} (not there)", service.command.program()),
        Command::Absent => "(none)".to_owned(),
    };
    say("target_command", command);
    if let Some(cwd) = &service.cwd {
        say("cwd", cwd.display().to_string());
    }
    say("ttl", service.freshness.ttl.as_secs_f64().to_string());
    let max_stale = service.freshness.max_stale;
    say("max_stale", max_stale.as_secs_f64().to_string());
    for secret in &service.secrets {
        say(
            &format!("secrets.{}", secret.variable),
            of_secret(context, secret),
        );
    }
    for (variable, _) in &service.settings {
        say(&format!("env_overrides.{variable}"), "(set)".to_owned());
    }
    if !service.keep_variables.is_empty() {
        say("keep_variables", service.keep_variables.join(" "));
    }
    if !service.profiles.is_empty() {
        say("profiles", service.profiles.join(" "));
    }
    settings
}

/// Which secret, in which environment, and whether it may be missing.
fn of_secret(context: &RequestContext, secret: &ServiceSecret) -> String {
    let shown = |reference: &SecretRef| {
        if context.may(Some(reference)) {
            reference.to_string()
        } else {
            HIDDEN.to_owned()
        }
    };
    let mut words: Vec<String> = secret.default.iter().map(shown).collect();
    for (environment, reference) in &secret.by_environment {
        words.push(format!("{environment}: {}", shown(reference)));
    }
    match &secret.version {
        VersionPin::None => {}
        VersionPin::Everywhere(number) => words.push(format!("version {number}")),
        VersionPin::ByEnvironment(numbers) => {
            for (environment, number) in numbers {
                words.push(format!("{environment}: version {number}"));
            }
        }
    }
    if !secret.required {
        words.push("optional".to_owned());
    }
    words.join(", ")
}
