//! The daemon put together from its parts, started and ended.

mod boot;
mod end;
mod refresher_start;
mod reload;
mod service_manager;
mod unlocking;
mod upkeep;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use vault_backends::process_context::ProcessContext;
use vault_backends::registry::Backends;
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::Shield;

use crate::arguments::Arguments;
use crate::audit::Audit;
use crate::backend_kinds::BackendKinds;
use crate::cache::Cache;
use crate::clock::{BootClock, Clock};
use crate::config::watch::{self, Changes, Watch};
use crate::config::{self, Config, files::Places, process_inputs::ProcessInputs};
use crate::grpc::daemon::{Daemon, Reload, StartFacts};
use crate::launch::Launch;
use crate::limits::{Limits, PeerKind};
use crate::listener::{AcceptLoop, Admission};
use crate::logging::Log;
use crate::maintenance::Maintenance;
use crate::refresher::{Plan, Refresher};
use crate::resolver::Resolver;
use crate::setup::Current;
use crate::snapshot::{self, Snapshot};
use crate::socket::Listening;
use crate::upstream::Upstream;
use crate::writer::Writer;
use end::Ending;
use reload::{Reloadable, Reloader};
use service_manager::ServiceManagerNotifier;

/// How long other calls under way may take once the daemon is to end and no change is under way.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(700);
/// Connections that are accepted and not yet served.
const ACCEPTED: usize = 16;
/// Threads that serve; a launch is far shorter than a thread switch is dear.
const THREADS: usize = 2;

/// Why the daemon does not run.
#[derive(Debug)]
pub enum Fatal {
    /// The command line or the configuration is wrong: starting again changes nothing.
    Configuration(anyhow::Error),
    /// Socket, store or state directory cannot be used.
    Place(anyhow::Error),
    /// Anything else.
    Unexpected(anyhow::Error),
}

impl Fatal {
    /// What is wrong.
    pub fn error(&self) -> &anyhow::Error {
        match self {
            Self::Configuration(error) | Self::Place(error) | Self::Unexpected(error) => error,
        }
    }

    /// The program's exit status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Unexpected(_) => 1,
            Self::Configuration(_) => 2,
            Self::Place(_) => 3,
        }
    }
}

/// Runs the daemon, over these kinds of vaults, until a signal ends it.
///
/// # Errors
/// [`Fatal`], before anything was served or where serving itself failed.
pub fn run(arguments: &Arguments, log: &Log, kinds: BackendKinds) -> Result<(), Fatal> {
    let clock: Arc<dyn Clock> = Arc::new(BootClock);
    let base = directories::BaseDirs::new()
        .ok_or_else(|| Fatal::Place(anyhow!("this user has no home directory; set HOME")))?;
    let checked = arguments.check.clone().flatten();
    let places = match checked.or_else(|| arguments.config.clone()) {
        // Its directory is looked at, too, and a relative name has none.
        Some(file) => Places::named(
            std::path::absolute(file)
                .context("no such file")
                .map_err(Fatal::Configuration)?,
        ),
        None => Places::usual(base.config_dir()),
    };
    let places = places.with_services(arguments.config_dir.clone());
    let inputs = ProcessInputs::of_process(arguments, kinds);
    let (mut watch, changes) = watch::watch(Arc::clone(&clock));
    // Before the files are read: what changes from here on is noticed.
    let unwatched = match arguments.check {
        Some(_) => None,
        None => watch.follow(&places),
    };
    let own_uid = nix::unistd::geteuid().as_raw();
    let config = config::load(&places, &inputs, own_uid)
        .map_err(|error| Fatal::Configuration(anyhow!("{error}")))?;
    if arguments.check.is_some() {
        let report = config::check::report(&config.setup, &places);
        let written = std::io::stdout().write_all(report.as_bytes());
        written.context("cannot write").map_err(Fatal::Unexpected)?;
        return match config.setup.refused().values().next() {
            Some(refused) => Err(Fatal::Configuration(anyhow!("{}", refused.reason))),
            None => Ok(()),
        };
    }
    log.configure(&config.setup.logging);
    let sources = Sources {
        places,
        inputs,
        log: log.clone(),
        watch,
        unwatched,
    };
    warn_of(&config.setup.warnings);
    let place = vault_proto::socket::own();
    // The socket comes before the store: a second daemon must not touch the first one's files.
    let listening = Listening::open(&place).map_err(|error| Fatal::Place(error.into()))?;
    let state = state_directory(&base).map_err(Fatal::Place)?;
    let application = Application::build(
        &config,
        (&base, &state),
        &listening,
        arguments,
        clock,
        sources,
    )?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .on_thread_park(vault_memory::wipe_parked_thread)
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Fatal::Unexpected)?;
    let served = runtime
        .block_on(application.serve(listening, changes))
        .map_err(Fatal::Unexpected);
    // Tasks that are stuck in a backend call do not hold up the end.
    runtime.shutdown_timeout(Duration::ZERO);
    served
}

