//! The accept loop: who may connect, and how often at once.
//!
//! It is also what feeds the watchdog: when it hangs, systemd starts the daemon anew.
//! Nobody waits for a caller that says nothing: a connection gets to gRPC with its first byte.

pub(crate) mod concurrency;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use nix::errno::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep};
use tonic::transport::server::Connected;

use crate::limits::{Limits, PeerKind};
use crate::peer::Peer;
use concurrency::{ConcurrencyLimit, ConcurrencyPermit};

/// How long nothing is accepted where the system has no room for one more connection. Callers wait in the
/// socket's queue meanwhile.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// A connection with its peer.
pub struct Connection {
    stream: UnixStream,
    peer: Arc<ConnectedPeer>,
    life: Duration,
    end: Pin<Box<Sleep>>,
    _permit: ConcurrencyPermit,
}

/// Who is at the other end, which limits count for it, and whether its connection is kept open.
#[derive(Debug)]
pub struct ConnectedPeer {
    /// The process that connected.
    pub peer: Arc<Peer>,
    /// Its kind.
    pub kind: PeerKind,
    kept_open: AtomicUsize,
}

/// While it lives, its connection does.
#[derive(Debug)]
pub struct KeepOpen(Arc<ConnectedPeer>);

impl ConnectedPeer {
    /// Lets the connection live on, for a call without an end.
    pub fn keep_open(self: &Arc<Self>) -> KeepOpen {
        self.kept_open.fetch_add(1, Ordering::Relaxed);
        KeepOpen(Arc::clone(self))
    }
}

impl Drop for KeepOpen {
    fn drop(&mut self) {
        self.0.kept_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<ConnectedPeer>;

    fn connect_info(&self) -> Arc<ConnectedPeer> {
        Arc::clone(&self.peer)
    }
}

impl Connection {
    fn new(
        stream: UnixStream,
        (peer, kind): (Arc<Peer>, PeerKind),
        life: Duration,
        permit: ConcurrencyPermit,
    ) -> Self {
        let peer = Arc::new(ConnectedPeer {
            peer,
            kind,
            kept_open: AtomicUsize::default(),
        });
        Self {
            stream,
            peer,
            life,
            end: Box::pin(tokio::time::sleep(life)),
            _permit: permit,
        }
    }

    /// Whether the connection's time is up. One that is kept open is looked at again later.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        while self.end.as_mut().poll(context).is_ready() {
            if self.peer.kept_open.load(Ordering::Relaxed) == 0 {
                return true;
            }
            let later = Instant::now() + self.life;
            self.end.as_mut().reset(later);
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
pub trait Admission: Send + Sync + 'static {
    /// What callers of that uid are; `None` where no rule speaks of them.
    fn kind(&self, uid: u32) -> Option<PeerKind>;
}

/// Where connections come from.
pub trait Accept {
    /// The next one; what is under way is lost to nobody where it is not waited for.
    fn accept(&self) -> impl Future<Output = io::Result<UnixStream>> + Send;
}

impl Accept for UnixListener {
    async fn accept(&self) -> io::Result<UnixStream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}

/// The loop, and what it goes by.
pub struct AcceptLoop {
    /// Who is let in.
    pub admission: Arc<dyn Admission>,
    /// How often.
    pub limits: Limits,
    /// Where connections go.
    pub connections: mpsc::Sender<io::Result<Connection>>,
}

impl AcceptLoop {
    /// Accepts connections until nobody takes them any more; `alive` is called every `beat`.
    pub async fn run(
        &self,
        listener: &impl Accept,
        beat: Option<Duration>,
        alive: impl Fn() + Send,
    ) {
        let limit = ConcurrencyLimit::new(self.limits.connections);
        let mut beats = beat.map(interval);
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = self.connections.closed() => return,
                () = tick(&mut beats) => alive(),
                accepted = listener.accept() => match accepted {
                    Ok(stream) => {
                        is_failing = false;
                        self.admit(stream, &limit);
                    }
                    // The one connection that it was about has gone.
                    Err(error) if is_of_one_connection(&error) => {
                        tracing::debug!(%error, "cannot accept a connection");
                    }
                    Err(error) => {
                        if !is_failing {
                            tracing::warn!(%error, "cannot accept connections; they wait");
                        }
                        is_failing = true;
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                },
            }
        }
    }

