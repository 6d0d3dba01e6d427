//! What a service gets: its command, its environment, and its secrets sealed to the caller.

pub(crate) mod history;
mod plan;
pub mod problem;
pub(crate) mod readiness;
pub(crate) mod reply_size;

use std::sync::Arc;

use prost::Message;
use vault_backends::address::Address;
use vault_backends::error::Class;
use vault_proto::delivery::Delivery;
use vault_proto::generated::{CheckReply, CheckedSecret, LaunchReply, SealedValue, SealedValues};
use vault_proto::reference::Place;
use vault_proto::sealed::{Label, Purpose, Sealer};

use crate::cache::Served;
use crate::clock::unix_time;
use crate::peer::Peer;
use crate::policy::Action;
use crate::resolver::{RequestContext, ResolveError, Resolved, Resolver, SecretRequest};
use crate::service::{Chosen, Service};
use crate::setup::{AskedEnvironment, ChosenEnvironment, Setup};
use crate::upstream::UpstreamError;
use history::{FailedLaunch, History, RunningServer};
use plan::{
    Program, choose, cwd, environment, find, may_be_said, may_choose, path, program, settings,
    targets,
};
use problem::LaunchError;
use reply_size::{LARGEST_REPLY, fits};

/// What a caller asks to launch.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    /// The service's name.
    pub service: String,
    /// Another command in place of the configured one; empty for none.
    pub command: Vec<String>,
    /// The OCI profile the caller asks for; empty for none.
    pub profile: String,
    /// The environment, if the caller names one.
    pub environment: Option<AskedEnvironment>,
}

/// The way to services.
pub struct Launch {
    resolver: Arc<Resolver>,
    history: History,
}

impl Launch {
    /// One that asks `resolver`.
    pub fn new(resolver: Arc<Resolver>) -> Self {
        Self {
            resolver,
            history: History::default(),
        }
    }

    /// What became of the last launches.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// All that is needed to become the service.
    ///
    /// # Errors
    /// [`LaunchError`]: nothing is launched where one required secret cannot be had.
    pub async fn launch(
        &self,
        context: RequestContext,
        wanted: &ServiceRequest,
        public_key: &[u8],
    ) -> Result<LaunchReply, LaunchError> {
        let peer = Arc::clone(&context.peer);
        let environment = known_environment(&context.setup, wanted);
        let launched = self.prepare(context, wanted, public_key).await;
        match launched {
            Ok((reply, secrets)) => {
                if !secrets.is_empty() {
                    let service = wanted.service.clone();
                    self.history.started(RunningServer {
                        service,
                        peer,
                        secrets,
                    });
                }
                Ok(reply)
            }
            Err(error) => {
                self.history
                    .failed(failed(wanted, environment, &peer, &error));
                Err(error)
            }
        }
    }

    /// The reply, and which version of what is in it.
    async fn prepare(
        &self,
        context: RequestContext,
        wanted: &ServiceRequest,
        public_key: &[u8],
    ) -> Result<(LaunchReply, Vec<(Address, String)>), LaunchError> {
        let mut sealer = Sealer::new(Purpose::Launch, public_key, &context.request_id)?;
        let setup = Arc::clone(&context.setup);
        let (context, plan) = self.plan(&setup, context, wanted).await?;
        let Plan {
            service,
            chosen,
            mut warnings,
        } = plan;
        let (program, missing) = split(program(service, &wanted.command));
        let unfit = missing.as_ref().map(LaunchError::kind);
        let reply = LaunchReply {
            argv: program.argv,
            program_directory: program.directory,
            path: path(service),
            cwd: cwd(service),
            settings: settings(service),
            keep_variables: service.keep_variables.clone(),
            ..LaunchReply::default()
        };
        let rest = reply.encoded_len() + bytes(&warnings);
        let problem = |resolved: &[Resolved]| first_problem(&chosen, resolved, rest);
        let kind = |resolved: &[Resolved]| Some(problem(resolved)?.kind());
        let (actions, secrets) = (actions(context.action, wanted), wants(&chosen));
        let addresses = chosen.iter().map(|one| context.address(&one.reference));
        let addresses: Vec<_> = addresses.collect();
        let resolver = &self.resolver;
        let resolved = resolver.resolve(context, &actions, secrets, unfit, kind);
        let resolved = resolved.await?;
        if let Some(missing) = missing {
            return Err(missing);
        }
        if let Some(problem) = problem(&resolved) {
            return Err(problem);
        }
        let mut values = Vec::with_capacity(resolved.len());
        for one in &resolved {
            match seal(&mut sealer, one)? {
                Some(value) => values.push(value),
                None => warnings.push(format!(
                    "{} is left out: {}",
                    one.delivery.variable(),
                    why(one)
                )),
            }
        }
        let encapsulated_key = if values.is_empty() {
            vec![]
        } else {
            sealer.encapsulated_key().to_vec()
        };
        let versions = resolved.iter().map(Resolved::provenance);
        let given = addresses.into_iter().zip(versions);
        let given = given.filter_map(|(address, held)| Some((address, held?.version)));
        let given = given.collect();
        let reply = LaunchReply {
            secrets: Some(SealedValues {
                encapsulated_key,
                values,
            }),
            warnings,
            ..reply
        };
        Ok((reply, given))
    }

