//! Notifications to systemd, where it started the daemon.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::broadcast::Receiver;

use crate::cache::Cache;
use crate::cache::census::Census;
use crate::cache::changes::Change;
use crate::setup::Current;
use crate::upstream::Upstream;
use crate::upstream::breaker::State;

/// The least time between two lines that nobody asked for.
const APART: Duration = Duration::from_secs(1);
/// How often is looked where no value changes: they turn stale by themselves.
const LOOK: Duration = Duration::from_secs(20);

/// Sends the line below `systemctl status`.
pub(super) struct ServiceManagerNotifier {
    pub(super) current: Arc<Current>,
    pub(super) cache: Arc<Cache>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) last: Mutex<String>,
}

impl ServiceManagerNotifier {
    /// Requests are served. This word must arrive, so it is waited for.
    pub(super) fn ready(&self) {
        let line = self.line();
        if let Err(error) = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&line)]) {
            tracing::warn!(%error, "cannot notify systemd that the daemon is ready");
        }
        *self.last() = line;
    }

    /// The configuration was read, or could not be: somebody may be waiting for the word, and must be
    /// able to tell it from lines of other occasions. systemd passes over what begins with X_.
    pub(super) fn reloaded(&self) {
        self.send_line(self.line(), NotifyState::Custom("X_VAULTD_RELOADED=1"));
    }

    /// Sends what has changed, until it is aborted.
    pub(super) async fn keep(self: Arc<Self>) {
        // Without a service manager nobody would hear it.
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        let look = || {
            let notifier = Arc::clone(&self);
            // Who counts what is held holds up nobody else.
            let looking = tokio::task::spawn_blocking(move || {
                let line = notifier.line();
                if *notifier.last() != line {
                    notifier.send_line(line, NotifyState::Custom("X_VAULTD_CHANGED=1"));
                }
            });
            // Why a line was not sent matters to nobody.
            async { drop(looking.await) }
        };
        keep_looking(|| self.cache.changes(), look).await;
    }

    fn send_line(&self, line: String, occasion: NotifyState<'_>) {
        if notify(&[occasion, NotifyState::Status(&line)]) {
            *self.last() = line;
        }
    }

    fn last(&self) -> MutexGuard<'_, String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> String {
        let setup = self.current.get();
        let view = setup.view(None);
        let (generation, refused) = self.current.history();
        let health = self.upstream.health();
        let open = health.iter();
        let open = open.filter(|health| health.breaker != State::Closed);
        line(
            view.names().count(),
            refused.is_none().then_some(generation),
            &Census::of(&self.cache.entries(), &view.freshness),
            open.count(),
        )
    }
}

/// Numbers alone: the line of a system service is for everybody to read, and what is wrong with a
/// configuration may name secrets. `configuration` is the one in force, or `None` where a newer one
/// was refused.
fn line(services: usize, configuration: Option<u64>, held: &Census, open: usize) -> String {
    let configuration = match configuration {
        Some(generation) => format!(", configuration {generation}"),
        None => " by an old configuration (see `vaultctl status`)".to_owned(),
    };
    let expired = match held.expired {
        0 => String::new(),
        count => format!(", {count} expired"),
    };
    let open = match open {
        0 => String::new(),
        count => format!("; {count} breakers open"),
    };
    let Census { fresh, stale, .. } = held;
    format!(
        "serving {services} services{configuration}; {fresh} values fresh, {stale} stale{expired}{open}"
    )
}

/// Looks when something changes, and now and then, with a pause after each look.
async fn keep_looking<F>(changes: impl Fn() -> Receiver<Change>, look: impl Fn() -> F)
where
    F: Future<Output = ()>,
{
    loop {
        // Before the look: what changes from here on is looked at the next time, all at once.
        let mut changes = changes();
        look().await;
        tokio::time::sleep(APART).await;
        // That some were missed is a change, too.
        let _ = tokio::time::timeout(LOOK, changes.recv()).await;
    }
}

