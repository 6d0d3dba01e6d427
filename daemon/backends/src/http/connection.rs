//! Connections: look-up, TCP, proxy and TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::deadlines::Deadline;
use super::destination::{Destination, Protection};
use super::error::{Failure, HttpError};
use super::tunnel::{self, ProxyProblem};

/// Bytes to and from the other side.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Finds the host, connects, if need be through a proxy, and speaks TLS, if it must. The caller keeps the deadline; it is given
/// here so that each address gets its share of it.
pub(super) async fn dial(
    to: &Destination,
    tls: &TlsConnector,
    within: Duration,
) -> Result<Stream, HttpError> {
    let until = Instant::now() + within;
    let failed = |failure| HttpError::new(failure, to.to_string());
    let (dns, connect) = match &to.proxy {
        None => (Failure::Dns, Failure::Connect),
        Some(_) => (
            Failure::Proxy(ProxyProblem::Dns),
            Failure::Proxy(ProxyProblem::Connect),
        ),
    };
    let addresses = addresses(to)
        .await
        .map_err(|cause| failed(dns).caused_by(cause))?;
    if addresses.is_empty() {
        return Err(failed(dns));
    }
    let stream = first_of(&addresses, until).await;
    let mut stream = stream.map_err(|cause| match cause.kind() {
        io::ErrorKind::TimedOut => failed(Failure::Timeout(Deadline::Connect)),
        _ => failed(connect).caused_by(cause),
    })?;
    if to.proxy.is_some() {
        let opened = tunnel::open(stream, &to.authority()).await;
        stream = opened.map_err(|problem| failed(Failure::Proxy(problem)))?;
    }
    match to.protection {
        Protection::None => Ok(Stream::Plain(stream)),
        Protection::Tls => {
            let name = ServerName::try_from(to.host.clone())
                .map_err(|cause| failed(Failure::Tls).caused_by(cause))?;
            let stream = tls.connect(name, stream).await;
            let stream = stream.map_err(|cause| failed(Failure::Tls).caused_by(cause))?;
            Ok(Stream::Tls(Box::new(stream)))
        }
    }
}

/// Of whom is connected to. A proxy finds the host itself.
async fn addresses(to: &Destination) -> io::Result<Vec<SocketAddr>> {
    if let Some(proxy) = &to.proxy {
        let found = tokio::net::lookup_host((proxy.host.as_str(), proxy.port)).await?;
        return Ok(found.collect());
    }
    let found = tokio::net::lookup_host((to.host.as_str(), to.port)).await?;
    let allowed = found.filter(|address| to.allows(address.ip()));
    Ok(allowed.collect())
}

/// The first address that answers. Each has an equal share of the time that is left when its turn
/// comes: one that is silent, as IPv6 often is, must not use up the others' time.
async fn first_of(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    let waiting = (1..=u32::try_from(addresses.len()).unwrap_or(u32::MAX)).rev();
    for (address, waiting) in addresses.iter().zip(waiting) {
        let share = until.saturating_duration_since(Instant::now()) / waiting;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, room),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    /// Both can, so hyper does not copy a body behind the headers.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    /// A listener whose queue is full answers nobody, as a host that drops what comes.
    async fn silent() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("listens");
        let address = listener.local_addr().expect("an address");
        let mut queued = Vec::new();
        let patience = Duration::from_millis(200);
        while let Ok(stream) = timeout(patience, TcpStream::connect(address)).await {
            queued.push(stream.expect("queued"));
        }
        (listener, queued)
    }

    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next() {
        let (silent, _queued) = silent().await;
        let answering = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let addresses = [&silent, &answering].map(|listener| listener.local_addr().expect("one"));
        let until = Instant::now() + Duration::from_secs(1);
        let stream = first_of(&addresses, until).await.expect("the second one");
        assert_eq!(stream.peer_addr().expect("a peer"), addresses[1]);
        let until = Instant::now() + Duration::from_millis(100);
        let error = first_of(&addresses[..1], until).await.expect_err("nobody");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next() {
        let answering = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        // Bound, so that nobody else takes the port, and not listening.
        let deaf = TcpSocket::new_v4().expect("a socket");
        deaf.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let addresses = [deaf.local_addr(), answering.local_addr()].map(|one| one.expect("one"));
        let until = Instant::now() + Duration::from_mins(1);
        let stream = first_of(&addresses, until).await.expect("the second one");
        assert_eq!(stream.peer_addr().expect("a peer"), addresses[1]);
        let error = first_of(&addresses[..1], until).await.expect_err("nobody");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