    /// What a launch would give, without values.
    ///
    /// # Errors
    /// [`LaunchError`]; a secret that cannot be had is said in the reply, not here.
    pub async fn check(
        &self,
        context: RequestContext,
        wanted: &ServiceRequest,
    ) -> Result<CheckReply, LaunchError> {
        let setup = Arc::clone(&context.setup);
        let (context, plan) = self.plan(&setup, context, wanted).await?;
        let Plan {
            service,
            chosen,
            mut warnings,
        } = plan;
        let (program, missing) = split(program(service, &wanted.command));
        warnings.extend(missing.as_ref().map(ToString::to_string));
        if service.secrets.is_empty() {
            warnings.push(format!("service {} has no secrets", service.name));
        }
        let (actions, secrets) = (actions(context.action, wanted), wants(&chosen));
        let resolved = self.resolver.inspect(context, &actions, secrets).await?;
        let rest = bytes(&program.argv) + bytes(&warnings);
        let problem = first_problem(&chosen, &resolved, rest);
        if let Some(too_large @ LaunchError::TooLarge(_)) = &problem {
            warnings.push(too_large.to_string());
        }
        let launchable = missing.is_none() && problem.is_none();
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
        Ok(CheckReply {
            argv: program.argv,
            program_directory: program.directory,
            path: path(service),
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

    /// What the service gives in the environment asked for. The context comes back with the environment
    /// only where the configuration names it: what a caller typed is not written down.
    async fn plan<'a>(
        &self,
        setup: &'a Setup,
        mut context: RequestContext,
        wanted: &ServiceRequest,
    ) -> Result<(RequestContext, Plan<'a>), LaunchError> {
        let asked = wanted.environment.as_ref();
        let view = setup.view(asked.map(|asked| asked.name.as_str()));
        let planned = find(&context, view, &wanted.service).and_then(|service| {
            let environment = environment(&context, service, asked)?;
            let (chosen, warnings) = choose(service, environment.name())?;
            Ok((service, environment, chosen, warnings))
        });
        let (service, environment, chosen, mut warnings) = match planned {
            Ok(planned) => planned,
            Err(error) => {
                context.service = Some(wanted.service.clone()).filter(|name| may_be_said(name));
                return Err(self.refuse(&context, error).await?);
            }
        };
        if !may_choose(service, &chosen, &wanted.profile) {
            let error = LaunchError::Profile {
                service: service.name.clone(),
                file: service.source.display().to_string(),
            };
            return Err(self.refuse(&context, error).await?);
        }
        context.freshness = service.freshness;
        context.targets = Arc::new(targets(service, &wanted.profile));
        if let ChosenEnvironment::Unknown(name) = &environment
            && warnings.len() == service.warnings.len()
        {
            // A secret that names environments has said so already.
            warnings.push(format!("Environment '{name}' not found, using default"));
        }
        // What a caller typed is not written down, only what the configuration names.
        if let ChosenEnvironment::Known(name) = environment {
            context.environment = Some(name);
        }
        let plan = Plan {
            service,
            chosen,
            warnings,
        };
        Ok((context, plan))
    }

    /// Writes down that nothing is launched, and gives the reason back.
    async fn refuse(
        &self,
        context: &RequestContext,
        error: LaunchError,
    ) -> Result<LaunchError, ResolveError> {
        self.resolver.record_refused(context, error.kind()).await?;
        Ok(error)
    }
}

/// The program, or why there is none beside nothing.
fn split(program: Result<Program, LaunchError>) -> (Program, Option<LaunchError>) {
    match program {
        Ok(program) => (program, None),
        Err(missing) => (Program::default(), Some(missing)),
    }
}

fn failed(
    wanted: &ServiceRequest,
    environment: Option<String>,
    peer: &Peer,
    error: &LaunchError,
) -> FailedLaunch {
    FailedLaunch {
        time: unix_time(),
        service: Some(wanted.service.clone()).filter(|name| may_be_said(name)),
        environment,
        client: peer.started_by(),
        pid: peer.pid,
        kind: error.kind(),
        reason: error.to_string(),
    }
}

/// The environment asked for, where the configuration names it.
fn known_environment(setup: &Setup, wanted: &ServiceRequest) -> Option<String> {
    let asked = wanted.environment.as_ref();
    let view = setup.view(asked.map(|asked| asked.name.as_str()));
    let service = view.services.get(&wanted.service)?;
    match setup.environment_of(service, asked) {
        Ok(ChosenEnvironment::Known(name)) => Some(name),
        _ => None,
    }
}

/// What policy is asked for. Another command than the configured one is an action of its own, beside it.
fn actions(action: Action, wanted: &ServiceRequest) -> Vec<Action> {
    let other = (!wanted.command.is_empty()).then_some(Action::LaunchCommand);
    std::iter::once(action).chain(other).collect()
}

/// What the configuration gives for a launch.
struct Plan<'a> {
    service: &'a Service,
    chosen: Vec<Chosen>,
    warnings: Vec<String>,
}

fn want(chosen: &Chosen) -> SecretRequest {
    SecretRequest {
        delivery: Delivery::into_variable(&chosen.variable),
        reference: chosen.reference.clone(),
        ages: chosen.ages,
    }
}

fn wants(chosen: &[Chosen]) -> Vec<SecretRequest> {
    chosen.iter().map(want).collect()
}

/// The first secret that nothing can be started without, or that all together are too large for a reply
/// with `rest` bytes beside them.
fn first_problem(chosen: &[Chosen], resolved: &[Resolved], rest: usize) -> Option<LaunchError> {
    let mut required = chosen
        .iter()
        .zip(resolved)
        .filter(|(chosen, _)| chosen.required);
    let missing = required.find_map(|(_, one)| problem_of(one));
    // Each secret that is left out becomes a warning.
    let left_out = resolved.iter().filter(|one| one.value.is_err());
    let rest = rest + left_out.map(|one| why(one).len()).sum::<usize>();
    missing.or_else(|| Some(fits(resolved, rest, LARGEST_REPLY).err()?.into()))
}

/// About what texts take up in a reply.
fn bytes(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len() + 8).sum()
}

