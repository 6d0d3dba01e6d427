//! A caller that breaks the rules. HTTP/2 by hand: announced and not sent,
//! asked for and not fetched.

use std::path::Path;

use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use tokio::net::UnixStream;
use vault_proto::generated::HelloRequest;

/// One connection. Calls that were begun stay open while it lives.
#[derive(Debug)]
pub struct Rude {
    sender: SendRequest<Bytes>,
    begun: Vec<(ResponseFuture, SendStream<Bytes>)>,
    unread: Vec<Response<RecvStream>>,
}

impl Rude {
    /// Connects, to take no byte of any reply but the first.
    ///
    /// # Panics
    /// Where nobody who speaks HTTP/2 listens there.
    pub async fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).await;
        let stream = stream.expect("somebody listens");
        let shaken = Builder::new().initial_window_size(0).handshake(stream);
        let (sender, connection) = shaken.await.expect("HTTP/2");
        // It ends with the sender, or when the daemon has had enough.
        tokio::spawn(connection);
        let mut rude = Self {
            sender,
            begun: vec![],
            unread: vec![],
        };
        // Whoever has heard anything of the daemon has heard how many calls at once it takes.
        rude.ask("vaultd.v1.Secrets/Hello", &HelloRequest::default())
            .await;
        rude.unread.clear();
        rude
    }

    /// How many calls at once the daemon takes.
    pub fn calls_at_once(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Begins a call with a message of which more bytes are `announced` than come.
    ///
    /// # Panics
    /// Where the connection has ended.
    pub async fn begin(&mut self, path: &str, announced: usize, sent: &[u8]) {
        let begun = self.send(path, announced, sent).await;
        self.begun.push(begun);
    }

    /// Makes a call and leaves the reply where it is.
    ///
    /// # Panics
    /// Where the connection has ended.
    pub async fn ask(&mut self, path: &str, message: &impl Message) {
        let message = message.encode_to_vec();
        let (reply, _body) = self.send(path, message.len(), &message).await;
        self.unread
            .push(reply.await.expect("the beginning of a reply"));
    }

    async fn send(
        &mut self,
        path: &str,
        announced: usize,
        sent: &[u8],
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let ready = self.sender.clone().ready().await;
        self.sender = ready.expect("a connection");
        let request = Request::post(format!("http://vaultd/{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(());
        let request = request.expect("a request");
        let (reply, mut body) = self.sender.send_request(request, false).expect("a stream");
        let mut framed = BytesMut::new();
        framed.put_u8(0);
        framed.put_u32(u32::try_from(announced).expect("a length"));
        framed.extend_from_slice(sent);
        body.send_data(framed.freeze(), announced == sent.len())
            .expect("it is taken");
        (reply, body)
    }
}
