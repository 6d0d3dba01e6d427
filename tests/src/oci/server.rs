//! How do calls come in?

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
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
use super::tls::{Authority, Certificate};
use super::world::World;

/// Where a Kubernetes cluster gives its pods tokens; no variable says another.
const WORKLOAD_PORT: u16 = 12250;

/// Listening ports, and the thread that answers on them.
pub(super) struct Server {
    /// By certificate.
    pub(super) https_ports: [(Certificate, u16); 4],
    pub(super) http_port: u16,
    /// The address at which [`WORKLOAD_PORT`] answers.
    pub(super) cluster: Ipv4Addr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(authority: &Authority, world: Arc<Mutex<World>>) -> Self {
        let (cluster, listener) = cluster();
        let good = authority.acceptor(Certificate::Good, cluster);
        let mut doors = vec![(listener, Some(good))];
        let (listener, http_port) = listen();
        doors.push((listener, None));
        let https_ports = Certificate::ALL.map(|shown| {
            let (listener, port) = listen();
            doors.push((listener, Some(authority.acceptor(shown, cluster))));
            (shown, port)
        });
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            run(&runtime.expect("a runtime"), doors, &world, stopped);
        };
        let thread = std::thread::Builder::new()
            .name("fake-oci".to_owned())
            .spawn(run);
        Self {
            https_ports,
            http_port,
            cluster,
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

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// The port is always the same, so each fake has an address of its own in 127.0.0.0/8.
fn cluster() -> (Ipv4Addr, TcpListener) {
    let mut attempts = (0..100).filter_map(|_| {
        let mut bytes = [0; 3];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let address = Ipv4Addr::new(127, bytes[0] | 1, bytes[1], bytes[2]);
        let listener = TcpListener::bind((address, WORKLOAD_PORT)).ok()?;
        Some((address, listener))
    });
    attempts.next().expect("an address of this machine")
}

/// A port to listen on, and how TLS is spoken there, if it is.
type Door = (TcpListener, Option<TlsAcceptor>);

/// Until `stopped` is dropped. Connections end with the runtime.
fn run(
    runtime: &Runtime,
    doors: Vec<Door>,
    world: &Arc<Mutex<World>>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        for (listener, tls) in doors {
            listener.set_nonblocking(true).expect("it can be polled");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let world = Arc::clone(world);
            tokio::spawn(async move {
                loop {
                    if let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(greet(tls.clone(), stream, Arc::clone(&world)));
                    }
                }
            });
        }
        // Its sender sends nothing: it is dropped.
        let _ = stopped.await;
    });
}

async fn greet(tls: Option<TlsAcceptor>, stream: TcpStream, world: Arc<Mutex<World>>) {
    let hangs_up = world
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .hangs_up;
    if hangs_up {
        return;
    }
    let Some(tls) = tls else {
        return converse(Stream::Plain(stream), world).await;
    };
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
    let (reply, disturbance) = serve(world, call).await;
    scissors.set(disturbance);
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
