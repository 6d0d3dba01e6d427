//! Does the daemon's reader of OCI Vault get the values that the fake has, and nothing else a value?
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
