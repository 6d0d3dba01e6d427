//! resolver.yaml, in each environment it names.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vault_memory::Preference;

use super::ages;
use super::document::{At, ConfigError, Document, Node};
use super::effective;
use super::layers::Layers;
use super::policy_section;
use super::process_inputs::ProcessInputs;
use super::secret_entry::ReferenceContext;
use super::sections;
use super::service_context::{ServiceContext, Shared};
use super::service_file;
use super::unknown_keys;
use super::warnings::Warnings;
use crate::audit;
use crate::logging;
use crate::policy::Policy;
use crate::service::{RefusedService, Service};
use crate::setup::{EnvironmentFallback, View};
use crate::snapshot::Persist;
use crate::targets::Targets;
use crate::upstream;
use vault_backends::oci;
use vault_backends::target::Target as _;

/// What all services get in all environments, taken together; each is kept ready for a launch.
const SECRETS: usize = 100_000;

/// A resolver.yaml with what stands outside of it.
pub(super) struct ResolverFile<'a> {
    file: PathBuf,
    base: Document,
    layers: Layers,
    inputs: &'a ProcessInputs,
    home: PathBuf,
    has_vault: bool,
    secrets: Cell<usize>,
}

/// A service file, and what is written in it.
pub(super) struct ServiceDocument {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) read: Result<Document, ConfigError>,
}

/// What counts whatever the environment.
pub(super) struct Everywhere {
    pub(super) policy: Policy,
    pub(super) audit: audit::AuditSettings,
    pub(super) memory: Preference,
    pub(super) local: Option<PathBuf>,
    pub(super) resilience: upstream::ResilienceSettings,
    pub(super) persist: Persist,
    pub(super) logging: logging::LoggingSettings,
    pub(super) old_cache: PathBuf,
    pub(super) environment_fallback: EnvironmentFallback,
}

impl<'a> ResolverFile<'a> {
    /// Reads `text`, which came from `file`.
    pub(super) fn read(
        file: &Path,
        text: &str,
        inputs: &'a ProcessInputs,
        warnings: &mut Warnings,
    ) -> Result<Self, ConfigError> {
        let document = Document::parse(file, text)?;
        let root = document.root();
        if root.is_null() {
            // An empty file, or one of comments alone, as the sample is.
            return Self::of(file, Document::of(file, Node::empty()), inputs);
        }
        if !root.is_map() {
            return Err(root.error("must be a map of sections"));
        }
        unknown_keys::check(&root, warnings)?;
        if let Some(at) = root.get("version")?
            && !matches!(at.scalar()?, "1.0" | "1")
        {
            warnings.push(at.error("unknown version, read as 1.0").to_string());
        }
        Self::of(file, document, inputs)
    }

    /// What holds where there is no file.
    pub(super) fn absent(inputs: &'a ProcessInputs) -> Result<Self, ConfigError> {
        let nowhere = Path::new("(no resolver.yaml)");
        Self::of(nowhere, Document::of(nowhere, Node::empty()), inputs)
    }

    fn of(file: &Path, base: Document, inputs: &'a ProcessInputs) -> Result<Self, ConfigError> {
        let layers = Layers::of(file, base.clone().into_root(), inputs)?;
        let home = directories::BaseDirs::new()
            .map(|base| base.home_dir().to_owned())
            .unwrap_or_default();
        let mut whole = Self {
            file: file.to_owned(),
            base,
            layers,
            inputs,
            home,
            has_vault: false,
            secrets: Cell::new(0),
        };
        whole.has_vault = whole.has_vault();
        Ok(whole)
    }

    /// The environments the file names.
    pub(super) fn environments(&self) -> impl Iterator<Item = &str> {
        self.layers.environments()
    }

    /// What counts whatever the environment a caller chooses: of the sections that environments
    /// may change, what holds in the daemon's own.
    pub(super) fn everywhere(
        &self,
        own_uid: u32,
        warnings: &mut Warnings,
    ) -> Result<Everywhere, ConfigError> {
        let root = self.base.root();
        let own = Document::of(&self.file, self.layers.effective(self.inputs.environment()));
        let own = own.root();
        Ok(Everywhere {
            policy: policy(&root, own_uid)?,
            audit: sections::audit(&root, warnings)?,
            memory: sections::memory(&root)?,
            local: sections::local(&root)?,
            resilience: sections::resilience(&own, warnings)?,
            persist: sections::persist(&root)?,
            logging: sections::logging(&own, warnings)?,
            old_cache: sections::cache(&own, &self.home, warnings)?.1,
            environment_fallback: sections::environment_fallback(&root)?,
        })
    }

