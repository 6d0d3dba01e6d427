//! Who may connect, and how many at once?
//!
//! The accept loop is also what feeds the watchdog: when it hangs, systemd starts the daemon anew.
//! Nobody waits for a caller that says nothing: a connection gets to gRPC with its first byte.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};
use tonic::transport::server::Connected;

use crate::peer::Peer;

/// Connections at once; more are accepted and closed, and their callers try again.
const CONNECTIONS: usize = 256;
/// Connections at once from one process.
const CONNECTIONS_OF_ONE: usize = 8;
/// How long a caller may say nothing at first.
const FIRST_BYTE: Duration = Duration::from_secs(1);
/// How long nothing is accepted after an accept failed.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// A connection with its peer.
pub struct Connection {
    stream: UnixStream,
    peer: Arc<Peer>,
    _seat: Seat,
}

impl Connected for Connection {
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Arc<Peer> {
        Arc::clone(&self.peer)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Whom the listener lets in.
pub trait Doorkeeper: Send + Sync + 'static {
    /// Whether any rule speaks of callers of that uid.
    fn knows(&self, uid: u32) -> bool;
}

/// Accepts connections until nobody takes them any more; `alive` is called every `beat`.
pub async fn run(
    listener: UnixListener,
    door: Arc<dyn Doorkeeper>,
    connections: mpsc::Sender<io::Result<Connection>>,
    beat: Option<Duration>,
    alive: impl Fn() + Send,
) {
    let seats = Seats::default();
    let mut spare = File::open("/dev/null").ok();
    let mut beats = beat.map(interval);
    loop {
        tokio::select! {
            () = connections.closed() => return,
            () = tick(&mut beats) => alive(),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => admit(stream, &*door, &seats, &connections),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    spare = refuse_with(spare, &listener).await;
                }
            },
        }
    }
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn tick(beats: &mut Option<Interval>) {
    match beats {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// Without a free descriptor a waiting caller would wake the loop without end: the spare one makes
/// room to take it in and turn it away.
async fn refuse_with(spare: Option<File>, listener: &UnixListener) -> Option<File> {
    drop(spare);
    let _ = tokio::time::timeout(AFTER_FAILURE, listener.accept()).await;
    let spare = File::open("/dev/null").ok();
    tokio::time::sleep(AFTER_FAILURE).await;
    spare
}

fn admit(
    stream: UnixStream,
    door: &dyn Doorkeeper,
    seats: &Seats,
    connections: &mpsc::Sender<io::Result<Connection>>,
) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => {
            tracing::debug!(%error, "connection closed");
            return;
        }
    };
    if !door.knows(peer.uid) {
        tracing::warn!(
            uid = peer.uid,
            pid = peer.pid,
            "connection of another user closed"
        );
        return;
    }
    let Some(seat) = seats.take(peer.pid) else {
        tracing::debug!(pid = peer.pid, "too many connections, closed");
        return;
    };
    let connections = connections.clone();
    tokio::spawn(async move {
        if tokio::time::timeout(FIRST_BYTE, stream.readable())
            .await
            .is_ok()
        {
            let connection = Connection {
                stream,
                peer,
                _seat: seat,
            };
            // Nobody takes it any more: the daemon stops.
            let _ = connections.send(Ok(connection)).await;
        }
    });
}

/// Who sits where.
#[derive(Clone, Debug, Default)]
struct Seats(Arc<Mutex<HashMap<i32, usize>>>);

/// One connection's place, given back on drop.
#[derive(Debug)]
struct Seat {
    seats: Seats,
    pid: i32,
}

impl Seats {
    fn take(&self, pid: i32) -> Option<Seat> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let of_one = taken.get(&pid).copied().unwrap_or_default();
        if all >= CONNECTIONS || of_one >= CONNECTIONS_OF_ONE {
            return None;
        }
        taken.insert(pid, of_one + 1);
        Some(Seat {
            seats: self.clone(),
            pid,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.pid) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.pid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_cannot_take_all_seats() {
        let seats = Seats::default();
        let taken: Vec<Seat> = (0..CONNECTIONS_OF_ONE)
            .filter_map(|_| seats.take(1))
            .collect();
        assert!(seats.take(1).is_none());
        assert!(seats.take(2).is_some(), "another process is served");
        drop(taken);
        assert!(seats.take(1).is_some(), "seats come back");
        assert_eq!(seats.0.lock().unwrap().len(), 0, "and leave nothing behind");
    }

    #[test]
    fn seats_are_bounded() {
        let seats = Seats::default();
        let bound = i32::try_from(CONNECTIONS).unwrap();
        let _taken: Vec<Option<Seat>> = (0..bound).map(|pid| seats.take(pid)).collect();
        assert!(seats.take(bound).is_none());
    }
}
