//! The daemon's reader of OCI Vault before the fake.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod credentials;
mod faults;
mod identities;
mod naming;
mod reader;
mod wire;