fn problem_of(one: &Resolved) -> Option<LaunchError> {
    let variable = one.delivery.variable().to_owned();
    let reference = one.reference.to_string();
    match &one.value {
        Err(error) => Some(LaunchError::Secret {
            variable,
            error: Arc::clone(error),
            hint: hint(one, error),
        }),
        Ok(served) => match holds_nul(served) {
            Ok(false) => None,
            Ok(true) => Some(LaunchError::Nul {
                variable,
                reference,
            }),
            Err(error) => Some(error),
        },
    }
}

fn holds_nul(served: &Served) -> Result<bool, LaunchError> {
    let secret = served.secret()?;
    Ok(secret.expose_secret(|value| value.contains(&0))?)
}

/// What a person can do about a secret that is not there.
fn hint(one: &Resolved, error: &UpstreamError) -> String {
    match (one.reference.place(), error.class()) {
        (Place::Local { name }, Class::Answer) => format!("; store it: vaultctl put {name}"),
        (
            Place::OciName {
                container: None,
                name,
            },
            Class::Answer | Class::Request,
        ) => format!(
            "; a name alone means a secret of OCI Vault in a service file: did you mean local://{name}?"
        ),
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
        delivery: &one.delivery,
        reference: &reference,
        version: &provenance.version,
        state: provenance.state,
    };
    let sealed = served.secret()?.expose_secret(|value| {
        // An optional value that no variable can hold is left out like one that is missing.
        (one.delivery == Delivery::Direct || !value.contains(&0)).then(|| sealer.seal(label, value))
    })?;
    let Some(ciphertext) = sealed.transpose()? else {
        return Ok(None);
    };
    Ok(Some(SealedValue {
        variable: one.delivery.variable().to_owned(),
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