/// Where the configuration comes from, and where the log goes by it.
struct Sources {
    places: Places,
    inputs: ProcessInputs,
    log: Log,
    watch: Watch,
    /// Why not all of it is watched.
    unwatched: Option<String>,
}

/// All parts of the daemon.
struct Application {
    daemon: Daemon,
    reloader: Arc<Reloader>,
    notifier: Arc<ServiceManagerNotifier>,
}

impl Application {
    fn build(
        config: &Config,
        (base, state): (&directories::BaseDirs, &Path),
        listening: &Listening,
        arguments: &Arguments,
        clock: Arc<dyn Clock>,
        sources: Sources,
    ) -> Result<Self, Fatal> {
        let shield = Shield::new(config.memory)
            .context("cannot set memory aside for secrets")
            .map_err(Fatal::Unexpected)?;
        warn_of(shield.warnings());
        let local = unlocking::settings(config.local.as_deref().unwrap_or(state), arguments)
            .map_err(Fatal::Configuration)?;
        let context = ProcessContext {
            home: base.home_dir().to_owned(),
            variables: sources.inputs.variables.clone(),
            euid: nix::unistd::geteuid().as_raw(),
            clock: Arc::new(SystemWallClock),
        };
        let backends = Backends::open(&local, context, Arc::clone(&shield))
            .map_err(|error| Fatal::Place(anyhow::Error::from(error)))?;
        let kept = backends.sealed_file(state, snapshot::FILE);
        let kept = kept.expect("the local store is always opened");
        let upstream = Upstream::new(backends, Arc::clone(&clock));
        let upstream = Arc::new(upstream.with_kinds(config.setup.kinds()));
        upstream.configure(config.setup.resilience);
        upstream.set_targets(config.setup.targets().into_values());
        let cache = Cache::new(Arc::clone(&upstream), Arc::clone(&clock));
        let snapshot = Snapshot::new(
            Arc::clone(&cache),
            kept,
            Arc::clone(&shield),
            Arc::clone(&clock),
            boot::machine(),
            config.setup.kept(),
        );
        // Before anybody asks for anything.
        snapshot.load();
        let to_journal = std::env::var_os("JOURNAL_STREAM").is_some();
        let audit = Arc::new(Audit::new(state.join("audit.jsonl"), to_journal));
        let resolver = Arc::new(Resolver::new(
            Arc::clone(&cache),
            Arc::clone(&upstream),
            Arc::clone(&audit),
        ));
        let writer = Writer::new(
            Arc::clone(&resolver),
            Arc::clone(&upstream),
            Arc::clone(&cache),
            Arc::clone(&snapshot),
            Arc::clone(&shield),
        )
        .context("cannot keep this boot's key")
        .map_err(Fatal::Unexpected)?;
        let current = Arc::new(Current::new(config.setup.clone()));
        let notifier = Arc::new(ServiceManagerNotifier {
            current: Arc::clone(&current),
            cache: Arc::clone(&cache),
            upstream: Arc::clone(&upstream),
            last: Mutex::default(),
        });
        let refresher = Refresher::new(
            Arc::clone(&cache),
            Arc::clone(&upstream),
            Arc::clone(&clock),
            Plan::of(&config.setup, refresher_start::start(&listening.path)),
            refresher_start::seed(),
        );
        let reloadable = Reloadable {
            places: sources.places,
            inputs: sources.inputs,
            log: sources.log,
            current: Arc::clone(&current),
            upstream: Arc::clone(&upstream),
            cache: Arc::clone(&cache),
            notifier: Arc::clone(&notifier),
            refresher: Arc::clone(&refresher),
            snapshot: Arc::clone(&snapshot),
        };
        let reloader = Reloader::new(reloadable, config, sources.watch, sources.unwatched);
        let reloader = Arc::new(reloader);
        let facts = StartFacts {
            started: clock.now(),
            memory_protection: shield.protection().to_string(),
            warnings: shield.warnings().to_vec(),
            socket: listening.path.display().to_string(),
            store: config
                .local
                .as_deref()
                .unwrap_or(state)
                .join("store.age")
                .display()
                .to_string(),
        };
        let maintenance = Maintenance {
            resolver: Arc::clone(&resolver),
            cache: Arc::clone(&cache),
            snapshot: Arc::clone(&snapshot),
            clock: Arc::clone(&clock),
        };
        let daemon = Daemon {
            maintenance: Arc::new(maintenance),
            current,
            launch: Arc::new(Launch::new(Arc::clone(&resolver))),
            resolver,
            writer: Arc::new(writer),
            cache,
            refresher,
            snapshot,
            upstream,
            audit,
            clock,
            reload: Arc::clone(&reloader) as Arc<dyn Reload>,
            facts: Arc::new(facts),
        };
        Ok(Self {
            daemon,
            reloader,
            notifier,
        })
    }

