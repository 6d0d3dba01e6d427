//! The configuration in force: one immutable whole, swapped at once.
//!
//! Whoever serves a request takes the whole once and uses it to the end: no request sees a mixture
//! of two configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use vault_backends::target::{Key, Target};

use crate::audit;
use crate::backend_kinds::BackendKinds;
use crate::cache::freshness::Freshness;
use crate::command::Command;
use crate::logging;
use crate::policy::Policy;
use crate::service::{RefusedService, Service};
use crate::snapshot::{Persist, SnapshotPolicy};
use crate::targets::Targets;
use crate::upstream;

/// Everything the configuration says of serving requests.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The file it was read from; `None` where there is none.
    pub path: Option<PathBuf>,
    /// Where service files were looked for, for messages.
    pub searched: Vec<PathBuf>,
    /// What holds where no environment is chosen, or one that the file does not name.
    pub base: View,
    /// What holds in each environment that resolver.yaml names.
    pub environments: BTreeMap<String, View>,
    /// The environment that counts where a caller names none.
    pub environment: Option<String>,
    /// What happens where a caller asks for one that is not named.
    pub environment_fallback: EnvironmentFallback,
    /// Who may what.
    pub policy: Policy,
    /// How requests are remembered.
    pub audit: audit::AuditSettings,
    /// What happens while a vault cannot be asked.
    pub resilience: upstream::ResilienceSettings,
    /// Whether values outlive a restart.
    pub persist: Persist,
    /// Which log lines are written, and where.
    pub logging: logging::LoggingSettings,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// What happens where a caller asks for an environment that the configuration does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvironmentFallback {
    /// Nothing is given: whoever writes an environment means it.
    #[default]
    Refuse,
    /// What counts without one, with a warning.
    Warn,
}

/// An environment that a caller names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedEnvironment {
    /// Its name.
    pub name: String,
    /// Where it is named.
    pub origin: EnvironmentOrigin,
}

/// Where an environment is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentOrigin {
    /// The caller wrote it for this launch.
    Asked,
    /// The caller found it in its variables.
    CallersVariable,
    /// It is in the daemon's own variables.
    OwnVariable,
}

impl EnvironmentOrigin {
    /// For a message, with its separator.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Asked => "",
            Self::CallersVariable => ", which the inherited variable OCI_VAULT_ENVIRONMENT names",
            Self::OwnVariable => ", which vaultd's own variable OCI_VAULT_ENVIRONMENT names",
        }
    }
}

/// The environment that counts for a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChosenEnvironment {
    /// None.
    Without,
    /// One that the configuration names.
    Known(String),
    /// Another one, under [`EnvironmentFallback::Warn`]: what counts without one, and that is said.
    Unknown(String),
}

impl ChosenEnvironment {
    /// The name, whether or not it is known.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Without => None,
            Self::Known(name) | Self::Unknown(name) => Some(name),
        }
    }
}

/// An environment that the configuration does not name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEnvironment {
    /// What was asked for.
    pub name: String,
    /// Where.
    pub origin: EnvironmentOrigin,
    /// The names there are.
    pub known: Vec<String>,
}

/// What holds in one environment.
#[derive(Clone, Debug)]
pub struct View {
    /// The services, by name.
    pub services: BTreeMap<String, Service>,
    /// Those that cannot be used as they are, by name: nothing else stands in their place.
    pub refused: BTreeMap<String, RefusedService>,
    /// The vaults that references lead to, and what a bare name means there.
    pub targets: Targets,
    /// How long values are good.
    pub freshness: Freshness,
    /// Every key with its value and where it was written.
    pub effective: Vec<Effective>,
}

/// A key with the value that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The key: `cache.ttl`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it was written: `resolver.yaml:12`, a variable, or that it is the default.
    pub origin: String,
}

impl View {
    /// The names of all services, whether they can be used or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&String> = self.services.keys().chain(self.refused.keys()).collect();
        names.into_iter().map(String::as_str)
    }
}

impl Setup {
    /// What holds without an environment, and in each.
    pub fn views(&self) -> impl Iterator<Item = &View> + Clone {
        std::iter::once(&self.base).chain(self.environments.values())
    }

    /// The same with their names.
    pub fn named_views(&self) -> impl Iterator<Item = (Option<&str>, &View)> + Clone {
        let named = self.environments.iter();
        let named = named.map(|(name, view)| (Some(name.as_str()), view));
        std::iter::once((None, &self.base)).chain(named)
    }

    /// The environment that counts for a caller who asked for this one, or for none.
    pub fn chosen<'a>(&'a self, asked: Option<&'a str>) -> Option<&'a str> {
        asked.or(self.environment.as_deref())
    }

