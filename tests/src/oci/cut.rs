//! After which byte does a connection end?

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

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
pub(super) struct Scissors(Arc<Mutex<Option<Cut>>>);

impl Scissors {
    pub(super) fn set(&self, cut: Option<Cut>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// How many of `bytes` may be sent, and how it ends if that is none.
    fn room(&self, bytes: usize) -> (usize, Option<End>) {
        let cut = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match cut {
            None => (bytes, None),
            Some(cut) => (bytes.min(cut.after_bytes), Some(cut.end)),
        }
    }

    fn sent(&self, bytes: usize) {
        let mut cut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cut) = cut.as_mut() {
            cut.after_bytes -= bytes;
        }
    }
}

/// A connection that can be cut.
pub(super) struct Wire {
    stream: Stream,
    scissors: Scissors,
}

/// Either kind of connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn new(stream: Stream, scissors: Scissors) -> Self {
        Self { stream, scissors }
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
        let (room, end) = self.scissors.room(bytes.len());
        if let (0, Some(end)) = (room, end) {
            ready!(self.as_mut().poll_flush(cx))?;
            if end == End::Reset {
                self.tcp().set_zero_linger()?;
            }
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let wire = self.get_mut();
        let sent = ready!(match &mut wire.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, &bytes[..room]),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, &bytes[..room]),
        })?;
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
