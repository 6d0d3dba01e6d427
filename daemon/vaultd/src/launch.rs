//! What does a service get? The command, its environment, and its secrets sealed to the caller.

mod plan;
pub mod problem;

use std::sync::Arc;

use vault_backends::backend::Class;
use vault_proto::generated::{CheckReply, CheckedSecret, LaunchReply, SealedValue, SealedValues};
use vault_proto::reference::Place;
use vault_proto::sealed::{Label, Purpose, Sealer};

use crate::audit::Outcome;
use crate::policy::Action;
use crate::resolver::{Ask, ResolveError, Resolved, Resolver, Want};
use crate::service::{Chosen, Service};
use crate::setup::Setup;
use crate::upstream::UpstreamError;
use plan::{argv, choose, cwd, find, may_choose, settings, vault};
use problem::LaunchError;

/// What a caller asks to launch.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The service's name.
    pub service: String,
    /// Another command in place of the configured one; empty for none.
    pub command: Vec<String>,
    /// The OCI profile the caller asks for; empty for none.
    pub profile: String,
}

/// The room.
pub struct Launch {
    resolver: Arc<Resolver>,
}

impl Launch {
    /// A room that asks `resolver`.
    pub fn new(resolver: Arc<Resolver>) -> Self {
        Self { resolver }
    }

    /// All that is needed to become the service.
    ///
    /// # Errors
    /// [`LaunchError`]: nothing is launched where one required secret cannot be had.
    pub async fn launch(
        &self,
        ask: Ask,
        wanted: &Wanted,
        public_key: &[u8],
    ) -> Result<LaunchReply, LaunchError> {
        let mut sealer = Sealer::new(Purpose::Launch, public_key, &ask.request_id)?;
        let setup = Arc::clone(&ask.setup);
        let (ask, plan) = self.plan(&setup, ask, wanted).await?;
        let Plan {
            service,
            chosen,
            mut warnings,
            rule,
        } = plan;
        let argv = match argv(service, &wanted.command) {
            Ok(argv) => argv,
            Err(error) => return Err(self.refuse(&ask, &rule, error).await?),
        };
        let kind = |resolved: &[Resolved]| Some(first_problem(&chosen, resolved)?.kind());
        let wants = wants(&chosen);
        let resolved = self.resolver.hand_out(&ask, &rule, &wants, kind).await?;
        if let Some(problem) = first_problem(&chosen, &resolved) {
            return Err(problem);
        }
        let mut values = Vec::with_capacity(resolved.len());
        for one in &resolved {
            match seal(&mut sealer, one)? {
                Some(value) => values.push(value),
                None => warnings.push(format!("{} is left out: {}", one.variable, why(one))),
            }
        }
        let encapsulated_key = if values.is_empty() {
            vec![]
        } else {
            sealer.encapsulated_key().to_vec()
        };
        Ok(LaunchReply {
            argv,
            cwd: cwd(service),
            settings: settings(service),
            secrets: Some(SealedValues {
                encapsulated_key,
                values,
            }),
            keep_variables: service.keep_variables.clone(),
            warnings,
        })
    }

    /// What a launch would give, without values.
    ///
    /// # Errors
    /// [`LaunchError`]; a secret that cannot be had is said in the reply, not here.
    pub async fn check(&self, ask: Ask, wanted: &Wanted) -> Result<CheckReply, LaunchError> {
        let setup = Arc::clone(&ask.setup);
        let (ask, plan) = self.plan(&setup, ask, wanted).await?;
        let Plan {
            service,
            chosen,
            mut warnings,
            rule,
        } = plan;
        let (argv, found) = match argv(service, &wanted.command) {
            Ok(argv) => (argv, true),
            Err(error) => {
                warnings.push(error.to_string());
                (vec![], false)
            }
        };
        let resolved = self.resolver.look(&ask, wants(&chosen)).await;
        let launchable = found && first_problem(&chosen, &resolved).is_none();
        let checked = |(chosen, one): (&Chosen, &Resolved)| {
            let problem = problem_of(one);
            CheckedSecret {
                variable: chosen.variable.clone(),
                reference: chosen.reference.to_string(),
                required: chosen.required,
                provenance: one.provenance().filter(|_| problem.is_none()),
                problem: problem.map(|error| error.to_string()).unwrap_or_default(),
            }
        };
        let secrets = chosen.iter().zip(&resolved).map(checked).collect();
        // No value leaves, so this is a look and not a hand-out; it is written down all the same.
        let values = chosen
            .iter()
            .map(|chosen| crate::resolver::plain(&want(chosen), None));
        let outcome = Outcome::Allowed;
        self.resolver
            .record(&ask, outcome, &rule, values.collect(), None)
            .await?;
        Ok(CheckReply {
            argv,
            cwd: cwd(service),
            secrets,
            setting_names: service
                .settings
                .iter()
                .map(|(name, _)| name.clone())
                .collect(),
            warnings,
            launchable,
            keep_variables: service.keep_variables.clone(),
        })
    }