    /// Whether any environment says where bare names are.
    fn has_vault(&self) -> bool {
        let names = self.environments().map(Some);
        names.chain([None]).any(|environment| {
            let tree = Document::of(&self.file, self.layers.effective(environment));
            let below = oci::OciSettings::default_for(&self.home);
            // What is wrong with it is said where it is read for good.
            let vault = sections::vault(&tree.root(), &below, &mut Warnings::default());
            vault.is_ok_and(|vault| vault.container().is_some())
        })
    }

    /// What holds in `environment`, with the services of `files`. A service that cannot be used is
    /// refused, and nothing else is.
    pub(super) fn view(
        &self,
        environment: Option<&str>,
        files: &[ServiceDocument],
        warnings: &mut Warnings,
    ) -> Result<View, ConfigError> {
        let tree = Document::of(&self.file, self.layers.effective(environment));
        let root = tree.root();
        let vault = sections::vault(&root, &oci::OciSettings::default_for(&self.home), warnings)?;
        let (freshness, _) = sections::cache(&root, &self.home, warnings)?;
        // Not used by this view, but a mistake in one environment must not wait until it is chosen.
        sections::resilience(&root, warnings)?;
        sections::logging(&root, warnings)?;
        let shared = match root.get("secrets")? {
            Some(at) => {
                let references = ReferenceContext {
                    container: vault.container(),
                    has_vault: self.has_vault,
                    kinds: self.inputs.kinds,
                };
                let shared = service_file::shared(&at, references, warnings)?;
                ages::check(&at, shared.values().flatten(), freshness)?;
                shared
            }
            None => Shared::new(),
        };
        let mut effective = effective::entries(&root, &shared)?;
        effective::correct(&mut effective, &freshness);
        let targets = Targets::unconfigured(self.inputs.kinds, &self.home).with(vault.clone());
        let mut view = View {
            services: BTreeMap::new(),
            refused: BTreeMap::new(),
            effective,
            targets: targets.clone(),
            freshness,
        };
        let services = root.get("services")?;
        let entries = services.map_or(Ok(vec![]), |at| at.entries())?;
        let context = ServiceContext {
            shared: &shared,
            vault: &vault,
            has_vault: self.has_vault,
            targets: &targets,
            freshness: view.freshness,
            inputs: self.inputs,
            home: &self.home,
        };
        let mut add = |name: &str, file: &Path, read: Result<Service, ConfigError>| match read {
            Ok(service) => drop(view.services.insert(name.to_owned(), service)),
            Err(error) => {
                let refused = RefusedService {
                    source: file.to_owned(),
                    reason: error.to_string(),
                };
                view.refused.insert(name.to_owned(), refused);
            }
        };
        let has_file = |name: &str| files.iter().any(|file| file.name == name);
        for (name, at) in entries.iter().filter(|(name, _)| !has_file(name)) {
            let read = service_file::read(name, &self.file, at, &context, warnings);
            if let Ok(service) = &read {
                self.count(service, at)?;
            }
            add(name, &self.file, read);
        }
        for ServiceDocument { name, file, read } in files {
            // A service's own file stands for it whole: its secrets alone are what it gets.
            // Only the command may be in resolver.yaml.
            let beside = entries.iter().find(|(service, _)| service == name);
            let read = read
                .as_ref()
                .map_err(ConfigError::clone)
                .and_then(|document| {
                    let command = beside.map(|(_, at)| at.get("command")).transpose()?;
                    let command = command.flatten();
                    service_file::read_file(name, document, command.as_ref(), &context, warnings)
                });
            add(name, file, read);
        }
        Ok(view)
    }

    /// Bounds what a small resolver.yaml can ask for: each environment times each service times each secret.
    fn count(&self, service: &Service, at: &At<'_>) -> Result<(), ConfigError> {
        self.secrets.set(self.secrets.get() + service.secrets.len());
        if self.secrets.get() > SECRETS {
            let many = format!("all services of all environments get more than {SECRETS} secrets");
            return Err(at.error(many));
        }
        Ok(())
    }
}

/// `policy:`. A section without rules is no section: what is missing must not mean what is allowed.
fn policy(root: &At<'_>, own_uid: u32) -> Result<Policy, ConfigError> {
    let Some((_, at)) = root
        .entries()?
        .into_iter()
        .find(|(name, _)| name == "policy")
    else {
        return Ok(Policy::default_for(own_uid));
    };
    let rules = policy_section::rules(&at)?;
    if at.is_null() || at.get("rules")?.is_none() {
        return Err(at.error(
            "has no rules; write 'rules: []' to deny everything, or take the section out for the \
             default",
        ));
    }
    Ok(Policy::new(own_uid, rules))
}
