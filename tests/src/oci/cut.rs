//! Connections that end early, and slow ones.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// It ends.
    Cut(Cut),
    /// It is slow: so many bytes, and a pause before each piece.
    Drip { bytes: usize, every: Duration },
}

/// The end of a connection inside an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Bytes that are still sent; under TLS, before they are encrypted.
    pub(super) after_bytes: usize,
    pub(super) end: End,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As if the other side had no more to say.
    Close,
    /// Torn down.
    Reset,
}

/// What a connection is to do, told by whoever answers on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scissors(Arc<Mutex<Option<Disturbance>>>);

impl Scissors {
    pub(super) fn set(&self, disturbance: Option<Disturbance>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = disturbance;
    }

    fn disturbance(&self) -> Option<Disturbance> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self, bytes: usize) {
        let mut disturbance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Disturbance::Cut(cut)) = disturbance.as_mut() {
            cut.after_bytes -= bytes;
        }
    }
}

/// A connection that can be cut.
pub(super) struct Wire {
    stream: Stream,
    scissors: Scissors,
    /// The pause before the next piece.
    pause: Option<Pin<Box<Sleep>>>,
}

/// Either kind of connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn new(stream: Stream, scissors: Scissors) -> Self {
        Self {
            stream,
            scissors,
            pause: None,
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, room),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, room),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room = match self.scissors.disturbance() {
            None => bytes.len(),
            Some(Disturbance::Cut(Cut {
                after_bytes: 0,
                end,
            })) => {
                ready!(self.as_mut().poll_flush(cx))?;
                if end == End::Reset {
                    self.tcp().set_zero_linger()?;
                }
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            Some(Disturbance::Cut(cut)) => bytes.len().min(cut.after_bytes),
            Some(Disturbance::Drip { bytes: room, every }) => {
                // What was written before is on its way before the pause begins.
                ready!(self.as_mut().poll_flush(cx))?;
                let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(every)));
                ready!(pause.as_mut().poll(cx));
                bytes.len().min(room)
            }
        };
        let wire = self.get_mut();
        let sent = ready!(match &mut wire.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, &bytes[..room]),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, &bytes[..room]),
        })?;
        wire.pause = None;
        wire.scissors.sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_slow_connection_takes_so_many_bytes_at_a_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("a connection");
        let (server, _) = listener.accept().await.expect("a connection");
        let scissors = Scissors::default();
        scissors.set(Some(Disturbance::Drip {
            bytes: 3,
            every: Duration::from_millis(1),
        }));
        let mut wire = Wire::new(Stream::Plain(server), scissors);
        for (left, taken) in [(7, 3), (4, 3), (1, 1)] {
            let sent = wire.write(&[0; 7][..left]).await;
            assert_eq!(sent.expect("it is open"), taken);
        }
        drop(wire);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.expect("it is open");
        assert_eq!(read.len(), 7);
    }
}
