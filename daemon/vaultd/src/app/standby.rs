//! The time before the daemon can serve: callers hear why it cannot, and it tries again until it can.
//!
//! A file that cannot be used must not end the daemon: whoever starts it again ends up in the same place,
//! and callers hear nothing but that it is not running. Each connection, each change of a file, a SIGHUP
//! and the passing of time are an occasion to try again, so that the call after the mend is served. A
//! resolver.yaml that was refused and has gone since counts as gone only where a person says so, by SIGHUP.

use std::io;
use std::time::Duration;

use anyhow::anyhow;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use vault_proto::kinds;

use super::end::Signals;
use super::fatal::Fatal;
use super::opening::{Opened, Opening};
use super::service_manager;
use crate::config::watch::Changes;
use crate::grpc::refusing::{self, Reason};
use crate::limits::Limits;
use crate::listener::Connection;

/// How often is tried where nothing happens.
const RETRY: Duration = Duration::from_secs(10);
/// An attempt that takes longer holds up no caller: what is known is said.
const SLOW: Duration = Duration::from_secs(1);

/// What happens to a daemon that waits.
pub(super) struct Standby<'a> {
    pub(super) connections: &'a mut mpsc::Receiver<io::Result<Connection>>,
    pub(super) changes: &'a mut Changes,
    pub(super) signals: &'a mut Signals,
    pub(super) hangup: &'a mut Signal,
    pub(super) limits: Limits,
    /// Whether a person has typed what it needs: then a failure ends the daemon, and it is typed again.
    pub(super) interactive: bool,
}

/// What a daemon that can serve begins with.
pub(super) struct Ready {
    pub(super) opening: Opening,
    pub(super) opened: Opened,
    /// The connection that was the occasion for the last attempt.
    pub(super) connection: Option<io::Result<Connection>>,
}

/// Tries to open everything until it succeeds; `None` where a signal ended the daemon before.
///
/// # Errors
/// [`Fatal`], where that must end the daemon.
pub(super) async fn until_ready(
    mut opening: Opening,
    standby: Standby<'_>,
) -> Result<Option<Ready>, Fatal> {
    let mut refused: Option<Refusing> = None;
    let mut connection = None;
    loop {
        let began = Instant::now();
        // Unlocking may take long, and a signal must end the daemon all the same.
        let mut attempt = tokio::task::spawn_blocking(move || {
            let opened = opening.attempt();
            (opening, opened)
        });
        let slow = tokio::time::sleep(SLOW);
        tokio::pin!(slow);
        let attempt = loop {
            let is_slow = slow.is_elapsed();
            tokio::select! {
                attempt = &mut attempt => break attempt,
                () = &mut slow, if !is_slow => {
                    if let (Some(refusing), Some(connection)) = (&refused, connection.take()) {
                        refusing.answer(connection).await;
                    }
                }
                Some(next) = standby.connections.recv(), if is_slow && refused.is_some() => {
                    if let Some(refusing) = &refused {
                        refusing.answer(next).await;
                    }
                }
                () = standby.signals.end() => return Ok(None),
            }
        };
        let (again, opened) = attempt
            .map_err(|error| Fatal::Unexpected(anyhow!(error).context("the start was lost")))?;
        opening = again;
        match opened {
            Ok(opened) => {
                if refused.is_some() {
                    tracing::info!("what was wrong is mended");
                }
                return Ok(Some(Ready {
                    opening,
                    opened,
                    connection,
                }));
            }
            Err(fatal) if standby.interactive => return Err(fatal),
            Err(fatal) => {
                let refusing = refused.get_or_insert_with(|| Refusing::begin(standby.limits));
                refusing.because(&fatal);
                // Who has come meanwhile hears it, too.
                let came = std::iter::from_fn(|| standby.connections.try_recv().ok());
                for connection in connection.take().into_iter().chain(came) {
                    refusing.answer(connection).await;
                }
            }
        }
        // No more than half of the time is spent on attempts, however dear one is.
        let pause = began.elapsed();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = standby.signals.end() => return Ok(None),
        }
        connection = tokio::select! {
            next = standby.connections.recv() => match next {
                Some(next) => Some(next),
                None => return Err(Fatal::Unexpected(anyhow!("connections are accepted no more"))),
            },
            () = standby.changes.settled() => None,
            _ = standby.hangup.recv() => {
                opening.believe_files();
                None
            }
            () = tokio::time::sleep(RETRY) => None,
            () = standby.signals.end() => return Ok(None),
        };
    }
}

/// The server that says why.
struct Refusing {
    reason: watch::Sender<Reason>,
    connections: mpsc::Sender<io::Result<Connection>>,
}

impl Refusing {
    fn begin(limits: Limits) -> Self {
        let (reason, why) = watch::channel(Reason::default());
        let (connections, receiver) = mpsc::channel(1);
        // It ends with the sender of its connections.
        tokio::spawn(async move {
            if let Err(error) = refusing::serve(why, limits, receiver).await {
                tracing::error!(%error, "callers cannot be answered");
            }
        });
        Self {
            reason,
            connections,
        }
    }

    fn because(&self, fatal: &Fatal) {
        let kind = match fatal {
            Fatal::Configuration(_) => kinds::CONFIGURATION,
            Fatal::Place(_) | Fatal::Unexpected(_) => kinds::UNAVAILABLE,
        };
        let reason = Reason {
            kind,
            message: format!("vaultd cannot serve: {:#}", fatal.error()),
        };
        let news = self.reason.send_if_modified(|old| {
            let is_new = *old != reason;
            *old = reason;
            is_new
        });
        if news {
            tracing::error!(
                error = format!("{:#}", fatal.error()),
                "cannot serve; callers are told why"
            );
            service_manager::cannot_serve();
        }
    }

    async fn answer(&self, connection: io::Result<Connection>) {
        // The server has logged why it takes none.
        let _ = self.connections.send(connection).await;
    }
}
