//! Calls to the daemon without its own client library, with the generated clients alone.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tonic::transport::{Channel, Endpoint};
use vault_proto::delivery::Delivery;
use vault_proto::generated::admin_client::AdminClient;
use vault_proto::generated::secrets_client::SecretsClient;
use vault_proto::generated::{HelloRequest, LaunchReply, PutRequest, SealedValues};
use vault_proto::sealed::{Label, Opener, OpeningKey, Purpose, REQUEST_ID_BYTES, Sealer};
use vault_proto::{PROTOCOL, kinds};

/// One connection, and both services on it.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// The connection.
    pub channel: Channel,
    /// What launchers ask.
    pub secrets: SecretsClient<Channel>,
    /// What a person asks.
    pub admin: AdminClient<Channel>,
    /// What goes over the wire.
    pub wire: Wire,
}

impl Rpc {
    /// Connects to the socket.
    ///
    /// # Panics
    /// Where nobody listens there.
    pub async fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).await.expect("somebody listens");
        Self::over(stream).await
    }

    /// Speaks over a stream that somebody else connected.
    ///
    /// # Panics
    /// Where it is no stream that works.
    pub async fn over(stream: UnixStream) -> Self {
        let wire = Wire::default();
        let mut tapped = Some(TokioIo::new(Tapped {
            stream,
            wire: wire.clone(),
        }));
        let connector = tower::service_fn(move |_| {
            let once = tapped
                .take()
                .ok_or(io::Error::from(io::ErrorKind::NotConnected));
            std::future::ready(once)
        });
        let endpoint = Endpoint::from_static("http://vaultd");
        let channel = endpoint
            .connect_with_connector(connector)
            .await
            .expect("a channel");
        let (secrets, admin) = (
            SecretsClient::new(channel.clone()),
            AdminClient::new(channel.clone()),
        );
        Self {
            channel,
            secrets,
            admin,
            wire,
        }
    }

    /// The daemon's key of this boot.
    ///
    /// # Panics
    /// Where the daemon does not say hello.
    pub async fn daemon_key(&mut self) -> Vec<u8> {
        let hello = HelloRequest {
            protocol: PROTOCOL,
            oldest_protocol: PROTOCOL,
            client: "vault-tests".to_owned(),
        };
        self.secrets
            .hello(hello)
            .await
            .expect("hello")
            .into_inner()
            .public_key
    }

    /// A request that stores `value` as `reference`.
    ///
    /// # Panics
    /// Where the daemon does not say hello.
    pub async fn put_request(&mut self, reference: &str, value: &[u8]) -> PutRequest {
        let key = self.daemon_key().await;
        let request_id = request_id();
        let mut sealer = Sealer::new(Purpose::Put, &key, &request_id).expect("a sealer");
        let label = Label {
            reference,
            ..Label::default()
        };
        let ciphertext = sealer
            .seal(label, &mut value.to_vec())
            .expect("a sealed value");
        PutRequest {
            reference: reference.to_owned(),
            request_id,
            encapsulated_key: sealer.encapsulated_key().to_vec(),
            ciphertext,
            ..PutRequest::default()
        }
    }
}

/// The caller's half of a sealed conversation.
#[derive(Debug)]
pub struct Envelope {
    key: OpeningKey,
    /// For the request.
    pub public_key: Vec<u8>,
    /// For the request.
    pub request_id: Vec<u8>,
}

impl Default for Envelope {
    fn default() -> Self {
        let (key, public_key) = OpeningKey::generate();
        Self {
            key,
            public_key: public_key.to_vec(),
            request_id: request_id(),
        }
    }
}

impl Envelope {
    /// The values of a reply to Launch.
    ///
    /// # Panics
    /// Where one does not open.
    pub fn open(&self, reply: &LaunchReply) -> Vec<Vec<u8>> {
        self.open_values(
            Purpose::Launch,
            reply.secrets.as_ref().expect("sealed values"),
        )
    }

    /// Sealed values.
    ///
    /// # Panics
    /// Where one does not open.
    pub fn open_values(&self, purpose: Purpose, sealed: &SealedValues) -> Vec<Vec<u8>> {
        let opener = Opener::new(
            purpose,
            &self.key,
            &sealed.encapsulated_key,
            &self.request_id,
        );
        let mut opener = opener.expect("an opener");
        let mut open = |value: &vault_proto::generated::SealedValue| {
            let provenance = value.provenance.clone().unwrap_or_default();
            let delivery = Delivery::into_variable(&value.variable);
            let label = Label {
                delivery: &delivery,
                reference: &value.reference,
                version: &provenance.version,
                state: provenance.state,
            };
            let mut room = vec![0; value.ciphertext.len() - vault_proto::sealed::TAG_BYTES];
            opener
                .open_into(label, &value.ciphertext, &mut room)
                .expect("a value that opens");
            room
        };
        sealed.values.iter().map(&mut open).collect()
    }
}

/// The stable word of a refusal.
pub fn kind_of(status: &tonic::Status) -> &str {
    let word = status.metadata().get(kinds::HEADER);
    word.and_then(|word| word.to_str().ok()).unwrap_or_default()
}

/// Random bytes, as a request id needs them.
///
/// # Panics
/// Where the system has no randomness.
pub fn request_id() -> Vec<u8> {
    let mut id = vec![0; REQUEST_ID_BYTES];
    getrandom::fill(&mut id).expect("randomness");
    id
}

/// What went over one connection, both ways.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    sent: Arc<Mutex<Vec<u8>>>,
    received: Arc<Mutex<Vec<u8>>>,
    more_sent: Arc<Notify>,
}

impl Wire {
    /// Everything the socket took.
    pub fn sent(&self) -> Vec<u8> {
        self.sent.lock().expect("no holder panics").clone()
    }

    /// Everything the socket gave.
    pub fn received(&self) -> Vec<u8> {
        self.received.lock().expect("no holder panics").clone()
    }

    /// Waits until the socket has taken these bytes.
    pub async fn until_sent(&self, bytes: &[u8]) {
        loop {
            let more = self.more_sent.notified();
            if self
                .sent()
                .windows(bytes.len())
                .any(|window| window == bytes)
            {
                return;
            }
            more.await;
        }
    }
}

struct Tapped {
    stream: UnixStream,
    wire: Wire,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let fresh = &buffer.filled()[before..];
        self.wire
            .received
            .lock()
            .expect("no holder panics")
            .extend_from_slice(fresh);
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(taken)) = polled {
            self.wire
                .sent
                .lock()
                .expect("no holder panics")
                .extend_from_slice(&bytes[..taken]);
            self.wire.more_sent.notify_one();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
