//! A server of the tests. One connection, answered by the byte.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use vault_backends::http::{Client, Deadlines, HeaderMap, HttpError, Method, Reply, Request};

use crate::authority::Authority;

/// Longer than any test takes, so that another deadline is the one that passes.
pub(crate) const NEVER: Duration = Duration::from_mins(1);
/// Passes before anything does that takes forever.
pub(crate) const SOON: Duration = Duration::from_millis(200);

/// Either kind of stream.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {
    /// Makes the end of the connection a reset.
    fn end_with_reset(&self);
}

impl Wire for TcpStream {
    fn end_with_reset(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn end_with_reset(&self) {
        self.get_ref().0.set_zero_linger().unwrap();
    }
}

/// The server's end of the connection.
pub(crate) struct Connection {
    pub(crate) wire: Box<dyn Wire>,
}

impl Connection {
    /// Reads the request: its head as text, and its body as long as the head says.
    pub(crate) async fn request(&mut self) -> (String, Vec<u8>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.wire.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.wire.read_exact(&mut body).await.unwrap();
        (head, body)
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.write_all(bytes.as_ref()).await.unwrap();
        self.wire.flush().await.unwrap();
    }

    /// Waits until the client closes the connection.
    pub(crate) async fn closed(&mut self) {
        match self.wire.read(&mut [0]).await {
            Ok(0) => {}
            Ok(_) => panic!("the client said more"),
            Err(error) => assert!(
                [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset]
                    .contains(&error.kind()),
                "{error}"
            ),
        }
    }
}

/// Serves one connection and gives the port, and what `script` returned.
pub(crate) async fn serve<F, T>(
    tls: Option<TlsAcceptor>,
    script: impl FnOnce(Connection) -> F + Send + 'static,
) -> (u16, JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let wire: Box<dyn Wire> = match tls {
            Some(tls) => Box::new(tls.accept(stream).await.unwrap()),
            None => Box::new(stream),
        };
        script(Connection { wire }).await
    });
    (port, served)
}

/// A request of this URL with deadlines that no test reaches.
pub(crate) fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: None,
        deadlines: Deadlines {
            connect: NEVER,
            first_byte: NEVER,
            whole: NEVER,
        },
        max_reply_bytes: 1000,
    }
}

/// What the client makes of `answer`, said over plain HTTP after the request was read.
pub(crate) async fn answered_with(answer: impl AsRef<[u8]>) -> Result<Reply, HttpError> {
    let answer = answer.as_ref().to_owned();
    let (port, _) = serve(None, |mut connection| async move {
        connection.request().await;
        connection.say(answer).await;
    })
    .await;
    any_client()
        .call(get(&format!("http://127.0.0.1:{port}/")))
        .await
}

/// A client for calls without TLS.
pub(crate) fn any_client() -> Client {
    Authority::new().client()
}