/// The daemon still accepts.
pub(super) fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// Requests are answered, with why the daemon cannot serve. Whoever waits for its start must not wait for
/// a person who mends it.
pub(super) fn cannot_serve() {
    let line = "cannot serve: `vaultctl status` says why";
    notify(&[NotifyState::Ready, NotifyState::Status(line)]);
}

/// The daemon ends.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// How often [`alive`] is expected; `None` where it is not.
pub(super) fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Sends without waiting, and returns whether that was possible: a manager that has stopped to listen
/// must hold up nobody. Lines that it missed are sent at the next look.
fn notify(states: &[NotifyState<'_>]) -> bool {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return true;
    };
    let sent = send(&socket, states);
    if let Err(error) = &sent {
        tracing::debug!(%error, "cannot notify systemd");
    }
    sent.is_ok()
}

/// One datagram to a path, or to an abstract name where it begins with `@`; sd_notify(3).
fn send(socket: &OsStr, states: &[NotifyState<'_>]) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let lines: Vec<String> = states.iter().map(|state| format!("{state}\n")).collect();
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to_addr(lines.concat().as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::Sender;
    use tokio::time::Instant;
    use vault_backends::address::Address;

    use super::*;
    use crate::cache::changes::NewState;

    #[test]
    fn the_line_counts_and_names_nothing() {
        let well = Census {
            fresh: 5,
            ..Census::default()
        };
        assert_eq!(
            line(2, Some(3), &well, 0),
            "serving 2 services, configuration 3; 5 values fresh, 0 stale"
        );
        let unwell = Census {
            stale: 1,
            expired: 1,
            ..well
        };
        assert_eq!(
            line(2, None, &unwell, 1),
            "serving 2 services by an old configuration (see `vaultctl status`); \
             5 values fresh, 1 stale, 1 expired; 1 breakers open"
        );
    }

    #[test]
    fn a_manager_that_does_not_listen_holds_up_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let sent = |_: &usize| send(path.as_os_str(), &[NotifyState::Watchdog]).is_ok();
        let queued = (0..100_000).take_while(sent).count();
        assert!(
            (1..100_000).contains(&queued),
            "its queue is full: {queued}"
        );
        let mut heard = [0; 64];
        let bytes = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..bytes], b"WATCHDOG=1\n");
        assert!(send(path.as_os_str(), &[NotifyState::Stopping]).is_ok());
    }

    #[test]
    fn an_abstract_socket_is_one_too() {
        let name = format!("vaultd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let status = NotifyState::Status("well");
        send(OsStr::new(&format!("@{name}")), &[status]).unwrap();
        let mut heard = [0; 64];
        let bytes = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..bytes], b"STATUS=well\n");
    }

    #[tokio::test(start_paused = true)]
    async fn many_changes_make_one_look_a_second() {
        let changes: Sender<Change> = Sender::new(4);
        let looks = Mutex::new(vec![]);
        let looking = keep_looking(
            || changes.subscribe(),
            || {
                looks.lock().unwrap().push(Instant::now());
                std::future::ready(())
            },
        );
        let changing = async {
            for _ in 0..30 {
                let _ = changes.send(Change {
                    address: Address::local("a"),
                    reference: "local://a".to_owned(),
                    now: NewState::Flushed,
                    wanted: None,
                });
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(LOOK * 3).await;
        };
        tokio::select! {
            () = looking => unreachable!("it goes on"),
            () = changing => {}
        }
        let looks = looks.into_inner().unwrap();
        let apart: Vec<_> = looks.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(apart.iter().all(|apart| *apart >= APART), "{apart:?}");
        let busy = apart.iter().filter(|apart| **apart < APART * 2);
        assert_eq!(busy.count(), 3, "changes are looked at: {apart:?}");
        assert!(apart.len() >= 5, "and time passes: {apart:?}");
    }
}
