//! The configuration read again: all of it comes into force, or none.
//!
//! A resolver.yaml that is gone, or says nothing, or has no policy any more is no new one where only that
//! change was noticed: editors and programs that copy leave a moment without it, or with its head alone,
//! and a policy would be gone.
//!
//! One reading at a time: whoever asks while another reads waits, and then sees the files as they are
//! by then. What is read takes the old one's place whole or not at all.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::{Mutex, OwnedMutexGuard};
use vault_backends::address::Address;

use super::service_manager::ServiceManagerNotifier;
use crate::cache::Cache;
use crate::config::files::Places;
use crate::config::process_inputs::ProcessInputs;
use crate::config::watch::{Changes, Watch};
use crate::config::{self, Config, Texts};
use crate::grpc::daemon::{Reload, Reloaded};
use crate::logging::Log;
use crate::policy::Policy;
use crate::refresher::{Plan, Refresher, Start};
use crate::setup::{Current, Setup};
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;

/// Where the configuration comes from, and what a new one is given to.
pub(super) struct Reloadable {
    pub(super) places: Places,
    pub(super) inputs: ProcessInputs,
    pub(super) log: Log,
    pub(super) current: Arc<Current>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) cache: Arc<Cache>,
    pub(super) notifier: Arc<ServiceManagerNotifier>,
    pub(super) refresher: Arc<Refresher>,
    pub(super) snapshot: Arc<Snapshot>,
}

/// Reads the configuration again.
pub(super) struct Reloader {
    reloadable: Arc<Reloadable>,
    reader: Arc<Mutex<Reader>>,
}

/// What the next reading is compared with.
struct Reader {
    watch: Watch,
    /// [`Texts::print`] of the configuration in force.
    print: u64,
    /// Settings that need a restart, as the daemon was started with them.
    memory: String,
    local: Option<PathBuf>,
    refusal: Option<Refusal>,
}

/// A configuration that was refused; an equal one is no news.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    why: String,
    what: Refused,
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// [`Texts::print`] of texts that make no configuration.
    Texts(u64),
    /// Inode and time of change of a file that was not read; `None` where it is gone.
    File(Option<(u64, i64, i64)>),
}

/// Who wants the configuration to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// A caller.
    Call,
    /// SIGHUP.
    Signal,
    /// The files, which have changed.
    Files,
}

impl Reloader {
    /// For a daemon that was started with `config`, whose files are watched but for the reason given.
    pub(super) fn new(
        reloadable: Reloadable,
        config: &Config,
        watch: Watch,
        unwatched: Option<String>,
    ) -> Self {
        say_unwatched(&reloadable.current, unwatched);
        let reader = Reader {
            watch,
            print: config.print,
            memory: config.memory.to_string(),
            local: config.local.clone(),
            refusal: None,
        };
        Self {
            reloadable: Arc::new(reloadable),
            reader: Arc::new(Mutex::new(reader)),
        }
    }

    async fn reload(&self, trigger: Trigger) -> Result<Reloaded, String> {
        let reader = Arc::clone(&self.reader).lock_owned().await;
        let reloadable = Arc::clone(&self.reloadable);
        // Who asked may give up; the reading goes on, and with it the lock.
        let read = tokio::task::spawn_blocking(move || reload(reader, &reloadable, trigger)).await;
        read.unwrap_or_else(|_| {
            tracing::error!("reading the configuration was lost");
            Err("reading the configuration was lost".to_owned())
        })
    }
}

#[tonic::async_trait]
impl Reload for Reloader {
    async fn reload(&self) -> Result<Reloaded, String> {
        self.reload(Trigger::Call).await
    }
}

/// Reads at each SIGHUP and after each change of the files, for as long as it is let.
pub(super) async fn keep_current(
    reloader: Arc<Reloader>,
    mut hangup: Signal,
    mut changes: Changes,
) {
    loop {
        let trigger = tokio::select! {
            asked = hangup.recv() => match asked {
                Some(()) => Trigger::Signal,
                None => return,
            },
            () = changes.settled() => Trigger::Files,
        };
        // What went wrong is in the log and in status.
        let _ = reloader.reload(trigger).await;
    }
}

fn reload(
    mut reader: OwnedMutexGuard<Reader>,
    reloadable: &Reloadable,
    trigger: Trigger,
) -> Result<Reloaded, String> {
    if trigger != Trigger::Files {
        reloadable.log.reopen();
    }
    tracing::debug!(?trigger, "reading the configuration");
    // Before the files are read: what changes from here on is noticed.
    let unwatched = reader.watch.follow(&reloadable.places);
    say_unwatched(&reloadable.current, unwatched);
    let (generation, news) = match read(reloadable, trigger) {
        Ok(config) => reader.take(config, reloadable),
        Err(refusal) => {
            let why = refusal.why.clone();
            if reader.refuse(refusal, reloadable) || trigger == Trigger::Signal {
                reloadable.notifier.reloaded();
            }
            return Err(format!("{why}; the old configuration stays in force"));
        }
    };
    // A caller gets the answer; who sends a signal looks at the status.
    if news || trigger == Trigger::Signal {
        reloadable.notifier.reloaded();
    }
    Ok(Reloaded { generation })
}

