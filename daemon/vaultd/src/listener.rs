//! Who may connect, and how many at once?
//!
//! The accept loop is also what feeds the watchdog: when it hangs, systemd starts the daemon anew.
//! Nobody waits for a caller that says nothing: a connection gets to gRPC with its first byte.

pub(crate) mod seats;

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep};
use tonic::transport::server::Connected;

use crate::peer::Peer;
use seats::{Seat, Seats};

/// Connections at once; more are accepted and closed, and their callers try again.
const CONNECTIONS: usize = 256;
/// Connections at once from one process.
const CONNECTIONS_OF_ONE: usize = 8;
/// How long a caller may say nothing at first.
const FIRST_BYTE: Duration = Duration::from_secs(1);
/// How long a connection lives whatever its caller does: gRPC asks it to go after 12 s, calls under
/// way may take 10 s more.
const LIFE: Duration = Duration::from_secs(24);
/// How long nothing is accepted after an accept failed.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// A connection with its caller.
pub struct Connection {
    stream: UnixStream,
    caller: Arc<Caller>,
    end: Pin<Box<Sleep>>,
    _seat: Seat,
}

/// Who is at the other end, and whether it may stay.
#[derive(Debug)]
pub struct Caller {
    /// The process that connected.
    pub peer: Arc<Peer>,
    stays: AtomicUsize,
}

/// While it lives, its connection does.
#[derive(Debug)]
pub struct Stay(Arc<Caller>);

impl Caller {
    /// Lets the connection live on, for a call without an end.
    pub fn stay(self: &Arc<Self>) -> Stay {
        self.stays.fetch_add(1, Ordering::Relaxed);
        Stay(Arc::clone(self))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.stays.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<Caller>;

    fn connect_info(&self) -> Arc<Caller> {
        Arc::clone(&self.caller)
    }
}

impl Connection {
    fn new(stream: UnixStream, peer: Arc<Peer>, seat: Seat) -> Self {
        let caller = Arc::new(Caller {
            peer,
            stays: AtomicUsize::default(),
        });
        Self {
            stream,
            caller,
            end: Box::pin(tokio::time::sleep(LIFE)),
            _seat: seat,
        }
    }

    /// Whether the connection's time is up. A caller that stays is looked at again later.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        while self.end.as_mut().poll(context).is_ready() {
            if self.caller.stays.load(Ordering::Relaxed) == 0 {
                return true;
            }
            self.end.as_mut().reset(Instant::now() + LIFE);
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
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
    let seats = Seats::new(CONNECTIONS, CONNECTIONS_OF_ONE);
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
            let connection = Connection::new(stream, peer, seat);
            // Nobody takes it any more: the daemon stops.
            let _ = connections.send(Ok(connection)).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_says_nothing_more_is_cut_off_and_a_watcher_is_not() {
        use tokio::io::AsyncReadExt;
        let seats = Seats::new(CONNECTIONS, CONNECTIONS_OF_ONE);
        let connection = || {
            let (near, far) = UnixStream::pair().unwrap();
            let peer = Peer::of(&near).unwrap();
            let seat = seats.take(peer.pid).unwrap();
            (Connection::new(near, peer, seat), far)
        };
        let (mut silent, _far) = connection();
        let began = Instant::now();
        let error = silent.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), LIFE.as_secs());
        let (mut watcher, _far) = connection();
        let stay = watcher.connect_info().stay();
        let waited = tokio::time::timeout(10 * LIFE, watcher.read_u8()).await;
        assert!(waited.is_err(), "still connected");
        drop(stay);
        assert!(watcher.read_u8().await.is_err(), "until it ends");
    }
}
