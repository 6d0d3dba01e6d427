//! What the configuration gives for a launch. Pure, but for the look whether a program is there.

use std::path::{Path, PathBuf};

use vault_proto::INHERITED_PATH;
use vault_proto::generated::Setting;
use vault_proto::names::is_service_name;
use vault_proto::reference::Place;

use super::problem::LaunchError;
use crate::command::{self, Command, Missing, PathElement};
use crate::policy::Action;
use crate::resolver::RequestContext;
use crate::secret_patterns;
use crate::service::{Chosen, Service};
use crate::setup::{AskedEnvironment, ChosenEnvironment, View};
use crate::targets::Targets;

pub(super) fn find<'a>(
    context: &RequestContext,
    view: &'a View,
    name: &str,
) -> Result<&'a Service, LaunchError> {
    if let Some(refused) = view.refused.get(name) {
        return Err(LaunchError::Refused {
            service: name.to_owned(),
            reason: refused.reason.clone(),
        });
    }
    view.services.get(name).ok_or_else(|| {
        let searched: Vec<String> = context
            .setup
            .searched
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let hint = match listed(context, view).as_deref() {
            _ if is_service_name(name)
                && let Some(file) = other_file(&context.setup.searched, name) =>
            {
                format!(
                    "; there is {}, which is not read: service files end in .json, .yaml or .yml",
                    file.display()
                )
            }
            _ if command::catalogue::command(name).is_some() => format!(
                "; the catalogue has a command for {name}, which counts once a configuration names \
                 the service: 'services: {{{name}: {{}}}}' in resolver.yaml"
            ),
            None => String::new(),
            Some([]) => "; no service is configured".to_owned(),
            Some(names) => format!("; configured are: {}", names.join(", ")),
        };
        LaunchError::UnknownService {
            name: if may_be_said(name) {
                name.to_owned()
            } else {
                "(not a name)".to_owned()
            },
            searched: searched.join(", "),
            hint,
        }
    })
}

/// Whether what a caller typed for a name is repeated and written down: a name, and nothing that looks like
/// a secret that was pasted in its place.
pub(super) fn may_be_said(name: &str) -> bool {
    is_service_name(name) && !secret_patterns::is_secret(name)
}

/// A file of this service's name that no service is read from, such as `m.jsonc`, `M.json`, `m.json.txt`.
fn other_file(searched: &[PathBuf], name: &str) -> Option<PathBuf> {
    let begins = |file: &PathBuf| {
        let file = file.file_name().unwrap_or_default().to_string_lossy();
        let file = file.to_ascii_lowercase();
        let rest = file.strip_prefix(&name.to_ascii_lowercase());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let entries = searched
        .iter()
        .filter_map(|directory| directory.read_dir().ok());
    let files = entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    files.filter(begins).min()
}

/// The services that the caller may list, if it may list any: a launch must not tell more.
fn listed<'a>(context: &RequestContext, view: &'a View) -> Option<Vec<&'a str>> {
    let listing = RequestContext {
        action: Action::List,
        service: None,
        ..context.clone()
    };
    let names = view.names();
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

/// The environment that counts for a caller who asked for this one.
pub(super) fn environment(
    context: &RequestContext,
    service: &Service,
    asked: Option<&AskedEnvironment>,
) -> Result<ChosenEnvironment, LaunchError> {
    let chosen = context.setup.environment_of(service, asked);
    chosen.map_err(|unknown| LaunchError::UnknownEnvironment {
        name: if may_be_said(&unknown.name) {
            format!("'{}'", unknown.name)
        } else {
            "(not a name)".to_owned()
        },
        service: service.name.clone(),
        from: unknown.origin.in_words(),
        known: if !context.may(None) {
            String::new()
        } else if unknown.known.is_empty() {
            format!(
                "; neither resolver.yaml nor {} names any",
                service.source.display()
            )
        } else {
            format!("; known are: {}", unknown.known.join(", "))
        },
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

/// What is started, and the directory where it was found by its name, if it was.
#[derive(Default)]
pub(super) struct Program {
    pub(super) argv: Vec<String>,
    pub(super) directory: String,
}

pub(super) fn program(service: &Service, other: &[String]) -> Result<Program, LaunchError> {
    let own = command::own_directories();
    let (written, command) = if other.is_empty() {
        (service.words.as_slice(), service.command_now(&own))
    } else {
        let path = PathElement::directories(&service.path, &own);
        let cwd = service.cwd.as_deref();
        (other, Command::find(other, cwd, &path))
    };
    match &command {
        Command::Found(words) => Ok(Program {
            directory: directory(written, words),
            argv: words.clone(),
        }),
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

fn directory(written: &[String], found: &[String]) -> String {
    let by_name = written
        .first()
        .is_some_and(|program| !program.contains('/'));
    let directory = found.first().and_then(|program| program.rsplit_once('/'));
    directory
        .filter(|_| by_name)
        .map(|(directory, _)| directory.to_owned())
        .unwrap_or_default()
}

/// The PATH that the server gets, as it travels.
pub(super) fn path(service: &Service) -> Vec<String> {
    let element = |element: &PathElement| match element {
        PathElement::Directory(directory) => directory.display().to_string(),
        PathElement::Inherited => INHERITED_PATH.to_owned(),
    };
    service.path.iter().map(element).collect()
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
    // A PATH is a part of `path`.
    let settings = service.settings.iter().filter(|(name, _)| name != "PATH");
    settings.map(setting).collect()
}
