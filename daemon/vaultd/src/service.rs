//! A configured service, and what it gives in an environment. Pure, but for the look whether its
//! program is still there.
//!
//! The command is made absolute when the configuration is loaded ([`crate::command`]): what a
//! launch starts does not depend on anything its caller says.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;

use vault_proto::reference::{SecretRef, Selector};

use crate::cache::freshness::{Ages, Freshness};
use crate::command::{Command, PathElement, is_executable};
use crate::targets::Targets;

/// One service that may be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// The file that defines it.
    pub source: PathBuf,
    /// What it gets.
    pub secrets: Vec<ServiceSecret>,
    /// What is started, as it was found when the configuration was loaded.
    pub command: Command,
    /// The same as it is written, or as the catalogue has it; empty where there is none.
    pub words: Vec<String>,
    /// The PATH that the server gets, and in which its program is looked for; empty for what is inherited.
    pub path: Vec<PathElement>,
    /// Where it starts; `None` to stay where the caller is.
    pub cwd: Option<PathBuf>,
    /// Variables that are no secrets, in order.
    pub settings: Vec<(String, String)>,
    /// Inherited loader variables it may keep.
    pub keep_variables: Vec<String>,
    /// How long its values are good.
    pub freshness: Freshness,
    /// The vaults that its references lead to.
    pub targets: Targets,
    /// The identities that a caller may choose for it: profiles of OCI.
    pub profiles: Vec<String>,
    /// What is said on each launch.
    pub warnings: Vec<String>,
}

/// A service that is configured, and cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedService {
    /// The file that defines it.
    pub source: PathBuf,
    /// What is wrong, with file, line, column and key.
    pub reason: String,
}

/// One secret of a service, as the configuration means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSecret {
    /// The variable it goes into.
    pub variable: String,
    /// Whether nothing is started without it.
    pub required: bool,
    /// Which secret, where no environment says otherwise.
    pub default: Option<SecretRef>,
    /// Which secret in which environment.
    pub by_environment: BTreeMap<String, SecretRef>,
    /// Which version, where the references do not say.
    pub version: VersionPin,
    /// Where the configuration says so: `/c/configs/git.json:4`; empty where that is not known.
    pub place: String,
    /// How fresh it is to be, where that is written for it.
    pub ages: Ages,
}

/// Which version a service asks for beside its references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionPin {
    /// None: the current one.
    #[default]
    None,
    /// The same everywhere.
    Everywhere(NonZeroU64),
    /// One in each of these environments, the current one elsewhere.
    ByEnvironment(BTreeMap<String, NonZeroU64>),
}

/// A secret chosen for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The variable it goes into.
    pub variable: String,
    /// Which secret.
    pub reference: SecretRef,
    /// Whether nothing is started without it.
    pub required: bool,
    /// How fresh it is to be, where that is written for it.
    pub ages: Ages,
}

/// Why a secret cannot be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} has no secret_name, and none for this environment")]
pub struct NothingNamed {
    /// The variable.
    pub variable: String,
}

impl Service {
    /// The secrets of `environment`, and what a person should know.
    ///
    /// # Errors
    /// [`NothingNamed`] for a secret that has a name only in other environments.
    pub fn choose(
        &self,
        environment: Option<&str>,
    ) -> Result<(Vec<Chosen>, Vec<String>), NothingNamed> {
        let mut warnings = self.warnings.clone();
        let mut chosen = Vec::with_capacity(self.secrets.len());
        for secret in &self.secrets {
            if let Some(environment) = environment
                && secret.lacks(environment)
            {
                warnings.push(format!(
                    "Environment '{environment}' not found, using default ({})",
                    secret.variable
                ));
            }
            chosen.push(secret.choose(environment)?);
        }
        Ok((chosen, warnings))
    }

    /// The command as it is now: a program that has moved since, or come, is looked for again, in the
    /// directories `own` of this process too.
    pub fn command_now(&self, own: &[PathBuf]) -> Command {
        match &self.command {
            Command::Found(words)
                if words
                    .first()
                    .is_some_and(|file| is_executable(file.as_ref())) =>
            {
                self.command.clone()
            }
            Command::Absent => Command::Absent,
            Command::Found(_) | Command::Missing { .. } => {
                let path = PathElement::directories(&self.path, own);
                Command::find(&self.words, self.cwd.as_deref(), &path)
            }
        }
    }

    /// The targets as configured, and as each identity that a caller may choose.
    pub fn all_targets(&self) -> impl Iterator<Item = Targets> {
        let chosen = self.profiles.iter();
        let chosen = chosen.map(|profile| self.targets.as_identity(profile));
        std::iter::once(self.targets.clone()).chain(chosen)
    }