    async fn serve(self, listening: Listening, changes: Changes) -> anyhow::Result<()> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        let own_socket = listening.is_own();
        let Listening { listener, path, .. } = &listening;
        let listener = listener.try_clone().context("cannot use the socket")?;
        listener
            .set_nonblocking(true)
            .context("cannot use the socket")?;
        let listener = UnixListener::from_std(listener).context("cannot use the socket")?;
        let (sender, receiver) = mpsc::channel(ACCEPTED);
        let limits = Limits::default();
        let accepting = AcceptLoop {
            admission: Arc::new(PolicyAdmission(Arc::clone(&self.daemon.current))),
            limits,
            connections: sender,
        };
        let beat = service_manager::watchdog_period().map(|period| period / 3);
        let alive = service_manager::alive;
        let accepting = tokio::spawn(accepting.run(listener, beat, alive));
        let cache = Arc::clone(&self.daemon.cache);
        let upstream = Arc::clone(&self.daemon.upstream);
        let upkeep = tokio::spawn(upkeep::keep(upstream, Arc::clone(&self.daemon.clock)));
        let (stop, stopped) = oneshot::channel::<()>();
        let refreshing = tokio::spawn(Arc::clone(&self.daemon.refresher).run());
        let snapshot = Arc::clone(&self.daemon.snapshot);
        let keeping_values = tokio::spawn(Arc::clone(&snapshot).run());
        let writer = Arc::clone(&self.daemon.writer);
        let serving = tokio::spawn(crate::grpc::serve(self.daemon, limits, receiver, async {
            // A sender that is gone means the end, too.
            let _ = stopped.await;
        }));
        tracing::info!(socket = %path.display(), activated = !own_socket, "serving");
        self.notifier.ready();
        let telling = tokio::spawn(self.notifier.keep());
        let keeping = reload::keep_current(self.reloader, hangup, changes);
        // A task of its own: reading may hang, and a signal must end the daemon all the same.
        let keeping = tokio::spawn(keeping);
        let mut ending = Ending {
            terminate,
            interrupt,
            accepting,
            serving,
        };
        let ended = ending.comes().await;
        service_manager::stopping();
        // All else is still served: a restart does not wait for a slow vault in silence.
        end::finish_changes(&writer, ending.signal()).await;
        let Ending {
            accepting, serving, ..
        } = ending;
        keeping.abort();
        telling.abort();
        upkeep.abort();
        refreshing.abort();
        accepting.abort();
        keeping_values.abort();
        // While the socket is ours: a successor must find it whole.
        end::keep(&snapshot).await;
        // Nobody is listening behind a socket of our own; one of systemd's waits for a successor.
        drop(listening);
        let _ = stop.send(());
        let in_time =
            serving.is_finished() || tokio::time::timeout(SHUTDOWN_GRACE, serving).await.is_ok();
        let wiped = cache.flush(|_| true);
        tracing::info!(wiped, in_time, "ended");
        ended
    }
}

/// Lets in whom the policy in force speaks of.
struct PolicyAdmission(Arc<Current>);

impl Admission for PolicyAdmission {
    fn kind(&self, uid: u32) -> Option<PeerKind> {
        let kind = if uid == nix::unistd::geteuid().as_raw() {
            PeerKind::OwnUser
        } else {
            PeerKind::OtherUser
        };
        self.0.get().policy.knows(uid).then_some(kind)
    }
}

fn warn_of(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// `$XDG_STATE_HOME/vaultd`, made where it is missing; the store looks at owner and mode.
fn state_directory(base: &directories::BaseDirs) -> anyhow::Result<PathBuf> {
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
