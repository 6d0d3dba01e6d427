//! The daemon put together from its parts, started and ended.

mod accepting;
mod boot;
mod end;
mod fatal;
mod opening;
mod refresher_start;
mod reload;
mod service_manager;
mod standby;
mod state_lock;
mod unlocking;
mod upkeep;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use vault_proto::socket::SocketLocation;

use crate::arguments::Arguments;
use crate::audit::Audit;
use crate::backend_kinds::BackendKinds;
use crate::cache::Cache;
use crate::clock::{BootClock, Clock};
use crate::config::watch::{self, Changes};
use crate::config::{self, files::Places, process_inputs::ProcessInputs};
use crate::grpc::daemon::{Daemon, Reload, StartFacts};
use crate::launch::Launch;
use crate::limits::{Limits, PeerKind};
use crate::listener::{AcceptLoop, Admission, Connection};
use crate::logging::Log;
use crate::maintenance::Maintenance;
use crate::refresher::{Plan, Refresher};
use crate::resolver::Resolver;
use crate::setup::Current;
use crate::snapshot::{self, Snapshot};
use crate::socket::{Listening, SocketError};
use crate::upstream::Upstream;
use crate::writer::Writer;
use end::{Ending, Signals};
pub use fatal::Fatal;
use opening::{Opened, Opening};
use reload::{Reloadable, Reloader};
use service_manager::ServiceManagerNotifier;
use standby::Standby;
use state_lock::{StateLock, StateLockError};

/// How long other calls under way may take once the daemon is to end and no change is under way.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(700);
/// How long a predecessor may still have the state directory that serves no more.
const PREDECESSOR: Duration = Duration::from_secs(5);
/// Connections that are accepted and not yet served.
const ACCEPTED: usize = 16;
/// Threads that serve; a launch is far shorter than a thread switch is dear.
const THREADS: usize = 2;

/// Runs the daemon, over these kinds of vaults, until a signal ends it.
///
/// # Errors
/// [`Fatal`], before anybody could be answered or where serving itself failed. What a person can mend in
/// files does not end the daemon: callers hear of it.
pub fn run(arguments: &Arguments, log: &Log, kinds: BackendKinds) -> Result<(), Fatal> {
    let clock: Arc<dyn Clock> = Arc::new(BootClock);
    let checked = arguments.check.clone().flatten();
    let places = match checked.or_else(|| arguments.config.clone()) {
        // Its directory is looked at, too, and a relative name has none.
        Some(file) => Places::named(
            std::path::absolute(file)
                .context("no such file")
                .map_err(Fatal::Configuration)?,
        ),
        None => {
            let base = directories::BaseDirs::new();
            let base = base.ok_or_else(|| {
                Fatal::Place(anyhow!("this user has no home directory; set HOME"))
            })?;
            Places::usual(base.config_dir())
        }
    };
    let places = places.with_services(arguments.config_dir.clone());
    let inputs = ProcessInputs::of_process(arguments, kinds);
    if arguments.check.is_some() {
        return check(&places, &inputs);
    }
    let place = vault_proto::socket::own();
    let failed = |error: SocketError| Fatal::Place(error.into());
    let (listening, lock) = match Listening::passed(&place).map_err(failed)? {
        Some(listening) => (listening, None),
        None => {
            // Callers must not find a daemon that has nothing to serve from.
            let lock = lock_state(&place.path)?;
            (Listening::make(&place).map_err(failed)?, lock)
        }
    };
    let passphrase = if arguments.ask_passphrase {
        Some(unlocking::typed().map_err(Fatal::Configuration)?)
    } else {
        None
    };
    let (watch, changes) = watch::watch(Arc::clone(&clock));
    let opening = Opening {
        places,
        inputs,
        watch,
        unwatched: None,
        socket: listening.path.clone(),
        passphrase,
        lock,
        refused: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .on_thread_park(vault_memory::wipe_parked_thread)
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Fatal::Unexpected)?;
    let served = runtime.block_on(serve(
        (listening, place),
        opening,
        changes,
        log.clone(),
        clock,
    ));
    // Tasks that are stuck in a backend call do not hold up the end.
    runtime.shutdown_timeout(Duration::ZERO);
    served
}

