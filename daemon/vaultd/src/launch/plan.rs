//! What the configuration gives for a launch. Pure, but for the look whether a program is there.

use std::path::Path;

use vault_proto::generated::Setting;
use vault_proto::names::is_service_name;
use vault_proto::reference::Place;

use super::problem::LaunchError;
use crate::command::{self, Command, Missing};
use crate::policy::Action;
use crate::resolver::RequestContext;
use crate::service::{Chosen, Service};
use crate::setup::View;
use crate::targets::Targets;

pub(super) fn find<'a>(
    context: &RequestContext,
    view: &'a View,
    name: &str,
) -> Result<&'a Service, LaunchError> {
    view.services.get(name).ok_or_else(|| {
        let searched: Vec<String> = context
            .setup
            .searched
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let hint = match listed(context, view).as_deref() {
            _ if command::catalogue::command(name).is_some() => format!(
                "; the catalogue has a command for {name}, which counts once a configuration names \
                 the service: 'services: {{{name}: {{}}}}' in resolver.yaml"
            ),
            None => String::new(),
            Some([]) => "; no service is configured".to_owned(),
            Some(names) => format!("; configured are: {}", names.join(", ")),
        };
        LaunchError::UnknownService {
            // A name outside the grammar may be anything, a value pasted by mistake too.
            name: if is_service_name(name) {
                name.to_owned()
            } else {
                "(not a name)".to_owned()
            },
            searched: searched.join(", "),
            hint,
        }
    })
}

/// The services that the caller may list, if it may list any: a launch must not tell more.
fn listed<'a>(context: &RequestContext, view: &'a View) -> Option<Vec<&'a str>> {
    let listing = RequestContext {
        action: Action::List,
        service: None,
        ..context.clone()
    };
    let names = view.services.keys().map(String::as_str);
    listing.may(None).then(|| {
        names
            .filter(|name| listing.with_service(name).may(None))
            .collect()
    })
}

pub(super) fn choose(
    service: &Service,
    environment: Option<&str>,
) -> Result<(Vec<Chosen>, Vec<String>), LaunchError> {
    service
        .choose(environment)
        .map_err(|source| LaunchError::NothingNamed {
            file: service.source.display().to_string(),
            source,
        })
}

/// Whether a caller may have this service with this OCI profile. A profile that nothing is asked for
/// with, or that counts anyway, changes nothing.
pub(super) fn may_choose(service: &Service, chosen: &[Chosen], profile: &str) -> bool {
    let of_oci = |chosen: &Chosen| !matches!(chosen.reference.place(), Place::Local { .. });
    profile.is_empty()
        || service.targets.has_identity(profile)
        || service.profiles.iter().any(|listed| listed == profile)
        || !chosen.iter().any(of_oci)
}

/// The vaults of this service, as a caller who may choose this profile chose.
pub(super) fn targets(service: &Service, profile: &str) -> Targets {
    match profile {
        "" => service.targets.clone(),
        profile => service.targets.as_identity(profile),
    }
}

pub(super) fn argv(service: &Service, command: &[String]) -> Result<Vec<String>, LaunchError> {
    let other;
    let command = if command.is_empty() {
        &service.command
    } else {
        let path = command::directories(std::env::var_os("PATH").as_deref());
        other = Command::find(command, service.cwd.as_deref(), &path);
        &other
    };
    match command {
        Command::Found(words) => Ok(words.clone()),
        Command::Absent => Err(LaunchError::NoCommand {
            service: service.name.clone(),
            file: service.source.display().to_string(),
        }),
        Command::Missing { kind, .. } => Err(LaunchError::Command {
            program: command.program().to_owned(),
            kind: *kind,
            what: match kind {
                Missing::NotFound => "not found",
                Missing::NotExecutable => "not executable",
            },
            file: service.source.display().to_string(),
        }),
    }
}

pub(super) fn cwd(service: &Service) -> String {
    let text = |cwd: &Path| cwd.to_str().map(str::to_owned);
    service.cwd.as_deref().and_then(text).unwrap_or_default()
}

pub(super) fn settings(service: &Service) -> Vec<Setting> {
    let setting = |(variable, value): &(String, String)| Setting {
        variable: variable.clone(),
        value: value.clone(),
    };
    service.settings.iter().map(setting).collect()
}
