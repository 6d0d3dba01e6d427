//! The fake's listeners.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
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

/// The ports of a fake, and the thread that answers on them while there is one.
pub(super) struct Server {
    /// By certificate.
    pub(super) https_ports: [(Certificate, u16); 4],
    pub(super) http_port: u16,
    /// The address at which [`WORKLOAD_PORT`] answers.
    pub(super) cluster: Ipv4Addr,
    doors: Arc<[Door]>,
    world: Arc<Mutex<World>>,
    open: Mutex<Option<Open>>,
}

/// A port, and how TLS is spoken there, if it is.
struct Door {
    /// Bound, and never listened on: while nobody else listens, callers are refused, and no other
    /// process is given the port.
    kept: TcpSocket,
    tls: Option<TlsAcceptor>,
}

/// The thread that answers.
struct Open {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(authority: &Authority, world: Arc<Mutex<World>>) -> Self {
        let (cluster, kept) = cluster();
        let door = |kept, shown| Door {
            kept,
            tls: Some(authority.acceptor(shown, cluster)),
        };
        let mut doors = vec![door(kept, Certificate::Good)];
        let (kept, http_port) = free_port();
        doors.push(Door { kept, tls: None });
        let https_ports = Certificate::ALL.map(|shown| {
            let (kept, port) = free_port();
            doors.push(door(kept, shown));
            (shown, port)
        });
        let server = Self {
            https_ports,
            http_port,
            cluster,
            doors: doors.into(),
            world,
            open: Mutex::default(),
        };
        server.open();
        server
    }

    /// Listens on all ports, where it does not.
    pub(super) fn open(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return;
        }
        // Here, not in the thread: whoever calls next finds them open.
        let listeners = self.doors.iter().map(Door::listen);
        let doors: Vec<_> = listeners
            .zip(self.doors.iter().map(|door| door.tls.clone()))
            .collect();
        let (stop, stopped) = oneshot::channel();
        let world = Arc::clone(&self.world);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            run(&runtime.expect("a runtime"), doors, &world, stopped);
        };
        let thread = std::thread::Builder::new().name("fake-oci".to_owned());
        let thread = thread.spawn(run).expect("a thread");
        *open = Some(Open { stop, thread });
    }

    /// Ends all connections and listens no more; whoever calls is refused.
    pub(super) fn close(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Open { stop, thread }) = open.take() {
            drop(stop);
            // A panic in there has been printed.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

impl Door {
    /// # Panics
    /// Where the port is not to be had, which is kept for this.
    fn listen(&self) -> TcpListener {
        let address = self.kept.local_addr().expect("an address");
        // The standard library lets an address be bound that is bound, and not listened on.
        TcpListener::bind(address).expect("the port is kept")
    }
}

fn free_port() -> (TcpSocket, u16) {
    let kept = keep((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let port = kept.local_addr().expect("an address").port();
    (kept, port)
}

fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let kept = TcpSocket::new_v4()?;
    kept.set_reuseaddr(true)?;
    kept.bind(address)?;
    Ok(kept)
}

/// The port is always the same, so each fake has an address of its own in 127.0.0.0/8.
fn cluster() -> (Ipv4Addr, TcpSocket) {
    let mut attempts = (0..100).filter_map(|_| {
        let mut bytes = [0; 3];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let address = Ipv4Addr::new(127, bytes[0] | 1, bytes[1], bytes[2]);
        let kept = keep((address, WORKLOAD_PORT).into()).ok()?;
        Some((address, kept))
    });
    attempts.next().expect("an address of this machine")
}

/// Until `stopped` is dropped. Connections and listeners end with the runtime.
fn run(
    runtime: &Runtime,
    doors: Vec<(TcpListener, Option<TlsAcceptor>)>,
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