    /// The environment of a launch of `service` for a caller who names this one.
    ///
    /// # Errors
    /// [`UnknownEnvironment`]. One that was found in a variable counts only where environments are named
    /// at all: it was not written for this service.
    pub fn environment_of(
        &self,
        service: &Service,
        asked: Option<&AskedEnvironment>,
    ) -> Result<ChosenEnvironment, UnknownEnvironment> {
        let own = self.environment.as_deref().map(|name| AskedEnvironment {
            name: name.to_owned(),
            origin: EnvironmentOrigin::OwnVariable,
        });
        let Some(asked) = asked.or(own.as_ref()) else {
            return Ok(ChosenEnvironment::Without);
        };
        let known: BTreeSet<String> = self.environments.keys().cloned().collect();
        let known: BTreeSet<String> = known.into_iter().chain(service.environments()).collect();
        if known.contains(&asked.name) {
            return Ok(ChosenEnvironment::Known(asked.name.clone()));
        }
        let is_written_for_it = asked.origin == EnvironmentOrigin::Asked;
        match self.environment_fallback {
            _ if known.is_empty() && !is_written_for_it => Ok(ChosenEnvironment::Without),
            EnvironmentFallback::Warn => Ok(ChosenEnvironment::Unknown(asked.name.clone())),
            EnvironmentFallback::Refuse => Err(UnknownEnvironment {
                name: asked.name.clone(),
                origin: asked.origin,
                known: known.into_iter().collect(),
            }),
        }
    }

    /// All environments that the configuration names, for whatever service.
    pub fn all_environments(&self) -> BTreeSet<String> {
        let services = self.views().flat_map(|view| view.services.values());
        let named = services.flat_map(Service::environments);
        named.chain(self.environments.keys().cloned()).collect()
    }

    /// Every vault that may be asked: those of the views and of their services, these as each identity
    /// that a caller may choose.
    pub fn targets(&self) -> BTreeMap<Key, Arc<dyn Target>> {
        let mut all = BTreeMap::new();
        let mut add = |targets: &Targets| {
            let targets = targets.all().map(Arc::clone);
            all.extend(targets.map(|target| (target.key(), target)));
        };
        for view in self.views() {
            add(&view.targets);
            for service in view.services.values() {
                service.all_targets().for_each(|targets| add(&targets));
            }
        }
        all
    }

    /// Their keys: what the addresses of its secrets can have.
    pub fn keys(&self) -> BTreeSet<Key> {
        self.targets().into_keys().collect()
    }

    /// The kinds of vaults there are.
    pub fn kinds(&self) -> BackendKinds {
        self.base.targets.kinds()
    }

    /// What may outlive a restart.
    pub fn kept(&self) -> SnapshotPolicy {
        SnapshotPolicy {
            persist: self.persist,
            keys: self.remote_keys(),
            kinds: self.kinds().all().map(|policy| policy.kind).collect(),
            longest: self.longest_use(),
        }
    }

    fn remote_keys(&self) -> BTreeSet<Key> {
        let keys = self.keys().into_iter();
        keys.filter(|(kind, _)| self.kinds().policy(*kind).is_remote)
            .collect()
    }

    /// The longest that any value may be served.
    fn longest_use(&self) -> Duration {
        let of_service = |service: &Service| {
            let around = service.freshness;
            let secrets = service.secrets.iter();
            let each = secrets.map(move |secret| around.with(secret.ages));
            each.chain([around])
                .map(|freshness| freshness.usable(None))
                .max()
        };
        let of_view = |view: &View| {
            let services = view.services.values().filter_map(of_service);
            services.chain([view.freshness.usable(None)]).max()
        };
        let longest = self.views().filter_map(of_view).max();
        longest.unwrap_or_default()
    }

    /// The services that cannot be used in one environment or another, each once.
    pub fn refused(&self) -> BTreeMap<&str, &RefusedService> {
        let views = self.views();
        let refused = views.flat_map(|view| &view.refused);
        refused
            .map(|(name, refused)| (name.as_str(), refused))
            .collect()
    }

    /// The commands of all services in all environments. They are found when the configuration is
    /// read, so that they may differ though no file does.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let views = self.environments.values().chain([&self.base]);
        views.flat_map(|view| view.services.values().map(|service| &service.command))
    }

    /// What holds for a caller who asked for this environment, or for none.
    pub fn view(&self, asked: Option<&str>) -> &View {
        let named = |name| self.environments.get(name);
        self.chosen(asked).and_then(named).unwrap_or(&self.base)
    }
}

/// The setup in force.
#[derive(Debug)]
pub struct Current(RwLock<State>);

#[derive(Debug)]
struct State {
    setup: Arc<Setup>,
    generation: u64,
    refused: Option<String>,
    unwatched: Option<String>,
}

impl Current {
    /// The first setup.
    pub fn new(setup: Setup) -> Self {
        Self(RwLock::new(State {
            setup: Arc::new(setup),
            generation: 1,
            refused: None,
            unwatched: None,
        }))
    }

    /// The whole.
    pub fn get(&self) -> Arc<Setup> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).setup)
    }

    /// Puts `setup` in its place and returns how many setups there have been.
    pub fn replace(&self, setup: Setup) -> u64 {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.setup = Arc::new(setup);
        state.generation += 1;
        state.refused = None;
        state.generation
    }

    /// Remembers why a newer configuration was refused, or that none is refused any more; says whether
    /// that is news.
    pub fn refuse(&self, why: Option<String>) -> bool {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let news = state.refused != why;
        state.refused = why;
        news
    }

    /// Remembers why changes of files are not noticed, or that they are; says whether that is news.
    pub fn leave_unwatched(&self, why: Option<String>) -> bool {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let news = state.unwatched != why;
        state.unwatched = why;
        news
    }

    /// Why changes of files are not noticed; `None` where they are.
    pub fn unwatched(&self) -> Option<String> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.unwatched.clone()
    }

    /// How many setups there have been, and why the last attempt at another was refused.
    pub fn history(&self) -> (u64, Option<String>) {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (state.generation, state.refused.clone())
    }
}