    fn admit(&self, stream: UnixStream, limit: &ConcurrencyLimit) {
        let peer = match Peer::of(&stream) {
            Ok(peer) => peer,
            Err(error) => {
                tracing::debug!(%error, "connection closed");
                return;
            }
        };
        let Some(kind) = self.admission.kind(peer.uid) else {
            tracing::warn!(
                uid = peer.uid,
                pid = peer.pid,
                "connection of another user closed"
            );
            return;
        };
        let of_one = self.limits.of(kind).connections;
        let Some(permit) = limit.acquire(peer.pid, of_one) else {
            tracing::debug!(pid = peer.pid, "too many connections, closed");
            return;
        };
        let connections = self.connections.clone();
        let transport = self.limits.transport;
        tokio::spawn(async move {
            let first_byte = tokio::time::timeout(transport.first_byte, stream.readable());
            if first_byte.await.is_ok() {
                let life = transport.connection_life;
                let connection = Connection::new(stream, (peer, kind), life, permit);
                // Nobody takes it any more: the daemon stops.
                let _ = connections.send(Ok(connection)).await;
            }
        });
    }
}

/// Whether the next accept may well succeed: accept(2) passes on errors of the connection itself.
fn is_of_one_connection(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::ECONNABORTED | Errno::EINTR | Errno::EPROTO | Errno::EPERM)
    )
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIFE: Duration = Duration::from_secs(24);

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_says_nothing_more_is_cut_off_and_a_watcher_is_not() {
        let limit = ConcurrencyLimit::new(8);
        let connection = || {
            let (near, far) = UnixStream::pair().unwrap();
            let peer = Peer::of(&near).unwrap();
            let permit = limit.acquire(peer.pid, 8).unwrap();
            (
                Connection::new(near, (peer, PeerKind::OwnUser), LIFE, permit),
                far,
            )
        };
        let (mut silent, _far) = connection();
        let began = Instant::now();
        let error = silent.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), LIFE.as_secs());
        let (mut watcher, _far) = connection();
        let kept = watcher.connect_info().keep_open();
        let waited = tokio::time::timeout(10 * LIFE, watcher.read_u8()).await;
        assert!(waited.is_err(), "still connected");
        drop(kept);
        assert!(watcher.read_u8().await.is_err(), "until it ends");
    }

    struct Everybody;

    impl Admission for Everybody {
        fn kind(&self, _uid: u32) -> Option<PeerKind> {
            Some(PeerKind::OwnUser)
        }
    }

    /// What accepting brings, and then nothing.
    struct Script(Mutex<VecDeque<io::Result<UnixStream>>>);

    impl Accept for Script {
        async fn accept(&self) -> io::Result<UnixStream> {
            let next = self.0.lock().unwrap().pop_front();
            match next {
                Some(next) => next,
                None => std::future::pending().await,
            }
        }
    }

    fn failed(errno: Errno) -> io::Result<UnixStream> {
        Err(io::Error::from_raw_os_error(errno as i32))
    }

    #[tokio::test(start_paused = true)]
    async fn an_accept_that_fails_costs_no_connection() {
        for errno in [
            Errno::ECONNABORTED,
            Errno::EINTR,
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOBUFS,
            Errno::ENOMEM,
        ] {
            let (near, mut far) = UnixStream::pair().unwrap();
            far.write_all(b"x").await.unwrap();
            let script = VecDeque::from([failed(errno), failed(errno), Ok(near)]);
            let (connections, mut receiver) = mpsc::channel(1);
            let accepting = AcceptLoop {
                admission: Arc::new(Everybody),
                limits: Limits::default(),
                connections,
            };
            let script = Script(Mutex::new(script));
            let accepting = tokio::spawn(async move { accepting.run(&script, None, || ()).await });
            let connection = receiver.recv().await.unwrap();
            assert_eq!(
                connection.unwrap().read_u8().await.unwrap(),
                b'x',
                "{errno}"
            );
            drop(receiver);
            accepting.await.unwrap();
        }
    }
}
