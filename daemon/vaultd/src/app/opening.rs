//! What a daemon is made of that may be missing or broken, and that a person can mend while it waits:
//! configuration, state directory, store, identity, memory.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use secrecy::SecretString;
use vault_backends::process_context::ProcessContext;
use vault_backends::registry::Backends;
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::Shield;

use super::fatal::Fatal;
use super::state_lock::StateLock;
use super::unlocking;
use crate::config::document::ConfigError;
use crate::config::files::Places;
use crate::config::process_inputs::ProcessInputs;
use crate::config::watch::Watch;
use crate::config::{self, Config, Texts};

/// What is opened, and how it is tried again.
pub(super) struct Opening {
    pub(super) places: Places,
    pub(super) inputs: ProcessInputs,
    pub(super) watch: Watch,
    /// Why not all files of the configuration are watched, as of the last attempt.
    pub(super) unwatched: Option<String>,
    pub(super) socket: PathBuf,
    /// What a person has typed at the start.
    pub(super) passphrase: Option<SecretString>,
    /// Taken once, by the first attempt that gets so far.
    pub(super) lock: Option<StateLock>,
    /// The resolver.yaml that an attempt before has refused: while it is gone, or says nothing, nothing else
    /// comes into its place. Editors and programs that copy leave a moment without it.
    pub(super) refused: Option<PathBuf>,
}

/// All of it, opened.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) state: PathBuf,
    pub(super) shield: Arc<Shield>,
    pub(super) backends: Backends,
}

impl Opening {
    /// Tries to open everything. Blocks.
    ///
    /// # Errors
    /// [`Fatal`]: the first thing that is wrong.
    pub(super) fn attempt(&mut self) -> Result<Opened, Fatal> {
        let base = directories::BaseDirs::new()
            .ok_or_else(|| Fatal::Place(anyhow!("this user has no home directory; set HOME")))?;
        // Before the files are read: what changes from here on is noticed.
        self.unwatched = self.watch.follow(&self.places);
        let own_uid = nix::unistd::geteuid().as_raw();
        let config = self.load(own_uid)?;
        let state = state_directory(&base).map_err(Fatal::Place)?;
        if self.lock.is_none() {
            let lock = StateLock::take(&state, &self.socket);
            self.lock = Some(lock.map_err(|error| Fatal::Place(error.into()))?);
        }
        let shield = Shield::new(config.memory)
            .context("cannot set memory aside for secrets")
            .map_err(Fatal::Unexpected)?;
        let directory = config.local.as_deref().unwrap_or(&state);
        let local = unlocking::settings(directory, self.passphrase.clone());
        let local = local.map_err(Fatal::Configuration)?;
        let context = ProcessContext {
            home: base.home_dir().to_owned(),
            variables: self.inputs.variables.clone(),
            euid: own_uid,
            clock: Arc::new(SystemWallClock),
        };
        let backends = Backends::open(&local, context, Arc::clone(&shield))
            .map_err(|error| Fatal::Place(anyhow::Error::from(error)))?;
        Ok(Opened {
            config,
            state,
            shield,
            backends,
        })
    }
}

impl Opening {
    /// A person says that the files are meant as they are.
    pub(super) fn believe_files(&mut self) {
        self.refused = None;
    }

    fn load(&mut self, own_uid: u32) -> Result<Config, Fatal> {
        let config = self.read(own_uid);
        config.map_err(|error| {
            // The file, or the directory that it is in.
            let is_it = |file: &&PathBuf| {
                **file == error.file || file.parent() == Some(error.file.as_path())
            };
            let refused = self.places.files.iter().find(is_it).cloned();
            self.refused = self.refused.take().or(refused);
            Fatal::Configuration(anyhow!("{error}"))
        })
    }

    fn read(&self, own_uid: u32) -> Result<Config, ConfigError> {
        let texts = Texts::gather(&self.places)?;
        if let Some(file) = &self.refused
            && let Some(how) = texts.lost(file, &self.places)
        {
            let message = format!(
                "{how}, and was refused before; nothing is served until it is back, or SIGHUP \
                 ('systemctl --user reload vaultd') says that it is meant"
            );
            return Err(config::files::problem(file, message));
        }
        config::read(texts, &self.inputs, own_uid)
    }
}

/// `$XDG_STATE_HOME/vaultd`, made where it is missing; the store looks at owner and mode.
pub(super) fn state_directory(base: &directories::BaseDirs) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let home = base
        .state_dir()
        .context("no state directory; set HOME or XDG_STATE_HOME")?;
    let state = home.join("vaultd");
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(&state)
        .with_context(|| format!("cannot make {}", state.display()))?;
    Ok(state)
}
