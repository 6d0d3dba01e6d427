//! How do calls come in?

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::call::Call;
use super::cut::{Scissors, Stream, Wire};
use super::reply::Reply;
use super::service::serve;
use super::world::World;

/// Two listening ports, and the thread that answers on them.
pub(super) struct Server {
    pub(super) https_port: u16,
    pub(super) http_port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(tls: TlsAcceptor, world: Arc<Mutex<World>>) -> Self {
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.set_nonblocking(true).expect("it can be polled");
            let port = listener.local_addr().expect("an address").port();
            (listener, port)
        };
        let ((https, https_port), (http, http_port)) = (listen(), listen());
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            run(
                &runtime.expect("a runtime"),
                (https, http),
                tls,
                world,
                stopped,
            );
        };
        let thread = std::thread::Builder::new()
            .name("fake-oci".to_owned())
            .spawn(run);
        Self {
            https_port,
            http_port,
            stop: Some(stop),
            thread: Some(thread.expect("a thread")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed.
            let _ = thread.join();
        }
    }
}

/// Until `stopped` is dropped. Connections end with the runtime.
fn run(
    runtime: &Runtime,
    (https, http): (TcpListener, TcpListener),
    tls: TlsAcceptor,
    world: Arc<Mutex<World>>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let https = tokio::net::TcpListener::from_std(https).expect("a listener");
        let http = tokio::net::TcpListener::from_std(http).expect("a listener");
        let encrypted = async {
            loop {
                if let Ok((stream, _)) = https.accept().await {
                    tokio::spawn(greet(tls.clone(), stream, Arc::clone(&world)));
                }
            }
        };
        let plain = async {
            loop {
                if let Ok((stream, _)) = http.accept().await {
                    tokio::spawn(converse(Stream::Plain(stream), Arc::clone(&world)));
                }
            }
        };
        tokio::select! {
            () = encrypted => {}
            () = plain => {}
            _ = stopped => {}
        }
    });
}

async fn greet(tls: TlsAcceptor, stream: TcpStream, world: Arc<Mutex<World>>) {
    // A client that does not believe us leaves.
    if let Ok(stream) = tls.accept(stream).await {
        converse(Stream::Tls(Box::new(stream)), world).await;
    }
}

async fn converse(stream: Stream, world: Arc<Mutex<World>>) {
    let scissors = Scissors::default();
    let wire = Wire::new(stream, scissors.clone());
    let service = service_fn(|request| {
        let (world, scissors) = (Arc::clone(&world), scissors.clone());
        async move { Ok::<_, Infallible>(respond(request, world, &scissors).await) }
    });
    // Ends in an error when it is cut, or when the client leaves.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(wire), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    world: Arc<Mutex<World>>,
    scissors: &Scissors,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::default();
    };
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let call = Call {
        method: head.method,
        target: target.to_owned(),
        headers: head.headers,
        body: body.to_bytes().to_vec(),
    };
    let (reply, cut) = serve(world, call).await;
    scissors.set(cut);
    response(reply)
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        let value = value.parse().expect("a header's value");
        response.headers_mut().insert(name, value);
    }
    response
}
