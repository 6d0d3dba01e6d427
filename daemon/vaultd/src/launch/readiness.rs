//! Whether services can start, as far as is known without asking a vault. Pure.

use std::collections::BTreeSet;

use vault_backends::address::Address;
use vault_proto::reference::SecretRef;

use super::plan::{choose, program};
use crate::addresses::address;
use crate::service::Service;
use crate::setup::{AskedEnvironment, EnvironmentOrigin, Setup, View};

/// What is known of a secret before it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// A launch would get it, or ask for it.
    Possible,
    /// A launch would not get it, for this reason.
    Missing(String),
}

/// A service that a launch would not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlaunchable {
    /// Its name.
    pub(crate) service: String,
    /// In which environment; `None` where none is chosen.
    pub(crate) environment: Option<String>,
    /// What is missing, without a value.
    pub(crate) problem: String,
    /// The secret it is about, if it is about one.
    pub(crate) reference: Option<SecretRef>,
}

/// The services that a launch would not start, by name, each with its problems: those of an environment
/// where they are others than without one.
pub(crate) fn unlaunchable(
    setup: &Setup,
    known: impl Fn(&Address, &SecretRef) -> Known,
) -> Vec<Unlaunchable> {
    let names: BTreeSet<&str> = setup.views().flat_map(View::names).collect();
    let each = names.into_iter();
    each.flat_map(|name| of_service(setup, name, &known))
        .collect()
}

fn of_service(
    setup: &Setup,
    name: &str,
    known: &impl Fn(&Address, &SecretRef) -> Known,
) -> Vec<Unlaunchable> {
    let mut environments: BTreeSet<Option<String>> = BTreeSet::from([None]);
    environments.extend(setup.environments.keys().cloned().map(Some));
    let services = setup.views().filter_map(|view| view.services.get(name));
    environments.extend(services.flat_map(Service::environments).map(Some));
    let mut problems: Vec<Unlaunchable> = vec![];
    let add = |problems: &mut Vec<Unlaunchable>, environment, (problem, reference)| {
        if !problems.iter().any(|other| other.problem == problem) {
            problems.push(Unlaunchable {
                service: name.to_owned(),
                environment,
                problem,
                reference,
            });
        }
    };
    let mut needs_environment = None;
    let mut can_start = false;
    for environment in environments {
        let view = setup.view(environment.as_deref());
        if let Some(refused) = view.refused.get(name) {
            add(&mut problems, environment, (refused.reason.clone(), None));
            continue;
        }
        let Some(service) = view.services.get(name) else {
            continue;
        };
        let asked = environment.clone().map(|name| AskedEnvironment {
            name,
            origin: EnvironmentOrigin::Asked,
        });
        let chosen = setup.environment_of(service, asked.as_ref());
        let chosen = chosen.map_err(|unknown| {
            format!(
                "it does not know the environment{}",
                unknown.origin.in_words()
            )
        });
        let chosen = chosen.and_then(|environment| {
            choose(service, environment.name()).map_err(|error| error.to_string())
        });
        let chosen = match chosen {
            Ok((chosen, _)) => chosen,
            Err(problem) => {
                needs_environment.get_or_insert_with(|| Unlaunchable {
                    service: name.to_owned(),
                    environment,
                    problem,
                    reference: None,
                });
                continue;
            }
        };
        let command = program(service, &[]).err();
        let missing = || {
            let required = chosen.iter().filter(|secret| secret.required);
            let mut missing = required.map(|secret| {
                let at = address(&secret.reference, &service.targets);
                (&secret.reference, known(&at, &secret.reference))
            });
            missing.find_map(|(reference, known)| match known {
                Known::Missing(why) => Some((why, Some(reference.clone()))),
                Known::Possible => None,
            })
        };
        let command = command.map(|error| (error.to_string(), None));
        match command.or_else(missing) {
            Some(problem) => add(&mut problems, environment, problem),
            None => can_start = true,
        }
    }
    // Where an environment must be chosen, a launch without one is nobody's plan.
    if !can_start && problems.is_empty() {
        problems.extend(needs_environment);
    }
    problems
}