    /// What the service gives in the environment asked for, if policy permits it. The ask comes back
    /// with the environment only where the configuration names it: what a caller typed is not
    /// written down.
    async fn plan<'a>(
        &self,
        setup: &'a Setup,
        mut ask: Ask,
        wanted: &Wanted,
    ) -> Result<(Ask, Plan<'a>), LaunchError> {
        let asked = ask.environment.take();
        let view = setup.view(asked.as_deref());
        let environment = setup.chosen(asked.as_deref()).map(str::to_owned);
        let found = find(&ask, view, &wanted.service);
        let (service, (chosen, mut warnings)) = match found
            .and_then(|service| Ok((service, choose(service, environment.as_deref())?)))
        {
            Ok(found) => found,
            Err(error) => {
                ask.service = ask.service.filter(|name| view.services.contains_key(name));
                return Err(self.refuse(&ask, "", error).await?);
            }
        };
        if !may_choose(service, &chosen, &wanted.profile) {
            let error = LaunchError::Profile {
                service: service.name.clone(),
                file: service.source.display().to_string(),
            };
            return Err(self.refuse(&ask, "", error).await?);
        }
        ask.freshness = service.freshness;
        ask.vault = Arc::new(vault(service, &wanted.profile));
        let known = |name: &str| {
            setup.environments.contains_key(name)
                || service.environments().iter().any(|other| other == name)
        };
        let named_anywhere = !setup.environments.is_empty()
            || view
                .services
                .values()
                .any(|service| !service.environments().is_empty());
        // A secret that names environments has said so already; where nobody names any, there is
        // nothing to choose.
        if named_anywhere
            && warnings.len() == service.warnings.len()
            && let Some(name) = environment.as_deref().filter(|name| !known(name))
        {
            warnings.push(format!("Environment '{name}' not found, using default"));
        }
        ask.environment = environment.filter(|name| known(name));
        let rule = self.permit(&ask, wanted, &chosen).await?;
        let plan = Plan {
            service,
            chosen,
            warnings,
            rule,
        };
        Ok((ask, plan))
    }

    /// Writes down that nothing is launched, and gives the reason back.
    async fn refuse(
        &self,
        ask: &Ask,
        rule: &str,
        error: LaunchError,
    ) -> Result<LaunchError, ResolveError> {
        let kind = Some(error.kind());
        self.resolver
            .record(ask, Outcome::Failed, rule, vec![], kind)
            .await?;
        Ok(error)
    }

    /// Another command than the configured one is another action, asked for beside the launch.
    async fn permit(
        &self,
        ask: &Ask,
        wanted: &Wanted,
        chosen: &[Chosen],
    ) -> Result<String, ResolveError> {
        let rule = self.resolver.permit(ask, &wants(chosen)).await?;
        if wanted.command.is_empty() {
            return Ok(rule);
        }
        let with_command = Ask {
            action: Action::LaunchCommand,
            ..ask.clone()
        };
        self.resolver.permit(&with_command, &wants(chosen)).await
    }
}

/// A launch that may go ahead.
struct Plan<'a> {
    service: &'a Service,
    chosen: Vec<Chosen>,
    warnings: Vec<String>,
    rule: String,
}

fn want(chosen: &Chosen) -> Want {
    Want {
        variable: chosen.variable.clone(),
        reference: chosen.reference.clone(),
        ages: chosen.ages,
    }
}

fn wants(chosen: &[Chosen]) -> Vec<Want> {
    chosen.iter().map(want).collect()
}

/// The first secret that nothing can be started without.
fn first_problem(chosen: &[Chosen], resolved: &[Resolved]) -> Option<LaunchError> {
    let mut required = chosen
        .iter()
        .zip(resolved)
        .filter(|(chosen, _)| chosen.required);
    required.find_map(|(_, one)| problem_of(one))
}

fn problem_of(one: &Resolved) -> Option<LaunchError> {
    let variable = one.variable.clone();
    let reference = one.reference.to_string();
    match &one.value {
        Err(error) => Some(LaunchError::Secret {
            variable,
            error: Arc::clone(error),
            hint: hint(one, error),
        }),
        Ok(served) => match served.held.secret.expose_secret(|value| value.contains(&0)) {
            Ok(false) => None,
            Ok(true) => Some(LaunchError::Nul {
                variable,
                reference,
            }),
            Err(error) => Some(LaunchError::Shield(error)),
        },
    }
}

/// What a person can do about a secret that is not there.
fn hint(one: &Resolved, error: &UpstreamError) -> String {
    match (one.reference.place(), error.class()) {
        (Place::Local { name }, Class::Answer) => format!("; store it: vaultctl put {name}"),
        _ => String::new(),
    }
}

/// Seals one value; `None` for one that was not had, or that its variable cannot hold.
///
/// # Errors
/// [`LaunchError::Seal`], [`LaunchError::Shield`].
pub(crate) fn seal(
    sealer: &mut Sealer,
    one: &Resolved,
) -> Result<Option<SealedValue>, LaunchError> {
    let (Ok(served), Some(provenance)) = (&one.value, one.provenance()) else {
        return Ok(None);
    };
    let reference = one.reference.to_string();
    let label = Label {
        variable: &one.variable,
        reference: &reference,
        version: &provenance.version,
        state: provenance.state,
    };
    let sealed = served.held.secret.expose_secret(|value| {
        // An optional value that no variable can hold is left out like one that is missing.
        (one.variable.is_empty() || !value.contains(&0)).then(|| sealer.seal(label, value))
    })?;
    let Some(ciphertext) = sealed.transpose()? else {
        return Ok(None);
    };
    Ok(Some(SealedValue {
        variable: one.variable.clone(),
        reference,
        provenance: Some(provenance),
        ciphertext,
    }))
}

fn why(one: &Resolved) -> String {
    match &one.value {
        Err(error) => error.to_string(),
        Ok(_) => "its value holds a NUL byte".to_owned(),
    }
}