    /// The environments its secrets name.
    pub fn environments(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .secrets
            .iter()
            .flat_map(ServiceSecret::environments)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

impl ServiceSecret {
    /// A required secret for `variable`, of which nothing else is known.
    pub fn named(variable: &str) -> Self {
        Self {
            variable: variable.to_owned(),
            required: true,
            default: None,
            by_environment: BTreeMap::new(),
            version: VersionPin::None,
            place: String::new(),
            ages: Ages::default(),
        }
    }

    /// The same secret in every environment.
    pub fn always(variable: &str, reference: SecretRef) -> Self {
        Self {
            default: Some(reference),
            ..Self::named(variable)
        }
    }

    /// Whether other environments are named but not this one.
    fn lacks(&self, environment: &str) -> bool {
        !self.by_environment.is_empty() && !self.by_environment.contains_key(environment)
    }

    fn environments(&self) -> Vec<String> {
        let mut names: Vec<String> = self.by_environment.keys().cloned().collect();
        if let VersionPin::ByEnvironment(versions) = &self.version {
            names.extend(versions.keys().cloned());
        }
        names
    }

    /// Which secret it is in `environment`.
    ///
    /// # Errors
    /// [`NothingNamed`] where it has a name only in other environments.
    pub fn choose(&self, environment: Option<&str>) -> Result<Chosen, NothingNamed> {
        let reference = environment
            .and_then(|environment| self.by_environment.get(environment))
            .or(self.default.as_ref())
            .ok_or_else(|| NothingNamed {
                variable: self.variable.clone(),
            })?
            .clone();
        let pin = match (&self.version, environment) {
            (VersionPin::Everywhere(number), _) => Some(*number),
            (VersionPin::ByEnvironment(numbers), Some(environment)) => {
                numbers.get(environment).copied()
            }
            _ => None,
        };
        let reference = match pin {
            Some(number) => reference.with_selector(Selector::Version(number)),
            None => reference,
        };
        Ok(Chosen {
            variable: self.variable.clone(),
            reference,
            required: self.required,
            ages: self.ages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> ServiceSecret {
        ServiceSecret {
            variable: "API_KEY".to_owned(),
            required: true,
            default: Some("local://key".parse().unwrap()),
            by_environment: BTreeMap::from([(
                "production".to_owned(),
                "local://key-prod".parse().unwrap(),
            )]),
            version: VersionPin::None,
            place: String::new(),
            ages: Ages::default(),
        }
    }

    fn service(secret: ServiceSecret) -> Service {
        Service {
            name: "bar".to_owned(),
            description: String::new(),
            source: PathBuf::from("bar.json"),
            secrets: vec![secret],
            command: Command::Missing {
                words: vec!["x".to_owned()],
                kind: crate::command::Missing::NotFound,
            },
            words: vec!["x".to_owned()],
            path: vec![],
            cwd: None,
            settings: vec![],
            keep_variables: vec![],
            freshness: Freshness::default(),
            targets: Targets::default(),
            profiles: vec![],
            warnings: vec![],
        }
    }

    fn chosen(secret: ServiceSecret, environment: Option<&str>) -> (String, usize) {
        let (chosen, warnings) = service(secret).choose(environment).unwrap();
        (chosen[0].reference.to_string(), warnings.len())
    }

    #[test]
    fn an_environment_chooses_among_the_names_configured_for_it() {
        assert_eq!(chosen(secret(), None), ("local://key".to_owned(), 0));
        assert_eq!(
            chosen(secret(), Some("production")),
            ("local://key-prod".to_owned(), 0)
        );
    }

    #[test]
    fn an_unknown_environment_means_the_default_with_a_warning() {
        assert_eq!(
            chosen(secret(), Some("staging")),
            ("local://key".to_owned(), 1)
        );
        let plain = ServiceSecret {
            by_environment: BTreeMap::new(),
            ..secret()
        };
        assert_eq!(
            chosen(plain, Some("staging")).1,
            0,
            "nothing to choose, nothing to say"
        );
    }

    #[test]
    fn names_and_versions_are_chosen_independently() {
        let numbers = BTreeMap::from([
            ("production".to_owned(), NonZeroU64::new(3).unwrap()),
            ("staging".to_owned(), NonZeroU64::new(2).unwrap()),
        ]);
        let pinned = ServiceSecret {
            version: VersionPin::ByEnvironment(numbers),
            ..secret()
        };
        assert_eq!(
            chosen(pinned.clone(), Some("production")).0,
            "local://key-prod?version=3"
        );
        assert_eq!(
            chosen(pinned.clone(), Some("staging")).0,
            "local://key?version=2"
        );
        assert_eq!(chosen(pinned, None).0, "local://key");
        let everywhere = VersionPin::Everywhere(NonZeroU64::new(5).unwrap());
        let pinned = ServiceSecret {
            version: everywhere,
            ..secret()
        };
        assert_eq!(chosen(pinned, None).0, "local://key?version=5");
    }

    #[test]
    fn a_secret_without_a_name_for_the_environment_is_an_error() {
        let nameless = ServiceSecret {
            default: None,
            ..secret()
        };
        assert!(service(nameless.clone()).choose(None).is_err());
        assert!(service(nameless).choose(Some("production")).is_ok());
    }

    #[test]
    fn the_environments_are_those_that_names_and_versions_mention() {
        let numbers = BTreeMap::from([("dev".to_owned(), NonZeroU64::MIN)]);
        let both = ServiceSecret {
            version: VersionPin::ByEnvironment(numbers),
            ..secret()
        };
        assert_eq!(service(both).environments(), ["dev", "production"]);
    }
}
