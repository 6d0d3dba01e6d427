//! A fake of Oracle's cloud, on ports of this machine.
//!
//! It stands in for Secret Retrieval, Vaults management, the auth service, the instance metadata
//! service, key management and the workload identity of a Kubernetes cluster, all on every one of its
//! ports, HTTPS and HTTP, told apart by their paths. Every signature is verified; what cannot be known
//! of the real service is marked "guessed". It runs in a thread of its own, so that tests with and
//! without a runtime of theirs can use it, and ends when it is dropped.

mod answer;
mod authorization;
mod call;
mod clock;
mod control;
mod credentials;
mod cut;
mod fake;
mod fault_words;
mod faults;
mod federation;
mod fixture;
mod instance;
mod journal;
mod keys;
mod management;
mod metadata;
mod naming;
mod paging;
mod permission;
mod refusal;
mod reply;
mod resource;
mod retrieval;
mod route;
mod secrets;
mod server;
mod service;
mod signature;
mod spoil;
mod tls;
mod token;
mod updates;
mod vaults;
mod versions;
mod workload;
mod world;

pub use clock::Clock;
pub use control::{help, run};
pub use credentials::{Credentials, write_credentials};
pub use fake::FakeOci;
pub use faults::{Fault, Faults, NotAuthenticated, Times};
pub use fixture::{private_key_pem, public_key_pem, tenancy, user, vectors};
pub use instance::Instance;
pub use journal::{Journal, Seen};
pub use keys::Keys;
pub use naming::{COMPARTMENT, ENCRYPTION_KEY, REGION, VAULT, api_key_id};
pub use paging::Paging;
pub use resource::Resources;
pub use route::Route;
pub use secrets::{Secret, Secrets, State, Version};
pub use tls::Certificate;
pub use vaults::{EncryptionKey, Vault, Vaults};
pub use workload::Cluster;
pub use world::World;