/// Says once why files are not watched.
fn say_unwatched(current: &Current, why: Option<String>) {
    let sentence = why.map(|why| {
        format!("changes of files are not noticed, run 'vaultctl reload' after one: {why}")
    });
    if current.leave_unwatched(sentence.clone())
        && let Some(sentence) = sentence
    {
        tracing::warn!("{sentence}");
    }
}

fn read(reloadable: &Reloadable, trigger: Trigger) -> Result<Config, Refusal> {
    let own_uid = nix::unistd::geteuid().as_raw();
    let texts = Texts::gather(&reloadable.places).map_err(|error| Refusal {
        why: error.to_string(),
        what: Refused::file(&error.file),
    })?;
    let print = texts.print();
    let refused = |why: String| Refusal {
        why,
        what: Refused::Texts(print),
    };
    let in_force = reloadable.current.get();
    if trigger == Trigger::Files
        && let Some(file) = &in_force.path
        && let Some(how) = texts.lost(file, &reloadable.places)
    {
        let file = file.display();
        return Err(refused(format!(
            "{file}: {how}; what it said counts until it is back, or 'vaultctl reload' says that \
             it is meant"
        )));
    }
    let read = config::read(texts, &reloadable.inputs, own_uid);
    let config = read.map_err(|error| refused(error.to_string()))?;
    let default = Policy::default_for(own_uid);
    if trigger == Trigger::Files
        && in_force.policy != default
        && config.setup.policy == default
        && let Some(file) = &config.setup.path
    {
        let file = file.display();
        return Err(refused(format!(
            "{file}: policy: is gone; it counts until it is back, or 'vaultctl reload' says that it \
             is meant"
        )));
    }
    Ok(config)
}

impl Reader {
    /// Puts a good configuration into force, if it is another one; says whether there is news.
    fn take(&mut self, config: Config, reloadable: &Reloadable) -> (u64, bool) {
        let Config {
            mut setup,
            memory,
            local,
            print,
        } = config;
        let mut restart = |key: &str| {
            let unit = "systemctl --user restart vaultd";
            setup
                .warnings
                .push(format!("{key}: has changed and needs a restart: {unit}"));
        };
        if local != self.local {
            restart("local.directory");
        }
        if memory.to_string() != self.memory {
            restart("memory");
        }
        self.refusal = None;
        let old = reloadable.current.get();
        if print == self.print && is_same(&setup, &old) {
            let (generation, _) = reloadable.current.history();
            let mended = reloadable.current.refuse(None);
            if mended {
                tracing::info!(generation, "configuration is good again, and unchanged");
            } else {
                tracing::debug!(generation, "configuration unchanged");
            }
            return (generation, mended);
        }
        self.print = print;
        (put_into_force(setup, &old, reloadable), true)
    }

    /// Keeps the old configuration; says whether there is news.
    fn refuse(&mut self, refusal: Refusal, reloadable: &Reloadable) -> bool {
        if self.refusal.as_ref() == Some(&refusal) {
            tracing::debug!("configuration refused as before");
            return false;
        }
        let error = &refusal.why;
        tracing::error!(error, "configuration refused; the old one stays in force");
        reloadable.current.refuse(Some(error.clone()));
        self.refusal = Some(refusal);
        true
    }
}

impl Refused {
    fn file(file: &Path) -> Self {
        let metadata = file.metadata().or_else(|_| file.symlink_metadata());
        let state = |data: Metadata| (data.ino(), data.ctime(), data.ctime_nsec());
        Self::File(metadata.ok().map(state))
    }
}

/// Whether two configurations that were made of the same texts are the same.
fn is_same(new: &Setup, old: &Setup) -> bool {
    new.warnings == old.warnings
        && new.refused() == old.refused()
        && new.commands().eq(old.commands())
}

fn put_into_force(setup: Setup, old: &Setup, reloadable: &Reloadable) -> u64 {
    reloadable.log.configure(&setup.logging);
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    reloadable.upstream.configure(setup.resilience);
    let kinds = setup.kinds();
    let targets = setup.targets();
    let keys = setup.keys();
    let changed = !old.keys().is_subset(&keys);
    reloadable.upstream.set_targets(targets.into_values());
    let plan = Plan::of(&setup, Start::Restart);
    let kept = setup.kept();
    let generation = reloadable.current.replace(setup);
    if changed {
        let cache = &reloadable.cache;
        let is_left = |address: &Address| {
            let key = (address.kind, address.scope.clone());
            kinds.policy(address.kind).is_remote && !keys.contains(&key)
        };
        let forgotten = cache.flush(is_left);
        tracing::info!(
            forgotten,
            "values of vaults that are not configured any more forgotten"
        );
    }
    reloadable.refresher.set_plan(plan);
    reloadable.snapshot.set_policy(kept);
    tracing::info!(generation, "configuration read");
    generation
}
