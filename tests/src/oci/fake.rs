//! A running fake.

use std::sync::{Arc, Mutex, PoisonError};

use super::faults::{Fault, Times};
use super::resource::Resources;
use super::route::Route;
use super::server::Server;
use super::tls::{Authority, Certificate};
use super::world::World;

/// A running fake.
pub struct FakeOci {
    world: Arc<Mutex<World>>,
    server: Server,
    ca_pem: String,
}

impl FakeOci {
    /// Starts one on free ports. The user of the golden vectors has an API key there.
    ///
    /// # Panics
    /// Where this machine gives no ports or threads: there is nothing to test then.
    pub fn start() -> Self {
        let world = Arc::new(Mutex::new(World::new()));
        let authority = Authority::new();
        let server = Server::start(&authority, Arc::clone(&world));
        let fake = Self {
            world,
            server,
            ca_pem: authority.pem,
        };
        let origin = fake.https_url();
        fake.with(|world| world.origin = origin);
        fake
    }

    /// `https://localhost:PORT`, for everything.
    pub fn https_url(&self) -> String {
        self.https_url_showing(Certificate::Good)
    }

    /// The same on a port that shows this certificate.
    ///
    /// # Panics
    /// Never: there is a port for each.
    pub fn https_url_showing(&self, certificate: Certificate) -> String {
        let mut ports = self.server.https_ports.iter();
        let port = ports.find(|(shown, _)| *shown == certificate);
        let (_, port) = port.expect("a port for each certificate");
        format!("https://localhost:{port}")
    }

    /// What `KUBERNETES_SERVICE_HOST` is in a pod: an address with the port that has no setting.
    pub fn cluster_host(&self) -> String {
        self.server.cluster.to_string()
    }

    /// Where a resource inside of others asks for the principal of a level; the leaf has level 0.
    pub fn parent_url(&self, level: usize) -> String {
        Resources::parent_url(&self.https_url(), level)
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

    /// Ends all connections and listens no more: whoever calls is refused.
    pub fn go_away(&self) {
        self.server.close();
    }

    /// Listens again, on the same ports, with whatever has changed meanwhile.
    ///
    /// # Panics
    /// Where this machine gives no threads.
    pub fn come_back(&self) {
        self.server.open();
    }

    /// No planned fault is left.
    pub fn heal(&self) {
        self.with(|world| world.faults.clear());
    }
}
