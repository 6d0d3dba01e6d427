//! Opening the daemon's socket: waiting for one that restarts, and checking whose it is.
//!
//! A restart must not fail a launch: a socket that refuses or is being replaced is tried again for
//! a moment, and what ends before the first word is a lost connection, which the caller may make
//! again. A socket whose directory is not even there has never had a daemon: no waiting.

use std::future::ready;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use vault_proto::socket::{self, SocketLocation};

use crate::backoff::Backoff;
use crate::deadline::Deadline;
use crate::error::Error;

/// How long a socket is tried that refuses, or that is gone while its directory is there: what a
/// restart takes on a machine that is busy, and more than it does on others.
const RESTART_TIME: Duration = Duration::from_secs(3);
const BETWEEN_ATTEMPTS: Backoff = Backoff::new(
    Duration::from_millis(2),
    Duration::from_millis(100),
    Duration::MAX,
);

/// What to do after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
enum Retry {
    GiveUp,
    TryAgain,
}

/// A channel over one checked connection, to the daemon this user should call, for a caller who has
/// waited for it since `start`.
pub(crate) async fn open(
    agent: &'static str,
    deadline: Deadline,
    start: Instant,
) -> Result<Channel, Error> {
    let (stream, location) = reach(deadline, start).await?;
    check_owner(&stream, &location)?;
    channel_over(stream, agent).await
}

async fn reach(deadline: Deadline, start: Instant) -> Result<(UnixStream, SocketLocation), Error> {
    let mut pauses = BETWEEN_ATTEMPTS;
    loop {
        let own = socket::own_places();
        let may_restart = own.iter().any(socket::has_daemon);
        let is_excluded = own.iter().any(socket::excludes_system_variant);
        let system = socket::system_variant().filter(|_| !is_excluded);
        let mut failed = (PathBuf::new(), io::Error::from(io::ErrorKind::NotFound));
        for location in own.into_iter().chain(system) {
            match UnixStream::connect(&location.path).await {
                Ok(stream) => return Ok((stream, location)),
                // What is there and fails says more than what is not there.
                Err(error) if failed.1.kind() == io::ErrorKind::NotFound => {
                    failed = (location.path, error);
                }
                Err(_) => {}
            }
        }
        let (path, error) = failed;
        let left = deadline.remaining();
        match pauses.next().filter(|pause| *pause < left) {
            Some(pause) if after(&error, start.elapsed(), may_restart) == Retry::TryAgain => {
                sleep(pause).await;
            }
            _ => return Err(failure(path, error)),
        }
    }
}

fn after(error: &io::Error, waited: Duration, may_restart: bool) -> Retry {
    let limit = match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => RESTART_TIME,
        io::ErrorKind::NotFound if may_restart => RESTART_TIME,
        // The queue of connections is full: somebody is there, and only the deadline counts.
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Duration::MAX,
        _ => Duration::ZERO,
    };
    if waited < limit {
        Retry::TryAgain
    } else {
        Retry::GiveUp
    }
}

fn failure(path: PathBuf, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset => Error::NotRunning {
            searched: socket::searched(),
            distrusts_variable: socket::distrusts_runtime_directory(),
            source,
        },
        io::ErrorKind::PermissionDenied => Error::SocketDenied { path, source },
        io::ErrorKind::WouldBlock => Error::Busy { path },
        _ => Error::Socket { path, source },
    }
}

/// The uid that listens must be the one that the place demands: what is asked for, and a value to
/// be stored, is nobody else's business.
fn check_owner(stream: &UnixStream, location: &SocketLocation) -> Result<(), Error> {
    let found = match stream.peer_cred() {
        Ok(credentials) => credentials.uid(),
        Err(source) => {
            return Err(Error::Socket {
                path: location.path.clone(),
                source,
            });
        }
    };
    if may_serve(found, location.server_uid, nix::unistd::geteuid().as_raw()) {
        return Ok(());
    }
    Err(Error::ForeignServer {
        path: location.path.clone(),
        found,
        expected: location.server_uid,
    })
}

/// Where the place is the system variant's (its uid is not ours), root may have made the socket for
/// it: systemd listens before the daemon exists, and the kernel reports who called listen(2).
fn may_serve(found: u32, expected: u32, own: u32) -> bool {
    found == expected || (expected != own && found == 0)
}

/// The connection has ended, and the call that needs it was never sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection has ended")]
pub(crate) struct NotConnected;

async fn channel_over(stream: UnixStream, agent: &'static str) -> Result<Channel, Error> {
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        // A second connection would be an unchecked one: it is for `open` to make.
        ready(stream.take().ok_or(NotConnected))
    });
    Endpoint::from_static("http://vaultd")
        .user_agent(agent)
        .map_err(lost)?
        .connect_with_connector(connector)
        .await
        .map_err(lost)
}

/// The server was there, and is gone before the first word.
fn lost(error: tonic::transport::Error) -> Error {
    Error::Lost {
        sent: false,
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied, WouldBlock};

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_missing_directory_and_a_closed_door_are_not_waited_for() {
        assert_eq!(after(&NotFound.into(), NOW, false), Retry::GiveUp);
        assert_eq!(after(&PermissionDenied.into(), NOW, true), Retry::GiveUp);
    }

    #[test]
    fn a_restarting_daemon_is_waited_for_a_moment() {
        assert_eq!(after(&NotFound.into(), NOW, true), Retry::TryAgain);
        assert_eq!(after(&ConnectionRefused.into(), NOW, true), Retry::TryAgain);
        let moment = RESTART_TIME;
        assert_eq!(after(&NotFound.into(), moment, true), Retry::GiveUp);
        assert_eq!(
            after(&ConnectionRefused.into(), moment, true),
            Retry::GiveUp
        );
    }

    #[test]
    fn a_full_queue_is_waited_for_until_the_deadline() {
        let long = Duration::from_hours(1);
        assert_eq!(after(&WouldBlock.into(), long, true), Retry::TryAgain);
    }

    #[test]
    fn a_queue_that_stays_full_is_said_and_is_no_missing_daemon() {
        let error = failure(PathBuf::from("/run/s"), WouldBlock.into());
        assert!(error.to_string().contains("too many callers"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_ends_before_the_first_word_is_a_lost_connection() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        drop(theirs);
        let error = channel_over(ours, "test/1")
            .await
            .expect_err("nobody there");
        assert!(matches!(error, Error::Lost { .. }), "{error:?}");
    }

    #[test]
    fn only_the_places_own_uid_may_serve_and_root_for_the_system_variant() {
        assert!(may_serve(1000, 1000, 1000));
        assert!(!may_serve(1001, 1000, 1000));
        assert!(!may_serve(0, 1000, 1000));
        assert!(may_serve(990, 990, 1000) && may_serve(0, 990, 1000));
        assert!(!may_serve(1000, 990, 1000));
    }
}