/// Takes the state directory, if there is one that can be had: what else is wrong with it callers hear.
fn lock_state(socket: &Path) -> Result<Option<StateLock>, Fatal> {
    let base = directories::BaseDirs::new();
    let Some(state) = base.and_then(|base| opening::state_directory(&base).ok()) else {
        return Ok(None);
    };
    let began = std::time::Instant::now();
    loop {
        match StateLock::take(&state, socket) {
            Ok(lock) => return Ok(Some(lock)),
            Err(StateLockError::Io { .. }) => return Ok(None),
            Err(error) if began.elapsed() > PREDECESSOR => return Err(Fatal::Place(error.into())),
            Err(_) => std::thread::sleep(PREDECESSOR / 20),
        }
    }
}

fn check(places: &Places, inputs: &ProcessInputs) -> Result<(), Fatal> {
    let own_uid = nix::unistd::geteuid().as_raw();
    let config = config::load(places, inputs, own_uid)
        .map_err(|error| Fatal::Configuration(anyhow!("{error}")))?;
    let report = config::check::report(&config.setup, places);
    let written = std::io::stdout().write_all(report.as_bytes());
    written.context("cannot write").map_err(Fatal::Unexpected)?;
    let refused = config.setup.refused().into_values().next();
    refused.map_or(Ok(()), |refused| {
        Err(Fatal::Configuration(anyhow!("{}", refused.reason)))
    })
}

