//! What is a running fake?

use std::sync::{Arc, Mutex, PoisonError};

use super::faults::{Fault, Times};
use super::route::Route;
use super::server::Server;
use super::tls;
use super::world::World;

/// A running fake.
pub struct FakeOci {
    world: Arc<Mutex<World>>,
    server: Server,
    ca_pem: String,
}

impl FakeOci {
    /// Starts one on two free ports. The user of the golden vectors has an API key there.
    ///
    /// # Panics
    /// Where this machine gives no ports or threads: there is nothing to test then.
    pub fn start() -> Self {
        let world = Arc::new(Mutex::new(World::new()));
        let (tls, ca_pem) = tls::acceptor();
        let server = Server::start(tls, Arc::clone(&world));
        Self {
            world,
            server,
            ca_pem,
        }
    }

    /// `https://localhost:PORT`, for everything.
    pub fn https_url(&self) -> String {
        format!("https://localhost:{}", self.server.https_port)
    }

    /// `http://127.0.0.1:PORT`, for everything as well; the metadata service has no TLS.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.http_port)
    }

    /// The certificate authority that vouches for the HTTPS port.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Looks at the fake's state or changes it. Calls wait meanwhile, so none must be made in `f`.
    pub fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        // A test that failed in here must not hide its reason behind the next one's.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut world)
    }

    /// How often a route was called, whatever became of it.
    pub fn calls(&self, route: Route) -> usize {
        self.with(|world| world.journal.calls(route))
    }

    /// Stores a value under a name in [`VAULT`](super::VAULT), as a new version where there is one, and returns
    /// the secret's id.
    pub fn put(&self, name: &str, value: impl AsRef<[u8]>) -> String {
        self.with(|world| {
            let now = world.clock.now();
            world.secrets.put(name, value.as_ref(), now)
        })
    }

    /// The next calls of a route fail in this way.
    pub fn fail(&self, route: Route, fault: Fault, times: Times) {
        self.with(|world| world.faults.plan(route, fault, times));
    }

    /// No planned fault is left.
    pub fn heal(&self) {
        self.with(|world| world.faults.clear());
    }
}