/// Accepts connections, answers them with what is wrong until nothing is, and serves.
async fn serve(
    (listening, place): (Listening, SocketLocation),
    opening: Opening,
    mut changes: Changes,
    log: Log,
    clock: Arc<dyn Clock>,
) -> Result<(), Fatal> {
    let signals =
        |error: std::io::Error| Fatal::Unexpected(anyhow!(error).context("cannot take in signals"));
    let mut ends = Signals::listen().map_err(signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(signals)?;
    let (sender, mut connections) = mpsc::channel(ACCEPTED);
    let limits = Limits::default();
    let admission = Arc::new(PolicyAdmission::default());
    let accepting = AcceptLoop {
        admission: Arc::clone(&admission) as Arc<dyn Admission>,
        limits,
        connections: sender,
    };
    let (own_socket, socket) = (listening.is_own(), listening.path.clone());
    let accepting = tokio::spawn(accepting::accept(listening, place, accepting));
    let standby = Standby {
        connections: &mut connections,
        changes: &mut changes,
        signals: &mut ends,
        hangup: &mut hangup,
        limits,
        interactive: opening.passphrase.is_some(),
    };
    let ready = standby::until_ready(opening, standby).await;
    let (ready, application) = match ready {
        Ok(Some(ready)) => {
            log.configure(&ready.opened.config.setup.logging);
            tracing::info!(socket = %socket.display(), activated = !own_socket, "serving");
            let first = ready.connection;
            let application = Application::build(ready.opening, ready.opened, log, clock)?;
            (first, application)
        }
        ended => {
            service_manager::stopping();
            accepting.abort();
            // The socket goes with it. Where it was the first to end, its reason is the daemon's.
            return match (ended, accepting.await) {
                (Err(_), Ok(Some(why))) => Err(Fatal::Place(why)),
                (ended, _) => ended.map(|_| ()),
            };
        }
    };
    admission.follow(Arc::clone(&application.daemon.current));
    let connections = tokio_stream::iter(ready).chain(ReceiverStream::new(connections));
    let incoming = Incoming {
        connections,
        limits,
        changes,
        hangup,
    };
    application
        .serve(incoming, ends, accepting)
        .await
        .map_err(Fatal::Unexpected)
}

/// What comes from outside while the daemon serves.
struct Incoming<C> {
    connections: C,
    limits: Limits,
    changes: Changes,
    hangup: Signal,
}

/// All parts of the daemon.
struct Application {
    daemon: Daemon,
    reloader: Arc<Reloader>,
    notifier: Arc<ServiceManagerNotifier>,
    _lock: Option<StateLock>,
}

impl Application {
    fn build(
        opening: Opening,
        opened: Opened,
        log: Log,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fatal> {
        let Opened {
            config,
            state,
            shield,
            backends,
        } = opened;
        warn_of(&config.setup.warnings);
        warn_of(shield.warnings());
        let socket = opening.socket;
        let kept = backends.sealed_file(&state, snapshot::FILE);
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
            Plan::of(&config.setup, refresher_start::start(&socket)),
            refresher_start::seed(),
        );
        let reloadable = Reloadable {
            places: opening.places,
            inputs: opening.inputs,
            log: log.clone(),
            current: Arc::clone(&current),
            upstream: Arc::clone(&upstream),
            cache: Arc::clone(&cache),
            notifier: Arc::clone(&notifier),
            refresher: Arc::clone(&refresher),
            snapshot: Arc::clone(&snapshot),
        };
        let reloader = Reloader::new(reloadable, &config, opening.watch, opening.unwatched);
        let reloader = Arc::new(reloader);
        let facts = StartFacts {
            started: clock.now(),
            memory_protection: shield.protection().to_string(),
            warnings: shield.warnings().to_vec(),
            socket: socket.display().to_string(),
            store: config
                .local
                .as_deref()
                .unwrap_or(&state)
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
            log,
            facts: Arc::new(facts),
        };
        Ok(Self {
            daemon,
            reloader,
            notifier,
            _lock: opening.lock,
        })
    }

    async fn serve(
        self,
        incoming: Incoming<impl Stream<Item = std::io::Result<Connection>> + Send + 'static>,
        signals: Signals,
        accepting: JoinHandle<Option<anyhow::Error>>,
    ) -> anyhow::Result<()> {
        let Incoming {
            connections,
            limits,
            changes,
            hangup,
        } = incoming;
        let cache = Arc::clone(&self.daemon.cache);
        let upstream = Arc::clone(&self.daemon.upstream);
        let upkeep = tokio::spawn(upkeep::keep(upstream, Arc::clone(&self.daemon.clock)));
        let (stop, stopped) = oneshot::channel::<()>();
        let refreshing = tokio::spawn(Arc::clone(&self.daemon.refresher).run());
        let snapshot = Arc::clone(&self.daemon.snapshot);
        let keeping_values = tokio::spawn(Arc::clone(&snapshot).run());
        let writer = Arc::clone(&self.daemon.writer);
        let serving = tokio::spawn(crate::grpc::serve(
            self.daemon,
            limits,
            connections,
            async {
                // A sender that is gone means the end, too.
                let _ = stopped.await;
            },
        ));
        self.notifier.ready();
        let telling = tokio::spawn(self.notifier.keep());
        let keeping = reload::keep_current(self.reloader, hangup, changes);
        // A task of its own: reading may hang, and a signal must end the daemon all the same.
        let keeping = tokio::spawn(keeping);
        let mut ending = Ending {
            signals,
            accepting,
            serving,
        };
        let ended = ending.comes().await;
        service_manager::stopping();
        // All else is still served: a restart does not wait for a slow vault in silence.
        end::finish_changes(&writer, ending.signals.end()).await;
        let Ending {
            mut accepting,
            serving,
            ..
        } = ending;
        keeping.abort();
        telling.abort();
        upkeep.abort();
        refreshing.abort();
        keeping_values.abort();
        // While the socket is ours: a successor must find it whole.
        end::keep(&snapshot).await;
        accepting.abort();
        // Nobody is listening behind a socket of our own, which goes with the task; one of systemd's waits
        // for a successor.
        if !accepting.is_finished() {
            let _ = (&mut accepting).await;
        }
        let _ = stop.send(());
        let in_time =
            serving.is_finished() || tokio::time::timeout(SHUTDOWN_GRACE, serving).await.is_ok();
        let wiped = cache.flush(|_| true);
        tracing::info!(wiped, in_time, "ended");
        ended
    }
}

/// Lets in whom the policy in force speaks of, and everybody until there is one: nothing is served then.
#[derive(Default)]
struct PolicyAdmission(OnceLock<Arc<Current>>);

impl PolicyAdmission {
    fn follow(&self, current: Arc<Current>) {
        // It is called once.
        let _ = self.0.set(current);
    }
}

impl Admission for PolicyAdmission {
    fn kind(&self, uid: u32) -> Option<PeerKind> {
        let kind = if uid == nix::unistd::geteuid().as_raw() {
            PeerKind::OwnUser
        } else {
            PeerKind::OtherUser
        };
        let current = self.0.get();
        let is_known = current.is_none_or(|current| current.get().policy.knows(uid));
        is_known.then_some(kind)
    }
}

fn warn_of(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}
